"""The training loop: batches, validation, early stopping, the best epoch kept, and what an interruption needs."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from seqconv.errors import ConfigError, DataError, TrainingError, shorten
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import Targets
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.losses import CLIP, example_losses, values_per_answer
from seqconv.networks.network import Network
from seqconv.networks.ngrams import fit_scales
from seqconv.networks.outputs import take_point_forecasts
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import initial_weights
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import NETWORK, TrainingConfig
from seqconv.tasks.examples import Features, Part, TrainingData
from seqconv.tasks.target import Target
from seqconv.training.checkpoint import Checkpoint, Epoch, Progress
from seqconv.training.schedule import Schedule

VALIDATION = 0.25  # what validation takes next to the batches of an epoch, roughly
TINY = 1e-12  # mean weight of validation examples, at least: none may weigh anything

AnyFeatures = TypeVar("AnyFeatures", bound=Features)


@dataclass(frozen=True)
class Trained:
    """What `fit_network` gives: the network holds the weights of `best_epoch`; 0: those that it started with."""

    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float


class Listener:
    """What a caller may want to hear during a run; every method may be left as it is."""

    metric = "accuracy"  # what Epoch.metric is

    def download(self, done: int, total: int) -> None:
        """Bytes fetched so far, of how many (0: unknown)."""

    def advance(self, what: str, done: int, total: int) -> None:
        """So much of some long work is done, such as series that are forecast."""

    def say(self, text: str) -> None:
        """A sentence worth showing."""

    def has_time(self, seconds: float) -> bool:
        """Whether training may take so much longer; it is asked before each epoch and after each batch."""
        return True

    def resume(self, history: Sequence[Epoch]) -> None:
        """Training goes on after these epochs."""

    def train_again(self, epochs: int) -> None:
        """A last fit begins, on the validation rows too: from now on their scores say nothing."""
        self.say(f"retraining on training + validation rows for {epochs} epoch{'s' if epochs > 1 else ''}")

    def start_epoch(self, epoch: int, epochs: int, steps: int) -> None:
        """An epoch begins."""

    def end_step(self, loss: float, metric: float) -> None:
        """A batch is done; the values are running means of the epoch."""

    def end_epoch(self, epoch: Epoch) -> bool | None:
        """An epoch and its validation are done; True: that is enough, and training ends."""

    def keep(self, epoch: Epoch) -> None:
        """Training ends with the weights of this epoch, the best on the validation rows."""


def build_network_plan(recipe: AnyRecipe, part: Part[Any], features: Features) -> Plan:
    """The recipe's layers with the sizes of its data.

    Raises:
        ConfigError: layers that do not fit the data.
    """
    shape = part.inputs.shape
    outputs = features.target.outputs * values_per_answer(recipe.network_training.levels)
    plan = build_plan(recipe.network.layers, shape, recipe.features.ids, outputs)
    features.check_plan(plan, shape[-1])
    return plan


def start_network(plan: Plan, part: Part[Any], config: TrainingConfig, threads: int, engine: str = "native") -> Network:
    """A network to train: weights drawn by the seed, scales of n-grams as the training examples `part` tell them.

    Raises:
        ConfigError: the recipe asks for a baseline.
        ConfigError, MissingExtra: see `networks.engines.choice.create_network`.
    """
    if config.model != NETWORK:
        raise ConfigError(f"training.model must be {NETWORK!r} here; got {config.model!r}. Only `train` fits baselines")
    weights = initial_weights(plan, config.seed)
    weights |= fit_scales(plan, part.inputs, part.targets, threads)
    return create_network(engine, plan, weights, config, threads)


def fit_network(
    network: Network,
    data: TrainingData[Any, Any],
    config: TrainingConfig,
    listener: Listener,
    keep_best: bool = True,
    checkpoint: Checkpoint | None = None,
    known: bool = False,
) -> Trained:
    """Train until the epochs are used up or the validation loss, or the metric that models are judged by, has not
    improved for `patience` epochs.

    Args:
        data: its validation examples decide on the best epoch.
        keep_best: end with the weights of the best epoch, not of the last; with `averaging`, with its mean.
        checkpoint: where to go on from, if it holds anything, and where to keep what is reached.
        known: the network is a trained one: an epoch must be better than it to be kept.

    Raises:
        TrainingError: dead start (no example has a gradient), or a loss that is not finite.
    """
    if config.loss == "as_printed":
        _check_alive(network, data.train)
    random = np.random.default_rng([config.seed, 1])
    steps = _Steps(config, random, Schedule(config, network.learning_rate))
    started = time.perf_counter()
    history: list[Epoch] = []
    best = _judge_start(network, data, config, known) if keep_best else _Best(0, math.inf, {})
    mean: Weights = {}
    if checkpoint is not None and (progress := checkpoint.read()) is not None:
        history, mean = list(progress.history), progress.mean
        best = _Best(progress.best_epoch, progress.best_loss, progress.best)
        try:
            network.restore(progress.state)
        except (ArithmeticError, DataError, TypeError, ValueError) as error:
            raise checkpoint.refuse(f"must be of this network; {shorten(error)}") from error
        random.bit_generator.state = progress.random
        listener.resume(history)
    enough: bool | None = False
    while not (enough or _is_done(history, best.epoch, config)):
        if history and not listener.has_time(history[-1].seconds):
            break
        epoch, judged, mean = _run_epoch(network, data, steps, history, mean, listener)
        history.append(epoch)
        if not best.weights or judged < best.loss:
            best = _Best(epoch.epoch, judged, mean or network.weights())
        enough = listener.end_epoch(epoch)
        if checkpoint is not None and checkpoint.is_due():
            drawn = dict(random.bit_generator.state)
            checkpoint.write(Progress(tuple(history), *best, network.state(), drawn, mean))
    if len(history) < config.epochs and (enough or _is_done(history, best.epoch, config)):
        waited = f"no better for {config.patience} epoch{'s' if config.patience > 1 else ''}"
        listener.say(f"stopped: {'as asked' if enough else waited}")
    if keep_best and best.epoch:
        listener.keep(history[best.epoch - 1])
    if keep_best or mean:
        network.set_weights(best.weights if keep_best else mean)
    return Trained(tuple(history), best.epoch, time.perf_counter() - started)


class _Best(NamedTuple):
    """The epoch with the lowest validation loss, or the best metric that models are judged by, that number, as `rank`
    gives it, and its weights."""

    epoch: int
    loss: float
    weights: Weights


def _judge_start(network: Network, data: TrainingData[Any, Any], config: TrainingConfig, known: bool) -> _Best:
    """A network that starts at zero starts as a forecast, and a trained one as a model: what training makes of it must
    be better to be kept."""
    if not network.plan[-1].starts_at_zero and not known:
        return _Best(0, math.inf, {})
    return _Best(0, _validate(network, data, config).judged, network.weights())


class _Validated(NamedTuple):
    """Loss and metric of the validation examples, and what epochs are judged by, smaller if better; NaN without any."""

    loss: float
    metric: float
    judged: float


def _validate(network: Network, data: TrainingData[Any, Any], config: TrainingConfig) -> _Validated:
    part, target = data.validation, data.features.target
    if part is None:
        return _Validated(math.nan, math.nan, math.nan)
    outputs = network.predict(part.inputs)
    loss, metric = _score(outputs, part.residual_targets, config, target, part.weights)
    if not target.judged:
        return _Validated(loss, metric, loss)
    return _Validated(loss, metric, target.rank(data.features.measure(part.finish(outputs), part, config.loss)))


def _score(
    outputs: np.ndarray,
    targets: Targets,
    config: TrainingConfig,
    target: Target,
    weights: np.ndarray | None = None,
) -> tuple[float, float]:
    """Loss, weighted, and metric, in which all count the same; with intervals, of the point forecasts."""
    outputs = take_point_forecasts(outputs, targets)
    error = float(target.errors(outputs, targets, config.loss).mean())
    loss = float(example_losses(outputs, targets, config.loss, weights).mean())
    return loss if weights is None else loss / max(float(weights.mean()), TINY), target.to_metric(error)


def _is_done(history: list[Epoch], best_epoch: int, config: TrainingConfig) -> bool:
    waited = len(history) - best_epoch
    return len(history) >= config.epochs or bool(config.patience and history and waited >= config.patience)


class _Steps(NamedTuple):
    """What decides the steps of a training: settings, the generator of batches and masks, and the learning rate."""

    config: TrainingConfig
    random: np.random.Generator
    schedule: Schedule


def _run_epoch(
    network: Network,
    data: TrainingData[Any, Any],
    steps: _Steps,
    history: list[Epoch],
    mean: Weights,
    listener: Listener,
) -> tuple[Epoch, float, Weights]:
    """The epoch, what it is judged by, and the running mean of the weights after it, which the validation is of; none
    without averaging."""
    started, number, config = time.perf_counter(), len(history) + 1, steps.config
    batches = list(_draw_batches(len(data.train.inputs), config, steps.random))
    listener.start_epoch(number, config.epochs, len(batches))
    loss, metric = _train(network, data, batches, steps, history, listener)
    if not np.isfinite(loss):
        raise TrainingError(
            f"epoch {number}: the loss must be finite; got {loss}. "
            "Lower training.learning_rate or set training.clip_norm"
        )
    own = network.weights() if config.averaging else {}
    if own:
        mean = _average(mean, own, config.averaging)
        network.set_weights(mean)
    validation = _validate(network, data, config)
    if own:
        network.set_weights(own)
    seconds = time.perf_counter() - started
    return Epoch(number, loss, metric, validation.loss, validation.metric, seconds), validation.judged, mean


def _average(mean: Weights, own: Weights, kept: float) -> Weights:
    return {name: kept * mean[name] + (1 - kept) * array for name, array in own.items()} if mean else own


def _draw_batches(count: int, config: TrainingConfig, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Indices of one epoch's batches: random draws as the book's generator makes them, or every example once."""
    if config.steps_per_epoch:
        yield from random.integers(0, count, (config.steps_per_epoch, config.batch_size))
        return
    order = random.permutation(count)
    for start in range(0, count, config.batch_size):
        yield order[start : start + config.batch_size]


