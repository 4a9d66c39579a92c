"""Explains the answer for a text by its words."""

import numpy as np

from seqconv.networks.network import Model
from seqconv.networks.tracing import Terms, trace
from seqconv.recipes.sections import BLEND
from seqconv.tasks.bundle import Trained
from seqconv.tasks.explanation import Contribution, TextExplanation
from seqconv.tasks.occlusion import CHUNK
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import locate_words


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
    inputs = features.read_texts([text])
    outputs = trained.model.predict(inputs)
    chosen = target.choose_explained(outputs, name)
    alone = trained.bundle.recipe.training.model != BLEND
    terms = trace(trained.bundle.plan, trained.bundle.weights, inputs.ids[0]) if alone else None
    words = locate_words(text, features.words.normalised)
    changes = _leave_out(trained.model, features, text, words, outputs) if terms is None else None
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


def _leave_out(
    model: Model, features: TextFeatures, text: str, words: list[tuple[int, int]], outputs: np.ndarray
) -> np.ndarray:
    """How much each output falls when a word is left out, float64 `[W, outputs]`, for the W words that are read."""
    read = words[max(len(words) + 1 - features.max_len, 0) :]  # the start id is one of those read
    changes = np.empty((len(read), outputs.shape[1]))
    rows = max(CHUNK // features.max_len, 1)
    for first in range(0, len(read), rows):
        texts = [text[:start] + text[end:] for start, end in read[first : first + rows]]
        changes[first : first + rows] = outputs - model.predict(features.read_texts(texts))
    return changes
