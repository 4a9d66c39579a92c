"""Random changes of bytes."""

import random
from collections.abc import Sequence


def damage(content: bytes, chance: random.Random, pieces: Sequence[bytes]) -> bytes:
    """A few changes of bytes, pieces cut out, doubled, swapped or put in.

    Args:
        content: to be changed.
        chance: draws the changes.
        pieces: odd ones to put in.
    """
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        begin = chance.randrange(len(data) + 1)
        end = min(len(data), begin + chance.choice((1, 1, 4, 20, 200)))
        change = chance.randrange(6)
        if change == 0 and data:
            data[chance.randrange(len(data))] = chance.randrange(256)
        elif change == 1:
            del data[begin:end]
        elif change == 2:
            data[begin:begin] = data[begin:end] * chance.choice((1, 3, 50))
        elif change == 3:
            data[begin:begin] = chance.choice(pieces)
        elif change == 4:
            data[begin:end] = bytes(chance.randrange(256) for _ in range(end - begin))
        else:
            del data[begin if chance.random() < 0.3 else len(data) :]
    return bytes(data)
