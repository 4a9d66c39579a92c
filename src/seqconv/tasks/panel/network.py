"""Neural networks for all series: from the window and what is known of the future to every row of the horizon."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Annotated

import numpy as np

from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import WindowInputs, stack_windows
from seqconv.networks.layers.base import Layer, Plan, Weights
from seqconv.networks.layers.kinds import Add, Dense, Flatten, Relu
from seqconv.networks.network import Network
from seqconv.networks.plan import count_parameters, initial_weights
from seqconv.networks.threads import count_threads
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks.baselines import Arrays, Stored, thin
from seqconv.tasks.panel.features import PanelFeatures, PanelSplit
from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.reading import CHUNK, read_known, read_windows
from seqconv.tasks.panel.regression import (
    LOGGED,
    MOST_CHANGE,
    PLAIN,
    SQUASHED,
    Regression,
    choose_fit,
    judge_points,
    take_form,
)
from seqconv.tasks.stacking import weigh_by_error

PARTS = (1.0, 0.5, 0.25)  # of the window that each network reads: the newest rows
REACH = 0.15  # how far above the least error that of a network may be, relative to it
HIDDEN = 128
BATCH = 64
STEPS = 6000  # of a network at most
EPOCHS = 100  # at most
WORK = 3e11  # multiply-adds of a network's training at most
MARKS = (0.25, 0.5, 1.0)  # fractions of the steps after which the validation examples may find it best
FEWEST = 200  # examples
FEWEST_STEPS = 100
MOST_VALUES = 2**26  # inputs of all examples together
AVERAGED = 10  # steps between two weights that their running mean takes
DECAY = 0.99  # of the running mean
TRAINING = TrainingConfig(loss="mae", optimiser="adam", learning_rate=1e-3, batch_size=BATCH)


@dataclass(frozen=True)
class PanelNetwork(Regression):
    """A weighted mean of M networks, each the sum of a linear function and of one with two hidden layers of U units.

    Args:
        steps: of training, int64 `[1]`.
        weight: of each network in the mean, float64 `[M]`.
        part: of the window that each reads, the newest rows, float64 `[M]`.
        first, ...: kernels and biases of its layers, float32 `[M, inputs, outputs]` and `[M, outputs]`.

    Reference: Oreshkin et al. 2020, arXiv:1905.10437 (a mean over windows of several lengths); Lago et al. 2021,
    Applied Energy 293:116983 (two hidden layers for all hours of a day).
    """

    steps: Annotated[np.ndarray, Stored(np.int64, "1", 1)]
    weight: Annotated[np.ndarray, Stored(np.float64, "M", 0, 1)]
    part: Annotated[np.ndarray, Stored(np.float64, "M", 0, 1)]
    first: Annotated[np.ndarray, Stored(np.float32, "M F U")]
    first_bias: Annotated[np.ndarray, Stored(np.float32, "M U")]
    second: Annotated[np.ndarray, Stored(np.float32, "M U U")]
    second_bias: Annotated[np.ndarray, Stored(np.float32, "M U")]
    last: Annotated[np.ndarray, Stored(np.float32, "M U H")]
    last_bias: Annotated[np.ndarray, Stored(np.float32, "M H")]
    linear: Annotated[np.ndarray, Stored(np.float32, "M F H")]
    linear_bias: Annotated[np.ndarray, Stored(np.float32, "M H")]

    def point_read(self, inputs: PanelInputs) -> np.ndarray:
        windows = self.read(inputs)
        x = _stack(_read(self.features, inputs, windows.rows))
        found = np.zeros((len(inputs), inputs.horizon))
        for weight, network in zip(self.weight, self.networks(), strict=True):
            found += weight * network.predict(x)
        return windows.unscale(found)

    def networks(self, engine: str = "native") -> Iterator[Network]:
        """Each of the networks, to run."""
        plan = make_plan(self.linear.shape[1], self.linear.shape[2], self.first.shape[2])
        for number in range(len(self.first)):
            weights = {name: getattr(self, field)[number] for name, field in FIELDS.items()}
            yield create_network(engine, plan, weights, TRAINING, count_threads(0))

    def fit_again(self, inputs: PanelInputs) -> "PanelNetwork":
        (found,) = _fit(self.features, inputs, int(self.form[0]), [int(self.steps[0])], self.part.tolist())
        return replace(found, weight=self.weight)

    @classmethod
    def complete(cls, arrays: Arrays) -> Arrays:
        return complete_networks(super().complete(arrays))

    def keep(self, weights: np.ndarray) -> "PanelNetwork":
        """The networks that have a weight, in a mean with these weights `[M]`."""
        kept = np.flatnonzero(weights)
        own = {name: getattr(self, name)[kept] for name in ("part", *FIELDS.values())}
        return replace(self, weight=weights[kept], **own)


# the arrays of a network by the names of the plan's weights
_DENSE = {"0.0.1": "first", "0.0.3": "second", "0.0.5": "last", "0.1.1": "linear"}
FIELDS = {f"{at}.kernel": name for at, name in _DENSE.items()} | {
    f"{at}.bias": f"{name}_bias" for at, name in _DENSE.items()
}


def complete_networks(arrays: Arrays, prefix: str = "") -> Arrays:
    """Stored arrays of networks, whose names begin with `prefix`, with the weights and parts that former ones did not
    have: equal ones of all `PARTS`."""
    count = sum(arrays.get(f"{prefix}first", np.zeros(0)).shape[:1])
    return {f"{prefix}weight": np.full(count, 1 / max(count, 1)), f"{prefix}part": np.array(PARTS[:count])} | arrays


def make_plan(inputs: int, outputs: int, hidden: int = HIDDEN) -> Plan:
    """The layers of a network; untrained it forecasts no change."""
    body: list[Layer] = [Flatten()]
    for size, units in ((inputs, hidden), (hidden, hidden)):
        body += [Dense(size, units), Relu()]
    return (Add(((*body, Dense(hidden, outputs, zeros=True)), (Flatten(), Dense(inputs, outputs, zeros=True)))),)


def fit_network(split: PanelSplit) -> PanelNetwork:
    """Fit to the training examples, with what errs least on the validation examples: the number of steps and, of
    numbers that are never negative, logarithms or not, which the first steps tell; the networks that are close to the
    best one there are averaged."""
    features, inputs = split.features, split.train.inputs
    steps = count_steps(features, len(inputs))
    marks = [max(int(part * steps), 1) for part in MARKS]
    fits = {form: _fit(features, inputs, form, marks) for form in (PLAIN, LOGGED)[: 1 + features.positive]}
    first = choose_fit(split, (next(each) for each in fits.values()))
    kept = fits.pop(int(first.form[0]))
    fits.clear()  # with what it was trained on
    return choose_fit(split, (_weigh(split, each) for each in chain([first], kept)))


def _weigh(split: PanelSplit, model: PanelNetwork) -> PanelNetwork:
    """The same networks, each with a weight that falls with its own error on the validation examples."""
    alone = np.eye(len(model.weight))
    errors = np.array([judge_points(split, model.keep(each))[1] for each in alone])
    return model.keep(weigh_by_error(errors, REACH))


def refuse_network(split: PanelSplit) -> str:
    """Why there can be no network for these examples; empty: there can be."""
    features, count = split.features, int(_find_known(split.train.inputs).sum())
    if count < FEWEST:
        return f"it needs {FEWEST} examples; got {count}"
    if count_steps(features, count) < FEWEST_STEPS:
        return f"it would take too long with {count_width(features):,} inputs and {features.horizon:,} rows to forecast"
    return ""


def count_steps(features: PanelFeatures, count: int) -> int:
    """Steps of training that so many examples are worth, as far as they take no longer than they may."""
    work = 3 * BATCH * count_parameters(make_plan(count_width(features), features.horizon))
    return min(STEPS, EPOCHS * count // BATCH, int(WORK / work))


def count_width(features: PanelFeatures) -> int:
    """Numbers that a network reads of an example."""
    return features.lookback + int(read_known(features, features.blank()).shape[1])


def _fit(
    features: PanelFeatures, inputs: PanelInputs, form: int, marks: Sequence[int], parts: Sequence[float] = PARTS
) -> Iterator[PanelNetwork]:
    """Networks of these parts of the window after each number of steps, in a mean with equal weights."""
    x, y = _read_examples(features, inputs, form)
    unread = [features.lookback - max(round(part * features.lookback), features.season) for part in parts]
    trainings = [_Training(x[:, first:], y, number) for number, first in enumerate(unread)]
    spread = np.zeros((features.horizon, len(LEVELS)))
    for mark in marks:
        arrays: dict[str, list[np.ndarray]] = {name: [] for name in FIELDS.values()}
        for training, first in zip(trainings, unread, strict=True):
            for name, array in training.go_on(mark).items():
                reads = FIELDS[name] in ("first", "linear")
                arrays[FIELDS[name]].append(np.pad(array, ((first, 0), (0, 0))) if reads else array)
        stacked = {name: np.stack(each) for name, each in arrays.items()}
        equal = np.full(len(unread), 1 / len(unread))
        steps = np.array([form]), np.array([mark])
        yield PanelNetwork(features, spread, *steps, equal, np.array(parts, np.float64), **stacked)


class _Training:
    """A network that is trained.

    Args:
        x: inputs float32 `[N, F]`.
        y: targets float32 `[N, H]`.
        seed: of all random choices.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, seed: int) -> None:
        plan = make_plan(x.shape[1], y.shape[1])
        self._x, self._targets = x, y
        self._network = create_network("native", plan, initial_weights(plan, seed), TRAINING, count_threads(0))
        self._batches = _draw_batches(len(y), np.random.default_rng([seed, 1]))
        self._mean: Weights = self._network.weights()
        self._steps = 0

    def go_on(self, steps: int) -> Weights:
        """Train until that many steps are done in all; the running mean of the weights."""
        batches = islice(self._batches, steps - self._steps)
        inputs = _stack(self._x)  # of a part of the columns a copy, which lives no longer than it is read
        for _ in self._network.train_batches(inputs, self._targets, batches, lambda count: {}):
            self._steps += 1
            if self._steps % AVERAGED == 0:
                kept = min(DECAY, self._steps / (self._steps + 100))
                own = self._network.weights()
                self._mean = {name: kept * self._mean[name] + (1 - kept) * array for name, array in own.items()}
        return {name: array.astype(np.float32) for name, array in self._mean.items()}


