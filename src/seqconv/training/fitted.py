"""What a run has fitted: a network or a baseline as its model, and the baselines that it is judged beside."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqconv.metrics import comparison as evaluation
from seqconv.metrics.errors import confusion_matrix
from seqconv.models.bundle import Bundle
from seqconv.recipes.recipe import Recipe, WindowConfig
from seqconv.tasks.examples import Split
from seqconv.tasks.scoring import Baseline, Evaluation, compare, pack
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.intervals import score_intervals
from seqconv.training.loop import Trained


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
    scored: Evaluation
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
    scored = Evaluation(chosen.validation, chosen.test, chosen.validation_outputs, chosen.test_outputs, None)
    others = [each for each in others if each.kind != chosen.kind]
    return Fitted(chosen.name, bundle, Trained((), 0, chosen.seconds), scored, others)


def judge(fitted: Fitted, split: Split, loss: str) -> dict[str, Any]:
    """Scores of the model and the baselines, their comparison and its verdict, as `metrics.json` has them."""
    scored, baselines = fitted.scored, fitted.baselines
    comparisons = compare(scored.test_outputs, baselines, split, loss)
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
        found["intervals"] = score_intervals(scored.test_ends, scored.test_outputs, split.test, features, share)
    if split.features.metric == "accuracy":
        found["confusion"] = confusion_matrix(scored.test_outputs, split.test.targets, loss).tolist()
    return found
