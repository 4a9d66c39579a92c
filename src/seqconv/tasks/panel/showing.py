"""What a page shows of the forecasts of many series: which are drawn, and what can be looked up."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from seqconv.data.records import Panel
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.panel.answers import show_times
from seqconv.tasks.panel.features import PanelFeatures
from seqconv.tasks.panel.forecasts import MEDIAN

MOST_DRAWN = 12  # series, that are drawn all
LARGEST, BEST, WORST = 4, 3, 3  # of more
MOST_BYTES = 2_000_000  # of the series that can be looked up
LONGEST, LOOKED_UP = 400, 60  # rows before the forecast, of a series that is drawn, or looked up
DIGITS = 4


class Shown(NamedTuple):
    """A series to draw.

    Args:
        name: of the series; target: of what is forecast.
        history: the newest rows `[L]`.
        quantiles: of the rows after them `[H, levels]`.
        times: of all these rows, as text.
        why: it is shown: one of the largest, forecast best or worst; empty: all are.
        mase: of its test forecasts; NaN: it was too short to be tested.
    """

    name: str
    target: str
    history: np.ndarray
    quantiles: np.ndarray
    times: list[str]
    why: str
    mase: float


def show_forecasts(bundle: AnyBundle, panel: Panel, quantiles: np.ndarray, mase: np.ndarray) -> list[Shown]:
    """The series to draw: all of a few, the largest first; of many the largest, those forecast best, and worst.

    Args:
        quantiles: `[S, H, levels]`.
        mase: of the test forecasts of each series `[S]`; NaN: not tested.
    """
    order = order_by_size(panel, quantiles.shape[1])
    chosen: dict[int, str] = dict.fromkeys(order.tolist(), "")
    if len(panel) > MOST_DRAWN:
        tested = np.argsort(mase, kind="stable")[: int((~np.isnan(mase)).sum())].tolist()
        chosen = dict.fromkeys(order[:LARGEST].tolist(), "the largest")
        for why, series in (("forecast best", tested[:BEST]), ("forecast worst", tested[::-1][:WORST])):
            chosen = dict.fromkeys(series, why) | chosen
        chosen = {each: chosen[each] for each in sorted(chosen, key=lambda each: _RANK[chosen[each]])}
    found = []
    for series, why in chosen.items():
        history, times = _take_history(bundle.features, panel, series, quantiles.shape[1], LONGEST)
        name = panel.show_key(series) if panel.names else panel.target
        found.append(Shown(name, panel.target, history, quantiles[series], times, why, float(mase[series])))
    return found


_RANK = {"the largest": 0, "forecast best": 1, "forecast worst": 2}


def order_by_size(panel: Panel, horizon: int) -> np.ndarray:
    """The series by the mean size of their newest rows, as many as are forecast, the largest first, int64 `[S]`."""
    rows = panel.ends[:, None] - 1 - np.arange(horizon)
    sizes = np.abs(panel.values[np.maximum(rows, 0)])
    sizes[rows < panel.offsets[:-1, None]] = np.nan
    known = ~np.isnan(sizes)
    means = np.where(known, sizes, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.argsort(-means, kind="stable")


def list_lookups(bundle: AnyBundle, panel: Panel, quantiles: np.ndarray) -> tuple[str, int]:
    """The series that can be looked up in a page, as JSON, and how many: the largest, as far as there is room."""
    horizon, rows, size = quantiles.shape[1], [], 0
    for series in order_by_size(panel, horizon).tolist():
        row = json.dumps(_look_up(bundle.features, panel, series, quantiles[series]), separators=(",", ":"))
        size += len(row) + 1
        if size > MOST_BYTES:
            break
        rows.append(row)
    head = json.dumps({"horizon": horizon, "target": panel.target})[:-1]
    return f'{head}, "series": [{",".join(rows)}]}}', len(rows)


def _look_up(features: PanelFeatures, panel: Panel, series: int, quantiles: np.ndarray) -> list[Any]:
    """Name, history, lower bound, forecast, upper bound, and the first time, that of the first forecast, the last."""
    history, times = _take_history(features, panel, series, len(quantiles), LOOKED_UP)
    lines = (history, quantiles[:, 0], quantiles[:, MEDIAN], quantiles[:, -1])
    stamps = [times[0], times[len(history)], times[-1]]
    return [panel.show_key(series), *(list(_shorten(each)) for each in lines), stamps]


def _take_history(
    features: PanelFeatures, panel: Panel, series: int, horizon: int, most: int
) -> tuple[np.ndarray, list[str]]:
    """The rows before a forecast `[L]`, and the times of these and of those to forecast."""
    last = int(panel.ends[series])
    length = min(int(panel.lengths[series]), max(4 * horizon, 3 * features.season, 30), most)
    step = panel.starts[series] + panel.lengths[series]
    times = panel.frequency.times(step + np.arange(-length, horizon))
    return panel.values[last - length : last], show_times(panel, times)


def _shorten(values: np.ndarray) -> Iterator[float | None]:
    for value in values.tolist():
        short = None if np.isnan(value) else float(f"{value:.{DIGITS}g}")
        yield int(short) if short is not None and short == int(short) else short
