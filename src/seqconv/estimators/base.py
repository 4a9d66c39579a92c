"""The base of the scikit-learn estimators: a recipe from their parameters, and training."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from seqconv.errors import ConfigError
from seqconv.models.predictor import create_model
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import Inputs
from seqconv.networks.layers.base import Plan, Shape, Weights
from seqconv.networks.network import Model as AnyModel
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe, Layers, read_recipe, recipe_from_dict, take_network
from seqconv.recipes.sections import BEST, BLEND, KINDS, NETWORK
from seqconv.tasks.baselines import suggest_others
from seqconv.tasks.blend import Parts, fit_blend, join_parts
from seqconv.tasks.bundle import AnyBundle, Bundle
from seqconv.tasks.completion import choose_guesses
from seqconv.tasks.examples import TrainingData, merge_validation
from seqconv.tasks.holdout import hold_out, open_stream
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.scoring import evaluate, fit_baselines
from seqconv.tasks.thresholds import FIXED, parse_rule
from seqconv.training.folds import score_folds
from seqconv.training.loop import Listener, build_network_plan, calibrate, fit_network, start_network

VALIDATION = 0.1  # fraction held out if the recipe needs it and the user gives none
TO_BLEND = 0.2  # the same for a blend
TRAINING = ("epochs", "batch_size", "learning_rate", "patience")


class Model:
    """A plan with weights and, once needed, the model that they are, which a pickle leaves out: it holds no code and no
    lock.

    Args:
        features: of a blend or a baseline, which reads them; None: it is a network.
    """

    def __init__(self, plan: Plan, weights: Weights, recipe: AnyRecipe, threads: int, features: Any = None) -> None:
        self.plan, self.weights, self.recipe, self.threads = plan, weights, recipe, threads
        self.features = features
        self._network: AnyModel | None = None

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Outputs float32 `[N, outputs]`."""
        if self._network is None:
            self._network = self._create()
        return self._network.predict(inputs)

    def _create(self) -> AnyModel:
        if self.recipe.training.model == BLEND or not self.recipe.has_layers:
            return create_model(self.to_bundle((), self.features), threads=self.threads)
        return create_network("native", self.plan, self.weights, self.recipe.network_training, self.threads)

    def to_bundle(self, shape: Shape, features: Any) -> AnyBundle:
        """The model as it is saved, for inputs of this shape."""
        return Bundle(self.recipe, self.plan, self.weights, shape, features, "")

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_network": None}


def write_class_weights(given: Any) -> str | None:
    """A parameter `class_weight` as the setting of a recipe; None: it is left open."""
    if isinstance(given, Mapping):
        return ",".join(f"{label}={weight}" for label, weight in given.items()) or None
    if given is None or isinstance(given, str):
        return given
    raise ConfigError(f"class_weight must be 'balanced', a dictionary, or None; got {given!r}")


