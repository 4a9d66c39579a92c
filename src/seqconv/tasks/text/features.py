"""What turns texts into a network's inputs, as fitted on training texts."""

from dataclasses import dataclass

from seqconv.networks.inputs import TokenInputs
from seqconv.tasks.text.vocabulary import Encoded, Vocabulary, pad


@dataclass(frozen=True)
class TextFeatures:
    """Of a text model.

    Args:
        classes: names, in the order of the outputs; two have one output, the logit of the second.
        vocabulary: None where the data came already encoded.
        max_len: ids kept of each text, from its end.
        multi_label: a text may have several classes, or none; every class then has an output of its own.
    """

    classes: tuple[str, ...]
    vocabulary: Vocabulary | None
    max_len: int
    multi_label: bool = False

    @property
    def outputs(self) -> int:
        """Values that a network must return."""
        return 1 if len(self.classes) == 2 and not self.multi_label else len(self.classes)

    @property
    def metric(self) -> str:
        """Name of the share that is right."""
        return "f1" if self.multi_label else "accuracy"

    def inputs(self, encoded: Encoded) -> TokenInputs:
        """Texts of one length."""
        return TokenInputs(pad(encoded, self.max_len))
