"""Ridge regressions on features that are not trained (random kernels, quantiles of intervals), alone or blended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Annotated, Any, NamedTuple

import numpy as np

from seqconv.networks.inputs import WindowInputs
from seqconv.networks.threads import count_threads
from seqconv.tasks.baselines import Arrays, BaselineModel, Stored
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.sequence.convolutions import (
    GROUP,
    KERNELS,
    POOLS,
    WIDTH,
    Hydra,
    MultiRocket,
    draw_hydra,
    fit_multirocket,
)
from seqconv.tasks.sequence.features import SequenceFeatures, SequencePart, SequenceSplit
from seqconv.tasks.sequence.intervals import Quantiles
from seqconv.tasks.sequence.padded import Padded
from seqconv.tasks.sequence.ridge import (
    RELATIVE_PENALTIES,
    average,
    factorise,
    factorise_products,
    fit_ridge,
)
from seqconv.tasks.sequence.rocket_graph import DRAWN, draw_rockets, read_view
from seqconv.tasks.sequence.views import DIFFERENCES, SECOND_DIFFERENCES, SPECTRUM, STEPS, View
from seqconv.tasks.stacking import find_shift, weigh

BIASES, GROUPS = 6250, 32  # of each view, as in the authors' code
MOST_ROWS = 10_000  # that are fitted to
MOST_SOLVED = 3000  # rows or features, whichever are fewer: a factorisation takes time cubic in them
MOST_PRODUCTS = 2e11  # of the features of all pairs of rows
MOST_VALUES = 1e11  # biases times steps of all sequences
MOST_KEPT = 50_000_000  # features of the training rows that are kept in memory rather than made again
WEIGHTED = 5e-6  # penalties where rows count differently are larger
LEAST_SPREAD = 0.01  # of a quantile, as a fraction of the root mean square of all of them
CHUNK = 10_000_000  # features of the rows that are predicted together

Part = MultiRocket | Hydra | Quantiles


class Member(NamedTuple):
    """One ridge classifier.

    Args:
        views: what its features read, see `views`.
        pools: features of each bias of MultiRocket's kernels: 4, or 1, the fraction of values above it; 0: none.
        hydra: Hydra's kernels.
        quantiles: of intervals.
    """

    views: tuple[int, ...]
    pools: int = 0
    hydra: bool = False
    quantiles: bool = False


CHANGES = (STEPS, DIFFERENCES)
INTERVALS = Member((STEPS, DIFFERENCES, SECOND_DIFFERENCES, SPECTRUM), quantiles=True)
KINDS = {
    "minirocket": (Member((STEPS,), pools=1),),
    "multirocket": (Member(CHANGES, pools=POOLS),),
    "hydra": (Member(CHANGES, hydra=True),),
    "multirocket-hydra": (Member(CHANGES, pools=POOLS, hydra=True),),
    "quant": (INTERVALS,),
    "blend": (*(Member((view,), pools=POOLS, hydra=True) for view in (STEPS, DIFFERENCES, SPECTRUM)), INTERVALS),
}


NONE, NONE_READ = np.zeros(0, np.int64), np.zeros(0, np.int32)
NO_ROCKET = MultiRocket(0, 0, NONE, NONE, np.zeros(0, np.float32), NONE_READ, np.zeros((0, KERNELS), np.int32))
NO_HYDRA = Hydra(0, NONE, np.zeros((0, 1, WIDTH, GROUP), np.float32), NONE_READ, np.zeros((0, 1), np.int32))


@dataclass(frozen=True)
class RidgeBlend(BaselineModel[SequenceFeatures, WindowInputs]):
    """A linear function of features that are not trained; several ridge classifiers of them add up to one.

    Args:
        rocket_views, ...: MultiRocket's kernels of every view, joined; see `MultiRocket`; views and `pools` int64
            `[D]`.
        hydra_views, ...: likewise Hydra's, see `Hydra`.
        quantile_views: views whose intervals are read, int64.
        share: see `Quantiles`, int64 `[1]`.
        centre: mean of each feature in the training rows, which explanations start from; 0 in earlier versions.
        weights: of the features of MultiRocket, of Hydra and of intervals, each by view, float32 `[F, outputs]`.
        bias: `[outputs]`.
    """

    features: SequenceFeatures
    rocket_views: Annotated[np.ndarray, Stored(np.int64, "D", 0, SPECTRUM)]
    rocket_pools: Annotated[np.ndarray, Stored(np.int64, "D", 1, POOLS)]
    rocket_dilations: Annotated[np.ndarray, Stored(np.int64, "D", 1, "L")]
    rocket_bias_counts: Annotated[np.ndarray, Stored(np.int64, "D", 0)]
    rocket_biases: Annotated[np.ndarray, Stored(np.float32, "biases")]
    rocket_channels: Annotated[np.ndarray, Stored(np.int32, "reads", 0)]
    rocket_channel_counts: Annotated[np.ndarray, Stored(np.int32, "D 84", 1, "C")]
    hydra_views: Annotated[np.ndarray, Stored(np.int64, "E", 0, SPECTRUM)]
    hydra_dilations: Annotated[np.ndarray, Stored(np.int64, "E", 1, "L")]
    hydra_weights: Annotated[np.ndarray, Stored(np.float32, "E G 9 8")]
    hydra_channels: Annotated[np.ndarray, Stored(np.int32, "hydra_reads", 0)]
    hydra_channel_counts: Annotated[np.ndarray, Stored(np.int32, "E G", 1, "C")]
    quantile_views: Annotated[np.ndarray, Stored(np.int64, "V", 0, SPECTRUM)]
    share: Annotated[np.ndarray, Stored(np.int64, "1", 1)]
    centre: Annotated[np.ndarray, Stored(np.float32, "F")]
    weights: Annotated[np.ndarray, Stored(np.float32, "F outputs")]
    bias: Annotated[np.ndarray, Stored(np.float64, "outputs")]

    @property
    def lengths(self) -> dict[str, int]:
        return super().lengths | {"L": self.features.length, "C": len(self.features.channels)}

    @classmethod
    def complete(cls, arrays: Arrays) -> Arrays:
        return {"centre": np.zeros(len(arrays.get("weights", ())), np.float32)} | arrays

    @property
    def parts(self) -> list[Part]:
        """Kernels and intervals, in the order of their weights."""
        return self._unpack()

    def check(self) -> None:
        count = sum(part.count for part in self._unpack())
        if count != len(self.weights):
            raise ValueError(f"weights must be of {count} features; got {len(self.weights)}")
        if not set(self.rocket_pools.tolist()) <= {1, POOLS}:
            raise ValueError(f"rocket_pools must be 1 or {POOLS}; got {sorted(set(self.rocket_pools.tolist()))}")
        if any(len(np.unique(self.rocket_pools[own])) > 1 for _, own in _by_view(self.rocket_views)):
            raise ValueError("rocket_pools must be the same for all kernels of a view")

    def predict(self, inputs: WindowInputs) -> np.ndarray:
        parts, threads = self._unpack(), count_threads(0)
        seen = Padded.of(inputs, self.features).to_view()
        weights = np.split(self.weights.astype(np.float64), np.cumsum([part.count for part in parts])[:-1])
        found = np.tile(self.bias, (len(seen.values), 1))
        chunk = max(1, CHUNK // max(part.count for part in parts))
        for first in range(0, len(found), chunk):
            rows = slice(first, first + chunk)
            for part, own in zip(parts, weights, strict=True):
                found[rows] += part.transform(seen.take(rows).see(part.view), threads).astype(np.float64) @ own
        return found

    def draw(self, inputs: Any) -> str:
        rockets, graph = self._unpack_rockets(), inputs.graph
        if len(rockets) < len(self._unpack()) or not {part.view for part in rockets} <= {*DRAWN}:
            return super().draw(inputs)
        seen = read_view(graph, inputs.network, self.features)
        features = graph.cast(draw_rockets(seen, rockets), np.float64)
        found: str = graph.add("Add", graph.add("MatMul", features, self.weights.astype(np.float64)), self.bias)
        return found

    def _unpack(self) -> list[Part]:
        length = View(np.zeros((1, 1, self.features.length), np.float32), np.zeros(1, np.int64))
        quantiles = [
            Quantiles(int(view), length.see(int(view)).length, len(self.features.channels), int(self.share.item()))
            for view in self.quantile_views
        ]
        return [*self._unpack_rockets(), *self._unpack_hydras(), *quantiles]

    def _unpack_rockets(self) -> list[MultiRocket]:
        counts, read = KERNELS * self.rocket_bias_counts, self.rocket_channel_counts.sum(axis=1)
        _check_total("rocket_biases", counts, self.rocket_biases)
        _check_total("rocket_channels", read, self.rocket_channels)
        return [
            MultiRocket(
                int(view),
                int(self.rocket_pools[own][0]),
                self.rocket_dilations[own],
                self.rocket_bias_counts[own],
                self.rocket_biases[np.repeat(own, counts)],
                self.rocket_channels[np.repeat(own, read)],
                self.rocket_channel_counts[own],
            )
            for view, own in _by_view(self.rocket_views)
        ]

    def _unpack_hydras(self) -> list[Hydra]:
        read = self.hydra_channel_counts.sum(axis=1)
        _check_total("hydra_channels", read, self.hydra_channels)
        return [
            Hydra(
                int(view),
                self.hydra_dilations[own],
                self.hydra_weights[own],
                self.hydra_channels[np.repeat(own, read)],
                self.hydra_channel_counts[own],
            )
            for view, own in _by_view(self.hydra_views)
        ]


def _by_view(views: np.ndarray) -> list[tuple[int, np.ndarray]]:
    return [(int(view), views == view) for view in np.unique(views)]


def _check_total(name: str, counts: np.ndarray, values: np.ndarray) -> None:
    if (counts < 0).any() or counts.sum() != len(values):
        raise ValueError(f"{name} must be {counts.sum()} in all, as their counts say; got {len(values)}")


def affordable(kind: str, rows: int, total: int, length: int) -> float:
    """The fraction of the usual number of features that a baseline may use.

    Args:
        rows: training sequences.
        total: sequences of all splits together.
    """
    biases = BIASES * sum(len(member.views) for member in KINDS[kind] if member.pools)
    dilations = int(np.log2(max(length / WIDTH, 1))) + 1
    features = max(
        len(member.views) * (member.pools * BIASES + member.hydra * 2 * GROUP * GROUPS * dilations)
        for member in KINDS[kind]
    )
    most = MOST_PRODUCTS / rows**2 if rows <= MOST_SOLVED else MOST_SOLVED
    return float(min(1, MOST_VALUES / max(biases * total * length, 1), most / max(features, 1)))


def fit_blend(split: SequenceSplit, kind: str, size: float = 1, seed: int = 0) -> RidgeBlend:
    """Fit one of `KINDS`.

    Each member is a ridge classifier with a penalty chosen by leave-one-out; what leaving out each training row gives
    also turns margins into logits and decides how much each member counts. No row has to be held out.

    Args:
        size: fraction of the usual number of features.
        seed: of the random kernels.

    Reference: Tan et al. 2022, "MultiRocket: multiple pooling operators and transformations for fast and effective
        time series classification", arXiv:2102.00457; Dempster, Schmidt and Webb 2023, arXiv:2203.13652 (Hydra, and
        with MultiRocket); Wolpert 1992, "Stacked generalization", Neural Networks 5.
    """
    target, random = split.features.target, np.random.default_rng(seed)
    train = drop_weightless(split.train)
    seen, targets = Padded.of(train.inputs, split.features).to_view(), np.asarray(train.targets)
    wanted, counts = target.to_regress(targets), train.example_weights
    fitted = [_fit_member(_draw_parts(seen, member, size, random), seen, wanted, counts) for member in KINDS[kind]]
    factors = weigh([each.scores for each in fitted], targets, target.loss, counts)
    linear = [part.times(factor) for factor, each in zip(factors, fitted, strict=True) for part in each.linear]
    bias = sum(factor * each.intercept for factor, each in zip(factors, fitted, strict=True))
    if counts is not None and isinstance(target, ClassTarget):
        logits = sum(factor * each.scores for factor, each in zip(factors, fitted, strict=True))
        bias = bias + find_shift(np.asarray(logits), targets, counts)
    return _pack(split.features, linear, np.asarray(bias), size)


def _draw_parts(seen: View, member: Member, size: float, random: np.random.Generator) -> list[Part]:
    parts: list[Part] = []
    biases, groups, threads = max(int(BIASES * size), KERNELS), max(round(GROUPS * size), 1), count_threads(0)
    for view in member.views:
        own = seen.see(view)
        if member.pools:
            parts.append(fit_multirocket(view, own, biases, member.pools, random, threads))
        if member.hydra:
            parts.append(draw_hydra(view, own, groups, random))
        if member.quantiles:
            parts.append(Quantiles(view, own.length, own.channels, _share(size)))
    return parts


def _share(size: float) -> int:
    """Values for each quantile."""
    return max(round(4 / size), 4)


class _Linear(NamedTuple):
    """Weights `[F, outputs]` of the features of a part, and the features' means, which count as zero, `[F]`."""

    part: Part
    weights: np.ndarray
    centre: np.ndarray

    def times(self, factor: float) -> "_Linear":
        return self._replace(weights=factor * self.weights)


