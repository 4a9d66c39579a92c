"""Explains a classified sequence: what each channel and time span adds to the logit of a class."""

from itertools import pairwise

import numpy as np

from seqconv.data.records import Sequences
from seqconv.networks.inputs import stack_windows
from seqconv.tasks.bundle import Trained
from seqconv.tasks.explanation import Curves, GridExplanation
from seqconv.tasks.occlusion import cut_spans, occlude
from seqconv.tasks.sequence.features import SequenceFeatures


def explain_sequence(trained: Trained, sequence: Sequences, name: str | None = None) -> GridExplanation:
    """What each channel and time span of a sequence adds to the logit of a class.

    Args:
        sequence: exactly one.
        name: as for `explain_text`.

    Raises:
        DataError: a different number of channels.
        ConfigError: no such class.
    """
    features: SequenceFeatures = trained.bundle.features
    target = features.target
    window = features.inputs(sequence).values
    outputs = trained.model.predict(stack_windows(window[None]))
    place = target.choose_explained(outputs, name)[0]
    output, sign = target.locate(place)
    steps = int(np.diff(sequence.offsets)[0])
    kept = min(steps, features.length)
    bounds = features.length - kept + cut_spans(kept)
    groups = [[channel] for channel in range(len(features.channels))]

    def answer(windows: np.ndarray) -> np.ndarray:
        return sign * np.asarray(trained.model.predict(stack_windows(windows))[:, output], np.float64)

    cells, whole = occlude(answer, window, groups, bounds)
    skipped = steps - features.length
    spans = tuple((str(begin + 1 + skipped), str(end + skipped)) for begin, end in pairwise(bounds))
    found = target.probabilities(outputs)
    probabilities = dict(zip(target.names, found[0].tolist(), strict=True))
    predicted = target.name_answers(found)[0][0]
    value = sign * float(outputs[0, output])
    facts = {"steps": str(kept)}
    curves = Curves(np.arange(steps - kept, steps) + 1, sequence.values[steps - kept :], bounds - bounds[0])
    name, rows = target.names[place], features.channels
    return GridExplanation(name, value, probabilities, rows, spans, cells, whole, facts, curves, answer=predicted)
