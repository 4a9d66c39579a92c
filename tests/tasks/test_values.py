"""Numbers as answers: units, errors, intervals, what a run keeps of them."""

import numpy as np
import pytest

from seqconv.networks.losses import example_losses
from seqconv.tasks import values
from seqconv.tasks.values import Values

ONE = Values(("t",), ("1 h",), np.array([3.0]), np.array([8.0]))


def column(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)[:, None]


def test_measures_come_in_both_units() -> None:
    found = ONE.measure(column(1, 2), column(0, 4), "mse")
    assert found == {"mae": 12, "mae_scaled": 1.5, "mse_scaled": 2.5, "n": 2}
    assert ONE.rank(found) == 1.5


@pytest.mark.parametrize("loss", ["mse", "huber", "mae"])
def test_the_error_is_the_absolute_one_whatever_the_loss(loss: str) -> None:
    outputs, targets = np.array([[1.0, 3.0]]), np.array([[0.0, 0.0]])
    two = Values(("a", "b"), ("1 h",), np.zeros(2), np.array([1.0, 10.0]))
    assert two.errors(outputs, targets, loss).tolist() == [2]
    assert two.errors(outputs, targets, loss) == example_losses(outputs, targets, "mae")
    assert two.errors_in_units(outputs, targets, loss).tolist() == [(1 + 30) / 2]


def test_bounds_are_corrected_and_come_in_the_targets_unit() -> None:
    target = Values(("t",), ("1 h",), np.array([3.0]), np.array([8.0]), margins=(0.5,))
    outputs = np.array([[1.0, 0.0, 2.0]], np.float32)  # point forecast, lower and upper bound
    forecast, bounds = target.finish(outputs, np.array([[1.0]], np.float32))
    assert forecast.tolist() == [[[19.0]]]
    assert bounds is not None
    assert [each.tolist() for each in bounds] == [[[[7.0]]], [[[31.0]]]]
    assert ONE.finish(outputs[:, :1], np.zeros((1, 1), np.float32))[1] is None


def test_of_very_many_forecasts_a_run_keeps_those_of_evenly_spaced_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_WRITTEN", 4)
    times = np.datetime64("2020-01-01") + np.arange(10) * np.timedelta64(1, "h")
    kept = ONE.to_arrays(column(*range(10)), None, column(*range(10)), times)
    assert kept["outputs"].ravel().tolist() == [3, 27, 51, 75]
    assert kept["times"].tolist() == times[::3].tolist()
    assert set(kept) == {"outputs", "targets", "times"}
