"""Turns texts into a network's inputs; fitted on training texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

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
from seqconv.tasks.outcomes import NumberEntry, Outcome, calibrate_outcome, check_either
from seqconv.tasks.target import Target
from seqconv.tasks.text.columns import NO_COLUMNS, Cells, Columns, Slot
from seqconv.tasks.text.vocabulary import Encoded, Vocabulary, pad
from seqconv.tasks.values import Number

VOCABULARY = "vocabulary.txt"  # in a bundle, one word per line


@dataclass(frozen=True, kw_only=True)
class TextEntry(Entry):
    """What `bundle.json` holds of `TextFeatures`."""

    classes: list[str] | None = None
    multi_label: bool
    max_len: Steps
    thresholds: dict[str, Threshold] | None = None  # of the classes that have one, see `ClassTarget`
    normalised: bool | None = None  # whether texts are brought into one Unicode form; absent in 0.1.0: they are not
    number: NumberEntry | None = None
    columns: list[Slot] | None = None  # next to the text

    def __post_init__(self) -> None:
        check_either(self.classes, self.number)
        if self.classes is not None:
            check_names("classes", self.classes, 1 if self.multi_label else 2)

    @property
    def target(self) -> Outcome:
        """What the answers are."""
        if self.number is None:
            return make_target(tuple(self.classes or ()), self.multi_label, self.thresholds)
        return self.number.target


@dataclass(frozen=True)
class TextFeatures(Features):
    """The features of a text model.

    Args:
        target: what the answers are.
        vocabulary: None if the data were already encoded.
        max_len: number of ids kept of each text, from its end.
        columns: next to the text; their tokens are ids after those of the words, at the end of every example.
    """

    target: Outcome
    vocabulary: Vocabulary | None
    max_len: int
    columns: Columns = NO_COLUMNS

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities; none if a number is predicted."""
        return self.target.names if isinstance(self.target, ClassTarget) else ()

    @property
    def words(self) -> Vocabulary:
        """The vocabulary.

        Raises:
            DataError: there is none, so the model cannot read raw texts.
        """
        if self.vocabulary is None:
            raise DataError("this model was trained on ids without words, so it cannot read texts. Train on raw texts")
        return self.vocabulary

    def inputs(self, encoded: Encoded, texts: Sequence[str] | None = None, cells: Cells | None = None) -> TokenInputs:
        """Texts padded or cut to `max_len` ids, then the tokens of the columns.

        Args:
            texts: as they were written, with those of the columns, if that is known.
            cells: of the columns, if there are any.
        """
        found = TokenInputs(pad(encoded, self.max_len), None if texts is None else hold_texts(texts))
        return self._add_columns(found, cells or {})

    def read_texts(self, texts: Sequence[str], cells: Cells | None = None) -> TokenInputs:
        """Texts, with those of the columns, and the cells of the columns as a model reads them.

        Raises:
            DataError: the model cannot read texts, one is not a text, or a cell is not as in training.
        """
        found = TokenInputs(self.words.encode_padded(texts, self.max_len), hold_texts(texts))
        return self._add_columns(found, cells or {})

    def _add_columns(self, inputs: TokenInputs, cells: Cells) -> TokenInputs:
        if not self.columns.read:
            return inputs
        tokens = len(self.words) + self.columns.to_tokens(cells)
        ids = np.concatenate([inputs.ids, tokens.astype(np.int32)], axis=1)
        return replace(inputs, ids=ids, numbers=self.columns.to_numbers(cells), tokens=tokens.shape[1])

    def blank(self) -> TokenInputs:
        found = super().blank()
        assert isinstance(found, TokenInputs)
        numbers = np.zeros((1, self.columns.numbers), np.float32) if self.columns.read else None
        return replace(found, texts=hold_texts([""]), numbers=numbers, tokens=len(self.columns.read))

    @property
    def shape(self) -> Shape:
        return (self.max_len + len(self.columns.read),)

    def aim(self, target: Target) -> Self:
        assert isinstance(target, ClassTarget | Number)
        return replace(self, target=target)

    def calibrate(self, bounds: np.ndarray, targets: np.ndarray, fraction: float) -> Self:
        return replace(self, target=calibrate_outcome(self.target, bounds, targets, fraction))

    def check_plan(self, plan: Plan, inputs: int) -> None:
        words = 0 if self.vocabulary is None else len(self.vocabulary) + self.columns.tokens
        for at, layer in walk(plan):
            if isinstance(layer, ReadsIds) and layer.rows < words:
                raise ConfigError(f"layer {at}: rows must be at least the {words} ids of the words; got {layer.rows}")

    def check_recipe(self, recipe: AnyRecipe) -> None:
        check_same("max_len", self.max_len, "text.max_len", recipe.features.max_len)

    def write(self, folder: Path) -> Json:
        if self.vocabulary is not None:
            self.vocabulary.write(folder / VOCABULARY)
        normalised = True if self.vocabulary is not None and self.vocabulary.normalised else None
        target = self.target
        classes = target if isinstance(target, ClassTarget) else None
        entry = TextEntry(
            classes=None if classes is None else list(classes.names),
            multi_label=classes is not None and classes.several,
            max_len=self.max_len,
            thresholds=dict(classes.thresholds) or None if classes is not None else None,
            normalised=normalised,
            number=NumberEntry.of(target) if isinstance(target, Number) else None,
            columns=list(self.columns.slots) or None,
        )
        return entry.to_dict()

    @classmethod
    def read(cls, table: Mapping[str, Any], folder: Path, files: Mapping[str, Any]) -> Self:
        entry = TextEntry.from_dict(table)
        vocabulary = Vocabulary.read(folder / VOCABULARY, bool(entry.normalised)) if VOCABULARY in files else None
        return cls(entry.target, vocabulary, entry.max_len, Columns(tuple(entry.columns or ())))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(restore_target(state))


TextSplit = Split[TextFeatures, TokenInputs]
TextPart = Part[TokenInputs]
TextTraining = TrainingData[TextFeatures, TokenInputs]
