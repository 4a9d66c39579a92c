"""What turns sequences into a network's inputs, as fitted on training sequences."""

from dataclasses import dataclass

import numpy as np

from seqconv.data.records import Sequences
from seqconv.errors import DataError
from seqconv.networks.inputs import WindowInputs
from seqconv.tasks.scaling import Scaler


@dataclass(frozen=True)
class SequenceFeatures:
    """Of a sequence model.

    Args:
        classes: as for texts.
        channels: names of the columns of a sequence.
        scaler: of the channels.
        length: steps kept of each sequence, from its end.
        masked: a last channel says where a sequence has a step (1) and where it is padded (0); lengths differ.
    """

    classes: tuple[str, ...]
    channels: tuple[str, ...]
    scaler: Scaler
    length: int
    masked: bool
    multi_label = False
    metric = "accuracy"

    @property
    def outputs(self) -> int:
        """Values that a network must return."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def inputs(self, sequences: Sequences) -> WindowInputs:
        """Scaled sequences of one length, zeros before a shorter one and where a value is missing.

        They lie end to end as windows of one series, which every engine reads.

        Raises:
            DataError: another number of channels.
        """
        if len(sequences.channels) != len(self.channels):
            raise DataError(
                f"{sequences.source}: must have {len(self.channels)} channel(s) as in training; "
                f"got {len(sequences.channels)}"
            )
        scaled = np.nan_to_num(self.scaler.scale(sequences.values), nan=0.0, posinf=np.inf, neginf=-np.inf)
        lengths = np.diff(sequences.offsets)
        count, kept = len(lengths), np.minimum(lengths, self.length)
        padded = np.zeros((count, self.length, len(self.channels) + self.masked), np.float32)
        place = np.arange(self.length)
        filled = place >= (self.length - kept)[:, None]  # [N, length]
        rows = sequences.offsets[1:, None] - self.length + place
        padded[filled, : len(self.channels)] = scaled[rows[filled]]
        if self.masked:
            padded[..., -1] = filled
        ends = np.arange(1, count + 1, dtype=np.int64) * self.length
        return WindowInputs(padded.reshape(count * self.length, -1), ends, self.length, 1)
