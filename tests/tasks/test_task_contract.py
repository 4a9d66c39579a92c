"""What every task promises: the same tests for every row of `helpers.tasks.TABLE`, which has one for each task."""

import inspect
import json
import math
import shutil
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from helpers.contributing import find_module, read_example
from helpers.serving import Client, serving
from helpers.tasks import TABLE, Row
from seqconv.errors import ConfigError, DataError
from seqconv.models.format import read_bundle, write_bundle
from seqconv.models.predictor import Predictor, load
from seqconv.recipes import recipe as recipes
from seqconv.recipes.recipe import AnyRecipe, recipe_from_dict
from seqconv.recipes.sections import KINDS
from seqconv.serving.files import predict_file
from seqconv.tasks.examples import fingerprint
from seqconv.tasks.explanation import describe
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.kinds import TASKS, find_task
from seqconv.tasks.profiles import Profile
from seqconv.tasks.task import Answers, Data, Source, Task

pytestmark = pytest.mark.usefixtures("quick")

SHORT = ("training.epochs=2", "training.refit=false")


class Made(NamedTuple):
    """A task, a file of its kind, and a run that was trained on it: `run` in `folder`."""

    task: Task
    row: Row
    folder: Path
    file: Path
    recipe: AnyRecipe
    data: Data

    @property
    def model(self) -> Predictor:
        return load(self.folder / "run", threads=1)

    @property
    def is_network(self) -> bool:
        return self.recipe.has_layers


def make(name: str, folder: Path) -> Made:
    """Train as the command line does, on what it finds in the file."""
    row = TABLE[name]
    file = row.write(folder)
    suggested = suggest_recipe(str(file), [*row.settings, *SHORT])
    flags = [word for each in (*row.settings, *SHORT) for word in ("--set", each)]
    seqconv_command("train", str(file), *flags, "--out", "run", "--quiet", cwd=folder)
    return Made(TASKS[name], row, folder, file, suggested.recipe, suggested.data)


@pytest.fixture(scope="module", params=TABLE)
def made(request, tmp_path_factory) -> Made:
    return make(request.param, tmp_path_factory.mktemp(request.param))


def test_every_task_has_a_row():
    assert set(TABLE) == set(TASKS) == set(KINDS)


def test_the_record_agrees_with_the_recipes_and_is_like_no_other(made):
    task = made.task
    assert TASKS[task.name] is task
    assert tuple(task.baselines) == KINDS[task.name].baselines
    assert callable(getattr(Predictor, task.method))
    for each in ("name", "model", "takes", "method"):
        assert [getattr(other, each) for other in TASKS.values()].count(getattr(task, each)) == 1, each
    functions = [each for each in fields(task) if "Callable" in str(each.type)]
    for each in functions:
        found = getattr(task, each.name)
        assert callable(found) or (found is None and str(each.type).endswith("| None")), each.name


def test_a_file_is_read_and_what_it_wants_is_guessed(made):
    assert find_task(made.recipe) is made.task
    assert recipe_from_dict(json.loads(json.dumps(made.recipe.to_dict()))) == made.recipe
    assert bool(made.recipe.network.layers) == made.is_network
    seen = made.task.sizes_from_recipe(made.recipe)
    split = made.task.split(made.data, made.recipe, 1, None)
    assert seen in (None, (split.train.inputs.shape, split.features.target.outputs))
    again = made.task.split(made.task.load(made.recipe.data, None), made.recipe, 1, None)
    assert fingerprint(again) == fingerprint(split) == made.model.bundle.fingerprint


def test_an_inspection_finds_nothing_that_training_would_refuse(made):
    flags = [word for each in made.row.settings for word in ("--set", each)]
    found = json.loads(seqconv_command("inspect", str(made.file), *flags, "--json", cwd=made.folder).stdout)
    assert found["task"] == made.task.name
    assert found["rows"] > 0
    assert not [each for each in found["findings"] if each["weight"] == "blocks"]


def test_a_split_is_the_same_again_and_with_the_features_of_a_trained_model(made):
    splits = [made.task.split(made.data, made.recipe, threads, given) for threads, given in list_ways(made)]
    for split in splits:
        assert split.features.target.describe() == splits[0].features.target.describe()
        for name in ("train", "validation", "test"):
            part, wanted = getattr(split, name), getattr(splits[0], name)
            assert len(part.inputs) == len(part.targets) > 0
            assert part.inputs.shape == wanted.inputs.shape
            np.testing.assert_array_equal(np.asarray(part.targets), np.asarray(wanted.targets))
            for one, other in zip(part.inputs.arrays, wanted.inputs.arrays, strict=True):
                np.testing.assert_array_equal(one, other)


def list_ways(made: Made) -> list[tuple[int, Any]]:
    return [(1, None), (2, None), (1, made.model.bundle.features)]


