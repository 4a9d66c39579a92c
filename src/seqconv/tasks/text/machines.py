"""Linear support vector machines on the words of texts, and on their n-grams of characters; both are hashed. For
numbers they are ridge regressions.

A feature is a word, as `vocabulary.split` finds it, or an n-gram of 1 to 5 characters of the text in lower case,
between spaces and with a single space for white space within; a space alone is none. Its bucket follows from the bytes
b of its UTF-8: h = 0, then h = (h + b + 1) * MULTIPLIER modulo 2^64 for each; the bucket is h ^ (h >> 32) modulo 2^22.

Of words this is the classifier that is hard to beat for long texts; n-grams of characters know parts of words, so that
typing errors, endings and compounds cost little.
"""

import re
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np

from seqconv import _native
from seqconv.networks.graphs.graph import integers
from seqconv.networks.inputs import TokenInputs
from seqconv.networks.layers.tokens import MULTIPLIER
from seqconv.networks.threads import count_threads
from seqconv.tasks.baselines import BaselineModel, Stored
from seqconv.tasks.growth import widen_outputs
from seqconv.tasks.stacking import find_scale
from seqconv.tasks.text.features import TextFeatures, TextSplit
from seqconv.tasks.text.unicode import compose, locate_composed, normalise
from seqconv.tasks.text.vocabulary import count_hashed_words, locate_words, split

BITS = 22  # 4 million buckets
LONGEST = 5  # characters of an n-gram
COST = 1.0  # of a row's loss, next to the squared length of the weights
TOLERANCE, PASSES = 0.1, 100  # of the solver, as LIBLINEAR's -e; most machines need about ten passes
PRECISION = 1e-3  # of regressions: standard deviations that a row's residual may be off
MOST_WEIGHTS = 2**25  # of all outputs together
MOST_MEMBERS = 2**26  # rows times classes that are solved for at once
MANY_TEXTS = 2000  # from which on a feature must occur in two of them
CHUNK = 10_000  # texts that are predicted together


_PIECE = re.compile("[^ \t-\r]+")


def hash_feature(feature: str) -> int:
    """Its bucket; the native core counts by the same rule."""
    found = 0
    for byte in feature.encode():
        found = (found + byte + 1) * MULTIPLIER & (1 << 64) - 1
    return (found ^ found >> 32) & (1 << BITS) - 1


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

    def extend(self, columns: np.ndarray, values: np.ndarray) -> "Rows":
        """The rows with K more entries at the end of each, int32 and float32 `[N, K]`."""
        count = columns.shape[1]
        offsets = self.offsets + count * np.arange(len(self.offsets))
        last = offsets[1:, None] - count + np.arange(count)
        first = np.ones(offsets[-1], bool)
        first[last] = False
        found = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
        for whole, own, more in zip(found, (self.columns, self.values), (columns, values), strict=True):
            whole[first], whole[last] = own, more
        return Rows(*found, offsets)


