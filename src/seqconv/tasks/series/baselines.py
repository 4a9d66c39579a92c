"""Forecasting baselines: repeated values, and regressions on the rows of the window."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Self

import numpy as np

from seqconv.data.frequency import DAY_S
from seqconv.data.readers.zones import local_times
from seqconv.errors import DataError
from seqconv.networks.inputs import WindowInputs
from seqconv.tasks.baselines import Arrays, BaselineKind, BaselineModel, Candidate, Say, Stored, thin_part
from seqconv.tasks.series.calendar import FORMER_YEAR, YEAR, read_phases
from seqconv.tasks.series.drawing import SeriesInputs, describe_window
from seqconv.tasks.series.features import SeriesFeatures, SeriesSplit
from seqconv.tasks.series.naive import Repeat, choose_season, repeat_newest, repeat_season
from seqconv.tasks.series.trees import LEAVES, Trees, read_trees

PERIODS = ("day", "week", FORMER_YEAR, "year")  # saved as indices into this tuple
RIDGE_LAGS, BOOSTING_LAGS = 64, 19
PENALTIES = (10.0, 100.0, 1e3, 1e4, 1e5)
MOST_BOOSTED = 8
CHUNK = 50_000  # rows whose features are built together


def list_baselines(split: SeriesSplit, say: Say) -> list[Candidate]:
    """The baselines, or why one is left out."""
    features, outputs = split.features, split.features.target.outputs
    name, season = choose_season(features, split.validation)
    trees = f"it supports at most {MOST_BOOSTED} targets and leads; there are {outputs}"
    return [
        Candidate("naive", "naive (last value)", partial(repeat_newest, features)),
        Candidate("seasonal", name, season if isinstance(season, str) else partial(repeat_season, features, season)),
        Candidate("ridge", "ridge on the window", partial(fit_ridge, split)),
        Candidate("boosting", "gradient boosting", partial(fit_boosting, split) if outputs <= MOST_BOOSTED else trees),
    ]


# Regressions


@dataclass(frozen=True)
class Reading:
    """The inputs of a regression on the window.

    Args:
        lags: steps of the window that are read, counted back from the anchor, the newest first, int64.
        periods: of the calendar, indices into `PERIODS`, int64.
    """

    features: SeriesFeatures
    lags: np.ndarray
    periods: np.ndarray

    def describe(self, windows: WindowInputs, target: int = 0, lead: int = 0) -> np.ndarray:
        """The inputs of the regression for one target, float64 `[N, F]`: the target's newest value, older values less
        that, the other columns' newest values, and the calendar at the time forecast.

        Args:
            target, lead: indices of the target and the lead.

        Raises:
            DataError: the times of the rows are not known.
        """
        spec = self.features.spec
        if windows.times is None and len(self.periods):
            raise DataError("this model reads the calendar: it needs the times of the rows. Give times")
        column, at = self.features.target_columns[target], windows.anchors - windows.step
        past = windows.values[windows.anchors[:, None] - self.lags * windows.step, column]
        past[:, 1:] -= past[:, :1]
        newest = np.delete(windows.values[at, : len(self.features.columns)], column, axis=1)
        if windows.times is None or not len(self.periods):
            return np.concatenate([past, newest], axis=1, dtype=np.float64)
        ahead = np.timedelta64(spec.leads[lead] * spec.interval_s, "s")
        times = local_times(windows.times[at] + ahead, self.features.zone)
        calendar = read_phases(times, tuple(PERIODS[place] for place in self.periods))
        return np.concatenate([past, newest, calendar], axis=1, dtype=np.float64)


@dataclass(frozen=True)
class Regression(BaselineModel[SeriesFeatures, WindowInputs]):
    """The newest value of each target plus the change that a regression on the window predicts.

    It learns changes because a tree cannot follow a level that training never saw.

    Args:
        lags, periods: see `Reading`.
    """

    lags: Annotated[np.ndarray, Stored(np.int64, "lags", 1, "length")]
    periods: Annotated[np.ndarray, Stored(np.int64, "periods", 0, len(PERIODS) - 1)]

    @property
    def lengths(self) -> dict[str, int]:
        features = self.features
        sizes = {"length": features.spec.length, "leads": len(features.spec.delays), "targets": len(features.targets)}
        return super().lengths | sizes | {"nodes": LEAVES - 1, "leaves": LEAVES}

    @property
    def described(self) -> int:
        """Number of inputs of the regression."""
        return len(self.lags) + len(self.features.columns) - 1 + 2 * len(self.periods)

    def check(self) -> None:
        if self.lags[:1].tolist() != [1] or (np.diff(self.lags) <= 0).any():
            raise ValueError("lags must be ascending numbers from 1; they are not")
        if (np.diff(self.periods) <= 0).any():
            raise ValueError("periods must be ascending; they are not")

    def describe(self, windows: WindowInputs, target: int = 0, lead: int = 0) -> np.ndarray:
        """See `Reading.describe`."""
        return Reading(self.features, self.lags, self.periods).describe(windows, target, lead)

    @abstractmethod
    def forecast(self, inputs: WindowInputs, target: int) -> np.ndarray:
        """The forecasts of one target, `[N, leads]`."""

    @abstractmethod
    def draw_forecast(self, inputs: SeriesInputs, target: int) -> str:
        """The same as operators of ONNX, float64 `[B, leads]`."""

    def draw(self, inputs: SeriesInputs) -> str:
        graph, outputs = inputs.graph, self.features.target.outputs
        found = [
            graph.reshape(self.draw_forecast(inputs, place), 0, 0, 1) for place in range(len(self.features.targets))
        ]
        return graph.reshape(graph.join(found, 2), 0, outputs)

    def draw_window(self, inputs: SeriesInputs, target: int, lead: int = 0) -> str:
        """`describe` as operators of ONNX, float64 `[B, F]`."""
        return describe_window(inputs, self.lags, tuple(PERIODS[place] for place in self.periods), target, lead)

    def predict(self, inputs: WindowInputs) -> np.ndarray:
        count, targets = len(inputs), len(self.features.targets)
        outputs = np.zeros((count, self.features.target.outputs), np.float32)
        for first in range(0, count, CHUNK):
            rows = slice(first, first + CHUNK)
            some = inputs.take(np.arange(count)[rows])
            for target in range(targets):
                outputs[rows, target::targets] = self.forecast(some, target)
        return outputs


def choose_reading(split: SeriesSplit, most_lags: int) -> Reading:
    """The inputs of a regression, with at most that many lags."""
    features, times = split.features, split.train.times
    spec, lags = features.spec, choose_lags(features.spec.length, most_lags)
    if split.train.inputs.times is None:
        return Reading(features, lags, np.zeros(0, np.int64))
    assert times is not None
    # with less than a year to learn from, the day of the year is misleading
    seen = times.max() - times.min() >= YEAR
    periods = {"week" if spec.interval_s >= DAY_S else "day", *(["year"] if seen else []), *features.calendar}
    places = np.flatnonzero([name in periods for name in PERIODS])
    return Reading(features, lags, places)


@dataclass(frozen=True)
class Ridge(Regression):
    """A linear function for each output.

    Args:
        weights: float64 `[targets, F, leads]`.
        bias: float64 `[targets, leads]`.
        penalties: on the squares of the weights, float64 `[targets, leads]`; 0: not known.
    """

    weights: Annotated[np.ndarray, Stored(np.float64, "targets F leads")]
    bias: Annotated[np.ndarray, Stored(np.float64, "targets leads")]
    penalties: Annotated[np.ndarray, Stored(np.float64, "targets leads", 0)]

    @classmethod
    def complete(cls, arrays: Arrays) -> Arrays:
        """With penalties that are not known, which models of version 0.1.0 do not have."""
        return {"penalties": np.zeros_like(arrays["bias"]), **arrays} if "bias" in arrays else arrays

    def fit_to(self, split: SeriesSplit) -> Self:
        """Fitted to the training rows of another split, with the same inputs and penalties."""
        return replace(self, **_fit_weights(Reading(self.features, self.lags, self.periods), split, self.penalties))

    def check(self) -> None:
        super().check()
        if self.weights.shape[1] != self.described:
            raise ValueError(f"weights must be of {self.described} inputs; got {self.weights.shape[1]}")

    def forecast(self, inputs: WindowInputs, target: int) -> np.ndarray:
        x = self.describe(inputs, target)
        return np.asarray(x[:, :1] + (x @ self.weights[target] + self.bias[target]))

    def draw_forecast(self, inputs: SeriesInputs, target: int) -> str:
        graph, x = inputs.graph, self.draw_window(inputs, target)
        change = graph.add("Add", graph.add("MatMul", x, self.weights[target]), self.bias[target])
        return graph.add("Add", graph.cut(x, 1, 0, 1), change)


def fit_ridge(split: SeriesSplit) -> Ridge:
    """Ridge regression on at most 64 lags, the newest row and the calendar; penalties chosen on the validation rows.

    One factorisation serves every lead of a target. So does the calendar of the first lead: that of a later lead is a
    rotation of it, and ridge regression is invariant to rotations of its features.
    """
    reading = choose_reading(split, RIDGE_LAGS)
    return Ridge(reading.features, reading.lags, reading.periods, **_fit_weights(reading, split))


def _fit_weights(reading: Reading, split: SeriesSplit, penalties: np.ndarray | None = None) -> dict[str, Any]:
    """Weights, bias and penalties of ridge regressions.

    Args:
        penalties: `[targets, leads]`; None: chosen on the validation rows.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    train, validation = thin_part(split.train), thin_part(split.validation)
    targets = len(reading.features.targets)
    solved = []
    with threadpool_limits(1):
        for target in range(targets):
            own = slice(target, None, targets)
            x = reading.describe(train.inputs, target)
            path = _RidgePath(x, _subtract(train.targets[:, own], x))
            if penalties is None:
                held_out = reading.describe(validation.inputs, target)
                chosen = path.choose(held_out, _subtract(validation.targets[:, own], held_out))
            else:
                chosen = penalties[target]
            solved.append((*path.solve(chosen), chosen))
    names = ("weights", "bias", "penalties")
    return {name: np.stack(each) for name, each in zip(names, zip(*solved, strict=True), strict=True)}


