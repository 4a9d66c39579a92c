"""Whether a file, and a saved model's answers to it, are like what the model was trained on."""

from pathlib import Path

import numpy as np

from seqconv.errors import BundleError, SeqconvError, shorten
from seqconv.models.format import find_model, read_bundle
from seqconv.models.predictor import Predictor
from seqconv.tasks.drift import (
    DRIFTED,
    MonitorResults,
    RateChange,
    VariableChange,
    compare_rate,
    compare_sample,
    say_drift,
)
from seqconv.tasks.kinds import find_task
from seqconv.tasks.profiles import Profile, Rate
from seqconv.tasks.task import Answers
from seqconv.training.assessment import Columns, read_examples


def monitor(
    model: str | Path,
    file: str | Path,
    columns: Columns | None = None,
    engine: str = "native",
    threads: int = 0,
) -> MonitorResults:
    """Compare a file with the training data of a model: each column, word or channel, the answers, and, where the file
    has labels, errors and calibration.

    Args:
        model: a run or model folder.
        file: read with the model's own data settings; labels are not needed.
        columns: data settings that `file` needs otherwise: `text`, `label` or `time`.

    Raises:
        BundleError: no model, or one of an earlier version, which does not know what its training data were like.
        DataError: a file that cannot be read, or is not of the model's kind.
    """
    bundle = read_bundle(Path(model))
    if bundle.profile is None:
        must = "must know what its training data were like, which models of earlier versions and of estimators do not"
        raise BundleError(f"{find_model(Path(model))}: {must}. Train again with seqconv train")
    predictor, task, columns = Predictor(bundle, engine, threads), find_task(bundle.recipe), columns or {}
    named = columns.get("text") or columns.get("time") or ""
    assert isinstance(named, str)
    raw = task.read_whole(bundle, Path(file), named)
    known, target = {each.name: each for each in bundle.profile.variables}, bundle.features.target
    inputs = task.sample(bundle.features, raw)
    with np.errstate(all="ignore"):
        answers = target.sample(task.answer_whole(predictor, raw), bundle.recipe.training.loss)
    compared = [compare_sample(known[each.name], each) for each in (*inputs, *answers) if each.name in known]
    variables = [each for each in compared if each is not None]
    rates, notes = _compare_rates(predictor, bundle.profile, str(file), columns, threads)
    drifted = DRIFTED in {each.state for each in variables} | {each.state for each in rates}
    notes += [f"{name!r}: not in the data" for name in known if name not in {each.name for each in variables}]
    return MonitorResults(
        model=str(model),
        task=task.name,
        source=str(file),
        n=inputs[0].count if inputs else 0,
        drifted=drifted,
        verdict=say_drift(variables, rates),
        notes=notes,
        variables=sorted(variables, key=_order),
        rates=rates,
    )


def _order(found: VariableChange) -> tuple[bool, float]:
    """The answers after the inputs, the most changed first."""
    return found.of == "answers", -found.index


def _compare_rates(
    predictor: Predictor, profile: Profile, file: str, columns: Columns, threads: int
) -> tuple[list[RateChange], list[str]]:
    """Errors and calibration next to those of the model's test set; without labels a note says why not."""
    bundle, target = predictor.bundle, predictor.bundle.features.target
    try:
        part, _ = read_examples(bundle, file, columns, threads)
    except SeqconvError as error:
        return [], [f"errors not compared: {shorten(error, 200)}"]
    outputs = predictor.model.predict(part.inputs)
    answers = Answers(part.finish(outputs), part.finish_bounds(outputs))
    found = target.rates(answers.outputs, answers.bounds, part.targets, bundle.recipe.training.loss)
    block = bundle.features.block(len(part.targets))
    now = {name: Rate.of(name, np.asarray(values, np.float64), block) for name, values in found.items()}
    return [compare_rate(each, now[each.name]) for each in profile.rates if each.name in now], []
