"""Scaling columns by the mean and standard deviation of the training rows."""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from seqconv.errors import DataError

ROUNDING = 4  # units in the last place of the largest value, by which values that are computed differ by chance
TINY, LIFT = 1e-100, 600  # values below the first are multiplied by 2^600 before they are squared


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each column, `[C]` float64, from training rows only."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, columns: tuple[str, ...], targets: Collection[str] = ()) -> Self:
        """Fit to rows `[T, C]`; missing values (NaN) are ignored. Columns that never vary keep their unit.

        Raises:
            DataError: a target without values, with a constant one, or with values too large to square.
        """
        mean, std = measure(values)
        for column, spread in zip(columns, std, strict=True):
            if np.isinf(spread):
                raise DataError(f"column {column!r}: must hold numbers below 1e150; got larger ones. Correct them")
        flat = find_flat(values)
        for place in [columns.index(name) for name in targets]:
            name, cure = f"target {columns[place]!r}", "Choose another target, or give more rows"
            if np.isnan(values[:, place]).all():
                raise DataError(f"{name}: must hold values in the training rows; got none. {cure}")
            if flat[place]:
                raise DataError(f"{name}: must vary in the training rows; always {mean[place]:g}. {cure}")
        return cls(mean, np.where(flat, 1.0, std))

    def scale(self, values: np.ndarray) -> np.ndarray:
        """(values - mean) / std, float32 `[T, C]`, contiguous; missing values stay missing, huge ones are infinite."""
        with np.errstate(over="ignore"):
            return np.ascontiguousarray((values - self.mean) / self.std, np.float32)

    def make_rows(self, count: int) -> np.ndarray:
        """Made-up rows in the columns' units, three waves about the mean of each, `[count, C]`; for examples."""
        waves = np.sin(6 * np.pi * np.arange(count)[:, None] / count + np.arange(len(self.mean)))
        unit = 10 ** np.floor(np.log10(self.std)) / 100  # what differs by less does not tell
        return np.asarray(np.round((self.mean + self.std * waves) / unit) * unit + 0.0)

    def to_dict(self) -> dict[str, list[float]]:
        """`mean` and `std`, for JSON."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def of(cls, mean: Sequence[float], std: Sequence[float], columns: Sequence[str]) -> Self:
        """From the numbers that `to_dict` returned.

        Raises:
            ValueError: not one number for each column.
        """
        for name, numbers in (("mean", mean), ("std", std)):
            if len(numbers) != len(columns):
                raise ValueError(f".{name} must have {len(columns)} numbers, one for each column; got {len(numbers)}")
        return cls(np.array(mean, np.float64), np.array(std, np.float64))


def measure(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (0 where there is no value) and standard deviation of each column of rows `[T, C]`, float64; NaN missing."""
    lifted, powers = lift(values)
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no values
        mean = np.nan_to_num(np.nanmean(values, axis=0, dtype=np.float64), nan=0.0, posinf=np.inf)
        return mean, np.ldexp(np.nanstd(lifted, axis=0, dtype=np.float64), -powers)


def lift(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values `[T]` or `[T, C]` whose squares do not vanish, and the power of two of each column that they were
    multiplied by, int `[]` or `[C]`: 0 unless all are tiny."""
    largest = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    powers = np.where((largest > 0) & (largest < TINY), LIFT, 0)
    return (np.ldexp(np.asarray(values, np.float64), powers) if powers.any() else values), powers


def find_spread(values: np.ndarray) -> float:
    """Standard deviation of known values `[T]`; 0 where they never vary but for rounding."""
    if find_flat(values):
        return 0.0
    lifted, power = lift(values)
    return float(np.ldexp(lifted.std(dtype=np.float64), -power))


def find_flat(values: np.ndarray) -> np.ndarray:
    """Which columns of `[T, C]`, or whether values `[T]`, never vary but for rounding, or hold no value, bool; NaN is
    missing."""
    low, high = (
        np.asarray(find.reduce(values, axis=0, initial=start), np.float64)
        for find, start in ((np.fmin, np.inf), (np.fmax, -np.inf))
    )
    with np.errstate(over="ignore", invalid="ignore"):
        # rounding noise alone would be scaled up to unit variance
        return np.asarray(~(high - low > ROUNDING * np.spacing(np.maximum(np.abs(low), np.abs(high)))))
