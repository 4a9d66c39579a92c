"""X and y of the estimators of sequences: arrays of either layout, lists of arrays, and data frames."""

import warnings
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, validate_data

from seqconv.data.datasets import Names, sequence_columns
from seqconv.data.frames import read_weights, to_sequences
from seqconv.data.readers.arrays import FIRST, LAST, LAYOUTS, find_layout
from seqconv.data.readers.columns import find_column
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.files import Table
from seqconv.data.readers.sequence_tables import SequenceColumns, find_outcome, number_sequences, sequences_from_table
from seqconv.data.records import Sequences
from seqconv.errors import ConfigError, DataError, in_python
from seqconv.estimators.base import TRAINING, ExampleEstimator
from seqconv.recipes.sections import BLEND, NETWORK, SequenceDataConfig

NO_COLUMNS = SequenceColumns()


class Given(NamedTuple):
    """Sequences, with their weights if they have any, and what is predicted of each, as the user gave it, `[N]`."""

    sequences: Sequences
    outcomes: Any


class SequenceEstimator(ExampleEstimator):
    """The base of the two estimators of sequences: how they read X and y, and which model they fit."""

    task = "sequence"
    outcome: str  # the parameter that names the column of what is predicted
    id: Names = ()  # pickles of earlier versions have none of these
    time: str = ""
    inputs: Names = ()
    layout: str | None = None
    _columns: SequenceColumns | None = None
    _layout: str = LAST

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The score of `predict(X)`: accuracy of classes, R² of numbers.

        Args:
            y: what is right for each sequence, or for each row of a frame; None: the column of the frame that held it
                in training.
        """
        if self._columns is not None and _is_frame(X):
            with in_python():
                table = table_from_frame(X, "X")
                _, y, sample_weight = _read_outcomes(table, _settle_ids(table, self._columns), y, sample_weight)
        return float(super().score(X, y, sample_weight))

    def _read_training(self, X: Any, y: Any, sample_weight: Any) -> Given:
        """What a model is fitted to; settings by which it was read are in `settled`.

        Raises:
            DataError, ConfigError, ValueError: no such column, a wrong shape, infinite values, or no y.
        """
        columns = self._name_columns()
        if _is_frame(X) and (y is None or columns != NO_COLUMNS):
            with in_python():
                return self._read_frame(X, y, sample_weight, columns)
        if columns != NO_COLUMNS:
            raise DataError(f"X must be a data frame, as columns are named; got one {type(X).__name__}")
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        self._columns = None
        sequences = self._read_arrays(X, None)
        check_consistent_length(sequences, y)
        return Given(replace(sequences, weights=_weigh(sample_weight, len(sequences))), y)

    def _read_frame(self, X: Any, y: Any, sample_weight: Any, columns: SequenceColumns) -> Given:
        table = table_from_frame(X, "X")
        columns = _settle_ids(table, columns)
        name, outcomes, weights = _read_outcomes(table, columns, y, sample_weight)
        named: dict[str, Any] = {self.outcome: name}
        columns = replace(columns, **named)
        marks = [getattr(sample_weight, "name", None)]
        plain = replace(table, frame=table.frame.drop(each for each in marks if each in table.frame.columns))
        found = sequences_from_table(plain, columns, labelled=False)
        check_consistent_length(found, outcomes)
        settled = dict(found.settled) | ({self.outcome: (name,)} if name else {})
        self._columns = sequence_columns(replace(SequenceDataConfig(), **settled))
        return Given(replace(found, weights=_weigh(weights, len(found)), settled=settled), outcomes)

    def _read_inputs(self, X: Any) -> Any:
        return self._features.inputs(self._read_sequences(X))

    def _read_sequences(self, X: Any) -> Sequences:
        """Sequences to predict."""
        features = self._features
        if self._columns is not None and _is_frame(X):
            with in_python():
                found = sequences_from_table(table_from_frame(X, "X"), self._columns, labelled=False)
        else:
            found = self._read_arrays(X, features)
        if len(found.channels) != len(features.channels):
            wanted = f"{type(self).__name__} is expecting {len(features.channels)} channels as input"
            raise DataError(f"X has {len(found.channels)} channels, but {wanted}")
        return found

    def _read_arrays(self, X: Any, features: Any) -> Sequences:
        """Sequences in any form but a frame whose columns are named.

        Args:
            features: of the fitted model; None: it is being fitted.
        """
        if _holds_lists(X):
            return sequences_from_table(table_from_frame(X, "X"), NO_COLUMNS, labelled=False)
        nested = _unnest(X)
        layout = LAST if nested is not X else self._find_layout(X, 0 if features is None else len(features.channels))
        values = nested if _is_ragged(nested) else _check_values(nested, self, features is None)
        found = to_sequences(values, source="X", layout=layout)
        if features is not None:
            return found
        self._layout = layout
        return replace(found, settled={"layout": layout} if np.ndim(values[0]) == 2 else {})

    def _find_layout(self, X: Any, channels: int) -> str:
        """Which axis of each sequence holds channels; warns where that is not clear.

        Args:
            channels: of the fitted model; 0: it is being fitted.
        """
        if self.layout is not None and self.layout not in LAYOUTS:
            raise ConfigError(f"layout must be 'channels first', 'channels last' or None; got {self.layout!r}")
        shapes = _list_shapes(X)
        if not shapes:
            return LAST
        found = find_layout(shapes, self._layout if channels else self.layout or "guess", channels)
        first, second = next(iter(shapes))
        if not channels and self.layout is None and (not found or (found == FIRST and first > 1 == len(shapes))):
            read = "[N, C, L]" if found else "[N, L, C]"
            names = ("channels", "steps") if found else ("steps", "channels")
            warnings.warn(
                f"X is read as {read}: {first} {names[0]} by {second} {names[1]}. Set layout='channels first' or "
                "'channels last'",
                UserWarning,
                stacklevel=5,
            )
        return found or LAST

    def _name_columns(self) -> SequenceColumns:
        """What the user says of the columns of a frame."""
        given = {name: getattr(self, name, "") for name in ("id", "time", "inputs", self.outcome)}
        listed = {name: list(each) if isinstance(each, tuple) else each for name, each in given.items()}
        return sequence_columns(SequenceDataConfig.from_dict({name: each for name, each in listed.items() if each}))

    def _choose_model(self) -> str:
        """The model by its name: the one asked for; a network if a setting of one is given; else the blend."""
        asked = self._has_network or any(getattr(self, name) is not None for name in TRAINING)
        return str(self.model or (NETWORK if asked else BLEND))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.allow_nan = True
        return tags


def read_settings(sequences: Sequences) -> dict[str, Any]:
    """The settings of a recipe by which sequences were read, so that a saved model reads files in the same way."""
    return {f"data.{name}": each for name, each in sequences.settled.items()}


# Frames whose columns are named


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns")


def _settle_ids(table: Table, columns: SequenceColumns) -> SequenceColumns:
    return replace(columns, ids=tuple(find_column(table, name) for name in columns.ids))


def _read_outcomes(table: Table, columns: SequenceColumns, y: Any, weights: Any) -> tuple[str, Any, Any]:
    """The column of what is predicted, empty if y is none of the frame; y and weights of each sequence, `[N]`.

    Args:
        y, weights: of each sequence or of each row; y None: the column is named or clearly it.
    """
    series = number_sequences(table, columns)
    if y is None:
        name = find_outcome(table, columns, series)
        y = table.frame[name].to_numpy()
    else:
        name = columns.outcome or str(getattr(y, "name", ""))
    rows = np.arange(len(table.frame)) if series is None else series
    found = (_take_first(values, rows, what) for values, what in ((y, "y"), (weights, "sample_weight")))
    return name if name in table.frame.columns else "", *found


def _take_first(values: Any, series: np.ndarray, what: str) -> Any:
    """The value of each sequence where there is one for each row.

    Args:
        series: the sequence of each row, `[R]`.

    Raises:
        DataError: it is not the same in all rows of a sequence.
    """
    first = np.unique(series, return_index=True)[1]
    if values is None or np.ndim(values) != 1 or len(values) != len(series) or len(first) == len(series):
        return values
    found = np.asarray(values)
    same = found == found[first][series]
    if not same.all():
        row = int(np.argmin(same))
        must = f"{what}, row {row + 1}: must be the same in all rows of a sequence"
        raise DataError(f"{must}; got {str(found[first][series][row])!r:.40} and {str(found[row])!r:.40}. Correct it")
    return found[first]


def _weigh(weights: Any, count: int) -> np.ndarray | None:
    return read_weights(weights, count, "sample_weight")


# Arrays


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


def _list_shapes(X: Any) -> set[tuple[int, ...]]:
    """The shapes of sequences that have two axes each; empty: they have not."""
    if getattr(X, "ndim", 0) == 3:
        return {tuple(X.shape[1:])} if len(X) else set()
    if not isinstance(X, list | tuple) and not (isinstance(X, np.ndarray) and X.dtype == object):
        return set()
    found = {np.shape(part) for part in X}
    return found if all(len(shape) == 2 for shape in found) else set()


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