def _train(
    network: Network,
    data: TrainingData[Any, Any],
    batches: list[np.ndarray],
    by: _Steps,
    history: list[Epoch],
    listener: Listener,
) -> tuple[float, float]:
    """One pass, or as much of one as there is time for; running means of loss and metric."""
    part, target, config, started = data.train, data.features.target, by.config, time.perf_counter()
    masks = DropoutMasks(network.plan, part.inputs.shape, by.random, network.threads)
    total = total_metric = seen = 0.0
    targets = part.residual_targets
    paced = by.schedule.pace(network, batches, history)
    steps = network.train_batches(part.inputs, targets, paced, masks.draw, part.weights)
    for index, step in zip(batches, steps, strict=True):
        loss, metric = _score(step.outputs, targets[index], config, target)
        # with quantiles the point forecasts' part, as in validation
        total += (loss if config.levels else step.loss) * len(index)
        total_metric += metric * len(index)
        seen += len(index)
        listener.end_step(total / seen, total_metric / seen)
        if not listener.has_time(VALIDATION * (time.perf_counter() - started)):
            break
    return total / seen, total_metric / seen


def calibrate(
    predict: Callable[[Any], np.ndarray], part: Part[Any], features: AnyFeatures, config: TrainingConfig
) -> AnyFeatures:
    """Features with what is chosen on the validation examples: thresholds of classes, and by how much intervals or
    quantiles, if the recipe asks for any, must move to hold as much as they should; those of a model without any begin
    as its answers.

    Args:
        predict: of the model.
        part: the validation examples.
    """
    if features.target.tunes:
        return features.aim(features.target.tune(predict(part.inputs), part.targets, config.loss))
    if not config.levels:
        return features
    outputs = predict(part.inputs)
    bounds = part.finish_bounds(outputs, bool(config.quantiles))
    around = np.stack([part.finish(outputs)] * len(config.levels)) if bounds is None else bounds
    return features.calibrate(around, np.asarray(part.targets), config.coverage)


def _check_alive(network: Network, part: Part[Any]) -> None:
    """The as-printed loss has no gradient outside its clip: a network whose outputs all start there never moves."""
    outputs = network.predict(part.inputs)
    if not np.any((outputs > CLIP) & (outputs < 1 - CLIP)):
        raise TrainingError(
            "dead start: every output of the untrained network lies outside 0 to 1, where the as-printed loss has no "
            "gradient, so training would change nothing. Use another --seed, or the recipe imdb-conv1d"
        )