def _draw_batches(count: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Indices of batch after batch: every example once, in random order, again and again."""
    while True:
        order = random.permutation(count)
        for first in range(0, max(count - BATCH, 0) + 1, BATCH):
            yield order[first : first + BATCH]


def _read_examples(features: PanelFeatures, inputs: PanelInputs, form: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs `[N, F]` and scaled targets `[N, H]` of the examples of which half or more is known, float32; what is
    missing of these is as in windows the value before."""
    chosen = np.flatnonzero(_find_known(inputs))
    some = take_form(inputs, form).take(thin(chosen, max(MOST_VALUES // count_width(features), FEWEST)))
    x = np.empty((len(some), count_width(features)), np.float32)
    y = np.empty((len(some), features.horizon), np.float32)
    for first in range(0, len(some), CHUNK):
        own = slice(first, first + CHUNK)
        part = some.take(np.arange(len(some))[own])
        windows = read_windows(features, part, form == SQUASHED)
        x[own] = _read(features, part, windows.rows)
        y[own] = np.clip(windows.scale_targets(part.rows.filled[part.ahead]), -MOST_CHANGE, MOST_CHANGE)
    return x, y


def _find_known(inputs: PanelInputs) -> np.ndarray:
    """Examples of which half or more of the targets is known, bool `[N]`."""
    sums = np.concatenate([[0], np.cumsum(~np.isnan(inputs.rows.values))])
    return np.asarray(2 * (sums[inputs.anchors + inputs.horizon] - sums[inputs.anchors]) >= inputs.horizon)


def _read(features: PanelFeatures, inputs: PanelInputs, rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, read_known(features, inputs)], axis=1)


def _stack(x: np.ndarray) -> WindowInputs:
    return stack_windows(x[:, None])
