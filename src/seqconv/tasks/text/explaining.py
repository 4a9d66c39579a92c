"""Explains the answer for a text by its words."""

import numpy as np

from seqconv.networks.inputs import TokenInputs
from seqconv.networks.network import Model
from seqconv.networks.tracing import Terms, trace
from seqconv.tasks.bundle import Trained
from seqconv.tasks.explanation import Contribution, TextExplanation
from seqconv.tasks.occlusion import CHUNK
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import Encoded, locate_words, pad


def explain_text(trained: Trained, text: str, name: str | None = None) -> list[TextExplanation]:
    """What each span of words contributes to the answer.

    Exact if the logit is a sum over filters (see `networks.tracing`): the contribution of a filter, its value times its
    weight, belongs to the words that its winning step sees; filters with the same words are merged. Otherwise by
    occlusion: each word is left out in turn.

    Args:
        name: class to explain; None: the second of two classes, or the predicted one of more.

    Returns:
        One explanation; for a model with several labels per text one for each label, unless `name` is given.

    Raises:
        DataError: a model that cannot read raw texts, or a text that is not valid Unicode.
        ConfigError: no such class.
    """
    features: TextFeatures = trained.bundle.features
    target = features.target
    encoded = features.words.encode([text])
    ids = pad(encoded, features.max_len)
    outputs = trained.model.predict(TokenInputs(ids))
    chosen = target.choose_explained(outputs, name)
    terms = trace(trained.bundle.plan, trained.bundle.weights, ids[0])
    words = locate_words(text, features.words.normalised)
    changes = _leave_out(trained.model, encoded, features.max_len, outputs) if terms is None else None
    probability = tuple(target.probabilities(outputs)[0].tolist())
    found = []
    for place in chosen:
        output, sign = target.locate(place)
        logit = sign * float(outputs[0, output])
        if terms is None:
            assert changes is not None
            parts, constant = _list_words(text, words, sign * changes[:, output]), None
        else:
            parts, constant = _list_spans(text, words, terms, output, sign, features.max_len)
        exact = terms is not None
        found.append(
            TextExplanation(text, tuple(words), target, probability, target.names[place], logit, constant, parts, exact)
        )
    return found


def _list_spans(
    text: str, words: list[tuple[int, int]], terms: Terms, output: int, sign: int, max_len: int
) -> tuple[tuple[Contribution, ...], float]:
    """Contributions of the spans that terms see, and the constant that belongs to no word."""
    values = sign * terms.parts[:, output]
    before = max_len - len(words)  # position of the first word, after padding and start; negative if it is cut off
    first = np.maximum(terms.first - before, 0)
    last = terms.last - before
    of_words = (last >= 0) & (values != 0)
    constant = float(sign * terms.constant[output] + values[~of_words].sum())
    spans, place = np.unique(np.stack([first, last])[:, of_words], axis=1, return_inverse=True)
    sums = np.bincount(place.ravel(), values[of_words], minlength=spans.shape[1])
    counts = np.bincount(place.ravel(), minlength=spans.shape[1])
    parts = []
    for (begin, end), value, count in zip(spans.T.tolist(), sums.tolist(), counts.tolist(), strict=True):
        start, stop = words[begin][0], words[end][1]
        parts.append(Contribution(text[start:stop], start, stop, value, count))
    return _sort(parts), constant


def _list_words(text: str, words: list[tuple[int, int]], changes: np.ndarray) -> tuple[Contribution, ...]:
    spans = zip(words[len(words) - len(changes) :], changes.tolist(), strict=True)
    return _sort([Contribution(text[start:end], start, end, change, None) for (start, end), change in spans])


def _sort(parts: list[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted(parts, key=lambda part: (-abs(part.contribution), part.start, part.end)))


def _leave_out(model: Model, encoded: Encoded, max_len: int, outputs: np.ndarray) -> np.ndarray:
    """How much each output falls when a word is left out, float64 `[W, outputs]`, for the W words that are read."""
    ids = np.pad(encoded.ids, (max_len, 0))  # one more word of a long text is read when a word is left out
    read = min(len(encoded.ids) - 1, max_len)
    changes = np.empty((read, outputs.shape[1]))
    kept = np.arange(len(ids) - max_len, len(ids))
    rows = max(CHUNK // max_len, 1)
    for start in range(0, read, rows):
        left = np.arange(start, min(start + rows, read)) + len(ids) - read  # position of the word left out
        changed = ids[kept - (kept <= left[:, None])]
        changes[start : start + len(left)] = outputs - model.predict(TokenInputs(changed))
    return changes