def test_training_writes_a_whole_run(made):
    results = json.loads((made.folder / "run" / "metrics.json").read_text())
    names = {path.name for path in (made.folder / "run").iterdir()} - {"baseline", "mistakes.json", "examples.npz"}
    history = {"history.csv"} if made.is_network else set()
    assert names - history - {"examples.npz"} == {
        "recipe.toml",
        "metrics.json",
        "predictions.npz",
        "report.html",
        "model",
    }
    assert results["task"] == made.task.name
    assert results["epochs"] == (2 if made.is_network else 0)
    metric = made.model.bundle.features.target.metric
    assert results["metric"] == metric
    split = made.task.split(made.data, made.recipe, 1, None)
    usual = [each.kind for each in made.task.list_baselines(split, print) if each.usual]
    own = made.recipe.training.model
    network = ["network"] if own == "blend" and made.is_network else []
    assert [row["kind"] for row in results["baselines"]] == [*(kind for kind in usual if kind != own), *network]
    assert all(math.isfinite(results[part][metric]) for part in ("validation", "test"))


def test_an_evaluation_gives_the_scores_of_the_run_with_intervals(made):
    results = json.loads((made.folder / "run" / "metrics.json").read_text())
    found = json.loads(seqconv_command("evaluate", "run", "--json", cwd=made.folder).stdout)
    assert found["test"] == results["test"]
    assert found["n"] == results["test"]["n"]
    score = found["metrics"][results["metric"]]
    assert score["low"] <= score["value"] <= score["high"]
    assert score["value"] == pytest.approx(results["test"][results["metric"]])
    on_file = json.loads(seqconv_command("evaluate", "run", str(made.file), "--json", cwd=made.folder).stdout)
    assert on_file["n"] > found["n"]
    seqconv_command("evaluate", "run", "--out", "page.html", cwd=made.folder)
    assert "</html>" in (made.folder / "page.html").read_text()


def test_scores_need_no_more_than_answers_and_examples(made):
    model = made.model
    part, notes = made.task.take(model.bundle, made.data, 1)
    raw = model.model.predict(part.inputs)
    scores = made.task.score(Answers(part.finish(raw), part.finish_bounds(raw)), part, model.bundle, None)
    assert scores.n == len(part.targets)
    assert all(isinstance(note, str) for note in notes)


def test_raw_data_are_answered_alike_in_memory_and_in_a_request(made):
    model, row, task = made.model, made.row, made.task
    outputs = getattr(model, task.method)(*row.to_raw(row.items))
    assert np.isfinite(outputs).all()
    answers = task.answer_request(model, task.read_request(model.bundle, row.items, 1))
    np.testing.assert_allclose(row.to_numbers(answers), outputs, rtol=1e-5)
    for other in TASKS.values():
        if other is not task:
            with pytest.raises(DataError, match=f"takes {task.takes}, not {other.takes}. Use {task.method}"):
                getattr(model, other.method)(*TABLE[other.name].to_raw(TABLE[other.name].items))


def test_a_wrong_item_is_one_line(made):
    item, says = made.row.wrong
    with pytest.raises(DataError) as caught:
        made.task.read_request(made.model.bundle, [item], 1)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_file_is_answered_row_by_row_in_pieces_of_any_size(made):
    whole = polars.concat([*predict_file(made.model, made.file)])
    pieces = polars.concat([*made.task.predict_file(made.model, made.file, "", 37)])
    assert whole.columns == pieces.columns
    for name in whole.columns:
        one, other = whole[name], pieces[name]
        if one.dtype.is_float():
            np.testing.assert_allclose(one.to_numpy(), other.to_numpy(), rtol=1e-5)
        else:
            assert one.to_list() == other.to_list()
    seqconv_command("predict", "run", str(made.file), "-o", "answers.csv", cwd=made.folder)
    assert len((made.folder / "answers.csv").read_text().splitlines()) == len(whole) + 1


def test_an_answer_is_explained_and_what_there_is_not_is_refused(made):
    model, task = made.model, made.task
    raw = task.read_example(model.bundle, Source(file=made.file))
    found = describe(task.explain(model, raw, {}))
    assert found["parts"]
    assert all(math.isfinite(part["contribution"]) for part in found["parts"])
    json.dumps(found, allow_nan=False)
    for option in made.row.options:
        assert set(option) <= {*task.options, *task.file_options}
        with pytest.raises(ConfigError) as caught:
            task.explain(model, raw, option)
        assert "\n" not in str(caught.value)
    printed = json.loads(seqconv_command("explain", "run", "--file", str(made.file), "--json", cwd=made.folder).stdout)
    assert printed["parts"]


def test_a_backtest_judges_on_each_fold(made):
    flags = [word for each in (*made.row.settings, *SHORT) for word in ("--set", each)]
    words = ("backtest", str(made.file), *flags, "--folds", "2", "--out", "backtest", "--json")
    found = json.loads(seqconv_command(*words, cwd=made.folder).stdout)
    assert [fold["fold"] for fold in found["folds"]] == [1, 2]
    assert all(fold["train_rows"] > 0 for fold in found["folds"])
    assert (made.folder / "backtest" / "report.html").is_file()
    with pytest.raises(ConfigError, match="folds"):
        next(made.task.fold(made.data, made.recipe, 100_000, "growing"))


