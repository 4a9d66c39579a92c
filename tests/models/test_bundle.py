"""The model on disk: written whole or not at all, and refused in one line when it is not what was written."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from seqconv.errors import BundleError, ConfigError
from seqconv.models.folders import check_replaceable
from seqconv.models.format import read_bundle, write_bundle
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import initial_weights
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.classes import Classes
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.windows import WindowSpec
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import Vocabulary


def text_bundle() -> Bundle:
    recipe = read_recipe("demo-text")
    vocabulary = Vocabulary.fit(["good bad film naïve 映画"], 8)
    plan = build_plan(recipe.network.layers, (60,), 8)
    return Bundle(
        recipe, plan, initial_weights(plan, 0), (60,), TextFeatures(Classes(("neg", "pos")), vocabulary, 60), "ab" * 32
    )


def series_bundle() -> Bundle:
    recipe = read_recipe("demo-series", ("training.model=network",))
    plan = build_plan(recipe.network.layers, (120, 2))
    scaler = Scaler(np.array([1.25, 1 / 3]), np.array([2.5, 1e-3]))
    features = SeriesFeatures(
        ("temperature (degC)", "p"), ("temperature (degC)",), scaler, WindowSpec(120, 1, (11,), 3600)
    )
    return Bundle(recipe, plan, initial_weights(plan, 0), (120, 2), features, "cd" * 32)


@pytest.mark.parametrize("make", [text_bundle, series_bundle])
def test_what_is_written_is_read_back(tmp_path, make):
    bundle = make()
    write_bundle(bundle, tmp_path / "model")
    read = read_bundle(tmp_path / "model")
    assert (read.recipe, read.plan, read.shape, read.fingerprint) == (
        bundle.recipe,
        bundle.plan,
        bundle.shape,
        bundle.fingerprint,
    )
    for name, array in bundle.weights.items():
        np.testing.assert_array_equal(read.weights[name], array)
    if isinstance(bundle.features, TextFeatures):
        assert read.features == bundle.features
    else:
        assert read.features.spec == bundle.features.spec
        np.testing.assert_array_equal(read.features.scaler.mean, bundle.features.scaler.mean)


def test_a_run_folder_stands_for_its_model(tmp_path):
    write_bundle(text_bundle(), tmp_path / "run" / "model")
    assert read_bundle(tmp_path / "run").plan == text_bundle().plan


def rewrite(folder: Path, **changes: object) -> None:
    header = json.loads((folder / "bundle.json").read_text()) | changes
    (folder / "bundle.json").write_text(json.dumps(header))


def break_weights(folder: Path, change) -> None:
    """Change the stored tensors and keep the checksum right, so that only their content is wrong."""
    import hashlib

    weights = load_file(folder / "weights.safetensors")
    change(weights)
    save_file(weights, folder / "weights.safetensors")
    files = json.loads((folder / "bundle.json").read_text())["files"]
    files["weights.safetensors"] = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    rewrite(folder, files=files)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: rewrite(f, format=5), "must be of format 1 to 4; got 5"),
        (
            lambda f: rewrite(f, format=2, layers=[{"layer": "channelwise", "layers": []}]),
            "channelwise layers of format 2 scaled their windows too. Train again",
        ),
        (lambda f: (f / "bundle.json").unlink(), "holds no bundle.json"),
        (lambda f: cut(f / "bundle.json"), "must be the JSON that seqconv writes"),
        (lambda f: cut(f / "weights.safetensors"), "missing or damaged"),
        (lambda f: (f / "vocabulary.txt").unlink(), "missing or damaged"),
        (lambda f: (f / "vocabulary.txt").write_text("other\n"), "missing or damaged"),
        (lambda f: rewrite(f, files={}), "must list weights.safetensors"),
        (lambda f: rewrite(f, files={"../../etc/passwd": "00"}), "only; got '../../etc/passwd'"),
        (lambda f: rewrite(f, layers=[{"layer": "lambda"}]), "unknown layer"),
        (lambda f: rewrite(f, recipe={"task": "text", "x": {}}), "unknown section"),
        (lambda f: rewrite(f, features={}), "must describe a whole model"),
        (lambda f: break_weights(f, lambda w: w.pop("1.bias")), "1.bias must be (32,); got nothing"),
        (lambda f: break_weights(f, lambda w: w.update(extra=np.zeros(3, np.float32))), "extra must be absent"),
        (
            lambda f: break_weights(f, lambda w: w.update({"1.bias": np.zeros(3, np.float32)})),
            "1.bias must be (32,); got (3,)",
        ),
        (
            lambda f: break_weights(f, lambda w: w.update({"1.bias": np.zeros(32)})),
            "must be float32 or float16; got float64",
        ),
    ],
)
def test_a_damaged_bundle_is_refused_in_one_line(tmp_path, damage, says):
    write_bundle(text_bundle(), tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(BundleError) as caught:
        read_bundle(tmp_path / "model")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_older_model_is_replaced_and_a_strangers_folder_is_not(tmp_path):
    write_bundle(text_bundle(), tmp_path / "model")
    write_bundle(series_bundle(), tmp_path / "model")
    assert read_bundle(tmp_path / "model").shape == (120, 2)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "letter.txt").write_text("dear")
    for target in (tmp_path / "theirs", tmp_path / "theirs" / "letter.txt"):
        with pytest.raises(ConfigError, match="was not written by seqconv"):
            write_bundle(text_bundle(), target)
    assert (tmp_path / "theirs" / "letter.txt").read_text() == "dear"
    check_replaceable(tmp_path / "new", "bundle.json")


def test_a_failure_while_writing_leaves_the_old_model(tmp_path, monkeypatch):
    write_bundle(text_bundle(), tmp_path / "model")
    monkeypatch.setattr("seqconv.models.format.describe_plan", lambda plan: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_bundle(series_bundle(), tmp_path / "model")
    assert read_bundle(tmp_path / "model").shape == (60,)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
