"""Forecasts of panels in memory, in a file or in a request."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqconv.data.datasets import HEADERS, panel_columns
from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.grids import fill_values
from seqconv.data.readers.jsonlines import table_from_objects
from seqconv.data.readers.panels import read_panel
from seqconv.data.readers.series import split_names
from seqconv.data.readers.tables import Frame, Table, create_table, join_tables, read_table
from seqconv.data.readers.values import parse_columns
from seqconv.data.readers.zones import local_times
from seqconv.data.records import Panel, is_missing
from seqconv.errors import DataError, OptionError, nearest
from seqconv.metrics.records import Json
from seqconv.recipes.settings import parse_number
from seqconv.tasks.baselines import Say
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.explanation import Curves, GridExplanation
from seqconv.tasks.occlusion import cut_spans
from seqconv.tasks.panel.features import KNOWN, PAST, STATIC, PanelFeatures, find_scales, first_known
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, to_quantiles
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.target import to_number
from seqconv.tasks.task import Options, Source, need_path, say_nothing

MOST_SHOWN = 12  # series that a page shows
PIECE = 2_000  # series forecast together
DIGITS = 7  # of a forecast in a table
TIME = "time"  # the column of times in forecasts whose own table has none


def forecast_panel(
    trained: Trained, panel: Panel, advance: Callable[[int, int], None] = lambda done, total: None
) -> np.ndarray:
    """Quantiles at `LEVELS` of the rows after the newest value of each series, float64 `[S, H, levels]`.

    Args:
        advance: hears how many of the series are forecast, of how many.

    Raises:
        DataError: a column is missing, or a series without a value.
    """
    features: PanelFeatures = trained.bundle.features
    inputs = newest_examples(features, panel)
    found = np.empty((len(inputs), features.horizon, len(LEVELS)))
    for first in range(0, len(inputs), PIECE):
        rows = np.arange(first, min(first + PIECE, len(inputs)))
        advance(first, len(inputs))
        some = inputs.take(rows)
        found[rows] = to_quantiles(trained.model.predict(some)) * find_scales(some, features.season)[:, None, None]
    advance(len(inputs), len(inputs))
    return found


def newest_examples(features: PanelFeatures, panel: Panel) -> PanelInputs:
    """The forecasts that follow the newest value of each series.

    Raises:
        DataError: a column is missing, or a series without a value.
    """
    check_values(panel)
    rows = features.encode(panel)
    return features.at(rows, np.arange(len(panel)), rows.offsets[:-1] + panel.lengths)


def check_values(panel: Panel) -> None:
    """Check that each series has a value to forecast from.

    Raises:
        DataError: one has none.
    """
    empty = panel.lengths == 0
    if empty.any():
        key = panel.show_key(int(np.argmax(empty)))
        raise DataError(f"{panel.source}: each series must have a value of {panel.target!r}; {key} has none. Drop it")


def read_file(bundle: AnyBundle, path: Path, time: str = "", future: Path | None = None) -> Panel:
    """The series of a file, read as the training file was.

    Args:
        time: the time column, if it has another name.
        future: a table of the rows to forecast, with the known columns.

    Raises:
        DataError: the file cannot be read, or lacks what the model needs.
    """
    config, own = bundle.recipe.data, bundle.features
    read = partial(read_table, header=HEADERS[config.header], decimal=config.decimal)
    table = read(path)
    if future is None:
        return _read(bundle, table, time)
    later = read(future)
    known = [each.name for each in own.columns if each.role == KNOWN]
    for name in (*own.ids, *name_times(bundle, time), *known):
        if name not in later.frame.columns:
            hint = nearest(name, later.frame.columns)
            raise DataError(f"{future}: must have the column {name!r} of the rows to forecast; it does not. {hint}")
    missing = parse_number(config.missing, "data.missing")
    table, later = (parse_columns(each, [own.name, *known], missing) for each in (table, later))
    whole = _read(bundle, join_tables(table, later, own.name), time)
    number = table.frame.select(own.ids).n_unique() if own.ids else 1
    if len(whole) > number:
        raise DataError(
            f"{future}: ids must be those of the series; {whole.show_key(number)} has no past. Add its rows"
        )
    _check_future(whole, future)
    return whole


def _check_future(whole: Panel, future: Path) -> None:
    """Check that the rows of the future hold every column.

    Raises:
        DataError: they do not.
    """
    for name, cells in whole.columns.items():
        holes = whole.is_future & is_missing(cells)
        if holes.any():
            row = int(np.argmax(holes))
            series = int(np.searchsorted(whole.offsets, row, side="right") - 1)
            step = whole.starts[series] + row - whole.offsets[series]
            when = show_times(whole, whole.frequency.times(np.array([step])))[0]
            key = whole.show_key(series)
            raise DataError(f"{future}: must hold {name!r} of every row to forecast; {key} lacks {when}. Fill it in")


def _read(bundle: AnyBundle, table: Table, time: str = "") -> Panel:
    config = bundle.recipe.data
    columns = panel_columns(replace(config, time=time) if time else config)
    trained = name_times(bundle, time)[:1]
    if not time and trained and trained[0] not in table.frame.columns:
        raise DataError(
            f"{table.path}: must have the column {trained[0]!r} as in training; it does not. Name the times with "
            "--column"
        )
    return fill_values(read_panel(table, columns), config.fill)


def name_times(bundle: AnyBundle, time: str = "") -> list[str]:
    """The columns of times: those named, or those of the training table; none: rows are counted."""
    named = time or bundle.recipe.data.time
    return split_names(named) if named not in ("", NONE) else []


def predict_panel_file(
    trained: Trained, source: str | Path | IO[bytes], column: str, rows: int, say: Say = say_nothing
) -> Iterator[Frame]:
    """A row for each series and step after its newest value: ids, time, forecast and the other quantiles."""
    yield _forecast_file(trained, read_file(trained.bundle, need_path(source), column), say)


def predict_future(
    trained: Trained, source: Path, column: str, future: Path, say: Say = say_nothing
) -> Iterator[Frame]:
    """The same, with the known columns of the rows to forecast in a second table."""
    yield _forecast_file(trained, read_file(trained.bundle, source, column, future), say)


def _forecast_file(trained: Trained, panel: Panel, say: Say) -> Frame:
    for note in (*panel.notes, *describe_unknown(trained.bundle, panel)):
        say(note)
    return create_table(list_forecasts(trained.bundle, panel, forecast_panel(trained, panel)))


def describe_unknown(bundle: AnyBundle, panel: Panel) -> list[str]:
    """Which known columns are not given in the rows to forecast: a model takes them as usual there."""
    features: PanelFeatures = bundle.features
    found = []
    for column in (each for each in features.columns if each.role == KNOWN):
        cells = take_ahead(panel, panel.columns[column.name], features.horizon)
        lacking = int(is_missing(cells).sum())
        if lacking:
            where = f"{lacking:,} of {cells.size:,} rows to forecast"
            found.append(f"{column.name!r} is not known in {where}: taken as usual")
    return found


def take_ahead(panel: Panel, cells: np.ndarray, horizon: int) -> np.ndarray:
    """A column `[T]` in the rows after the newest value of each series, `[S, H]`; missing where there is no row."""
    rows = panel.ends[:, None] + np.arange(horizon)
    found = cells[np.minimum(rows, len(cells) - 1)]
    found[rows >= panel.offsets[1:, None]] = None if cells.dtype == object else np.nan
    return np.asarray(found)


def write_future(trained: Trained, source: Path, column: str) -> Frame:
    """The rows to forecast after those of a file: a table to fill in, see `list_future`."""
    return create_table(list_future(trained.bundle, read_file(trained.bundle, source, column)))


def list_forecasts(bundle: AnyBundle, panel: Panel, quantiles: np.ndarray) -> dict[str, np.ndarray | list[str]]:
    """Forecasts as the columns of a table, a row for each series and step.

    Args:
        quantiles: `[S, H, levels]`.
    """
    columns = list_rows(bundle, panel, quantiles.shape[1])
    quantiles = round_digits(quantiles)
    columns["forecast"] = quantiles[..., MEDIAN].ravel()
    for place, level in enumerate(LEVELS):
        if place != MEDIAN:
            columns[f"q{100 * level:.0f}"] = quantiles[..., place].ravel()
    return columns


def list_rows(bundle: AnyBundle, panel: Panel, horizon: int) -> dict[str, np.ndarray | list[str]]:
    """The ids and times of the rows to forecast as the columns of a table, a row for each series and step."""
    columns: dict[str, np.ndarray | list[str]] = {}
    for place, name in enumerate(panel.names):
        columns[name] = [key[place] for key in panel.keys for _ in range(horizon)]
    own = next(iter(name_times(bundle)), TIME)
    columns[own] = [each for row in range(len(panel)) for each in list_times(panel, row, horizon)]
    return columns


def round_digits(values: np.ndarray) -> np.ndarray:
    """Quantiles `[..., levels]` with `DIGITS` significant digits, more where they differ only in later ones."""
    with np.errstate(divide="ignore"):
        size = np.floor(np.log10(np.abs(values)))
        spread = np.floor(np.log10(np.ptp(values, axis=-1, keepdims=True)))
    size, spread = (np.where(np.isfinite(each), each, 0.0) for each in (size, spread))
    place = 10.0 ** np.clip(np.maximum(DIGITS - 1 - size, 2 - spread), 0, np.maximum(14 - size, 0))
    return np.asarray(np.round(values * place) / place)


def show_forecasts(
    bundle: AnyBundle, panel: Panel, quantiles: np.ndarray, most: int = MOST_SHOWN
) -> Iterator[tuple[str, str, np.ndarray, np.ndarray, list[str]]]:
    """What a picture of a series needs, of the largest series: its name, the target, the history before the forecast
    `[L]`, its quantiles `[H, levels]`, and the times of these rows and of those to forecast."""
    horizon, season = quantiles.shape[1], bundle.features.season
    first, last = panel.offsets[:-1], panel.ends
    size = np.array([np.nanmean(np.abs(panel.values[a:b][-horizon:])) for a, b in zip(first, last, strict=True)])
    for series in np.argsort(-size, kind="stable")[:most]:
        length = min(int(last[series] - first[series]), max(4 * horizon, 3 * season, 30), 400)
        history = panel.values[last[series] - length : last[series]]
        step = panel.starts[series] + last[series] - first[series]
        times = show_times(panel, panel.frequency.times(step + np.arange(-length, horizon)))
        name = panel.show_key(int(series)) if panel.names else panel.target
        yield name, panel.target, history, quantiles[series], times


def list_future(bundle: AnyBundle, panel: Panel) -> dict[str, np.ndarray | list[str]]:
    """The rows to forecast as a form to fill in: ids, times, the known columns as far as the table holds them."""
    features: PanelFeatures = bundle.features
    check_values(panel)
    columns = list_rows(bundle, panel, features.horizon)
    for column in (each for each in features.columns if each.role != PAST):
        cells = panel.columns[column.name]
        if column.role == STATIC:
            found = np.repeat(first_known(cells, panel.offsets), features.horizon)
        else:
            found = take_ahead(panel, cells, features.horizon).ravel()
        columns[column.name] = found.tolist() if cells.dtype == object else found
    return columns


def list_times(panel: Panel, series: int, horizon: int) -> list[str]:
    """The times of the rows that follow the newest value of a series, as people write them."""
    first = panel.starts[series] + panel.lengths[series]
    times = panel.frequency.times(first + np.arange(horizon))
    return show_times(panel, times)


def show_times(panel: Panel, times: np.ndarray) -> list[str]:
    """Times in the zone of the table, dates where no row has a time of day; whole numbers where rows are counted."""
    if panel.frequency.unit == "row":
        return [str(each) for each in times]
    local = local_times(times, panel.zone)
    texts = [str(each).replace("T", " ") for each in local]
    dates = panel.frequency.seconds >= 86400 and all(each.endswith("00:00:00") for each in texts)
    return [each[:10] for each in texts] if dates else texts


def read_request_panel(bundle: AnyBundle, rows: list[Any], first: int) -> Panel:
    """The series of a request: rows of the table as objects, the target null in those of the future.

    Raises:
        DataError: rows that a table could not have.
    """
    return _read(bundle, replace(table_from_objects(rows, "rows"), decimal=bundle.recipe.data.decimal))


def answer_panel(trained: Trained, panel: Panel) -> list[Json]:
    """The forecasts of every series, step by step."""
    columns = list_forecasts(trained.bundle, panel, forecast_panel(trained, panel))
    names = list(columns)
    return [
        {name: to_number(value) if isinstance(value, float) else value for name, value in zip(names, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]


def read_example_panel(bundle: AnyBundle, source: Source) -> Panel:
    """The series of a file.

    Raises:
        ConfigError: no file.
        DataError: the file cannot be read, or lacks what the model needs.
    """
    return read_file(bundle, source.need_file(), source.column)


def explain_panel(trained: Trained, panel: Panel, options: Options) -> GridExplanation:
    """What stretches of the history, and the columns known, add to a forecast of one series: by leaving each out.

    Args:
        options: `series`: values of its ids, apart by commas; empty: the first. `step`: from 1; empty: the first.

    Raises:
        ConfigError: no such series or step.
    """
    features: PanelFeatures = trained.bundle.features
    series, step = _choose_series(panel, options.get("series", "")), _choose_step(features, options.get("step", ""))
    whole = newest_examples(features, panel).take(np.array([series]))
    anchor, first = int(whole.anchors[0]), int(whole.starts[0])
    first = max(first, anchor - max(features.lookback, 24))
    bounds = first + cut_spans(anchor - first)
    spans = [*zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)]

    def answer(inputs: PanelInputs) -> float:
        quantiles = to_quantiles(trained.model.predict(inputs))[0] * find_scales(inputs, features.season)[0]
        return float(quantiles[step, MEDIAN])

    value = answer(whole)
    rows = (panel.target, *(column.name for column in features.columns))
    reach = [*spans, (anchor, anchor + features.horizon)]
    cells, entire = np.zeros((len(rows), len(reach))), np.zeros(len(rows))
    for row in range(len(rows)):
        for place, (begin, end) in enumerate(reach if row else spans):
            cells[row, place] = value - answer(_leave_out(features, whole, row, begin, end))
        # a forecast needs a value of the target
        entire[row] = value - answer(_leave_out(features, whole, row, first, reach[-1][1] if row else anchor - 1))
    times = features.frequency.times(whole.rows.steps[first : anchor + features.horizon])
    stamps = show_times(panel, times)
    named = tuple((stamps[begin - first], stamps[end - 1 - first]) for begin, end in reach)
    quantiles = to_quantiles(trained.model.predict(whole))[0] * find_scales(whole, features.season)[0]
    curves = Curves(
        times if features.frequency.unit == "row" else local_times(times, panel.zone),
        np.append(whole.rows.values[first:anchor], np.full(features.horizon, np.nan))[:, None],
        np.append(bounds, anchor + features.horizon) - first,
        times[anchor - first :],
        quantiles[:, [MEDIAN, 0, -1]].T,
        0,
    )
    about = f"{panel.target} of {panel.show_key(series)}" if panel.names else panel.target
    facts = {"newest row": stamps[anchor - first - 1], "time": stamps[anchor - first + step]}
    band = float(quantiles[step, 0]), float(quantiles[step, -1])
    return GridExplanation(about, value, {}, rows, named, cells, entire, facts, curves, band)


def _leave_out(features: PanelFeatures, inputs: PanelInputs, row: int, begin: int, end: int) -> PanelInputs:
    """The same without the values of the target (row 0) or of a column in these rows; a static one is read in the rows
    to forecast."""
    if row == 0:
        return _blank_rows(inputs, "values", slice(begin, end))
    column = features.columns[row - 1]
    alike = [each for each in features.columns[: row - 1] if each.role == column.role]
    at = sum(each.width for each in alike)
    columns = slice(at, at + column.width)
    if column.role != STATIC:
        return _blank_rows(inputs, column.role, (slice(begin, end), columns))
    return _blank_rows(inputs, STATIC, (inputs.series, columns)) if end > inputs.anchors[0] else inputs


def _blank_rows(inputs: PanelInputs, name: str, cells: Any) -> PanelInputs:
    table = getattr(inputs.rows, name).copy()
    table[cells] = np.nan
    changes: Mapping[str, Any] = {name: table}
    return replace(inputs, rows=replace(inputs.rows, **changes))


def _choose_series(panel: Panel, asked: str) -> int:
    names = [", ".join(key) for key in panel.keys]
    wanted = ", ".join(part.strip() for part in asked.split(","))
    if asked and wanted not in names:
        raise OptionError(f"series: unknown series {asked!r}. {nearest(wanted, names)}")
    return names.index(wanted) if asked else 0


def _choose_step(features: PanelFeatures, asked: str) -> int:
    if asked and not (asked.isdigit() and 1 <= int(asked) <= features.horizon):
        raise OptionError(f"step must be a whole number from 1 to {features.horizon}; got {asked!r}")
    return int(asked or 1) - 1


def describe_panel_model(bundle: AnyBundle) -> Json:
    """Columns, the horizon and the levels."""
    features: PanelFeatures = bundle.features
    return {
        "columns": [*features.ids, *name_times(bundle), features.name, *(each.name for each in features.columns)],
        **features.target.describe(),
        "ids": list(features.ids),
        "known": [each.name for each in features.columns if each.role == "known"],
        "horizon": features.horizon,
        "rows_every": features.frequency.name,
        "levels": [float(level) for level in LEVELS],
        "zone": features.zone or None,
    }
