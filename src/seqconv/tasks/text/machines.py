"""Linear support vector machines on the words of texts, and on their n-grams of characters; both are hashed.

A feature is a word, as `vocabulary.split` finds it, or an n-gram of 1 to 5 characters of the text in lower case,
between spaces and with a single space for white space within; a space alone is none. Its bucket follows from the bytes
b of its UTF-8: h = 0, then h = (h + b + 1) * MULTIPLIER modulo 2^64 for each; the bucket is h ^ (h >> 32) modulo 2^22.

Of words this is the classifier that is hard to beat for long texts; n-grams of characters know parts of words, so that
typing errors, endings and compounds cost little.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, NamedTuple, Self, TypeVar

import numpy as np

from seqconv import _native
from seqconv.networks.inputs import TokenInputs
from seqconv.networks.threads import count_threads
from seqconv.tasks.baselines import BaselineModel, Stored, members
from seqconv.tasks.stacking import find_scale
from seqconv.tasks.text.features import TextFeatures, TextSplit
from seqconv.tasks.text.unicode import compose, normalise
from seqconv.tasks.text.vocabulary import count_hashed_words

BITS = 22  # 4 million buckets
LONGEST = 5  # characters of an n-gram
COST = 1.0  # of a row's loss, next to the squared length of the weights
TOLERANCE, PASSES = 0.1, 100  # of the solver, as LIBLINEAR's -e; most machines need about ten passes
MOST_WEIGHTS = 2**25  # of all outputs together
MANY_TEXTS = 2000  # from which on a feature must occur in two of them
CHUNK = 10_000  # texts that are counted together


class Rows(NamedTuple):
    """Sparse rows of unit length: row n has `values` in `columns`, both `[offsets[n]:offsets[n + 1]]`.

    Args:
        columns: int32.
        values: float32.
        offsets: int64 `[N + 1]`.
    """

    columns: np.ndarray
    values: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class Machine(BaselineModel[TextFeatures, TokenInputs]):
    """A linear function, for each output, of 1 + log(count) times the inverse document frequency of hashed features.

    Args:
        buckets: the known features, ascending, int32 `[F]`.
        rarity: inverse document frequency of each, `[F]`.
        weights, bias: of the machines, `[F, outputs]` and `[outputs]`.
        scale: the factor that makes logits of their scores.
    """

    features: TextFeatures
    buckets: Annotated[np.ndarray, Stored(np.int32, "F", 0, 2**BITS - 1)]
    rarity: Annotated[np.ndarray, Stored(np.float32, "F", 0)]
    weights: Annotated[np.ndarray, Stored(np.float32, "F outputs")]
    bias: Annotated[np.ndarray, Stored(np.float32, "outputs")]
    scale: Annotated[np.ndarray, Stored(np.float64, "1", 0)]
    most: ClassVar[int]  # characters of all training texts together

    @staticmethod
    @abstractmethod
    def count(texts: list[str], threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The distinct buckets of each text, ascending, how often each occurs, and the offsets of the texts."""

    def check(self) -> None:
        if (np.diff(self.buckets) <= 0).any():
            raise ValueError("buckets must ascend; they do not")

    def rows(self, texts: list[str]) -> Rows:
        """The known features of texts."""
        buckets, times, offsets = self.count(texts, count_threads(0))
        places = np.searchsorted(self.buckets, buckets).astype(np.int32)
        known = np.append(self.buckets, np.int32(-1))[places] == buckets
        columns = places[known]
        values = (1 + np.log(times[known].astype(np.float32))) * self.rarity[columns]
        sizes = np.add.reduceat(np.append(known, False).astype(np.int64), offsets[:-1]) * (np.diff(offsets) > 0)
        kept = np.concatenate([[0], np.cumsum(sizes)])
        of_text = np.repeat(np.arange(len(texts)), sizes)
        lengths = np.sqrt(np.bincount(of_text, values.astype(np.float64) ** 2, len(texts)))
        return Rows(columns, (values / np.maximum(lengths, 1e-12)[of_text]).astype(np.float32), kept)

    def predict(self, inputs: TokenInputs) -> np.ndarray:
        texts = read_texts(inputs)
        found = np.zeros((len(texts), len(self.bias)), np.float32)
        for first in range(0, len(texts), CHUNK):
            part = found[first : first + CHUNK]
            _native.sparse_product(*self.rows(texts[first : first + CHUNK]), self.weights, part, count_threads(0))
        return np.asarray(self.scale * (found + self.bias))

    def prune(self, keep: float) -> Self:
        """The features with the largest weights."""
        sizes = np.linalg.norm(self.weights * self.rarity[:, None], axis=1)
        kept = np.sort(np.argsort(-sizes, kind="stable")[: round(keep * len(sizes))])
        return replace(self, buckets=self.buckets[kept], rarity=self.rarity[kept], weights=self.weights[kept])

    def fit_to(self, split: TextSplit) -> Self:
        """Fitted to the training rows of another split, with the same scale."""
        return replace(_fit(type(self), split), scale=self.scale)


class Words(Machine):
    """See the module; of words."""

    most = 400_000_000

    @staticmethod
    def count(texts: list[str], threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return count_hashed_words([normalise(text) for text in texts], BITS, threads)


class Characters(Machine):
    """See the module; of n-grams of characters."""

    most = 25_000_000

    @staticmethod
    def count(texts: list[str], threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _native.character_counts([compose(text) for text in texts], LONGEST, BITS, threads)


def read_texts(inputs: TokenInputs) -> list[str]:
    """The texts of inputs that have them."""
    assert inputs.texts is not None
    found: list[str] = inputs.texts.tolist()
    return found


AnyMachine = TypeVar("AnyMachine", bound=Machine)


def fit_machine(kind: type[AnyMachine], split: TextSplit) -> AnyMachine:
    """Fit one of the kinds; the scale of its logits minimises the loss of the validation rows."""
    model, validation = _fit(kind, split), split.validation
    outputs, loss = model.predict(validation.inputs), split.features.target.loss
    scale = find_scale(outputs, validation.targets, loss, validation.weights)
    return replace(model, scale=np.array([scale]))


def _fit(kind: type[AnyMachine], split: TextSplit) -> AnyMachine:
    """Scores in place of logits."""
    texts, outputs, threads = read_texts(split.train.inputs), split.features.target.outputs, count_threads(0)
    documents = np.zeros(2**BITS, np.int64)
    for first in range(0, len(texts), CHUNK):
        documents += np.bincount(kind.count(texts[first : first + CHUNK], threads)[0], minlength=2**BITS)
    buckets = np.flatnonzero(documents >= (2 if len(texts) >= MANY_TEXTS else 1))
    most = MOST_WEIGHTS // outputs
    if len(buckets) > most:
        buckets = np.sort(buckets[np.argsort(-documents[buckets], kind="stable")[:most]])
    rarity = (np.log((1 + len(texts)) / (1 + documents[buckets])) + 1).astype(np.float32)
    weights, bias = np.zeros((len(buckets), outputs), np.float32), np.zeros(outputs, np.float32)
    model = kind(split.features, buckets.astype(np.int32), rarity, weights, bias, np.ones(1))
    inside, weighed = np.ascontiguousarray(members(split).T, np.uint8), split.train.weights
    ones = np.ones((len(texts), 1)) if weighed is None else weighed
    costs = np.ascontiguousarray(COST * ones.T, np.float32)
    _native.linear_machines(*model.rows(texts), inside, costs, TOLERANCE, PASSES, 0, weights, bias, threads)
    return model
