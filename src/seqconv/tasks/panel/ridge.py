"""One linear model for all series: from the window and what is known of the future to every row of the horizon."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from seqconv.tasks.baselines import Stored
from seqconv.tasks.panel.features import PanelFeatures, PanelSplit
from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.reading import CHUNK, read_known, read_windows
from seqconv.tasks.panel.regression import LOGGED, MOST_CHANGE, PLAIN, SQUASHED, Regression, choose_fit, take_form

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
        windows = self.read(inputs)
        x = np.concatenate([windows.rows, read_known(self.features, inputs)], axis=1)
        phases = find_phases(inputs, len(self.weights))
        changes = np.empty((len(inputs), inputs.horizon))
        for phase in np.unique(phases):
            own = phases == phase
            changes[own] = x[own] @ self.weights[phase] + self.bias[phase]
        return windows.unscale(changes)

    def fit_again(self, inputs: PanelInputs) -> "Ridge":
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        form, phases = int(self.form[0]), len(self.weights)
        with threadpool_limits(1):
            solved = _solve_sums(self.features, inputs, form, _sum_up(self.features, inputs, form, phases))
        return _make_ridge(self.features, solved, float(self.penalty[0]), form)


def find_phases(inputs: PanelInputs, phases: int) -> np.ndarray:
    """The place of each example's first row to forecast in the season, int64 `[N]`."""
    return np.asarray(inputs.rows.steps[inputs.anchors] % phases)


def fit_ridge(split: PanelSplit) -> Ridge:
    """Fit to the training examples, with what errs least on the validation examples: the penalty, logarithms or not (of
    numbers that are never negative), a model for each phase of the season or one for all."""
    return _choose(split, (PLAIN, LOGGED) if split.features.positive else (PLAIN,))


def fit_squashed(split: PanelSplit) -> Ridge:
    """The same of squashed numbers, see `Windows`: it errs elsewhere, so that a mean of both is better than each. Of
    long series it is the mean of a model of all phases and of one of each, which few validation examples cannot tell
    apart."""
    return _choose(split, (SQUASHED,))


def _choose(split: PanelSplit, forms: Sequence[int]) -> Ridge:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return choose_fit(split, _list_fits(split, forms))


def _list_fits(split: PanelSplit, forms: Sequence[int]) -> Iterator[Ridge]:
    features = split.features
    enough = len(split.train.targets) >= FEWEST_IN_PHASE * features.season and features.season > 1
    for form in forms:
        parts = _sum_up(features, split.train.inputs, form, features.season if enough else 1)
        pooled = [sum(parts[1:], parts[0])]
        for sums in [parts] if form == SQUASHED or not enough else [pooled, parts]:
            solved = _solve_sums(features, split.train.inputs, form, sums)
            yield from (_make_ridge(features, solved, penalty, form) for penalty in PENALTIES)


def list_columns(features: PanelFeatures, inputs: PanelInputs, phases: int) -> np.ndarray:
    """Which columns a model reads: all, or, one of several phases, which has few examples, of the window the two newest
    seasons and the first season of longer ones, such as the hours of the same day a week ago.

    Reference: Lago et al. 2021, Applied Energy 293:116983 (prices of the days 1, 2, 3 and 7 days before).
    """
    season, lookback = features.season, features.lookback
    every = np.arange(_count_columns(features, inputs))
    if phases == 1:
        return every
    back = [season, 2 * season, *(each.rows for each in features.frequency.seasons if each.rows > 2 * season)]
    first = np.array([lookback - each for each in back if each <= lookback])
    return np.concatenate([np.unique(first[:, None] + np.arange(season)), every[lookback:]])


@dataclass(frozen=True)
class _Solved:
    """What a linear model of some columns, of `width` in all, is made of for any penalty."""

    width: int
    columns: np.ndarray
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

    def solve(self, columns: np.ndarray) -> _Solved:
        """Of centred inputs and targets."""
        count = max(self.count, 1)
        centre, intercept = self.inputs[columns] / count, self.targets / count
        products = self.products[np.ix_(columns, columns)] - count * np.outer(centre, centre)
        values, vectors = np.linalg.eigh(products)
        along = vectors.T @ (self.crossed[columns] - count * np.outer(centre, intercept))
        return _Solved(len(self.inputs), columns, vectors, np.maximum(values, 0), along, centre, intercept)


def _sum_up(features: PanelFeatures, inputs: PanelInputs, form: int, phases: int) -> list[_Sums]:
    """The sums of each phase."""
    width, horizon = _count_columns(features, inputs), features.horizon
    empty = _Sums(np.zeros((width, width)), np.zeros((width, horizon)), np.zeros(width), np.zeros(horizon), 0)
    found = [empty] * phases
    read = take_form(inputs, form)
    for first in range(0, len(inputs), CHUNK):
        some = read.take(np.arange(first, min(first + CHUNK, len(inputs))))
        windows = read_windows(features, some, form == SQUASHED)
        targets = windows.scale_targets(some.rows.values[some.ahead])
        whole = ~np.isnan(targets).any(axis=1)
        x = np.concatenate([windows.rows, read_known(features, some)], axis=1).astype(np.float64)
        y = np.clip(targets, -MOST_CHANGE, MOST_CHANGE)
        own = find_phases(some, phases)
        for phase in range(phases):
            rows = whole & (own == phase)
            found[phase] = found[phase].add(x[rows], y[rows]) if rows.any() else found[phase]
    return found


def _count_columns(features: PanelFeatures, inputs: PanelInputs) -> int:
    return features.lookback + int(read_known(features, inputs.take(np.arange(1))).shape[1])


def _solve_sums(features: PanelFeatures, inputs: PanelInputs, form: int, sums: Sequence[_Sums]) -> list[list[_Solved]]:
    """The models whose mean is taken, each of one part for all phases or of one for each."""
    both = form == SQUASHED and len(sums) > 1
    kinds = [[sum(sums[1:], sums[0])], sums] if both else [sums]
    return [[each.solve(list_columns(features, inputs, len(kind))) for each in kind] for kind in kinds]


def _make_ridge(features: PanelFeatures, solved: Sequence[list[_Solved]], penalty: float, form: int) -> Ridge:
    phases = len(solved[-1])
    weights = np.zeros((phases, solved[0][0].width, features.horizon))
    bias = np.zeros((phases, features.horizon))
    for model in solved:
        for first, each in enumerate(model):
            phase = slice(first, first + 1) if len(model) == phases else slice(None)
            own = each.vectors @ (each.along / (each.values + penalty)[:, None])
            weights[phase, each.columns] += own / len(solved)
            bias[phase] += (each.intercept - each.centre @ own) / len(solved)
    spread = np.zeros((features.horizon, len(LEVELS)))
    return Ridge(features, spread, np.array([form]), weights, bias, np.array([penalty]))
