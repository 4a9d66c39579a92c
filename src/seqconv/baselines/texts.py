"""Baselines for texts: linear classifiers on counted words and pairs of words."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from seqconv.baselines.common import Fit, Predict, Say, class_loss, guess_majority, members, thin_part
from seqconv.metrics import example_errors
from seqconv.splits import Part, Split
from seqconv.tokens import UNKNOWN, TokenInputs

FIRST_WORD = UNKNOWN  # padding and start are no words; an unknown word is one, as the network reads it too
CHUNK = 25_000  # texts whose words are counted at once
MOST_TEXTS = 100_000
MOST_WORDS = 30_000_000  # words times fits of a baseline
MOST_TRIALS = 20  # classifiers for which every penalty is tried
PENALTIES = 3

Sparse = Any  # scipy.sparse.csr_matrix: scipy is loaded only when a baseline needs it
Count = Callable[[np.ndarray], Sparse]  # ids [N, L] -> what is counted in each text
Weigh = Callable[[Sparse], Sparse]
Margins = Callable[[Sparse], np.ndarray]


def text_baselines(split: Split, say: Say) -> dict[str, Fit]:
    """The baselines by name; large data are thinned, which `say` hears."""
    words = sum(int(np.sum(ids >= FIRST_WORD)) for ids in _chunks(split.train))
    count, classifiers = len(split.train.targets), split.features.outputs
    fits = classifiers * (1 if classifiers > MOST_TRIALS else PENALTIES)
    most = max(min(int(count * MOST_WORDS / max(words * fits, 1)), MOST_TEXTS), 1)
    few = replace(split, train=thin_part(split.train, most), validation=thin_part(split.validation))
    linear: dict[str, Fit] = {name: partial(fit, few) for name, fit in LINEAR.items()}
    if most < count:
        say(f"{', '.join(linear)}: fitted on {most:,} of the {count:,} training texts")
    return {"majority class": partial(guess_majority, split), **linear}


def fit_tf_idf(split: Split) -> Predict:
    """Logistic regression on single words: 1 + log(count), times the inverse document frequency, unit rows."""
    count = partial(_count_words, width=_count_ids(split))
    words = _count(count, split.train)
    documents = np.bincount(words.indices, minlength=words.shape[1])
    rarity = np.log((1 + words.shape[0]) / (1 + documents)) + 1

    def weigh(counts: Sparse) -> Sparse:
        return _weigh(counts, 1 + np.log(counts.data), rarity)

    return _one_against_rest(split, lambda ids: weigh(count(ids)), lambda words, is_class: None, (1.0, 3.0, 10.0))


def fit_nb_svm(split: Split) -> Predict:
    """A linear classifier on words and pairs that occur, each weighted by its log-count ratio, unit rows.

    The ratio is of the feature's share in the class and outside it, each count with one more. The classifier is
    logistic regression, which does as well here as a support vector machine and gives a loss too.

    Reference: Wang and Manning 2012, "Baselines and bigrams", ACL, section 2; pairs seen once in training are left out.
    """

    def fit_weights(found: Sparse, is_class: np.ndarray) -> Weigh:
        inside, outside = (
            1.0 + np.bincount(found[chosen].indices, minlength=found.shape[1]) for chosen in (is_class, ~is_class)
        )
        ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        return lambda counts: _weigh(counts, 1.0, ratio)

    words = _count_ids(split)
    count = partial(_count_words_and_pairs, words=words, known=_find_pairs(split.train, words))
    return _one_against_rest(split, count, fit_weights, (3.0, 10.0, 30.0))


LINEAR: dict[str, Callable[[Split], Predict]] = {
    "TF-IDF + logistic regression": fit_tf_idf,
    "NB-SVM": fit_nb_svm,
}


# Counts


def _chunks(part: Part) -> list[np.ndarray]:
    assert isinstance(part.inputs, TokenInputs)
    ids = part.inputs.ids
    return [ids[first : first + CHUNK] for first in range(0, max(len(ids), 1), CHUNK)]


def _count_ids(split: Split) -> int:
    """One more than the largest id."""
    parts = (split.train, split.validation, split.test)
    return 1 + max(int(ids.max(initial=0)) for part in parts for ids in _chunks(part))


def _count(count: Count, part: Part) -> Sparse:
    from scipy.sparse import vstack

    return vstack([count(ids) for ids in _chunks(part)], format="csr")


def _count_words(ids: np.ndarray, width: int) -> Sparse:
    """How often each word occurs in each text, `[N, width]`."""
    is_word = (ids >= FIRST_WORD) & (ids < width)
    return _count_columns(ids[is_word], is_word.sum(axis=1), width)


def _count_columns(columns: np.ndarray, per_row: np.ndarray, width: int) -> Sparse:
    from scipy.sparse import csr_matrix

    starts = np.concatenate([[0], np.cumsum(per_row)])
    counts = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(per_row), width))
    counts.sum_duplicates()
    return counts


def _pairs(ids: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Where two words stand side by side, bool `[N, L - 1]`, and a number for each such pair."""
    is_word = (ids >= FIRST_WORD) & (ids < words)
    is_pair = is_word[:, :-1] & is_word[:, 1:]
    return is_pair, ids[:, :-1][is_pair].astype(np.int64) * words + ids[:, 1:][is_pair]


