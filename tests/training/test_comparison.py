"""Runs side by side: differences against a plain paired bootstrap, rows that runs share, and runs that do not fit."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv.errors import BundleError, ConfigError, DataError
from seqconv.metrics.bootstrap import Estimate
from seqconv.models.format import read_bundle
from seqconv.networks.losses import example_losses
from seqconv.recipes.recipe import read_recipe
from seqconv.reports.comparison import build_comparison_page
from seqconv.tasks.classes import Classes
from seqconv.tasks.seen import hash_texts
from seqconv.training import run as runs
from seqconv.training.comparison import compare_runs
from seqconv.training.folder import Options

pytestmark = pytest.mark.usefixtures("quick")

SHORT = ("training.epochs=1", "training.steps_per_epoch=10")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Short runs: two of texts, three of the series, one of which looks further back and one further ahead."""
    folder = tmp_path_factory.mktemp("runs")
    for name, recipe, *settings in (
        ("text", "demo-text"),
        ("text2", "demo-text", "training.seed=5"),
        ("short", "demo-series", "training.model=network", "windows.lookback=1d"),
        ("long", "demo-series", "training.model=network", "windows.lookback=4d", "data.train_end=0.5"),
        ("ahead", "demo-series", "training.model=network", "windows.lookback=1d", "windows.delay=23h"),
    ):
        options = Options(out=folder / name, threads=1, baselines=False)
        runs.train(read_recipe(recipe, (*SHORT, *settings)), options)
    return folder


@pytest.fixture
def copy(made, tmp_path):
    def copy(name: str, **changes) -> Path:
        """A copy of a run, with arrays of its predictions replaced by what a function makes of them."""
        folder = tmp_path / "copy"
        shutil.copytree(made / name, folder)
        with np.load(folder / "predictions.npz") as stored:
            found = dict(stored)
        found |= {key: change(found[key]) for key, change in changes.items()}
        np.savez(folder / "predictions.npz", **found)
        return folder

    return copy


def load(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "predictions.npz") as stored:
        return dict(stored)


def test_classes_differ_as_in_a_plain_paired_bootstrap(made):
    result = compare_runs([made / "text", made / "text2"])
    one, two = load(made / "text"), load(made / "text2")
    assert result.n == len(one["targets"])
    random = np.random.default_rng(0)
    rows = random.integers(0, result.n, (2000, result.n))
    for name, measure in (("error_rate", Classes(("neg", "pos")).errors), ("log_loss", example_losses)):
        ours, theirs = (measure(each["outputs"], each["targets"], "binary_crossentropy") for each in (one, two))
        found = result.runs[1].differences[name]
        assert found.value == pytest.approx(theirs.mean() - ours.mean())
        low, high = np.quantile((theirs - ours)[rows].mean(axis=1), [0.025, 0.975])
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * (high - low))
        assert result.runs[0].metrics[name].value == pytest.approx(ours.mean())
    assert result.runs[0].differences is result.runs[0].improvement is None
    assert result.against == str(made / "text")


def test_forecasts_are_matched_by_the_time_they_are_for(made):
    result = compare_runs([made / "long", made / "short"])
    one, two = load(made / "long"), load(made / "short")
    shared = np.isin(two["times"], one["times"])
    assert result.n == shared.sum() == len(one["times"]) < len(two["times"])
    ours = np.abs(one["outputs"] - one["targets"]).reshape(-1)
    theirs = np.abs(two["outputs"] - two["targets"]).reshape(-1)[shared]
    first, second = result.runs
    assert first.metrics["mae"].value == pytest.approx(ours.mean(), rel=1e-5)
    assert second.differences["mae"].value == pytest.approx(theirs.mean() - ours.mean(), rel=1e-4)
    assert second.improvement.value == pytest.approx(1 - theirs.mean() / ours.mean(), rel=1e-4)
    assert (first.n, second.n) == (len(one["times"]), len(two["times"]))
    assert result.block.rows == 168


