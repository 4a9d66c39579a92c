"""Explains the answer for a text by its words."""

from typing import Any, NamedTuple

import numpy as np

from seqconv.networks.network import Model
from seqconv.networks.tracing import Terms, trace
from seqconv.recipes.sections import NETWORK
from seqconv.tasks.blend import Blend, split_parts
from seqconv.tasks.bundle import Trained
from seqconv.tasks.explanation import Contribution, TextExplanation
from seqconv.tasks.occlusion import CHUNK
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import locate_words


def explain_text(trained: Trained, text: str, name: str | None = None) -> list[TextExplanation]:
    """What each span of words contributes to the answer.

    Exact if the logit is a sum over filters (see `networks.tracing`): the contribution of a filter, its value times its
    weight, belongs to the words that its winning step sees; filters with the same words are merged. The machines of a
    blend are sums over words, and over n-grams of characters, which count for the words that they lie in. Otherwise by
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
    words = locate_words(text, features.words.normalised)
    spans = _find_spans(trained, text, words, inputs.ids[0])
    changes = _leave_out(trained.model, features, text, words, outputs) if spans is None else None
    probability = tuple(target.probabilities(outputs)[0].tolist())
    found = []
    for place in chosen:
        output, sign = target.locate(place)
        logit = sign * float(outputs[0, output])
        if spans is None:
            assert changes is not None
            parts, constant = _list_words(text, words, sign * changes[:, output]), None
        else:
            parts, constant = _list_spans(text, spans, output, sign)
        exact = spans is not None
        found.append(
            TextExplanation(text, tuple(words), target, probability, target.names[place], logit, constant, parts, exact)
        )
    return found


class Spans(NamedTuple):
    """Outputs as a sum of F values, each of one span of the text's characters: `parts.sum(axis=0) + constant`.

    Args:
        places: first character and end, int64 `[F, 2]`.
        parts: float64 `[F, outputs]`.
        constant: float64 `[outputs]`.
    """

    places: np.ndarray
    parts: np.ndarray
    constant: np.ndarray


def _find_spans(trained: Trained, text: str, words: list[tuple[int, int]], ids: np.ndarray) -> Spans | None:
    """The spans of the network, of a blend of each member; None: the network's outputs are no sum over filters."""
    bundle, model = trained.bundle, trained.model
    if not isinstance(model, Blend):
        return _find_network_spans(trace(bundle.plan, bundle.weights, ids), words, len(ids))
    network = split_parts(bundle.weights, bundle.recipe.task).network
    spans = _find_network_spans(trace(bundle.plan, network, ids), words, len(ids))
    if spans is None:
        return None
    found = [_multiply(spans, float(model.factors[NETWORK]))]
    for kind, member in model.models.items():
        if kind != NETWORK:
            found.append(_multiply(_find_machine_spans(member, text, words), float(model.factors[kind])))
    places, values = (np.concatenate([getattr(each, name) for each in found]) for name in ("places", "parts"))
    return Spans(places, values, np.sum([each.constant for each in found], axis=0))


def _multiply(spans: Spans, factor: float) -> Spans:
    return spans._replace(parts=factor * spans.parts, constant=factor * spans.constant)


def _find_network_spans(terms: Terms | None, words: list[tuple[int, int]], max_len: int) -> Spans | None:
    """The words that terms see; the constant is also of terms that see no word."""
    if terms is None:
        return None
    before = max_len - len(words)  # position of the first word, after padding and start; negative if it is cut off
    of_words = terms.last >= before
    constant = terms.constant + terms.parts[~of_words].sum(axis=0)
    bounds = np.array(words, np.int64).reshape(-1, 2)
    first, last = (places[of_words] - before for places in (terms.first, terms.last))
    places = np.stack([bounds[np.maximum(first, 0), 0], bounds[last, 1]], axis=1)
    return Spans(places, terms.parts[of_words], constant)


def _find_machine_spans(machine: Any, text: str, words: list[tuple[int, int]]) -> Spans:
    """The whole words that features lie in; signs alone count for the word before them, or for the first."""
    parts, places = machine.explain(text)
    constant, bounds = machine.scale * machine.bias.astype(np.float64), np.array(words, np.int64).reshape(-1, 2)
    if not words:
        return Spans(bounds, parts[:0], constant + parts.sum(axis=0))
    last = np.maximum(np.searchsorted(bounds[:, 0], places[:, 1], side="left") - 1, 0)
    first = np.minimum(np.searchsorted(bounds[:, 1], places[:, 0], side="right"), last)
    return Spans(np.stack([bounds[first, 0], bounds[last, 1]], axis=1), parts, constant)


def _list_spans(text: str, spans: Spans, output: int, sign: int) -> tuple[tuple[Contribution, ...], float]:
    """Contributions, those of the same characters as one, and the constant."""
    values = sign * spans.parts[:, output]
    said = values != 0
    places, where = np.unique(spans.places[said], axis=0, return_inverse=True)
    sums = np.bincount(where.ravel(), values[said], minlength=len(places))
    counts = np.bincount(where.ravel(), minlength=len(places))
    parts = [
        Contribution(text[start:end], start, end, value, count)
        for (start, end), value, count in zip(places.tolist(), sums.tolist(), counts.tolist(), strict=True)
    ]
    return _sort(parts), float(sign * spans.constant[output])


def _list_words(text: str, words: list[tuple[int, int]], changes: np.ndarray) -> tuple[Contribution, ...]:
    spans = zip(words[len(words) - len(changes) :], changes.tolist(), strict=True)
    return _sort([Contribution(text[start:end], start, end, change, None) for (start, end), change in spans])


def _sort(parts: list[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted(parts, key=lambda part: (-abs(part.contribution), part.start, part.end)))


def _leave_out(
    model: Model, features: TextFeatures, text: str, words: list[tuple[int, int]], outputs: np.ndarray
) -> np.ndarray:
    """How much each output falls when a word is left out, float64 `[W, outputs]`, for the W words that are read."""
    read = words[max(len(words) - features.max_len, 0) :]
    changes = np.empty((len(read), outputs.shape[1]))
    rows = max(CHUNK // features.max_len, 1)
    for first in range(0, len(read), rows):
        texts = [text[:start] + text[end:] for start, end in read[first : first + rows]]
        changes[first : first + rows] = outputs - model.predict(features.read_texts(texts))
    return changes
