"""What a run has fitted: a network or a baseline as its model, and the baselines that it is judged beside."""

import hashlib
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv import evaluation
from seqconv.baselines import Baseline, pack
from seqconv.bundle import Bundle
from seqconv.config import Recipe, WindowConfig
from seqconv.features import SeriesFeatures
from seqconv.metrics import confusion_matrix
from seqconv.splits import Split
from seqconv.tokens import TokenInputs
from seqconv.training import Trained

HASHED = 4096  # targets that are gathered at once


@dataclass(frozen=True)
class Fitted:
    """A model and the baselines, fitted and scored on one split.

    Args:
        name: "network", or that of the baseline in its place.
        bundle: holds the model.
        trained: without epochs where the model is a baseline.
        baselines: the others.
    """

    name: str
    bundle: Bundle
    trained: Trained
    scored: evaluation.Evaluation
    baselines: list[Baseline]


def take_baseline(recipe: Recipe, kind: str) -> Recipe:
    """The recipe with a baseline in place of its network: it forecasts values, not changes, and gives logits."""
    features, loss = recipe.features, recipe.training.loss
    if isinstance(features, WindowConfig):
        features = replace(features, change=False)
    training = replace(
        recipe.training,
        model=kind,
        interval=0.0,
        refit=False,
        loss="binary_crossentropy" if loss == "as_printed" else loss,
    )
    about = f"{Path(recipe.data.source).name}, the baseline {kind} in place of a network"
    return replace(recipe, description=about, features=features, training=training)


def keep_baseline(recipe: Recipe, split: Split, chosen: Baseline, others: list[Baseline], data: str) -> Fitted:
    """A baseline as the model of a run; `data` is the split's fingerprint."""
    features = replace(split.features, change=False) if isinstance(split.features, SeriesFeatures) else split.features
    shape, arrays = split.train.inputs.shape, pack(chosen.model)
    bundle = Bundle(take_baseline(recipe, chosen.kind), (), arrays, shape, features, data)
    scored = evaluation.Evaluation(chosen.validation, chosen.test, chosen.validation_outputs, chosen.test_outputs, None)
    others = [each for each in others if each.kind != chosen.kind]
    return Fitted(chosen.name, bundle, Trained((), 0, chosen.seconds), scored, others)


def judge(fitted: Fitted, split: Split, loss: str) -> dict[str, Any]:
    """Scores of the model and the baselines, their comparison and its verdict, as `metrics.json` has them."""
    scored, baselines = fitted.scored, fitted.baselines
    comparisons = evaluation.compare(scored.test_outputs, baselines, split, loss)
    shown = ("kind", "name", "validation", "test", "seconds")
    rows = [{name: getattr(row, name) for name in shown} for row in baselines]
    found = {
        "validation": scored.validation,
        "test": scored.test,
        "verdict": evaluation.verdict(comparisons),
        "baselines": rows,
        "beats_baselines": evaluation.beats_baselines(comparisons) if baselines else None,
        "comparisons": [each.to_dict() for each in comparisons],
    }
    features = fitted.bundle.features
    if isinstance(features, SeriesFeatures) and scored.test_ends is not None:
        share = fitted.bundle.recipe.training.interval
        found["intervals"] = evaluation.score_intervals(
            scored.test_ends, scored.test_outputs, split.test, features, share
        )
    if split.features.metric == "accuracy":
        found["confusion"] = confusion_matrix(scored.test_outputs, split.test.targets, loss).tolist()
    return found


def fingerprint(split: Split) -> str:
    """SHA-256 of the training examples: two models with the same one were trained on the same data."""
    inputs = split.train.inputs
    arrays = [inputs.ids] if isinstance(inputs, TokenInputs) else [inputs.values, inputs.anchors]
    digest = hashlib.sha256()
    targets = split.train.targets
    pieces = (targets[first : first + HASHED] for first in range(0, len(targets), HASHED))
    for array in itertools.chain(arrays, pieces):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
