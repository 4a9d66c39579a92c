"""One linear model for all series: from the window and what is known of the future to every row of the horizon."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from seqconv.tasks.baselines import Stored
from seqconv.tasks.panel.features import PanelFeatures, PanelSplit
from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.reading import CHUNK, read_known, read_windows
from seqconv.tasks.panel.regression import MOST_CHANGE, Regression, choose_fit

PENALTIES = 10.0 ** np.arange(0, 7)
FEWEST_IN_PHASE = 300  # examples of each phase that has a model of its own


@dataclass(frozen=True)
class Ridge(Regression):
    """A linear function for each row of the horizon; of long series one for each phase of the season, such as hours.

    Args:
        weights: float64 `[P, F, H]`, P phases or one for all.
        bias: float64 `[P, H]`.
        penalty: float64 `[1]`.
    """

    weights: Annotated[np.ndarray, Stored(np.float64, "P F H")]
    bias: Annotated[np.ndarray, Stored(np.float64, "P H")]
    penalty: Annotated[np.ndarray, Stored(np.float64, "1", 0)]

    def point_read(self, inputs: PanelInputs) -> np.ndarray:
        windows = read_windows(self.features, inputs)
        x = np.concatenate([windows.rows, read_known(self.features, inputs)], axis=1)
        phases = find_phases(inputs, len(self.weights))
        changes = np.empty((len(inputs), inputs.horizon))
        for phase in np.unique(phases):
            own = phases == phase
            changes[own] = x[own] @ self.weights[phase] + self.bias[phase]
        return windows.unscale(changes)

    def fit_again(self, inputs: PanelInputs) -> "Ridge":
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        logged, phases = bool(self.logged[0]), len(self.weights)
        with threadpool_limits(1):
            sums = [each.solve() for each in _sum_up(self.features, inputs, logged, phases)]
        return _solve(self.features, sums, float(self.penalty[0]), logged)


def find_phases(inputs: PanelInputs, phases: int) -> np.ndarray:
    """The place of each example's first row to forecast in the season, int64 `[N]`."""
    return np.asarray(inputs.rows.steps[inputs.anchors] % phases)


def fit_ridge(split: PanelSplit) -> Ridge:
    """Fit to the training examples, with what errs least on the validation examples: the penalty, logarithms or not (of
    numbers that are never negative), a model for each phase of the season or one for all."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return choose_fit(split, _list_fits(split))


def _list_fits(split: PanelSplit) -> Iterator[Ridge]:
    features = split.features
    enough = len(split.train.targets) >= FEWEST_IN_PHASE * features.season and features.season > 1
    for logged in (False, True) if features.positive else (False,):
        parts = _sum_up(features, split.train.inputs, logged, features.season if enough else 1)
        for sums in [[sum(parts[1:], parts[0])], *([parts] if enough else [])]:
            solved = [each.solve() for each in sums]
            yield from (_solve(features, solved, penalty, logged) for penalty in PENALTIES)


@dataclass(frozen=True)
class _Solved:
    """What a linear model is made of for any penalty."""

    vectors: np.ndarray
    values: np.ndarray
    along: np.ndarray
    centre: np.ndarray
    intercept: np.ndarray


@dataclass(frozen=True)
class _Sums:
    """Sums over examples: of products of inputs `[F, F]`, of inputs and targets `[F, H]`, of both, and their number."""

    products: np.ndarray
    crossed: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    count: int

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(*(getattr(self, name) + getattr(other, name) for name in vars(self)))

    def add(self, x: np.ndarray, y: np.ndarray) -> "_Sums":
        """With these examples too."""
        return self + _Sums(x.T @ x, x.T @ y, x.sum(axis=0), y.sum(axis=0), len(x))

    def solve(self) -> _Solved:
        """Of centred inputs and targets."""
        count = max(self.count, 1)
        centre, intercept = self.inputs / count, self.targets / count
        products = self.products - count * np.outer(centre, centre)
        values, vectors = np.linalg.eigh(products)
        along = vectors.T @ (self.crossed - count * np.outer(centre, intercept))
        return _Solved(vectors, np.maximum(values, 0), along, centre, intercept)


def _sum_up(features: PanelFeatures, inputs: PanelInputs, logged: bool, phases: int) -> list[_Sums]:
    """The sums of each phase."""
    width = features.lookback + read_known(features, inputs.take(np.arange(1))).shape[1]
    horizon = features.horizon
    empty = _Sums(np.zeros((width, width)), np.zeros((width, horizon)), np.zeros(width), np.zeros(horizon), 0)
    found = [empty] * phases
    read = inputs.log_values if logged else inputs
    for first in range(0, len(inputs), CHUNK):
        some = read.take(np.arange(first, min(first + CHUNK, len(inputs))))
        windows = read_windows(features, some)
        targets = windows.scale_targets(some.rows.values[some.ahead])
        whole = ~np.isnan(targets).any(axis=1)
        x = np.concatenate([windows.rows, read_known(features, some)], axis=1).astype(np.float64)
        y = np.clip(targets, -MOST_CHANGE, MOST_CHANGE)
        own = find_phases(some, phases)
        for phase in range(phases):
            rows = whole & (own == phase)
            found[phase] = found[phase].add(x[rows], y[rows]) if rows.any() else found[phase]
    return found


def _solve(features: PanelFeatures, solved: list[_Solved], penalty: float, logged: bool) -> Ridge:
    weights = np.stack([each.vectors @ (each.along / (each.values + penalty)[:, None]) for each in solved])
    bias = np.stack([each.intercept - each.centre @ own for each, own in zip(solved, weights, strict=True)])
    spread = np.zeros((features.horizon, len(LEVELS)))
    return Ridge(features, spread, np.array([int(logged)]), weights, bias, np.array([penalty]))
