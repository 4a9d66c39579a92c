"""Scaling columns by the mean and standard deviation of the training rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from seqconv.errors import DataError


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each column, `[C]` float64, from training rows only."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, columns: tuple[str, ...]) -> Self:
        """From rows `[T, C]`; missing values (NaN) are left out.

        Raises:
            DataError: a column without a value in these rows, or always the same: it cannot be scaled.
        """
        count = np.sum(~np.isnan(values), axis=0)
        for column, known in zip(columns, count, strict=True):
            if known == 0:
                raise DataError(f"column {column!r}: must hold values in the training rows; got none. Leave it out")
        mean = np.asarray(np.nanmean(values, axis=0, dtype=np.float64))
        std = np.asarray(np.nanstd(values, axis=0, dtype=np.float64))
        for column, spread, centre in zip(columns, std, mean, strict=True):
            # a spread of rounding noise alone would be blown up to unit size
            if spread <= 1e-12 * max(abs(centre), 1.0):
                raise DataError(f"column {column!r}: must vary in the training rows; always {centre:g}. Leave it out")
        return cls(mean, std)

    def scale(self, values: np.ndarray) -> np.ndarray:
        """(values - mean) / std, float32 `[T, C]`, row behind row; missing stays missing."""
        return np.ascontiguousarray((values - self.mean) / self.std, np.float32)

    def to_dict(self) -> dict[str, list[float]]:
        """`mean` and `std`, for JSON."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """What `to_dict` gave."""
        return cls(np.array(table["mean"], np.float64), np.array(table["std"], np.float64))
