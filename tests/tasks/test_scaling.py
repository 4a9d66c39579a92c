"""What counts as a column that never varies: the same for series and for sequences."""

import json

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv.tasks.scaling import find_flat, measure

SHORT = ("--no-baselines", "-q", "--set", "training.epochs=1")
NOISE = 1e-16 * np.random.default_rng(0).choice([-1, 1], 240)  # of rounding, next to a value of 1
COLUMNS = {"same": np.ones(240), "rounding": 1 + 4 * NOISE, "small": 1 + 1e6 * NOISE, "tiny": 1e-9 * NOISE}


def test_rounding_is_no_change_and_small_units_are():
    values = np.stack([*COLUMNS.values(), np.full(240, np.nan)], axis=1)
    assert find_flat(*measure(values)).tolist() == [True, True, False, False, True]
    values[::3] = np.nan
    assert find_flat(*measure(values)).tolist() == [True, True, False, False, True]


@pytest.mark.parametrize("name", COLUMNS)
def test_training_reports_a_column_of_a_series(tmp_path, name):
    hours = np.datetime64("2020-01-01T00") + np.arange(240)
    rows = zip(hours, np.sin(np.arange(240)), COLUMNS[name], strict=True)
    lines = [f"{str(hour).replace('T', ' ')}:00,{float(load)!r},{float(value)!r}" for hour, load, value in rows]
    (tmp_path / "series.csv").write_text("\n".join(["time,load,other", *lines]) + "\n")
    flat = name in ("same", "rounding")
    seqconv_command("train", "series.csv", "--target", "load", *SHORT, "--out", "run", cwd=tmp_path)
    notes = json.loads((tmp_path / "run/metrics.json").read_text())["facts"]["notes"]
    assert any("'other' never varies" in note for note in notes) == flat


@pytest.mark.parametrize("name", COLUMNS)
def test_a_channel_of_sequences_is_judged_alike(tmp_path, name):
    other = COLUMNS[name].reshape(40, 6)
    rows = [
        f"{','.join(f'{step * (1 + row % 2):.3f}' for step in range(6))}:{','.join(map(repr, map(float, other[row])))}"
        f":{row % 2}"
        for row in range(40)
    ]
    head = ["@problemName x", "@univariate false", "@dimensions 2", "@classLabel true 0 1", "@data"]
    (tmp_path / "waves.ts").write_text("\n".join([*head, *rows]) + "\n")
    seqconv_command("train", "waves.ts", *SHORT, "--out", "run", cwd=tmp_path)
    notes = json.loads((tmp_path / "run/metrics.json").read_text())["facts"]["notes"]
    assert any("never changes" in note for note in notes) == (name in ("same", "rounding"))
