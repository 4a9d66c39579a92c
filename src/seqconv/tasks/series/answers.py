"""Forecasts for rows in memory, in a file or in a request."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqconv.data.datasets import HEADERS
from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.jsonlines import table_from_objects
from seqconv.data.readers.series import START, find_times, oldest_first, series_from_table, split_names
from seqconv.data.readers.tables import Frame, Table, add_columns, iterate_tables, read_table
from seqconv.data.readers.zones import local_times
from seqconv.data.records import Series
from seqconv.errors import DataError, SeveralSeries
from seqconv.metrics.records import Json
from seqconv.recipes.durations import show_duration
from seqconv.recipes.settings import parse_number
from seqconv.tasks.baselines import Say
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.explanation import GridExplanation
from seqconv.tasks.seen import Tally
from seqconv.tasks.series.explaining import explain_series
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.holes import explain_newest
from seqconv.tasks.series.split import make_keys
from seqconv.tasks.target import Columns, to_number
from seqconv.tasks.task import MOST_TYPED, Options, Source, need_path, say_nothing
from seqconv.tasks.values import Values

FIRST, LAST = (
    np.datetime64("0002-01-01"),
    np.datetime64("9998-01-01"),
)  # range of times that the calendar supports, leads included


def forecast_rows(
    trained: Trained, values: np.ndarray, times: np.ndarray | None = None, source: str = "the rows"
) -> tuple[np.ndarray, list[np.ndarray] | None]:
    """Forecasts for each row that can end a whole window, float64 `[N, H, targets]`, and the bounds of their intervals
    or their quantiles (None: the model has neither).

    Args:
        values, times: see `Predictor.forecast`.
        source: what errors call the rows.

    Raises:
        DataError: wrong columns, fewer rows than one window, or no times for a model that reads the calendar.
    """
    features: SeriesFeatures = trained.bundle.features
    spec, rows = features.spec, len(values)
    if values.ndim != 2 or values.shape[1] != len(features.columns):
        raise DataError(f"the rows must have {len(features.columns)} columns; got shape {values.shape}")
    if rows < spec.span:
        raise DataError(f"the rows must fill a window of {spec.lookback}; got {rows}. Give more rows")
    if times is None and features.calendar:
        raise DataError("this model reads the calendar: it needs the times of the rows. Give times")
    stamps = np.datetime64(0, "s") + np.arange(rows) * np.timedelta64(spec.interval_s, "s")
    stamps = stamps if times is None else times
    scaled = features.scale(Series(stamps, values, features.columns, spec.interval_s, source))
    anchors = spec.live_anchors(rows)
    outputs = trained.model.predict(features.inputs(scaled, anchors, times))
    # a network may not look at every row of its window, so a missing value need not show in its output
    outputs[spec.is_broken(anchors, stamps, scaled)] = np.nan
    return features.target.finish(outputs, features.base_at(scaled, anchors))


def _stack_forecasts(trained: Trained, series: Series) -> np.ndarray:
    """Point forecasts, and bounds or quantiles if the model has them, `[1 + bounds, N, H, targets]`."""
    forecast, bounds = forecast_rows(trained, series.values, series.times, series.source)
    return np.stack([forecast, *(bounds or ())])


def predict_series_file(
    trained: Trained, source: str | Path | IO[bytes], column: str, rows: int, say: Say = say_nothing
) -> Iterator[Frame]:
    """The rows of a table, each followed by the forecasts made at it; null where its window is not whole."""
    bundle, config = trained.bundle, trained.bundle.recipe.data
    before: Series | None = None  # rows that the first windows of the next piece need
    log = _Log(bundle, say)
    for table in iterate_tables(need_path(source), rows, HEADERS[config.header], decimal=config.decimal):
        table = _turn(bundle, table, column) if before is None else table
        series = read_piece(bundle, table, column, whole=before is None)
        if before is not None and series.clock == "counted" and series.times[0] == START:
            ahead = before.times[-1] + np.timedelta64(series.interval_s, "s") - START
            series = replace(series, times=series.times + ahead)
        joined = series if before is None else _join(before, series)
        if before is not None and joined.times[len(before.times)] < before.times[-1]:
            raise DataError(f"{table.place(0)}: times must not run backwards. Sort the rows")
        log.read(table, joined, len(series.times))
        yield add_columns(table, _forecast_columns(trained, joined, len(series.times)))
        before = _tail(joined, bundle.features.spec.lookback)
    if before is not None:
        log.end(before)


class _Log:
    """Says how a file was read, why its newest forecast is empty, and which of its rows the model was trained on."""

    def __init__(self, bundle: AnyBundle, say: Say) -> None:
        self.features: SeriesFeatures = bundle.features
        self.say, self.tally = say, Tally(bundle.seen)
        self.rows = 0  # of all pieces so far

    def read(self, table: Table, series: Series, rows: int) -> None:
        """The next piece, whose rows are the last `rows` of `series`."""
        if not self.rows:
            for note in series.notes:
                self.say(note)
        self.rows += rows
        self.tally.add(make_keys(self.features, series)[-rows:], lambda row: _show_time(series, row - rows))

    def end(self, series: Series) -> None:
        """Nothing comes after `series`, the newest rows."""
        first = self.rows - len(series.times) + 1
        why = explain_newest(series, self.features, lambda row: _show_time(series, row) or f"row {first + row}")
        for note in (*([f"the newest forecast is empty: {why}"] if why else []), *self.tally.describe()):
            self.say(note)


def _show_time(series: Series, row: int) -> str | None:
    return _show_times(series, series.times[[row]])[0]


def _turn(bundle: AnyBundle, table: Table, column: str) -> Table:
    return oldest_first(table, _name_time(bundle, table, column), bundle.recipe.data.dates)


def _name_time(bundle: AnyBundle, table: Table, column: str) -> str:
    """The column of times: the one asked for, or that of the training file; empty: inferred."""
    trained: str = bundle.recipe.data.time
    named = trained in (*table.frame.columns, NONE) or split_names(trained)[0] in table.frame.columns
    return column or (trained if named else "")


def read_piece(bundle: AnyBundle, table: Table, column: str, whole: bool) -> Series:
    """The columns that the model reads; the first piece is also checked for the interval of the rows."""
    config = bundle.recipe.data
    features: SeriesFeatures = bundle.features
    time = _name_time(bundle, table, column)
    if config.time not in ("", NONE) and not find_times(table, time):
        got = f"got {', '.join(table.frame.columns)[:100]!r}"
        raise DataError(f"{table.path}: must have times, as {config.time!r} in training; {got}. Name them with --time")
    interval_s, missing = features.spec.interval_s, parse_number(config.missing, "data.missing")
    read = partial(
        series_from_table,
        table,
        time,
        zone=config.zone,
        columns=features.columns,
        missing=missing,
        dates=config.dates,
    )
    if whole and not config.interval and len(table.frame) > 1:
        try:
            series = read()
        except SeveralSeries as error:
            cure = "Give the rows of one" if "one series" in str(error) else "Resample them"
            raise DataError(f"{str(error).partition('. ')[0]}. The model forecasts one, row by row. {cure}") from error
        if series.interval_s != interval_s:
            raise DataError(
                f"{table.path}: must have a row every {show_duration(interval_s)} as in training; it has one every "
                f"{show_duration(series.interval_s)}. Resample it"
            )
    else:
        series = read(interval=f"{interval_s}s")
    for name in features.columns:
        if name not in series.columns:
            raise DataError(f"{table.path}: must have the column {name!r} as in training; it does not. Add it")
    order = [series.columns.index(name) for name in features.columns]
    return replace(series, values=series.values[:, order], columns=features.columns)


def _join(first: Series, second: Series) -> Series:
    times, values = (
        np.concatenate([one, other]) for one, other in ((first.times, second.times), (first.values, second.values))
    )
    return replace(second, times=times, values=values)


def _tail(series: Series, rows: int) -> Series:
    start = max(len(series.times) - rows, 0)
    return replace(series, times=series.times[start:], values=series.values[start:])


def _forecast_columns(trained: Trained, series: Series, rows: int) -> Columns:
    """Forecasts, and bounds or quantiles, for the last `rows` rows of `series`; NaN where none can be made."""
    features: SeriesFeatures = trained.bundle.features
    spec, target, count = features.spec, features.target, len(series.times)
    shape = 1 + len(target.bounds), count, len(target.horizons), len(target.names)
    found = np.full(shape, np.nan)
    if count > spec.lookback - spec.step:
        made = _stack_forecasts(trained, series)
        found[:, count - made.shape[1] :] = made
    return name_forecasts(target, found[:, count - rows :])


def name_forecasts(target: Values, found: np.ndarray) -> Columns:
    """Forecasts `[1 + bounds, N, H, targets]`, with bounds or quantiles if there are any, as columns `[N]`."""
    return {
        f"{column} in {horizon}{name}": found[number, :, place, index]
        for place, horizon in enumerate(target.horizons)
        for index, column in enumerate(target.names)
        for number, name in enumerate(("", *(f" {bound}" for bound in target.bounds)))
    }


def read_request_rows(bundle: AnyBundle, rows: list[Any], first: int) -> Series:
    """The newest window of the rows of a request, which must be whole.

    Raises:
        DataError: too few rows, uneven ones, or a missing value.
    """
    features: SeriesFeatures = bundle.features
    spec, needed = features.spec, features.spec.span
    interval = show_duration(spec.interval_s)
    if len(rows) < needed:
        raise DataError(f"rows: must hold the newest {needed}, {interval} apart; got {len(rows)}. Give more rows")
    table = replace(table_from_objects(rows, "rows"), decimal=bundle.recipe.data.decimal)
    series = read_piece(bundle, table, "", whole=True)
    if not FIRST < series.times[0] <= series.times[-1] < LAST:
        raise DataError(
            f"rows: times must be of the years 2 to 9997; got {series.times[0]} to {series.times[-1]}. Correct them"
        )
    window = replace(series, times=series.times[-needed:], values=series.values[-needed:])
    must = f"rows: the newest {needed} must"
    uneven = np.diff(window.times) != np.timedelta64(spec.interval_s, "s")
    if uneven.any():
        at = int(np.argmax(uneven))
        one, other = _show_times(window, window.times[at : at + 2])
        raise DataError(
            f"{must} be {interval} apart; after {one} comes {other}. Fill the hole or drop the repeated row"
        )
    missing = np.isnan(window.values[:: spec.step])  # rows between the steps are not read
    if missing.any():
        row, column = (int(place[0]) for place in np.nonzero(missing))
        where = len(rows) - needed + row * spec.step + 1
        raise DataError(f"{must} hold every value; {features.columns[column]!r} of row {where} is missing. Fill it in")
    return window


def answer_rows(trained: Trained, window: Series) -> list[Json]:
    """The forecasts of one window, each with the time that it is for (None: the rows have no times)."""
    features: SeriesFeatures = trained.bundle.features
    spec, target = features.spec, features.target
    names = ("prediction", *target.bounds)
    values = _stack_forecasts(trained, window)[:, 0]
    ahead = np.array(spec.leads) * np.timedelta64(spec.interval_s, "s")
    times = _show_times(window, window.times[-1] + ahead)
    return [
        {"target": column, "lead": horizon, "time": time}
        | {name: to_number(value) for name, value in zip(names, values[:, place, index], strict=True)}
        for place, (horizon, time) in enumerate(zip(target.horizons, times, strict=True))
        for index, column in enumerate(target.names)
    ]


def _show_times(series: Series, stamps: np.ndarray) -> list[str | None]:
    """ISO 8601, as precise as the rows: in their time zone, in UTC, or as written."""
    if series.clock == "counted":
        return [None] * len(stamps)
    if series.clock == "local":
        return [str(stamp) for stamp in stamps]
    local = local_times(stamps, series.zone)
    return [f"{at}{_show_offset(int((at - stamp).astype(np.int64)))}" for at, stamp in zip(local, stamps, strict=True)]


def _show_offset(seconds: int) -> str:
    """Offset from UTC, such as `+02:00`."""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{rest // 60:02d}"


def read_example_rows(bundle: AnyBundle, source: Source) -> Series:
    """A whole series with the columns that the model reads.

    Raises:
        ConfigError: no file.
        DataError: the file cannot be read, or lacks what the model needs.
    """
    return read_series(bundle, source.need_file(), source.column)


def read_series(bundle: AnyBundle, path: Path, column: str) -> Series:
    """The same by the file's path and the column of its times; empty: as in training."""
    config = bundle.recipe.data
    table = read_table(path, HEADERS[config.header], decimal=config.decimal)
    return read_piece(bundle, _turn(bundle, table, column), column, whole=True)


