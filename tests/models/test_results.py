"""`metrics.json`: runs of version 0.1.0 are read, those of a newer version are not."""

import json
import shutil
from pathlib import Path

import pytest

import seqconv
from seqconv.errors import BundleError
from seqconv.models.folders import RESULTS
from seqconv.models.results import read_results, write_results
from seqconv.serving.requests import describe_model
from seqconv.tasks.results import BacktestResults, RunResults

GOLDEN = Path(__file__).parents[1] / "golden" / "runs"  # written by version 0.1.0


@pytest.fixture(params=["text", "series"])
def old(request, tmp_path) -> Path:
    return Path(shutil.copytree(GOLDEN / request.param, tmp_path / request.param))


def read(folder: Path) -> dict:
    return json.loads((folder / RESULTS).read_text("utf-8"))


@pytest.mark.parametrize(
    ("name", "kind"), [("text", RunResults), ("series", RunResults), ("series-backtest", BacktestResults)]
)
def test_0_1_0_wrote_the_same_without_a_number_and_under_other_names(name, kind, tmp_path):
    before = read(GOLDEN / name)
    assert "format" not in before
    found = kind.from_dict(before)
    write_results(found, tmp_path)
    after = read(tmp_path)
    assert after.pop("format") == 1
    assert after.pop("better_baseline", None) == before.get("offer")
    for each in (after, *after.get("folds", [])):
        if intervals := each.get("intervals"):
            assert intervals.pop("nominal") == intervals["share"]
    assert after == before  # former names are written for one version more


def test_an_old_run_is_reported_compared_and_served(old):
    results = read_results(old)
    page = seqconv.write_report(old).read_text("utf-8")
    assert results.verdict in page.replace("\u00a0", " ")
    assert f"{results.parameters:,}" in page
    compared = seqconv.compare_runs([old, old])
    assert compared.runs[0].validation == results.validation
    assert compared.runs[1].improvement.value == 0
    scores = describe_model(seqconv.load(old, threads=1), old)["scores"]
    assert scores == {name: read(old)[name] for name in ("metric", "validation", "test", "verdict")}


@pytest.mark.parametrize("number", [2, 0, "1", None, [1]])
def test_another_format_is_refused_in_one_line(old, number):
    (old / RESULTS).write_text(json.dumps(read(old) | {"format": number}), "utf-8")
    calls = (read_results, seqconv.write_report, lambda run: seqconv.compare_runs([run, run]))
    for call in calls:
        with pytest.raises(BundleError) as caught:
            call(old)
        assert str(caught.value) == (
            f"{old / RESULTS}: must be of format 1; got {number!r}. Use the seqconv version that wrote it"
        )


@pytest.mark.parametrize(
    "damage",
    [
        {"validation": 3},
        {"baselines": [{}]},
        {"epochs": "two"},
        {"network": [{"name": "x"}]},
        {"seconds": None},
        {"facts": {"splits": {"train": 1.5}}},
        {"facts": {"splits": [1]}},
        {"settings": {"training": "adam"}},
    ],
)
def test_damaged_results_are_refused_in_one_line(old, damage):
    (old / RESULTS).write_text(json.dumps(read(old) | damage), "utf-8")
    for call in (read_results, seqconv.write_report, lambda run: seqconv.compare_runs([run, run])):
        with pytest.raises(BundleError, match=r"must be (as|a run folder as) seqconv writes it") as caught:
            call(old)
        assert "\n" not in str(caught.value)


def test_epochs_beyond_all_memory_are_refused_by_the_rows_of_the_history(old):
    (old / RESULTS).write_text(json.dumps(read(old) | {"epochs": 10**18}), "utf-8")
    with pytest.raises(BundleError, match=r"must have the epochs 1 to 1000000000000000000, in order"):
        seqconv.write_report(old)


@pytest.mark.parametrize(
    ("inside", "says"), [("trials.db", "search. Name its best run: .*best$"), ("fold-1", "backtest, which keeps no")]
)
def test_results_of_several_runs_are_named_as_what_they_are(tmp_path, inside, says):
    (tmp_path / RESULTS).write_text("{}")
    if inside == "trials.db":
        (tmp_path / inside).touch()
    else:
        (tmp_path / inside).mkdir()
    with pytest.raises(BundleError, match=rf"must be a run folder; it is a {says}"):
        read_results(tmp_path)
