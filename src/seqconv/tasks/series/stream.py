"""Forecasts after each row of a series that is still being recorded."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seqconv.data.readers.jsonlines import table_from_objects
from seqconv.errors import DataError
from seqconv.tasks.bundle import Trained
from seqconv.tasks.series.answers import forecast_rows, name_forecasts, read_piece
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.streaming import State, Stream, check_shape
from seqconv.tasks.target import Columns

_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
SECOND = np.timedelta64(1, "s")


class SeriesStream(Stream):
    """The newest rows of a series, of which one comes at a time."""

    values: np.ndarray  # of the newest rows, float64 [T, C]
    times: np.ndarray  # datetime64[s] [T]

    def __init__(self, trained: Trained, state: State | None = None) -> None:
        """Begin, or go on.

        Raises:
            DataError: see `Stream`.
        """
        self.features: SeriesFeatures = trained.bundle.features
        super().__init__(trained, state)

    def push(self, item: Any, time: np.datetime64 | None = None) -> np.ndarray:
        """The forecasts made at this row.

        Args:
            item: a value for each of `bundle.features.columns`; NaN is missing.
            time: of the row; None: an interval after the last one.

        Returns:
            float64 `[1 + bounds, H, targets]`: point forecasts, then bounds or quantiles if the model has them; NaN
            while the window is not whole.

        Raises:
            DataError: wrong columns, a time before the last one, or none for a model that reads the calendar.
        """
        features, spec = self.features, self.features.spec
        row = np.asarray(item, np.float64)
        if row.shape != (len(features.columns),):
            raise DataError(f"a row must have {len(features.columns)} columns; got {list(row.shape)}. Give each")
        values = np.concatenate([self.values, row[None]])[-spec.span :]
        times = np.concatenate([self.times, self._find_time(time)])[-spec.span :]
        if len(values) < spec.span:
            count = 1 + len(features.target.bounds)
            answer = np.full((count, len(features.target.horizons), len(features.target.names)), np.nan)
        else:
            point, bounds = forecast_rows(self.trained, values, times, "the stream")
            answer = np.stack([point[-1], *(each[-1] for each in bounds or ())])
        self.values, self.times = values, times
        return answer

    def _find_time(self, time: np.datetime64 | None) -> np.ndarray:
        if time is None:
            if self.features.calendar:
                raise DataError("this model reads the calendar: it needs the time of each row. Give time")
            after = self.times[-1:] + self.features.spec.interval_s * SECOND
            return after if len(after) else np.zeros(1, "datetime64[s]")
        stamp = np.array([time], "datetime64[s]")
        if np.isnat(stamp).any() or (len(self.times) and stamp[0] < self.times[-1]):
            raise DataError(f"times must not run backwards; got {stamp[0]}. Sort the rows")
        return stamp

    def push_cells(self, cells: Mapping[str, Any]) -> np.ndarray:
        bundle = self.trained.bundle
        decimal = bundle.recipe.data.decimal
        own = dict(cells)
        for name in self.features.columns if decimal != "comma" else ():
            if isinstance(cell := own.get(name), str) and _PLAIN.fullmatch(cell):
                own[name] = float(cell)  # in a tenth of the time that a table's reader takes for a single row
        table = replace(table_from_objects([own], "the stream"), decimal=decimal)
        row = read_piece(bundle, table, "", whole=False)
        return self.push(row.values[0], None if row.clock == "counted" else row.times[0])

    def to_columns(self, answer: np.ndarray) -> Columns:
        return name_forecasts(self.features.target, answer[:, None])

    def restart(self) -> None:
        self.values = np.empty((0, len(self.features.columns)))
        self.times = np.empty(0, "datetime64[s]")

    def arrays(self) -> dict[str, np.ndarray]:
        return {"values": self.values, "times": self.times.astype(np.int64)}

    def take(self, arrays: State) -> None:
        most = self.features.spec.span
        values = check_shape("values", arrays["values"], "f", (len(self.features.columns),), most)
        times = check_shape("times", arrays["times"], "i", (), most).astype("datetime64[s]")
        if len(values) != len(times) or np.isnat(times).any() or (np.diff(times) < 0 * SECOND).any():
            raise ValueError("values and times must be of the same rows, the oldest first")
        self.values, self.times = values.astype(np.float64), times
