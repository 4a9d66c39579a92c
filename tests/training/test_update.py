"""A model brought up to date: what it learns, what it keeps, and that rows held out stay held out."""

import json
from contextlib import chdir

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from helpers.runs import list_sales, write_data
from seqconv.models.format import read_bundle
from seqconv.models.predictor import load
from seqconv.models.results import read_results
from seqconv.recipes.sections import KINDS
from seqconv.reports.sentences import say_update
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.results import UpdateResults

pytestmark = pytest.mark.usefixtures("quick")

QUICK = ("--no-baselines", "--quiet")
COMMON = ["film", "plot", "scene", "the", "actor", "story"]


def write_texts(path, count, seed, marks, rare=()):
    """Texts with one word that tells the class, among words that do not; a share of `rare` words next to them."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        label, word = marks[number % len(marks)]
        words = [*random.choice([*COMMON, *rare], 6), word]
        rows.append(f"{' '.join(random.permutation(words))},{label}")
    path.write_text("\n".join(["text,label", *rows, ""]))


OLD, NEW = (("yes", "good"), ("no", "bad")), (("yes", "superb"), ("no", "bad"), ("animal", "zebra"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two classes, and newer texts with a word and a class that it does not know."""
    folder = tmp_path_factory.mktemp("update")
    write_texts(folder / "old.csv", 300, 0, OLD)
    write_texts(folder / "new.csv", 180, 1, NEW, ["camera"])
    for model in ("blend", "network", "words"):
        seqconv_command("train", "old.csv", "--model", model, *QUICK, "--out", model, cwd=folder)
    return folder


def update(folder, run, file, *flags, code=0):
    done = seqconv_command("update", run, file, "--json", "--no-baselines", *flags, cwd=folder, code=code)
    return done.stderr if code else json.loads(done.stdout)


def split_again(folder, bundle):
    """The examples of a model's own run."""
    task = TASKS[bundle.recipe.task]
    with chdir(folder):
        return task.split(task.load(bundle.recipe.data, None), bundle.recipe, 1, bundle.features)


def test_with_the_old_data_the_model_is_fitted_again_to_both(folder):
    found = update(folder, "blend", "new.csv", "--out", "both")["update"]
    assert found["refit"]
    assert found["classes"] == ["animal"]
    assert found["old"]["n"] == 60
    assert found["new"]["n"] == 36
    assert found["new"]["before"] < 0.7
    assert found["new"]["after"] > 0.95
    assert found["old"]["after"] > 0.95
    bundle = read_bundle(folder / "both")
    assert bundle.recipe.data.updates == ("new.csv",)
    assert bundle.features.classes == ("no", "yes", "animal")
    assert load(folder / "both").predict(["the zebra", "superb film"]).argmax(axis=1).tolist() == [2, 1]
    assert "Scores before and after" in (folder / "both" / "report.html").read_text()
    evaluated = json.loads(seqconv_command("evaluate", "both", "--json", cwd=folder).stdout)
    assert evaluated["test"]["n"] == 96  # a run of an updated model knows its own test rows


def test_the_old_rows_stay_in_their_splits(folder):
    update(folder, "blend", "new.csv", "--out", "splits")
    before, after = read_bundle(folder / "blend"), read_bundle(folder / "splits")
    old, new = (split_again(folder, bundle) for bundle in (before, after))
    for name in ("train", "validation", "test"):
        first, second = getattr(old, name).keys, getattr(new, name).keys
        np.testing.assert_array_equal(second[: len(first)], first)
    assert not set(new.test.keys) & set(new.train.keys)


@pytest.mark.parametrize("model", ["blend", "network", "words"])
def test_a_model_goes_on_from_its_weights_on_newer_rows_alone(folder, model):
    found = update(folder, model, "new.csv", "--new-only", "--out", f"{model}-on")["update"]
    assert not found["refit"]
    assert found["new"]["after"] > found["new"]["before"] + 0.2
    assert found["old"]["after"] > found["old"]["before"] - 0.1  # old texts are hardly forgotten
    before, after = (read_bundle(folder / name) for name in (model, f"{model}-on"))
    assert after.features.classes == ("no", "yes", "animal")
    assert after.recipe.data.source == "new.csv"
    assert after.seen.rows > before.seen.rows
    if model != "words":
        words = before.features.vocabulary.words
        assert after.features.vocabulary.words[: len(words)] == words  # old ids stay
        assert {"zebra", "superb", "camera"} <= set(after.features.vocabulary.words[len(words) :])