class _Fitted(NamedTuple):
    """A member, and its scores of left-out rows, `[N, outputs]`."""

    linear: list[_Linear]
    intercept: np.ndarray
    scores: np.ndarray


def drop_weightless(part: SequencePart) -> SequencePart:
    """The examples that count at all."""
    counts = part.example_weights
    return part if counts is None or counts.all() else part.take(np.flatnonzero(counts))


def _fit_member(parts: list[Part], seen: View, wanted: np.ndarray, counts: np.ndarray | None) -> _Fitted:
    """A ridge regression on the features of some parts, which count alike; targets `wanted` `[N, outputs]`.

    Args:
        counts: what each row counts, above 0, `[N]`; None: all the same.
    """
    intercept = average(wanted, counts)
    root = 1.0 if counts is None else np.sqrt(counts)[:, None]
    rows, count = len(wanted), sum(part.count for part in parts)
    # made again, part after part, where all of them would take too much memory
    scale = partial(_scale_all, parts, seen, counts)
    kept = [*scale()] if rows > count or rows * count <= MOST_KEPT else None
    if rows > count and kept:
        factors = factorise(np.concatenate([each.values for each in kept], axis=1))
    else:
        factors = factorise_products(_add_products(kept or scale(), rows))
    # products of rows that count differently are less precise than the smallest penalties
    penalties = RELATIVE_PENALTIES if counts is None else RELATIVE_PENALTIES[RELATIVE_PENALTIES > WEIGHTED]
    ridge = fit_ridge(factors, (wanted - intercept) * root, penalties, counts)
    duals, linear = ridge.duals.astype(np.float32), []
    for part, each in zip(parts, kept or scale(), strict=True):
        linear.append(_Linear(part, (each.values.T @ duals).astype(np.float64) / each.spread[:, None], each.centre))
    return _Fitted(linear, intercept, wanted - ridge.errors / root)