def _find_pairs(part: Part, words: int) -> np.ndarray:
    """Numbers of the pairs that the texts hold at least twice, rising."""
    codes = np.concatenate([_pairs(ids, words)[1] for ids in _chunks(part)])
    distinct, times = np.unique(codes, return_counts=True)
    return np.asarray(distinct[times >= 2])


def _count_words_and_pairs(ids: np.ndarray, words: int, known: np.ndarray) -> Sparse:
    """Counts of words, then of the known pairs of neighbouring words, `[N, words + pairs]`."""
    is_pair, codes = _pairs(ids, words)
    place = np.searchsorted(known, codes)
    hit = np.append(known, -1)[place] == codes
    # words and pairs of a row side by side: one matrix without a costly join
    columns = np.concatenate([np.where(ids < words, ids, 0), np.zeros_like(ids[:, 1:])], axis=1)
    columns[:, ids.shape[1] :][is_pair] = np.where(hit, words + place, 0)
    kept = columns >= FIRST_WORD
    return _count_columns(columns[kept], kept.sum(axis=1), words + len(known))


def _weigh(counts: Sparse, data: np.ndarray | float, weights: np.ndarray) -> Sparse:
    """`data` times the weight of its column, each row scaled to length 1."""
    from scipy.sparse import csr_matrix

    values = data * weights[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, values**2, counts.shape[0]))
    values /= np.maximum(lengths, 1e-12)[rows]
    return csr_matrix((values, counts.indices, counts.indptr), shape=counts.shape)


# Classifiers


def _one_against_rest(
    split: Split,
    count: Count,
    fit_weights: Callable[[Sparse, np.ndarray], Weigh | None],
    strengths: tuple[float, ...],
) -> Predict:
    """Logistic regression for each output; of the strengths the one with the smallest validation error.

    Args:
        fit_weights: weights of what is counted for one class, given the training rows and which are of that class;
            None: as it is.
        strengths: inverse penalties, the strongest penalty first, which also wins a tie. The middle one alone is used
            where the classes are many.
    """
    loss, classes = class_loss(split.features), members(split).T
    tried = strengths if len(classes) <= MOST_TRIALS else strengths[len(strengths) // 2 :][:1]
    train, validation = _count(count, split.train), _count(count, split.validation)
    models: dict[float, list[Margins]] = {strength: [] for strength in tried}
    margins: dict[float, list[np.ndarray]] = {strength: [] for strength in tried}
    for is_class in classes:
        weigh = fit_weights(train, is_class)
        seen, judged = (part if weigh is None else weigh(part) for part in (train, validation))
        for strength in tried:
            model = _fit_logistic(seen, is_class, strength)
            margins[strength].append(model(judged))
            models[strength].append(_weigh_first(weigh, model))

    def error(strength: float) -> float:
        outputs = _to_logits(np.stack(margins[strength], axis=1), loss)
        return float(example_errors(outputs, split.validation.targets, loss).mean())

    best = models[min(tried, key=error)]

    def predict(part: Part) -> np.ndarray:
        counted = (count(ids) for ids in _chunks(part))
        found = [np.stack([model(counts) for model in best], axis=1) for counts in counted]
        return _to_logits(np.concatenate(found), loss)

    return predict


def _weigh_first(weigh: Weigh | None, model: Margins) -> Margins:
    return model if weigh is None else lambda counts: model(weigh(counts))


def _to_logits(margins: np.ndarray, loss: str) -> np.ndarray:
    # each class's own probability: the softmax of these logs only makes them sum to one
    return -np.logaddexp(0, -margins) if loss == "categorical_crossentropy" else margins


def _fit_logistic(train: Sparse, is_class: np.ndarray, strength: float) -> Margins:
    """What gives margins `[N]` for weighted counts."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if is_class.all() or not is_class.any():  # nothing to tell apart: the odds of the counts, one more of each
        margin = np.log((is_class.sum() + 1) / ((~is_class).sum() + 1))
        return lambda counts: np.full(counts.shape[0], margin)
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, tol=0.1, random_state=0)
    with warnings.catch_warnings():
        # a solver that stops at its most steps still gives a baseline; its scores say how good
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, is_class)
    return lambda counts: np.asarray(model.decision_function(counts))