def test_without_the_old_data_it_goes_on_and_says_so(folder):
    write_texts(folder / "gone.csv", 200, 3, OLD)
    seqconv_command("train", "gone.csv", *QUICK, "--out", "lonely", cwd=folder)
    with (folder / "gone.csv").open("a") as file:
        file.write("one more good film,yes\n")
    found = update(folder, "lonely", "new.csv", "--out", "lonely-on")["update"]
    assert not found["refit"]
    assert "old" not in found
    assert found["says"].endswith("of gone.csv: it has changed")
    (folder / "gone.csv").unlink()
    says = update(folder, "lonely", "new.csv", "--out", "lonely-on", "--overwrite")["update"]["says"]
    assert says.endswith("of gone.csv: it cannot be read any more")


def test_classes_that_no_newer_row_has_are_named(folder):
    write_texts(folder / "yes.csv", 60, 4, (("yes", "superb"), ("animal", "zebra")))
    says = update(folder, "blend", "yes.csv", "--new-only", "--out", "half")["update"]["says"]
    assert says.endswith("; none is of no, which it may forget")


def test_a_kind_that_cannot_go_on_is_refused_in_one_line(folder):
    seqconv_command("train", "old.csv", "--model", "nb-svm", *QUICK, "--out", "nb", cwd=folder)
    error = update(folder, "nb", "new.csv", "--new-only", "--out", "never", code=2)
    assert error.strip() == (
        "seqconv: --new-only needs a model that can go on from what it is; nb-svm can only be fitted to old and newer "
        "rows together. Leave it out"
    )
    assert not (folder / "never").exists()
    assert update(folder, "nb", "new.csv", "--out", "nb-both")["update"]["new"]["after"] > 0.9


def test_rows_that_are_known_are_left_out_and_copies_follow_their_texts(folder):
    lines = (folder / "old.csv").read_text().splitlines()
    swapped = [line.replace(",yes", ",no") if line.endswith(",yes") else line for line in lines[1:101]]
    (folder / "again.csv").write_text("\n".join([*lines, *swapped, ""]))
    update(folder, "blend", "again.csv", "--out", "again")
    results = read_results(folder / "again")
    distinct = len(set(swapped) - set(lines))
    assert any("rows are known from before: left out" in note for note in results.facts["notes"])
    assert sum(each["examples"] for each in results.facts["splits"].values()) == 300 + distinct
    split = split_again(folder, read_bundle(folder / "again"))
    assert not set(split.test.keys) & (set(split.train.keys) | set(split.validation.keys))


def test_a_run_is_replaced_by_its_own_update(folder):
    seqconv_command("train", "old.csv", "--model", "network", *QUICK, "--out", "place", cwd=folder)
    assert "--overwrite" in update(folder, "place", "new.csv", "--out", "place", code=2)
    update(folder, "place", "new.csv", "--out", "place", "--overwrite")
    second = update(folder, "place", "new.csv", "--out", "place", "--overwrite")
    assert second["update"]["classes"] == []
    assert "new" not in second["update"]
    assert second["update"]["old"]["n"] == 96