def explain_example(trained: Trained, series: Series, options: Options) -> GridExplanation:
    """See `explain_series`; the options are `at`, `target` and `lead`."""
    return explain_series(trained, series, **options)


def make_example(bundle: AnyBundle) -> str:
    """Made-up rows of one window as a user would type them; empty if there would be very many."""
    features: SeriesFeatures = bundle.features
    spec, name = features.spec, split_names(bundle.recipe.data.time)[0] or "time"
    if spec.span * len(features.columns) > MOST_TYPED or any(set(each) & set(',;\t"') for each in features.columns):
        return ""
    stamps = np.datetime64("2024-01-01T00:00:00") + np.arange(spec.span) * np.timedelta64(spec.interval_s, "s")
    precise = next(unit for unit, size in (("D", 86400), ("m", 60), ("s", 1)) if spec.interval_s % size == 0)
    times = [name, *(str(stamp).replace("T", " ") for stamp in stamps.astype(f"datetime64[{precise}]"))]
    values = [features.columns, *([f"{value:.4g}" for value in row] for row in features.scaler.make_rows(spec.span))]
    return "\n".join(",".join(row if name == NONE else [time, *row]) for time, row in zip(times, values, strict=True))


def describe_series_model(bundle: AnyBundle) -> Json:
    """Columns, targets and horizons, the rows that a request needs, and the coverage of intervals or the levels of
    quantiles."""
    features: SeriesFeatures = bundle.features
    spec = features.spec
    about: Json = {
        "columns": list(features.columns),
        **features.target.describe(),
        "leads": list(features.target.horizons),
        "rows_needed": spec.span,
        "rows_every": show_duration(spec.interval_s),
        "zone": features.zone or None,
    }
    return about | features.target.describe_bounds(bundle.recipe.training.coverage)


def answer_whole(trained: Trained, series: Series) -> np.ndarray:
    """A model's scaled forecasts from each row that ends a whole window, `[N, outputs]`; none of a shorter series."""
    features: SeriesFeatures = trained.bundle.features
    spec, scaled = features.spec, features.scale(series)
    anchors = spec.live_anchors(len(scaled))
    anchors = anchors[~spec.is_broken(anchors, series.times, scaled)] if len(anchors) else anchors
    if not len(anchors):
        raise DataError(f"{series.source}: must hold a whole window of {spec.span} rows to be forecast; none is whole")
    point = trained.model.predict(features.inputs(scaled, anchors, series.times))[:, : features.target.outputs]
    return np.asarray(point + features.base_at(scaled, anchors))
