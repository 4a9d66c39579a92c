"""Scaling columns by the mean and standard deviation of the training rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from seqconv.errors import DataError


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each column, `[C]` float64, from training rows only."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, columns: tuple[str, ...]) -> Self:
        """Fit to rows `[T, C]`; missing values (NaN) are ignored.

        Raises:
            DataError: a column without values, or with a constant one, which cannot be scaled.
        """
        count = np.sum(~np.isnan(values), axis=0)
        for column, known in zip(columns, count, strict=True):
            if known == 0:
                raise DataError(f"column {column!r}: must hold values in the training rows; got none. Leave it out")
        mean = np.asarray(np.nanmean(values, axis=0, dtype=np.float64))
        std = np.asarray(np.nanstd(values, axis=0, dtype=np.float64))
        for column, spread, centre in zip(columns, std, mean, strict=True):
            # rounding noise alone would be scaled up to unit variance
            if spread <= 1e-12 * max(abs(centre), 1.0):
                raise DataError(f"column {column!r}: must vary in the training rows; always {centre:g}. Leave it out")
        return cls(mean, std)

    def scale(self, values: np.ndarray) -> np.ndarray:
        """(values - mean) / std, float32 `[T, C]`, contiguous; missing values stay missing."""
        return np.ascontiguousarray((values - self.mean) / self.std, np.float32)

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
