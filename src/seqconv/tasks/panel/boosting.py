"""Gradient boosting: one set of trees for all series and steps of the horizon."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from seqconv.tasks.baselines import Stored
from seqconv.tasks.panel.features import PanelFeatures, PanelSplit
from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.reading import Windows, read_by_step, read_windows
from seqconv.tasks.panel.regression import LOGGED, MOST_CHANGE, PLAIN, Regression, choose_fit, take_form
from seqconv.tasks.series.trees import LEAVES, Trees, read_trees

ROWS = 100_000  # forecast rows that the trees are fitted to
NEWEST = 12  # rows before the anchor that they read
SEASONS = 4  # rows that they read at the same place of earlier seasons
TREES = 300
CHUNK = 200_000  # rows to forecast that are described together


@dataclass(frozen=True)
class Boosting(Regression):
    """Boosted trees, see `Trees`.

    Args:
        columns, thresholds, kept: `[T, nodes]`.
        leaves: `[T, leaves]`.
    """

    columns: Annotated[np.ndarray, Stored(np.int64, "T nodes", 0)]
    thresholds: Annotated[np.ndarray, Stored(np.float64, "T nodes", most=np.inf)]
    kept: Annotated[np.ndarray, Stored(np.uint8, "T nodes", 0, 255)]
    leaves: Annotated[np.ndarray, Stored(np.float64, "T leaves")]

    @property
    def lengths(self) -> dict[str, int]:
        return super().lengths | {"nodes": LEAVES - 1, "leaves": LEAVES}

    def point_read(self, inputs: PanelInputs) -> np.ndarray:
        trees = Trees(self.columns, self.thresholds, self.kept, self.leaves)
        found = np.empty((len(inputs), inputs.horizon))
        chunk = max(CHUNK // inputs.horizon, 1)
        for first in range(0, len(inputs), chunk):
            some = inputs.take(np.arange(first, min(first + chunk, len(inputs))))
            windows = self.read(some)
            example, step = (each.ravel() for each in np.indices((len(some), some.horizon)))
            changes = trees.add(describe(self.features, some, windows, example, step)).reshape(len(some), -1)
            found[first : first + chunk] = windows.unscale(changes)
        return found

    def fit_again(self, inputs: PanelInputs) -> "Boosting":
        return _fit(self.features, inputs, int(self.form[0]))


def describe(
    features: PanelFeatures, inputs: PanelInputs, windows: Windows, example: np.ndarray, step: np.ndarray
) -> np.ndarray:
    """What the trees read of one row to forecast, float64 `[R, F]`: the newest rows of the window and those of earlier
    seasons, on its scale; how far ahead the row is; what is known of it and how that differs from a season earlier; the
    newest past columns. Missing values are NaN, but of columns the mean: a tree that has seen none missing in training
    would take them for anything.

    Args:
        example, step: of each row, int64 `[R]`.
    """
    season, lookback = features.season, features.lookback
    newest = windows.rows[:, -min(NEWEST, lookback) :][example]
    place = lookback + step - (step // season + 1) * season
    back = [place - turn * season for turn in range(SEASONS if season > 1 else 0)]
    back += [lookback + step - (step // lag + 1) * lag for lag in list_longer_lags(features)]
    earlier = [np.where(at >= 0, windows.rows[example, np.maximum(at, 0)], np.nan) for at in back]
    sizes = [size for size in (season, 4 * season, lookback) if size <= lookback]
    means = [windows.rows[:, -size:].mean(axis=1)[example] for size in sizes]
    base = (windows.base - windows.level)[example, step] / windows.scale[example, 0]
    ahead = inputs.ahead[example, step]
    before = np.maximum(ahead - (step // season + 1) * season, inputs.starts[example])
    known, calendar = read_by_step(inputs, ahead)
    known, earlier_known = np.nan_to_num(known), np.nan_to_num(read_by_step(inputs, before)[0])
    static = np.nan_to_num(inputs.rows.static[inputs.series[example]])
    past = np.nan_to_num(inputs.rows.past[inputs.anchors[example] - 1])
    stacked = np.stack([base, step.astype(np.float64), *earlier, *means], axis=1)
    blocks = [stacked, newest, known, static, calendar, known - earlier_known, past]
    return np.concatenate(blocks, axis=1, dtype=np.float64)


def list_longer_lags(features: PanelFeatures) -> list[int]:
    """Rows back from a row to forecast that trees read besides the season: longer seasons of the frequency, once and
    twice; without any, ever longer ones."""
    season, lookback = features.season, features.lookback
    longer = [each.rows for each in features.frequency.seasons if each.rows > season]
    lags = [turn * rows for rows in longer for turn in (1, 2)]
    if not lags and season == 1:
        lags = np.unique(np.geomspace(NEWEST, max(lookback, NEWEST), 12).round().astype(int)).tolist()
    return [lag for lag in lags if lag <= lookback]


def fit_boosting(split: PanelSplit) -> Boosting:
    """Fit to the training examples; of numbers that are never negative to their logarithms if that errs less on the
    validation examples."""
    features = split.features
    forms = (PLAIN, LOGGED) if features.positive else (PLAIN,)  # squashed numbers have the same medians
    return choose_fit(split, (_fit(features, split.train.inputs, form) for form in forms))


def _fit(features: PanelFeatures, inputs: PanelInputs, form: int) -> Boosting:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    random = np.random.default_rng(0)
    read = take_form(inputs, form)
    most = min(ROWS, 20_000 + len(inputs) * inputs.horizon // 4)
    chosen = random.permutation(len(inputs))[: max(most // min(inputs.horizon, 8), 1)]
    some = read.take(np.sort(chosen))
    each = min(inputs.horizon, 8)
    example = np.repeat(np.arange(len(some)), each)
    step = np.argsort(random.random((len(some), inputs.horizon)), axis=1)[:, :each].ravel()
    windows = read_windows(features, some)
    targets = windows.scale_targets(some.rows.values[some.ahead])[example, step]
    known = ~np.isnan(targets)
    example, step, targets = example[known], step[known], np.clip(targets[known], -MOST_CHANGE, MOST_CHANGE)
    model: Any = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False, random_state=0
    )
    x = describe(features, some, windows, example, step)
    x[:, np.isnan(x).all(axis=0)] = 0.0  # the library cannot read a column without a number
    with threadpool_limits(1):
        model.fit(x, targets)
    spread = np.zeros((features.horizon, len(LEVELS)))
    return Boosting(features, spread, np.array([form]), *read_trees(model))
