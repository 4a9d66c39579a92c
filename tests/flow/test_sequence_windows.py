"""A window slides over long recordings; sequences that are only beginnings are predicted, and it is said."""

import json

import numpy as np
import polars
import pytest

from helpers.command import seqconv_command
from helpers.sequences import write_waves
from seqconv.data.frames import to_sequences
from seqconv.models.predictor import load
from seqconv.serving.requests import predict

pytestmark = pytest.mark.usefixtures("quick")

STEPS = np.arange(1000)
SPEEDS = np.where(STEPS < 500, 0.35, 0.9)  # slow, then fast


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of sequences of 30 steps, 20 ms apart, and a recording of 1,000 steps."""
    folder = tmp_path_factory.mktemp("windows")
    write_waves(folder)
    even = polars.read_csv(folder / "waves.csv").group_by("id", maintain_order=True).head(30)
    even.write_csv(folder / "even.csv")
    columns = ("--id", "id", "--label", "kind", "--inputs", "ax,ay")
    common = ("--model", "minirocket", "--no-baselines", "-q")
    seqconv_command("train", "even.csv", *columns, *common, "-o", "run", cwd=folder)
    angle = np.cumsum(SPEEDS)
    start = np.datetime64("2024-05-01T10:00:00")
    times = [str(time) for time in start + (STEPS * 20).astype("timedelta64[ms]")]
    long = polars.DataFrame({"time": times, "ax": np.sin(angle), "ay": np.cos(angle)})
    long.write_csv(folder / "day.csv")
    np.save(folder / "day.npy", np.stack([np.sin(angle), np.cos(angle)], axis=1)[None])
    seqconv_command("train", "waves-kinds.ts", *common, "--set", "sequence.length=30", "-o", "counted", cwd=folder)
    return folder


def slide(folder, run, file, *flags):
    done = seqconv_command("predict", run, file, *flags, "-o", "out.csv", cwd=folder)
    return polars.read_csv(folder / "out.csv"), done.stderr


@pytest.mark.parametrize("flags", [("--window", "600ms", "--stride", "200ms"), ("--window", "30", "--stride", "10")])
def test_each_window_has_a_row(folder, flags):
    found, notes = slide(folder, "run", "day.csv", *flags)
    assert len(found) == (1000 - 30) // 10 + 1
    assert found.columns[:4] == ["sequence", "from", "to", "prediction"]
    assert found["from"][0].startswith("2024-05-01T10:00:00")
    assert found["to"][0].startswith("2024-05-01T10:00:00.58")
    assert found["prediction"][:40].to_list() == ["slow"] * 40
    assert found["prediction"][-40:].to_list() == ["fast"] * 40
    assert "98 windows of 30 steps" in notes
    angle = np.cumsum(SPEEDS)
    values = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    chances = load(folder / "run").classify(to_sequences([values[20:50]]))
    np.testing.assert_allclose(found.row(2)[4:], chances[0], rtol=1e-4)


def test_the_window_is_as_long_as_a_training_sequence(folder):
    found, _ = slide(folder, "run", "day.csv", "--stride", "50")
    assert len(found) == (1000 - 30) // 50 + 1
    found, _ = slide(folder, "run", "day.csv", "--window", "100")  # and moves by its length
    assert len(found) == 10


def test_steps_without_times_are_counted(folder):
    found, _ = slide(folder, "counted", "day.npy", "--window", "30", "--stride", "30")
    assert found.select("sequence", "from", "to").rows()[:2] == [(1, 1, 30), (1, 31, 60)]
    assert found["to"][-1] == 990
    done = seqconv_command("predict", "counted", "day.npy", "--window", "1s", cwd=folder, code=2)
    assert "window must be a number of steps, which have no times in this file; got '1s'" in done.stderr


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--window", "0"), "--window must be a number of steps, such as 100, or a duration, such as 10s; got '0'"),
        (("--window", "30ms"), "window must be a whole number of steps of 20ms; got '30ms'"),
        (
            ("--stride", "soon"),
            "--stride must be a number of steps, such as 100, or a duration",
        ),
    ],
)
def test_windows_that_are_none_are_refused_in_one_line(folder, flags, says):
    done = seqconv_command("predict", "run", "day.csv", *flags, "-o", "refused.csv", cwd=folder, code=2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "refused.csv").exists()


def test_other_models_have_no_windows(folder):
    seqconv_command("data", "demo-text", "-o", "texts.csv", cwd=folder)
    seqconv_command("train", "texts.csv", "--model", "majority", "-q", "-o", "texts", cwd=folder)
    done = seqconv_command("predict", "texts", "texts.csv", "--window", "10", cwd=folder, code=2)
    assert "window needs a model of sequences" in done.stderr


def test_beginnings_and_long_sequences_are_told(folder):
    polars.read_csv(folder / "day.csv").head(12).write_csv(folder / "begin.csv")
    found, notes = slide(folder, "run", "begin.csv")
    assert len(found) == 1
    assert "1 sequence is shorter than the 30 steps of training: predicted from a part" in notes
    _, notes = slide(folder, "run", "day.csv")
    assert "1 sequence is longer than the 30 steps that are read: the last 30 count" in notes
    steps = [[0.5, 0.5]] * 12
    body = json.dumps({"sequences": [steps, steps * 2 + steps[:6]]}).encode()
    ((answer, whole),) = predict(load(folder / "run"), body)
    assert answer["note"].startswith("1 sequence is shorter than the 30 steps of training")
    assert "note" not in whole


def test_beginnings_are_told_where_lengths_differ_in_training(folder):
    """Sequences of 30 to 34 steps: one of 30 is no beginning, one of 29 is."""
    columns = ("--id", "id", "--label", "kind", "--inputs", "ax,ay")
    common = ("--model", "minirocket", "--no-baselines", "-q")
    seqconv_command("train", "waves.csv", *columns, *common, "-o", "uneven", cwd=folder)
    says = "1 sequence is shorter than the 30 steps of the shortest in training: predicted from a part"
    for steps in (29, 30):
        polars.read_csv(folder / "day.csv").head(steps).write_csv(folder / "begin.csv")
        _, notes = slide(folder, "uneven", "begin.csv")
        assert (says in notes) == (steps == 29)
    body = json.dumps({"sequences": [[[0.5, 0.5]] * 12, [[0.5, 0.5]] * 31]}).encode()
    ((answer, whole),) = predict(load(folder / "uneven"), body)
    assert answer["note"] == says
    assert "note" not in whole


def test_steps_of_any_file_may_have_an_interval(folder):
    """Durations mean something for files without times too, if training says how far apart steps are."""
    common = ("--model", "minirocket", "--no-baselines", "-q", "--every", "20ms")
    seqconv_command("train", "waves-kinds.ts", *common, "--set", "sequence.length=30", "-o", "ts", cwd=folder)
    grouped = polars.read_csv(folder / "even.csv").group_by("id", maintain_order=True)
    arrays = np.stack([part.select("ax", "ay").to_numpy() for _, part in grouped])
    np.savez(folder / "even.npz", X=arrays, y=["slow", "fast"] * 20)
    seqconv_command("train", "even.npz", *common, "-o", "npz", cwd=folder)
    columns = ("--id", "id", "--label", "kind", "--inputs", "ax,ay")
    seqconv_command("train", "even.csv", *columns, *common, "-o", "table", cwd=folder)
    expected, _ = slide(folder, "counted", "day.npy", "--window", "30", "--stride", "10")
    for run in ("ts", "npz"):
        found, notes = slide(folder, run, "day.npy", "--window", "600ms", "--stride", "200ms")
        assert found["prediction"].to_list() == expected["prediction"].to_list()
        assert "read as 1 sequence with 2 channels of 1000 steps" in notes
    found, _ = slide(folder, "table", "day.csv", "--window", "600ms", "--stride", "200ms")
    assert len(found) == len(expected)


def test_a_table_with_a_row_for_each_step_needs_its_times(folder):
    """Where training read sequences that are rows or of a file of the archive, nothing says that a row is a step."""
    done = seqconv_command("predict", "counted", "day.csv", cwd=folder, code=2)
    assert "must have 2 channels as in training; got 1. Name its column of times with --time, or none" in done.stderr
    expected, _ = slide(folder, "counted", "day.npy", "--window", "30")
    found, _ = slide(folder, "counted", "day.csv", "--time", "time", "--window", "30")
    assert found["prediction"].to_list() == expected["prediction"].to_list()