def needs_validation(recipe: AnyRecipe) -> bool:
    """Whether something is chosen on rows held out, besides the epoch: the threshold of a class."""
    return bool(recipe.training.threshold) and parse_rule(recipe.training.threshold)[0] != FIXED


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """The base of the three estimators: a recipe from their parameters, and training."""

    task: str
    network: Layers
    baselines = False  # whether it fits them too
    _features: Any
    metric: str = ""  # pickles of earlier versions have none
    _shape: Shape
    _model: Model

    def _make_recipe(self, data: Any = None, guessed: dict[str, Any] | None = None) -> AnyRecipe:
        """The recipe for the parameters; those left open are inferred from the data or are the recipe's own.

        Args:
            data: to infer settings from.
            guessed: settings inferred already, by name.

        Raises:
            ConfigError: no such network, one for another task, or a parameter out of range.
        """
        recipe = read_recipe(KINDS[self.task].start)
        recipe = take_network(recipe, self.network) if self._has_network else recipe
        if unit := getattr(self, "unit", None):
            recipe = replace(recipe, features=replace(recipe.features, unit=unit))
        table = recipe.to_dict()
        found = dict(guessed or {})
        if data:
            given = {"network.layers"} if self._has_network else set()
            given |= set() if hasattr(self, "model") else {"training.model"}
            guesses = TASKS[self.task].guess(recipe, data, given)
            guesses = choose_guesses(recipe, guesses, given)
            found |= {name: value for name, (value, _) in guesses.items()}
        own = {f"training.{name}": getattr(self, name) for name in TRAINING}
        own |= {"training.model": self._choose_model(), "training.metric": getattr(self, "metric", "") or None}
        own |= {"training.coverage": getattr(self, "interval", None), "training.quantiles": self._read_quantiles()}
        own |= {"training.class_weight": write_class_weights(getattr(self, "class_weight", None))}
        for name in ("threshold", "positive"):
            value = getattr(self, name, None)
            own[f"training.{name}"] = None if value is None else str(value)
        own |= {f"text.{name}": getattr(self, name) for name in ("vocabulary", "max_len") if hasattr(self, name)}
        own["training.seed"] = self._draw_seed()
        for name, value in (found | {name: value for name, value in own.items() if value is not None}).items():
            section, _, key = name.partition(".")
            if section in table:
                table[section][key] = value.item() if isinstance(value, np.generic) else value
        if table["training"]["model"] == BEST:
            raise ConfigError("model must be one to fit; got 'best', which only `train` and tables choose. Name one")
        return recipe_from_dict(table)

    @property
    def _has_network(self) -> bool:
        """Whether the user gave a network."""
        return self.network not in ("", None)

    def _choose_model(self) -> str | None:
        """The model by its name in a recipe; None: as the data say."""
        return getattr(self, "model", "") or None

    def _read_quantiles(self) -> list[float] | None:
        """The levels of `quantiles`; None: there are none.

        Raises:
            ConfigError: an interval is asked for too.
        """
        if (found := getattr(self, "quantiles", None)) is None:
            return None
        if getattr(self, "interval", None):
            raise ConfigError("quantiles take the place of an interval; got both. Leave one out")
        return [float(level) for level in np.asarray(found, np.float64).reshape(-1)]

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _held_out_fraction(self, recipe: AnyRecipe) -> float:
        """Fraction of the examples to hold out."""
        wanted = VALIDATION if recipe.training.patience or needs_validation(recipe) else 0.0
        wanted = TO_BLEND if recipe.training.model == BLEND and recipe.has_layers else wanted
        fraction = wanted if self.validation is None else self.validation
        if not 0 <= fraction < 1:
            raise ConfigError(f"validation must be from 0 to below 1; got {fraction!r}")
        return float(fraction)

    def _threads(self) -> int:
        return count_threads(0 if self.n_jobs is None or self.n_jobs < 0 else self.n_jobs)

    def _train(self, data: TrainingData[Any, Any], recipe: AnyRecipe) -> Model:
        """Train a model and set `history_`; without validation examples it is that of the last epoch."""
        if not recipe.has_layers and self.baselines:  # others refuse it below
            return self._fit_baseline(data, recipe)
        threads, held_out = self._threads(), data.validation is not None
        config = recipe.network_training if held_out else replace(recipe.network_training, patience=0)
        plan = build_network_plan(recipe, data.train, data.features)
        network = start_network(plan, data.train, config, threads)
        trained = fit_network(network, data, config, Listener(), keep_best=held_out)
        epochs = [asdict(epoch) for epoch in trained.history]
        self.history_ = {
            name.replace("metric", data.features.target.metric): [epoch[name] for epoch in epochs]
            for name in ("loss", "metric", *(("validation_loss", "validation_metric") if held_out else ()))
        }
        self.n_iter_ = max(trained.best_epoch, 1) if held_out else len(epochs)
        return Model(plan, network.weights(), recipe, threads)

    def _fit_model(self, data: TrainingData[Any, Any], recipe: AnyRecipe) -> bool:
        """Fit the model, and say whether it is a blend, of which nothing is left to choose."""
        alone = replace(recipe, training=replace(recipe.training, model=NETWORK))
        if recipe.has_layers and recipe.training.model == BLEND and data.validation is not None:
            self._fit_blend(data, recipe, alone)
            return True
        self._model = self._train(data, alone if recipe.has_layers else recipe)
        self._shape, self._features = data.train.inputs.shape, data.features
        return False

    def _fit_blend(self, data: TrainingData[Any, Any], recipe: AnyRecipe, alone: AnyRecipe) -> None:
        """A blend: factors by the rows held out, which its members are then fitted to as well.

        Args:
            alone: the recipe of its network.
        """
        task, loss = TASKS[self.task], recipe.training.loss
        split = data.untested
        scored = evaluate(self._train(data, alone), split, loss)
        history, epochs = self.history_, self.n_iter_
        baselines = fit_baselines(task, split, others=False, blended=recipe.blended)
        first, second = data.train.keys, split.validation.keys
        pool = None if first is None or second is None else np.concatenate([first, second])
        folds = score_folds(alone, data, pool, [each.kind for each in baselines], self._threads())
        blended = fit_blend(scored, baselines, split, self.task, loss, refit=True, held=folds)
        whole = replace(merge_validation(data), validation=None)
        network = self._train(whole, replace(alone, training=replace(alone.training, epochs=epochs)))
        self.history_, self.n_iter_ = history, epochs
        weights = join_parts(Parts(network.weights, blended.members, blended.factors), self.task)
        self._shape, self._features = data.train.inputs.shape, data.features.aim(blended.target)
        if recipe.training.levels:
            held = blended.scored.validation_outputs
            self._features = calibrate(lambda inputs: held, split.validation, self._features, recipe.training)
        self._model = Model(network.plan, weights, recipe, self._threads(), self._features)

    def _fit_baseline(self, data: TrainingData[Any, Any], recipe: AnyRecipe) -> Model:
        """Fit the model that the recipe names in place of a network; `history_` is empty then."""
        kind = recipe.training.model
        candidates = TASKS[self.task].list_baselines(data.untested, lambda note: None)
        (found,) = (each for each in candidates if each.kind == kind)
        if isinstance(found.fit, str):
            problem = f"{found.name} does not: {found.fit}. {suggest_others(candidates)}"
            raise ConfigError(f"model={kind!r} must fit the data; {problem}")
        self.history_, self.n_iter_ = {}, 1
        return Model((), found.fit().arrays, recipe, self._threads(), data.features)


class ExampleEstimator(NetworkEstimator):
    """The base of the estimators of texts and of sequences, each of which is an example."""

    baselines = True

    @property
    def bundle_(self) -> AnyBundle:
        """The model as `seqconv.models.format.write_bundle` writes and `seqconv.load` reads it."""
        check_is_fitted(self, "_model")
        return self._model.to_bundle(self._shape, self._features)

    @abstractmethod
    def _read_inputs(self, X: Any) -> Any:
        """Examples as models read them."""

    def _hold_out(
        self, labels: np.ndarray, groups: np.ndarray | None, recipe: AnyRecipe
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and rows held out, the same fraction of each label, perhaps none."""
        fraction, rows = self._held_out_fraction(recipe), np.arange(len(labels))
        if not fraction:
            return rows, rows[:0]
        random = open_stream(recipe.training.seed, "validation")
        return hold_out(rows, labels, groups, fraction, random, stratified=True)