@dataclass(frozen=True)
class Machine(BaselineModel[TextFeatures, TokenInputs]):
    """A linear function, for each output, of 1 + log(count) times the inverse document frequency of hashed features.

    Args:
        buckets: the known features, ascending, int32 `[F]`.
        rarity: inverse document frequency of each, `[F]`.
        weights, bias: of the machines, `[F + G, outputs]` and `[outputs]`; the last G are of columns next to the text.
        scale: the factor that makes logits of their scores.
    """

    features: TextFeatures
    buckets: Annotated[np.ndarray, Stored(np.int32, "F", 0, 2**BITS - 1)]
    rarity: Annotated[np.ndarray, Stored(np.float32, "F", 0)]
    weights: Annotated[np.ndarray, Stored(np.float32, "W outputs")]
    bias: Annotated[np.ndarray, Stored(np.float32, "outputs")]
    scale: Annotated[np.ndarray, Stored(np.float64, "1", 0)]
    reads: ClassVar[str]  # its features, by their name in graphs
    most: ClassVar[int]  # characters of all training texts together
    most_products: ClassVar[int]  # the same times the number of outputs, which is what a fit takes

    @staticmethod
    @abstractmethod
    def count(texts: list[str], threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The distinct buckets of each text, ascending, how often each occurs, and the offsets of the texts."""

    @staticmethod
    @abstractmethod
    def locate(text: str) -> list[tuple[str, int, int]]:
        """Every occurrence of a feature in a text, in lower case, and the characters that it spans."""

    def explain(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """What each occurrence of a known feature in a text adds to the logits, `[F, outputs]`, and the characters that
        it spans, int64 `[F, 2]`; the bias is the rest."""
        found = [(hash_feature(name), start, end) for name, start, end in self.locate(text)]
        buckets = np.array([bucket for bucket, _, _ in found], np.int32)
        spans = np.array([span for _, *span in found], np.int64).reshape(-1, 2)
        rows = self.rows([text])
        place = np.searchsorted(rows.columns, np.searchsorted(self.buckets, buckets))
        known = np.isin(buckets, self.buckets[rows.columns])
        place, times = place[known], np.bincount(place[known], minlength=len(rows.columns))
        each = (rows.values / np.maximum(times, 1))[:, None] * self.weights[rows.columns].astype(np.float64)
        return self.scale * each[place], spans[known]

    def explain_columns(self, inputs: TokenInputs) -> np.ndarray:
        """What each slot of the columns next to a single text adds to the logits, `[slots, outputs]`."""
        rows = self.add_columns(Rows(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(2, np.int64)), inputs)
        each = self.scale * rows.values[:, None] * self.weights[rows.columns].astype(np.float64)
        slots = self.features.columns.read
        found, numbers = each[: len(slots)].copy(), np.flatnonzero([slot.is_number for slot in slots])
        found[numbers] += each[len(slots) :]
        return np.asarray(found)

    def check(self) -> None:
        if (np.diff(self.buckets) <= 0).any():
            raise ValueError("buckets must ascend; they do not")
        if len(self.weights) != len(self.buckets) + self.features.columns.features:
            raise ValueError(f"weights must be of buckets and columns; got {len(self.weights)}")

    def rows(self, texts: list[str]) -> Rows:
        """The known features of texts."""
        return self.weigh(*self.count(texts, count_threads(0)))

    def weigh(self, buckets: np.ndarray, times: np.ndarray, offsets: np.ndarray) -> Rows:
        """The same from what `count` counts."""
        places = np.searchsorted(self.buckets, buckets).astype(np.int32)
        known = np.append(self.buckets, np.int32(-1))[places] == buckets
        columns = places[known]
        values = (1 + np.log(times[known].astype(np.float32))) * self.rarity[columns]
        sizes = np.add.reduceat(np.append(known, False).astype(np.int64), offsets[:-1]) * (np.diff(offsets) > 0)
        kept = np.concatenate([[0], np.cumsum(sizes)])
        of_text = np.repeat(np.arange(len(sizes)), sizes)
        lengths = np.sqrt(np.bincount(of_text, values.astype(np.float64) ** 2, len(sizes)))
        return Rows(columns, (values / np.maximum(lengths, 1e-12)[of_text]).astype(np.float32), kept)

    def add_columns(self, rows: Rows, inputs: TokenInputs) -> Rows:
        """The rows with the features of columns next to the texts: 1 for each of their tokens, and their numbers."""
        columns = self.features.columns
        if inputs.numbers is None or not inputs.tokens:
            return rows
        tokens = inputs.ids[:, -inputs.tokens :] - len(self.features.words)
        places = np.broadcast_to(columns.tokens + np.arange(columns.numbers), inputs.numbers.shape)
        own = np.concatenate([tokens.clip(0), places], axis=1) + len(self.buckets)
        values = np.concatenate([np.ones(tokens.shape, np.float32), inputs.numbers], axis=1)
        return rows.extend(own.astype(np.int32), values)

    def predict(self, inputs: TokenInputs) -> np.ndarray:
        texts = read_texts(inputs)
        found = np.zeros((len(texts), len(self.bias)), np.float32)
        for first in range(0, len(texts), CHUNK):
            own = slice(first, first + CHUNK)
            rows = self.add_columns(self.rows(texts[own]), inputs.take(own))
            _native.sparse_product(*rows, self.weights, found[own], count_threads(0))
        return np.asarray(self.scale * (found + self.bias))

    def draw(self, inputs: Any) -> str:
        graph, (buckets, times) = inputs.graph, inputs.read_hashed(self.reads)
        place, known = graph.search(self.buckets.astype(np.int64), buckets)
        often = graph.add("Add", graph.add("Log", graph.cast(times, np.float32)), np.float32(1))
        values = graph.add("Mul", often, graph.add("Gather", self._pad(self.rarity), place, axis=0))
        values = graph.cast(graph.add("Where", known, values, np.float32(0)), np.float64)
        length = graph.add("Sqrt", graph.reduce("ReduceSum", graph.add("Mul", values, values), 1, keep=True))
        unit = graph.add(
            "Unsqueeze", graph.add("Div", values, graph.add("Max", length, np.float64(1e-12))), integers(2)
        )
        weights = graph.cast(graph.add("Gather", self._pad(self.weights), place, axis=0), np.float64)
        found = graph.reduce("ReduceSum", graph.add("Mul", unit, weights), 1)
        if self.features.columns.read:
            found = graph.add("Add", found, self._draw_columns(inputs))
        added: str = graph.add("Add", graph.add("Mul", found, self.scale), self.scale * self.bias)
        return added

    def _draw_columns(self, inputs: Any) -> str:
        """What the columns next to the texts add to the scores, float64 `[B, outputs]`."""
        graph, columns = inputs.graph, self.features.columns
        of_tokens, of_numbers = np.split(self.weights[len(self.buckets) :].astype(np.float64), [columns.tokens])
        token = graph.add("Max", graph.add("Sub", inputs.columns, np.int64(len(self.features.words))), np.int64(0))
        added: str = graph.reduce("ReduceSum", graph.add("Gather", of_tokens, token, axis=0), 1)
        if not columns.numbers:
            return added
        numbers = graph.cast(inputs.read_numbers(), np.float64)
        return str(graph.add("Add", added, graph.add("MatMul", numbers, of_numbers)))

    @staticmethod
    def _pad(values: np.ndarray) -> np.ndarray:
        """At least one row, for features that are not known."""
        return values if len(values) else np.zeros((1, *values.shape[1:]), values.dtype)

    def prune(self, keep: float) -> Self:
        """The features with the largest weights."""
        own, rest = np.split(self.weights, [len(self.buckets)])
        sizes = np.linalg.norm(own * self.rarity[:, None], axis=1)
        kept = np.sort(np.argsort(-sizes, kind="stable")[: round(keep * len(sizes))])
        weights = np.concatenate([own[kept], rest])
        return replace(self, buckets=self.buckets[kept], rarity=self.rarity[kept], weights=weights)

    def fit_to(self, split: TextSplit) -> Self:
        """Fitted to the training rows of another split, with the same scale."""
        return replace(_fit(type(self), split), scale=self.scale)

    def go_on(self, split: TextSplit, rows: int) -> Self:
        """Fitted to newer texts, drawn to the weights of before: the more so, the more of the old texts had a feature.

        The penalty of leaving a weight is the curvature that the loss of the old texts had along it, if each was inside
        the margin: 1 + 2 COST times the sum of the feature's squares over these texts.

        Reference: Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks", PNAS 114.
        """
        counted = self.count(read_texts(split.train.inputs), count_threads(0))
        model, known = self._grow(split, _choose(counted[0], len(split.train.inputs), len(self.bias)))
        x = model.add_columns(model.weigh(*counted), split.train.inputs)
        squares = np.bincount(x.columns, x.values.astype(np.float64) ** 2, len(model.weights))
        mean = squares / np.maximum(np.bincount(x.columns, minlength=len(model.weights)), 1)
        often = np.zeros(len(model.weights))  # texts of before that had the feature
        often[: len(known)] = rows * np.exp(1 - model.rarity) * known
        size = np.sqrt(1 + 2 * COST * often * mean)
        weights = np.ascontiguousarray(model.weights * size[:, None], np.float32)
        values = (x.values / size[x.columns]).astype(np.float32)
        bias = model.bias.copy()
        _solve(x._replace(values=values), split, weights, bias)
        return replace(model, weights=_round(weights / size[:, None]), bias=bias)

    def _grow(self, split: TextSplit, buckets: tuple[np.ndarray, np.ndarray]) -> tuple[Self, np.ndarray]:
        """The model with the features and classes of newer texts too, which count nothing yet, and which features it
        had, bool `[F]`.

        Args:
            buckets: of the newer texts, with their inverse document frequencies among these.
        """
        found, rarity = buckets
        fresh = ~np.isin(found, self.buckets)
        both = np.concatenate([self.buckets, found[fresh]])
        order = np.argsort(both, kind="stable")
        outputs, own = split.features.target.outputs, len(self.buckets)
        weights = widen_outputs(self.weights, outputs)
        words = np.concatenate([weights[:own], np.zeros((int(fresh.sum()), outputs), np.float32)])[order]
        single = len(self.bias) == 1 and outputs > 1  # whose score becomes those of two machines
        model = type(self)(
            split.features,
            both[order].astype(np.int32),
            np.concatenate([self.rarity, rarity[fresh]])[order],
            np.concatenate([words, weights[own:]]) * np.float32(1 + single),
            widen_outputs(self.bias, outputs) * np.float32(1 + single),
            self.scale / (1 + single),
        )
        return model, order < own


class Words(Machine):
    """See the module; of words."""

    reads = "words"
    most = 400_000_000
    most_products = 30_000_000_000

    @staticmethod
    def count(texts: list[str], threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return count_hashed_words([normalise(text) for text in texts], BITS, threads)

    @staticmethod
    def locate(text: str) -> list[tuple[str, int, int]]:
        return [(word, *span) for word, span in zip(split(text), locate_words(text), strict=True)]


class Characters(Machine):
    """See the module; of n-grams of characters."""

    reads = "characters"
    most = 25_000_000
    most_products = 1_000_000_000

    @staticmethod
    def count(texts: list[str], threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _native.character_counts([compose(text) for text in texts], LONGEST, BITS, threads)

    @staticmethod
    def locate(text: str) -> list[tuple[str, int, int]]:
        composed, begins, ends = locate_composed(text)
        lowered = composed.lower()
        if len(lowered) > len(composed):  # some letters become two in lower case (U+0130)
            place = [number for number, letter in enumerate(composed) for _ in letter.lower()]
            begins, ends = ([every[number] for number in place] for every in (begins, ends))
        pieces = [(found[0], found.start()) for found in _PIECE.finditer(lowered)]
        tidy = f" {' '.join(piece for piece, _ in pieces)} " if pieces else " "
        places = [-1, *(at for piece, start in pieces for at in (*range(start, start + len(piece)), -1))]
        found = []
        for first in range(len(tidy)):
            for last in range(first + 1, min(first + LONGEST, len(tidy)) + 1):
                seen = [place for place in places[first:last] if place >= 0]
                if seen:
                    found.append((tidy[first:last], begins[seen[0]], ends[seen[-1]]))
        return found


HASHED: dict[str, type[Machine]] = {kind.reads: kind for kind in (Words, Characters)}


def describe_hashes() -> dict[str, int | str]:
    """The constants of `hash_feature`, and the longest n-gram of characters; the multiplier has too many digits for a
    number of JSON."""
    return {"multiplier": str(MULTIPLIER), "bits": BITS, "longest": LONGEST}


def read_texts(inputs: TokenInputs) -> list[str]:
    """The texts of inputs that have them."""
    assert inputs.texts is not None
    found: list[str] = inputs.texts.tolist()
    return found


AnyMachine = TypeVar("AnyMachine", bound=Machine)


def fit_machine(kind: type[AnyMachine], split: TextSplit) -> AnyMachine:
    """Fit one of the kinds; the scale of its logits minimises the loss of the validation rows, numbers need none."""
    model, validation = _fit(kind, split), split.validation
    if not split.features.target.fits_classes:
        return model
    outputs, loss = model.predict(validation.inputs), split.features.target.loss
    scale = find_scale(outputs, validation.targets, loss, validation.weights)
    return replace(model, scale=np.array([scale]))


def _fit(kind: type[AnyMachine], split: TextSplit) -> AnyMachine:
    """Scores in place of logits."""
    texts, outputs, threads = read_texts(split.train.inputs), split.features.target.outputs, count_threads(0)
    counted = kind.count(texts, threads)
    buckets, rarity = _choose(counted[0], len(texts), outputs)
    height = len(buckets) + split.features.columns.features
    weights, bias = np.zeros((height, outputs), np.float32), np.zeros(outputs, np.float32)
    model = kind(split.features, buckets.astype(np.int32), rarity, weights, bias, np.ones(1))
    _solve(model.add_columns(model.weigh(*counted), split.train.inputs), split, weights, bias)
    return replace(model, weights=_round(weights))


def _list_members(split: TextSplit, outputs: slice) -> np.ndarray:
    """Which training rows belong to the classes of these outputs, uint8 `[outputs, N]`."""
    target: Any = split.features.target
    targets = np.asarray(split.train.targets)
    pieces = (targets[first : first + CHUNK] for first in range(0, len(targets), CHUNK))
    found = np.concatenate([target.members(each)[:, outputs] for each in pieces])
    return np.ascontiguousarray(found.T, np.uint8)


def _round(weights: np.ndarray) -> np.ndarray:
    """Weights as 16 bits hold them, so that a bundle takes no more; float32."""
    most = np.finfo(np.float16).max
    return np.asarray(np.clip(weights, -most, most).astype(np.float16), np.float32)


def _choose(buckets: np.ndarray, texts: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """The buckets that are features, ascending, and their inverse document frequencies.

    Args:
        buckets: the distinct ones of each text.
    """
    documents = np.bincount(buckets, minlength=2**BITS)
    found = np.flatnonzero(documents >= (2 if texts >= MANY_TEXTS else 1))
    most = MOST_WEIGHTS // outputs
    if len(found) > most:
        found = np.sort(found[np.argsort(-documents[found], kind="stable")[:most]])
    return found, (np.log((1 + texts) / (1 + documents[found])) + 1).astype(np.float32)


def _solve(rows: Rows, split: TextSplit, weights: np.ndarray, bias: np.ndarray) -> None:
    """Fit machines or regressions to training rows, drawn to the weights and bias that are given, in place."""
    weighed, threads = split.train.weights, count_threads(0)
    ones = np.ones((len(split.train.targets), 1)) if weighed is None else weighed
    costs = np.ascontiguousarray(COST * ones.T, np.float32)
    if split.features.target.fits_classes:
        for first in range(0, len(bias), each := max(MOST_MEMBERS // len(split.train.targets), threads)):
            own = slice(first, first + each)  # the members of thousands of classes would take as much as all else
            fitted, ends = np.ascontiguousarray(weights[:, own]), bias[own].copy()
            inside, costly = _list_members(split, own), costs[own] if len(costs) > 1 else costs
            _native.linear_machines(*rows, inside, costly, TOLERANCE, PASSES, first, fitted, ends, threads)
            weights[:, own], bias[own] = fitted, ends
    else:
        targets = np.ascontiguousarray(np.asarray(split.train.targets).T, np.float32)
        _native.linear_regressions(*rows, targets, costs, PRECISION, PASSES, 0, weights, bias, threads)
