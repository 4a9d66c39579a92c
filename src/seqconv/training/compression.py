"""A saved model made smaller: fewer bits, and only those rows of its tables of words and n-grams that matter most."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.errors import ConfigError, OptionError
from seqconv.metrics.errors import Metrics
from seqconv.metrics.records import Record
from seqconv.models.folders import HEADER, check_replaceable
from seqconv.models.format import find_model, read_bundle, write_bundle
from seqconv.models.predictor import create_model
from seqconv.models.storage import DTYPES, tables
from seqconv.networks.layers.base import Plan, Weights
from seqconv.recipes.sections import BLEND
from seqconv.tasks.baselines import restore
from seqconv.tasks.blend import join_parts, split_parts
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.examples import Split
from seqconv.tasks.kinds import find_task
from seqconv.training.run import read_own_split


@dataclass(frozen=True)
class Sizes(Record):
    """Bytes of all files of a model, before and after."""

    before: int
    after: int


@dataclass(frozen=True)
class ValidationScores(Record):
    """Metrics on the validation rows, before and after."""

    before: Metrics
    after: Metrics


@dataclass(frozen=True)
class ShrinkResults(Record):
    """What a smaller copy of a model costs.

    Args:
        model: the new folder.
        keep: fraction of the rows of each table that stays.
        seen: the model's last fit took the validation rows too.
        changed: the fraction of the validation rows with another class; None: numbers are forecast.
        moved: the mean absolute difference of the forecasts, in standard deviations of the training rows; None: the
            answers are classes.
    """

    model: str
    bits: int
    keep: float
    seen: bool
    bytes: Sizes
    validation: ValidationScores
    changed: float | None = None
    moved: float | None = None


def shrink(
    model: str | Path,
    out: str | Path,
    bits: int = 16,
    keep: float = 1.0,
    engine: str = "native",
    threads: int = 0,
    overwrite: bool = False,
) -> ShrinkResults:
    """Write a smaller copy of a model and score both on the validation rows, as `evaluate` will score it on the test.

    Args:
        model: a run or model folder, whose data must lie where they lay.
        out: the new model folder.
        bits: of each stored weight, 16 or 32; models compute in 32.
        keep: fraction of the rows of each table of words or n-grams that stay, see `prune`; 1: all.
        overwrite: replace a model in `out`.

    Raises:
        BundleError: no model, its data have changed, or 16 bits cannot hold a weight.
        ConfigError: `out` must not be overwritten, `bits` or `keep` out of range, or rows to leave out of a model
            without such a table.
    """
    model, out = Path(model), Path(out)
    check_replaceable(out, HEADER, overwrite)
    bundle = read_bundle(model)
    check_settings(bundle.plan, bits, keep)
    split = read_own_split(bundle, model, threads)
    before, size = _predict(bundle, split, engine, threads), count_bytes(model)
    bundle = replace(bundle, weights=_prune(bundle, keep))  # the old ones are free to go
    write_bundle(bundle, out, bits, overwrite)
    bundle = read_bundle(out)
    after = _predict(bundle, split, engine, threads)
    target, loss = bundle.features.target, bundle.recipe.training.loss
    scores = [target.measure(outputs, split.validation.targets, loss) for outputs in (before, after)]
    return ShrinkResults(
        str(out),
        bits,
        keep,
        seen=bundle.recipe.training.refit,
        bytes=Sizes(size, count_bytes(out)),
        validation=ValidationScores(*scores),
        **target.measure_change(before, after, loss),
    )


def check_settings(plan: Plan, bits: int, keep: float) -> None:
    """`bits` are 16 or 32, `keep` is a fraction, and below 1 only for a plan with tables of words or n-grams.

    Raises:
        ConfigError: one of them is not so, or the model is a baseline, without a plan.
    """
    if not plan:
        raise ConfigError("shrink: the model must be a network; it is a baseline, which has no weights to narrow")
    if bits not in DTYPES:
        raise OptionError(f"bits must be 16 or 32; got {bits}")
    if not 0 < keep <= 1:
        raise OptionError(f"keep must be a fraction above 0, at most 1; got {keep:g}")
    if keep < 1 and not tables(plan):
        raise OptionError(f"keep {keep:g} needs a table of words or n-grams; this model has none. Leave it out")


def _prune(bundle: AnyBundle, keep: float) -> Weights:
    """The weights of a smaller model; of a blend the members are made smaller too."""
    if bundle.recipe.training.model != BLEND:
        return prune(bundle.plan, bundle.weights, keep)
    task = bundle.recipe.task
    parts, kinds = split_parts(bundle.weights, task), find_task(bundle.recipe).baselines
    members = {
        kind: restore(kinds, kind, bundle.features, own).prune(keep).arrays for kind, own in parts.members.items()
    }
    return join_parts(parts._replace(network=prune(bundle.plan, parts.network, keep), members=members), task)


def prune(plan: Plan, weights: Weights, keep: float) -> Weights:
    """The same weights, but of each table of words and n-grams the rows that say least say nothing.

    Of the rows that say anything, the fraction `keep` with the largest Euclidean norm stays. Of embeddings and filters
    the norm is that of the row less the unknown word's, as which the others are read; padding, start and unknown word
    stay.
    Of n-grams, single words among them, it is that of the row times its scale; the others count nothing.

    Args:
        keep: above 0, at most 1.
    """
    if keep == 1:
        return weights
    fresh = dict(weights)
    for layer, names in tables(plan).values():
        sizes = layer.row_sizes([weights[name] for name in names])
        first = 0 if layer.silent is None else layer.silent + 1
        order = first + np.argsort(-sizes[first:], kind="stable")
        dropped = order[round(keep * np.count_nonzero(sizes[first:])) :]
        for name in names:
            fresh[name] = weights[name].copy()
            fresh[name][dropped] = layer.silent_row(weights[name])
    return fresh


def _predict(bundle: AnyBundle, split: Split[Any, Any], engine: str, threads: int) -> np.ndarray:
    return split.validation.finish(create_model(bundle, engine, threads).predict(split.validation.inputs))


def count_bytes(folder: Path) -> int:
    """Of all files of the model in a run or model folder."""
    return sum(path.stat().st_size for path in find_model(folder).iterdir() if path.is_file())
