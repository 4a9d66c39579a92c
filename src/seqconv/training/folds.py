"""Models of few examples, judged in folds: each example by models that were fitted to the others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import NETWORK
from seqconv.tasks.blend import Held
from seqconv.tasks.examples import TrainingData, merge_validation
from seqconv.tasks.holdout import open_stream
from seqconv.tasks.kinds import find_task
from seqconv.tasks.task import say_nothing
from seqconv.training.loop import Listener, build_network_plan, fit_network, start_network
from seqconv.training.parallel import run_each

FOLDS = 5
MOST = 400  # training and validation examples; of more, those held out tell enough


def score_folds(
    recipe: AnyRecipe,
    data: TrainingData[Any, Any],
    pool: np.ndarray | None,
    kinds: Sequence[str],
    threads: int,
    engine: str = "native",
) -> Held | None:
    """Outputs of the network and of baselines for all training and validation examples, each by models of other folds.

    Args:
        pool: see `Split`.
        kinds: of the baselines.
        threads: 0: all cores.

    Returns:
        None: there are many examples, or too few to be cut, or no classes.
    """
    if pool is None or len(pool) > MOST or not data.features.target.fits_classes:
        return None
    groups = np.unique(pool, return_inverse=True)[1]
    count = int(groups.max()) + 1
    if count < 2 * FOLDS:
        return None
    folds = open_stream(recipe.training.seed, "folds").permutation(count)[groups] % FOLDS
    whole, found = merge_validation(data).train, dict[str, np.ndarray]()
    cuts = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(FOLDS)]
    calls = (
        (recipe, replace(data, train=whole.take(rest), validation=whole.take(left)), kinds, threads, engine)
        for rest, left in cuts
    )
    for (_, left), outputs in zip(cuts, run_each(_fit_fold, calls, FOLDS, Listener()), strict=True):
        if outputs is None:
            return None
        for kind, each in outputs.items():
            found.setdefault(kind, np.zeros((len(folds), each.shape[1])))[left] = each
    return Held(found, whole.targets, whole.weights)


def _fit_fold(
    recipe: AnyRecipe,
    data: TrainingData[Any, Any],
    kinds: Sequence[str],
    threads: int,
    engine: str,
    listener: Listener,
) -> dict[str, np.ndarray] | None:
    """Outputs for the validation examples by models of the training examples; None: one cannot be fitted to these."""
    assert data.validation is not None
    if len(np.unique(np.asarray(data.train.targets))) < 2:
        return None
    candidates = [each for each in find_task(recipe).list_baselines(data.untested, say_nothing) if each.kind in kinds]
    config = replace(recipe.network_training, model=NETWORK)
    plan = build_network_plan(recipe, data.train, data.features)
    network = start_network(plan, data.train, config, count_threads(threads), engine)
    fit_network(network, data, config, listener)
    found = {NETWORK: data.validation.finish(network.predict(data.validation.inputs))}
    for each in candidates:
        if isinstance(each.fit, str):
            return None
        found[each.kind] = each.fit().predict(data.validation.inputs)
    return found if len(found) == len(kinds) + 1 else None
