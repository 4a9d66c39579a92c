"""Decomposes outputs that are sums over filters, where each term depends on one span of ids: which span, which value.

Any stack of embedding, token or plain convolution, activation, batch normalisation, max pooling, patch and residual
layers computes filters; one global max pooling picks a step for each, or flattening keeps them all; dropout, branches
joined by `Concat` and a dense layer form a weighted sum of them. Sums of such plans (`Add`), n-gram bags included, are
sums too. For each term the trace reports its receptive field: the first to the last position that the winning step
sees, through the pooling below it. Nothing outside the span can change the winning value; inside it, the whole value
is due to this filter.

A plan with anything else (recurrent layers, average pooling, an activation between two dense layers) has no trace.
"""

from dataclasses import dataclass, replace

import numpy as np

from seqconv.networks.layers.base import Layer, Plan, Weights
from seqconv.networks.layers.kinds import (
    Add,
    BatchNormalisation,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    GlobalMaxPool,
    MaxPool,
    NgramBag,
    Patch,
    Residual,
    TokenConv,
)
from seqconv.networks.layers.pointwise import Activation
from seqconv.networks.layers.tokens import MULTIPLIER


@dataclass(frozen=True)
class Seen:
    """Values, and the input positions that each of their steps sees.

    Args:
        values: ids `[L]`, steps float64 `[L, C]`, or the values that global max pooling picked, float64 `[C]`.
        first, last: int64, inclusive, for each step or picked value. Negative: before the input.
    """

    values: np.ndarray
    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Terms:
    """Outputs as a sum of F terms: `parts.sum(axis=0) + constant`.

    Args:
        parts: float64 `[F, outputs]`.
        first, last: positions that each term sees, inclusive, int64 `[F]`.
        constant: float64 `[outputs]`.
    """

    parts: np.ndarray
    first: np.ndarray
    last: np.ndarray
    constant: np.ndarray


def trace(plan: Plan, weights: Weights, ids: np.ndarray) -> Terms | None:
    """The outputs for ids `[L]`, decomposed in float64; None if they are not a sum over filters.

    Of equal maxima the first wins.
    """
    places = np.arange(len(ids), dtype=np.int64)
    found = _run(plan, weights, Seen(ids, places, places), "")
    return found if isinstance(found, Terms) else None


def _run(plan: Plan, weights: Weights, state: Seen | Terms | None, prefix: str) -> Seen | Terms | None:
    for index, layer in enumerate(plan):
        match state:
            case Seen():
                state = _apply(layer, state, weights, f"{prefix}{index}.")
            case Terms():
                state = _apply_to_terms(layer, state, weights, f"{prefix}{index}.")
    return state


def _apply(layer: Layer, seen: Seen, weights: Weights, at: str) -> Seen | Terms | None:
    values = seen.values
    match layer:
        case Dropout():
            return seen
        case Activation():
            return replace(seen, values=layer.apply(values))
        case BatchNormalisation(epsilon=epsilon):
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            gamma, beta, mean, variance = (weights[at + name].astype(np.float64) for name in names)
            return replace(seen, values=(values - mean) / np.sqrt(variance + epsilon) * gamma + beta)
        case Embed():
            return replace(seen, values=weights[f"{at}embeddings"][values].astype(np.float64))
        case TokenConv() | Conv():
            return _filter(layer, seen, weights, at)
        case MaxPool(size):
            groups = len(values) // size
            pooled = values[: groups * size].reshape(groups, size, -1).max(axis=1)
            return Seen(pooled, seen.first[: groups * size : size], seen.last[size - 1 : groups * size : size])
        case Patch(size):
            return _join_steps(seen, size)
        case Flatten():
            return _spread(seen)
        case GlobalMaxPool():
            winners = values.argmax(axis=0)
            return Seen(values.max(axis=0), seen.first[winners], seen.last[winners])
        case Residual(body):
            return _add([seen, _run(body, weights, seen, at)])
        case Concat(branches):
            return _join([_run(branch, weights, seen, f"{at}{i}.") for i, branch in enumerate(branches)])
        case Add(branches):
            return _add([_run(branch, weights, seen, f"{at}{i}.") for i, branch in enumerate(branches)])
        case Dense() if values.ndim == 1:
            kernel, bias = (weights[at + name].astype(np.float64) for name in ("kernel", "bias"))
            return Terms(values[:, None] * kernel, seen.first, seen.last, bias)
        case NgramBag():
            return _list_ngrams(layer, seen, weights[f"{at}table"], weights[f"{at}scale"])
    return None


