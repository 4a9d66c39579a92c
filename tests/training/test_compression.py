"""Smaller models: what is left out, that the copy answers as is said, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.models.format import read_bundle, write_bundle
from seqconv.networks.layers.kinds import Dense, Embed, GlobalMaxPool, NgramBag, TokenConv
from seqconv.networks.plan import initial_weights
from seqconv.training.compression import prune, shrink

pytestmark = pytest.mark.usefixtures("quick")

EPOCH = ("--set", "training.epochs=1", "--no-baselines", "--quiet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of a text model with filters and n-grams, of a series and of sequences."""
    folder = tmp_path_factory.mktemp("shrinking")
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(60)]
    rows = [
        f"{' '.join(random.choice(words, 9))} {'good' if label else 'bad'},{'yes' if label else 'no'}"
        for label in (0, 1) * 60
    ]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows, ""]))
    once = ("--set", "training.refit=false")  # else the model has seen the rows that `shrink` scores it on
    seqconv_command("train", str(folder / "texts.csv"), "--set", "training.epochs=4", *once, *EPOCH[2:], cwd=folder)
    short = ("--set", "training.steps_per_epoch=5")
    seqconv_command("train", "demo-series", *EPOCH, *short, cwd=folder)
    lines = [f"{label}\t" + "\t".join(f"{x:.3f}" for x in random.normal(label, 1, 12)) for label in (0, 1) * 20]
    (folder / "waves.tsv").write_text("\n".join([*lines, ""]))
    seqconv_command("train", str(folder / "waves.tsv"), *EPOCH, "--refit", cwd=folder)
    return folder / "runs"


def test_words_that_hardly_differ_from_the_unknown_one_go():
    plan = (TokenConv(8, 3, 2), GlobalMaxPool(), Dense(3, 1))
    weights = initial_weights(plan, 0)
    table = weights["0.table"]
    for row, far in zip(range(3, 8), (0.5, 4, 0, 3, 2), strict=True):
        table[row] = table[2]
        table[row, 1, 0] += far
    before = table.copy()
    found = prune(plan, weights, 0.5)["0.table"]  # two of the four that differ at all
    np.testing.assert_array_equal(found[[0, 1, 2, 4, 6]], before[[0, 1, 2, 4, 6]])
    np.testing.assert_array_equal(found[[3, 5, 7]], np.broadcast_to(before[2], (3, 2, 3)))
    np.testing.assert_array_equal(table, before)  # the weights given stay
    assert prune(plan, weights, 1.0) is weights


def test_n_grams_of_small_scaled_rows_go():
    plan = (NgramBag(4, 2, 2, 6),)
    table = np.array([[0, 0], [9, 0], [1, 1], [0, 2], [5, 5], [0, 0], [3, 4], [1, 0], [0, 0], [8, 8]], np.float32)
    scale = np.full((10, 2), 1, np.float32)
    scale[1] = 0.1  # large, but hardly counted: 0.9
    scale[9] = 0
    found = prune(plan, {"0.table": table, "0.scale": scale}, 0.5)  # of 1, 2, 3, 4, 6, 7
    assert np.flatnonzero(found["0.table"].any(axis=1)).tolist() == [3, 4, 6]
    assert np.flatnonzero(found["0.scale"].any(axis=1)).tolist() == [3, 4, 6]


def test_rows_of_one_size_go_from_the_rare_end():
    plan = (Embed(7, 2), GlobalMaxPool(), Dense(2, 1))
    weights = initial_weights(plan, 0) | {"0.embeddings": np.ones((7, 2), np.float32)}
    weights["0.embeddings"][2] = 0
    assert prune(plan, weights, 0.5)["0.embeddings"][:, 0].tolist() == [1, 1, 0, 1, 1, 0, 0]


def test_16_bits_are_half_and_answer_alike(runs, tmp_path):
    model = runs / "texts"
    result = shrink(model, tmp_path / "small", threads=1)
    sizes = [(folder / "weights.safetensors").stat().st_size for folder in (model / "model", tmp_path / "small")]
    assert 0.45 < sizes[1] / sizes[0] < 0.55
    assert result.bytes.before - result.bytes.after == pytest.approx(sizes[0] - sizes[1], abs=50)
    texts = ["w3 w9 good", "w5 bad", ""]
    np.testing.assert_allclose(
        seqconv.load(tmp_path / "small").predict(texts), seqconv.load(model).predict(texts), atol=2e-3
    )
    for name, array in read_bundle(model).weights.items():
        stored = array.astype(np.float16) if array.dtype == np.float32 else array
        np.testing.assert_array_equal(read_bundle(tmp_path / "small").weights[name], stored)


