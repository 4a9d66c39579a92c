"""Take an answer apart: into the words of a text, or the inputs and stretches of time of a window."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from seqconv.data import Sequences, Series
from seqconv.engines import Model
from seqconv.errors import ConfigError, DataError, nearest
from seqconv.explanation import GridExplanation, Part, TextExplanation
from seqconv.features import SequenceFeatures, SeriesFeatures, TextFeatures
from seqconv.predictor import METHODS, TAKES, Predictor, probabilities
from seqconv.settings import parse_duration
from seqconv.tokens import Encoded, TokenInputs, locate_words, pad
from seqconv.tracing import Terms, trace
from seqconv.windows import WindowInputs, local_times, show_duration

CHUNK = 1 << 24  # values of changed inputs held at once
FEWEST, MOST = 12, 24  # stretches of a long window


# Texts


def explain_text(predictor: Predictor, text: str, name: str | None = None) -> list[TextExplanation]:
    """Which word spans made the answer.

    Exact where the logit is a sum over filters (see `tracing`): a filter's part, its value times its weight, belongs to
    the words that its winning step sees, and filters won by the same words are merged. Otherwise each word is left out
    in turn.

    Args:
        name: class to explain; None: of two classes the second, whose logit it is; of more the predicted one.

    Returns:
        One explanation; of a model whose texts may have several classes one for each, unless `name` chooses.

    Raises:
        DataError: not a model of raw texts, or a text that is no valid Unicode.
        ConfigError: no such class.
    """
    features = predictor.bundle.features
    if not isinstance(features, TextFeatures):
        raise DataError(f"this model takes {TAKES[type(features)]}, not texts. Give a file of them")
    if features.vocabulary is None:
        raise DataError("this model was trained on ids without words, so it cannot read texts. Train on raw texts")
    encoded = features.vocabulary.encode([text])
    ids = pad(encoded, features.max_len)
    outputs = predictor.model.predict(TokenInputs(ids))
    chosen = _choose_classes(features, outputs, name)
    terms = trace(predictor.bundle.plan, predictor.bundle.weights, ids[0])
    words = locate_words(text)
    changes = _leave_out(predictor.model, encoded, features.max_len, outputs) if terms is None else None
    shares = tuple(probabilities(outputs, features.multi_label)[0].tolist())
    found = []
    for index in chosen:
        output, sign = (0, 2 * index - 1) if features.outputs == 1 else (index, 1)
        if changes is not None:
            parts, constant = _list_words(text, words, sign * changes[:, output]), None
        else:
            assert terms is not None
            parts, constant = _list_spans(text, words, terms, output, sign, features.max_len)
        found.append(
            TextExplanation(
                text,
                features.classes,
                shares,
                features.classes[index],
                sign * float(outputs[0, output]),
                constant,
                parts,
                terms is not None,
                features.multi_label,
            )
        )
    return found


def _choose_classes(features: TextFeatures | SequenceFeatures, outputs: np.ndarray, name: str | None) -> list[int]:
    if not np.isfinite(outputs).all():
        raise DataError(
            f"the model's answer must be a number; got {outputs.ravel()[0]}. Its training failed: train again"
        )
    if name is not None:
        if name not in features.classes:
            raise ConfigError(f"--class: unknown class {name!r}. {nearest(name, features.classes)}")
        return [features.classes.index(name)]
    if features.multi_label:
        return list(range(len(features.classes)))
    return [1] if features.outputs == 1 else [int(outputs[0].argmax())]


def _list_spans(
    text: str, words: list[tuple[int, int]], terms: Terms, output: int, sign: int, max_len: int
) -> tuple[tuple[Part, ...], float]:
    """Parts of the spans that terms see, and what belongs to no word."""
    values = sign * terms.parts[:, output]
    before = max_len - len(words)  # position of the first word: padding and start stand before, or it is cut off
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
        parts.append(Part(text[start:stop], start, stop, value, count))
    return _sort(parts), constant


def _list_words(text: str, words: list[tuple[int, int]], changes: np.ndarray) -> tuple[Part, ...]:
    spans = zip(words[len(words) - len(changes) :], changes.tolist(), strict=True)
    return _sort([Part(text[start:end], start, end, change, None) for (start, end), change in spans])


def _sort(parts: list[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (-abs(part.contribution), part.start, part.end)))


def _leave_out(model: Model, encoded: Encoded, max_len: int, outputs: np.ndarray) -> np.ndarray:
    """By how much each output falls when a word is left out, float64 `[W, outputs]`: W words that the model reads."""
    ids = np.pad(encoded.ids, (max_len, 0))  # a long text moves up when a word goes
    read = min(len(encoded.ids) - 1, max_len)
    changes = np.empty((read, outputs.shape[1]))
    kept = np.arange(len(ids) - max_len, len(ids))
    rows = max(CHUNK // max_len, 1)
    for start in range(0, read, rows):
        left = np.arange(start, min(start + rows, read)) + len(ids) - read  # place of the word left out
        changed = ids[kept - (kept <= left[:, None])]
        changes[start : start + len(left)] = outputs - model.predict(TokenInputs(changed))
    return changes


# Windows


def explain_sequence(predictor: Predictor, sequence: Sequences, name: str | None = None) -> GridExplanation:
    """What each channel and stretch of one sequence adds to the logit of a class.

    Args:
        sequence: one.
        name: as for `explain_text`.

    Raises:
        DataError: not a sequence model, or another number of channels.
        ConfigError: no such class.
    """
    features = predictor.bundle.features
    if not isinstance(features, SequenceFeatures):
        raise DataError(f"this model takes {TAKES[type(features)]}, not sequences. Use {METHODS[type(features)]}")
    window = features.inputs(sequence).values
    outputs = predictor.model.predict(_stack(window[None]))
    index = _choose_classes(features, outputs, name)[0]
    output, sign = (0, 2 * index - 1) if features.outputs == 1 else (index, 1)
    given = min(int(np.diff(sequence.offsets)[0]), features.length)
    bounds = features.length - given + cut_stretches(given)
    groups = [[channel] for channel in range(len(features.channels))]

    def answer(windows: np.ndarray) -> np.ndarray:
        return sign * np.asarray(predictor.model.predict(_stack(windows))[:, output], np.float64)

    cells, whole = _occlude(answer, window, groups, bounds)
    skipped = int(np.diff(sequence.offsets)[0]) - features.length
    stretches = _pair([str(step + 1 + skipped) for step in bounds[:-1]], [str(step + skipped) for step in bounds[1:]])
    probability = float(probabilities(outputs)[0, index])
    value = sign * float(outputs[0, output])
    facts = {"steps": str(given)}
    return GridExplanation(
        features.classes[index], value, probability, features.channels, stretches, cells, whole, facts
    )


def explain_series(
    predictor: Predictor, series: Series, at: str = "", target: str = "", lead: str = ""
) -> GridExplanation:
    """What each column and stretch of the window adds to a forecast, in the target's unit.

    A stretch of a column is put at the column's training mean, a calendar input at none; where the model forecasts
    changes, the newest value of the target counts too.

    Args:
        at: time of the window's newest row, as the file writes it in ISO form; empty: the newest whole window.
        target: a target of the model; empty: the first.
        lead: one of its leads, such as "6h"; empty: the first.

    Raises:
        DataError: not a forecasting model, no such time, or no whole window there.
        ConfigError: no such target or lead.
    """
    features = predictor.bundle.features
    if not isinstance(features, SeriesFeatures):
        raise DataError(f"this model takes {TAKES[type(features)]}, not a series. Use {METHODS[type(features)]}")
    output = _choose_output(features, target, lead)
    scaled = features.scale(series)
    anchor = _find_anchor(features, series, scaled, at)
    window = features.inputs(scaled, anchor).gather(np.array([0]))[0]
    times = series.times[anchor[0] + np.arange(-features.spec.lookback, 0, features.spec.step)]
    places = features.target_columns

    def answer(windows: np.ndarray) -> np.ndarray:
        # without the ends of intervals
        outputs = predictor.model.predict(_stack(windows, times))[:, : features.outputs].astype(np.float64)
        if features.change:
            outputs += np.tile(windows[:, -1, places], len(features.spec.delays))
        return np.asarray(outputs[:, output] * features.output_scale[output])

    wide = len(features.columns)
    groups = [[column] for column in range(wide)]
    groups += [[wide + 2 * i, wide + 2 * i + 1] for i in range(len(features.calendar))]
    bounds = cut_stretches(len(window))
    cells, whole = _occlude(answer, window, groups, bounds)
    value = float(answer(window[None])[0] + features.output_mean[output])
    if not np.isfinite(value):
        raise DataError(f"the model's answer must be a number; got {value}. Its training failed: train again")
    rows = (*features.columns, *(f"time of {period}" for period in features.calendar))
    first = int(anchor[0]) - features.spec.lookback
    begins, ends = (_stamps(series, first + steps * features.spec.step) for steps in (bounds[:-1], bounds[1:] - 1))
    facts = {"newest row": ends[-1]}
    return GridExplanation(_name_output(features, output), value, None, rows, _pair(begins, ends), cells, whole, facts)


def _choose_output(features: SeriesFeatures, target: str, lead: str) -> int:
    """Place of a target at a lead among the outputs."""
    if target and target not in features.targets:
        raise ConfigError(f"--target: unknown target {target!r}. {nearest(target, features.targets)}")
    leads = [rows * features.spec.interval_s for rows in features.spec.leads]
    if lead and parse_duration(lead, "--lead") not in leads:
        raise ConfigError(f"--lead must be one of {', '.join(map(show_duration, leads))}; got {lead!r}")
    place = leads.index(parse_duration(lead)) if lead else 0
    return place * len(features.targets) + (features.targets.index(target) if target else 0)


def _name_output(features: SeriesFeatures, output: int) -> str:
    lead, target = divmod(output, len(features.targets))
    return f"{features.targets[target]}, {show_duration(features.spec.leads[lead] * features.spec.interval_s)} ahead"


def _find_anchor(features: SeriesFeatures, series: Series, scaled: np.ndarray, at: str) -> np.ndarray:
    """The anchor of the window to explain, int64 `[1]`."""
    spec = features.spec
    anchors = spec.live_anchors(len(scaled))
    if at:
        rows = np.flatnonzero(local_times(series.times, series.zone) == _read_stamp(at))
        if not len(rows):
            ends = " to ".join(_stamps(series, np.array([0, -1])))
            raise DataError(f"--at: must be the time of a row of {series.source} ({ends}); got {at!r}. Choose one")
        anchors = rows[-1:] + spec.step
    whole = anchors[anchors >= spec.lookback]
    whole = whole[~spec.is_broken(whole, series.times, scaled)]
    if not len(whole):
        needs = f"{spec.length} rows {show_duration(spec.step * spec.interval_s)} apart, without holes"
        where = f"the window that ends at {at}" if at else "the file"
        raise DataError(f"{series.source}: {where} must hold {needs}; it does not. Choose another --at or file")
    return np.asarray(whole[-1:])


def _read_stamp(text: str) -> np.ndarray:
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(f"--at must be a time such as 2016-12-31T23:00; got {text!r}") from error
    if stamp.tzinfo is not None:
        raise ConfigError(f"--at must be without a time zone, in that of the file; got {text!r}. Leave it out")
    return np.array(stamp, "datetime64[us]")


def _stamps(series: Series, rows: np.ndarray) -> list[str]:
    times = local_times(series.times[rows], series.zone)
    return [str(time).replace("T", " ").removesuffix(":00") for time in times]


def cut_stretches(steps: int) -> np.ndarray:
    """Bounds of 12 to 24 stretches of neighbouring steps, as equal as can be, int64 `[S + 1]`; each step of few steps.

    >>> cut_stretches(240)[:3], len(cut_stretches(240))
    (array([ 0, 10, 20]), 25)
    """
    if steps <= MOST:
        return np.arange(steps + 1)
    count = max((number for number in range(FEWEST, MOST + 1) if steps % number == 0), default=MOST)
    return np.asarray(np.arange(count + 1) * steps // count)


def _pair(begins: Sequence[str], ends: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(begins, ends, strict=True))


def _stack(windows: np.ndarray, times: np.ndarray | None = None) -> WindowInputs:
    """Windows `[N, L, C]`, one behind the other, as inputs; `times` are those of each `[L]`."""
    count, steps, channels = windows.shape
    ends = np.arange(1, count + 1, dtype=np.int64) * steps
    stamps = None if times is None else np.tile(times, count)
    return WindowInputs(np.ascontiguousarray(windows.reshape(count * steps, channels)), ends, steps, 1, stamps)


def _occlude(
    answer: Callable[[np.ndarray], np.ndarray], window: np.ndarray, groups: list[list[int]], bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By how much the answer falls when a group of inputs is put at its mean.

    Args:
        answer: windows `[N, L, C]` -> `[N]`.
        window: `[L, C]`.
        groups: of channels.
        bounds: of stretches, `[S + 1]`.

    Returns:
        For each stretch, float64 `[groups, S]`, and over all of them, float64 `[groups]`.
    """
    stretches = [*zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True), (int(bounds[0]), int(bounds[-1]))]
    cases = [(group, begin, end) for group in groups for begin, end in stretches]
    found = np.empty(len(cases))
    rows = max(CHUNK // window.size, 1)
    for start in range(0, len(cases), rows):
        part = cases[start : start + rows]
        windows = np.tile(window, (len(part), 1, 1))
        for changed, (group, begin, end) in zip(windows, part, strict=True):
            changed[begin:end, group] = 0
        found[start : start + len(part)] = answer(windows)
    drops = (answer(window[None])[0] - found).reshape(len(groups), len(stretches))
    return drops[:, :-1], drops[:, -1]