def test_a_run_does_not_differ_from_itself(made):
    for name in ("text", "short"):
        second = compare_runs([made / name, made / name]).runs[1]
        for each in (*second.differences.values(), second.improvement):
            assert each == Estimate(0, 0, 0)
        assert second.same is True
    assert compare_runs([made / "text", made / "text2"]).runs[1].same is False
    shown = seqconv_command("compare", "text", "text", cwd=made).stdout
    assert "Against text: text gives the same answers to all 2,000" in shown
    assert "error rate (lower is better)" in shown
    assert "no clear difference" not in shown


def test_few_rows_and_a_first_run_without_error_claim_nothing(made, copy):
    folder = copy("short", **{key: lambda values: values[:50] for key in ("outputs", "targets", "times")})
    found = compare_runs([folder, folder]).runs[1]
    assert found.differences["mae"].to_dict() == {"value": 0, "low": None, "high": None}
    shutil.rmtree(folder)
    folder = copy("short", outputs=lambda values: load(made / "short")["targets"])
    found = compare_runs([folder, made / "short"]).runs[1]
    assert found.improvement.to_dict() == {"value": None, "low": None, "high": None}
    assert found.differences["mae"].low > 0


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("short", "text", "must have the task of"),
        ("short", "ahead", "must have the leads of"),
    ],
)
def test_runs_of_different_tasks_are_refused(made, first, second, says):
    with pytest.raises(DataError) as caught:
        compare_runs([made / first, made / second])
    assert says in str(caught.value)
    assert str(made / second) in str(caught.value)
    assert "\n" not in str(caught.value)


def flip_second(targets):
    return np.where(np.arange(len(targets))[:, None] == 1, 1 - targets, targets)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("text", {"targets": flip_second}, "the target of test example 2 is"),
        ("text", {"targets": lambda t: t[:-1], "outputs": lambda o: o[:-1]}, "must have the 2000 test examples"),
        ("short", {"targets": lambda t: t + np.float32(0.1)}, "the target at 201"),
        ("short", {"times": lambda t: t + np.timedelta64(30, "m")}, "must forecast times that the runs before it do"),
    ],
)
def test_other_test_rows_are_refused_with_what_differs(made, copy, name, changes, says):
    with pytest.raises(DataError) as caught:
        compare_runs([made / name, copy(name, **changes)])
    assert says in str(caught.value).replace(",", "")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "predictions.npz").unlink(), "holds no predictions.npz"),
        (
            lambda f: (f / "predictions.npz").write_bytes(b"PK"),
            r"predictions\.npz: must be as seqconv writes it; File is not a zip file",
        ),
        (
            lambda f: np.savez(f / "predictions.npz", outputs=np.zeros((3, 2)), targets=np.zeros((3, 2))),
            "outputs must be 1",
        ),
        (
            lambda f: np.savez(f / "predictions.npz", outputs=np.full((3, 1), np.nan), targets=np.zeros((3, 1))),
            r"predictions\.npz: outputs must be finite to be compared",
        ),
        (lambda f: (f / "metrics.json").write_text("[]"), "metrics.json: must be as seqconv writes it"),
        (lambda f: shutil.rmtree(f / "model"), "must be a run or model folder"),
    ],
)
def test_a_folder_that_is_no_whole_run_is_refused(made, copy, damage, says):
    folder = copy("text")
    damage(folder)
    with pytest.raises(BundleError, match=says):
        compare_runs([made / "text", folder])


def test_one_run_alone_is_refused(made):
    with pytest.raises(ConfigError, match="at least two runs; got 1"):
        compare_runs([made / "text"])


def test_the_command_prints_a_table_or_one_object_and_writes_a_page(made):
    done = seqconv_command("compare", "text", "text2", "--json", "-o", "pages", cwd=made)
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert result["page"] == "pages/comparison.html"
    page = (made / "pages" / "comparison.html").read_text()
    assert page.count("<svg") == 1
    assert "Compared with text" in page
    shown = seqconv_command("compare", "long", "short", cwd=made).stdout
    for part in ("MAE", "difference", "95 % interval", "Windows that not every run has are left out"):
        assert part in shown
    done = seqconv_command("compare", "text", "nowhere", "--json", cwd=made, code=2)
    assert done.stderr.strip() == "seqconv: nowhere: must be a run folder; there is none."
    assert done.stdout == ""


