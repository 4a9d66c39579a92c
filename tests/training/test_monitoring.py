"""New data like those of training are let pass; each kind of change is found, by the name of what has changed."""

import json
from pathlib import Path

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from helpers.runs import list_sales
from seqconv.errors import BundleError
from seqconv.tasks.drift import compare_rate
from seqconv.tasks.profiles import Rate, Sample, Variable

pytestmark = pytest.mark.usefixtures("quick")

GOLDEN = Path(__file__).parents[1] / "golden"


def make_texts(count: int, seed: int, words=("good", "bad", "film", "plot", "the", "a"), length=6) -> polars.DataFrame:
    random = np.random.default_rng(seed)
    drawn = random.choice(words, (count, length))
    likes = (drawn == words[0]).sum(axis=1) > (drawn == words[1]).sum(axis=1)
    price = random.normal(10, 2, count).round(2)
    shop = random.choice(["north", "south"], count)
    return polars.DataFrame(
        {"body": [" ".join(row) for row in drawn], "price": price, "shop": shop, "label": np.where(likes, "yes", "no")}
    )


def make_series(count: int, seed: int, first: int = 0, level: float = 0.0) -> polars.DataFrame:
    random = np.random.default_rng(seed)
    hours = first + np.arange(count)
    times = np.datetime64("2024-01-01T00:00:00") + hours * np.timedelta64(3600, "s")
    load = level + np.sin(hours * 2 * np.pi / 24) + random.normal(0, 0.2, count)
    return polars.DataFrame(
        {"time": times.astype("datetime64[ms]"), "load": load.round(4), "wind": random.normal(5, 1, count).round(4)}
    )


def write_waves(path: Path, count: int, seed: int, level: float = 0.0, steps: int = 20) -> Path:
    random = np.random.default_rng(seed)
    rows = [
        ",".join(f"{value:.4f}" for value in level + np.sin(np.arange(steps) * (label + 1) / 3) + each) + f":{label}"
        for label, each in zip([0, 1] * (count // 2), random.normal(0, 0.3, (count, steps)), strict=True)
    ]
    path.write_text("\n".join(["@univariate true", "@classLabel true 0 1", "@data", *rows]))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("monitor")
    make_texts(600, 0).write_csv(folder / "texts.csv")
    make_series(1500, 0).write_csv(folder / "series.csv")
    write_waves(folder / "waves_TRAIN.ts", 80, 0)
    (folder / "sales.csv").write_text("\n".join(["shop,region,month,promo,sales", *list_sales(shops=6)]) + "\n")
    short = ("--set", "training.epochs=3", "--no-baselines", "--quiet")
    columns = ("--text", "body", "--label", "label", "--columns", "price,shop")
    seqconv_command("train", "texts.csv", *columns, *short, "--out", "texts", cwd=folder)
    seqconv_command("train", "series.csv", "--target", "load", "--lead", "1h", *short, "--out", "series", cwd=folder)
    seqconv_command("train", "waves_TRAIN.ts", *short, "--out", "waves", cwd=folder)
    named = (
        "--id",
        "shop",
        "--time",
        "month",
        "--target",
        "sales",
        "--known",
        "promo",
        "--static",
        "region",
        "--horizon",
        "6",
    )
    seqconv_command("train", "sales.csv", *named, "--model", "naive", "--quiet", "--out", "sales", cwd=folder)
    return folder


def states(found) -> dict[str, str]:
    return {each.name: each.state for each in found.variables}


def watch(folder: Path, model: str, frame: polars.DataFrame, name: str = "new.csv"):
    frame.write_csv(folder / name)
    return seqconv.monitor(folder / model, folder / name)


def test_texts_like_those_of_training_are_let_pass(folder):
    found = watch(folder, "texts", make_texts(300, 1))
    assert not found.drifted, found.verdict
    assert set(states(found)) == {
        *("words in a text", "unknown words", "word", "price", "shop"),
        *("label", "prediction", "confidence"),
    }
    assert "drifted" not in states(found).values()
    assert {each.name for each in found.rates} == {"error_rate", "overconfidence"}
    assert found.verdict.startswith("No drift")
    assert found.n == 300


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        (make_texts(300, 1, words=("good", "bad", "phone", "screen", "the", "a")), {"word", "unknown words"}),
        (make_texts(300, 1, length=20), {"words in a text"}),
        (make_texts(300, 1).with_columns(polars.col("price") + 5), {"price"}),
        (make_texts(300, 1).with_columns(shop=polars.lit("west")), {"shop"}),
        (
            make_texts(300, 1).with_columns(
                price=polars.when(polars.int_range(300) % 3 == 0).then(None).otherwise(polars.col("price"))
            ),
            {"price"},
        ),
    ],
)
def test_what_has_changed_in_texts_is_named(folder, frame, names):
    found = watch(folder, "texts", frame)
    drifted = {name for name, state in states(found).items() if state == "drifted"}
    assert found.drifted
    assert names <= drifted
    untouched = {"price", "shop"} - names
    assert not untouched & drifted
    assert all(name in found.verdict for name in list(names)[:1] if len(drifted) <= 3)


