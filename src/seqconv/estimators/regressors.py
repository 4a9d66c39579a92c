"""The base of the scikit-learn regressors of texts and sequences, and the regressor of texts."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from seqconv.data.frames import read_weights
from seqconv.data.records import TextData, Texts
from seqconv.errors import ConfigError
from seqconv.estimators.base import ExampleEstimator
from seqconv.estimators.texts import TextEstimator
from seqconv.recipes.recipe import AnyRecipe, Layers
from seqconv.tasks.examples import TrainingData
from seqconv.tasks.text.split import encode_texts, group_texts
from seqconv.training.loop import calibrate

CALIBRATION = 0.2  # fraction held out for intervals, if the user gives none


class NetworkRegressor(RegressorMixin, ExampleEstimator):  # type: ignore[misc]
    """The base of both: numbers to targets, outputs to answers."""

    interval: float | None
    quantiles: Any = None  # pickles of earlier versions have none

    def predict(self, X: Any) -> np.ndarray:
        """The number of each example, float64 `[N]`."""
        return np.asarray(self._answer(X)["prediction"])

    def predict_interval(self, X: Any) -> np.ndarray:
        """Lower and upper bound of the interval of each, float64 `[N, 2]`.

        Raises:
            ConfigError: the model has no intervals.
        """
        found = self._answer(X)
        if "low" not in found:
            raise ConfigError("interval must be given to predict intervals; it is None. Fit with interval=0.9")
        return np.stack([found["low"], found["high"]], axis=1)

    def predict_quantiles(self, X: Any) -> np.ndarray:
        """The quantiles of each at each of `quantiles`, float64 `[N, Q]`.

        Raises:
            ConfigError: the model has none.
        """
        found = self._answer(X)
        if not self._features.target.levels:
            raise ConfigError("quantiles must be given to predict them; they are None. Fit with quantiles=[0.1, 0.9]")
        return np.stack([found[name] for name in self._features.target.bounds], axis=1)

    def _answer(self, X: Any) -> Any:
        check_is_fitted(self, "_model")
        return self._features.target.answer(self._model.predict(self._read_inputs(X)))

    def _read_numbers(self, y: Any) -> np.ndarray:
        """Numbers to predict, float64 `[N]`."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        numbers = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return np.asarray(column_or_1d(numbers, warn=True))

    def _set_interval(self, recipe: AnyRecipe) -> AnyRecipe:
        return replace(recipe, training=replace(recipe.training, coverage=self.interval or 0.0))

    def _held_out_fraction(self, recipe: AnyRecipe) -> float:
        wanted = super()._held_out_fraction(recipe)
        return max(wanted, CALIBRATION) if recipe.training.levels and self.validation is None else wanted

    def _cut(self, count: int, recipe: AnyRecipe, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and rows to choose and calibrate by, perhaps none."""
        if recipe.training.levels and not self._held_out_fraction(recipe):
            what = f"interval={self.interval!r} is" if self.interval else f"quantiles={self.quantiles!r} are"
            raise ConfigError(f"{what} calibrated on rows held out; got none. Set validation=0.2")
        return self._hold_out(np.zeros(count), groups, recipe)

    def _finish(self, data: TrainingData[Any, Any], recipe: AnyRecipe) -> Self:
        if not self._fit_model(data, recipe) and data.validation is not None and recipe.training.levels:
            self._features = calibrate(self._model.predict, data.validation, data.features, recipe.training)
        return self


class TextRegressor(TextEstimator, NetworkRegressor):
    """Predict a number for each text in a list, an array or a column, such as stars or a price; or in a frame.

    Args:
        text, columns: as for `TextClassifier`.
        model: `blend`, of a network and ridge regressions on words and characters; `network`; or another name of
            `--model`, such as `words`; empty: `network` if `network` is given, else `blend`.
        network, vocabulary, max_len, unit, epochs, batch_size, learning_rate, patience: as for `TextClassifier`.
        validation, random_state, n_jobs: as for `TextClassifier`; for intervals a fifth of the texts is held out if
            `validation` says nothing else.
        interval: coverage that prediction intervals should have, such as 0.9; None: no intervals.
        metric: `mae` or `rmse`, by which epochs and the blend are chosen; empty: by the loss.
        quantiles: levels of quantiles to predict in place of intervals, such as `[0.1, 0.5, 0.9]`; None: none.

    Attributes:
        history_, bundle_: as for `TextClassifier`.

    Examples:
        >>> texts = ["so good", "very good", "good fun", "so bad", "very bad", "bad luck"] * 4
        >>> model = TextRegressor(random_state=0).fit(texts, [5, 5, 4, 1, 1, 2] * 4)
        >>> (model.predict(["good", "bad bad"]) > 3).tolist()
        [True, False]
    """

    def __init__(
        self,
        *,
        text: str = "",
        columns: Any = None,
        model: str = "",
        interval: float | None = None,
        quantiles: Any = None,
        network: Layers = "",
        vocabulary: int | None = None,
        max_len: int | None = None,
        unit: str | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        validation: float | None = None,
        metric: str = "",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.text = text
        self.columns = columns
        self.model = model
        self.interval = interval
        self.quantiles = quantiles
        self.network = network
        self.vocabulary = vocabulary
        self.max_len = max_len
        self.unit = unit
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation = validation
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on texts `[N]` and their numbers `[N]`; `sample_weight` `[N]`: what each counts.

        Raises:
            DataError, ConfigError, ValueError: an item that is not a text, numbers that are all the same, or a
                parameter out of range.
        """
        rows, numbers = self._read_texts(X), self._read_numbers(y)
        texts = rows.texts
        check_consistent_length(texts, numbers)
        weights = read_weights(sample_weight, len(numbers), "sample_weight")
        data = Texts(texts, numbers, (), "X", weights=weights, number="y", columns=rows.columns)
        recipe = self._name_columns(self._set_interval(self._make_recipe(TextData(data))), data)
        kept, held = self._cut(len(texts), recipe, group_texts(data))
        validation = data.take(held) if len(held) else None
        return self._finish(encode_texts(data.take(kept), validation, recipe, self._threads()), recipe)
