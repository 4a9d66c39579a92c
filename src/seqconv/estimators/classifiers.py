"""scikit-learn classifiers of texts and sequences; for series see `forecaster`.

They follow scikit-learn's contract: `fit` checks the parameters and may be called again; fitted attributes end in `_`.
"""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from seqconv.data.datasets import Names
from seqconv.data.frames import read_weights
from seqconv.data.records import SequenceData, TextData, Texts
from seqconv.errors import ConfigError, DataError
from seqconv.estimators.base import ExampleEstimator, Model, needs_validation
from seqconv.estimators.labels import check_labels
from seqconv.estimators.sequence_data import SequenceEstimator, read_settings
from seqconv.estimators.texts import TextEstimator
from seqconv.recipes.recipe import AnyRecipe, Layers
from seqconv.recipes.sections import NETWORK
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.examples import TrainingData
from seqconv.tasks.labels import check_two_classes
from seqconv.tasks.sequence.split import encode_sequences
from seqconv.tasks.text.growth import add_words
from seqconv.tasks.text.rows import TextRows, join_cells
from seqconv.tasks.text.split import encode_texts
from seqconv.tasks.thresholds import NONE
from seqconv.training.fitting import learn_on
from seqconv.training.loop import calibrate


class NetworkClassifier(ClassifierMixin, ExampleEstimator):  # type: ignore[misc]
    """The base of the two classifiers: labels to classes, outputs to answers."""

    class_weight: Any = None  # pickles of version 0.1.0 have none of these
    threshold: Any = None
    positive: Any = None

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each example, `[N]`; for several labels 0 and 1, `[N, classes]`.

        With `threshold="known=..."` it is `none of these` if no label is probable enough.
        """
        outputs = self._outputs(X)
        target: ClassTarget = self._features.target
        chosen = target.choose(outputs)
        if not target.least:
            return chosen if target.several else np.asarray(self.classes_[chosen])
        known = target.probabilities(outputs).max(axis=1) >= target.least
        return np.where(known, self.classes_[chosen].astype(object), NONE)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, `[N, classes]`, in the order of `classes_`."""
        outputs = self._outputs(X)
        target: ClassTarget = self._features.target
        return target.probabilities(outputs)

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits `[N, classes]`; for two classes that of the second, `[N]`."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 and not self._features.target.several else outputs

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "_model")
        return self._model.predict(self._read_inputs(X)).astype(np.float64)

    def _read_labels(self, y: Any, several: bool) -> np.ndarray:
        """Labels in the form of `Texts.labels`; sets `classes_`."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        check_labels(y)
        y = np.asarray(y)
        assert_all_finite(y, input_name="y")
        if several and type_of_target(y, input_name="y") == "multilabel-indicator":
            labels = check_array(y, input_name="y")
            self.classes_ = np.arange(labels.shape[1])
            return np.asarray(labels, np.uint8)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        self.classes_, coded = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                f"y must hold at least two classes; got one class, {self.classes_.tolist()[0]!r}. Add another"
            )
        return coded.astype(np.int32)

    def _names(self) -> tuple[str, ...]:
        return tuple(str(label) for label in self.classes_.tolist())

    def _finish(self, data: TrainingData[Any, Any], recipe: AnyRecipe) -> Self:
        if self._fit_model(data, recipe):
            return self
        part = data.train if data.validation is None else data.validation
        if data.validation is None and needs_validation(recipe):
            raise ConfigError(f"threshold={self.threshold!r} is chosen on rows held out; got none. Set validation=0.2")
        if data.features.target.tunes:
            self._features = calibrate(self._model.predict, part, data.features, recipe.training)
        return self


class TextClassifier(TextEstimator, NetworkClassifier):
    """Classify texts in a list, an array or a column, or in a frame with columns next to them.

    Args:
        text: column of the texts, if X is a frame with several; empty: inferred.
        columns: further columns of the frame to learn from (texts, numbers, categories, dates), by name, or `all`;
            None: X holds the texts alone.
        model: `blend`, of a network and support vector machines on words and characters, or `network`; empty: `network`
            if `network` is given, else `blend`.
        network: name or TOML file of a recipe whose network and training settings are used; or a list of layers, see
            `seqconv.layers`; empty: the default for texts.
        vocabulary: number of ids for words; None: by the amount of text.
        max_len: words kept of each text, from its end; None: enough for 99 % of the texts.
        unit: what is read: `word`, `character` (n-grams of characters alone) or `both`; None: `both`.
        epochs, batch_size, learning_rate, patience: as in a recipe's `[training]`; None: those of the recipe.
        class_weight: `balanced`: all classes weigh the same in training; a dictionary: the weight of each label, 1 for
            those left out; None: all examples weigh the same.
        threshold: probability above which the positive one of two classes, or each of several labels, is predicted: a
            number, or a rule by which it is chosen on the rows held out: `f1`, `precision=0.95`, `recall=0.9`,
            `cost=1:10` (what a wrong and a missed one cost); None: 0.5. With `known=0.95`, of any number of classes, it
            is `none of these` below a probability that so many of the rows held out reach.
        positive: label of the positive class; None: the rarer one.
        validation: fraction to hold out, of each class, to weigh the members of a blend, which are then fitted to all
            texts, or to stop a network early and keep its best epoch (0: none; a blend is then its network); None: 0.2
            for a blend, 0.1 for a network if the recipe has patience, else 0. A fraction of less than one text holds
            out none.
        random_state: seed of every random choice.
        n_jobs: number of threads; None or -1: all. Results do not depend on it.

    Attributes:
        classes_: labels, sorted; for several labels per text (0 and 1, `[N, classes]`) their column numbers.
        history_: loss and accuracy of each epoch.
        bundle_: the model, as `seqconv.models.format.write_bundle` writes it.

    Examples:
        >>> texts = ["so good", "very good", "good fun", "so bad", "very bad", "bad luck"] * 4
        >>> model = TextClassifier(random_state=0).fit(texts, ["yes", "yes", "yes", "no", "no", "no"] * 4)
        >>> model.predict(["good", "bad bad"]).tolist()
        ['yes', 'no']
    """

    model: str = NETWORK  # pickles of version 0.1.0 have neither
    _seen: int = 0  # texts that it has learned from

    def __init__(
        self,
        *,
        text: str = "",
        columns: Any = None,
        model: str = "",
        network: Layers = "",
        vocabulary: int | None = None,
        max_len: int | None = None,
        unit: str | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        class_weight: Any = None,
        threshold: Any = None,
        positive: Any = None,
        validation: float | None = None,
        metric: str = "",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.text = text
        self.columns = columns
        self.model = model
        self.network = network
        self.vocabulary = vocabulary
        self.max_len = max_len
        self.unit = unit
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.class_weight = class_weight
        self.threshold = threshold
        self.positive = positive
        self.validation = validation
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on texts `[N]` and labels, `[N]` or 0 and 1 `[N, classes]`; `sample_weight` `[N]`: what each counts.

        Raises:
            DataError, ConfigError, ValueError: an item that is not a text, fewer than two classes, or a parameter
                out of range.
        """
        rows = self._read_texts(X)
        data = self._label(rows, self._read_labels(y, several=True), sample_weight)
        return self._fit_texts(data, check=True)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train on further texts; the first call is a `fit` that knows of labels which are still to come.

        Further calls go on from the weights, all texts of X being trained on: words that are new enter the vocabulary,
        while thresholds and what each member of a blend counts stay. What texts of before say is not kept, so that each
        X should be a fair sample; columns next to the text stay as the first call found them.

        Args:
            X, y, sample_weight: see `fit`; y may lack some of the classes.
            classes: all labels that y may hold in any call; needed in the first one.

        Raises:
            DataError, ConfigError, ValueError: see `fit`; no classes in the first call, others in a later one, or a
                label that is none of them.
        """
        first = not hasattr(self, "_model")
        known = self._check_classes(classes, first)
        rows = self._read_texts(X) if first else self._read_rows(X)
        labels = column_or_1d(np.asarray(y), warn=True)
        if unknown := sorted(set(labels.tolist()) - set(known.tolist())):
            raise ValueError(f"y must hold labels of classes; got {unknown[0]!r}. Name all of them in the first call")
        self.classes_ = known
        data = self._label(rows, np.searchsorted(known, labels).astype(np.int32), sample_weight)
        if first:
            return self._fit_texts(data)
        threads = self._threads()
        start = add_words(self.bundle_, self._features.columns.join(rows.texts, rows.columns), threads)
        found = encode_texts(data, None, start.recipe, threads, start.features)
        grown = learn_on(start, found, self._seen, threads)
        self._features, self._seen = grown.features, self._seen + len(rows)
        self._model = Model(grown.plan, grown.weights, grown.recipe, threads, grown.features)
        return self

    def _check_classes(self, classes: Any, first: bool) -> np.ndarray:
        """All classes, sorted."""
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit")
        found = self.classes_ if classes is None else np.unique(np.asarray(classes))
        if not first and not np.array_equal(found, self.classes_):
            raise ValueError(f"classes must be those of the first call, {self.classes_.tolist()}; got {found.tolist()}")
        if len(found) < 2:
            raise DataError(f"classes must be at least two; got {found.tolist()}. Name all")
        return np.asarray(found)

    def _label(self, rows: TextRows, labels: np.ndarray, sample_weight: Any) -> Texts:
        """Texts with their labels and weights."""
        check_consistent_length(rows.texts, labels)
        weights = read_weights(sample_weight, len(rows), "sample_weight")
        return Texts(rows.texts, labels, self._names(), "X", weights=weights, columns=rows.columns)

    def _fit_texts(self, data: Texts, check: bool = False) -> Self:
        """Fit to labelled texts.

        Args:
            check: two of their classes must occur.
        """
        self._seen = len(data.texts)
        recipe = self._name_columns(self._make_recipe(TextData(data)), data)
        groups = np.unique(np.array(join_cells(data.texts, data.columns), object), return_inverse=True)[1]
        train, validation = self._hold_out(data.labels, groups, recipe)
        if check:
            check_two_classes(data.labels[train], "X")
        held_out = data.take(validation) if len(validation) else None
        return self._finish(encode_texts(data.take(train), held_out, recipe, self._threads()), recipe)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class SequenceClassifier(SequenceEstimator, NetworkClassifier):
    """Classify sequences: `[N, L]`, `[N, L, C]` or `[N, C, L]`, lists of arrays of any lengths, or data frames.

    A row of a frame is a sequence with one channel, whose cells may also be arrays, a column for each channel. With
    `id`, a row is a step of the sequence that its ids name. Answers are in the order in which sequences first appear.
    NaN means missing.

    Args:
        model: `blend`, ridge regressions on features that are not trained; another name of `--model`, such as
            `multirocket-hydra`, `quant` or `dtw`; or `network`; empty: `network` if a setting of one is given, else
            `blend`.
        network: name or TOML file of a recipe whose network and training settings are used; or a list of layers, see
            `seqconv.layers`; empty: the default for sequences.
        epochs, batch_size, learning_rate, patience, class_weight, threshold: as for `TextClassifier`.
        positive, validation, random_state, n_jobs: as for `TextClassifier`.
        id: columns that tell the sequences of a frame apart, which has a row for each step.
        time: its column of times; `none`: steps in the order of the rows; empty: inferred.
        label: column of a frame that holds the labels, if `fit` gets no y; empty: inferred.
        inputs: columns of a frame that are read, a channel each; empty: all other columns of numbers.
        layout: `channels first`, `[N, C, L]`, or `channels last`; None: the axis that is at least twice as long as the
            other one holds steps; `[N, L, C]`, with a warning, if none is.

    Attributes:
        classes_: labels, sorted.
        n_features_in_: L, if X was `[N, L]`; sequences to predict may have other lengths.
        history_, bundle_: as for `TextClassifier`.

    Examples:
        >>> steps = np.arange(20)
        >>> X = [np.sin(steps * speed + start) for start in range(10) for speed in (0.5, 1.5)]
        >>> model = SequenceClassifier(epochs=30, random_state=0).fit(X, ["slow", "fast"] * 10)
        >>> model.predict([np.sin(0.5 * steps), np.cos(1.5 * steps)]).tolist()
        ['slow', 'fast']
    """

    outcome = "label"
    model: str = NETWORK  # pickles of version 0.1.0 have none
    label: str = ""

    def __init__(
        self,
        *,
        model: str = "",
        network: Layers = "",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        class_weight: Any = None,
        threshold: Any = None,
        positive: Any = None,
        validation: float | None = None,
        metric: str = "",
        random_state: Any = None,
        n_jobs: int | None = None,
        id: Names = (),
        time: str = "",
        label: str = "",
        inputs: Names = (),
        layout: str | None = None,
    ) -> None:
        self.model = model
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.class_weight = class_weight
        self.threshold = threshold
        self.positive = positive
        self.validation = validation
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.id = id
        self.time = time
        self.label = label
        self.inputs = inputs
        self.layout = layout

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on sequences.

        Args:
            y: labels `[N]`; with `id` also one for each row, the same in all rows of a sequence; None: a column of the
                frame holds them.
            sample_weight: what each sequence counts, `[N]`, or one for each row.

        Raises:
            DataError, ConfigError, ValueError: no such column, a wrong shape, infinite values, fewer than two classes,
                or a parameter out of range.
        """
        sequences, y = self._read_training(X, y, sample_weight)
        labels = self._read_labels(y, several=False)
        data = replace(sequences, labels=labels, classes=self._names())
        recipe = self._make_recipe(SequenceData(data), read_settings(data))
        train, validation = self._hold_out(labels, None, recipe)
        check_two_classes(labels[train], "X")
        held_out = data.take(validation) if len(validation) else None
        return self._finish(encode_sequences(data.take(train), held_out, recipe), recipe)
