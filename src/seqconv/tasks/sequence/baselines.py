"""Baselines for sequences: 1-nearest-neighbour with DTW, ROCKET and its successors."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Annotated, TypeVar

import numpy as np

from seqconv.networks.inputs import WindowInputs
from seqconv.tasks.baselines import (
    SIMPLEST,
    Arrays,
    BaselineKind,
    BaselineModel,
    Candidate,
    Say,
    Stored,
    list_simplest,
    members,
    thin,
    thin_part,
)
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.sequence import dtw, ridge_blend, rocket
from seqconv.tasks.sequence.features import SequenceFeatures, SequencePart, SequenceSplit
from seqconv.tasks.sequence.padded import Padded
from seqconv.tasks.sequence.ridge import solve_ridge
from seqconv.tasks.stacking import find_scale

DTW, ROCKET = "1-NN with dynamic time warping", "ROCKET"
MOST_ROCKET_ROWS = 10_000
BLENDS = {
    "minirocket": "MiniRocket",
    "multirocket": "MultiRocket",
    "hydra": "Hydra",
    "multirocket-hydra": "MultiRocket-Hydra",
    "quant": "QUANT with ridge",
    "blend": "MultiRocket-Hydra + QUANT",
}


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
    classes = isinstance(split.features.target, ClassTarget)
    warped = partial(fit_dtw, split) if cost <= dtw.MOST_CELLS else costly
    return [
        *list_simplest(split),
        Candidate("dtw", DTW, warped, classes),
        Candidate("rocket", ROCKET, partial(_fit_some_rocket, split, sum(counts), say), usual=False),
        *(
            Candidate(kind, name, partial(_fit_some_blend, split, kind, sum(counts), say), usual=kind == "blend")
            for kind, name in BLENDS.items()
        ),
    ]


def _fit_some_rocket(split: SequenceSplit, total: int, say: Say) -> "Rocket":
    """ROCKET on as many rows and with as many kernels as a baseline may use; `total` counts all rows."""
    few, rows = thin_part(split.train, MOST_ROCKET_ROWS), len(split.train.targets)
    kernels = rocket.affordable(len(few.targets), total, few.inputs.shape[0], len(split.features.channels))
    if kernels < rocket.KERNELS or few is not split.train:
        say(f"{ROCKET}: {kernels:,} kernels of {rocket.KERNELS:,}, fitted on {len(few.targets):,} of {rows:,}")
    return fit_rocket(split, few, kernels)


def _fit_some_blend(split: SequenceSplit, kind: str, total: int, say: Say) -> ridge_blend.RidgeBlend:
    """Likewise one of the ridge classifiers, or their blend."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    few, rows = thin_part(split.train, ridge_blend.MOST_ROWS), len(split.train.targets)
    size = ridge_blend.affordable(kind, len(few.targets), total, few.inputs.shape[0])
    if size < 1 or few is not split.train:
        say(f"{BLENDS[kind]}: {100 * size:.0f} % of its features, fitted on {len(few.targets):,} of {rows:,}")
    with threadpool_limits(1):  # several threads sum in another order
        return ridge_blend.fit_blend(replace(split, train=few), kind, size)


