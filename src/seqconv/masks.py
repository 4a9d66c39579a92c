"""Dropout masks: which ones a plan needs, and how they are drawn."""

import numpy as np

from seqconv.models import (
    Add,
    Channelwise,
    Concat,
    Dropout,
    Gru,
    Lstm,
    Masks,
    Normalise,
    Plan,
    Residual,
    Shape,
)
from seqconv.shapes import output_shape


def mask_shapes(plan: Plan, shape: Shape, prefix: str = "") -> dict[str, tuple[Shape, float]]:
    """Shape without the batch, and rate, of every dropout mask that training draws."""
    found: dict[str, tuple[Shape, float]] = {}
    for index, layer in enumerate(plan):
        at = f"{prefix}{index}"
        match layer:
            case Dropout(rate) if rate > 0:
                found[f"{at}.mask"] = (shape, rate)
            case Gru() | Lstm():
                gates = 3 if isinstance(layer, Gru) else 4
                if layer.dropout > 0:
                    found[f"{at}.input_mask"] = ((gates, layer.inputs), layer.dropout)
                if layer.recurrent_dropout > 0:
                    found[f"{at}.recurrent_mask"] = ((gates, layer.units), layer.recurrent_dropout)
            case Residual(body) | Normalise(body):
                found |= mask_shapes(body, shape, f"{at}.")
            case Channelwise(body):
                inner = mask_shapes(body, (shape[0], 1), f"{at}.")
                found |= {name: ((layer.count(shape[1]), *size), rate) for name, (size, rate) in inner.items()}
            case Concat(branches) | Add(branches):
                for number, branch in enumerate(branches):
                    found |= mask_shapes(branch, shape, f"{at}.{number}.")
        shape = output_shape(layer, shape)
    return found


def draw_masks(needed: dict[str, tuple[Shape, float]], batch: int, random: np.random.Generator) -> Masks:
    """Dropout masks for one batch: each value 0 with probability `rate`, else 1 / (1 - rate); one mask per example,
    the same at every step of a recurrent layer.

    Args:
        needed: what `mask_shapes` gives.

    Reference: Srivastava et al. 2014; Gal and Ghahramani 2016, arXiv:1512.05287.
    """
    masks = {}
    for name, (shape, rate) in needed.items():
        kept = random.random((batch, *shape), dtype=np.float32) >= rate
        masks[name] = kept.astype(np.float32) * np.float32(1 / (1 - rate))
    return masks
