"""Turns texts into a network's inputs; fitted on training texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from seqconv.errors import ConfigError, DataError
from seqconv.metrics.records import Json
from seqconv.networks.inputs import TokenInputs, hold_texts
from seqconv.networks.layers.base import Plan, Shape
from seqconv.networks.layers.tokens import ReadsIds
from seqconv.networks.plan import walk
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.entries import Entry, Steps, Threshold, check_names, check_same
from seqconv.tasks.examples import Features, Part, Split, TrainingData
from seqconv.tasks.labels import make_target, restore_target
from seqconv.tasks.target import Target
from seqconv.tasks.text.vocabulary import Encoded, Vocabulary, pad

VOCABULARY = "vocabulary.txt"  # in a bundle, one word per line


@dataclass(frozen=True, kw_only=True)
class TextEntry(Entry):
    """What `bundle.json` holds of `TextFeatures`."""

    classes: list[str]
    multi_label: bool
    max_len: Steps
    thresholds: dict[str, Threshold] | None = None  # of the classes that have one, see `ClassTarget`
    normalised: bool | None = None  # whether texts are brought into one Unicode form; absent in 0.1.0: they are not

    def __post_init__(self) -> None:
        check_names("classes", self.classes, 1 if self.multi_label else 2)


@dataclass(frozen=True)
class TextFeatures(Features):
    """The features of a text model.

    Args:
        target: what the answers are.
        vocabulary: None if the data were already encoded.
        max_len: number of ids kept of each text, from its end.
    """

    target: ClassTarget
    vocabulary: Vocabulary | None
    max_len: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return self.target.names

    @property
    def words(self) -> Vocabulary:
        """The vocabulary.

        Raises:
            DataError: there is none, so the model cannot read raw texts.
        """
        if self.vocabulary is None:
            raise DataError("this model was trained on ids without words, so it cannot read texts. Train on raw texts")
        return self.vocabulary

    def inputs(self, encoded: Encoded, texts: Sequence[str] | None = None) -> TokenInputs:
        """Texts padded or cut to `max_len` ids; `texts`: as they were written, if that is known."""
        return TokenInputs(pad(encoded, self.max_len), None if texts is None else hold_texts(texts))

    def read_texts(self, texts: Sequence[str]) -> TokenInputs:
        """Texts as a model reads them.

        Raises:
            DataError: the model cannot read texts, or one is not a text.
        """
        return TokenInputs(self.words.encode_padded(texts, self.max_len), hold_texts(texts))

    def blank(self) -> TokenInputs:
        found = super().blank()
        assert isinstance(found, TokenInputs)
        return replace(found, texts=hold_texts([""]))

    @property
    def shape(self) -> Shape:
        return (self.max_len,)

    def aim(self, target: Target) -> Self:
        assert isinstance(target, ClassTarget)
        return replace(self, target=target)

    def check_plan(self, plan: Plan, inputs: int) -> None:
        words = 0 if self.vocabulary is None else len(self.vocabulary)
        for at, layer in walk(plan):
            if isinstance(layer, ReadsIds) and layer.rows < words:
                raise ConfigError(f"layer {at}: rows must be at least the {words} ids of the words; got {layer.rows}")

    def check_recipe(self, recipe: AnyRecipe) -> None:
        check_same("max_len", self.max_len, "text.max_len", recipe.features.max_len)

    def write(self, folder: Path) -> Json:
        if self.vocabulary is not None:
            self.vocabulary.write(folder / VOCABULARY)
        normalised = True if self.vocabulary is not None and self.vocabulary.normalised else None
        entry = TextEntry(
            classes=list(self.classes),
            multi_label=self.target.several,
            max_len=self.max_len,
            thresholds=dict(self.target.thresholds) or None,
            normalised=normalised,
        )
        return entry.to_dict()

    @classmethod
    def read(cls, table: Mapping[str, Any], folder: Path, files: Mapping[str, Any]) -> Self:
        entry = TextEntry.from_dict(table)
        vocabulary = Vocabulary.read(folder / VOCABULARY, bool(entry.normalised)) if VOCABULARY in files else None
        target = make_target(tuple(entry.classes), entry.multi_label, entry.thresholds)
        return cls(target, vocabulary, entry.max_len)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(restore_target(state))


TextSplit = Split[TextFeatures, TokenInputs]
TextPart = Part[TokenInputs]
TextTraining = TrainingData[TextFeatures, TokenInputs]
