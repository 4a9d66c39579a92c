"""What models of a panel read: the histories of many series, and what is known of the rows to forecast."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class PanelInputs:
    """Forecasts to make: example n knows series `series[n]` before row `anchors[n]`, its first row to forecast.

    Each series has rows for the whole horizon of each of its anchors.

    Args:
        values: to forecast, float64 `[T]`, S series one after the other; NaN is missing.
        covariates: what is known of each row, also of rows to forecast, float32 `[T, K]`; NaN is missing.
        past: what is known of the rows before an anchor alone, float32 `[T, P]`; NaN is missing.
        steps: number of each row's step, int64 `[T]`.
        offsets: where each series starts, and the end, int64 `[S + 1]`.
        series, anchors: int64 `[N]` both.
        horizon: rows to forecast.
    """

    values: np.ndarray
    covariates: np.ndarray
    past: np.ndarray
    steps: np.ndarray
    offsets: np.ndarray
    series: np.ndarray
    anchors: np.ndarray
    horizon: int

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows to forecast, known columns and past columns of one example."""
        return self.horizon, self.covariates.shape[1], self.past.shape[1]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays that identify these examples."""
        return self.values, self.covariates, self.past, self.anchors

    @property
    def starts(self) -> np.ndarray:
        """The first row of each example's series, int64 `[N]`."""
        return np.asarray(self.offsets[self.series])

    @property
    def ahead(self) -> np.ndarray:
        """The rows to forecast, int64 `[N, H]`."""
        return np.asarray(self.anchors[:, None] + np.arange(self.horizon))

    def take(self, index: np.ndarray) -> "PanelInputs":
        """The examples at `index`."""
        return replace(self, series=self.series[index], anchors=self.anchors[index])

    def join(self, other: "PanelInputs") -> "PanelInputs":
        """These examples, followed by the others of the same series."""
        series, anchors = (
            np.concatenate([one, two]) for one, two in ((self.series, other.series), (self.anchors, other.anchors))
        )
        return replace(self, series=series, anchors=anchors)

    def shuffle_order(self, random: np.random.Generator) -> "PanelInputs":
        """The same examples with the rows of each series before its first anchor in random order."""
        values = self.values.copy()
        for series in np.unique(self.series):
            rows = slice(self.offsets[series], self.anchors[self.series == series].min())
            values[rows] = random.permutation(values[rows])
        return replace(self, values=values)


def blank_panel(shape: tuple[int, ...]) -> PanelInputs:
    """One forecast of this shape after one row of zeros."""
    horizon, known, past = shape
    rows, one = np.arange(1 + horizon), np.ones(1, np.int64)
    return PanelInputs(
        np.zeros(1 + horizon),
        np.zeros((1 + horizon, known), np.float32),
        np.zeros((1 + horizon, past), np.float32),
        rows,
        np.array([0, 1 + horizon]),
        0 * one,
        one,
        horizon,
    )
