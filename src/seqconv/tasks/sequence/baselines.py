"""Baselines for time-series classification: 1-nearest-neighbour with DTW, and ROCKET."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Annotated, NamedTuple, TypeVar

import numpy as np

from seqconv.networks.inputs import WindowInputs
from seqconv.networks.losses import example_losses
from seqconv.tasks.baselines import (
    BaselineKind,
    BaselineModel,
    Candidate,
    Majority,
    Say,
    Stored,
    fit_majority,
    members,
    thin,
    thin_part,
)
from seqconv.tasks.sequence import dtw, rocket
from seqconv.tasks.sequence.features import SequenceFeatures, SequencePart, SequenceSplit

DTW, ROCKET = "1-NN with dynamic time warping", "ROCKET"
MOST_ROCKET_ROWS = 10_000


def list_baselines(split: SequenceSplit, say: Say) -> list[Candidate]:
    """The baselines, and why one is left out; `say` reports what is scaled down."""
    counts = [len(part.targets) for part in (split.train, split.validation, split.test)]
    length, channels = split.train.inputs.shape[0], len(split.features.channels)
    rows, judged = counts[0], counts[1] + counts[2]
    cost = dtw.cost(rows * judged, length, channels)
    costly = (
        f"{judged:,} sequences against {rows:,} of {length} steps would take {cost / dtw.MOST_CELLS:.1f} times the "
        "work that a baseline may"
    )
    few = split.train if rows <= MOST_ROCKET_ROWS else thin_part(split.train, MOST_ROCKET_ROWS)
    kernels = rocket.affordable(len(few.targets), sum(counts), length, channels)
    if kernels < rocket.KERNELS or few is not split.train:
        say(f"{ROCKET}: {kernels:,} kernels of {rocket.KERNELS:,}, fitted on {len(few.targets):,} of {rows:,}")
    return [
        Candidate("majority", "majority class", partial(fit_majority, split)),
        Candidate("dtw", DTW, partial(fit_dtw, split) if cost <= dtw.MOST_CELLS else costly),
        Candidate("rocket", ROCKET, partial(fit_rocket, split, few, kernels)),
    ]


class Padded(NamedTuple):
    """N sequences of at most L steps, without a mask channel.

    Args:
        values: float32 `[N, L, C]`; padded in front, so that every sequence ends at step L.
        starts: step at which each sequence begins, int64 `[N]`.
    """

    values: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, inputs: WindowInputs, features: SequenceFeatures) -> "Padded":
        """The scaled sequences of a network's inputs."""
        values = inputs.gather(np.arange(len(inputs)))
        count, length = values.shape[:2]
        steps = values[..., -1].sum(axis=1).astype(np.int64) if features.masked else np.full(count, length)
        return cls(np.ascontiguousarray(values[..., : len(features.channels)]), length - steps)

    def stretch(self, units: np.ndarray) -> "Padded":
        """Each channel multiplied by its unit, `units` `[C]`."""
        return Padded(self.values * units, self.starts)

    def take(self, rows: slice | np.ndarray) -> "Padded":
        """The sequences at `rows`."""
        return Padded(self.values[rows], self.starts[rows])


@dataclass(frozen=True)
class Dtw(BaselineModel[SequenceFeatures, WindowInputs]):
    """The class of the nearest training sequence.

    Args:
        values, starts: the training sequences, see `Padded`, multiplied by `units`.
        inside: which of them are of each class, bool `[N, classes]`.
        units: factor of each channel, `[C]`.
        band: by how many steps two aligned steps may differ at most, one number.
        scale: factor that turns distances into logits, one number.
    """

    features: SequenceFeatures
    values: Annotated[np.ndarray, Stored(np.float32, "N L C")]
    starts: Annotated[np.ndarray, Stored(np.int64, "N", 0, "L")]
    inside: Annotated[np.ndarray, Stored(np.bool_, "N classes")]
    units: Annotated[np.ndarray, Stored(np.float32, "C")]
    band: Annotated[np.ndarray, Stored(np.int64, "1", 0, "L")]
    scale: Annotated[np.ndarray, Stored(np.float64, "1")]

    @property
    def lengths(self) -> dict[str, int]:
        features = self.features
        return {"L": features.length, "C": len(features.channels), "classes": len(features.classes)}

    def predict(self, inputs: WindowInputs) -> np.ndarray:
        judged = Padded.of(inputs, self.features).stretch(self.units)
        distances = dtw.pairwise_distances(*judged, self.values, self.starts, self.band.item())
        nearest = dtw.nearest_by_class(distances, self.inside)
        margins = nearest[:, :1] - nearest[:, 1:] if self.features.target.outputs == 1 else -nearest
        return np.asarray(self.scale * margins)


