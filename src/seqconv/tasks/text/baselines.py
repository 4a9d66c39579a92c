"""Text baselines: linear classifiers on counts of words and word pairs."""

import warnings
from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, NamedTuple, Self, TypeVar

import numpy as np

from seqconv.networks.graphs.graph import Graph
from seqconv.networks.inputs import UNKNOWN, TokenInputs
from seqconv.networks.losses import example_losses
from seqconv.tasks.baselines import (
    NO_CLASSES,
    SIMPLEST,
    BaselineKind,
    BaselineModel,
    Candidate,
    Fit,
    Say,
    Stored,
    list_simplest,
    members,
    thin_part,
)
from seqconv.tasks.text.features import TextFeatures, TextSplit
from seqconv.tasks.text.machines import Characters, Machine, Words, fit_machine

FIRST_WORD = UNKNOWN  # padding and start are not words; the unknown word is one, as for the network
CHUNK = 1000
MOST_TEXTS = 100_000
MOST_WORDS = 30_000_000  # number of words times number of fits, of one baseline
MOST_TRIALS = (
    20  # number of classifiers up to which every penalty is tried, and they are fitted without being asked for
)
PENALTIES = 3


def list_baselines(split: TextSplit, say: Say) -> list[Candidate]:
    """The baselines; large data sets are thinned, which `say` reports.

    Of many classes the machines alone are fitted unless others are asked for: they take a fraction of the time.
    """
    words = sum(int(np.sum(ids >= FIRST_WORD)) for ids in _chunks(split.train.inputs))
    count, classifiers = len(split.train.targets), split.features.target.outputs
    fits = classifiers * (1 if classifiers > MOST_TRIALS else PENALTIES)
    most = max(min(int(count * MOST_WORDS / max(words * fits, 1)), MOST_TEXTS), 1)
    few = replace(split, train=thin_part(split.train, most), validation=thin_part(split.validation))
    usual = classifiers <= MOST_TRIALS or split.train.inputs.texts is None
    classes = split.features.target.fits_classes
    kinds = ("logistic regression", "SVM") if classes else ("ridge regression", "ridge")
    linear = [
        Candidate("tf-idf", f"TF-IDF + {kinds[0]}", partial(fit_tf_idf, few), usual),
        Candidate("nb-svm", "NB-SVM", partial(fit_nb_svm, few) if classes else NO_CLASSES, usual and classes),
    ]
    if most < count and usual:
        names = ", ".join(each.name for each in linear if each.usual)
        say(f"{names}: fitted on {most:,} of the {count:,} training texts")
    machines = [
        Candidate("words", f"{kinds[1]} on words", _fit_later(Words, split)),
        Candidate("characters", f"{kinds[1]} on characters", _fit_later(Characters, split)),
    ]
    return [*list_simplest(split), *linear, *machines]


