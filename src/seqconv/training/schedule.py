"""The learning rate of each step: warm-up, then constant, along a cosine, or lower on plateaus."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seqconv.networks.network import Network
from seqconv.recipes.sections import TrainingConfig
from seqconv.training.checkpoint import Epoch

LOWERED = 0.5  # factor of the rate
WAITED = 2  # epochs without a better loss before it is lowered


@dataclass(frozen=True)
class Schedule:
    """The learning rates of a training.

    The rate rises linearly over the first `warmup` epochs. `cosine` then lets it fall to zero at the end of the last
    epoch; `plateau` halves it whenever the validation loss (without validation examples the training loss) has not
    improved for two epochs.

    Args:
        rate: the network's own, to which it rises and from which it falls.

    Reference: Goyal et al. 2017, arXiv:1706.02677 (warm-up); Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5
    (cosine, without restarts).
    """

    training: TrainingConfig
    rate: float

    def pace(self, network: Network, batches: Sequence[np.ndarray], history: Sequence[Epoch]) -> Iterator[np.ndarray]:
        """The batches of the epoch after `history`; the network's learning rate is that of each when it comes."""
        plateau = self.training.schedule == "plateau"
        losses = (each.loss if math.isnan(each.validation_loss) else each.validation_loss for each in history)
        rate = self.rate * (lower(losses) if plateau else 1.0)
        for step, batch in enumerate(batches):
            network.learning_rate = rate * self._shape(len(history), step, len(batches))
            yield batch

    def _shape(self, epoch: int, step: int, steps: int) -> float:
        """The factor at a step, both counted from 0."""
        done, warm = epoch * steps + step, self.training.warmup * steps
        if done < warm:
            return (done + 1) / warm
        if self.training.schedule != "cosine":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (done - warm) / max(self.training.epochs * steps - warm, 1)))


def lower(losses: Iterable[float]) -> float:
    """The factor of the rate after epochs with these losses.

    >>> lower([3.0, 2.0, 2.5, 2.1]), lower([3.0, 2.0, 2.5, 1.9])
    (0.5, 1.0)
    """
    best, waited, factor = math.inf, 0, 1.0
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == WAITED:
            waited, factor = 0, factor * LOWERED
    return factor
