"""Sequences as scikit-learn's estimators take them, and the regressor of sequences."""

import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from seqconv.data.frames import read_weights, to_sequences
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.sequence_tables import SequenceColumns, sequences_from_table
from seqconv.data.records import SequenceData, Sequences
from seqconv.errors import ConfigError, DataError
from seqconv.estimators.base import TRAINING, NetworkEstimator
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import BLEND, NETWORK
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.holdout import hold_out, open_stream
from seqconv.tasks.sequence.split import encode_sequences
from seqconv.training.loop import calibrate

CALIBRATION = 0.2  # fraction held out for intervals, if the user gives none


class SequenceRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """Predict a number for each sequence: `[N, L]` or `[N, L, C]`, or a list of N arrays `[L]` or `[L, C]`.

    Args:
        model, network, epochs, batch_size, learning_rate, patience, validation, random_state, n_jobs: as for
            `SequenceClassifier`; for intervals a fifth of the examples is held out if `validation` says nothing else.
        interval: coverage that prediction intervals should have, such as 0.9; None: no intervals.

    Attributes:
        n_features_in_: L, if X was `[N, L]`.
        history_, bundle_: as for `SequenceClassifier`.

    >>> steps, speeds = np.arange(20), np.linspace(0.3, 0.9, 24)
    >>> X = np.array([np.sin(speed * steps + number) for number, speed in enumerate(speeds)])
    >>> model = SequenceRegressor(model="minirocket", random_state=0).fit(X, speeds)
    >>> model.predict(X[:1]).round(1).tolist()
    [0.3]
    """

    task = "sequence"
    baselines = True

    def __init__(
        self,
        *,
        model: str = "",
        interval: float | None = None,
        network: str = "",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        validation: float | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.model = model
        self.interval = interval
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation = validation
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on sequences and their numbers `[N]`; `sample_weight` `[N]`: what each counts.

        Raises:
            DataError, ConfigError, ValueError: a wrong shape, infinite values, numbers that are all the same, or a
                parameter out of range.
        """
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        sequences = read_given(self, X, None)
        numbers = np.asarray(column_or_1d(check_array(y, ensure_2d=False, dtype=np.float64, input_name="y"), warn=True))
        check_consistent_length(sequences, numbers)
        weights = read_weights(sample_weight, len(numbers), "sample_weight")
        data = replace(sequences, labels=numbers, number="y", weights=weights)
        recipe = self._make_recipe(SequenceData(data))
        recipe = replace(recipe, training=replace(recipe.training, coverage=self.interval or 0.0))
        kept, held = self._cut(len(numbers), recipe)
        training = encode_sequences(data.take(kept), data.take(held) if len(held) else None, recipe)
        self._model = self._train(training, recipe)
        self._shape, self._features = training.train.inputs.shape, training.features
        if training.validation is not None and self.interval:
            self._features = calibrate(self._model.predict, training.validation, self._features, recipe.training)
        return self

    def _cut(self, count: int, recipe: AnyRecipe) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and rows to stop early and calibrate intervals by, perhaps none."""
        wanted = CALIBRATION if self.interval and self.validation is None else self._held_out_fraction(recipe)
        if self.interval and not wanted:
            cure = "Set validation=0.2"
            raise ConfigError(f"interval={self.interval!r} is calibrated on rows held out; got none. {cure}")
        rows, random = np.arange(count), open_stream(recipe.training.seed, "validation")
        return hold_out(rows, np.zeros(count), None, wanted, random, True) if wanted else (rows, rows[:0])

    def predict(self, X: Any) -> np.ndarray:
        """The number of each sequence, float64 `[N]`."""
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

    @property
    def bundle_(self) -> AnyBundle:
        """The model as `seqconv.models.format.write_bundle` writes and `seqconv.load` reads it."""
        check_is_fitted(self, "_model")
        return self._model.to_bundle(self._shape, self._features)

    def _choose_model(self) -> str:
        return choose_model(self)

    def _answer(self, X: Any) -> Any:
        check_is_fitted(self, "_model")
        inputs = self._features.inputs(read_given(self, X, self._features))
        return self._features.target.answer(self._model.predict(inputs))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.allow_nan = True
        return tags


def choose_model(estimator: Any) -> str:
    """The model by its name: the one asked for; a network if a setting of one is given; else the blend."""
    settings = (estimator.network, *(getattr(estimator, name) for name in TRAINING))
    return str(estimator.model or (NETWORK if any(each not in ("", None) for each in settings) else BLEND))


def read_given(estimator: BaseEstimator, X: Any, features: Any) -> Sequences:
    """Sequences in any form in which an estimator takes them.

    Args:
        features: of the fitted model; None: it is being fitted.
    """
    if _holds_lists(X):
        found = sequences_from_table(table_from_frame(X, "X"), SequenceColumns(), labelled=False)
    else:
        X = _unnest(X)
        if features is None:
            _warn_of_axes(X)
        found = to_sequences(X if _is_ragged(X) else _check_values(X, estimator, features is None), source="X")
    if features is not None and len(found.channels) != len(features.channels):
        wanted = f"{type(estimator).__name__} is expecting {len(features.channels)} channels as input"
        raise DataError(f"X has {len(found.channels)} channels, but {wanted}")
    return found


def _holds_lists(X: Any) -> bool:
    """Whether X is a frame of another library than pandas whose columns hold lists, each a channel."""
    schema = getattr(X, "schema", None)
    return schema is not None and not hasattr(X, "iloc") and any("list" in str(kind).lower() for kind in _types(schema))


def _types(schema: Any) -> Any:
    return schema.values() if hasattr(schema, "values") else schema.types


def _unnest(X: Any) -> Any:
    """A column of arrays, or a frame of them with a column for each channel, as a list; anything else as it is."""
    if not hasattr(X, "iloc") or not len(X):
        return X
    columns = [X[name] for name in X.columns] if hasattr(X, "columns") else [X]
    if not columns or not all(np.ndim(column.iloc[0]) for column in columns):
        return X
    rows: list[np.ndarray] = []
    for number, cells in enumerate(zip(*columns, strict=True), start=1):
        parts = [np.asarray(cell, np.float64) for cell in cells]
        if len({part.shape for part in parts}) > 1 or (len(parts) > 1 and parts[0].ndim > 1):
            shapes = ", ".join(str(part.shape) for part in parts[:5])
            raise DataError(f"X, row {number}: all channels must have the same length; got {shapes}. Correct the row")
        rows.append(np.stack(parts, axis=1) if len(parts) > 1 else parts[0])
    return rows


def _warn_of_axes(X: Any) -> None:
    """Warn if an array looks like `[N, C, L]`, which other libraries hold."""
    shape = np.shape(X) if isinstance(X, np.ndarray) else ()
    if len(shape) == 3 and shape[2] > 1 and (shape[1] == 1 or 2 * shape[1] <= shape[2]):
        warnings.warn(
            f"X is read as [N, L, C]: {shape[1]} steps of {shape[2]} channels. If it is [N, C, L], as aeon, sktime and "
            "tsai hold it, pass np.swapaxes(X, 1, 2)",
            UserWarning,
            stacklevel=4,
        )


def _is_ragged(X: Any) -> bool:
    """Whether X is a list of arrays of different shapes."""
    listed = isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1)
    return listed and len(X) > 0 and all(np.ndim(part) for part in X) and len({np.shape(part) for part in X}) > 1


def _check_values(X: Any, estimator: BaseEstimator, reset: bool) -> np.ndarray:
    """X as numbers; a table must have the same columns as in training."""
    checks: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
    known = isinstance(X, list | tuple | np.ndarray)
    if (np.ndim(X) if known else getattr(X, "ndim", 2)) == 3:
        return np.asarray(check_array(X, allow_nd=True, input_name="X", **checks))
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1 and len(X) and np.ndim(X[0]):
        return _check_values(list(X), estimator, reset)
    return np.asarray(validate_data(estimator, X, reset=reset, **checks))
