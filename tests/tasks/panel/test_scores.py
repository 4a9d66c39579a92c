"""Scores of panels: what intermittent demand is judged by."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.panels import make_panel, make_sales, split
from seqconv.tasks.panel.features import find_scales, is_intermittent
from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.scores import score_panel


def score(found, quantiles):
    """The scores of these quantiles for every row of the test, in the unit of the target."""
    part = found.test
    scales = find_scales(part.inputs, found.features.season)
    outputs = np.tile(quantiles, (len(scales), found.features.horizon, 1)) / scales[:, None, None]
    bundle = SimpleNamespace(
        features=found.features, recipe=SimpleNamespace(training=SimpleNamespace(seed=0)), model=None
    )
    answers = SimpleNamespace(outputs=outputs.reshape(len(scales), -1))
    return score_panel(answers, part, bundle, None).metrics


def make_demand(series=30, rows=60):
    random = np.random.default_rng(0)
    return [random.binomial(1, 0.3, rows) * random.integers(1, 9, rows).astype(float) for _ in range(series)]


def test_intermittent_demand_is_judged_by_the_mean_forecast():
    values = make_demand()
    found = split(make_panel(values), horizon=6, origins=1)
    quantiles = np.array([0.0] * 7 + [3, 6])
    metrics = score(found, quantiles)
    assert "smape" not in metrics
    expected = [
        np.sqrt(np.mean((quantiles.mean() - rows[-6:]) ** 2) / np.mean(np.diff(rows[:-6]) ** 2)) for rows in values
    ]
    assert metrics["rmsse"].value == pytest.approx(np.mean(expected), rel=1e-3)
    nothing = score(found, np.zeros(len(LEVELS)))
    assert nothing["mase"].value == pytest.approx(metrics["mase"].value)  # whose median sells nothing
    assert metrics["rmsse"].value < nothing["rmsse"].value


def test_a_table_says_that_its_forecasts_are_often_zero():
    notes = split(make_panel(make_demand()), horizon=6).facts["notes"]
    (said,) = [note for note in notes if "are 0" in note]
    zeros = np.mean(np.concatenate(make_demand()) == 0)
    assert said.startswith(f"{zeros:.0%} of the values of 'y' are 0")


def test_other_tables_are_judged_by_smape():
    found = split(make_panel(make_sales(series=30, rows=60)), horizon=6)
    metrics = score(found, np.full(len(LEVELS), 100.0))
    assert "rmsse" not in metrics
    assert metrics["smape"].value > 0
    assert not any("are 0" in note for note in found.facts["notes"])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0, 0, 1, 2, 3, 4, 5, 6], True),
        ([0, 1, 1, 2, 3, 4, 5, 6], False),
        ([0, 0, 0, -1, 3, 4, 5, 6], False),
        ([np.nan, np.nan], False),
        ([0, np.nan, 3], True),
    ],
)
def test_demand_is_intermittent_where_one_row_in_four_has_none(values, says):
    assert is_intermittent(np.array(values, float)) is says
