"""A network's inputs and targets: padded ids, or windows over one array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from seqconv.errors import DataError


@dataclass(frozen=True)
class WindowTargets:
    """Targets of windows over one array, `[N, outputs]` float32, gathered only when indexed.

    For long horizons and many columns they are far larger than the series. `targets[rows]` and
    `targets[rows, outputs]` are arrays; numpy functions gather all of them.

    Args:
        values: scaled series `[T, C]` float32.
        anchors: `[N]` int64.
        delays: rows from the anchor to each target.
        columns: those of the targets; output `h * len(columns) + c` is column c after delay h.
    """

    values: np.ndarray
    anchors: np.ndarray
    delays: tuple[int, ...]
    columns: tuple[int, ...]
    dtype = np.dtype(np.float32)
    ndim = 2

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of examples and of outputs."""
        return len(self.anchors), len(self.delays) * len(self.columns)

    def take(self, index: np.ndarray) -> "WindowTargets":
        """The targets of the examples at `index`."""
        return WindowTargets(self.values, self.anchors[index], self.delays, self.columns)

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, outputs = key if isinstance(key, tuple) else (key, slice(None))
        late, column = np.divmod(np.arange(self.shape[1])[outputs], len(self.columns))
        at = self.anchors[rows][..., None] + np.array(self.delays)[late]
        return np.ascontiguousarray(self.values[at, np.array(self.columns)[column]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


Targets = np.ndarray | WindowTargets


@dataclass(frozen=True)
class WindowInputs:
    """Windows over one array: example n has rows `anchors[n] - lookback, + step, ... < anchors[n]`.

    Args:
        values: scaled series `[T, C]` float32, shared by all splits.
        anchors: `[N]` int64.
        lookback, step: rows.
        times: timestamps of the rows, datetime64 `[T]`; None if not known.
    """

    values: np.ndarray
    anchors: np.ndarray
    lookback: int
    step: int
    times: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of steps and of channels of one example."""
        return self.lookback // self.step, self.values.shape[1]

    @property
    def contiguous(self) -> "WindowInputs":
        """The same windows over a copy of the rows, ordered by row number modulo `step`: each window is contiguous.

        Raises:
            DataError: see `check_rows`.
        """
        # not stored where it is the same: inputs that hold themselves stay in memory long after they are needed
        return self if self.step == 1 else self._reordered

    @cached_property
    def _reordered(self) -> "WindowInputs":
        self.check_rows()
        parts = [self.values[remainder :: self.step] for remainder in range(self.step)]
        begins = np.cumsum([0] + [len(part) for part in parts])
        first, steps = self.anchors - self.lookback, self.shape[0]
        anchors = begins[first % self.step] + first // self.step + steps
        return WindowInputs(np.concatenate(parts), anchors, steps, 1)

    def check_rows(self) -> None:
        """Check that every window lies within the series.

        Raises:
            DataError: one begins before the first row or ends after the last.
        """
        rows, newest = len(self.values), (self.shape[0] - 1) * self.step - self.lookback
        for anchor in (self.anchors.min(), self.anchors.max()) if len(self) else ():
            if anchor < self.lookback or anchor + newest >= rows:
                raise DataError(
                    f"windows: every row must be in [0, {rows}); got anchor {anchor} with lookback {self.lookback}"
                )

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays that identify these examples."""
        return self.values, self.anchors

    def take(self, index: np.ndarray) -> "WindowInputs":
        """The examples at `index`."""
        return replace(self, anchors=self.anchors[index])

    def join(self, other: "WindowInputs") -> "WindowInputs":
        """These examples, followed by the others."""
        if self.values is other.values:  # one series, cut
            return replace(self, anchors=np.concatenate([self.anchors, other.anchors]))
        anchors = np.concatenate([self.anchors, other.anchors + len(self.values)])
        return replace(self, values=np.concatenate([self.values, other.values]), anchors=anchors)

    def shuffle_order(self, random: np.random.Generator) -> "WindowInputs":
        """The same examples with the rows of each in random order; the timestamps stay in place."""
        x = self.gather(np.arange(len(self)))
        keys = random.random(x.shape[:2])
        shuffled = np.take_along_axis(x, np.argsort(keys, axis=1)[..., None], axis=1)  # [B, L, C]
        times = None
        if self.times is not None:
            times = self.times[self.anchors[:, None] + np.arange(-self.lookback, 0, self.step)].ravel()
        return stack_windows(shuffled, times)

    def gather(self, index: np.ndarray) -> np.ndarray:
        """The windows at `index`, `[B, L, C]` float32."""
        offsets = np.arange(-self.lookback, 0, self.step)
        return np.asarray(self.values[self.anchors[index][:, None] + offsets])


PADDING, START, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class TokenInputs:
    """Texts as padded ids.

    Args:
        ids: int32 `[N, L]`.
        texts: as they were written, for models that do not read ids, object `[N]`; None: not known.
        numbers: of columns next to the texts, float32 `[N, numbers]`; None: there are no such columns.
        tokens: how many ids at the end of each text are tokens of these columns.
    """

    ids: np.ndarray
    texts: np.ndarray | None = None
    numbers: np.ndarray | None = None
    tokens: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int]:
        """Number of steps of one example."""
        return (self.ids.shape[1],)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays that identify these examples."""
        return (self.ids,) if self.numbers is None else (self.ids, self.numbers)

    def take(self, index: Any) -> "TokenInputs":
        """The examples at `index`."""
        texts, numbers = (None if each is None else each[index] for each in (self.texts, self.numbers))
        return TokenInputs(self.ids[index], texts, numbers, self.tokens)

    def join(self, other: "TokenInputs") -> "TokenInputs":
        """These examples, followed by the others."""
        pairs = (self.texts, other.texts), (self.numbers, other.numbers)
        texts, numbers = (None if one is None or two is None else np.concatenate([one, two]) for one, two in pairs)
        return TokenInputs(np.concatenate([self.ids, other.ids]), texts, numbers, self.tokens)

    def shuffle_order(self, random: np.random.Generator) -> "TokenInputs":
        """The same examples with the words of each in random order; padding and the start token stay in front, and the
        tokens of columns at the end."""
        keys = random.random(self.ids.shape)
        keys[self.ids < UNKNOWN] = -1
        keys[:, keys.shape[1] - self.tokens :] = 2
        ids = np.take_along_axis(self.ids, np.argsort(keys, axis=1, kind="stable"), axis=1)
        if self.texts is None:
            return replace(self, ids=ids)
        shuffled = hold_texts([" ".join(random.permutation(text.split())) for text in self.texts])
        return replace(self, ids=ids, texts=shuffled)

    def gather(self, index: np.ndarray) -> np.ndarray:
        """The ids at `index`, int32 `[B, L]`."""
        return np.asarray(self.ids[index])


def hold_texts(texts: Sequence[str]) -> np.ndarray:
    """Texts as `TokenInputs` keeps them, without a copy of any."""
    found = np.empty(len(texts), object)
    found[:] = texts
    return found


Inputs = TokenInputs | WindowInputs


def stack_windows(windows: np.ndarray, times: np.ndarray | None = None) -> WindowInputs:
    """Separate windows `[N, L, C]` as inputs: joined end to end they form a series, which every engine reads.

    Args:
        times: of their rows, window by window, `[N * L]`; None if not known.
    """
    count, steps, channels = windows.shape
    ends = np.arange(1, count + 1, dtype=np.int64) * steps
    return WindowInputs(np.ascontiguousarray(windows.reshape(count * steps, channels)), ends, steps, 1, times)


def blank_inputs(shape: tuple[int, ...]) -> Inputs:
    """One empty example of this shape: padding, or zeros with arbitrary times."""
    if len(shape) == 1:
        return TokenInputs(np.zeros((1, *shape), np.int32))
    return stack_windows(np.zeros((1, *shape), np.float32), np.datetime64(0, "s") + np.arange(shape[0]))
