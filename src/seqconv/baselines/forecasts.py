"""Baselines for forecasts: values repeated, and regressions on the rows of the window."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from seqconv.baselines.common import Fit, Predict, Say, forecasting, thin_part
from seqconv.features import MONDAY
from seqconv.splits import Part, Split
from seqconv.windows import WindowInputs, WindowSpec, local_times, show_duration

DAY_S, WEEK_S = 86400, 7 * 86400
YEAR = np.timedelta64(365, "D")
RIDGE_LAGS, BOOSTING_LAGS = 64, 19
PENALTIES = (10.0, 100.0, 1e3, 1e4, 1e5)
MOST_BOOSTED = 8
CHUNK = 50_000  # rows whose features are built at once

# what repeats: seconds, and how it is called; a year of whole weeks, so that weekdays and weekends meet their like
SEASONS = {DAY_S: "yesterday", WEEK_S: "last week", 52 * WEEK_S: "last year"}


def forecast_baselines(split: Split, say: Say) -> dict[str, Fit]:
    """The baselines by name; `say` hears what is left out, and why."""
    found: dict[str, Fit] = {"naive (last value)": partial(repeat_newest, split)}
    name, season = choose_season(split)
    if isinstance(season, str):
        say(f"{name}: left out, {season}")
    else:
        found[name] = partial(repeat_season, split, season)
    found["ridge on the window"] = partial(fit_ridge, split)
    outputs = split.features.outputs
    if outputs <= MOST_BOOSTED:
        found["gradient boosting"] = partial(fit_boosting, split)
    else:
        say(
            f"gradient boosting: left out, {outputs} outputs would each take trees of their own; {MOST_BOOSTED} at most"
        )
    return found


# Repeated values


def repeat_newest(split: Split) -> Predict:
    """The target column at the newest row of the window."""
    spec = forecasting(split).spec
    return _repeat(split, [spec.step] * len(spec.delays))


def repeat_season(split: Split, season_s: int) -> Predict:
    """The target columns a whole number of seasons before the target, the fewest that the window knows."""
    return _repeat(split, _back(forecasting(split).spec, season_s))


def _repeat(split: Split, back: list[int]) -> Predict:
    """For each lead the target columns that many rows before the anchor."""
    columns, outputs = forecasting(split).target_columns, split.features.outputs

    def predict(part: Part) -> np.ndarray:
        inputs = _windows(part)
        rows = inputs.anchors[:, None] - np.array(back)
        return np.asarray(inputs.values[rows[..., None], columns].reshape(len(rows), outputs))

    return predict


def _windows(part: Part) -> WindowInputs:
    assert isinstance(part.inputs, WindowInputs)
    return part.inputs


def choose_season(split: Split) -> tuple[str, int | str]:
    """The name of the seasonal naive forecast, and its season in seconds, or why it is left out.

    Of the day, the week and the year (52 weeks) that are longer than a row and known to the window, the one whose
    forecast of the validation rows is best.
    """
    spec = forecasting(split).spec
    seasons = [season for season in SEASONS if season > spec.interval_s]
    if not seasons:
        return "seasonal naive", f"a row is {show_duration(spec.interval_s)} long, a year or more"
    known = [season for season in seasons if not lacks_season(spec, season)]
    if not known:
        return season_name(spec, seasons[0]), lacks_season(spec, seasons[0])
    part = thin_part(split.validation, 5000)

    def error(season: int) -> float:
        return float(np.abs(repeat_season(split, season)(part) - part.targets).mean())

    best = min(known, key=error)
    return season_name(spec, best), best


def season_name(spec: WindowSpec, season_s: int) -> str:
    """Such as "seasonal naive (same day last week)"."""
    unit = "hour" if spec.interval_s < DAY_S else "day" if spec.interval_s < WEEK_S else "week"
    return f"seasonal naive (same {unit} {SEASONS[season_s]})"


def _back(spec: WindowSpec, season_s: int) -> list[int]:
    """For each lead, rows from the anchor back to the fewest whole seasons before the target that may be known."""
    season = season_s // spec.interval_s
    return [-(-lead // season) * season - delay for lead, delay in zip(spec.leads, spec.delays, strict=True)]


def lacks_season(spec: WindowSpec, season_s: int) -> str:
    """Why the seasonal naive forecast says nothing of its own; empty if it does."""
    if season_s % spec.interval_s:
        return f"{show_duration(season_s)} is no whole number of rows of {show_duration(spec.interval_s)}"
    for back, delay in zip(_back(spec, season_s), spec.delays, strict=True):
        if back > spec.lookback or back % spec.step:
            before = show_duration((back + delay) * spec.interval_s)
            return f"the row {before} before the target is none of the window's rows"
    return "it is the naive forecast at this lead" if set(_back(spec, season_s)) == {spec.step} else ""


# Regressions


def fit_ridge(split: Split) -> Predict:
    """Ridge regression on at most 64 lags, the newest row and the calendar; penalties chosen on the validation rows.

    One factorisation serves every lead of a target. The calendar of the first lead serves the others too: the later
    one is a rotation of it, and a ridge regression does not notice a rotation of its features.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    features = forecasting(split)
    train, validation = thin_part(split.train), thin_part(split.validation)
    with threadpool_limits(1):
        fitted = []
        for place, column in enumerate(features.target_columns):
            own = slice(place, None, len(features.targets))
            window = Window.fit(split, column, RIDGE_LAGS)
            x, judged = window.describe(train), window.describe(validation)
            goals = _subtract(train.targets[:, own], x)
            fitted.append((window, *_solve_ridge(x, goals, judged, _subtract(validation.targets[:, own], judged))))
    return partial(_predict_changes, split, [(window, _linear(*model)) for window, *model in fitted])


