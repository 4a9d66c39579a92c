"""The scikit-learn estimator that predicts a number for each sequence."""

from dataclasses import replace
from typing import Any, Self

from seqconv.data.datasets import Names
from seqconv.data.records import SequenceData
from seqconv.estimators.regressors import NetworkRegressor
from seqconv.estimators.sequence_data import SequenceEstimator, read_settings
from seqconv.recipes.recipe import Layers
from seqconv.tasks.sequence.split import encode_sequences


class SequenceRegressor(SequenceEstimator, NetworkRegressor):
    """Predict a number for each sequence, in any form that `SequenceClassifier` takes.

    Args:
        model, network, epochs, batch_size, learning_rate, patience, validation, random_state, n_jobs: as for
            `SequenceClassifier`; for intervals a fifth of the examples is held out if `validation` says nothing else.
        interval: coverage that prediction intervals should have, such as 0.9; None: no intervals.
        metric, quantiles: as for `TextRegressor`.
        target: column of a frame that holds the numbers, if `fit` gets no y.
        id, time, inputs, layout: as for `SequenceClassifier`.

    Attributes:
        n_features_in_, history_, bundle_: as for `SequenceClassifier`.

    Examples:
        >>> import numpy as np
        >>> steps, speeds = np.arange(20), np.linspace(0.3, 0.9, 24)
        >>> X = np.array([np.sin(speed * steps + number) for number, speed in enumerate(speeds)])
        >>> model = SequenceRegressor(model="minirocket", random_state=0).fit(X, speeds)
        >>> model.predict(X[:1]).round(1).tolist()
        [0.3]
    """

    outcome = "target"
    target: str = ""  # pickles of earlier versions have none

    def __init__(
        self,
        *,
        model: str = "",
        interval: float | None = None,
        quantiles: Any = None,
        network: Layers = "",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        validation: float | None = None,
        metric: str = "",
        random_state: Any = None,
        n_jobs: int | None = None,
        id: Names = (),
        time: str = "",
        target: str = "",
        inputs: Names = (),
        layout: str | None = None,
    ) -> None:
        self.model = model
        self.interval = interval
        self.quantiles = quantiles
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation = validation
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.id = id
        self.time = time
        self.target = target
        self.inputs = inputs
        self.layout = layout

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on sequences.

        Args:
            y, sample_weight: numbers, and what each sequence counts: see `SequenceClassifier.fit`.

        Raises:
            DataError, ConfigError, ValueError: no such column, a wrong shape, infinite values, numbers that are all the
                same, or a parameter out of range.
        """
        sequences, y = self._read_training(X, y, sample_weight)
        numbers = self._read_numbers(y)
        number = next(iter(sequences.settled.get("target", ())), "y")
        data = replace(sequences, labels=numbers, number=number)
        recipe = self._set_interval(self._make_recipe(SequenceData(data), read_settings(data)))
        kept, held = self._cut(len(numbers), recipe)
        return self._finish(encode_sequences(data.take(kept), data.take(held) if len(held) else None, recipe), recipe)