def _add_products(made: Iterable["_Scaled"], rows: int) -> np.ndarray:
    """The products of all pairs of rows, part after part, so that not all features need lie in memory at once."""
    products = np.zeros((rows, rows), np.float32)
    for each in made:
        products += each.values @ each.values.T
    return products


class _Scaled(NamedTuple):
    """Features of the training rows less `centre` and divided by `spread`, both `[F]`; see `_scale`.

    Args:
        values: float32 `[N, F]`.
    """

    values: np.ndarray
    centre: np.ndarray
    spread: np.ndarray


def _scale_all(parts: list[Part], seen: View, counts: np.ndarray | None) -> Iterator[_Scaled]:
    return (_scale(part, seen, len(parts), counts) for part in parts)


def _scale(part: Part, seen: View, parts: int, counts: np.ndarray | None) -> _Scaled:
    """Standardised features of one part, all of them together as large as those of any other part; of rows that count
    differently multiplied by the square roots of `counts` `[N]`."""
    x = part.transform(seen.see(part.view), count_threads(0))
    centre, spread = average(x, counts), x.std(axis=0, dtype=np.float64)
    if counts is not None:
        spread = np.sqrt(average(np.square(x - centre.astype(np.float32)), counts))
    constant = spread <= 1e-6 * np.maximum(np.abs(centre), 1e-3)  # a rounding error is no feature
    if isinstance(
        part, Quantiles
    ):  # in one unit: what hardly varies in training must not outweigh all else in new rows
        spread = np.hypot(spread, LEAST_SPREAD * np.sqrt(np.square(spread).mean()))
    spread = np.where(constant, np.inf, spread * np.sqrt(part.count * parts))
    x -= centre.astype(np.float32)
    x /= spread.astype(np.float32)
    if counts is not None:
        x *= np.sqrt(counts).astype(np.float32)[:, None]
    return _Scaled(x, centre, spread)


