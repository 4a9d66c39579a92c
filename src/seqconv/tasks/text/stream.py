"""Answers after each word of a text that is still being written."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqconv.errors import DataError
from seqconv.networks.inputs import START
from seqconv.tasks.blend import Blend
from seqconv.tasks.bundle import Trained
from seqconv.tasks.outcomes import answer_outcomes
from seqconv.tasks.streaming import State, Stream, check_shape
from seqconv.tasks.target import Columns
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.machines import Machine
from seqconv.tasks.text.vocabulary import Encoded


class TextStream(Stream):
    """A text, of which a piece comes at a time: words, as between two spaces."""

    column = "text"
    ids: np.ndarray  # the newest, int32

    def __init__(self, trained: Trained, state: State | None = None) -> None:
        """Begin, or go on.

        Raises:
            ConfigError: a model that reads more than the ids of the newest words.
            DataError: see `Stream`, and a model trained on ids without words.
        """
        self.features: TextFeatures = trained.bundle.features
        self.words = self.features.words
        if self.features.columns.names:
            self.refuse("reads columns next to the text")
        models = trained.model.models.values() if isinstance(trained.model, Blend) else (trained.model,)
        if any(isinstance(each, Machine) for each in models):
            self.refuse(
                "reads all of a text, more with each word", "Train with --model network, or predict whole texts"
            )
        super().__init__(trained, state)

    def push(self, item: Any) -> np.ndarray:
        """The answer for the text so far, of which the newest words are read that the model reads of any text.

        Args:
            item: the next piece of the text.

        Returns:
            Probability of each class, float32 `[classes]`; or a number and the bounds of its interval.

        Raises:
            DataError: not a text.
        """
        if not isinstance(item, str):
            raise DataError(f"the stream must get texts; got {type(item).__name__}. Give the next words")
        ids = np.concatenate([self.ids, self.words.encode([item]).ids[1:]])[-self.features.max_len :]
        inputs = self.features.inputs(Encoded(ids, np.array([0, len(ids)])))
        answer = answer_outcomes(self.features.target, self.trained.model.predict(inputs))[0]
        self.ids = ids
        return np.asarray(answer)

    def push_cells(self, cells: Mapping[str, Any]) -> np.ndarray:
        return self.push(cells[self.column])

    def to_columns(self, answer: np.ndarray) -> Columns:
        return self.features.target.to_columns(answer[None])

    def restart(self) -> None:
        self.ids = np.array([START], np.int32)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"ids": self.ids}

    def take(self, arrays: State) -> None:
        ids = check_shape("ids", arrays["ids"], "i", (), self.features.max_len)
        if not len(ids) or not START <= ids.min() <= ids.max() < len(self.words):
            raise ValueError(f"ids must be from {START} to {len(self.words) - 1}")
        self.ids = ids.astype(np.int32)