def test_what_is_said_of_the_copy_is_so(runs, tmp_path):
    model = runs / "texts"
    result = shrink(model, tmp_path / "small", keep=0.05, threads=1)
    metrics = json.loads((model / "metrics.json").read_text())
    known = {name: metrics["validation"][name] for name in ("loss", "accuracy", "n")}
    assert result.validation.before == pytest.approx(known)
    assert result.bytes.after == sum(path.stat().st_size for path in (tmp_path / "small").iterdir())
    assert result.bytes.after < 0.3 * result.bytes.before
    count = result.validation.before["n"]
    assert result.changed * count == pytest.approx(round(result.changed * count))
    difference = abs(result.validation.after["accuracy"] - result.validation.before["accuracy"])
    assert difference <= result.changed + 1e-9
    again = shrink(tmp_path / "small", tmp_path / "small", 16, threads=1, overwrite=True)  # in its own place
    assert again.changed == 0
    assert again.validation.before == result.validation.after
    scored = seqconv.evaluate(tmp_path / "small", threads=1)
    assert scored.scores.n == metrics["test"]["n"]


@pytest.mark.parametrize("name", ["demo-series", "waves"])
def test_models_without_tables_are_shrunk_too(runs, tmp_path, name):
    shown = seqconv_command("shrink", str(runs / name), "-o", str(tmp_path / "small"), cwd=runs.parent).stdout
    assert ("forecasts moved" if name == "demo-series" else "answers that changed") in shown
    assert f"model: {tmp_path / 'small'}" in shown
    assert ("It was trained on the validation rows too" in shown) == (name == "waves")  # few examples
    result = json.loads(
        seqconv_command(
            "shrink", str(tmp_path / "small"), "-o", str(tmp_path / "copy"), "--bits", "32", "--json", cwd=runs.parent
        ).stdout
    )
    assert result["validation"]["before"] == result["validation"]["after"]
    assert result.get("moved", result.get("changed")) == 0


def test_the_pruned_model_is_the_same_on_both_engines(runs, tmp_path):
    pytest.importorskip("torch")
    shrink(runs / "texts", tmp_path / "small", keep=0.3, threads=1)
    texts = ["w3 w9 good", "w5 bad w7 w8", ""]
    native, other = (seqconv.load(tmp_path / "small", engine=engine).predict(texts) for engine in ("native", "torch"))
    np.testing.assert_allclose(native, other, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("runs/texts", "--keep", "0"),
            "--keep must be a fraction above 0, at most 1; got 0",
        ),
        (
            ("runs/texts", "--keep", "1.5"),
            "--keep must be a fraction above 0, at most 1; got 1.5",
        ),
        (
            ("runs/texts", "--keep", "nan"),
            "--keep must be a fraction above 0, at most 1; got nan",
        ),
        (("runs/texts", "--bits", "8"), "--bits must be 16 or 32; got 8"),
        (("runs/demo-series", "--keep", "0.5"), "--keep 0.5 needs a table of words or n-grams"),
        (("nowhere",), "must be a run or model folder"),
        (("runs/texts", "-o", "texts.csv"), "was not written by seqconv"),
        (("moved",), "gone/texts.csv"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_left(runs, tmp_path, arguments, says):
    folder = runs.parent
    if arguments == ("moved",):  # its data are gone
        bundle = read_bundle(runs / "texts")
        data = dataclasses.replace(bundle.recipe.data, source="gone/texts.csv")
        write_bundle(
            dataclasses.replace(bundle, recipe=dataclasses.replace(bundle.recipe, data=data)), folder / "moved"
        )
    out = [] if "-o" in arguments else ["-o", str(tmp_path / "new")]
    done = seqconv_command("shrink", *arguments, *out, cwd=folder, code=2)
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_weight_too_large_for_16_bits_leaves_nothing_behind(runs, tmp_path):
    bundle = read_bundle(runs / "waves")
    name = next(iter(bundle.weights))
    bundle.weights[name].flat[0] = 1e6
    write_bundle(bundle, tmp_path / "large")
    done = seqconv_command("shrink", str(tmp_path / "large"), "-o", str(tmp_path / "new"), cwd=runs.parent, code=2)
    assert f"{name}: must be numbers of at most 65,504 to be stored in 16 bits" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["large"]