def test_a_third_of_missing_values_is_their_bin(folder):
    frame = make_texts(300, 1).with_columns(
        price=polars.when(polars.int_range(300) % 3 == 0).then(None).otherwise(polars.col("price"))
    )
    price = next(each for each in watch(folder, "texts", frame).variables if each.name == "price")
    assert price.bins[-1].name == "missing"
    assert (price.bins[-1].before, price.bins[-1].now) == (0.0, pytest.approx(1 / 3))
    assert price.before == pytest.approx(10, abs=0.3)


def test_worse_answers_are_found_where_there_are_labels(folder):
    frame = make_texts(300, 1)
    flipped = frame.with_columns(label=polars.Series(np.where(frame["label"] == "yes", "no", "yes")))
    found = watch(folder, "texts", flipped)
    assert found.drifted
    assert {each.name: each.state for each in found.rates}["error_rate"] == "drifted"
    assert "error rate" in found.verdict
    assert "drifted" not in {each.state for each in found.variables if each.of != "labels"}
    unlabelled = watch(folder, "texts", frame.drop("label"))
    assert not unlabelled.rates
    assert any("errors not compared" in note for note in unlabelled.notes)
    assert not unlabelled.drifted


def test_other_labels_and_new_ones_are_named(folder):
    frame = make_texts(300, 1)
    only = watch(folder, "texts", frame.filter(polars.col("label") == "yes"))
    assert states(only)["label"] == "drifted"
    label = next(each for each in only.variables if each.of == "labels")
    assert {each.name: each.now for each in label.bins}["yes"] == 1.0
    assert "label" not in states(watch(folder, "texts", frame.drop("label")))
    waves = seqconv.monitor(folder / "waves", write_waves(folder / "more.ts", 60, 1))
    assert states(waves)["label"] == "same"
    new = watch(folder, "texts", frame.with_columns(label=polars.col("label").replace("no", "perhaps")))
    label = next(each for each in new.variables if each.of == "labels")
    counted = {each.name: each.now for each in label.bins}
    assert counted["other"] == pytest.approx((frame["label"] == "no").mean())
    assert label.state == "drifted"
    assert any("errors not compared" in note and "'perhaps'" in note for note in new.notes)


@pytest.mark.parametrize(
    ("model", "file"), [("texts", "texts.csv"), ("waves", "waves_TRAIN.ts"), ("series", "series.csv")]
)
def test_a_file_is_read_and_answered_once(folder, monkeypatch, model, file):
    from seqconv.models.predictor import Predictor
    from seqconv.tasks.kinds import TASKS

    calls = []
    bundle = seqconv.load(folder / model).bundle
    task = TASKS[bundle.recipe.task]
    predict = type(Predictor(bundle).model).predict
    monkeypatch.setattr(
        type(Predictor(bundle).model), "predict", lambda *args: calls.append("predict") or predict(*args)
    )
    for name in ("load", "read_whole"):
        own = getattr(task, name)
        monkeypatch.setitem(vars(task), name, lambda *args, own=own, name=name: calls.append(name) or own(*args))
    assert seqconv.monitor(folder / model, folder / file).rates
    assert calls == ["load", "predict"]


def test_a_series_that_goes_on_passes_and_one_on_another_level_does_not(folder):
    assert not watch(folder, "series", make_series(500, 1, first=1500)).drifted
    found = watch(folder, "series", make_series(500, 1, first=1500, level=3))
    drifted = {name for name, state in states(found).items() if state == "drifted"}
    assert "load" in drifted
    assert "wind" not in drifted
    rough = make_series(500, 1, first=1500).with_columns(
        load=polars.Series(np.random.default_rng(2).normal(0, 1.5, 500).round(4))
    )
    worse = {each.name for each in watch(folder, "series", rough).rates if each.state == "drifted"}
    assert worse == {"mae", "outside the intervals"}


