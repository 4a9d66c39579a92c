"""Whether a file, and a saved model's answers to it, are like what the model was trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqconv.data.urls import fetch
from seqconv.errors import BundleError, SeqconvError, shorten
from seqconv.models.format import find_model, read_bundle
from seqconv.models.predictor import Predictor
from seqconv.tasks.drift import DRIFTED, MonitorResults, compare_rate, compare_samples, say_drift
from seqconv.tasks.kinds import find_task
from seqconv.tasks.profiles import LABELS, Rate, Sample
from seqconv.tasks.task import Answers
from seqconv.training.assessment import Columns, read_labelled


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
    found = _look(Predictor(bundle, engine, threads), file, columns or {}, threads)
    variables = compare_samples(bundle.profile, found.samples)
    rates = [compare_rate(each, found.rates[each.name]) for each in bundle.profile.rates if each.name in found.rates]
    present = {(each.of, each.name) for each in variables}
    lacking = [each.name for each in bundle.profile.variables if each.key not in present and each.of != LABELS]
    return MonitorResults(
        model=str(model),
        task=bundle.recipe.task,
        source=str(file),
        n=found.n,
        drifted=DRIFTED in {*(each.state for each in variables), *(each.state for each in rates)},
        verdict=say_drift(variables, rates),
        notes=[*found.notes, *(f"{name!r}: not in the data" for name in lacking)],
        variables=variables,
        rates=rates,
    )


@dataclass(frozen=True)
class _Found:
    """New data and the answers to them.

    Args:
        n: examples.
        samples: of the inputs, the labels if there are any, and the answers.
        rates: of errors by name; none without labels.
        notes: why there are none.
    """

    n: int
    samples: list[Sample]
    rates: dict[str, Rate]
    notes: list[str]


def _look(predictor: Predictor, file: str | Path, columns: Columns, threads: int) -> _Found:
    """What a file holds and what the model answers; a file without labels is known by the attempt to read them."""
    bundle, task = predictor.bundle, find_task(predictor.bundle.recipe)
    features, target, loss = bundle.features, bundle.features.target, bundle.recipe.training.loss
    data = None
    with np.errstate(all="ignore"):
        try:
            data = read_labelled(bundle, file, columns)
            part, _ = task.take(bundle, data, threads)
        except SeqconvError as error:
            named = columns.get("text") or columns.get("time") or ""
            raw, why = task.read_whole(bundle, fetch(file), str(named)), shorten(error, 200)
            inputs = task.sample(features, raw if data is None else task.scored(data))  # with labels that are new
            answers = target.sample(task.answer_whole(predictor, raw), loss)
            return _Found(_count(inputs), [*inputs, *answers], {}, [f"errors not compared: {why}"])
        inputs, outputs = task.sample(features, task.scored(data)), predictor.model.predict(part.inputs)
        found = Answers(part.finish(outputs), part.finish_bounds(outputs))
        values = target.rates(found.outputs, found.bounds, part.targets, loss)
        answers = target.sample(found.outputs, loss)
    block = features.block(len(part.targets))
    rates = {name: Rate.of(name, np.asarray(each, np.float64), block) for name, each in values.items()}
    return _Found(_count(inputs), [*inputs, *answers], rates, [])


def _count(samples: list[Sample]) -> int:
    return samples[0].count if samples else 0
