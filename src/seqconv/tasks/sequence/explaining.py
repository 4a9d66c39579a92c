"""Explains a classified sequence: what each channel and time span adds to the logit of a class."""

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from seqconv.data.records import Sequences
from seqconv.errors import OptionError
from seqconv.networks.inputs import stack_windows
from seqconv.tasks.bundle import Trained
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.explanation import Curves, GridExplanation
from seqconv.tasks.occlusion import cut_spans, occlude
from seqconv.tasks.sequence.contributions import decompose
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.sequence.padded import Padded
from seqconv.tasks.sequence.ridge_blend import RidgeBlend
from seqconv.tasks.values import Number


def explain_sequence(trained: Trained, sequence: Sequences, name: str | None = None) -> GridExplanation:
    """What each channel and time span of a sequence adds to the logit of a class, or to a number.

    Args:
        sequence: exactly one.
        name: as for `explain_text`.

    Raises:
        DataError: a different number of channels.
        ConfigError: no such class.
    """
    features: SequenceFeatures = trained.bundle.features
    target = features.target
    window = features.inputs(sequence).values
    outputs = trained.model.predict(stack_windows(window[None]))
    asked = _choose(target, outputs, name)
    steps = int(np.diff(sequence.offsets)[0])
    kept = min(steps, features.length)
    bounds = features.length - kept + cut_spans(kept)
    effects = _add_up(trained, window, bounds) or _leave_out(trained, window, bounds)
    skipped = steps - features.length
    spans = tuple((str(begin + 1 + skipped), str(end + skipped)) for begin, end in pairwise(bounds))
    curves = Curves(np.arange(steps - kept, steps) + 1, sequence.values[steps - kept :], bounds - bounds[0])
    rows = features.channels
    if effects.cells.shape[1] > len(rows):
        rows = (*rows, *(f"frequencies of {name}" for name in rows))
    laid = _Laid(rows, spans, {"steps": str(kept)}, curves)
    found = _explain(asked, outputs, effects, laid)
    if len(target.names) < 3:
        return found
    order = np.argsort([-found.probabilities[name] for name in target.names], kind="stable")
    named = [_choose(target, outputs, target.names[place]) for place in order]
    return replace(found, classes=tuple(_explain(each, outputs, effects, laid) for each in named))


class _Effects(NamedTuple):
    """What each output is made of.

    Args:
        cells: `[outputs, rows, S]`.
        whole: `[outputs, rows]`.
        constant: `[outputs]`; None: the model is not a linear function of pooled features.
    """

    cells: np.ndarray
    whole: np.ndarray
    constant: np.ndarray | None


class _Laid(NamedTuple):
    """What explanations of all outputs share, see `GridExplanation`."""

    rows: tuple[str, ...]
    spans: tuple[tuple[str, str], ...]
    facts: dict[str, str]
    curves: Curves


def _explain(asked: "_Asked", outputs: np.ndarray, effects: _Effects, laid: _Laid) -> GridExplanation:
    cells, whole = asked.scale * effects.cells[asked.output], asked.scale * effects.whole[asked.output]
    value = asked.scale * float(outputs[0, asked.output]) + asked.centre
    constant = None
    if effects.constant is not None:
        constant = asked.scale * float(effects.constant[asked.output]) + asked.centre
    found = (asked.name, value, asked.shares, laid.rows, laid.spans, cells, whole, laid.facts, laid.curves, asked.band)
    return GridExplanation(*found, answer=asked.answer, constant=constant)


def _leave_out(trained: Trained, window: np.ndarray, bounds: np.ndarray) -> _Effects:
    """How much each output falls without a channel in a span, and without it."""

    def answer(windows: np.ndarray) -> np.ndarray:
        return np.asarray(trained.model.predict(stack_windows(windows)), np.float64)

    channels = [[channel] for channel in range(len(trained.bundle.features.channels))]
    cells, whole = occlude(answer, window, channels, bounds)
    return _Effects(np.moveaxis(cells, -1, 0), whole.T, None)


def _add_up(trained: Trained, window: np.ndarray, bounds: np.ndarray) -> _Effects | None:
    """Contributions of each channel, and of its frequencies if they are read, to each span and in all, and the
    constant; None: the model is not a linear function of pooled features."""
    if not isinstance(trained.model, RidgeBlend):
        return None
    padded = Padded.of(stack_windows(window[None]), trained.bundle.features)
    found = decompose(trained.model, padded.to_view())
    steps = np.add.reduceat(found.steps[..., bounds[0] :], bounds[:-1] - bounds[0], axis=2)
    whole = found.steps.sum(axis=2)
    if found.spectrum.any():
        sizes = np.diff(bounds) / (bounds[-1] - bounds[0])
        steps = np.concatenate([steps, found.spectrum[..., None] * sizes], axis=1)
        whole = np.concatenate([whole, found.spectrum], axis=1)
    return _Effects(steps, whole, found.constant)


class _Asked(NamedTuple):
    """What is explained: an output times `scale` plus `centre`.

    Args:
        name: the class, or the number.
        shares: probability of each class; empty for a number.
        answer: the predicted class; empty for a number.
        band: bounds of the interval of a number; None: it has none.
    """

    name: str
    output: int
    scale: float
    centre: float
    shares: dict[str, float]
    answer: str
    band: tuple[float, ...] | None


def _choose(target: ClassTarget | Number, outputs: np.ndarray, name: str | None) -> _Asked:
    if isinstance(target, Number):
        if name:
            raise OptionError("class: the model predicts a number, not classes. Leave it out")
        scale, centre = target.std.item(), target.mean.item()
        return _Asked(target.names[0], 0, scale, centre, {}, "", target.find_band(outputs))
    place = target.choose_explained(outputs, name)[0]
    output, sign = target.locate(place)
    found = target.probabilities(outputs)
    shares = dict(zip(target.names, found[0].tolist(), strict=True))
    return _Asked(target.names[place], output, sign, 0.0, shares, target.name_answers(found)[0][0], None)
