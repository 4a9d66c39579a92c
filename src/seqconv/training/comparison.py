"""Finished runs side by side: paired differences on the test rows that they share."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqconv.errors import BundleError, ConfigError, DataError
from seqconv.metrics.bootstrap import Bootstrap, Sums, fill_flat
from seqconv.models.folders import RESULTS
from seqconv.models.format import read_bundle
from seqconv.models.predictions import PREDICTIONS, read_predictions
from seqconv.models.results import read_results
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.compared import ComparedRun, ComparisonResults, RowBlocks
from seqconv.tasks.results import RunResults, TrainedOn

Statistic = Callable[[Sums], np.ndarray]


@dataclass(frozen=True)
class _Finished:
    """A run as its folder holds it: what it says of its test rows, and what these are."""

    name: str
    results: RunResults
    train_s: float
    bundle: AnyBundle
    outputs: np.ndarray
    targets: np.ndarray
    times: np.ndarray | None
    keys: np.ndarray | None


def compare_runs(folders: list[str | Path]) -> ComparisonResults:
    """Scores of finished runs on their common test rows, and by how much each differs from the first.

    Forecasts are matched by the time of what they forecast: a longer lookback leaves its first test rows without a
    forecast, which do not count for any run then. Runs on classes must have the same test set. Nor do rows count that
    one of the runs was trained on, unless there are no others.

    Raises:
        ConfigError: fewer than two runs.
        BundleError: not a run folder.
        DataError: runs of different tasks, classes, targets, leads or test rows.
    """
    if len(folders) < 2:
        raise ConfigError(f"compare needs at least two runs; got {len(folders)}. Name another run folder")
    runs = [_read_run(Path(folder)) for folder in folders]
    for run in runs[1:]:
        _check_same_task(runs[0], run)
    rows = _match_rows(runs)
    known = [_recognise(run, index) for run, index in zip(runs, rows, strict=True)]
    unseen = ~np.any([seen for _, seen in known], axis=0)
    rows = [index[unseen] for index in rows] if unseen.any() else rows
    columns = [_measure(run, index) for run, index in zip(runs, rows, strict=True)]
    block = max(run.bundle.features.block(len(rows[0])) for run in runs)
    names = list(columns[0])
    table = {f"{name} {place}": each[name] for place, each in enumerate(columns) for name in names}
    bootstrap = Bootstrap(table, block, runs[0].bundle.recipe.training.seed)
    return ComparisonResults(
        runs[0].results.task,
        len(rows[0]),
        against=runs[0].name,
        metrics=names,
        block=RowBlocks(block, len(rows[0]) // block),
        runs=[
            replace(
                _describe(run, place, names, bootstrap),
                same=_answers_alike(runs[0], run, rows[0], rows[place]) if place else None,
                trained_on=known[place][0],
            )
            for place, run in enumerate(runs)
        ],
    )


def _recognise(run: _Finished, rows: np.ndarray) -> tuple[TrainedOn | None, np.ndarray]:
    """How many of these rows the run was trained on, and which, bool `[N]`."""
    seen = run.bundle.seen
    if seen is None or run.keys is None:
        return None, np.zeros(len(rows), bool)
    checked, known = seen.check(run.keys[rows])
    return TrainedOn(len(rows), int(checked.sum()), int(known.sum())), known


def _answers_alike(first: _Finished, other: _Finished, rows: np.ndarray, others: np.ndarray) -> bool:
    loss = first.bundle.recipe.training.loss
    if other.bundle.recipe.training.loss != loss:
        return False
    target, changed = first.bundle.features.target, other.bundle.features.target
    return not any(target.measure_change(first.outputs[rows], other.outputs[others], loss, changed).values())


def _read_run(folder: Path) -> _Finished:
    results, bundle = read_results(folder), read_bundle(folder)
    found = read_predictions(folder, bundle.features.target.outputs)
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise BundleError(f"{folder / PREDICTIONS}: {name} must be finite to be compared; not all are. Train again")
    if "train" not in results.seconds:
        raise BundleError(f"{folder / RESULTS}: must be as seqconv writes it; seconds.train is missing. Train again")
    outputs, targets, times = found["outputs"], found["targets"], found.get("times")
    keys = found.get("keys")  # 0.1.0 wrote none
    keys = keys if keys is not None and keys.dtype == np.uint64 and keys.shape == outputs.shape[:1] else None
    return _Finished(str(folder), results, results.seconds["train"], bundle, outputs, targets, times, keys)


def _check_same_task(first: _Finished, other: _Finished) -> None:
    described = [_describe_task(run) for run in (first, other)]
    for name, value in described[0].items():
        if described[1].get(name) != value:
            raise DataError(
                f"{other.name}: must have the {name} of {first.name}, {value}; got {described[1].get(name)}. "
                "Compare runs on the same test rows"
            )


def _describe_task(run: _Finished) -> dict[str, str]:
    return {"task": run.bundle.recipe.task, **run.bundle.features.identity()}


def _match_rows(runs: list[_Finished]) -> list[np.ndarray]:
    """Of each run the test rows that all have, in the same order."""
    first = runs[0]
    if first.times is None:
        for run in runs[1:]:
            if len(run.targets) != len(first.targets):
                raise DataError(
                    f"{run.name}: must have the {len(first.targets):,} test examples of {first.name}; "
                    f"it has {len(run.targets):,}. Compare runs on the same test rows"
                )
            _check_same_targets(first, run, np.arange(len(first.targets)), np.arange(len(first.targets)))
        return [np.arange(len(first.targets)) for _ in runs]
    shared = first.times
    for run in runs[1:]:
        assert run.times is not None
        shared = np.intersect1d(shared, run.times)
        if not len(shared):
            raise DataError(
                f"{run.name}: must forecast times that the runs before it do; it forecasts {run.times[0]} to "
                f"{run.times[-1]}, {first.name} {first.times[0]} to {first.times[-1]}"
            )
    rows = [np.searchsorted(run.times, shared) for run in runs]  # type: ignore[arg-type]
    for run, index in zip(runs[1:], rows[1:], strict=True):
        _check_same_targets(first, run, rows[0], index)
    return rows


def _check_same_targets(first: _Finished, other: _Finished, rows: np.ndarray, others: np.ndarray) -> None:
    one, two = first.targets[rows].reshape(len(rows), -1), other.targets[others].reshape(len(rows), -1)
    # each run stored its targets in float32 after scaling them on its own training rows
    spread = 1e-4 * max(float(np.std(one)), 1e-12) if one.dtype.kind == "f" else 0.0
    apart = np.flatnonzero((~np.isclose(one, two, rtol=1e-5, atol=spread)).any(axis=1))
    if len(apart):
        row = int(apart[0])
        place = f"at {first.times[rows[row]]}" if first.times is not None else f"of test example {row + 1}"
        raise DataError(
            f"{other.name}: must have the test rows of {first.name}; the target {place} is {_show(two[row])}, there "
            f"{_show(one[row])} ({len(apart):,} of {len(rows):,} differ). Compare runs on the same data and split"
        )


def _show(target: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in target[:5])


def _measure(run: _Finished, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Of each row what the metrics are means of, `[N]`."""
    loss = run.bundle.recipe.training.loss
    columns: dict[str, np.ndarray] = run.bundle.features.target.columns_to_compare(
        run.outputs[rows], run.targets[rows], loss
    )
    return columns


def _describe(run: _Finished, place: int, names: list[str], bootstrap: Bootstrap) -> ComparedRun:
    results, target = run.results, run.bundle.features.target
    metrics = {name: bootstrap.estimate(_mean(f"{name} {place}")) for name in names}
    if target.fraction:
        metrics[target.error] = fill_flat(metrics[target.error], float(bootstrap.whole["rows"][0]))
    found = ComparedRun(
        run.name,
        results.recipe,
        results.parameters,
        run.train_s,
        results.validation,
        len(run.targets),
        metrics,
    )
    if not place:
        return found
    differences = {name: bootstrap.estimate(_difference(f"{name} {place}", f"{name} 0")) for name in names}
    improvement = bootstrap.estimate(_improvement(f"{names[0]} {place}", f"{names[0]} 0"))
    return replace(found, differences=differences, improvement=improvement)


def _mean(name: str) -> Statistic:
    return lambda sums: sums[name] / sums["rows"]


def _difference(one: str, other: str) -> Statistic:
    return lambda sums: (sums[one] - sums[other]) / sums["rows"]


def _improvement(one: str, other: str) -> Statistic:
    return lambda sums: np.where(sums[other] > 0, 1 - sums[one] / sums[other], np.nan)
