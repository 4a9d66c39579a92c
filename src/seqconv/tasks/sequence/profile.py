"""What sequences are like: the values of each channel, how long they are, and their labels if they have any."""

import numpy as np

from seqconv.data.records import Sequences
from seqconv.tasks.labels import sample_labels
from seqconv.tasks.profiles import Sample
from seqconv.tasks.sequence.features import SequenceFeatures


def sample_sequences(features: SequenceFeatures, sequences: Sequences) -> list[Sample]:
    """Number of steps of each sequence, the values of each channel at all steps, and the labels."""
    values, ends = sequences.values.astype(np.float64), sequences.offsets[1:]
    channels = [
        Sample(name, np.ascontiguousarray(values[:, place]), ends=ends) for place, name in enumerate(features.channels)
    ]
    lengths = Sample("steps in a sequence", np.diff(sequences.offsets).astype(np.float64))
    return [lengths, *channels, *sample_labels(sequences)]
