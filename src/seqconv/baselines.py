"""Common-sense baselines, fitted and scored on exactly the rows and tokens that the network sees."""

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from seqconv.features import SeriesFeatures
from seqconv.metrics import Metrics, example_errors, score_classes, score_forecast
from seqconv.splits import Split
from seqconv.tokens import UNKNOWN, TokenInputs
from seqconv.windows import WindowInputs, WindowSpec, show_duration

FIRST_WORD = UNKNOWN  # padding and start are no words; an unknown word is one, as the network reads it too
DAY_S = 86400
YEAR = np.timedelta64(365, "D")
MOST_ROWS = 50_000
RIDGE_LAGS, BOOSTING_LAGS = 64, 19

Outputs = tuple[np.ndarray, np.ndarray]  # of the validation and of the test rows
Sparse = Any  # scipy.sparse.csr_matrix: scipy is loaded only when a baseline needs it


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline's scores.

    Args:
        validation, test: metrics, as the network's.
        seconds: to build its features, fit and score, all of it.
        test_outputs: shaped like the network's outputs: logits `[N, 1]` or `[N, classes]`, scaled forecasts `[N, 1]`.
    """

    name: str
    validation: Metrics
    test: Metrics
    seconds: float
    test_outputs: np.ndarray


def fit_baselines(split: Split, say: Callable[[str], None] = lambda text: None) -> list[Baseline]:
    """Every baseline that fits the task, the simplest first; settings are chosen on the validation rows.

    Texts: "majority class", "TF-IDF + logistic regression", "NB-SVM". Forecasts: "naive (last value)", "seasonal naive
    (same hour yesterday)", "ridge on the window", "gradient boosting".

    Args:
        say: hears which baseline comes next, and why one is left out.
    """
    methods: dict[str, Callable[[], Outputs]]
    if isinstance(split.features, SeriesFeatures):
        methods = {name: partial(fit, split) for name, fit in FORECASTS.items()}
        judge: Callable[..., Metrics] = partial(score_forecast, scale=split.features.output_scale)
        reason = lacks_yesterday(split.features.spec)
        if reason:
            say(f"{SEASONAL}: left out, {reason}")
            del methods[SEASONAL]
    else:
        methods = {name: partial(fit, split) for name, fit in CLASSIFIERS.items()}
        judge = partial(score_classes, loss=_logit_loss(split))
    found = []
    for name, fit in methods.items():
        say(name)
        started = time.perf_counter()
        outputs, test_outputs = fit()
        validation, test = judge(outputs, split.validation.targets), judge(test_outputs, split.test.targets)
        found.append(Baseline(name, validation, test, time.perf_counter() - started, test_outputs))
    return found


def _choose(candidates: Iterable[Outputs], split: Split, loss: str) -> Outputs:
    """The candidate with the smallest validation error; the first of equals."""
    targets = split.validation.targets
    return min(candidates, key=lambda outputs: float(example_errors(outputs[0], targets, loss).mean()))


# Texts


def _logit_loss(split: Split) -> str:
    return "binary_crossentropy" if split.features.outputs == 1 else "categorical_crossentropy"


def _classes(split: Split) -> tuple[str, ...]:
    assert not isinstance(split.features, SeriesFeatures)
    return split.features.classes


def _ids(split: Split) -> list[np.ndarray]:
    found = []
    for part in (split.train, split.validation, split.test):
        assert isinstance(part.inputs, TokenInputs)
        found.append(part.inputs.ids)
    return found


def guess_majority(split: Split) -> Outputs:
    """The class shares of the training rows, as logits: always the most frequent class."""
    classes = len(_classes(split))
    # one more of each: a class that training never saw must not cost an infinite loss
    counts = np.bincount(split.train.targets.reshape(-1).astype(np.int64), minlength=classes) + 1.0
    logits = np.log(counts / counts.sum())
    row = np.array([logits[1] - logits[0]]) if classes == 2 else logits
    return np.tile(row, (len(split.validation.targets), 1)), np.tile(row, (len(split.test.targets), 1))


def fit_tf_idf(split: Split) -> Outputs:
    """Logistic regression on single words: 1 + log(count), times the inverse document frequency, unit rows."""
    ids = _ids(split)
    words = [_count_words(each, 1 + max(part.max() for part in ids)) for each in ids]
    documents = np.bincount(words[0].indices, minlength=words[0].shape[1])
    rarity = np.log((1 + len(ids[0])) / (1 + documents)) + 1
    weighted = [_weigh(part, 1 + np.log(part.data), rarity) for part in words]
    return _one_against_rest(split, lambda is_class: weighted, (1.0, 3.0, 10.0))


def fit_nb_svm(split: Split) -> Outputs:
    """A linear classifier on words and pairs that occur, each weighted by its log-count ratio, unit rows.

    The ratio is of the feature's share in the class and outside it, each count with one more. The classifier is
    logistic regression, which does as well here as a support vector machine and gives a loss too.

    Reference: Wang and Manning 2012, "Baselines and bigrams", ACL, section 2; pairs seen once in training are left out.
    """
    found = _count_words_and_pairs(_ids(split))

    def weigh(is_class: np.ndarray) -> list[Sparse]:
        inside, outside = (
            1.0 + np.bincount(found[0][chosen].indices, minlength=found[0].shape[1]) for chosen in (is_class, ~is_class)
        )
        ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        return [_weigh(part, 1.0, ratio) for part in found]

    return _one_against_rest(split, weigh, (3.0, 10.0, 30.0))


def _count_words(ids: np.ndarray, width: int) -> Sparse:
    """How often each word occurs in each text, `[N, width]`."""
    is_word = ids >= FIRST_WORD
    return _count_columns(ids[is_word], is_word.sum(axis=1), width)


def _count_columns(columns: np.ndarray, per_row: np.ndarray, width: int) -> Sparse:
    from scipy.sparse import csr_matrix

    starts = np.concatenate([[0], np.cumsum(per_row)])
    counts = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(per_row), width))
    counts.sum_duplicates()
    return counts


def _count_words_and_pairs(ids: list[np.ndarray]) -> list[Sparse]:
    """Counts of words, then of neighbouring words that training texts hold at least twice, `[N, words + pairs]`."""
    words = 1 + max(int(part.max()) for part in ids)
    known = np.zeros(0, np.int64)
    found: list[Sparse] = []
    for part in ids:
        is_word = part >= FIRST_WORD
        is_pair = is_word[:, :-1] & is_word[:, 1:]
        codes = part[:, :-1][is_pair].astype(np.int64) * words + part[:, 1:][is_pair]
        if not found:
            distinct, times = np.unique(codes, return_counts=True)
            known = distinct[times >= 2]
        place = np.searchsorted(known, codes)
        hit = np.append(known, -1)[place] == codes
        # words and pairs of a row side by side: one matrix without a costly join
        columns = np.concatenate([part, np.zeros_like(part[:, 1:])], axis=1)
        columns[:, part.shape[1] :][is_pair] = np.where(hit, words + place, 0)
        kept = columns >= FIRST_WORD
        found.append(_count_columns(columns[kept], kept.sum(axis=1), words + len(known)))
    return found


def _weigh(counts: Sparse, data: np.ndarray | float, weights: np.ndarray) -> Sparse:
    """`data` times the weight of its column, each row scaled to length 1."""
    from scipy.sparse import csr_matrix

    values = data * weights[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, values**2, counts.shape[0]))
    values /= np.maximum(lengths, 1e-12)[rows]
    return csr_matrix((values, counts.indices, counts.indptr), shape=counts.shape)


def _one_against_rest(
    split: Split, weigh: Callable[[np.ndarray], list[Sparse]], strengths: tuple[float, ...]
) -> Outputs:
    """Logistic regression for each class; of the strengths the one with the best validation accuracy.

    Args:
        weigh: features of the three splits for one class, given which training rows are of that class.
        strengths: inverse penalties, the strongest penalty first, which also wins a tie.
    """
    labels, classes = split.train.targets.reshape(-1), len(_classes(split))
    margins: dict[float, list[Outputs]] = {strength: [] for strength in strengths}
    for index in [1] if classes == 2 else range(classes):
        train, *others = weigh(labels == index)
        for strength, each in margins.items():
            each.append(_fit_logistic(train, labels == index, others, strength))
    candidates = []
    for each in margins.values():
        validation, test = (np.stack(part, axis=1) for part in zip(*each, strict=True))
        if classes > 2:  # each class's own probability: the softmax of these logs only makes them sum to one
            validation, test = -np.logaddexp(0, -validation), -np.logaddexp(0, -test)
        candidates.append((validation, test))
    return _choose(candidates, split, _logit_loss(split))


def _fit_logistic(train: Sparse, is_class: np.ndarray, others: list[Sparse], strength: float) -> Outputs:
    """Margins `[N]` for the validation and the test rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if is_class.all() or not is_class.any():  # nothing to tell apart: the odds of the counts, one more of each
        margin = np.log((is_class.sum() + 1) / ((~is_class).sum() + 1))
        validation, test = (np.full(part.shape[0], margin) for part in others)
        return validation, test
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, tol=0.1, random_state=0)
    with warnings.catch_warnings():
        # a solver that stops at its most steps still gives a baseline; its scores say how good
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, is_class)
    validation, test = (model.decision_function(part) for part in others)
    return validation, test


