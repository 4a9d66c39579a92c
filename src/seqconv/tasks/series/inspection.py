"""Inspection of a file with a time series."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data import datasets
from seqconv.data.readers.files import Table
from seqconv.data.readers.series import find_times, oldest_first
from seqconv.data.readers.tables import read_table
from seqconv.data.records import Series, SeriesData, count
from seqconv.errors import ConfigError, DataError, nearest
from seqconv.recipes.durations import UNITS_S, to_duration
from seqconv.recipes.recipe import SeriesRecipe
from seqconv.recipes.sections import ALL, SeriesDataConfig
from seqconv.recipes.settings import parse_number
from seqconv.tasks.completion import complete
from seqconv.tasks.findings import (
    Column,
    Finding,
    Inspection,
    describe_columns,
    describe_numbers,
    number,
    refuse,
    show_places,
    sort_findings,
)
from seqconv.tasks.scaling import find_flat
from seqconv.tasks.series.guess import guess_series
from seqconv.tasks.series.leaks import Leaks, Numbers, judge_sentinel, read_column
from seqconv.tasks.series.periods import find_periods
from seqconv.tasks.series.spacing import Spacing, judge_spacing, read_spacing
from seqconv.tasks.series.split import split_series
from seqconv.tasks.series.windows import WindowSpec

DAYS_A_YEAR, YEAR_WITHIN = 365.25, 0.05  # a period that is off by less is called a year
MOST_COLUMNS = 40  # columns whose periods are reported
NO_TARGET = "add --target COLUMN to see lost windows and leaking columns"


def inspect_series(path: Path, recipe: SeriesRecipe, given: set[str]) -> Inspection:
    """Times, columns of numbers, and the windows that they make.

    Raises:
        DataError: the table cannot be read.
        ConfigError: a named column that the table does not have.
    """
    config = recipe.data
    table = read_table(path, datasets.HEADERS[config.header], decimal=config.decimal)
    table = oldest_first(table, config.time, config.dates)
    every = config.target == ALL
    config = replace(config, target=config.inputs) if every else config
    _check_names(table, config)
    found = find_times(table, config.time)
    spacing = read_spacing(table, found, config)
    with np.errstate(all="ignore"):  # overflow of numbers near the largest
        columns, findings = _read_columns(spacing.table, found, config)
        names = config.target or tuple(each.name for each in columns if every or len(columns) == 1)
        targets = [each for each in columns if each.name in names]
        windows = _Windows(spacing, columns, recipe, given, bool(targets))
        findings += [*spacing.findings, *windows.findings, *_judge_columns(columns, targets, windows)]
        findings += windows.judge_times()
        facts = _describe(spacing, columns, windows)
    described = _describe_columns(table, found, columns, facts["periods"])
    notes = (*table.notes, *_time_notes(found, config), *spacing.notes, *windows.notes)
    return Inspection(str(path), "series", len(table.frame), described, facts, sort_findings(findings), notes)


def _check_names(table: Table, config: SeriesDataConfig) -> None:
    for name in (*config.target, *config.inputs):
        if name not in table.frame.columns:
            hint = nearest(name, table.frame.columns)
            raise ConfigError(f"{table.path}: must have the column {name!r}; it does not. {hint}")


def _time_notes(found: list[str], config: SeriesDataConfig) -> tuple[str, ...]:
    return (f"times: {' and '.join(map(repr, found))}",) if found and not config.time else ()


def _read_columns(table: Table, found: list[str], config: SeriesDataConfig) -> tuple[list[Numbers], list[Finding]]:
    """The columns that training reads: all numeric ones, or only `inputs`."""
    asked = {*config.inputs, *config.target} if config.inputs else set()
    missing = parse_number(config.missing, "data.missing")
    columns, findings = [], []
    for name in table.frame.columns:
        if name in found or (asked and name not in asked):
            continue
        column, more = read_column(table, name, bool(asked), missing)
        columns += [column] if column else []
        findings += more
    for name in config.target:
        if name in found or (name not in [each.name for each in columns] and not asked):
            findings.append(
                Finding(f"the target {name!r} is not a column of numbers", "", "refused: name another", "blocks")
            )
    if not columns:
        findings.append(Finding("no column of numbers besides the times", "", "refused: add one", "blocks"))
    return columns, findings


class _Windows:
    """The windows that training would cut, as far as it can; `findings` are what it refuses."""

    def __init__(
        self, spacing: Spacing, columns: list[Numbers], recipe: SeriesRecipe, given: set[str], aimed: bool
    ) -> None:
        self.spacing, self.columns = spacing, columns
        self.findings: list[Finding] = []
        self.notes: tuple[str, ...] = ()
        self.spec: WindowSpec | None = None
        self.bounds: list[int] = []
        self.facts: dict[str, Any] = {}
        config = recipe.data
        rows = len(spacing.stamps)
        self.training, self.mark = round(rows * config.train_end), config.missing
        if spacing.interval_s and aimed:
            self._cut(recipe, given, config)
        elif columns and not config.target and len(columns) > 1:
            self.notes = (NO_TARGET,)

    def _cut(self, recipe: SeriesRecipe, given: set[str], config: SeriesDataConfig) -> None:
        usable = [each for each in self.columns if not self.is_constant(each)]
        names = tuple(each.name for each in usable)
        if not usable or not set(config.target) - set(ALL) <= set(names):
            return  # already reported for the column
        values = np.stack([each.values for each in usable], axis=1)
        stamps, spacing = self.spacing.stamps, self.spacing
        series = Series(stamps, values, names, spacing.interval_s, str(spacing.table.path), (), spacing.zone)
        inputs = tuple(name for name in config.inputs if name in names)
        plain = replace(config, inputs=inputs, validation_file="", test_file="")
        try:
            plain_recipe, data = replace(recipe, data=plain), SeriesData(series)
            completed, self.notes = complete(plain_recipe, guess_series(plain_recipe, data, given), given)
            split = split_series(data, completed)
        except (ConfigError, DataError) as error:
            self.findings.append(refuse(error, spacing.table.path))
            return
        self.spec = split.features.spec
        self.bounds = [0, *split.facts["split rows"], len(stamps)]
        self.facts = {"lead": split.facts["lead"], **split.facts["splits"]}

    def is_constant(self, column: Numbers) -> bool:
        """Whether the column says nothing in the training rows."""
        known = column.values[: self.training]
        known = known[~np.isnan(known)]
        return bool(find_flat(known))

    def _anchors(self) -> list[np.ndarray]:
        assert self.spec is not None
        return [self.spec.anchors(first, last) for first, last in zip(self.bounds[:-1], self.bounds[1:], strict=True)]

    def judge_times(self) -> list[Finding]:
        """Holes, repeated and uneven timestamps, and the windows that they cost."""
        if not self.spacing.interval_s:
            return []
        found = []
        for odd, finding in judge_spacing(self.spacing).values():
            kept = "kept" if finding.what.endswith("repeated") else "not filled"
            action = f"{kept}: every window that crosses one is dropped"
            if self.spec is not None:
                passed = np.concatenate([[0], np.cumsum(odd)])
                ends = self.spec.delays[-1]
                lost = sum(
                    int(np.sum(passed[each + ends] != passed[each - self.spec.lookback])) for each in self._anchors()
                )
                action = f"{kept}: {_dropped(lost, 'cross' if lost > 1 else 'crosses')}"
            found.append(replace(finding, action=action))
        return found

    def show_cost(self, missing: np.ndarray, is_target: bool) -> str:
        """The windows that missing values of a column, bool `[T]`, cost."""
        if self.spec is None:
            return "every window that holds one is dropped"
        values, lost = np.where(missing, np.nan, 0.0)[:, None], 0
        for anchors in self._anchors():
            holds = self.spec.holds_missing(anchors, values)
            for delay in self.spec.delays if is_target else ():
                holds |= missing[anchors + delay]
            lost += int(holds.sum())
        return _dropped(lost, "hold" if lost > 1 else "holds")


def _dropped(lost: int, verb: str) -> str:
    if not lost:
        return "no window is lost"
    return f"the {count(lost, 'window')} that {verb} one {'are' if lost > 1 else 'is'} dropped"


def _judge_columns(columns: Sequence[Numbers], targets: Sequence[Numbers], windows: _Windows) -> list[Finding]:
    table, found = windows.spacing.table, []
    lead = windows.spec.leads[0] if windows.spec else 1
    leaks = [Leaks(each, lead) for each in targets if not windows.is_constant(each)]
    for column in columns:
        found += _judge_missing(column, windows, column in targets)
        if windows.is_constant(column):
            found.append(_judge_constant(column, windows.training, column in targets))
            continue
        found += judge_sentinel(column, table)
        for leak in leaks if column not in targets else ():
            found += leak.judge(column)
    return found


def _judge_missing(column: Numbers, windows: _Windows, is_target: bool) -> list[Finding]:
    """Missing values and the numbers that stand for them, except cells refused already."""
    table, missing = windows.spacing.table, np.isnan(column.values)
    if missing.all():
        return []
    marked = np.zeros(len(missing), bool)
    marked[column.marked] = True
    missing[column.marked] = missing[column.refused] = False
    fraction = f"{missing.mean():.1%}"
    found = []
    for lacking, what, how in (
        (marked, f"of {windows.mark}", "read as missing"),
        (missing, f"missing ({fraction})", "not filled"),
    ):
        rows = np.flatnonzero(lacking)
        if len(rows):
            where = f"{column.name!r}: {show_places(rows, table.place, table.path)}"
            action = f"{how}: {windows.show_cost(lacking, is_target)}"
            found.append(Finding(f"{count(len(rows), 'value')} {what}", where, action, "costs"))
    return found


def _judge_constant(column: Numbers, training: int, is_target: bool) -> Finding:
    known = column.values[~np.isnan(column.values)]
    early = column.values[:training]
    early = early[~np.isnan(early)]
    where = repr(column.name)
    if len(early):
        always = f"always {number(early[0])}"
        what = always if np.ptp(known) == 0 else f"{always} in the first {training:,} rows, which training learns from"
    else:
        what = "no value" if not len(known) else f"no value in the first {training:,} rows, which training learns from"
    if is_target:
        return Finding(what, where, "refused: a target must vary", "blocks")
    return Finding(what, where, "of no use" if len(early) else "left out", "costs")


def _describe(spacing: Spacing, columns: Sequence[Numbers], windows: _Windows) -> dict[str, Any]:
    interval_s, stamps = spacing.interval_s, spacing.stamps
    facts: dict[str, Any] = {"interval": to_duration(interval_s) if interval_s else "not known"}
    if interval_s:
        facts |= {"from": str(stamps[0]), "to": str(stamps[-1])}
    facts["periods"] = {
        column.name: [
            {
                "period": _show_period(each.rows * interval_s, interval_s) if interval_s else count(each.rows, "row"),
                "rows": each.rows,
                "fraction": round(each.fraction, 3),
                "share": round(each.fraction, 3),  # its name in 0.1.0, for one version more
            }
            for each in find_periods(column.values)
        ]
        for column in columns[:MOST_COLUMNS]
        if not windows.is_constant(column)
    }
    return facts | ({"windows": windows.facts} if windows.facts else {})


def _show_period(seconds: int, interval_s: int) -> str:
    """Long periods in whole days, one that is about a year as that: they are not known more precisely."""
    days = round(seconds / UNITS_S["d"])
    if abs(days - DAYS_A_YEAR) <= YEAR_WITHIN * DAYS_A_YEAR:
        return "52w" if interval_s == UNITS_S["w"] else "1y"
    return to_duration(days * UNITS_S["d"] if days > 3 else seconds)


def _describe_columns(
    table: Table, found: list[str], columns: Sequence[Numbers], periods: dict[str, list[dict[str, Any]]]
) -> tuple[Column, ...]:
    numbers = {column.name: describe_numbers(column.name, column.values) for column in columns}
    kinds = dict.fromkeys(table.frame.columns, "left out")
    for name in found:
        cells = table.frame[name]
        span = f"{cells[0]} to {cells[-1]}"
        numbers[name] = Column(name, "time", cells.null_count(), span)
    return describe_columns(table, kinds, numbers)
