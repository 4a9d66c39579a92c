"""Members of a blend weighed in folds, where few texts are held out."""

import numpy as np
import polars
import pytest

from seqconv import TextClassifier
from seqconv.tasks import guessing
from seqconv.tasks.examples import merge_validation
from seqconv.tasks.kinds import TASKS
from seqconv.training import folds
from seqconv.training import run as runs
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

KINDS = ["words", "characters"]
SETTINGS = ("training.epochs=2",)


class Heard(Listener):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def write(folder, count: int, copies: int = 1, name: str = "mail.csv"):
    random = np.random.default_rng(0)
    labels = random.choice(["a", "b"], count)
    words = {"a": ["fine", "kind", "good"], "b": ["poor", "rude", "late"]}
    texts = [" ".join([*random.choice(words[each], 2), f"n{row}", "the"]) for row, each in enumerate(labels)]
    frame = polars.DataFrame({"text": texts * copies, "label": labels.tolist() * copies})
    frame.write_csv(folder / name)
    return str(folder / name)


def split(file, *settings):
    suggested = guessing.suggest_recipe(file, [*SETTINGS, *settings])
    return suggested.recipe, TASKS["text"].split(suggested.data, suggested.recipe, 1, None)


def test_every_example_is_judged_by_models_of_others(tmp_path, monkeypatch):
    recipe, found = split(write(tmp_path, 100))
    seen = []
    fit = folds._fit_fold
    monkeypatch.setattr(folds, "_fit_fold", lambda *given: seen.append(given[1]) or fit(*given))
    held = folds.score_folds(recipe, found.training, found.pool, KINDS, 1)
    whole = merge_validation(found.training).train
    assert held.outputs.keys() == {"network", *KINDS}
    assert all(each.shape == (len(whole.targets), 1) for each in held.outputs.values())
    np.testing.assert_array_equal(held.targets, whole.targets)
    assert len(seen) == folds.FOLDS
    assert sum(len(each.validation.targets) for each in seen) == len(whole.targets)
    right = (held.outputs["words"] > 0) == (whole.targets > 0)
    assert right.mean() > 0.9  # every word but n17 and the like is in the others


def test_copies_of_a_text_lie_in_one_fold(tmp_path, monkeypatch):
    recipe, found = split(write(tmp_path, 40, copies=3))
    held = []
    fit = folds._fit_fold
    monkeypatch.setattr(folds, "_fit_fold", lambda *given: held.append(given[1]) or fit(*given))
    folds.score_folds(recipe, found.training, found.pool, KINDS, 1)
    for each in held:
        rest, left = (set(map(bytes, part.inputs.ids)) for part in (each.train, each.validation))
        assert not rest & left


@pytest.mark.parametrize("settings", [("data.validation_file={}",), ("data.group=label",)])
def test_validation_rows_of_ones_own_decide(tmp_path, settings):
    """Those of a file were not drawn from the same rows; two groups cannot be cut into five folds."""
    file = write(tmp_path, 100)
    other = write(tmp_path, 40, name="other.csv")
    if "group" in settings[0]:
        frame = polars.read_csv(file).with_columns(film=polars.int_range(polars.len()) % 4)
        frame.write_csv(file)
        settings = ("data.group=film",)
    recipe, found = split(file, "data.text=text", *(each.format(other) for each in settings))
    assert folds.score_folds(recipe, found.training, found.pool, KINDS, 1) is None


def test_many_examples_are_not_cut(tmp_path):
    recipe, found = split(write(tmp_path, 700))
    assert len(found.pool) > folds.MOST
    assert folds.score_folds(recipe, found.training, found.pool, KINDS, 1) is None


def test_a_run_says_that_it_weighs_in_folds_and_an_estimator_does_too(tmp_path, monkeypatch):
    file = write(tmp_path, 100)
    for name, listener in (("few", Heard()), ("again", Heard())):
        suggested = guessing.suggest_recipe(file, [*SETTINGS])
        options = Options(out=tmp_path / name, baselines=False)
        runs.train(suggested.recipe, options, listener, suggested.data)
        assert "blend: weighed in 5 folds, as few rows are held out" in listener.said
    weights = [(tmp_path / name / "model" / "weights.safetensors").read_bytes() for name in ("few", "again")]
    assert weights[0] == weights[1]
    table, called = polars.read_csv(file), []
    score = folds.score_folds
    monkeypatch.setattr(
        "seqconv.estimators.base.score_folds", lambda *given: called.append(score(*given)) or called[-1]
    )
    TextClassifier(epochs=2, random_state=0).fit(table["text"].to_list(), table["label"].to_list())
    assert called[0] is not None
