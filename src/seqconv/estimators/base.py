"""What the scikit-learn estimators share: a recipe from their parameters, and training."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from seqconv.errors import ConfigError
from seqconv.networks.engines.choice import create_network
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.network import Inputs, Network
from seqconv.recipes.recipe import STARTS, Recipe, count_threads, read_recipe, recipe_from_dict
from seqconv.tasks.examples import Split
from seqconv.tasks.guessing import guess_settings
from seqconv.training.loop import Listener, build_network_plan, fit_network, start_network

VALIDATION = 0.1  # share held out where the recipe stops early and the user says nothing


TRAINING = ("epochs", "batch_size", "learning_rate", "patience")


class Model:
    """A plan and its weights, and the network they make once it is needed: a pickle holds arrays, no code, no lock."""

    def __init__(self, plan: Plan, weights: Weights, recipe: Recipe, threads: int) -> None:
        self.plan, self.weights, self.recipe, self.threads = plan, weights, recipe, threads
        self._network: Network | None = None

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Outputs float32 `[N, outputs]`."""
        if self._network is None:
            self._network = create_network("native", self.plan, self.weights, self.recipe.training, self.threads)
        return self._network.predict(inputs)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_network": None}


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """What the three estimators share: a recipe from their parameters, and training."""

    task: str
    _features: Any
    _model: Model

    def _make_recipe(self, data: Any = None, guessed: dict[str, Any] | None = None) -> Recipe:
        """The recipe of the parameters; what they leave open follows from the data or is the recipe's own.

        Args:
            data: to guess settings from.
            guessed: settings that are guessed already, by name.

        Raises:
            ConfigError: no such network, one for another task, or a parameter out of range.
        """
        recipe = read_recipe(STARTS[self.task])
        if self.network:
            other = read_recipe(self.network)
            if other.task != self.task:
                problem = f"got {self.network!r}, for a {other.task} task"
                raise ConfigError(f"network must be a recipe for a {self.task} task; {problem}. Choose another")
            recipe = replace(recipe, network=other.network, training=other.training)
        table = recipe.to_dict()
        found = dict(guessed or {})
        if data:
            guesses = guess_settings(recipe, data, {"network.layers"} if self.network else set())
            found |= {name: value for name, (value, _) in guesses.items()}
        given = {f"training.{name}": getattr(self, name) for name in TRAINING}
        given |= {"training.interval": getattr(self, "interval", None)}
        given |= {f"text.{name}": getattr(self, name) for name in ("vocabulary", "max_len") if hasattr(self, name)}
        given["training.seed"] = int(check_random_state(self.random_state).randint(2**31 - 1))
        for name, value in (found | {name: value for name, value in given.items() if value is not None}).items():
            section, _, key = name.partition(".")
            if section in table:
                table[section][key] = value.item() if isinstance(value, np.generic) else value
        return recipe_from_dict(table)

    def _share(self, recipe: Recipe) -> float:
        """Share of the examples held out."""
        share = (VALIDATION if recipe.training.patience else 0.0) if self.validation is None else self.validation
        if not 0 <= share < 1:
            raise ConfigError(f"validation must be from 0 to below 1; got {share!r}")
        return float(share)

    def _threads(self) -> int:
        return count_threads(0 if self.n_jobs is None or self.n_jobs < 0 else self.n_jobs)

    def _train(self, split: Split, recipe: Recipe, held_out: bool) -> Model:
        """A trained model, its history in `history_`.

        Args:
            held_out: whether the validation examples were; else every epoch is trained and the last one counts.
        """
        threads = self._threads()
        config = recipe.training if held_out else replace(recipe.training, patience=0)
        plan = build_network_plan(recipe, split)
        network = start_network(plan, split.train, config, threads)
        trained = fit_network(network, split, config, Listener(), keep_best=held_out)
        epochs = [asdict(epoch) for epoch in trained.history]
        self.history_ = {
            name.replace("metric", split.features.metric): [epoch[name] for epoch in epochs]
            for name in ("loss", "metric", *(("validation_loss", "validation_metric") if held_out else ()))
        }
        self.n_iter_ = max(trained.best_epoch, 1) if held_out else len(epochs)
        return Model(plan, network.weights(), recipe, threads)
