"""Splits a series into training, validation and test windows; everything fitted sees training rows only."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from seqconv.data.records import Series, SeriesData
from seqconv.errors import ConfigError, DataError, OptionError, nearest
from seqconv.recipes.durations import show_duration
from seqconv.recipes.recipe import SeriesRecipe
from seqconv.recipes.sections import ALL, SeriesDataConfig
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.examples import NAMES, Part, Split
from seqconv.tasks.results import FoldFacts
from seqconv.tasks.scaling import Scaler, find_flat
from seqconv.tasks.seen import hash_rows
from seqconv.tasks.series.calendar import CALENDAR, CALENDAR_S
from seqconv.tasks.series.features import SeriesFeatures, SeriesPart, SeriesSplit
from seqconv.tasks.series.holes import describe_dropped, explain_holes
from seqconv.tasks.series.profile import sample_rows
from seqconv.tasks.series.windows import WindowSpec

HASHED_ROWS = 8  # before the first target, by which an example is recognised
FEWEST_PERIODS = 2  # that the training rows must cover of a calendar period, to learn from it


def split_series(
    data: SeriesData, recipe: SeriesRecipe, threads: int = 1, trained: SeriesFeatures | None = None
) -> SeriesSplit:
    """Three consecutive parts of a series, cut into windows; no window, target included, crosses from one to the next.

    Args:
        threads: not needed.
        trained: features of a trained model; None: fit them to the training rows.

    Raises:
        ConfigError: an unknown column, a split too short for one window, or durations that are not whole rows.
        DataError: a column that cannot be scaled, or a split without a whole window.
    """
    config, windows = recipe.data, recipe.features
    series, bounds = join_series(data, config)
    targets, columns = _choose_columns(series, config)
    columns, notes = _leave_out_empty(series, columns, targets, bounds[1])
    spec = WindowSpec.from_config(windows, series.interval_s)
    _check_bounds(bounds, spec, config.reach_back)
    values = series.values[: bounds[1], [series.columns.index(name) for name in columns]]
    features = trained or SeriesFeatures(
        columns,
        targets,
        Scaler.fit(values, columns, targets),
        spec,
        _choose_calendar(series, bounds[1]) if config.calendar else (),
        windows.change,
        series.zone,
        levels=recipe.training.quantiles,
        judged=recipe.training.metric,
    )
    scaled = features.scale(series)
    facts = _series_facts(series, features, bounds) | {"splits": {}, "notes": [*series.notes, *notes]}
    parts = []
    for name, first, last in zip(NAMES, bounds[:-1], bounds[1:], strict=True):
        part, dropped = cut_series(features, series, scaled, first, last, config.reach_back)
        if not len(part.targets):
            cause = explain_holes(series, features, slice(first, last), dropped)
            raise DataError(f"{series.source}: the {name} split must hold a whole window; none is: {cause}")
        facts["splits"][name] = {"windows": len(part.targets), **dropped}
        facts.setdefault("example window", spec.describe(series.times, int(part.inputs.anchors[0])))
        parts.append(part)
    facts["notes"] += describe_dropped(facts["splits"])
    train, validation, test = parts
    own = replace(series, times=series.times[: bounds[1]], values=series.values[: bounds[1]])
    return Split(train, validation, test, features, facts, samples=partial(sample_rows, features, own))


def _leave_out_empty(
    series: Series, columns: tuple[str, ...], targets: tuple[str, ...], rows: int
) -> tuple[tuple[str, ...], list[str]]:
    """The columns that hold a value in the training rows, and notes on those that do not or that never vary."""
    values = series.values[:rows, [series.columns.index(name) for name in columns]]
    empty = np.isnan(values).all(axis=0)
    flat = [name for name, each in zip(columns, find_flat(values) & ~empty, strict=True) if each]
    notes = [f"{name!r} never varies in the training rows: of no use" for name in flat if name not in targets]
    gone = [name for name, each in zip(columns, empty, strict=True) if each and name not in targets]
    notes += [f"{name!r} is empty in the training rows: left out" for name in gone]
    return tuple(name for name in columns if name not in gone), notes


def cut_series(
    features: SeriesFeatures, series: Series, scaled: np.ndarray, first: int, last: int, reach_back: bool = False
) -> tuple[SeriesPart, dict[str, int]]:
    """The whole windows of rows `[first, last)`, and how many were dropped for holes and for missing values.

    Args:
        reach_back: see `WindowSpec.anchors`.
    """
    spec = features.spec
    anchors = spec.anchors(first, last, reach_back)
    anchors, holes, missing = spec.keep_whole(anchors, series.times, scaled, features.target_columns)
    times = None if series.clock == "counted" else series.times  # rows that are counted have no place in a day
    part = Part(
        features.inputs(scaled, anchors, times),
        features.targets_at(scaled, anchors),
        series.times[anchors + spec.delays[0]],
        features.base_at(scaled, anchors) if features.change else None,
        make_keys(features, series)[anchors + spec.delays[0]],
    )
    return part, {"dropped_at_holes": holes, "dropped_missing": missing}


def make_keys(features: SeriesFeatures, series: Series) -> np.ndarray:
    """The key of each row, uint64 `[T]`, of times and targets; that of an example is its first target's."""
    targets = series.values[:, [series.columns.index(name) for name in features.target.names]]
    return hash_rows(series.times, targets, min(HASHED_ROWS, features.spec.lookback))


