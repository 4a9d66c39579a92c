"""Dropout masks for training."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqconv import _native
from seqconv.networks.layers.base import Masks, Plan, Shape
from seqconv.networks.plan import mask_shapes

WORD = 2**64


class DropoutMasks:
    """Draws the masks of successive training steps: each value is 0 with probability `rate`, else 1 / (1 - rate); one
    mask per example, the same at every step of a recurrent layer.

    A value is 0 where `random.random(dtype=np.float32)` would be below `rate`, and `random` ends in the state that
    those draws would leave it in.

    Args:
        plan: the network.
        shape: of one example.
        random: a PCG64 generator, such as `np.random.default_rng` creates.
        threads: processor threads to draw on; the masks do not depend on it.

    Reference: Srivastava et al. 2014; Gal and Ghahramani 2016, arXiv:1512.05287.
    """

    def __init__(self, plan: Plan, shape: Shape, random: np.random.Generator, threads: int) -> None:
        self._needed = mask_shapes(plan, shape)
        self._random = random
        self._threads = threads
        self._room = -1  # not even for an empty batch
        self._arrays: Masks = {}

    def draw(self, batch: int) -> Masks:
        """Masks for that many examples, in arrays that the next draw overwrites: allocating costs as much as drawing.

        Raises:
            ValueError: the generator is not PCG64.
        """
        if batch > self._room:
            self._room = batch
            self._arrays = {name: np.empty((batch, *shape), np.float32) for name, (shape, _) in self._needed.items()}
        masks = {name: array[:batch] for name, array in self._arrays.items()}
        state = self._random.bit_generator.state
        generator = _pack_state(state)
        rates = [rate for _, rate in self._needed.values()]
        _native.draw_masks(generator, rates, list(masks.values()), self._threads)
        self._random.bit_generator.state = {**state, **_unpack_state(generator)}
        return masks


def _pack_state(state: Mapping[str, Any]) -> np.ndarray:
    """A generator's state in the layout of the native core, uint64 `[6]`."""
    if state["bit_generator"] != "PCG64":
        raise ValueError(f"masks: the generator must be PCG64; got {state['bit_generator']}. Use default_rng")
    wide = state["state"]
    words = *divmod(wide["state"], WORD), *divmod(wide["inc"], WORD)
    return np.array([*words, state["has_uint32"], state["uinteger"]], np.uint64)


def _unpack_state(generator: np.ndarray) -> dict[str, Any]:
    high, low, increment_high, increment_low, left_over, half = generator.tolist()
    wide = {"state": high * WORD + low, "inc": increment_high * WORD + increment_low}
    return {"state": wide, "has_uint32": left_over, "uinteger": half}
