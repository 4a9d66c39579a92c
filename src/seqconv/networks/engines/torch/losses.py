"""Losses as PyTorch computes them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqconv.networks.losses import CLIP, VALUES, find_levels


def compute_loss(loss: str, outputs: Tensor, targets: Tensor, interval: float = 0.0) -> Tensor:
    """Mean loss over batch and outputs; the formulas stand in `metrics.example_losses` and `quantiles.score_ends`."""
    if interval:
        middle, *ends = outputs.chunk(VALUES, dim=1)
        total = compute_loss(loss, middle, targets)
        for end, level in zip(ends, find_levels(interval), strict=True):
            difference = end - targets
            total = total + (difference.abs() + (1 - 2 * level) * difference).mean()
        return total
    if loss == "categorical_crossentropy":
        return functional.cross_entropy(outputs, targets.long())
    targets = targets.to(outputs.dtype)
    match loss:
        case "binary_crossentropy":
            return functional.binary_cross_entropy_with_logits(outputs, targets)
        case "as_printed":
            # the bounds as float32 has them, as in Keras; clamp has no gradient outside them
            low, high = float(np.float32(CLIP)), float(np.float32(1 - CLIP))
            share = outputs.clamp(low, high)
            return -(targets * share.log() + (1 - targets) * torch.log1p(-share)).mean()
        case "mae":
            return functional.l1_loss(outputs, targets)
        case "mse":
            return functional.mse_loss(outputs, targets)
        case "huber":
            return functional.huber_loss(outputs, targets)
    raise ValueError(f"unknown loss {loss!r}")