def _fit_later(kind: type[Machine], split: TextSplit) -> Fit | str:
    """How to fit a machine, or why it is left out."""
    if split.train.inputs.texts is None:
        return "the texts are word ranks"
    size = sum(map(len, split.train.inputs.texts))
    outputs = split.features.target.outputs
    most = min(kind.most, kind.most_products // outputs)
    if size > most:
        of = f" for {outputs:,} outputs" if most < kind.most else ""
        return f"{size / 1e6:,.1f} million characters are more than the {most / 1e6:,.1f} million it may take{of}"
    return partial(fit_machine, kind, split)


class Counts(NamedTuple):
    """Sparse counts: text n contains `columns[starts[n]:starts[n + 1]]`, each `times` times."""

    columns: np.ndarray
    times: np.ndarray
    starts: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The text of each entry."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@dataclass(frozen=True)
class Linear(BaselineModel[TextFeatures, TokenInputs]):
    """A linear classifier for each output, on weighted counts in rows of unit length.

    Args:
        pairs: codes of the word pairs that are counted, in columns after the words, ascending, int64 `[P]`.
        scales: weights of the columns, `[1, F]`, or `[outputs, F]` if they differ by class.
        weights, bias: of the classifiers, `[outputs, F]` and `[outputs]`.
    """

    features: TextFeatures
    pairs: Annotated[np.ndarray, Stored(np.int64, "P", 0)]
    scales: Annotated[np.ndarray, Stored(np.float64, "scales F")]
    weights: Annotated[np.ndarray, Stored(np.float64, "outputs F")]
    bias: Annotated[np.ndarray, Stored(np.float64, "outputs")]

    def check(self) -> None:
        if len(self.scales) not in (1, len(self.weights)):
            raise ValueError(f"scales must have 1 row or {len(self.weights)}; got {len(self.scales)}")
        if self.words < 0 or (np.diff(self.pairs) <= 0).any() or (self.pairs >= self.words**2).any():
            raise ValueError(f"pairs must be ascending pairs of {self.words} words; they are not")

    def times(self, factor: float) -> Self:
        return replace(self, weights=factor * self.weights, bias=factor * self.bias)

    @staticmethod
    @abstractmethod
    def weigh(counts: Counts) -> np.ndarray:
        """Values of words and pairs before the weights of their columns."""

    @staticmethod
    @abstractmethod
    def draw_values(graph: Graph, counts: str) -> str:
        """The same as operators of ONNX, for counts of every column, at least 1, float64 `[B, F]`."""

    @property
    def words(self) -> int:
        """Number of columns for single words, which are their ids."""
        return int(self.scales.shape[1]) - len(self.pairs)

    def count(self, ids: np.ndarray) -> Counts:
        """The words, and the known pairs of neighbouring words, of texts `[N, L]`."""
        return count_columns(find_columns(ids, self.words, self.pairs))

    def scaled(self, counts: Counts, scales: np.ndarray) -> np.ndarray:
        """Values of the counts for a classifier whose columns have these weights `[F]`."""
        values, rows = self.weigh(counts) * scales[counts.columns], counts.rows
        lengths = np.sqrt(np.bincount(rows, values**2, len(counts.starts) - 1))
        return np.asarray(values / np.maximum(lengths, 1e-12)[rows])

    def answer(self, counts: Counts) -> np.ndarray:
        """Logits `[N, outputs]`."""
        rows, margins = counts.rows, np.empty((len(counts.starts) - 1, len(self.weights)))
        scales = np.broadcast_to(self.scales, self.weights.shape)
        for output, weights in enumerate(self.weights):
            if output < len(self.scales):  # a single row serves all classes
                values = self.scaled(counts, scales[output])
            margins[:, output] = np.bincount(rows, values * weights[counts.columns], len(margins)) + self.bias[output]
        # log of each class's own probability; softmax then only normalises them
        return -np.logaddexp(0, -margins) if self.features.target.loss == "categorical_crossentropy" else margins

    def predict(self, inputs: TokenInputs) -> np.ndarray:
        return np.concatenate([self.answer(self.count(ids)) for ids in _chunks(inputs)])

    def draw(self, inputs: Any) -> str:
        graph, one = inputs.graph, np.float64(1)
        counts = draw_counts(graph, inputs.network, self.words, self.pairs)
        seen = graph.cast(graph.add("Greater", counts, np.float64(0)), np.float64)
        values = graph.add("Mul", self.draw_values(graph, graph.add("Max", counts, one)), seen)
        squares = graph.add("MatMul", graph.add("Mul", values, values), np.square(self.scales).T)
        length = graph.add("Max", graph.add("Sqrt", squares), np.float64(1e-12))
        total = graph.add("MatMul", values, (self.scales * self.weights).T)
        margins: str = graph.add("Add", graph.add("Div", total, length), self.bias)
        if self.features.target.loss != "categorical_crossentropy":
            return margins
        tail = graph.add("Log", graph.add("Add", graph.add("Exp", graph.add("Neg", graph.add("Abs", margins))), one))
        logs: str = graph.add("Sub", graph.add("Min", margins, np.float64(0)), tail)
        return logs


class TfIdf(Linear):
    """Logistic regression on single words: 1 + log(count), times the inverse document frequency."""

    @staticmethod
    def weigh(counts: Counts) -> np.ndarray:
        return np.asarray(1 + np.log(counts.times))

    @staticmethod
    def draw_values(graph: Graph, counts: str) -> str:
        return graph.add("Add", graph.add("Log", counts), np.float64(1))


class NbSvm(Linear):
    """A linear classifier on words and pairs that occur, each weighted by its log-count ratio."""

    @staticmethod
    def weigh(counts: Counts) -> np.ndarray:
        return np.ones(len(counts.columns))

    @staticmethod
    def draw_values(graph: Graph, counts: str) -> str:
        return graph.add("Min", counts, np.float64(1))


def fit_tf_idf(split: TextSplit) -> TfIdf:
    """See `TfIdf`."""
    features, blank = split.features, np.zeros((1, _count_ids(split)))
    model = TfIdf(features, np.zeros(0, np.int64), blank, blank[:0], blank[:0, 0])
    words = _count(model, split.train.inputs)
    documents = np.bincount(words.columns, minlength=model.words)
    rarity = np.log((1 + len(split.train.inputs)) / (1 + documents)) + 1
    return _fit_linear(replace(model, scales=rarity[None]), words, split, (1.0, 3.0, 10.0))


def fit_nb_svm(split: TextSplit) -> NbSvm:
    """See `NbSvm`.

    The ratio compares the relative frequency of a feature inside and outside the class, with add-one smoothing. The
    classifier is logistic regression, which does as well here as a support vector machine and also gives a loss.

    Reference: Wang and Manning 2012, "Baselines and bigrams", ACL, section 2; pairs seen once in training are left out.
    """
    words = _count_ids(split)
    pairs = find_pairs(split.train.inputs, words)
    blank = np.zeros((1, words + len(pairs)))
    model = NbSvm(split.features, pairs, blank, blank[:0], blank[:0, 0])
    counts = _count(model, split.train.inputs)

    def count_texts(chosen: np.ndarray) -> np.ndarray:
        return 1.0 + np.bincount(counts.columns[chosen[counts.rows]], minlength=blank.shape[1])

    ratios = []
    for is_class in members(split).T:
        inside, outside = count_texts(is_class), count_texts(~is_class)
        ratios.append(np.log(inside / inside.sum()) - np.log(outside / outside.sum()))
    return _fit_linear(replace(model, scales=np.stack(ratios)), counts, split, (3.0, 10.0, 30.0))


# Counts


def _chunks(inputs: TokenInputs) -> list[np.ndarray]:
    ids = inputs.ids
    return [ids[first : first + CHUNK] for first in range(0, max(len(ids), 1), CHUNK)]


def _count_ids(split: TextSplit) -> int:
    """Number of ids: the largest plus one."""
    parts = (split.train, split.validation, split.test)
    return 1 + max(int(ids.max(initial=0)) for part in parts for ids in _chunks(part.inputs))


def _count(model: Linear, inputs: TokenInputs) -> Counts:
    parts = [model.count(ids) for ids in _chunks(inputs)]
    columns, times = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    sizes = np.concatenate([np.diff(part.starts) for part in parts])
    return Counts(columns, times, np.concatenate([[0], np.cumsum(sizes)]))


def count_columns(columns: np.ndarray) -> Counts:
    """How often each column occurs in each row of `[N, L]`; those below `FIRST_WORD` are ignored."""
    columns = np.sort(columns, axis=1)
    kept = columns >= FIRST_WORD
    flat, starts = columns[kept], np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    first = np.ones(len(flat) + 1, bool)  # of a run of equal values; the last entry is the end
    first[1:-1] = flat[1:] != flat[:-1]
    first[starts] = True
    places = np.flatnonzero(first)
    return Counts(flat[places[:-1]], np.diff(places), np.searchsorted(places, starts))


def _number_pairs(ids: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Where two words are adjacent, bool `[N, L - 1]`, and a code for each such pair."""
    is_word = (ids >= FIRST_WORD) & (ids < words)
    is_pair = is_word[:, :-1] & is_word[:, 1:]
    return is_pair, ids[:, :-1][is_pair].astype(np.int64) * words + ids[:, 1:][is_pair]


def find_pairs(inputs: TokenInputs, words: int) -> np.ndarray:
    """Codes of the pairs that occur at least twice in the texts, ascending."""
    codes = np.concatenate([_number_pairs(ids, words)[1] for ids in _chunks(inputs)])
    distinct, times = np.unique(codes, return_counts=True)
    return np.asarray(distinct[times >= 2])


def find_columns(ids: np.ndarray, words: int, pairs: np.ndarray) -> np.ndarray:
    """Columns of the words, then of the known pairs, of texts `[N, L]`; 0 for those without one."""
    singles = np.where(ids < words, ids, 0)
    if not len(pairs):
        return singles
    is_pair, codes = _number_pairs(ids, words)
    place = np.searchsorted(pairs, codes)
    doubles = np.zeros_like(ids[:, 1:])
    doubles[is_pair] = np.where(np.append(pairs, -1)[place] == codes, words + place, 0)
    return np.concatenate([singles, doubles], axis=1)


def draw_counts(graph: Graph, ids: str, words: int, pairs: np.ndarray) -> str:
    """How often each column of `find_columns` occurs, as operators of ONNX, float64 `[B, words + len(pairs)]`."""
    zero = np.int64(0)
    known = graph.add(
        "And", graph.add("GreaterOrEqual", ids, np.int64(FIRST_WORD)), graph.add("Less", ids, np.int64(words))
    )
    columns = graph.add("Where", known, ids, zero)
    if len(pairs):
        both = graph.add("And", graph.cut(known, 1, 0, -1), graph.cut(known, 1, 1))
        codes = graph.add("Add", graph.add("Mul", graph.cut(ids, 1, 0, -1), np.int64(words)), graph.cut(ids, 1, 1))
        place, found = graph.search(pairs, codes)
        doubles = graph.add("Where", graph.add("And", both, found), graph.add("Add", place, np.int64(words)), zero)
        columns = graph.join([columns, doubles], 1)
    one = graph.cast(graph.add("GreaterOrEqual", columns, np.int64(FIRST_WORD)), np.float32)
    blank = graph.cast(graph.repeat(np.zeros(words + len(pairs)), ids), np.float32)
    return graph.cast(graph.add("ScatterElements", blank, columns, one, axis=1, reduction="add"), np.float64)


# Classifiers

AnyLinear = TypeVar("AnyLinear", TfIdf, NbSvm)


def _fit_linear(model: AnyLinear, train: Counts, split: TextSplit, strengths: tuple[float, ...]) -> AnyLinear:
    """The model with a logistic regression for each output, or a ridge regression of a number; the penalty has the
    smallest validation error.

    Args:
        model: without classifiers.
        train: counts of the training texts.
        strengths: inverse penalties, the strongest penalty first, which also wins ties. With many classes only the
            middle one is used.
    """
    target = split.features.target
    classes = members(split).T if target.fits_classes else np.asarray(split.train.targets, np.float64).T
    judged, judging = _count(model, split.validation.inputs), split.validation.example_weights
    tried = strengths if len(classes) <= MOST_TRIALS else strengths[len(strengths) // 2 :][:1]
    found: dict[float, list[tuple[np.ndarray, float]]] = {strength: [] for strength in tried}
    columns, weights = model.scales.shape[1], split.train.weights
    fit = _fit_logistic if target.fits_classes else _fit_ridge
    for output, scales in enumerate(np.broadcast_to(model.scales, (len(classes), columns))):
        is_class = classes[output]
        values = model.scaled(train, scales)
        own = None if weights is None else weights[:, min(output, weights.shape[1] - 1)]
        for strength in tried:
            found[strength].append(fit(train, values, columns, is_class, strength, own))

    def complete(strength: float) -> AnyLinear:
        weights, bias = zip(*found[strength], strict=True)
        return replace(model, weights=np.stack(weights), bias=np.array(bias))

    def error(strength: float) -> float:
        outputs = complete(strength).answer(judged)
        measure = example_losses if target.tunes else target.errors  # until there are thresholds, answers say little
        errors = measure(outputs, split.validation.targets, target.loss)
        return float(errors.mean() if judging is None else np.average(errors, weights=judging))

    return complete(min(tried, key=error))


def _fit_logistic(
    train: Counts,
    values: np.ndarray,
    columns: int,
    is_class: np.ndarray,
    strength: float,
    weights: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    """Weights `[F]` and bias for weighted counts; `weights` are those of the examples, `[N]`."""
    from scipy.sparse import csr_matrix
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if is_class.all() or not is_class.any():  # a single class: the log odds of the smoothed counts
        return np.zeros(columns), float(np.log((is_class.sum() + 1) / ((~is_class).sum() + 1)))
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, tol=0.1, random_state=0)
    with warnings.catch_warnings():
        # a solver that reaches its iteration limit still gives a baseline; its scores show how good
        warnings.simplefilter("ignore", ConvergenceWarning)
        rows = csr_matrix((values, train.columns, train.starts), shape=(len(is_class), columns))
        model.fit(rows, is_class, weights)
    return np.asarray(model.coef_[0]), float(model.intercept_[0])


def _fit_ridge(
    train: Counts,
    values: np.ndarray,
    columns: int,
    numbers: np.ndarray,
    strength: float,
    weights: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    """The same of a ridge regression of scaled numbers `[N]`."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import Ridge

    rows = csr_matrix((values, train.columns, train.starts), shape=(len(numbers), columns))
    model = Ridge(1 / strength, solver="sparse_cg", tol=1e-4).fit(rows, numbers, weights)
    return np.asarray(model.coef_), float(model.intercept_)


BASELINES = {
    **SIMPLEST,
    "tf-idf": BaselineKind(TfIdf),
    "nb-svm": BaselineKind(NbSvm),
    "words": BaselineKind(Words),
    "characters": BaselineKind(Characters),
}
