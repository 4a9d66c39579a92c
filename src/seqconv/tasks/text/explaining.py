"""Explains the answer for a text by its words."""

from typing import Any, NamedTuple

import numpy as np

from seqconv.errors import OptionError
from seqconv.networks.inputs import TokenInputs
from seqconv.networks.network import Model
from seqconv.networks.tracing import Terms, trace
from seqconv.recipes.sections import NETWORK
from seqconv.tasks.blend import Blend, split_parts
from seqconv.tasks.bundle import Trained
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.effects import Contribution
from seqconv.tasks.number_explanation import NumberExplanation
from seqconv.tasks.occlusion import CHUNK
from seqconv.tasks.outcomes import Outcome
from seqconv.tasks.text.columns import Cells, Columns
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.rows import TextRows
from seqconv.tasks.text.vocabulary import locate_words
from seqconv.tasks.text_explanation import TextExplanation


def explain_text(trained: Trained, given: TextRows | str, name: str | None = None) -> list[TextExplanation]:
    """What each span of words contributes to the answer.

    Exact if the logit is a sum over filters (see `networks.tracing`): the contribution of a filter, its value times its
    weight, belongs to the words that its winning step sees; filters with the same words are merged. The machines of a
    blend are sums over words, and over n-grams of characters, which count for the words that they lie in. Otherwise by
    occlusion: each word is left out in turn.

    Args:
        given: one text, with the columns that the model reads next to it.
        name: class to explain; None: the second of two classes, the predicted one of more, or the number.

    Returns:
        One explanation; for a model with several labels per text one for each label, unless `name` is given.

    Raises:
        DataError: a model that cannot read raw texts, or a text that is not valid Unicode.
        ConfigError: no such class, or a number is predicted.
    """
    features: TextFeatures = trained.bundle.features
    target = features.target
    rows = TextRows([given]) if isinstance(given, str) else given
    (text,) = features.columns.join(rows.texts, rows.columns)
    inputs = features.read_texts([text], rows.columns)
    outputs = trained.model.predict(inputs)
    words = locate_words(text, features.words.normalised)
    asked = _ask(target, outputs, name)
    spans = _find_spans(trained, text, words, inputs)
    changes = (
        _leave_out(trained.model, features, _Example(text, words, rows.columns), outputs) if spans is None else None
    )
    found = []
    for place in asked:
        weights, shift = _locate(target, place)
        logit = float(outputs[0].astype(np.float64) @ weights) + shift
        if spans is None:
            assert changes is not None
            parts, constant = _list_words(text, words, changes[0] @ weights), None
            effects = changes[1] @ weights
        else:
            parts, constant = _list_spans(text, spans, weights)
            constant, effects = constant + shift, spans.columns @ weights
        about: dict[str, Any] = {"text": text, "words": tuple(words), "name": target.names[place], "logit": logit}
        columns = _list_columns(features.columns, rows.columns, effects)
        about |= {"constant": constant, "parts": parts, "exact": spans is not None, "columns": columns}
        found.append(_explain(target, outputs, about))
    return found


def _ask(target: Outcome, outputs: np.ndarray, name: str | None) -> list[int]:
    """Indices of the classes to explain; of a number its only output."""
    if isinstance(target, ClassTarget):
        return target.choose_explained(outputs, name)
    if name:
        raise OptionError("class: the model predicts a number, not classes. Leave it out")
    return [0]


def _locate(target: Outcome, place: int) -> tuple[np.ndarray, float]:
    """What is explained: a sum of the outputs times these weights `[outputs]`, plus a constant."""
    if isinstance(target, ClassTarget):
        output, sign = target.locate(place)
        return sign * np.eye(target.outputs)[output], 0.0
    return target.slope, 0.0 if target.fits_classes else target.mean.item()


def _explain(target: Outcome, outputs: np.ndarray, about: dict[str, Any]) -> TextExplanation:
    if isinstance(target, ClassTarget):
        return TextExplanation(target=target, probability=tuple(target.probabilities(outputs)[0].tolist()), **about)
    answer = target.answer(outputs)
    band = target.find_band(outputs)
    value = float(answer["prediction"][0])
    return NumberExplanation(target=target, probability=(), value=value, band=band, **about)


class Spans(NamedTuple):
    """Outputs as a sum of F values, each of one span of the text's characters, of the columns' effects and a constant.

    Args:
        places: first character and end, int64 `[F, 2]`.
        parts: float64 `[F, outputs]`.
        constant: float64 `[outputs]`.
        columns: what each slot of the columns next to the text adds, float64 `[slots, outputs]`.
    """

    places: np.ndarray
    parts: np.ndarray
    constant: np.ndarray
    columns: np.ndarray


def _find_spans(trained: Trained, text: str, words: list[tuple[int, int]], inputs: TokenInputs) -> Spans | None:
    """The spans of the network, of a blend of each member; None: the network's outputs are no sum over filters."""
    bundle, model = trained.bundle, trained.model
    features: TextFeatures = bundle.features
    ids, slots = inputs.ids[0], len(features.columns.read)
    if not isinstance(model, Blend):
        return _find_network_spans(trace(bundle.plan, bundle.weights, ids), words, len(ids) - slots, slots)
    network = split_parts(bundle.weights, bundle.recipe.task).network
    spans = _find_network_spans(trace(bundle.plan, network, ids), words, len(ids) - slots, slots)
    if spans is None:
        return None
    found = [_multiply(spans, model.factors[NETWORK].item())]
    for kind, member in model.models.items():
        if kind != NETWORK:
            found.append(_multiply(_find_machine_spans(member, text, words, inputs), model.factors[kind].item()))
    places, values = (np.concatenate([getattr(each, name) for each in found]) for name in ("places", "parts"))
    constant, columns = (np.sum([getattr(each, name) for each in found], axis=0) for name in ("constant", "columns"))
    return Spans(places, values, constant, columns)


