"""N-gram features of texts and their scales, for both engines and for the start of training."""

from typing import Any, NamedTuple

import numpy as np

from seqconv import _native
from seqconv.networks.inputs import Targets, TokenInputs
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.layers.tokens import NgramBag
from seqconv.networks.plan import count_outputs, entries

SMOOTHING = 4.0  # added to each count; more than the usual 1, to trust rare n-grams less: docs/log.md
CHUNK = 4096  # texts whose features are listed at once


class NgramFeatures(NamedTuple):
    """The distinct features that occur in each text: those of text i are `rows[offsets[i]:offsets[i + 1]]`, ascending.

    Args:
        rows: int32, rows of the layer's table.
        offsets: int64 `[B + 1]`.
    """

    rows: np.ndarray
    offsets: np.ndarray


def list_features(layer: NgramBag, ids: np.ndarray, threads: int) -> NgramFeatures:
    """The features of ids int32 `[B, L]`, as `NgramBag` defines them.

    Raises:
        ValueError: an id outside the layer's rows.
    """
    return NgramFeatures(*_native.ngram_features(ids, layer.rows, layer.buckets, layer.longest, threads))


def fit_scales(plan: Plan, inputs: Any, targets: Targets, threads: int) -> Weights:
    """The `scale` of each n-gram layer whose outputs are the classes: how informative a feature is about each class.

    It is the absolute log-count ratio |log p / q|: p is the feature's relative frequency in the texts of the class, q
    that in the other texts, with `SMOOTHING` added to each count; 0 for features that occur in no text. A layer whose
    outputs are not the classes keeps its scale.

    Args:
        inputs: padded texts, if any layer reads n-grams.
        targets: as for training: classes `[N]`, or 0 and 1 `[N, outputs]`.

    Reference: Wang and Manning 2012, "Baselines and bigrams", ACL, section 2.1.
    """
    found = {}
    for at, layer in entries(plan):
        if isinstance(layer, NgramBag):
            known = np.asarray(targets)
            classes = count_outputs(plan, inputs.shape) if known.ndim == 1 else known.shape[1]
            if layer.outputs == classes:
                found[f"{at}.scale"] = _fit_ratios(layer, inputs, known, threads)
    return found


def _fit_ratios(layer: NgramBag, inputs: TokenInputs, targets: np.ndarray, threads: int) -> np.ndarray:
    height = layer.rows + layer.buckets
    everywhere, inside = np.zeros(height), np.zeros((layer.outputs, height), np.int32)
    for start in range(0, len(inputs), CHUNK):
        part = slice(start, start + CHUNK)
        rows, offsets = list_features(layer, np.ascontiguousarray(inputs.ids[part]), threads)
        everywhere += np.bincount(rows, minlength=height)
        of_text = np.repeat(targets[part], np.diff(offsets), axis=0)
        if of_text.ndim == 1:
            np.add.at(inside, (of_text, rows), 1)
        else:
            features, outputs = np.nonzero(of_text > 0)
            np.add.at(inside, (outputs, rows[features]), 1)
    scales = np.empty((height, layer.outputs), np.float32)
    for output, counts in enumerate(inside):
        p, q = counts + SMOOTHING, everywhere - counts + SMOOTHING
        scales[:, output] = np.abs(np.log(p / p.sum()) - np.log(q / q.sum()))
    scales[everywhere == 0] = 0
    return scales
