"""What the models of a series read, as operators of ONNX: windows, their calendar, and the inputs of regressions."""

from typing import NamedTuple

import numpy as np

from seqconv.errors import ConfigError
from seqconv.networks.graphs.graph import Graph
from seqconv.tasks.series.calendar import CALENDAR_S, FORMER_YEAR, MONDAY
from seqconv.tasks.series.features import SeriesFeatures

MONDAY_S = int((MONDAY - np.datetime64(0, "s")).astype(np.int64))
CLOCK = "seconds since 1970-01-01 00:00 on the clock of {}, without an offset"


class SeriesInputs(NamedTuple):
    """What the models of a series read, in a graph.

    Args:
        network: the scaled columns of the window and its calendar, float32 `[B, L, C]`.
        base: see `tasks.graphs.GraphInputs`.
        window: the rows of the window in their units, float64 `[B, L, C]`.
        periods: of the calendar, that regressions read of the times that they forecast; filled as they are drawn.
    """

    graph: Graph
    features: SeriesFeatures
    network: str
    base: str | None
    window: str
    periods: list[str]

    @property
    def length(self) -> int:
        """Steps of the window."""
        return self.features.spec.length


def _read_times(graph: Graph, features: SeriesFeatures) -> str:
    """The times of the rows that a window reads, int64 `[B, L]`."""
    clock = CLOCK.format(features.zone or "the training file")
    times = graph.read("times", np.int64, ("batch", "rows"), f"time of each row, {clock}")
    return graph.reshape(graph.cut(times, 1, -features.spec.span, step=features.spec.step), 0, features.spec.length)


def read_window(graph: Graph, features: SeriesFeatures) -> SeriesInputs:
    spec, count = features.spec, len(features.columns)
    about = f"at least {spec.span} rows, oldest first, evenly spaced; NaN is missing; columns: see `columns`"
    rows = graph.read("rows", np.float64, ("batch", "rows", count), about)
    # too few rows do not have this shape, which stops the run
    window = graph.reshape(graph.cut(rows, 1, -spec.span, step=spec.step), 0, spec.length, count)
    scaled = graph.add("Div", graph.add("Sub", window, features.scaler.mean), features.scaler.std)
    network = graph.cast(scaled, np.float32)
    base = None
    if features.change:
        newest = graph.take(graph.take(network, 1, spec.length - 1), 1, features.target_columns)
        base = graph.cast(graph.join([newest] * len(spec.leads), 1), np.float64)
    if features.calendar:
        network = graph.join([network, _draw_calendar(graph, features)], 2)
    return SeriesInputs(graph, features, network, base, window, [])


def _draw_calendar(graph: Graph, features: SeriesFeatures) -> str:
    """Float32 `[B, L, 2 * periods]`, see `calendar.read_calendar`."""
    seconds = graph.add("Sub", _read_times(graph, features), np.int64(MONDAY_S))
    waves = []
    for name in features.calendar:
        period = CALENDAR_S[name]
        place = graph.cast(graph.add("Mod", seconds, np.int64(period)), np.float64)
        angle = graph.cast(graph.add("Mul", place, np.float64(2 * np.pi / period)), np.float32)
        waves += [graph.reshape(graph.add(wave, angle), 0, 0, 1) for wave in ("Sin", "Cos")]
    return graph.join(waves, 2)


def read_phases(inputs: SeriesInputs, periods: tuple[str, ...], lead: int) -> list[str]:
    """Sine and cosine of the time of a lead in each period, float64 `[B, 2 * periods]`; nothing without periods.

    They are an input. Trees may tell apart sines that are equal but for rounding, and every library rounds sines in its
    own way; and where clocks change, the time of a lead does not follow from those of the rows.

    Raises:
        ConfigError: the calendar year of version 0.1.0.
    """
    if FORMER_YEAR in periods:
        raise ConfigError("export: must be a model of this version; it reads the year as 0.1.0 did. Train it again")
    if not periods:
        return []
    inputs.periods[:] = periods  # the same for all members of a blend: they follow from the rows
    shape = ("batch", len(inputs.features.spec.leads), 2 * len(periods))
    about = f"sine and cosine of the time of each lead in its {', '.join(periods)}"
    phases = inputs.graph.read("target_calendar", np.float64, shape, about)
    return [inputs.graph.take(phases, 1, lead)]


def describe_window(inputs: SeriesInputs, lags: np.ndarray, periods: tuple[str, ...], target: int, lead: int) -> str:
    """The inputs of a regression, float64 `[B, F]`, see `baselines.Reading.describe`."""
    graph, features = inputs.graph, inputs.features
    column = features.target_columns[target]
    own = graph.take(graph.take(inputs.network, 2, column), 1, (inputs.length - lags).tolist())
    newest = graph.cut(own, 1, 0, 1)
    others = [place for place in range(len(features.columns)) if place != column]
    parts = [newest, graph.add("Sub", graph.cut(own, 1, 1), newest)] if len(lags) > 1 else [newest]
    parts += [graph.take(graph.take(inputs.network, 1, inputs.length - 1), 1, others)] if others else []
    return graph.join([graph.cast(graph.join(parts, 1), np.float64), *read_phases(inputs, periods, lead)], 1)