def fit_dtw(split: SequenceSplit) -> Dtw:
    """1-nearest-neighbour with dynamic time warping, all channels warped together.

    The window is learned where all sequences have the same length (otherwise any two steps may be aligned), and for
    several channels whether they keep their own units or are scaled. Both minimise the leave-one-out error on the
    training sequences, thinned if there are many; ties go to the narrowest window and to the own units.

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
    bands = [length] if features.masked else dtw.bands(length)
    some = thin(np.arange(len(inside)), max(dtw.affordable(length, channels), 2))

    def errors(candidate: tuple[np.ndarray, int]) -> int:
        return dtw.count_errors(*train.take(some).stretch(candidate[0]), inside[some], candidate[1])

    unit, band = min(product(units, bands), key=errors)
    return _fit_scale(Dtw(features, *train.stretch(unit), inside, unit, np.array([band]), np.ones(1)), split)


@dataclass(frozen=True)
class Rocket(BaselineModel[SequenceFeatures, WindowInputs]):
    """A linear function of the fraction of positive values and the maximum of many random convolutions.

    Args:
        groups, kernels, biases: see `rocket.pack`.
        centre, spread: mean and standard deviation of the features in the training rows, `[F]`.
        weights, bias: `[F, outputs]` and `[outputs]`.
        scale: factor that turns margins into logits, one number.
    """

    features: SequenceFeatures
    groups: Annotated[np.ndarray, Stored(np.int64, "G 4", 0)]
    kernels: Annotated[np.ndarray, Stored(np.float32, "values")]
    biases: Annotated[np.ndarray, Stored(np.float32, "kernels")]
    centre: Annotated[np.ndarray, Stored(np.float32, "F")]
    spread: Annotated[np.ndarray, Stored(np.float32, "F", 1e-30)]
    weights: Annotated[np.ndarray, Stored(np.float64, "F outputs")]
    bias: Annotated[np.ndarray, Stored(np.float64, "outputs")]
    scale: Annotated[np.ndarray, Stored(np.float64, "1")]

    def check(self) -> None:
        features = self.features
        if len(self.centre) != 2 * len(self.biases):
            raise ValueError(f"centre must be two numbers a kernel, {2 * len(self.biases)}; got {len(self.centre)}")
        rocket.check_groups(self.groups, features.length, len(features.channels), len(self.kernels), len(self.biases))

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
    """Ridge classifier on the fraction of positive values and the maximum of many random convolutions.

    The penalty is chosen by leave-one-out cross-validation. A ridge classifier gives margins around zero, not logits:
    they are scaled to minimise the loss of the validation rows, which changes no predicted class.

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
    return _fit_scale(Rocket(features, *rocket.pack(groups), centre, spread, weights, bias, np.ones(1)), split)


Scalable = TypeVar("Scalable", Dtw, Rocket)


def _fit_scale(model: Scalable, split: SequenceSplit) -> Scalable:
    """The model with its outputs scaled to minimise the loss of the validation rows."""
    loss, found = split.features.target.loss, model.predict(split.validation.inputs)
    unit = float((found.std(axis=1) if found.shape[1] > 1 else np.abs(found)).mean()) or 1.0
    # even if every row is right, the odds are at most the number of rows to one
    sizes = np.geomspace(0.25, max(np.log(len(found) + 1), 0.5), 9) / unit

    def error(scale: float) -> float:
        return float(example_losses(scale * found, split.validation.targets, loss).mean())

    return replace(model, scale=np.array([min(sizes, key=error)]))


BASELINES = {
    "majority": BaselineKind(Majority, "the majority class"),
    "dtw": BaselineKind(Dtw, "1-nearest-neighbour with dynamic time warping"),
    "rocket": BaselineKind(Rocket),
}
