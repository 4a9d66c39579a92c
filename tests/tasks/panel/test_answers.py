"""Forecasts of panels as people read them."""

import numpy as np

from seqconv.tasks.panel.answers import round_digits


def test_forecasts_have_seven_digits_and_those_in_which_they_differ():
    quantiles = np.array([[1044.0567, 1047.4829], [1e9 + 17.976, 1e9 + 19.172], [1.23456789e-13, 2e-13], [0.0, 0.0]])
    wanted = [[1044.057, 1047.483], [1000000017.98, 1000000019.17], [1.234568e-13, 2e-13], [0.0, 0.0]]
    assert round_digits(quantiles).tolist() == wanted
    assert round_digits(np.array([[1234567890.123, 1234567890.123]])).tolist() == [[1234567890.12, 1234567890.12]]
