"""Baselines for sequences: the nearest neighbour under time warping, and a linear classifier on random kernels."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from seqconv.baselines import rocket, warping
from seqconv.baselines.common import Fit, Predict, Say, class_loss, guess_majority, members, thin_part
from seqconv.features import SequenceFeatures
from seqconv.metrics import example_losses
from seqconv.splits import Part, Split
from seqconv.windows import WindowInputs

WARPING, ROCKET = "1-NN with dynamic time warping", "ROCKET"
MOST_ROCKET_ROWS = 20_000
ALPHAS = np.logspace(-3, 3, 10)  # as in the reference code of ROCKET
SHARPNESS = np.geomspace(0.25, 64, 9)  # tried scales of logits


class Sequences(NamedTuple):
    """N sequences as they are: `values` float32 `[N, L, C]`, that of example n from step `starts[n]` on."""

    values: np.ndarray
    starts: np.ndarray

    def take(self, rows: slice) -> "Sequences":
        """The sequences at `rows`."""
        return Sequences(self.values[rows], self.starts[rows])


def sequence_baselines(split: Split, say: Say) -> dict[str, Fit]:
    """The baselines by name; `say` hears what is left out or made smaller, and why."""
    found: dict[str, Fit] = {"majority class": partial(guess_majority, split)}
    counts = [len(part.targets) for part in (split.train, split.validation, split.test)]
    length, channels = split.train.inputs.shape
    cost = warping.cost(counts, length, channels)
    if cost <= warping.MOST_CELLS:
        found[WARPING] = partial(fit_warping, split)
    else:
        rows, judged = counts[0], counts[1] + counts[2]
        say(
            f"{WARPING}: left out, {judged:,} sequences against {rows:,} of {length} steps would take "
            f"{cost / warping.MOST_CELLS:.1f} times the work that a baseline may"
        )
    few = split.train if counts[0] <= MOST_ROCKET_ROWS else thin_part(split.train, MOST_ROCKET_ROWS)
    kernels = rocket.affordable(len(few.targets), sum(counts), length, channels)
    if kernels < rocket.KERNELS or few is not split.train:
        say(f"{ROCKET}: {kernels:,} kernels of {rocket.KERNELS:,}, fitted on {len(few.targets):,} of {counts[0]:,}")
    found[ROCKET] = partial(fit_rocket, split, few, kernels)
    return found


def read_sequences(part: Part, features: SequenceFeatures) -> Sequences:
    """The part's sequences without their mask."""
    assert isinstance(part.inputs, WindowInputs)
    values = part.inputs.gather(np.arange(len(part.inputs)))
    length, channels = values.shape[1], len(features.channels)
    starts = length - values[..., -1].sum(axis=1).astype(np.int64) if features.masked else np.zeros(len(values), int)
    return Sequences(np.ascontiguousarray(values[..., :channels]), starts)


def fit_warping(split: Split) -> Predict:
    """The class of the nearest training sequence under dynamic time warping, all channels warped together.

    Where all sequences have one length the window is learned: the one with the fewest errors when each training
    sequence is classified by the others, the narrowest of equals. Else the whole square is open.

    Reference: Dau et al. 2019, "The UCR time series archive", section III (learned window); Shokoohi-Yekta et al.
    2017, "Generalizing DTW to the multi-dimensional case requires an adaptive approach" (channels together).
    """
    features = _sequence_features(split)
    train, inside = read_sequences(split.train, features), members(split)
    if inside.shape[1] == 1:
        inside = np.concatenate([~inside, inside], axis=1)
    others = [read_sequences(part, features) for part in (split.validation, split.test)]
    alike = not any(each.starts.any() for each in (train, *others))
    band = warping.learn_band(train.values, inside) if alike else train.values.shape[1]

    def distances(part: Part) -> np.ndarray:
        found = read_sequences(part, features)
        each = warping.warp(found.values, train.values, band, found.starts, train.starts)
        nearest = warping.nearest(each, inside)
        return nearest[:, :1] - nearest[:, 1:] if features.outputs == 1 else -nearest

    return _sharpen(distances, split)


def fit_rocket(split: Split, train: Part, kernels: int) -> Predict:
    """Ridge classifier on the share of positive values and the maximum of many random convolutions.

    The penalty is chosen by leaving one out. Outputs are margins around zero, not probabilities: they are scaled so
    that the loss of the validation rows is smallest, which changes no class.

    Reference: Dempster, Petitjean and Webb 2020, "ROCKET: exceptionally fast and accurate time series classification
    using random convolutional kernels", arXiv:1910.13051, section 3.
    """
    from sklearn.linear_model import RidgeCV
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    features = _sequence_features(split)
    found = read_sequences(train, features)
    shape = found.values.shape
    groups = rocket.draw_kernels(kernels, shape[1], shape[2], np.random.default_rng(0))
    x = rocket.transform(found.values, found.starts, groups)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-8] = 1
    signs = 2.0 * members(Split(train, split.validation, split.test, features, {})) - 1
    with threadpool_limits(1):
        model = RidgeCV(ALPHAS).fit((x - centre) / spread, signs)

    def margins(part: Part) -> np.ndarray:
        judged = read_sequences(part, features)
        chunk = max(1, rocket.MOST_VALUES // (2 * kernels))
        pieces = [judged.take(slice(first, first + chunk)) for first in range(0, len(judged.values), chunk)]
        each = [(rocket.transform(*piece, groups) - centre) / spread for piece in pieces]
        return np.concatenate([model.predict(x).reshape(len(x), -1) for x in each])

    return _sharpen(margins, split)


def _sequence_features(split: Split) -> SequenceFeatures:
    assert isinstance(split.features, SequenceFeatures)
    return split.features


def _sharpen(margins: Callable[[Part], np.ndarray], split: Split) -> Predict:
    """Margins times the number that makes the loss of the validation rows smallest."""
    loss, found = class_loss(split.features), margins(split.validation)
    unit = 1 / max(float(np.abs(found - found.mean(axis=1, keepdims=True)).mean() if found.shape[1] > 1 else np.abs(found).mean()), 1e-12)
    scales = unit * SHARPNESS
    best = min(scales, key=lambda scale: float(example_losses(scale * found, split.validation.targets, loss).mean()))
    return lambda part: best * margins(part)