def test_a_short_stretch_of_a_series_may_differ_as_stretches_of_training_do(folder):
    """Four hours of a daily wave are no drift; that a PSI is large for so few rows is chance."""
    night = make_series(100, 2, first=1500)
    found = watch(folder, "series", night)
    load = next(each for each in found.variables if each.name == "load")
    assert load.state == "same"
    assert load.chance > 0
    tail = seqconv.load(folder / "series").bundle.profile.variables[0]
    assert tail.chance[0] > tail.chance[-1]


def test_a_channel_of_sequences_is_watched(folder):
    assert not seqconv.monitor(folder / "waves", write_waves(folder / "like.ts", 60, 1)).drifted
    found = seqconv.monitor(folder / "waves", write_waves(folder / "off.ts", 60, 1, level=2))
    assert "drifted" in {state for name, state in states(found).items() if name != "steps in a sequence"}
    longer = seqconv.monitor(folder / "waves", write_waves(folder / "long.ts", 60, 1, steps=40))
    assert states(longer)["steps in a sequence"] == "drifted"


def test_new_shops_and_a_promotion_everywhere_are_named(folder):
    lines = [line.split(",") for line in list_sales(shops=6)]
    names = ["shop", "region", "month", "promo", "sales"]
    frame = polars.DataFrame(lines, schema=names, orient="row")
    found = watch(folder, "sales", frame)
    assert "drifted" not in states(found).values(), found.verdict
    renamed = watch(folder, "sales", frame.with_columns(polars.lit("new ").add(polars.col("shop")).alias("shop")))
    assert states(renamed)["shop"] == "drifted"


def test_the_command_says_so_with_its_exit_code_and_writes_a_page(folder):
    make_texts(300, 1).write_csv(folder / "like.csv")
    make_texts(300, 1).with_columns(shop=polars.lit("west & east")).write_csv(folder / "other.csv")
    done = seqconv_command("monitor", "texts", "like.csv", cwd=folder)
    assert "No drift" in done.stdout
    done = seqconv_command("monitor", "texts", "other.csv", "--json", "-o", "page.html", cwd=folder, code=1)
    said = json.loads(done.stdout)
    assert said["drifted"] is True
    assert said["variables"][0]["name"] == "shop"
    page = (folder / "page.html").read_text("utf-8")
    assert "Drift: 1 of" in page
    assert "shop: drifted" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert seqconv_command("monitor", "texts", "absent.csv", cwd=folder, code=2).stderr.count("\n") == 1


def test_a_model_of_an_earlier_version_says_what_it_lacks(tmp_path):
    with pytest.raises(BundleError, match="must know what its training data were like"):
        seqconv.monitor(GOLDEN / "series", tmp_path / "any.csv")


def test_a_profile_is_read_back_as_it_was_written_and_survives_shrinking(folder):
    written = seqconv.load(folder / "texts").bundle.profile
    table = json.loads((folder / "texts" / "model" / "bundle.json").read_text("utf-8"))["profile"]
    assert written.to_dict() == table
    assert next(sum(each.counts) for each in written.variables if each.name == "words in a text") > 300


def test_numbers_have_bins_of_equally_many_values_and_categories_those_that_are_frequent():
    values = np.arange(1000.0)
    variable = Variable.fit(Sample("x", values))
    assert variable.counts == [0] + [100] * 10 + [0, 0]
    few = Variable.fit(Sample("x", np.array([1.0, 2, 2, np.nan])))
    assert few.edges[1:] == [1.5, 2.0]
    assert few.counts == [0, 1, 2, 0, 1]
    named = Variable.fit(Sample.of_names("c", ["a", "b", "b", None, "a", "b", "Ann"]))
    assert named.levels == ["b", "a"]  # what occurs once is not kept
    assert named.counts == [3, 2, 1, 1]
    assert named.count(Sample.of_names("c", ["z", "a", None, "y"])).tolist() == [0, 1, 2, 1]
    beyond = variable.count(Sample("x", np.array([-np.inf, np.inf, np.nan])))
    assert beyond[[0, 11, 12]].tolist() == [1, 1, 1]


def test_a_rate_must_be_worse_by_more_than_chance_and_by_enough():
    before = Rate(name="error_rate", mean=0.2, error=0.01, n=1600)
    assert compare_rate(before, Rate(name="error_rate", mean=0.3, error=0.01, n=1600)).state == "drifted"
    assert compare_rate(before, Rate(name="error_rate", mean=0.3, error=0.05, n=64)).state == "same"
    assert compare_rate(before, Rate(name="error_rate", mean=0.215, error=0.0001, n=10**6)).state == "same"
    assert compare_rate(before, Rate(name="error_rate", mean=0.1, error=0.001, n=1600)).state == "same"
    assert compare_rate(before, Rate(name="error_rate", mean=0.9, error=float("nan"), n=1)).state == "same"
