"""Baselines for sequences: the nearest neighbour under time warping, and a linear classifier on random kernels."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np

from seqconv.networks.inputs import WindowInputs
from seqconv.networks.losses import example_losses
from seqconv.tasks.baselines import (
    BaselineKind,
    BaselineModel,
    Candidate,
    Majority,
    Say,
    fit_majority,
    members,
    thin,
    thin_part,
)
from seqconv.tasks.sequence import rocket, warping
from seqconv.tasks.sequence.features import SequenceFeatures, SequencePart, SequenceSplit

WARPING, ROCKET = "1-NN with dynamic time warping", "ROCKET"


MOST_ROCKET_ROWS = 10_000


def list_baselines(split: SequenceSplit, say: Say) -> list[Candidate]:
    """The baselines, and why one is left out; `say` hears what is made smaller."""
    counts = [len(part.targets) for part in (split.train, split.validation, split.test)]
    length, channels = split.train.inputs.shape[0], len(split.features.channels)
    rows, judged = counts[0], counts[1] + counts[2]
    cost = warping.cost(rows * judged, length, channels)
    costly = (
        f"{judged:,} sequences against {rows:,} of {length} steps would take {cost / warping.MOST_CELLS:.1f} times the "
        "work that a baseline may"
    )
    few = split.train if rows <= MOST_ROCKET_ROWS else thin_part(split.train, MOST_ROCKET_ROWS)
    kernels = rocket.affordable(len(few.targets), sum(counts), length, channels)
    if kernels < rocket.KERNELS or few is not split.train:
        say(f"{ROCKET}: {kernels:,} kernels of {rocket.KERNELS:,}, fitted on {len(few.targets):,} of {rows:,}")
    return [
        Candidate("majority", "majority class", partial(fit_majority, split)),
        Candidate("dtw", WARPING, partial(fit_warping, split) if cost <= warping.MOST_CELLS else costly),
        Candidate("rocket", ROCKET, partial(fit_rocket, split, few, kernels)),
    ]


class Padded(NamedTuple):
    """N sequences of at most L steps without a mask.

    Args:
        values: float32 `[N, L, C]`; the last step of a sequence is the last here.
        starts: step at which each begins, int64 `[N]`.
    """

    values: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, inputs: WindowInputs, features: SequenceFeatures) -> "Padded":
        """The sequences of inputs, scaled."""
        values = inputs.gather(np.arange(len(inputs)))
        count, length = values.shape[:2]
        steps = values[..., -1].sum(axis=1).astype(np.int64) if features.masked else np.full(count, length)
        return cls(np.ascontiguousarray(values[..., : len(features.channels)]), length - steps)

    def stretch(self, units: np.ndarray) -> "Padded":
        """Channels times `units` `[C]`."""
        return Padded(self.values * units, self.starts)

    def take(self, rows: slice | np.ndarray) -> "Padded":
        """The sequences at `rows`."""
        return Padded(self.values[rows], self.starts[rows])


@dataclass(frozen=True)
class Warping(BaselineModel[SequenceFeatures, WindowInputs]):
    """The class of the nearest training sequence.

    Args:
        values, starts: the training sequences, see `Padded`, times `units`.
        inside: which of them are of each class, bool `[N, classes]`.
        units: `[C]`.
        band: how far two steps that meet may lie apart, one number.
        scale: of distances, one number.
    """

    features: SequenceFeatures
    values: np.ndarray
    starts: np.ndarray
    inside: np.ndarray
    units: np.ndarray
    band: np.ndarray
    scale: np.ndarray

    def predict(self, inputs: WindowInputs) -> np.ndarray:
        judged = Padded.of(inputs, self.features).stretch(self.units)
        distances = warping.warp(*judged, self.values, self.starts, self.band.item())
        nearest = warping.nearest(distances, self.inside)
        margins = nearest[:, :1] - nearest[:, 1:] if self.features.target.outputs == 1 else -nearest
        return np.asarray(self.scale * margins)


def fit_warping(split: SequenceSplit) -> Warping:
    """The class of the nearest training sequence under dynamic time warping, all channels warped together.

    Learned are the window, where all sequences have one length (else the whole square is open), and for several
    channels whether they count in their own units or scaled: what makes the fewest errors when each training sequence
    is classified by the others, the narrowest window and the own units of equals. Many are thinned for that.

    Reference: Dau et al. 2019, "The UCR time series archive", section III (learned window); Shokoohi-Yekta et al.
    2017, "Generalizing DTW to the multi-dimensional case requires an adaptive approach" (channels together).
    """
    features = split.features
    train, inside = Padded.of(split.train.inputs, features), members(split)
    if features.target.outputs == 1:
        inside = np.concatenate([~inside, inside], axis=1)
    length, channels = train.values.shape[1:]
    spread = features.scaler.std
    scaled, own = np.ones(channels, np.float32), (spread / spread.max()).astype(np.float32)
    units = [scaled] if channels == 1 else [own, scaled]
    bands = [length] if features.masked else warping.bands(length)
    some = thin(np.arange(len(inside)), max(warping.affordable(length, channels), 2))

    def errors(candidate: tuple[np.ndarray, int]) -> int:
        return warping.count_errors(*train.take(some).stretch(candidate[0]), inside[some], candidate[1])

    unit, band = min(product(units, bands), key=errors)
    return _sharpen(Warping(features, *train.stretch(unit), inside, unit, np.array([band]), np.ones(1)), split)


@dataclass(frozen=True)
class Rocket(BaselineModel[SequenceFeatures, WindowInputs]):
    """A linear function of the share of positive values and the maximum of many random convolutions.

    Args:
        groups, kernels, biases: see `rocket.pack`.
        centre, spread: of the training rows' features, `[F]`.
        weights, bias: `[F, outputs]` and `[outputs]`.
        scale: of margins, one number.
    """

    features: SequenceFeatures
    groups: np.ndarray
    kernels: np.ndarray
    biases: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    scale: np.ndarray

    def predict(self, inputs: WindowInputs) -> np.ndarray:
        judged = Padded.of(inputs, self.features)
        groups = rocket.unpack(self.groups, self.kernels, self.biases, len(self.features.channels))
        chunk = max(1, rocket.MOST_VALUES // len(self.centre))
        found = np.empty((len(judged.values), self.features.target.outputs))
        for first in range(0, len(found), chunk):
            rows = slice(first, first + chunk)
            x = (rocket.transform(*judged.take(rows), groups) - self.centre) / self.spread
            found[rows] = x @ self.weights + self.bias
        return np.asarray(self.scale * found)


def fit_rocket(split: SequenceSplit, train: SequencePart, kernels: int) -> Rocket:
    """Ridge classifier on the share of positive values and the maximum of many random convolutions.

    The penalty is chosen by leaving one out. Outputs are margins around zero, not probabilities: they are scaled so
    that the loss of the validation rows is smallest, which changes no class.

    Reference: Dempster, Petitjean and Webb 2020, "ROCKET: exceptionally fast and accurate time series classification
    using random convolutional kernels", arXiv:1910.13051, section 3.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    features = split.features
    found = Padded.of(train.inputs, features)
    length, channels = found.values.shape[1:]
    groups = rocket.draw_kernels(kernels, length, channels, np.random.default_rng(0))
    x = rocket.transform(*found, groups)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-8] = 1
    signs = 2.0 * members(replace(split, train=train)) - 1
    with threadpool_limits(1):
        weights, bias = rocket.solve_ridge((x - centre) / spread, signs)
    return _sharpen(Rocket(features, *rocket.pack(groups), centre, spread, weights, bias, np.ones(1)), split)


Sharp = TypeVar("Sharp", Warping, Rocket)


def _sharpen(model: Sharp, split: SequenceSplit) -> Sharp:
    """The model with its margins times the number that makes the loss of the validation rows smallest."""
    loss, found = split.features.target.loss, model.predict(split.validation.inputs)
    unit = float((found.std(axis=1) if found.shape[1] > 1 else np.abs(found)).mean()) or 1.0
    # rows that are all right allow odds of their number to one, no more
    sizes = np.geomspace(0.25, max(np.log(len(found) + 1), 0.5), 9) / unit

    def error(scale: float) -> float:
        return float(example_losses(scale * found, split.validation.targets, loss).mean())

    return replace(model, scale=np.array([min(sizes, key=error)]))


BASELINES = {
    "majority": BaselineKind(Majority, "the majority class"),
    "dtw": BaselineKind(Warping, "1-nearest-neighbour with dynamic time warping"),
    "rocket": BaselineKind(Rocket),
}
