"""How good a saved model is on labelled data: a file of the user's, or the test set of its own run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.frames import SOURCE
from seqconv.data.memory import LABEL, hidden_folder, write_data
from seqconv.errors import OptionError
from seqconv.models.format import read_bundle
from seqconv.models.predictor import create_model
from seqconv.networks.network import Model
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.examples import Part
from seqconv.tasks.kinds import find_data, find_task
from seqconv.tasks.results import EvaluationResults, TrainedOn
from seqconv.tasks.scoring import evaluate as score_splits
from seqconv.tasks.task import Answers, Data
from seqconv.training.order import probe_order
from seqconv.training.run import read_own_split

Columns = dict[str, str | tuple[str, ...]]
OF_TRAINING = ("weight", "group", "split")  # columns that a file to score need not have


def evaluate(
    model: str | Path,
    file: Any = None,
    columns: Columns | None = None,
    engine: str = "native",
    threads: int = 0,
    own: Data | None = None,
) -> EvaluationResults:
    """Score a run's or a model's answers to labelled data, every score with a 95 % bootstrap interval.

    Args:
        model: a run or model folder.
        file: read with the model's own data settings, or data in memory as `train` takes; None: the test set of the
            run, which must lie where it lay, and then the model's sense of order is probed too.
        columns: data settings that `file` needs otherwise: `text`, `label` or `time`.
        own: the data of the run, if they were in memory, in no file.

    Raises:
        BundleError: no model, or the data of its run have changed.
        ConfigError: a column setting that the task does not have.
        DataError: a file that cannot be read, or is not of the model's kind.
    """
    bundle = read_bundle(Path(model))
    model_in_memory = create_model(bundle, engine, threads)
    if file is None:
        if columns:
            raise OptionError(f"{next(iter(columns))}: needs a FILE whose column it names; got none. Give the file")
        return _evaluate_own_test(bundle, model_in_memory, Path(model), threads, own)
    part, notes = read_examples(bundle, file, columns or {}, threads)
    outputs = model_in_memory.predict(part.inputs)
    answers = Answers(part.finish(outputs), part.finish_bounds(outputs, bool(bundle.features.target.levels)))
    scores = find_task(bundle.recipe).score(answers, part, bundle, None)
    known = _recognise(bundle, part, answers, None)
    return EvaluationResults(
        str(model),
        bundle.recipe.task,
        str(file) if isinstance(file, str | Path) else SOURCE,
        notes,
        scores,
        trained_on=known,
    )


def _recognise(bundle: AnyBundle, part: Part[Any], answers: Answers, reference: Part[Any] | None) -> TrainedOn | None:
    """How many of the examples the model was trained on, and its scores on the others."""
    if bundle.seen is None or part.keys is None:
        return None
    checked, seen = bundle.seen.check(part.keys)
    others, metrics = np.flatnonzero(checked & ~seen), None
    if seen.any() and len(others):
        bounds = None if answers.bounds is None else answers.bounds[:, others]
        rest = Answers(answers.outputs[others], bounds)
        metrics = find_task(bundle.recipe).score(rest, part.take(others), bundle, reference).metrics
    return TrainedOn(len(seen), int(checked.sum()), int(seen.sum()), metrics)


def _evaluate_own_test(
    bundle: AnyBundle, model: Model, folder: Path, threads: int, own: Data | None
) -> EvaluationResults:
    recipe, split = bundle.recipe, read_own_split(bundle, folder, threads, own)
    scored = score_splits(model, split, recipe.training.loss)
    answers = Answers(scored.test_outputs, scored.test_bounds)
    return EvaluationResults(
        str(folder),
        recipe.task,
        source=f"test set of {recipe.data.source}",
        notes=list(split.facts["notes"]),
        scores=find_task(recipe).score(answers, split.test, bundle, split.train),
        test=scored.test,
        order_probe=probe_order(model, split, recipe.training.loss, recipe.training.seed),
        trained_on=_recognise(bundle, split.test, answers, split.train),
    )


def read_examples(bundle: AnyBundle, file: Any, columns: Columns, threads: int = 0) -> tuple[Part[Any], list[str]]:
    """The labelled examples of a file, or in memory, as a model takes them, and what the reader has to say about it.

    Args:
        columns: see `evaluate`.

    Raises:
        ConfigError, DataError: see `evaluate`.
    """
    return find_task(bundle.recipe).take(bundle, read_labelled(bundle, file, columns), threads)


def read_labelled(bundle: AnyBundle, file: Any, columns: Columns) -> Data:
    """The same before the model takes it: what its task loads.

    Raises:
        ConfigError, DataError: see `evaluate`.
    """
    config = bundle.recipe.data
    for name in columns:
        if name not in config.names():
            raise OptionError(
                f"{name}: must fit the model; {find_task(bundle.recipe).model} has no such column. Drop it"
            )
    if "label" in columns and getattr(config, "target", None):  # the labels of a model of numbers
        columns = {"target" if name == "label" else name: column for name, column in columns.items()}
    if isinstance(file, str | Path):
        return _load(bundle, file, columns)
    if found := find_data(file):
        return found[1]
    with hidden_folder() as folder:
        named = next(iter(getattr(config, "target", ())), "")
        path, own = write_data(file, folder / "data", {"target": named, "layout": getattr(config, "layout", "")})
        own |= {} if named or not own else {"label": tuple(own.get("label", (LABEL,)))}
        return _load(bundle, path, own | columns)


def _load(bundle: AnyBundle, file: str | Path, columns: Columns) -> Data:
    config = bundle.recipe.data
    own_files: Columns = {name: "" for name in config.names() if name.endswith("_file") or name in OF_TRAINING}
    changes: dict[str, Any] = {"source": str(file)} | own_files | columns
    return find_task(bundle.recipe).load(replace(config, **changes), None)