def _multiply(spans: Spans, factor: float) -> Spans:
    return Spans(spans.places, *(factor * each for each in spans[1:]))


def _find_network_spans(terms: Terms | None, words: list[tuple[int, int]], max_len: int, slots: int) -> Spans | None:
    """The words that terms see, or the last column if they see one; the constant is also of terms that see neither."""
    if terms is None:
        return None
    before = max_len - len(words)  # position of the first word, after padding and start; negative if it is cut off
    of_columns = terms.last >= max_len
    of_words = (terms.last >= before) & ~of_columns
    constant = terms.constant + terms.parts[~of_words & ~of_columns].sum(axis=0)
    columns = np.zeros((slots, terms.parts.shape[1]))
    np.add.at(columns, terms.last[of_columns] - max_len, terms.parts[of_columns])
    bounds = np.array(words, np.int64).reshape(-1, 2)
    first, last = (places[of_words] - before for places in (terms.first, terms.last))
    places = np.stack([bounds[np.maximum(first, 0), 0], bounds[last, 1]], axis=1)
    return Spans(places, terms.parts[of_words], constant, columns)


def _find_machine_spans(machine: Any, text: str, words: list[tuple[int, int]], inputs: TokenInputs) -> Spans:
    """The whole words that features lie in; signs alone count for the word before them, or for the first."""
    parts, places = machine.explain(text)
    constant, bounds = machine.scale * machine.bias.astype(np.float64), np.array(words, np.int64).reshape(-1, 2)
    columns = machine.explain_columns(inputs)
    if not words:
        return Spans(bounds, parts[:0], constant + parts.sum(axis=0), columns)
    last = np.maximum(np.searchsorted(bounds[:, 0], places[:, 1], side="left") - 1, 0)
    first = np.minimum(np.searchsorted(bounds[:, 1], places[:, 0], side="right"), last)
    return Spans(np.stack([bounds[first, 0], bounds[last, 1]], axis=1), parts, constant, columns)


def _list_columns(columns: Columns, cells: Cells, effects: np.ndarray) -> tuple[Contribution, ...]:
    """The effects of columns, of all slots of one together, as if they lay before the text."""
    found: dict[str, float] = {}
    for slot, effect in zip(columns.read, effects.tolist(), strict=True):
        found[slot.column] = found.get(slot.column, 0.0) + effect
    shown = {name: (cells[name][0] or "").strip() or "missing" for name in found}
    return _sort([Contribution(f"{name} = {shown[name]}", -1, -1, effect, None) for name, effect in found.items()])


def _list_spans(text: str, spans: Spans, weights: np.ndarray) -> tuple[tuple[Contribution, ...], float]:
    """Contributions, those of the same characters as one, and the constant."""
    values = spans.parts @ weights
    said = values != 0
    places, where = np.unique(spans.places[said], axis=0, return_inverse=True)
    sums = np.bincount(where.ravel(), values[said], minlength=len(places))
    counts = np.bincount(where.ravel(), minlength=len(places))
    parts = [
        Contribution(text[start:end], start, end, value, count)
        for (start, end), value, count in zip(places.tolist(), sums.tolist(), counts.tolist(), strict=True)
    ]
    return _sort(parts), float(spans.constant @ weights)


def _list_words(text: str, words: list[tuple[int, int]], changes: np.ndarray) -> tuple[Contribution, ...]:
    spans = zip(words[len(words) - len(changes) :], changes.tolist(), strict=True)
    return _sort([Contribution(text[start:end], start, end, change, None) for (start, end), change in spans])


def _sort(parts: list[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted(parts, key=lambda part: (-abs(part.contribution), part.start, part.end)))


class _Example(NamedTuple):
    """One text, its words, and the cells of the columns next to it."""

    text: str
    words: list[tuple[int, int]]
    cells: Cells


def _leave_out(
    model: Model, features: TextFeatures, one: _Example, outputs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much each output falls when a word is left out, float64 `[W, outputs]`, for the W words that are read, and
    when the cell of a slot is, `[slots, outputs]`."""
    text, slots = one.text, features.columns.read
    read = one.words[max(len(one.words) - features.max_len, 0) :]
    texts = [text[:start] + text[end:] for start, end in read]
    repeated = {name: [*own] * len(texts) for name, own in one.cells.items()}
    changes = outputs - _predict_chunks(model, features, texts, repeated)
    effects = np.zeros((len(slots), outputs.shape[1]))
    for name in features.columns.names:
        own = [place for place, slot in enumerate(slots) if slot.column == name]
        if own:
            without = model.predict(features.read_texts([text], {**one.cells, name: [None]}))
            effects[own[0]] = (outputs - without)[0]
    return changes, effects


def _predict_chunks(model: Model, features: TextFeatures, texts: list[str], cells: Cells) -> np.ndarray:
    """Outputs of texts, some at a time, float64 `[N, outputs]`."""
    rows, found = max(CHUNK // features.max_len, 1), [np.zeros((0, features.target.outputs))]
    for first in range(0, len(texts), rows):
        own = {name: column[first : first + rows] for name, column in cells.items()}
        found.append(model.predict(features.read_texts(texts[first : first + rows], own)).astype(np.float64))
    return np.concatenate(found)