def join_series(data: SeriesData, config: SeriesDataConfig) -> tuple[Series, list[int]]:
    """The joined series, and the rows at which its three splits begin and end.

    Raises:
        ConfigError: fractions or files that leave a split empty.
        DataError: files with different columns, or that do not follow each other in time.
    """
    series, rows = data.train, len(data.train.times)
    if config.validation_end <= config.train_end:
        raise ConfigError(
            f"data.validation_end must be above data.train_end; got {config.validation_end} and {config.train_end}"
        )
    if config.test_end <= config.validation_end:
        raise ConfigError(
            f"data.test_end must be above data.validation_end; got {config.test_end} and {config.validation_end}"
        )
    if data.test is None:
        if data.validation is not None:
            raise ConfigError("data.validation_file needs data.test_file; give both, only the test file, or neither")
        later = (config.validation_end, config.test_end)
        return series, [0, count_training_rows(data, config), *(round(rows * end) for end in later)]
    bounds = [0, count_training_rows(data, config), *([rows] if data.validation is None else [])]
    for part in (data.validation, data.test):
        if part is None:
            continue
        if part.interval_s != series.interval_s or set(part.columns) != set(series.columns):
            raise DataError(
                f"{part.source}: must have the columns and the interval of {series.source}; got {part.columns} every "
                f"{show_duration(part.interval_s)}. Give files with the same columns and interval"
            )
        if part.times[0] <= series.times[-1]:
            raise DataError(f"{part.source}: must begin after {series.times[-1]}; it begins at {part.times[0]}")
        order = [part.columns.index(name) for name in series.columns]
        times = np.concatenate([series.times, part.times])
        values = np.concatenate([series.values, part.values[:, order]])
        notes = (*series.notes, *(f"{part.source}: {note}" for note in part.notes))
        series = replace(series, times=times, values=values, notes=notes)
        bounds.append(len(times))
    return series, bounds


def count_training_rows(data: SeriesData, config: SeriesDataConfig) -> int:
    """How many rows of `data.train`, from its start, are training rows."""
    rows = len(data.train.times)
    if data.test is None:
        return round(rows * config.train_end)
    return round(rows * config.train_end / config.validation_end) if data.validation is None else rows


