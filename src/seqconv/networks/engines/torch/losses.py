"""Losses as PyTorch computes them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqconv.networks.losses import CLIP


def compute_loss(
    loss: str, outputs: Tensor, targets: Tensor, levels: tuple[float, ...] = (), weights: Tensor | None = None
) -> Tensor:
    """Mean over batch and outputs; see `example_losses` and `quantile_losses` in `networks.losses` for the formulas."""
    if levels:
        point, *quantiles = outputs.chunk(1 + len(levels), dim=1)
        total = compute_loss(loss, point, targets, weights=weights)
        for quantile, level in zip(quantiles, levels, strict=True):
            difference = quantile - targets
            total = total + (difference.abs() + (1 - 2 * level) * difference).mean()
        return total
    each = _compute_losses(loss, outputs, targets)
    return (each if weights is None else each * weights).mean()


def _compute_losses(loss: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each output `[B, outputs]`; of classes that of each example, `[B, 1]`."""
    if loss == "categorical_crossentropy":
        return functional.cross_entropy(outputs, targets.long(), reduction="none")[:, None]
    targets = targets.to(outputs.dtype)
    match loss:
        case "binary_crossentropy":
            return functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
        case "as_printed":
            # clipped at float32's limits, as in Keras; outside them clamp has no gradient
            low, high = float(np.float32(CLIP)), float(np.float32(1 - CLIP))
            probability = outputs.clamp(low, high)
            return -(targets * probability.log() + (1 - targets) * torch.log1p(-probability))
        case "mae":
            return functional.l1_loss(outputs, targets, reduction="none")
        case "mse":
            return functional.mse_loss(outputs, targets, reduction="none")
        case "huber":
            return functional.huber_loss(outputs, targets, reduction="none")
    raise ValueError(f"unknown loss {loss!r}")
