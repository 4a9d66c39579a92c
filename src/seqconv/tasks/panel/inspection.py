"""Inspection of a file with one or many series."""

from pathlib import Path

import numpy as np

from seqconv.data.datasets import HEADERS, panel_columns
from seqconv.data.readers.panels import describe_early, panel_from_table
from seqconv.data.readers.series import split_names
from seqconv.data.readers.tables import read_table
from seqconv.data.records import Panel, PanelData, count, is_missing
from seqconv.errors import SeqconvError
from seqconv.recipes.recipe import PanelRecipe
from seqconv.tasks.completion import complete, settle
from seqconv.tasks.findings import Column, Finding, Inspection, describe_columns, number, refuse, sort_findings
from seqconv.tasks.panel.answers import list_times, show_times, take_ahead
from seqconv.tasks.panel.guess import guess_panel
from seqconv.tasks.panel.split import count_horizon, split_panel

FARTHEST = 30  # rows by which a column is shifted against the target
FEWEST = 20  # pairs of changes
TWIN = 0.999  # their correlation
MOST_ROWS = 2**17  # newest rows examined


def inspect_panel(path: Path, recipe: PanelRecipe, given: set[str]) -> Inspection:
    """The series of a table, their lengths, holes and ends, and what training would do with them.

    Raises:
        DataError: the table cannot be read.
    """
    table = read_table(path, HEADERS[recipe.data.header], decimal=recipe.data.decimal)
    notes: tuple[str, ...] = table.notes
    findings: list[Finding] = []
    facts: dict[str, object] = {}
    kinds: dict[str, str] = {}
    try:
        panel = panel_from_table(table, panel_columns(recipe.data))
        notes = tuple(each for each in panel.notes if each not in describe_early(panel))
        data = PanelData(panel)
        recipe, guessed = complete(settle(recipe, data), guess_panel(recipe, data, given), given)
        notes += guessed
        facts, kinds = _describe(panel), _name_kinds(panel, recipe)
        findings = [*_judge(panel), *_judge_known(panel, recipe)]
        splits = split_panel(data, recipe).facts["splits"]
        facts["forecasts"] = {name: each["forecasts"] for name, each in splits.items()}
    except SeqconvError as error:
        findings.append(refuse(error, path))
    columns: tuple[Column, ...] = describe_columns(table, kinds)
    return Inspection(str(path), "panel", len(table.frame), columns, facts, sort_findings(findings), notes)


def _name_kinds(panel: Panel, recipe: PanelRecipe) -> dict[str, str]:
    config = recipe.data
    roles = {"id": panel.names, "known": config.known, "past": config.past, "static": config.static}
    found = {name: role for role, names in roles.items() for name in names}
    return found | {panel.target: "target"} | dict.fromkeys(split_names(config.time), "time")


def _describe(panel: Panel) -> dict[str, object]:
    lengths = panel.lengths
    shortest, usual, longest = (int(each) for each in (lengths.min(), np.median(lengths), lengths.max()))
    first = panel.frequency.times(np.array([panel.starts.min()]))
    last = panel.frequency.times(np.array([(panel.starts + lengths - 1).max()]))
    return {
        "series": len(panel),
        "rows of a series": f"{shortest:,} to {longest:,}, usually {usual:,}",
        "frequency": panel.frequency.name,
        "from": show_times(panel, first)[0],
        "to": show_times(panel, last)[0],
    }


def _judge_known(panel: Panel, recipe: PanelRecipe) -> list[Finding]:
    """Columns that are said to be known, but are not in the rows to forecast, or hold what is to be forecast."""
    horizon = count_horizon(panel, recipe)
    found = []
    for name in recipe.data.known:
        cells = panel.columns[name]
        lacking = is_missing(take_ahead(panel, cells, horizon))
        if lacking.any():
            what = f"{name!r} is not given in {int(lacking.sum()):,} of {lacking.size:,} rows to forecast"
            series, step = (int(each[0]) for each in np.nonzero(lacking))
            where = f"first {list_times(panel, series, step + 1)[-1]}"
            where += panel.whose(series)
            action = "taken as usual there: fill them in, or name it with --past if it is not known in advance"
            found.append(Finding(what, where, action, "costs"))
        shift = None if cells.dtype == object else find_shift(panel, cells)
        if shift is not None:
            when = f"{count(abs(shift), 'row')} {'later' if shift > 0 else 'earlier'}" if shift else "in the same row"
            what = f"{name!r} changes like {panel.target!r} {when}"
            action = "not known when a forecast is made: name it with --past, or leave it out"
            found.append(Finding(what, repr(name), action, "costs"))
    return found


def find_shift(panel: Panel, cells: np.ndarray) -> int | None:
    """How many rows later the target changes as a column `[T]` does, the nearest to none; None: it does not."""
    newest = slice(max(len(cells) - MOST_ROWS, 0), None)
    series, rows = panel.series[newest], []
    for values in (cells[newest], panel.values[newest]):
        change = np.append(np.nan, np.diff(values))
        change[np.append(True, np.diff(series) != 0)] = np.nan
        rows.append(change)
    for shift in sorted(range(-FARTHEST, FARTHEST + 1), key=lambda each: (abs(each), each)):
        one, other = (
            each[max(way, 0) : len(each) + min(way, 0)] for each, way in zip(rows, (-shift, shift), strict=True)
        )
        both = ~np.isnan(one) & ~np.isnan(other)
        one, other = one[both], other[both]
        if both.sum() >= FEWEST and one.std() > 0 and other.std() > 0 and np.corrcoef(one, other)[0, 1] >= TWIN:
            return shift
    return None


def _judge(panel: Panel) -> list[Finding]:
    found = []
    own = ~panel.is_future
    missing = np.isnan(panel.values) & own
    if missing.any():
        series = panel.series[missing]
        worst = int(np.bincount(series).argmax())
        fraction = f"{missing.sum() / own.sum():.1%} of the rows"
        where = f"most in {panel.show_key(worst)}" if len(panel) > 1 else ""
        action = "left out: regressions read the value before; --fill fills them"
        found.append(Finding(f"{int(missing.sum()):,} values missing, {fraction}", where, action, "costs"))
    for what in describe_early(panel):  # one sentence, if any
        what, _, action = what.partition(": ")
        found.append(Finding(what, "", f"{action}; drop them if they ended"))
    known = panel.values[~np.isnan(panel.values)]
    if len(known) and (known == 0).mean() > 0.3 and known.min() >= 0:
        what = f"{(known == 0).mean():.0%} of the values are zero"
        found.append(Finding(what, f"largest {number(float(known.max()))}", "intermittent demand: read MASE with care"))
    return found
