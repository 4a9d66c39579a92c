"""Sizes and arrays by chance, of which no call takes much memory."""

import random
from collections.abc import Callable

import numpy as np

MOST_VALUES = 1 << 18  # of an array that is made here

Call = tuple[Callable[..., object], dict[str, object]]


class Draw:
    """Sizes and arrays by chance. Now and then one size is huge and another 0, so that the array takes no memory."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.odd = chance.random() < 0.3

    def sizes(self, count: int) -> list[int]:
        sizes = [self.chance.choice((1, 2, 3, 5, 8, 17)) for _ in range(count)]
        if self.odd:
            sizes[self.chance.randrange(count)] = 0
            if self.chance.random() < 0.5:
                sizes[self.chance.randrange(count)] = self.chance.choice((2**31 - 1, 2**31, 2**33))
        return sizes

    def floats(self, *shape: int) -> np.ndarray:
        check_size(shape)
        return np.random.default_rng(self.chance.randrange(99)).normal(size=shape).astype(np.float32)

    def ints(self, below: int, *shape: int, kind: type = np.int32) -> np.ndarray:
        check_size(shape)
        return np.random.default_rng(self.chance.randrange(99)).integers(0, max(1, below), shape).astype(kind)

    def flag(self) -> bool:
        return self.chance.random() < 0.5

    def threads(self) -> int:
        return self.chance.choice((1, 2, 3))


def check_size(shape: tuple[int, ...]) -> None:
    """Leave out a call whose arrays would take memory: MemoryError."""
    size = 1
    for length in shape:
        size *= length
    if size > MOST_VALUES or any(length < 0 for length in shape):
        raise MemoryError(shape)
