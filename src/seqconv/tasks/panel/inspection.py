"""Inspection of a file with one or many series."""

from pathlib import Path

import numpy as np

from seqconv.data.datasets import HEADERS, panel_columns
from seqconv.data.readers.panels import read_panel
from seqconv.data.readers.series import split_names
from seqconv.data.readers.tables import read_table
from seqconv.data.records import Panel, PanelData
from seqconv.errors import SeqconvError
from seqconv.recipes.recipe import PanelRecipe
from seqconv.tasks.completion import complete, settle
from seqconv.tasks.findings import Column, Finding, Inspection, describe_columns, number, refuse, sort_findings
from seqconv.tasks.panel.answers import show_times
from seqconv.tasks.panel.guess import guess_panel
from seqconv.tasks.panel.split import split_panel


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
        panel = read_panel(table, panel_columns(recipe.data))
        notes = panel.notes
        data = PanelData(panel)
        recipe, guessed = complete(settle(recipe, data), guess_panel(recipe, data, given), given)
        notes += guessed
        facts, kinds = _describe(panel), _name_kinds(panel, recipe)
        findings = _judge(panel)
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


def _judge(panel: Panel) -> list[Finding]:
    found = []
    own = ~panel.is_future
    missing = np.isnan(panel.values) & own
    if missing.any():
        series = panel.series[missing]
        worst = int(np.bincount(series).argmax())
        share = f"{missing.sum() / own.sum():.1%} of the rows"
        where = f"most in {panel.show_key(worst)}" if len(panel) > 1 else ""
        action = "left out: regressions read the value before; --fill fills them"
        found.append(Finding(f"{int(missing.sum()):,} values missing, {share}", where, action, "costs"))
    lasts = panel.starts + panel.lengths - 1
    early = lasts < lasts.max() - max(int(np.median(panel.lengths)) // 4, 1)
    if early.any():
        key = panel.show_key(int(np.argmax(early)))
        what = f"{int(early.sum()):,} of {len(panel):,} series end long before the others"
        found.append(Finding(what, f"such as {key}", "forecast from their own last row on; drop them if they ended"))
    known = panel.values[~np.isnan(panel.values)]
    if len(known) and (known == 0).mean() > 0.3 and known.min() >= 0:
        what = f"{(known == 0).mean():.0%} of the values are zero"
        found.append(Finding(what, f"largest {number(float(known.max()))}", "intermittent demand: read MASE with care"))
    return found
