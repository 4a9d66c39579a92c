"""What the history of a series, and what is known of it, add to its forecast."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seqconv.data.readers.zones import local_times
from seqconv.data.records import Panel
from seqconv.errors import OptionError, nearest
from seqconv.tasks.bundle import Trained
from seqconv.tasks.explanation import Curves, GridExplanation
from seqconv.tasks.occlusion import cut_spans
from seqconv.tasks.panel.answers import newest_examples, show_times
from seqconv.tasks.panel.features import STATIC, PanelFeatures, find_scales
from seqconv.tasks.panel.forecasts import MEDIAN, to_quantiles
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.task import Options


def explain_panel(trained: Trained, panel: Panel, options: Options) -> GridExplanation:
    """What stretches of the history, and the columns known, add to a forecast of one series: by leaving each out.

    Args:
        options: `series`: values of its ids, separated by commas; empty: the first. `step`: from 1; empty: the first.

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
