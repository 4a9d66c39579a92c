"""Forecasts that repeat a row of the window: the newest, or the one a season ago."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from seqconv.data.frequency import DAY_S, WEEK_S
from seqconv.networks.inputs import WindowInputs
from seqconv.recipes.durations import show_duration
from seqconv.tasks.baselines import BaselineModel, Stored, thin_part
from seqconv.tasks.series.drawing import SeriesInputs
from seqconv.tasks.series.features import SeriesFeatures, SeriesPart, SeriesSplit
from seqconv.tasks.series.windows import WindowSpec

# seconds of each season, and its name; a year has whole weeks, so that weekdays meet the same weekdays
SEASONS = {DAY_S: "yesterday", WEEK_S: "last week", 52 * WEEK_S: "last year"}


@dataclass(frozen=True)
class Repeat(BaselineModel[SeriesFeatures, WindowInputs]):
    """For each lead, the target columns of one row of the window.

    Args:
        steps: which row, counted back from the anchor, int64 `[H]`.
    """

    steps: Annotated[np.ndarray, Stored(np.int64, "leads", 1, "length")]

    def fit_to(self, split: SeriesSplit) -> Self:
        """The same: nothing but the season is chosen, and that stays."""
        return self

    @property
    def lengths(self) -> dict[str, int]:
        return {"leads": len(self.features.spec.delays), "length": self.features.spec.length}

    def predict(self, inputs: WindowInputs) -> np.ndarray:
        rows = inputs.anchors[:, None] - self.steps * inputs.step
        found = inputs.values[rows[..., None], self.features.target_columns]
        return np.asarray(found.reshape(len(rows), self.features.target.outputs))

    def draw(self, inputs: SeriesInputs) -> str:
        graph, length = inputs.graph, self.features.spec.length
        rows = graph.take(inputs.network, 1, (length - self.steps).tolist())
        found = graph.take(rows, 2, self.features.target_columns)
        return graph.cast(graph.reshape(found, 0, self.features.target.outputs), np.float64)


def repeat_newest(features: SeriesFeatures) -> Repeat:
    """The target columns at the newest row of the window."""
    return Repeat(features, np.ones(len(features.spec.delays), np.int64))


def repeat_season(features: SeriesFeatures, season_s: int) -> Repeat:
    """The target columns a whole number of seasons before the time forecast, as few as the window allows."""
    return Repeat(features, np.array(_back(features.spec, season_s)) // features.spec.step)


def choose_season(features: SeriesFeatures, part: SeriesPart) -> tuple[str, int | str]:
    """The name of the seasonal naive forecast, and its season in seconds or why it is left out.

    Of the seasons (day, week, 52 weeks) that are longer than a row and within the window, the one that forecasts the
    examples best.
    """
    spec = features.spec
    seasons = [season for season in SEASONS if season > spec.interval_s]
    if not seasons:
        return "seasonal naive", f"a row is {show_duration(spec.interval_s)} long, a year or more"
    known = [season for season in seasons if not lacks_season(spec, season)]
    if not known:
        return season_name(spec, seasons[0]), lacks_season(spec, seasons[0])
    part = thin_part(part, 5000)

    def error(season: int) -> float:
        return float(np.abs(repeat_season(features, season).predict(part.inputs) - part.targets).mean())

    best = min(known, key=error)
    return season_name(spec, best), best


def season_name(spec: WindowSpec, season_s: int) -> str:
    """Such as "seasonal naive (same day last week)"."""
    unit = "hour" if spec.interval_s < DAY_S else "day" if spec.interval_s < WEEK_S else "week"
    return f"seasonal naive (same {unit} {SEASONS[season_s]})"


def _back(spec: WindowSpec, season_s: int) -> list[int]:
    """For each lead, rows from the anchor back to the newest known row a whole number of seasons before the target."""
    season = season_s // spec.interval_s
    return [-(-lead // season) * season - delay for lead, delay in zip(spec.leads, spec.delays, strict=True)]


def lacks_season(spec: WindowSpec, season_s: int) -> str:
    """Why there is no separate seasonal naive forecast; empty if there is."""
    if season_s % spec.interval_s:
        return f"{show_duration(season_s)} is not a whole number of rows of {show_duration(spec.interval_s)}"
    for back, delay in zip(_back(spec, season_s), spec.delays, strict=True):
        if back > spec.lookback:
            return f"it needs a lookback of at least {show_duration(back * spec.interval_s)}"
        if back % spec.step:
            before, every = (show_duration(rows * spec.interval_s) for rows in (back + delay, spec.step))
            return f"the row {before} before the target is not read, as only one every {every} is"
    return "it is the naive forecast at this lead" if set(_back(spec, season_s)) == {spec.step} else ""