def _subtract(targets: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.asarray(targets.astype(np.float64) - x[:, :1])


class _RidgePath:
    """Ridge regressions of targets `[N, H]` on x `[N, F]` with any penalty, from one factorisation."""

    def __init__(self, x: np.ndarray, targets: np.ndarray) -> None:
        self.centre, self.intercept = x.mean(axis=0), targets.mean(axis=0)
        centred = x - self.centre
        self.values, self.vectors = np.linalg.eigh(centred.T @ centred)
        self.along = self.vectors.T @ (centred.T @ (targets - self.intercept))  # [F, H]

    def solve(self, penalties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights `[F, H]` and bias `[H]` for penalties `[H]`."""
        weights = self.vectors @ (self.along / (np.maximum(self.values, 0)[:, None] + penalties))
        return weights, self.intercept - self.centre @ weights

    def choose(self, x: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The penalty of each output with the smallest error on held-out rows, `[H]`."""
        errors = []
        for penalty in PENALTIES:
            weights, _ = self.solve(np.full(targets.shape[1], penalty))
            errors.append(np.abs((x - self.centre) @ weights + self.intercept - targets).mean(axis=0))
        return np.asarray(np.array(PENALTIES)[np.argmin(errors, axis=0)])


@dataclass(frozen=True)
class Boosting(Regression):
    """Boosted trees for each output, see `Trees`.

    Args:
        columns, thresholds, kept: `[outputs, T, nodes]`.
        leaves: `[outputs, T, leaves]`.
    """

    columns: Annotated[np.ndarray, Stored(np.int64, "outputs T nodes", 0)]
    thresholds: Annotated[np.ndarray, Stored(np.float64, "outputs T nodes", most=np.inf)]
    kept: Annotated[np.ndarray, Stored(np.uint8, "outputs T nodes")]
    leaves: Annotated[np.ndarray, Stored(np.float64, "outputs T leaves")]

    def fit_to(self, split: SeriesSplit) -> Self:
        """Fitted to the training rows of another split."""
        return replace(self, **_fit_trees(Reading(self.features, self.lags, self.periods), split))

    def check(self) -> None:
        super().check()
        if self.columns.size and self.columns.max() >= self.described:
            raise ValueError(f"columns must be below {self.described}, the number of inputs; got {self.columns.max()}")

    def forecast(self, inputs: WindowInputs, target: int) -> np.ndarray:
        found = []
        for lead in range(len(self.features.spec.delays)):
            x = self.describe(inputs, target, lead)
            output = lead * len(self.features.targets) + target
            arrays = (each[output] for each in (self.columns, self.thresholds, self.kept, self.leaves))
            found.append(x[:, 0] + Trees(*arrays).add(x))
        return np.stack(found, axis=1)

    def draw_forecast(self, inputs: SeriesInputs, target: int) -> str:
        graph, found = inputs.graph, []
        for lead in range(len(self.features.spec.delays)):
            x = self.draw_window(inputs, target, lead)
            output = lead * len(self.features.targets) + target
            arrays = (each[output] for each in (self.columns, self.thresholds, self.kept, self.leaves))
            found.append(graph.add("Add", graph.cut(x, 1, 0, 1), Trees(*arrays).draw(graph, x)))
        return graph.join(found, 1)


def fit_boosting(split: SeriesSplit) -> Boosting:
    """Histogram gradient boosting on at most 19 lags, the newest row and the calendar at the time of each lead."""
    reading = choose_reading(split, BOOSTING_LAGS)
    return Boosting(reading.features, reading.lags, reading.periods, **_fit_trees(reading, split))


def _fit_trees(reading: Reading, split: SeriesSplit) -> dict[str, Any]:
    """The arrays of `Trees` for each output."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    train, fitted = thin_part(split.train), []
    # so little work gains nothing from a second thread, and is twenty times slower if other processes use the cores
    with threadpool_limits(1):
        for output in range(split.features.target.outputs):
            lead, target = divmod(output, len(reading.features.targets))
            x = reading.describe(train.inputs, target, lead)
            model: Any = HistGradientBoostingRegressor(
                loss="absolute_error", max_iter=100, max_leaf_nodes=LEAVES, early_stopping=False, random_state=0
            )
            model.fit(x, _subtract(train.targets[:, output : output + 1], x)[:, 0])
            fitted.append(read_trees(model))
    return {name: np.stack(each) for name, each in zip(Trees._fields, zip(*fitted, strict=True), strict=True)}


def choose_lags(length: int, most: int) -> np.ndarray:
    """Steps back into a window of `length`: half of them the newest, the others geometrically spaced up to the oldest.

    >>> choose_lags(240, 8)
    array([  1,   2,   3,   4,   5,  18,  66, 240])
    """
    if length <= most:
        return np.arange(1, length + 1)
    near = most // 2
    far = np.geomspace(near + 1, length, most - near).round().astype(np.int64)
    return np.unique(np.concatenate([np.arange(1, near + 1), far]))


BASELINES = {
    "naive": BaselineKind(Repeat, "the naive forecast"),
    "seasonal": BaselineKind(Repeat, "the seasonal naive forecast"),
    "ridge": BaselineKind(Ridge),
    "boosting": BaselineKind(Boosting),
}