def _choose_columns(series: Series, data: SeriesDataConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The targets, and the columns that the network reads."""
    targets = (data.inputs or series.columns) if data.target == ALL else data.target
    if not targets:
        raise ConfigError(f"data.target must name a column to forecast. Known: {', '.join(series.columns)}")
    for setting, names in (("target", targets), ("inputs", data.inputs)):
        for name in names:
            if name not in series.columns:
                raise ConfigError(
                    f"data.{setting}: {series.source} has no column {name!r}. {nearest(name, series.columns)}"
                )
    columns = tuple(name for name in series.columns if not data.inputs or name in data.inputs)
    for name in targets:
        if name not in columns:
            raise ConfigError(f"data.inputs must hold the target {name!r}; got {', '.join(columns)}. Add it")
    return columns if data.target == ALL else targets, columns


def _choose_calendar(series: Series, rows: int) -> tuple[str, ...]:
    """The periods that the training rows cover at least twice and that are longer than two rows."""
    span = (series.times[rows - 1] - series.times[0]) / np.timedelta64(1, "s")
    return tuple(
        name
        for name in CALENDAR
        if CALENDAR_S[name] * FEWEST_PERIODS <= span and CALENDAR_S[name] > 2 * series.interval_s
    )


def _check_bounds(bounds: list[int], spec: WindowSpec, reach_back: bool) -> None:
    for name, first, last in zip(("training", "validation", "test"), bounds[:-1], bounds[1:], strict=True):
        if not len(spec.anchors(first, last, reach_back)):
            raise OptionError(
                f"lookback must leave room for a window of {spec.reach} rows (lookback and lead) in the {name} split; "
                f"it has {last - first} rows. Use a shorter one, more data, or --set data.reach_back=true, which lets "
                "validation and test windows begin in the split before"
            )


def _series_facts(series: Series, features: SeriesFeatures, bounds: list[int]) -> dict[str, Any]:
    return {
        "source": series.source,
        "rows": len(series.times),
        "columns": list(features.columns),
        **({"calendar": list(features.calendar)} if features.calendar else {}),
        "from": str(series.times[0]),
        "to": str(series.times[-1]),
        "interval": show_duration(series.interval_s),
        "irregular time steps": int(np.sum(np.diff(series.times) != np.timedelta64(series.interval_s, "s"))),
        "split rows": bounds[1:-1],
        "lead": features.spec.show_leads(),
    }


def take_series(bundle: Bundle[SeriesFeatures], data: SeriesData, threads: int) -> tuple[SeriesPart, list[str]]:
    """A series as examples for a trained model, and notes of its reader and on dropped windows.

    Raises:
        DataError: a different interval than in training, a missing column, or no whole window.
    """
    features = bundle.features
    series, spec = data.train, features.spec
    if series.interval_s != spec.interval_s:
        raise DataError(
            f"{series.source}: must have a row every {show_duration(spec.interval_s)} as in training; "
            f"it has one every {show_duration(series.interval_s)}. Resample it"
        )
    scaled = features.scale(series)
    part, dropped = cut_series(features, series, scaled, 0, len(series.times))
    if not len(part.targets):
        rows = len(series.times)
        cause = explain_holes(series, features, slice(0, rows), dropped) if rows >= spec.reach else "Give more rows"
        raise DataError(
            f"{series.source}: must hold a whole window of {spec.reach} rows (lookback and lead); "
            f"it has {rows} rows and none is whole. {cause}"
        )
    return part, [*series.notes, *describe_dropped({"": {"windows": len(part.targets), **dropped}})]


def fold_series(
    data: SeriesData, recipe: SeriesRecipe, folds: int, window: str
) -> Iterator[tuple[FoldFacts, SeriesData]]:
    """Facts about each fold of the later half of a series, and its data: three consecutive parts.

    Raises:
        ConfigError: too few rows.
    """
    series, _ = join_series(data, recipe.data)
    for bounds in cut_spans(series.times, folds, window):
        train, validation, test = (_cut_rows(series, first, last) for first, last in pairwise(bounds))
        first, last = (str(test.times[row]).replace("T", " ") for row in (0, -1))
        yield FoldFacts(train_rows=len(train.times), from_=first, to=last), SeriesData(train, test, validation)


def cut_spans(times: np.ndarray, folds: int, window: str) -> list[list[int]]:
    """Where the training, validation and test rows of each fold begin, and the last end, of times `[T]`.

    Raises:
        ConfigError: too few rows.
    """
    length = len(times) // (2 * folds)
    if length < 1:
        raise OptionError(f"folds must be at most half of the {len(times)} rows; got {folds}. Use fewer")
    found = []
    for fold in range(folds):
        test = len(times) - (folds - fold) * length
        first = fold * length if window == "rolling" else 0
        bounds = [first, test - length, test]
        # rows with the same timestamp stay together
        found.append([*(int(np.searchsorted(times, times[row])) for row in bounds), test + length])
    return found


def _cut_rows(series: Series, first: int, last: int) -> Series:
    return replace(series, times=series.times[first:last], values=series.values[first:last], notes=())