def test_settled_columns_read_the_newer_file(folder):
    frame = polars.read_csv(folder / "old.csv").rename({"text": "body", "label": "kind"})
    frame.with_columns(
        other=polars.lit("some further words of a text that is longer than the body of the mail")
    ).write_csv(folder / "mails.csv")
    seqconv_command("train", "mails.csv", "--text", "body", "--label", "kind", *QUICK, "--out", "mails", cwd=folder)
    newer = polars.read_csv(folder / "mails.csv").head(60).with_columns(body=polars.col("body") + " camera")
    newer.write_csv(folder / "mails2.csv")
    found = update(folder, "mails", "mails2.csv", "--out", "mails-on")
    assert found["update"]["new"]["n"] == 12
    assert read_bundle(folder / "mails-on").recipe.data.text == "body"
    newer.rename({"kind": "sort"}).write_csv(folder / "other.csv")
    assert "kind" in update(folder, "mails", "other.csv", "--out", "never", code=2)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Runs of series, panels and sequences, and newer rows of each."""
    folder = tmp_path_factory.mktemp("others")
    files = write_data(folder)
    rows = files["series"].read_text().splitlines()
    (folder / "s.csv").write_text("\n".join([*rows[:801], ""]))
    (folder / "s2.csv").write_text("\n".join([rows[0], *rows[781:], ""]))
    sales = [row.split(",") for row in list_sales()]
    for name, kept in (("p.csv", lambda time: time < "2020-01"), ("p2.csv", lambda time: time >= "2019-11")):
        own = [",".join(row) for row in sales if kept(row[2])]
        (folder / name).write_text("\n".join(["shop,region,month,promo,sales", *own, ""]))
    head, waves = files["sequence"].read_text().splitlines()[:3], files["sequence"].read_text().splitlines()[3:]
    (folder / "w.ts").write_text("\n".join([*head, *waves[::2], ""]))
    (folder / "w2.ts").write_text("\n".join([*head, *waves[1::2], ""]))
    flags = ("--target", "a", "--lead", "1h", "--lookback", "24h", "--model", "ridge")
    seqconv_command("train", "s.csv", *flags, *QUICK, "--out", "series", cwd=folder)
    flags = ("--known", "promo", "--static", "region", "--horizon", "6mo", "--model", "ridge")
    seqconv_command("train", "p.csv", *flags, *QUICK, "--out", "panel", cwd=folder)
    seqconv_command("train", "w.ts", "--model", "minirocket", *QUICK, "--out", "sequence", cwd=folder)
    return folder


@pytest.mark.parametrize(("task", "file"), [("series", "s2.csv"), ("panel", "p2.csv"), ("sequence", "w2.ts")])
def test_every_task_is_fitted_again_to_old_and_newer_rows(others, task, file):
    found = update(others, task, file, "--out", f"{task}-on")["update"]
    assert found["refit"]
    assert found["new"]["n"] > 0
    wanted = seqconv.monitor(others / task, others / file).variables
    assert found["variables"] == [each.to_dict() for each in wanted if each.of != "answers"]
    assert ("old" in found) == (not KINDS[task].forecasts)  # what a series knows of old rows reaches to their end
    again = update(others, f"{task}-on", file, "--out", f"{task}-again")["update"]
    assert "new" not in again  # no row is newer than before


def test_what_updates_found_before_they_knew_of_profiles_is_still_read():
    table = {"model": "m", "file": "f", "refit": True, "metric": "mae", "classes": [], "says": "fitted again"}
    found = UpdateResults.from_dict(table | {"drift": [{"name": "a", "before": 1.0, "after": 2.0, "shift": 0.5}]})
    assert found.variables is None
    assert say_update(found).startswith("Update of m: fitted again.")


def test_the_newer_rows_of_a_series_follow_the_old_ones(others):
    update(others, "series", "s2.csv", "--out", "series-rows")
    assert read_results(others / "series-rows").facts["rows"] == 900  # 20 rows are in both files
    update(others, "panel", "p2.csv", "--out", "panel-rows")
    assert read_results(others / "panel-rows").facts["rows"] == 8 * 78


def test_forecasts_without_the_old_rows_are_of_the_newer_file(others):
    (others / "far.csv").write_text((others / "s.csv").read_text())
    flags = ("--target", "a", "--lead", "1h", "--lookback", "24h", "--model", "ridge", *QUICK)
    seqconv_command("train", "far.csv", *flags, "--out", "far", cwd=others)
    (others / "far.csv").unlink()
    (others / "whole.csv").write_text((others / "series.csv").read_text())
    found = update(others, "far", "whole.csv", "--out", "far-on")["update"]
    assert found["refit"]
    assert found["says"] == ("fitted to the rows of whole.csv alone; of far.csv: it cannot be read any more")
