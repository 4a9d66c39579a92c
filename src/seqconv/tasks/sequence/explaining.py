"""Explains a classified sequence: what each channel and time span adds to the logit of a class."""

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
    """What each channel and time span of a sequence adds to the logit of a class.

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
    groups = [[channel] for channel in range(len(features.channels))]

    def answer(windows: np.ndarray) -> np.ndarray:
        return asked.scale * np.asarray(trained.model.predict(stack_windows(windows))[:, asked.output], np.float64)

    exact = _add_up(trained, window, asked, bounds)
    cells, whole = exact[:2] if exact else occlude(answer, window, groups, bounds)
    skipped = steps - features.length
    spans = tuple((str(begin + 1 + skipped), str(end + skipped)) for begin, end in pairwise(bounds))
    value = asked.scale * float(outputs[0, asked.output]) + asked.centre
    facts = {"steps": str(kept)}
    curves = Curves(np.arange(steps - kept, steps) + 1, sequence.values[steps - kept :], bounds - bounds[0])
    rows = features.channels
    if len(cells) > len(rows):
        rows = (*rows, *(f"frequencies of {name}" for name in rows))
    constant = exact[2] if exact else None
    found = (asked.name, value, asked.shares, rows, spans, cells, whole, facts, curves, asked.band)
    return GridExplanation(*found, answer=asked.answer, constant=constant)


def _add_up(
    trained: Trained, window: np.ndarray, asked: "_Asked", bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Contributions of each channel, and of its frequencies if they are read, to each span and in all, and the
    constant; None: the model is not a linear function of pooled features."""
    if not isinstance(trained.model, RidgeBlend):
        return None
    padded = Padded.of(stack_windows(window[None]), trained.bundle.features)
    found = decompose(trained.model, padded.to_view(), asked.output)
    steps = np.add.reduceat(found.steps[:, bounds[0] :], bounds[:-1] - bounds[0], axis=1)
    whole = found.steps.sum(axis=1)
    if found.spectrum.any():
        sizes = np.diff(bounds) / (bounds[-1] - bounds[0])
        steps, whole = np.concatenate([steps, found.spectrum[:, None] * sizes]), np.append(whole, found.spectrum)
    return asked.scale * steps, asked.scale * whole, asked.scale * found.constant + asked.centre


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
        answer = target.answer(outputs)
        band = tuple(float(answer[each][0]) for each in ("low", "high")) if "low" in answer else None
        return _Asked(target.names[0], 0, target.std.item(), target.mean.item(), {}, "", band)
    place = target.choose_explained(outputs, name)[0]
    output, sign = target.locate(place)
    found = target.probabilities(outputs)
    shares = dict(zip(target.names, found[0].tolist(), strict=True))
    return _Asked(target.names[place], output, sign, 0.0, shares, target.name_answers(found)[0][0], None)