@pytest.fixture(scope="module")
def overlapping(tmp_path_factory) -> Path:
    """Runs with the same test file: `clean` has not seen its texts, `half` and `all` were trained on some and all."""
    folder = tmp_path_factory.mktemp("overlapping")
    draw = random.Random(0)
    words = [f"word{number}" for number in range(40)]
    rows = [f"{' '.join(draw.choices(words, k=8))},{'yes' if row % 2 else 'no'}" for row in range(260)]
    parts = {"test": rows[:60], "clean": rows[60:], "half": [*rows[:30], *rows[60:]], "all": rows}
    for name, lines in parts.items():
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    for name in ("clean", "half", "all"):
        flags = ("--validation", "test.csv") if name == "all" else ("--set", "training.refit=false")
        flags = (*flags, "--test", "test.csv", "--no-baselines", "-q", "--set", "training.epochs=3", "--out", name)
        seqconv_command("train", f"{name}.csv", *flags, cwd=folder)
    return folder


def test_rows_that_a_run_was_trained_on_are_left_out_and_named(overlapping):
    folders = [overlapping / name for name in ("clean", "half")]
    result = compare_runs(folders)
    known = [run.trained_on for run in result.runs]
    texts = [line.rpartition(",")[0] for line in (overlapping / "test.csv").read_text().splitlines()[1:]]
    _, seen = read_bundle(folders[1]).seen.check(hash_texts(texts))
    assert 0 < seen.sum() <= 30
    assert [(each.n, each.checked, each.rows) for each in known] == [(60, 60, 0), (60, 60, seen.sum())]
    assert result.n == 60 - seen.sum()
    for folder, run in zip(folders, result.runs, strict=True):
        stored = load(folder)
        errors = Classes(("no", "yes")).errors(stored["outputs"], stored["targets"], "binary_crossentropy")
        assert run.metrics["error_rate"].value == pytest.approx(errors[~seen].mean())
    done = seqconv_command("compare", "clean", "half", "-o", "pages", cwd=overlapping)
    said = f"half was trained on {seen.sum()} of the 60 test rows; {seen.sum()} are left out here."
    assert said in done.stdout
    assert said in (overlapping / "pages/comparison.html").read_text()
    found = json.loads(seqconv_command("compare", "half", "clean", "--json", cwd=overlapping).stdout)
    assert found["runs"][0]["trained_on"] == {"n": 60, "checked": 60, "rows": seen.sum()}


def test_runs_that_know_all_rows_are_compared_and_called_no_test(overlapping):
    done = seqconv_command("compare", "clean", "all", cwd=overlapping)
    said = "all was trained on 60 of the 60 test rows; there are no others, so this comparison is no test."
    assert said in done.stdout
    assert compare_runs([overlapping / "clean", overlapping / "all"]).n == 60


def test_runs_without_keys_are_compared_as_they_were(overlapping):
    with np.load(overlapping / "half/predictions.npz") as stored:
        found = {name: values for name, values in stored.items() if name != "keys"}
    shutil.copytree(overlapping / "half", overlapping / "keyless")
    np.savez(overlapping / "keyless/predictions.npz", **found)
    result = compare_runs([overlapping / "clean", overlapping / "keyless"])
    assert (result.n, result.runs[1].trained_on) == (60, None)


def test_a_page_of_runs_without_errors_has_no_empty_picture(made, copy):
    folder = copy("text", outputs=lambda values: values)
    with np.load(folder / "predictions.npz") as stored:
        found = dict(stored)
    found["outputs"] = np.where(found["targets"] > 0, 9.0, -9.0).astype(np.float32).reshape(found["outputs"].shape)
    np.savez(folder / "predictions.npz", **found)
    page = build_comparison_page(compare_runs([folder, folder]))
    assert "gives the same answers to all" in page
    assert "<svg" not in page
    assert "<svg" in build_comparison_page(compare_runs([made / "text", made / "text2"]))