def _pack(features: SequenceFeatures, linear: list[_Linear], bias: np.ndarray, size: float) -> RidgeBlend:
    kinds = (MultiRocket, Hydra, Quantiles)
    order = sorted(linear, key=lambda each: (kinds.index(type(each.part)), each.part.view))
    rockets, hydras, quantiles = ([each.part for each in order if isinstance(each.part, kind)] for kind in kinds)
    weights = [each.weights.astype(np.float32) for each in order]
    for each, own in zip(order, weights, strict=True):
        bias = bias - each.centre @ own.astype(np.float64)  # of the weights as they are saved
    return RidgeBlend(
        features,
        **_join("rocket", NO_ROCKET, rockets),
        **_join("hydra", NO_HYDRA, hydras),
        quantile_views=np.array([part.view for part in quantiles], np.int64),
        share=np.array([_share(size)]),
        centre=np.concatenate([each.centre for each in order]).astype(np.float32),
        weights=np.concatenate(weights),
        bias=bias,
    )


def _join(name: str, blank: MultiRocket | Hydra, parts: Sequence[Any]) -> Arrays:
    """The arrays of parts of one kind, joined; `blank` has their types and shapes where there is none."""
    found = {}
    for field in fields(blank):
        values = [getattr(part, field.name) for part in parts or [blank]]
        if field.type is int:
            field_name = "views" if field.name == "view" else field.name
            found[f"{name}_{field_name}"] = np.repeat(values, [len(part.dilations) for part in parts or [blank]])
        else:
            found[f"{name}_{field.name}"] = np.concatenate(values)
    return found
