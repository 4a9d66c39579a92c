"""What each channel and stretch of a sequence adds to the logit of a class."""

import numpy as np

from seqconv.data.records import Sequences
from seqconv.errors import DataError
from seqconv.models.predictor import METHODS, TAKES, Predictor
from seqconv.networks.outputs import probabilities
from seqconv.tasks.explanation import GridExplanation
from seqconv.tasks.labels import _choose_classes
from seqconv.tasks.occlusion import _occlude, _pair, _stack, cut_stretches
from seqconv.tasks.sequence.features import SequenceFeatures

# Windows


def explain_sequence(predictor: Predictor, sequence: Sequences, name: str | None = None) -> GridExplanation:
    """What each channel and stretch of one sequence adds to the logit of a class.

    Args:
        sequence: one.
        name: as for `explain_text`.

    Raises:
        DataError: not a sequence model, or another number of channels.
        ConfigError: no such class.
    """
    features = predictor.bundle.features
    if not isinstance(features, SequenceFeatures):
        raise DataError(f"this model takes {TAKES[type(features)]}, not sequences. Use {METHODS[type(features)]}")
    window = features.inputs(sequence).values
    outputs = predictor.model.predict(_stack(window[None]))
    index = _choose_classes(features, outputs, name)[0]
    output, sign = (0, 2 * index - 1) if features.outputs == 1 else (index, 1)
    given = min(int(np.diff(sequence.offsets)[0]), features.length)
    bounds = features.length - given + cut_stretches(given)
    groups = [[channel] for channel in range(len(features.channels))]

    def answer(windows: np.ndarray) -> np.ndarray:
        return sign * np.asarray(predictor.model.predict(_stack(windows))[:, output], np.float64)

    cells, whole = _occlude(answer, window, groups, bounds)
    skipped = int(np.diff(sequence.offsets)[0]) - features.length
    stretches = _pair([str(step + 1 + skipped) for step in bounds[:-1]], [str(step + skipped) for step in bounds[1:]])
    probability = float(probabilities(outputs)[0, index])
    value = sign * float(outputs[0, output])
    facts = {"steps": str(given)}
    return GridExplanation(
        features.classes[index], value, probability, features.channels, stretches, cells, whole, facts
    )
