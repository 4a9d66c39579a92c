"""Settings of a recipe for time-series classification inferred from the data, and the default network."""

from typing import Any

import numpy as np

from seqconv.data.records import SequenceData
from seqconv.networks.keras.reading import KerasNetwork
from seqconv.recipes.recipe import Guesses, SequenceRecipe
from seqconv.tasks.completion import FEW
from seqconv.tasks.labels import make_target
from seqconv.tasks.outcomes import COVERAGE
from seqconv.tasks.outcomes import NOTE as COVERAGE_NOTE
from seqconv.tasks.values import Number

TAPS, FILTERS = 9, 24
EPOCHS = (20, 400)
BLEND = "blend"
NOTE = "model: blend, ridge classifiers of random kernels and interval quantiles; --model network trains a network"
OF_EVERY_MODEL = (
    *("training.model", "training.loss", "training.refit", "training.seed"),
    *("training.class_weight", "training.threshold", "training.positive", "training.coverage"),
    *("training.quantiles", "training.metric", "training.budget"),
)
VISITS = 16_000  # sequences that training sees in all epochs together


def guess_sequences(recipe: SequenceRecipe, data: SequenceData, given: set[str]) -> Guesses:
    """The model, and network and training for those who want one: a setting of either asks for the network."""
    lengths = np.diff(data.train.offsets)
    chosen = default_sequence_settings(len(lengths), int(lengths.max()))
    loss = Number.loss if data.train.number else make_target(data.train.classes).loss
    found = {"training.loss": (loss, "")} | {name: (value, "") for name, value in chosen.items()}
    if data.train.number:
        found["training.refit"] = (False, "")  # which would leave no rows to calibrate intervals on
        found |= {"training.coverage": (COVERAGE, COVERAGE_NOTE)}
    asked = any(name.startswith(("network.", "training.")) and name not in OF_EVERY_MODEL for name in given)
    return found if asked else found | {"training.model": (BLEND, NOTE)}


def default_sequence_settings(examples: int, length: int) -> dict[str, Any]:
    """Settings of a sequence recipe by name, `section.key`: network and training, but not the loss.

    Parallel branches of two convolutions, one branch for each dilation that fits, their maximum and mean over time, and
    a linear layer: this finds patterns of any width without much depth, for which examples are usually too few.

    Args:
        examples: training sequences.
        length: number of steps of the longest sequence.

    Reference: Dempster et al. 2020, arXiv:1910.13051 (random kernels of many dilations and two statistics of each).
    """
    kernel = min(TAPS, max(3, length // 3))
    pools = {"layer": "concat", "branches": [[{"layer": "global_max_pool"}], [{"layer": "global_average_pool"}]]}
    branches: list[list[dict[str, Any]]] = []
    dilation = 1
    while not branches or (kernel - 1) * dilation < length:
        taps = {"kernel": kernel, "dilation": dilation, "padding": "causal", "activation": "relu"}
        joint = {"kernel": 3, "padding": "causal", "activation": "relu"}
        convolutions = [{"layer": "conv", "filters": FILTERS, **each} for each in (taps, joint)]
        branches.append([*convolutions, pools])
        dilation *= 2
    epochs = min(max(VISITS // max(examples, 1), EPOCHS[0]), EPOCHS[1])
    return {
        "network.layers": [
            {"layer": "concat", "branches": branches},
            {"layer": "dropout", "rate": 0.5},
            {"layer": "output"},
        ],
        "training.optimiser": "adam",
        "training.learning_rate": 3e-3,
        "training.batch_size": 16,
        "training.epochs": epochs,
        "training.patience": 0,
        "training.averaging": 0.9,
        "training.refit": examples <= FEW,
    }


def fit_settings(
    recipe: SequenceRecipe, data: SequenceData | None, network: KerasNetwork, given: set[str]
) -> dict[str, Any]:
    """The number of steps that a given network reads."""
    length = network.shape[0] if len(network.shape) == 2 else None
    return {"sequence.length": length} if length else {}
