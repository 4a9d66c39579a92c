"""The rows that a model was trained on, as hashes: enough to recognise them in another file, and nothing more.

Each example has a key of 64 bits, made of its raw data by the functions here. A bundle keeps the keys of its training
examples, of at most `MOST` of them.
"""

import base64
import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from seqconv.metrics.records import Json

MOST = 2**16  # keys of a bundle: half a megabyte; a new example is taken for a known one once in 2**48 at most
_MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def hash_items(items: Iterable[bytes]) -> np.ndarray:
    """The key of each item, uint64 `[N]`: BLAKE2b of its bytes."""
    digests = b"".join(hashlib.blake2b(item, digest_size=8).digest() for item in items)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def hash_texts(texts: Iterable[str]) -> np.ndarray:
    """The key of each text; blanks around it do not count."""
    return hash_items(text.strip().encode() for text in texts)


def hash_rows(times: np.ndarray, values: np.ndarray, back: int, rows: np.ndarray | None = None) -> np.ndarray:
    """The key of each row of a series and of the rows before it, uint64 `[T]`.

    One row alone would not do: values recur, and other series have the same times.

    Args:
        times: datetime64[s] `[T]`.
        values: `[T, C]`; NaN is missing.
        back: how many rows before it; the keys of the first ones take part of the last rows too.
        rows: of which rows keys are wanted, int64 `[N]`; None: of all.

    Reference: Steele et al. 2014, Fast splittable pseudorandom number generators: the mixing function of SplitMix64.
    """
    if rows is None:
        own = _hash_alone(times, values)
        near = (np.roll(own, number) for number in range(back + 1))
    else:
        near = (_hash_alone(times[each], values[each]) for each in (rows - number for number in range(back + 1)))
    return functools.reduce(lambda found, other: _mix(found ^ other), near)


def _hash_alone(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    found = times.astype("datetime64[s]").view(np.uint64).copy()
    values = np.where(np.isnan(values), np.nan, values.astype(np.float64) + 0.0)  # one kind of NaN, no negative zero
    for column in values.T:
        found = _mix(found ^ _mix(np.ascontiguousarray(column).view(np.uint64)))
    return found


def _mix(words: np.ndarray) -> np.ndarray:
    words = words + _MIX[0]
    words = (words ^ (words >> np.uint64(30))) * _MIX[1]
    words = (words ^ (words >> np.uint64(27))) * _MIX[2]
    return np.asarray(words ^ (words >> np.uint64(31)))


@dataclass(frozen=True)
class Seen:
    """What a bundle keeps of the keys of its training examples.

    Args:
        keys: uint64 `[M]`, ascending, each once.
        every: a power of two: only keys that it divides are kept, one in so many; 1: all.
    """

    keys: np.ndarray
    every: int = 1

    @classmethod
    def of(cls, *keys: np.ndarray | None) -> "Seen | None":
        """From the keys of all examples that a model was trained on; None: there are none."""
        known = [each for each in keys if each is not None]
        if not known:
            return None
        every, kept = 1, np.unique(np.concatenate(known))
        while len(kept) > MOST:
            every *= 2
            kept = kept[kept % np.uint64(every) == 0]
        return cls(kept, every)

    def join(self, other: "Seen | None") -> "Seen | None":
        """With those of a model that went on from this one."""
        if other is None:
            return self
        every = np.uint64(max(self.every, other.every))
        kept = [each.keys[each.keys % every == 0] for each in (self, other)]
        found = Seen.of(*kept)
        return found and Seen(found.keys, max(found.every, int(every)))

    @property
    def rows(self) -> int:
        """About how many different rows there were."""
        return len(self.keys) * self.every

    def check(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which examples can be checked, and which of all are known from training, bool `[N]` both."""
        checked = keys % np.uint64(self.every) == 0
        return checked, checked & np.isin(keys, self.keys)

    def to_dict(self) -> Json:
        """The entry in `bundle.json`."""
        return {"every": self.every, "keys": base64.b64encode(self.keys.astype("<u8").tobytes()).decode()}

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Read back what `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: another table.
        """
        if table.keys() != {"every", "keys"}:
            raise ValueError(f"trained_rows must hold every and keys; got {', '.join(table)}")
        every, data = table["every"], base64.b64decode(table["keys"], validate=True)
        if type(every) is not int or every < 1 or every & (every - 1) or every > MOST:
            raise ValueError(f"trained_rows.every must be a power of two up to {MOST}; got {every!r}")
        keys = np.frombuffer(data, "<u8").astype(np.uint64)
        if len(keys) > MOST or (keys[1:] <= keys[:-1]).any() or (keys % every).any():
            raise ValueError(f"trained_rows.keys must be at most {MOST:,} ascending multiples of every; they are not")
        return cls(keys, every)


class Tally:
    """Counts the rows of a file that a model was trained on, piece by piece."""

    def __init__(self, seen: Seen | None) -> None:
        """Start with no rows; None: the model does not know what it was trained on."""
        self.seen = seen
        self.rows = self.checked = self.found = 0
        self.first = self.last = ""

    def add(self, keys: np.ndarray, show: Callable[[int], str | None] = lambda row: None) -> None:
        """The next rows, by their keys, uint64 `[N]`; `show` names one of these, counted from 0 (None: its number)."""
        if self.seen is None:
            return
        checked, known = self.seen.check(keys)
        if known.any():
            places = np.flatnonzero(known)
            first, last = (show(int(place)) or f"row {self.rows + place + 1}" for place in places[[0, -1]])
            self.first, self.last = self.first or first, last
            self.found += len(places)
        self.rows, self.checked = self.rows + len(keys), self.checked + int(checked.sum())

    def describe(self) -> list[str]:
        """A note; none if the model was trained on none of the rows, as far as they could be checked."""
        if not self.found:
            return []
        some = "" if self.checked == self.rows else " that could be checked"
        where = self.first if self.first == self.last else f"{self.first} to {self.last}"
        rows = f"{self.found:,} of {self.checked:,} rows{some}"
        return [f"{rows} were trained on ({where}): predictions for these are no test"]
