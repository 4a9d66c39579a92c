"""What every baseline of every task promises: the same tests for every row of `TABLE`, which has one for each."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from helpers.runs import write_numbers
from helpers.tasks import TABLE as TASK_ROWS
from seqconv.errors import ConfigError
from seqconv.models.format import read_bundle, write_bundle
from seqconv.models.predictor import Predictor, load
from seqconv.recipes.sections import KINDS
from seqconv.tasks.baselines import AnyBaseline, BaselineModel, check_arrays, restore
from seqconv.tasks.examples import Split
from seqconv.tasks.explanation import describe
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.scoring import Baseline, fit_baselines
from seqconv.tasks.task import Source, Task
from seqconv.training.folder import Options
from seqconv.training.run import train

pytestmark = pytest.mark.usefixtures("quick")


class Row(NamedTuple):
    """A baseline.

    Args:
        name: as people read it in tables, and within a sentence.
        learns: it is better on the test rows than the simplest one of its task.
        exact: effects add up to the answer.
        simplest: of those that predict the same; empty: the first of its task.
    """

    name: str
    spoken: str
    learns: bool
    simplest: str = ""
    exact: bool = False


TABLE = {
    ("text", "majority"): Row("majority class", "the majority class", learns=False),
    ("text", "mean"): Row("training mean", "the mean of the training rows", learns=False, simplest="mean"),
    ("text", "median"): Row("training median", "the median of the training rows", learns=False, simplest="mean"),
    ("text", "tf-idf"): Row("TF-IDF + logistic regression", "TF-IDF + logistic regression", learns=True),
    ("text", "nb-svm"): Row("NB-SVM", "NB-SVM", learns=True),
    ("text", "words"): Row("SVM on words", "SVM on words", learns=True),
    ("text", "characters"): Row("SVM on characters", "SVM on characters", learns=True),
    ("series", "naive"): Row("naive (last value)", "the naive forecast", learns=False),
    ("series", "seasonal"): Row("seasonal naive (same hour yesterday)", "the seasonal naive forecast", learns=True),
    ("series", "ridge"): Row("ridge on the window", "ridge on the window", learns=True),
    ("series", "boosting"): Row("gradient boosting", "gradient boosting", learns=True),
    ("panel", "naive"): Row("naive (last value)", "the naive forecast", learns=False),
    ("panel", "seasonal"): Row("seasonal naive (same month last year)", "the seasonal naive forecast", learns=True),
    ("panel", "theta"): Row("Theta", "Theta", learns=True),
    ("panel", "ets"): Row("ETS", "ETS", learns=True),
    ("panel", "ridge"): Row("ridge", "ridge", learns=True),
    ("panel", "boosting"): Row("gradient boosting", "gradient boosting", learns=True),
    ("panel", "squashed"): Row("ridge on squashed numbers", "ridge on squashed numbers", learns=True),
    ("panel", "network"): Row("neural network", "neural network", learns=True),
    ("panel", "blend"): Row("blend", "blend", learns=True),
    ("sequence", "majority"): Row("majority class", "the majority class", learns=False),
    ("sequence", "mean"): Row("training mean", "the mean of the training rows", learns=False, simplest="mean"),
    ("sequence", "median"): Row("training median", "the median of the training rows", learns=True, simplest="mean"),
    ("sequence", "dtw"): Row(
        "1-NN with dynamic time warping", "1-nearest-neighbour with dynamic time warping", learns=True
    ),
    ("sequence", "rocket"): Row("ROCKET", "ROCKET", learns=True),
    ("sequence", "minirocket"): Row("MiniRocket", "MiniRocket", learns=True, exact=True),
    ("sequence", "multirocket"): Row("MultiRocket", "MultiRocket", learns=True, exact=True),
    ("sequence", "hydra"): Row("Hydra", "Hydra", learns=True, exact=True),
    ("sequence", "multirocket-hydra"): Row("MultiRocket-Hydra", "MultiRocket-Hydra", learns=True, exact=True),
    ("sequence", "quant"): Row("QUANT with ridge", "QUANT with ridge", learns=True, exact=True),
    ("sequence", "blend"): Row("MultiRocket-Hydra + QUANT", "MultiRocket-Hydra + QUANT", learns=True, exact=True),
}


class Made(NamedTuple):
    """A baseline fitted on a small split, the simplest one of its task, the file they learn from, and a run of it."""

    task: Task
    row: Row
    split: Split[Any, Any]
    fitted: Baseline
    simplest: Baseline
    file: Path
    folder: Path

    @property
    def model(self) -> Predictor:
        return load(self.folder, threads=1)


@pytest.fixture(scope="module", params=TABLE, ids="-".join)
def made(request, tmp_path_factory) -> Made:
    (name, kind), folder = request.param, tmp_path_factory.mktemp("baseline")
    task, row = TASKS[name], TASK_ROWS[name]
    own, file = TABLE[name, kind], row.write(folder)
    target = write_numbers(file) if own.simplest else ()  # it predicts numbers
    suggested = suggest_recipe(str(file), [*row.settings, *target, f"training.model={kind}", "training.refit=false"])
    run = train(suggested.recipe, Options(out=folder / "run", baselines=False, threads=1), data=suggested.data)
    bundle = read_bundle(run.folder)
    split = task.split(suggested.data, bundle.recipe, 1, None)
    fitted, simplest = (fit(task, split, each) for each in (kind, own.simplest or next(iter(task.baselines))))
    return Made(task, own, split, fitted, simplest, file, run.folder)


def fit(task: Task, split: Split[Any, Any], kind: str) -> Baseline:
    (found,) = fit_baselines(task, split, asked=kind, others=False)
    return found


def agree(one: AnyBaseline, other: AnyBaseline) -> None:
    """The same arrays to the bit."""
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], strict=True)


def test_every_baseline_has_a_row():
    listed = {(name, kind) for name, task in TASKS.items() for kind in task.baselines}
    assert set(TABLE) == listed == {(name, kind) for name, each in KINDS.items() for kind in each.baselines}


def test_every_class_of_baseline_is_of_a_task():
    def leaves(model: type[AnyBaseline]) -> set[type[AnyBaseline]]:
        return set().union(*(leaves(each) for each in model.__subclasses__())) or {model}

    used = {kind.model for task in TASKS.values() for kind in task.baselines.values()}
    assert {model for model in leaves(BaselineModel) if model.__module__.startswith("seqconv.")} <= used


def test_fitting_makes_arrays_alone_and_the_same_again(made):
    found = made.fitted
    assert (found.name, found.spoken) == (made.row.name, made.row.spoken)
    assert type(found.model) is made.task.baselines[found.kind].model
    for name, array in found.model.arrays.items():
        assert isinstance(array, np.ndarray), name
        assert array.dtype.kind in "biuf", name
        assert np.isfinite(array).all(), name
    agree(fit(made.task, made.split, found.kind).model, found.model)


def test_fitting_sees_no_test_row(made):
    other = replace(made.split, test=made.split.train.take(np.arange(5)))
    agree(fit(made.task, other, made.fitted.kind).model, made.fitted.model)


def test_scores_are_of_the_rows_they_say_and_better_than_the_simplest_where_it_learns(made):
    target = made.split.features.target
    for name in ("validation", "test"):
        score, part = getattr(made.fitted, name), getattr(made.split, name)
        assert score["n"] == len(part.targets)
        assert all(math.isfinite(value) for value in score.values())
        outputs = made.fitted.model.predict(part.inputs)
        wanted = made.split.features.measure(outputs, part, target.loss, target)
        assert score == pytest.approx(wanted, rel=1e-12, nan_ok=True)
    assert (target.rank(made.fitted.test) < target.rank(made.simplest.test)) == made.row.learns


def test_each_example_alone_gets_its_answer_in_the_batch(made):
    inputs, model = made.split.test.inputs, made.fitted.model
    outputs = model.predict(inputs)
    assert outputs.shape == (len(inputs), made.split.features.target.outputs)
    assert np.isfinite(outputs).all()
    for number in (0, len(inputs) - 1):
        np.testing.assert_allclose(
            model.predict(inputs.take(np.array([number])))[0], outputs[number], rtol=1e-6, atol=1e-9
        )


def test_a_saved_one_is_the_same_to_the_bit(made, tmp_path):
    bundle, fitted = read_bundle(made.folder), made.fitted.model
    restored = restore(made.task.baselines, made.fitted.kind, bundle.features, bundle.weights)
    agree(restored, fitted)
    inputs = made.split.test.inputs
    np.testing.assert_array_equal(restored.predict(inputs), fitted.predict(inputs))
    np.testing.assert_array_equal(made.model.model.predict(inputs), fitted.predict(inputs))
    write_bundle(bundle, tmp_path / "copy")
    for path in (made.folder / "model").iterdir():
        assert (tmp_path / "copy" / path.name).read_bytes() == path.read_bytes(), path.name
    results = json.loads((made.folder / "metrics.json").read_text())
    assert results["test"] == made.fitted.test
    assert results["model"] == made.row.name


def test_arrays_that_are_not_all_of_it_are_refused(made):
    weights = read_bundle(made.folder).weights
    for gone in weights:
        refuse(made, {name: array for name, array in weights.items() if name != gone}, f"{gone!r} is absent")
    refuse(made, weights | {"more": np.zeros(1)}, f"'more' is no array of the model {made.fitted.kind}")


def test_every_array_of_another_type_shape_or_range_is_refused(made):
    for name, array in read_bundle(made.folder).weights.items():
        shapes = array[None], np.concatenate([array, array], axis=-1)
        with np.errstate(over="ignore"):
            kinds = [array.astype(kind) for kind in (np.float16, np.int32, np.uint16) if array.dtype != kind]
        odd = [np.full_like(array, value) for value in (np.nan, -np.inf) if array.dtype.kind == "f"]
        for wrong in (*shapes, *kinds, *odd):
            if wrong.shape != array.shape or array.size:  # no values are in any range
                refuse(made, read_bundle(made.folder).weights | {name: wrong}, "must be")


def refuse(made: Made, arrays: dict[str, np.ndarray], says: str) -> None:
    kind, features, shape = made.fitted.kind, made.split.features, made.split.train.inputs.shape
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        check_arrays(made.task.baselines, kind, features, arrays, shape)
    assert "\n" not in str(caught.value)


def test_raw_data_are_answered_alike_in_memory_and_in_a_request(made):
    model, row = made.model, TASK_ROWS[made.task.name]
    method = model.regress if made.row.simplest else getattr(model, made.task.method)
    outputs = method(*row.to_raw(row.items))
    assert np.isfinite(outputs).all()
    answers = made.task.answer_request(model, made.task.read_request(model.bundle, row.items, 1))
    numbers = (
        [[each["prediction"], each["low"], each["high"]] for each in answers]
        if made.row.simplest
        else row.to_numbers(answers)
    )
    np.testing.assert_allclose(numbers, outputs, rtol=1e-5)


def test_an_answer_is_explained_and_what_there_is_not_is_refused(made):
    model, task = made.model, made.task
    raw = task.read_example(model.bundle, Source(file=made.file))
    found = describe(task.explain(model, raw, {}))
    exact = made.row.exact
    assert (found["exact"], found["method"]) == (exact, "features" if exact else "occlusion")
    if exact:
        total = sum(part["contribution"] for part in found["parts"]) + found["constant"]
        assert total == pytest.approx(found["logit"], rel=1e-3, abs=1e-3)
    assert all(math.isfinite(part["contribution"]) for part in found["parts"])
    constant = made.fitted.kind in ("majority", "mean", "median")
    assert any(part["contribution"] for part in found["parts"]) != constant
    for option in TASK_ROWS[task.name].options:
        with pytest.raises(ConfigError):
            task.explain(model, raw, option)