def test_a_bundle_is_written_again_to_the_byte_and_answers_the_same(made, tmp_path):
    bundle = read_bundle(made.folder / "run")
    write_bundle(bundle, tmp_path / "copy")
    for path in (made.folder / "run" / "model").iterdir():
        assert (tmp_path / "copy" / path.name).read_bytes() == path.read_bytes(), path.name
    raw = made.row.to_raw(made.row.items)
    copy = load(tmp_path / "copy", threads=1)
    one, other = (getattr(model, made.task.method)(*raw) for model in (made.model, copy))
    np.testing.assert_array_equal(one, other)
    assert copy.bundle.features.identity() == bundle.features.identity()
    assert copy.bundle.features.block(1000) == bundle.features.block(1000) >= 1


def test_a_model_is_served(made):
    model, row, task = made.model, made.row, made.task
    task.warm_up(model)
    with serving(model, made.folder / "run") as port, Client(port) as client:
        predictions = client.predict({task.key: row.items})
        status, explained = client.ask("POST", "/explain", {task.key: row.items[:1] if task.piece else row.items})
        assert (status, bool(explained["parts"])) == (200, True)
        status, refused = client.ask("POST", "/predict", {task.key: [row.wrong[0]]})
        assert (status, refused["error"].startswith(row.wrong[1])) == (422, True)
        about = client.ask("GET", "/model")[1]
    wanted = task.answer_request(model, task.read_request(model.bundle, row.items, 1))
    np.testing.assert_allclose(row.to_numbers(predictions), row.to_numbers(wanted), rtol=1e-5)
    assert (about["task"], about["takes"]) == (task.name, task.key)
    assert about.items() >= json.loads(json.dumps(task.describe(model.bundle))).items()


def test_data_are_compared_with_those_of_training(made, tmp_path):
    found = seqconv.monitor(made.folder / "run", made.file)
    assert found.task == made.task.name
    assert found.n > 0
    assert {each.of for each in found.variables} - {"labels"} == {"inputs", "answers"}
    assert "drifted" not in {each.state for each in found.variables}
    assert found.rates
    model = made.model
    profile = model.bundle.profile
    raw = made.task.read_whole(model.bundle, made.file, "")
    named = {each.name for each in profile.variables if each.of == "inputs"}
    assert {each.name for each in made.task.sample(model.bundle.features, raw)} == named
    assert made.task.answer_whole(model, raw).shape[1] == model.bundle.features.target.outputs
    assert Profile.from_dict(json.loads(json.dumps(profile.to_dict()))) == profile


def test_requests_are_answered_together_as_alone(made):
    task, row = made.task, made.row
    if task.join is None:
        assert task.piece == 0  # the examples of a request belong together, and to no other
        return
    model, parts = made.model, [row.items[:1], row.items, row.items[1:]]
    read = [task.read_request(model.bundle, each, 1) for each in parts]
    alone = [answer for each in read for answer in task.answer_request(model, each)]
    assert task.answer_request(model, task.join(read)) == alone


def test_the_example_in_contributing_keeps_the_contract(monkeypatch, tmp_path):
    """Every block is run where it says that it belongs."""
    names: dict[str, Any] = {}
    for place, within, code in read_example("Adding a task"):
        if place.endswith(".toml"):
            add_recipe(monkeypatch, tmp_path / "recipes", Path(place).name, code)
        elif "/dna/" in place:
            module = ModuleType("seqconv.tasks.dna.task")
            monkeypatch.setitem(sys.modules, module.__name__, module)
            exec(code, vars(module))
        elif not within:
            exec(code, {**vars(find_module(place)), **names}, names)
        elif within == "Predictor":
            exec(code, names)
            monkeypatch.setattr(Predictor, "classify_dna", names["classify_dna"], raising=False)
        else:
            module = find_module(place)
            for key, value in eval(f"{{{code}}}", {**vars(module), **names}).items():
                monkeypatch.setitem(getattr(module, within), key, value)
    (tmp_path / "made").mkdir()
    dna = make("dna", tmp_path / "made")
    assert dna.data.train.values.sum(axis=1).tolist() == [1] * 120 * 24
    contract = {name: test for name, test in globals().items() if name.startswith("test_")}
    found = [(test, inspect.signature(test).parameters) for test in contract.values()]
    asked = [(test, "tmp_path" in names) for test, names in found if "made" in names]
    assert len(asked) > 10
    for test, wants_folder in asked:
        test(dna, tmp_path) if wants_folder else test(dna)


def add_recipe(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, text: str) -> None:
    """Recipes that come with the package, and one more."""
    shutil.copytree(Path(recipes.__file__).parent, folder)
    (folder / name).write_text(text)
    monkeypatch.setattr(recipes, "resources", SimpleNamespace(files=lambda package: folder.parent))
