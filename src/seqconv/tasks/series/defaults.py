"""The default network for a series, by the amount of data. docs/log.md: how it was found."""

from typing import Any

TAPS = 3  # of a dilated convolution
LINEAR = 16  # weighted sums over a whole window
EPOCHS = (10, 200)
VISITS = 200_000  # windows that training sees in all epochs together
SMALL_SERIES = 20_000  # windows up to which the network is small, and its few training steps are large


def default_series_settings(examples: int, length: int, columns: int) -> dict[str, Any]:
    """Settings of a series recipe by name, `section.key`: calendar, change, network and training.

    Three parallel branches read a window: its newest row, weighted sums of the rows minus the newest, and dilated
    convolutions of the same. The last layer starts at zero, which is the naive forecast, and the validation rows decide
    when training ends: if a series cannot be forecast better than that, it is not forecast worse.

    Args:
        examples: windows to train on.
        length: steps of a window.
        columns: of the series, without the calendar.

    Reference: van den Oord et al. 2016, arXiv:1609.03499; Bai et al. 2018, arXiv:1803.01271; Zeng et al. 2023,
    arXiv:2205.13504 (a linear layer on the window minus its newest value).
    """
    filters, learning_rate = (16, 1e-3) if examples <= SMALL_SERIES else (32, 3e-4)
    epochs = min(max(VISITS // max(examples, 1), EPOCHS[0]), EPOCHS[1])
    changes = {"layer": "subtract_last", "channels": columns}
    newest = {"layer": "last_step"}
    linear = [changes, {"layer": "conv", "filters": LINEAR, "kernel": length}, newest]
    branches = [[newest], linear, [changes, *_dilated(filters, length), newest]]
    return {
        "data.calendar": True,
        "windows.change": True,
        "network.layers": [
            {"layer": "concat", "branches": branches},
            {"layer": "dropout", "rate": 0.1},
            {"layer": "output", "zeros": True},
        ],
        "training.loss": "mae",
        "training.optimiser": "adam",
        "training.learning_rate": learning_rate,
        "training.batch_size": 64,
        "training.epochs": epochs,
        "training.patience": max(epochs // 5, 4),
        "training.averaging": 0.7,
        "training.coverage": 0.8,
    }


def _dilated(filters: int, length: int) -> list[dict[str, Any]]:
    """Residual blocks whose dilation doubles until the newest step sees the whole window."""
    blocks: list[dict[str, Any]] = []
    reach, dilation = 1, 1
    while not blocks or reach < length:
        causal = {"kernel": TAPS, "dilation": dilation, "padding": "causal", "activation": "relu"}
        layers = [
            {"layer": "conv", "filters": filters, **causal},
            {"layer": "dropout", "rate": 0.1},
            {"layer": "conv", "filters": filters, "kernel": 1},
        ]
        blocks.append({"layer": "residual", "layers": layers})
        reach, dilation = reach + (TAPS - 1) * dilation, 2 * dilation
    return [{"layer": "conv", "filters": filters, "kernel": 1}, *blocks]
