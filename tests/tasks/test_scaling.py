"""What counts as a column that never varies: the same for series and for sequences."""

import json

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv import SequenceClassifier
from seqconv.data.records import Texts
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks.outcomes import fit_outcome
from seqconv.tasks.panel.features import Column
from seqconv.tasks.scaling import Scaler, find_flat, measure
from seqconv.tasks.sequence.features import fit_scaler

SHORT = ("--no-baselines", "-q", "--set", "training.epochs=1")
NOISE = 1e-16 * np.random.default_rng(0).choice([-1, 1], 240)  # of rounding, next to a value of 1
COLUMNS = {"same": np.ones(240), "rounding": 1 + 4 * NOISE, "small": 1 + 1e6 * NOISE, "tiny": 1e-9 * NOISE}


def test_rounding_is_no_change_and_small_units_are():
    values = np.stack([*COLUMNS.values(), np.full(240, np.nan)], axis=1)
    assert find_flat(values).tolist() == [True, True, False, False, True]
    values[::3] = np.nan
    assert find_flat(values).tolist() == [True, True, False, False, True]


WAVE = np.sin(np.arange(240) / 3)
VARYING = {
    "large": 1e15 + np.round(10 * WAVE),
    "tiny": 1e-300 * (2 + WAVE),
    "one odd value": np.where(np.arange(240) == 100, 1e10 + 1e-2, 1e10),
    "negative": -1e15 + np.round(WAVE),
}


@pytest.mark.parametrize("values", VARYING.values(), ids=VARYING)
def test_what_float64_can_tell_apart_varies(values):
    assert not find_flat(values)
    assert find_flat(np.full(240, values[0]))
    mean, std = measure(values[:, None])
    unit = np.abs(values - values[0]).max()
    assert std[0] == pytest.approx(np.std((values - values[0]) / unit) * unit, rel=1e-3)
    scaled = Scaler.fit(values[:, None], ("y",), ("y",)).scale(values[:, None])
    assert scaled.std() == pytest.approx(1, rel=1e-3)
    np.testing.assert_allclose(scaled[:, 0] * std[0] + mean[0], values, rtol=1e-6)
    assert fit_outcome(Texts([""] * 240, values, (), "f", number="y"), TrainingConfig()).std.item() > 0
    assert fit_scaler(values[:, None]).std[0] == pytest.approx(std[0], rel=1e-6)
    assert Column.fit("y", "past", values).std == pytest.approx(std[0], rel=1e-6)


@pytest.mark.parametrize("values", [VARYING["large"], VARYING["tiny"]], ids=["large", "tiny"])
def test_channels_of_any_size_are_told_apart(values):
    """Two classes whose waves differ, as many digits as there are."""
    size = values.mean()
    steps = np.concatenate([values[:120], 2 * size - values[:120]]).reshape(-1, 12)
    found = SequenceClassifier(random_state=0, model="rocket").fit(steps[:, :, None], np.arange(20) // 10)
    assert (found.predict(steps[:, :, None]) == np.arange(20) // 10).all()


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