# Forecasts


def repeat_newest(split: Split) -> Outputs:
    """The target column at the newest row of the window."""
    spec = _forecasting(split).spec
    return _repeat(split, [spec.step] * len(spec.delays))


def repeat_yesterday(split: Split) -> Outputs:
    """The target column a whole number of days before the target, the fewest that the window knows."""
    return _repeat(split, _back(_forecasting(split).spec))


def _forecasting(split: Split) -> SeriesFeatures:
    assert isinstance(split.features, SeriesFeatures)
    return split.features


def _repeat(split: Split, back: list[int]) -> Outputs:
    """For each lead the target columns that many rows before the anchor."""
    columns = _forecasting(split).target_columns

    def look(inputs: TokenInputs | WindowInputs) -> np.ndarray:
        assert isinstance(inputs, WindowInputs)
        rows = inputs.anchors[:, None] - np.array(back)
        return np.asarray(inputs.values[rows[..., None], columns].reshape(len(rows), rows.shape[1] * len(columns)))

    return look(split.validation.inputs), look(split.test.inputs)


def _back(spec: WindowSpec) -> list[int]:
    """For each lead, rows from the anchor back to the fewest whole days before the target that the window may know."""
    day = DAY_S // spec.interval_s
    return [-(-lead // day) * day - delay for lead, delay in zip(spec.leads, spec.delays, strict=True)]


def lacks_yesterday(spec: WindowSpec) -> str:
    """Why the seasonal naive forecast says nothing of its own; empty if it does."""
    if DAY_S % spec.interval_s:
        return f"24 h is no whole number of rows of {show_duration(spec.interval_s)}"
    for back, delay in zip(_back(spec), spec.delays, strict=True):
        if back > spec.lookback or back % spec.step:
            season = show_duration((back + delay) * spec.interval_s)
            return f"the row {season} before the target is none of the window's rows"
    return "it is the naive forecast at this lead" if set(_back(spec)) == {spec.step} else ""


def fit_ridge(split: Split) -> Outputs:
    """Ridge regression on at most 64 lags, the newest row and the calendar; penalty chosen on the validation rows."""
    from sklearn.linear_model import Ridge

    penalties = (10.0, 100.0, 1e3, 1e4, 1e5)
    ridges = [partial(Ridge, alpha=penalty, solver="cholesky") for penalty in penalties]
    return _choose(_forecast_change(ridges, split, RIDGE_LAGS), split, "mae")


def fit_boosting(split: Split) -> Outputs:
    """Histogram gradient boosting on at most 19 lags, the newest row and the calendar."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    create = partial(
        HistGradientBoostingRegressor,
        loss="absolute_error",
        max_iter=100,
        max_leaf_nodes=8,
        early_stopping=False,
        random_state=0,
    )
    return _forecast_change([create], split, BOOSTING_LAGS)[0]


def _forecast_change(kinds: Sequence[Callable[[], Any]], split: Split, most_lags: int) -> list[Outputs]:
    """Learn the change from the newest value to each target: a tree cannot follow a level that training never saw."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    features = _forecasting(split)
    found = [(np.zeros_like(split.validation.targets), np.zeros_like(split.test.targets)) for _ in kinds]
    # so little work is no faster on two threads, and twenty times slower where others use the cores
    with threadpool_limits(1):
        for place, column in enumerate(features.target_columns):
            train, *others = _features(split, column, most_lags)
            for output in range(place, features.outputs, len(features.targets)):
                goals = _thin(split.train.targets)[:, output] - train[:, 0]
                for create, outputs in zip(kinds, found, strict=True):
                    model = create().fit(train, goals)
                    for each, part in zip(outputs, others, strict=True):
                        each[:, output] = part[:, 0] + model.predict(part)
    return found


def _thin(rows: np.ndarray) -> np.ndarray:
    """At most 50,000 rows, evenly spaced: neighbours tell little new, and a baseline must not dwarf the training."""
    if len(rows) <= MOST_ROWS:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(np.int64)])