def _join_steps(seen: Seen, size: int) -> Seen:
    """Joins every `size` neighbouring steps; the oldest ones that fill no patch are dropped."""
    dropped = len(seen.values) % size
    values = seen.values[dropped:]
    return Seen(
        values.reshape(len(values) // size, -1), seen.first[dropped::size], seen.last[dropped + size - 1 :: size]
    )


def _spread(seen: Seen) -> Seen:
    """Every channel of every step as a separate value."""
    channels = seen.values.shape[1]
    return Seen(seen.values.ravel(), np.repeat(seen.first, channels), np.repeat(seen.last, channels))


def _apply_to_terms(layer: Layer, terms: Terms, weights: Weights, at: str) -> Terms | None:
    """A sum stays a sum under linear layers only."""
    if isinstance(layer, Dropout):
        return terms
    if isinstance(layer, Dense):
        kernel, bias = (weights[at + name].astype(np.float64) for name in ("kernel", "bias"))
        return replace(terms, parts=terms.parts @ kernel, constant=terms.constant @ kernel + bias)
    return None


def _filter(layer: TokenConv | Conv, seen: Seen, weights: Weights, at: str) -> Seen:
    """A convolution: a step sees from the first position of its first tap to the last position of its last tap."""
    values, first, last = seen.values, seen.first, seen.last
    bias = weights[f"{at}bias"].astype(np.float64)
    dilation, stride = (1, 1) if isinstance(layer, TokenConv) else (layer.dilation, layer.stride)
    if isinstance(layer, TokenConv):
        missing = max(layer.kernel - len(values), 0)
        values = np.pad(values, (missing, 0))  # the padding id is 0
        outside = np.arange(-missing, 0)
        first, last = np.append(outside, first), np.append(outside, last)
    else:
        pads = layer.pads(len(values))
        values = np.pad(values, (pads, (0, 0)))  # the zeros of padding see nothing
        first, last = np.pad(first, pads, "edge"), np.pad(last, pads, "edge")
    reach = (layer.kernel - 1) * dilation
    steps = len(values) - reach
    result = np.tile(bias, (steps, 1))
    for tap in range(layer.kernel):
        taken = values[tap * dilation : tap * dilation + steps]
        if isinstance(layer, TokenConv):
            result += weights[f"{at}table"][taken, tap]
        else:
            result += taken @ weights[f"{at}kernel"][tap].astype(np.float64)
    return Seen(result[::stride], first[:steps:stride], last[reach::stride])


def _join(parts: list[Seen | Terms | None]) -> Seen | None:
    seen = [part for part in parts if isinstance(part, Seen)]
    if len(seen) < len(parts):
        return None
    values = np.concatenate([part.values for part in seen], axis=-1)
    if values.ndim == 1:
        return Seen(values, np.concatenate([p.first for p in seen]), np.concatenate([p.last for p in seen]))
    return Seen(values, *_hull(seen))


def _add(parts: list[Seen | Terms | None]) -> Seen | Terms | None:
    terms = [part for part in parts if isinstance(part, Terms)]
    if len(terms) == len(parts):
        first, last = (np.concatenate([getattr(term, name) for term in terms]) for name in ("first", "last"))
        constant = np.sum([term.constant for term in terms], axis=0)
        return Terms(np.concatenate([term.parts for term in terms]), first, last, constant)
    seen = [part for part in parts if isinstance(part, Seen)]
    # the sum of two picked values depends on two spans, not on one
    if len(seen) < len(parts) or seen[0].values.ndim == 1:
        return None
    return Seen(np.sum([part.values for part in seen], axis=0), *_hull(seen))


def _hull(seen: list[Seen]) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last position that a step sees in any branch."""
    return np.min([part.first for part in seen], axis=0), np.max([part.last for part in seen], axis=0)


def _list_ngrams(layer: NgramBag, seen: Seen, table: np.ndarray, scale: np.ndarray) -> Terms:
    """A term for each occurrence of each feature: n occurrences get an nth of its value each."""
    ids = seen.values.astype(np.uint64)
    rows, first, last = [], [], []
    hashed, whole = ids, np.ones(len(ids), bool)
    for size in range(1, min(layer.longest, len(ids)) + 1):
        ends = ids[size - 1 :]
        whole = whole[: len(ends)] & (ends != 0)
        hashed = ids if size == 1 else hashed[: len(ends)] * np.uint64(MULTIPLIER) + ends  # modulo 2^64
        mixed = (hashed ^ (hashed >> np.uint64(32))) & np.uint64(2**63 - 1)
        found = ids if size == 1 else layer.rows + (mixed % np.uint64(layer.buckets)).astype(np.int64)
        rows.append(found[whole].astype(np.int64))
        first.append(seen.first[: len(ends)][whole])
        last.append(seen.last[size - 1 :][whole])
    features, place, counts = np.unique(np.concatenate(rows), return_inverse=True, return_counts=True)
    scales = scale[features].astype(np.float64)
    length = np.sqrt(np.sum(scales**2, axis=0))
    values = layer.gain * scales * table[features] / np.where(length > 0, length, 1)
    parts = (values / counts[:, None])[place]
    return Terms(parts, np.concatenate(first), np.concatenate(last), np.zeros(layer.outputs))