def _subtract(targets: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.asarray(targets.astype(np.float64) - x[:, :1])


def _linear(weights: np.ndarray, bias: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: x @ weights + bias


def _solve_ridge(
    x: np.ndarray, goals: np.ndarray, judged: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights `[F, H]` and bias `[H]`, for each output with the penalty that has the smallest error on `judged`."""
    centre, middle = x.mean(axis=0), goals.mean(axis=0)
    centred = x - centre
    values, vectors = np.linalg.eigh(centred.T @ centred)
    along = vectors.T @ (centred.T @ (goals - middle))  # [F, H]
    best = np.full(goals.shape[1], np.inf)
    weights = np.zeros_like(along)
    for penalty in PENALTIES:
        found = vectors @ (along / (np.maximum(values, 0) + penalty)[:, None])
        error = np.abs((judged - centre) @ found + middle - wanted).mean(axis=0)
        better = error < best
        weights[:, better], best[better] = found[:, better], error[better]
    return weights, middle - centre @ weights


def fit_boosting(split: Split) -> Predict:
    """Histogram gradient boosting on at most 19 lags, the newest row and the calendar of each lead's own time."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    features, train = forecasting(split), thin_part(split.train)
    fitted = []
    # so little work is no faster on two threads, and twenty times slower where others use the cores
    with threadpool_limits(1):
        for lead in range(len(features.spec.delays)):
            for place, column in enumerate(features.target_columns):
                window = Window.fit(split, column, BOOSTING_LAGS, lead)
                x = window.describe(train)
                model: Any = HistGradientBoostingRegressor(
                    loss="absolute_error", max_iter=100, max_leaf_nodes=8, early_stopping=False, random_state=0
                )
                output = lead * len(features.targets) + place
                model.fit(x, _subtract(train.targets[:, output : output + 1], x)[:, 0])
                fitted.append((window, model.predict))
    return partial(_predict_changes, split, fitted)


def _predict_changes(
    split: Split, fitted: list[tuple["Window", Callable[[np.ndarray], np.ndarray]]], part: Part
) -> np.ndarray:
    """The newest value of each target and the change that a regression foretells, `[N, outputs]` float32.

    A change is learned because a tree cannot follow a level that training never saw. There is one model for each
    target, or for each output.
    """
    from threadpoolctl import threadpool_limits

    outputs = np.zeros((len(part.targets), split.features.outputs), np.float32)
    with threadpool_limits(1):
        for first in range(0, len(outputs), CHUNK):
            rows = slice(first, first + CHUNK)
            some = part.take(np.arange(len(outputs))[rows])
            for place, (window, regress) in enumerate(fitted):
                x = window.describe(some)
                outputs[rows, place :: len(fitted)] = x[:, :1] + regress(x).reshape(len(x), -1)
    return outputs


@dataclass(frozen=True)
class Window:
    """What a regression for one target reads of a window: what the network knows, and the calendar.

    Args:
        column: of the target.
        inputs: columns of the series; the network's own calendar stands behind them.
        lags: rows back from the anchor, the newest first.
        periods: of the calendar.
        later: time from the first lead to the one whose calendar is read.
        zone: where the calendar is read.
    """

    column: int
    inputs: int
    lags: np.ndarray
    periods: tuple[str, ...]
    later: np.timedelta64
    zone: str

    @classmethod
    def fit(cls, split: Split, column: int, most_lags: int, lead: int = 0) -> "Window":
        """For a column of the series, with at most so many lags."""
        features, times = forecasting(split), split.train.times
        assert times is not None
        spec = features.spec
        # with less than a year to learn from, the day of the year only leads astray
        seen = times.max() - times.min() >= YEAR
        periods = {"week" if spec.interval_s >= DAY_S else "day", *(["year"] if seen else []), *features.calendar}
        later = np.timedelta64((spec.delays[lead] - spec.delays[0]) * spec.interval_s, "s")
        lags = choose_lags(spec.length, most_lags) * spec.step
        return cls(column, len(features.columns), lags, tuple(sorted(periods)), later, features.zone)

    def describe(self, part: Part) -> np.ndarray:
        """The target's newest value, its older values less the newest, the other columns' newest values, and the
        calendar of the target's time stamp, `[N, F]` float64. Rows outside the window are not read."""
        windows, times = _windows(part), part.times
        assert times is not None
        past = windows.values[windows.anchors[:, None] - self.lags, self.column]
        past[:, 1:] -= past[:, :1]
        newest = np.delete(windows.values[windows.anchors - windows.step, : self.inputs], self.column, axis=1)
        calendar = read_calendar(local_times(times + self.later, self.zone), self.periods)
        return np.concatenate([past, newest, calendar], axis=1, dtype=np.float64)


def choose_lags(length: int, most: int) -> np.ndarray:
    """Steps back into a window of `length`: half of them the newest, the rest ever further apart, the oldest last.

    >>> choose_lags(240, 8)
    array([  1,   2,   3,   4,   5,  18,  66, 240])
    """
    if length <= most:
        return np.arange(1, length + 1)
    near = most // 2
    far = np.geomspace(near + 1, length, most - near).round().astype(np.int64)
    return np.unique(np.concatenate([np.arange(1, near + 1), far]))


def read_calendar(times: np.ndarray, periods: tuple[str, ...]) -> np.ndarray:
    """Sine and cosine of the place in the day, the week or the calendar year, `[N, 2 * periods]`."""
    places = {
        "day": (times - times.astype("datetime64[D]")) / np.timedelta64(DAY_S, "s"),
        "week": (times - MONDAY) / np.timedelta64(WEEK_S, "s") % 1,
        "year": (times - times.astype("datetime64[Y]")) / YEAR,
    }
    return np.stack([wave(2 * np.pi * places[name]) for name in periods for wave in (np.sin, np.cos)], axis=1)
