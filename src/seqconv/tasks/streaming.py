"""Answers along a stream: rows, steps or words come one at a time, and each is answered at the cost of one window."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np

from seqconv.data.outputs import whole_file
from seqconv.errors import ConfigError, DataError, shorten
from seqconv.tasks.bundle import Trained
from seqconv.tasks.target import Columns

State = Mapping[str, np.ndarray]
MODEL = "model"  # the array of a state that says which model it is for


class Stream(ABC):
    """A window that slides along a stream, with the model's answer wherever it stands.

    What it keeps are the newest items of one window, so memory and time are those of one window however long the
    stream is, and each answer is the one that the model gives for these items at once, to the bit.

    Attributes:
        column: what an item is called that is a whole line; empty: an item has cells.
        columns: names of the cells of an item where nobody names them; none: they must be named.
    """

    column: ClassVar[str] = ""
    columns: tuple[str, ...] = ()

    def __init__(self, trained: Trained, state: State | None = None) -> None:
        """Begin, or go on from what `state` gave.

        Raises:
            DataError: the state is of another model, or damaged.
        """
        self.trained = trained
        self.restart()
        if state is not None:
            self._restore(state)

    @abstractmethod
    def push(self, item: Any) -> np.ndarray:
        """The answer with one more item: what the method of `Predictor` gives for one example."""

    @abstractmethod
    def push_cells(self, cells: Mapping[str, Any]) -> np.ndarray:
        """The same for the cells of a table's row, by the names of its columns.

        Raises:
            DataError: a column is missing, or a cell is not as in training.
        """

    @abstractmethod
    def to_columns(self, answer: np.ndarray) -> Columns:
        """An answer as the columns of a table of one row."""

    @abstractmethod
    def restart(self) -> None:
        """Forget what has come."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """What it keeps, by name."""

    @abstractmethod
    def take(self, arrays: State) -> None:
        """Keep what `arrays` gave.

        Raises:
            ValueError: it is not of this model.
        """

    def state(self) -> dict[str, np.ndarray]:
        """What it keeps and the model that it is for: arrays to store anywhere, without pickle."""
        return {MODEL: np.array(self.trained.bundle.fingerprint), **self.arrays()}

    def write(self, path: str | Path) -> None:
        """Write the state to a file (`.npz`), whole or not at all.

        Raises:
            ConfigError: it cannot be written.
        """
        try:
            with whole_file(Path(path)) as fresh, fresh.open("wb") as file:
                np.savez(file, **self.state())  # type: ignore[arg-type]
        except OSError as error:
            raise ConfigError(f"{path}: must be writable; {error.strerror}. Choose another file") from error

    def _restore(self, state: State) -> None:
        try:
            arrays = dict(state)
            if str(arrays.pop(MODEL)) != self.trained.bundle.fingerprint:
                raise ValueError("it is of another model")
            self.take(arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"state: must be one that a stream of this model gave; {shorten(error)}. Begin without"
            ) from error

    @classmethod
    def refuse(cls, why: str, cure: str = "Predict whole files") -> NoReturn:
        """Say why a model cannot answer along a stream.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"this model {why}, so it cannot answer along a stream. {cure}")


def read_state(path: str | Path) -> State:
    """What `Stream.write` wrote.

    Raises:
        DataError: it cannot be read, or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except Exception as error:  # of a damaged archive numpy raises what it likes
        reason = getattr(error, "strerror", None) or shorten(error)
        raise DataError(f"{path}: must be the state of a stream; {reason}. Name another file") from error


def refuse_stream(trained: Trained, state: State | None = None) -> NoReturn:
    """For models that read each series from its start.

    Raises:
        ConfigError: always.
    """
    Stream.refuse("reads each series from its start")


def check_shape(name: str, array: np.ndarray, kind: str, shape: tuple[int, ...], most: int) -> np.ndarray:
    """An array of a state: at most that many items of this shape.

    Raises:
        ValueError: it is another.
    """
    array = np.asarray(array)
    if array.dtype.kind != kind or array.shape[1:] != shape or array.ndim != len(shape) + 1 or len(array) > most:
        raise ValueError(f"{name} must be up to {most} of {list(shape)}; got {array.dtype} {list(array.shape)}")
    return array