def _features(split: Split, target: int, most_lags: int) -> list[np.ndarray]:
    """Features of the three splits for one target column, `[N, F]` float64.

    The target's newest value, its older values less the newest, the other columns' newest values, the calendar of the
    target's time stamp: what the network knows, and the calendar. Rows outside the window are not read.
    """
    features = _forecasting(split)
    spec, inputs = features.spec, len(features.columns)
    lags = choose_lags(spec.length, most_lags) * spec.step
    seen = split.train.times
    assert seen is not None
    # with less than a year to learn from, the day of the year only leads astray
    columns = slice(None) if seen.max() - seen.min() >= YEAR else slice(2)
    found = []
    for part, thin in ((split.train, _thin), (split.validation, np.asarray), (split.test, np.asarray)):
        windows, times = part.inputs, part.times
        assert isinstance(windows, WindowInputs)
        assert times is not None
        anchors = thin(windows.anchors)
        past = windows.values[anchors[:, None] - lags, target]
        past[:, 1:] -= past[:, :1]
        newest = np.delete(windows.values[anchors - spec.step, :inputs], target, axis=1)
        calendar = read_calendar(thin(times))[:, columns]
        found.append(np.concatenate([past, newest, calendar], axis=1, dtype=np.float64))
    return found


def choose_lags(length: int, most: int) -> np.ndarray:
    """Steps back into a window of `length`: half of them the newest, the rest ever further apart, the oldest last.

    >>> choose_lags(240, 8)
    array([  1,   2,   3,   4,   5,  18,  66, 240])
    """
    if length <= most:
        return np.arange(1, length + 1)
    near = most // 2
    far = np.geomspace(near + 1, length, most - near).round().astype(np.int64)
    return np.unique(np.concatenate([np.arange(1, near + 1), far]))


def read_calendar(times: np.ndarray) -> np.ndarray:
    """Sine and cosine of the hour of the day, then of the day of the year, `[N, 4]`."""
    day = (times - times.astype("datetime64[D]")) / np.timedelta64(DAY_S, "s")
    year = (times - times.astype("datetime64[Y]")) / YEAR
    return np.stack([wave(2 * np.pi * part) for part in (day, year) for wave in (np.sin, np.cos)], axis=1)


SEASONAL = "seasonal naive (same hour yesterday)"
CLASSIFIERS: dict[str, Callable[[Split], Outputs]] = {
    "majority class": guess_majority,
    "TF-IDF + logistic regression": fit_tf_idf,
    "NB-SVM": fit_nb_svm,
}
FORECASTS: dict[str, Callable[[Split], Outputs]] = {
    "naive (last value)": repeat_newest,
    SEASONAL: repeat_yesterday,
    "ridge on the window": fit_ridge,
    "gradient boosting": fit_boosting,
}
