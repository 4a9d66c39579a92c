"""Forecasts of panels in memory, in a file or in a request."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqconv.data.datasets import open_table, panel_columns
from seqconv.data.frequency import DAY_S
from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.dataframes import Column
from seqconv.data.readers.futures import add_future
from seqconv.data.readers.grids import fill_values
from seqconv.data.readers.jsonlines import table_from_objects
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.data.readers.panels import panel_from_table
from seqconv.data.readers.series import split_names
from seqconv.data.readers.tables import Frame, Table, create_table
from seqconv.data.readers.zones import Stamps
from seqconv.data.records import Panel, is_missing
from seqconv.errors import DataError
from seqconv.metrics.quantiles import name_quantile
from seqconv.metrics.records import Json
from seqconv.tasks.baselines import Say
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.panel.features import KNOWN, PAST, STATIC, PanelFeatures, find_scales, first_known
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, to_quantiles
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.target import to_number
from seqconv.tasks.task import MOST_TYPED, Source, need_path, say_nothing

PIECE = 2_000  # series forecast together at most
DIGITS = 7  # of a forecast in a table
FEWEST_TYPED = 24  # rows of a made-up example
TIME = "time"  # the column of times in forecasts whose own table has none

Advance = Callable[[int, int], None]


def forecast_panel(trained: Trained, panel: Panel, advance: Advance = lambda done, total: None) -> np.ndarray:
    """Quantiles at `LEVELS` of the rows after the newest value of each series, float64 `[S, H, levels]`.

    Args:
        advance: hears how many series are forecast, of how many.

    Raises:
        DataError: a column is missing, or a series without a value.
    """
    features: PanelFeatures = trained.bundle.features
    inputs = newest_examples(features, panel)
    found = np.empty((len(inputs), features.horizon, len(LEVELS)))
    for rows in np.array_split(np.arange(len(inputs)), -(-len(inputs) // PIECE)):
        advance(int(rows[0]), len(inputs))
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
        raise DataError(
            f"{panel.source}: each series must have a value of {panel.target!r}; {key} has none. Remove its rows"
        )


def read_file(bundle: AnyBundle, path: Path, time: str = "", future: Path | None = None) -> Panel:
    """The series of a file, read as the training file was.

    Args:
        time: the time column, if it has another name.
        future: a table of the rows to forecast, with the known columns.

    Raises:
        DataError: the file cannot be read, or lacks what the model needs.
    """
    config = bundle.recipe.data
    later = None if future is None else open_table(future, config)
    return read_tables(bundle, open_table(path, config), later, time)


def read_tables(bundle: AnyBundle, table: Table, later: Table | None = None, time: str = "") -> Panel:
    """The same from tables that have been read."""
    panel = _read(bundle, table, time)
    return panel if later is None else add_later(bundle, panel, later, time)


def add_later(bundle: AnyBundle, panel: Panel, later: Table, time: str = "") -> Panel:
    """The series with what a table holds of the rows to forecast."""
    known = [each.name for each in bundle.features.columns if each.role == KNOWN]
    return add_future(panel, later, _name_columns(bundle, time), known)


def _name_columns(bundle: AnyBundle, time: str) -> PanelColumns:
    config = bundle.recipe.data
    return panel_columns(replace(config, time=time) if time else config)


def _read(bundle: AnyBundle, table: Table, time: str = "") -> Panel:
    columns, trained = _name_columns(bundle, time), name_times(bundle, time)[:1]
    if not time and trained and trained[0] not in table.frame.columns:
        raise DataError(
            f"{table.path}: must have the column {trained[0]!r} as in training; it does not. Add it, or name "
            "the times of a file with --time"
        )
    return fill_values(panel_from_table(table, columns), bundle.recipe.data.fill)


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
    return to_frame(panel, list_forecasts(trained.bundle, panel, forecast_panel(trained, panel)))


def describe_unknown(bundle: AnyBundle, panel: Panel, steps: int | None = None) -> list[str]:
    """Which known columns are not given in the rows to forecast: a model takes them as usual there.

    Args:
        steps: the first ones of each series; None: the whole horizon.
    """
    features: PanelFeatures = bundle.features
    found = []
    for column in (each for each in features.columns if each.role == KNOWN):
        lacking = is_missing(take_ahead(panel, panel.columns[column.name], steps or features.horizon))
        if lacking.any():
            series, step = (int(each[0]) for each in np.nonzero(lacking))
            when = list_times(panel, series, step + 1)[-1]
            whose = panel.whose(series)
            where = f"{int(lacking.sum()):,} of {lacking.size:,} rows to forecast, the first {when}{whose}"
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
    panel = read_file(trained.bundle, source, column)
    return to_frame(panel, list_future(trained.bundle, panel))


def to_frame(panel: Panel, columns: Mapping[str, Column]) -> Any:
    """A frame of the kind that the series were read from; those of a file give one of polars, as it is written."""
    return panel.form.build(columns) if panel.form else create_table(spell(columns))


def spell(columns: Mapping[str, Column]) -> dict[str, np.ndarray | list[str]]:
    """Columns as they are written."""
    return {name: each.texts if isinstance(each, Stamps) else each for name, each in columns.items()}


def list_forecasts(bundle: AnyBundle, panel: Panel, quantiles: np.ndarray) -> dict[str, Column]:
    """Forecasts as the columns of a table, a row for each series and step.

    Args:
        quantiles: `[S, H, levels]`.
    """
    columns = list_rows(bundle, panel, quantiles.shape[1])
    features: PanelFeatures = bundle.features
    chosen = round_digits(features.choose_levels(quantiles))
    columns["forecast"] = round_digits(quantiles)[..., MEDIAN].ravel()
    for place, level in enumerate(features.levels or LEVELS):
        if features.levels or place != MEDIAN:
            columns[name_quantile(level)] = chosen[..., place].ravel()
    return columns


def list_rows(bundle: AnyBundle, panel: Panel, horizon: int) -> dict[str, Column]:
    """The ids and times of the rows to forecast as the columns of a table, a row for each series and step."""
    columns: dict[str, Column] = {}
    for place, name in enumerate(panel.names):
        columns[name] = [key[place] for key in panel.keys for _ in range(horizon)]
    own = next(iter(name_times(bundle)), TIME)
    steps = (panel.starts + panel.lengths)[:, None] + np.arange(horizon)
    columns[own] = _stamp(panel, panel.frequency.times(steps.ravel()))
    return columns


def round_digits(values: np.ndarray) -> np.ndarray:
    """Quantiles `[..., levels]` with `DIGITS` significant digits, more where they differ only in later ones."""
    with np.errstate(divide="ignore"):
        size = np.floor(np.log10(np.abs(values)))
        spread = np.floor(np.log10(np.ptp(values, axis=-1, keepdims=True)))
    size, spread = (np.where(np.isfinite(each), each, 0.0) for each in (size, spread))
    place = 10.0 ** np.clip(np.maximum(DIGITS - 1 - size, 2 - spread), 0, np.maximum(14 - size, 0))
    return np.asarray(np.round(values * place) / place)


def list_future(bundle: AnyBundle, panel: Panel) -> dict[str, Column]:
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
    """Times as people write them, see `Stamps`."""
    return _stamp(panel, times).texts


def _stamp(panel: Panel, times: np.ndarray) -> Stamps:
    return Stamps(times, panel.zone, panel.frequency.seconds >= DAY_S, panel.clock == "utc")


def read_request_panel(bundle: AnyBundle, rows: list[Any], first: int) -> Panel:
    """The series of a request: rows of the table as objects, the target null in those of the future.

    Raises:
        DataError: rows that a table could not have.
    """
    return _read(bundle, replace(table_from_objects(rows, "rows"), decimal=bundle.recipe.data.decimal))


def answer_panel(trained: Trained, panel: Panel) -> list[Json]:
    """The forecasts of every series, step by step."""
    columns = spell(list_forecasts(trained.bundle, panel, forecast_panel(trained, panel)))
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


def make_example(bundle: AnyBundle) -> str:
    """Made-up rows of one series as a user would type them, and the rows to forecast if something is known of them."""
    features: PanelFeatures = bundle.features
    ahead = features.horizon * any(each.role == KNOWN for each in features.columns)
    past = max(2 * features.season, features.lookback, FEWEST_TYPED)
    times = name_times(bundle)
    names = [*features.ids, *times, features.name, *(each.name for each in features.columns)]
    if len(times) > 1 or (past + ahead) * len(names) > MOST_TYPED or any(set(each) & set(',;\t"') for each in names):
        return ""
    first = features.frequency.steps(np.array(["2024-01-01"], "datetime64[s]") if times else np.zeros(1, np.int64))
    steps = np.arange(past + ahead)
    stamps = Stamps(features.frequency.times(first + steps), "", features.frequency.seconds >= DAY_S).texts
    wave = np.sin(steps * 2 * np.pi / max(features.season, 2))
    target = [f"{100 + 20 * value:.4g}" if step < past else "" for step, value in zip(steps, wave, strict=True)]
    others = [each.levels[0] if each.levels else f"{each.mean:.4g}" for each in features.columns]
    rows = zip(*[stamps] * bool(times), target, strict=True)
    return "\n".join(",".join(row) for row in (names, *(["A"] * len(features.ids) + [*row, *others] for row in rows)))


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
        "levels": list(features.levels) or [float(level) for level in LEVELS],
        "zone": features.zone or None,
    }


def answer_whole(trained: Trained, panel: Panel) -> np.ndarray:
    """A model's quantiles after the newest value of each series, as scores take them, `[S, H * levels]`."""
    return trained.model.predict(newest_examples(trained.bundle.features, panel))