@dataclass(frozen=True)
class Dtw(BaselineModel[SequenceFeatures, WindowInputs]):
    """The class, or the number, of the nearest training sequence.

    Args:
        values, starts: the training sequences, see `Padded`, multiplied by `units`.
        inside: which of them are of each class, bool `[N, classes]`; no classes: a number is predicted.
        numbers: scaled, `[N, 1]`; `[N, 0]` where classes are predicted, as in earlier versions.
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
    numbers: Annotated[np.ndarray, Stored(np.float64, "N numbers")]

    @property
    def lengths(self) -> dict[str, int]:
        features, classes = self.features, len(self.features.classes)
        return {"L": features.length, "C": len(features.channels), "classes": classes, "numbers": int(not classes)}

    @classmethod
    def complete(cls, arrays: Arrays) -> Arrays:
        return {"numbers": np.zeros((len(arrays.get("values", ())), 0))} | arrays

    def predict(self, inputs: WindowInputs) -> np.ndarray:
        judged = Padded.of(inputs, self.features).stretch(self.units)
        distances = dtw.pairwise_distances(*judged, self.values, self.starts, self.band.item())
        if self.numbers.shape[1]:
            return np.asarray(self.numbers[distances.argmin(axis=1)])
        nearest = dtw.nearest_by_class(distances, self.inside)
        margins = nearest[:, :1] - nearest[:, 1:] if self.features.target.outputs == 1 else -nearest
        return np.asarray(self.scale * margins)


def fit_dtw(split: SequenceSplit) -> Dtw:
    """1-nearest-neighbour with dynamic time warping, all channels warped together.

    The window is learned where all sequences have the same length (otherwise any two steps may be aligned), and for
    several channels whether they keep their own units or are scaled. Both minimise the leave-one-out error on the
    training sequences, thinned if there are many; ties go to the narrowest window and to the own units.

    Reference: Dau et al. 2019, "The UCR time series archive", section III (learned window); Shokoohi-Yekta et al.
    2017, "Generalizing DTW to the multi-dimensional case requires an adaptive approach" (channels together); Tan et al.
    2021, "Time series extrinsic regression", Data Mining and Knowledge Discovery 35 (numbers).
    """
    features = split.features
    train = Padded.of(split.train.inputs, features)
    inside, numbers = _list_outcomes(split)
    length, channels = train.values.shape[1:]
    spread = features.scaler.std
    scaled, own = np.ones(channels, np.float32), (spread / spread.max()).astype(np.float32)
    units = [scaled] if channels == 1 else [own, scaled]
    bands = [length] if features.masked else dtw.bands(length)
    some = thin(np.arange(len(inside)), max(dtw.affordable(length, channels), 2))

    def errors(candidate: tuple[np.ndarray, int]) -> float:
        known = *train.take(some).stretch(candidate[0]), (inside if len(features.classes) else numbers)[some]
        return (dtw.count_errors if len(features.classes) else dtw.add_squared_errors)(*known, candidate[1])

    unit, band = min(product(units, bands), key=errors)
    arrays = inside, unit, np.array([band]), np.ones(1), numbers
    return _fit_scale(Dtw(features, *train.stretch(unit), *arrays), split)


def _list_outcomes(split: SequenceSplit) -> tuple[np.ndarray, np.ndarray]:
    """Classes and numbers of the training sequences, see `Dtw`."""
    target, count = split.features.target, len(split.train.targets)
    if not isinstance(target, ClassTarget):
        return np.zeros((count, 0), bool), np.asarray(split.train.targets, np.float64)
    inside = members(split)
    inside = np.concatenate([~inside, inside], axis=1) if target.outputs == 1 else inside
    return inside, np.zeros((count, 0))


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
    from threadpoolctl import threadpool_limits

    features, train = split.features, ridge_blend.drop_weightless(train)
    found = Padded.of(train.inputs, features)
    length, channels = found.values.shape[1:]
    groups = rocket.draw_kernels(kernels, length, channels, np.random.default_rng(0))
    x = rocket.transform(*found, groups)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-8] = 1
    wanted = features.target.to_regress(np.asarray(train.targets))
    with threadpool_limits(1):
        weights, bias = solve_ridge((x - centre) / spread, wanted, train.example_weights)
    return _fit_scale(Rocket(features, *rocket.pack(groups), centre, spread, weights, bias, np.ones(1)), split)


Scalable = TypeVar("Scalable", Dtw, Rocket)


def _fit_scale(model: Scalable, split: SequenceSplit) -> Scalable:
    """The model with its outputs scaled to minimise the loss of the validation rows."""
    if not isinstance(split.features.target, ClassTarget):
        return model
    validation = split.validation
    scale = find_scale(model.predict(validation.inputs), validation.targets, split.features.target.loss)
    return replace(model, scale=np.array([scale]))


BASELINES = {
    **SIMPLEST,
    "dtw": BaselineKind(Dtw, "1-nearest-neighbour with dynamic time warping"),
    "rocket": BaselineKind(Rocket),
    **{kind: BaselineKind(ridge_blend.RidgeBlend) for kind in BLENDS},
}
