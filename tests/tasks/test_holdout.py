"""Which examples are held out: training and `inspect` take them from one place, and nobody makes up a split."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqconv
from seqconv.data.records import TextData, Texts
from seqconv.recipes.recipe import TextRecipe, recipe_from_dict
from seqconv.tasks import holdout, label_findings
from seqconv.tasks.label_findings import Examples, judge_classes
from seqconv.tasks.text.split import group_texts, split_texts


def make_texts(count: int = 60) -> Texts:
    texts = [f"good film {number // 2}" if number % 4 < 2 else f"bad film {number // 2}" for number in range(count)]
    labels = np.array([int(number % 4 < 2) for number in range(count)], np.int32)
    return Texts(texts, labels, ("bad", "good"), "mine.csv")


def make_recipe(seed: int) -> TextRecipe:
    return recipe_from_dict({"task": "text", "data": {"source": "mine.csv"}, "training": {"seed": seed}}, "mine")


@pytest.mark.parametrize("streams", [{"validation": 0, "test": 2}, {"validation": 11, "test": 12}])
@pytest.mark.parametrize("seed", [0, 5])
def test_inspect_looks_at_the_very_rows_that_training_holds_out(
    seed: int, streams: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdout, "STREAMS", streams)  # whatever they are, both follow
    texts, recipe = make_texts(), make_recipe(seed)
    drawn: dict[str, list[int]] = {}

    def watch(*given: Any) -> Any:
        for name, rows, held in holdout.draw_holdouts(*given):
            drawn[name] = sorted(held.tolist())
            yield name, rows, held

    monkeypatch.setattr(label_findings, "draw_holdouts", watch)
    groups = group_texts(texts)
    assert groups is not None
    examples = Examples(texts.labels, texts.classes, groups, str, "mine.csv", "text", together=True)
    judge_classes(examples, recipe, (False, False))
    split = split_texts(TextData(texts), recipe)
    rows = {name: split.facts["splits"][name]["examples"] for name in drawn}
    assert rows == {name: len(held) for name, held in drawn.items()}
    ids = split.features.inputs(split.features.words.encode(texts.texts)).ids
    for name, part in (("validation", split.validation), ("test", split.test)):
        assert sorted(map(tuple, part.inputs.ids.tolist())) == sorted(map(tuple, ids[drawn[name]].tolist()))


def test_splits_are_made_where_data_are_split_and_nowhere_else() -> None:
    package = Path(seqconv.__file__).parent
    makers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Split"
    }
    kinds = {f"tasks/{kind}/split.py" for kind in ("text", "series", "panel", "sequence")}
    assert makers == kinds | {"tasks/examples.py"}  # of training data alone


def hold_out(sizes: list[int], fraction: float, groups: np.ndarray | None = None, seed: int = 0) -> Any:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.arange(len(labels))
    kept, held = holdout.hold_out(rows, labels, groups, fraction, holdout.open_stream(seed, "test"), True)
    assert sorted([*kept, *held]) == rows.tolist()
    return np.bincount(labels[kept], minlength=len(sizes)), np.bincount(labels[held], minlength=len(sizes)), held


@pytest.mark.parametrize(("classes", "rows"), [(60, 3), (52, 2), (9000, 3)])
def test_of_many_small_classes_the_fraction_of_all_rows_is_held_out(classes: int, rows: int) -> None:
    kept, held, _ = hold_out([rows] * classes, 0.15)
    assert held.sum() == round(0.15 * classes * rows)
    assert kept.min() >= 1
    assert held.max() == 1
    assert not np.array_equal(held, hold_out([rows] * classes, 0.15, seed=1)[1])


def test_small_classes_do_not_change_what_is_held_out_of_large_ones() -> None:
    labels = np.repeat(np.arange(2), 50)
    _, alone = holdout.hold_out(np.arange(100), labels, None, 0.2, holdout.open_stream(0, "test"), True)
    assert np.bincount(labels[alone]).tolist() == [10, 10]
    kept, held, _ = hold_out([50, 50, 2, 2, 2, 1], 0.2)
    assert held[:2].tolist() == [10, 10]
    assert held[2:].sum() == 1  # a fifth of six rows
    assert kept.min() >= 1


def test_copies_in_small_classes_stay_together() -> None:
    groups = np.array([0, 0, 1, 1, 2, 3, 4, 5])  # two classes of two copies, two of different rows
    kept, held, _ = hold_out([2, 2, 2, 2], 0.24, groups)
    assert held.tolist()[:2] == [0, 0]
    assert held.sum() == 2
    assert kept.min() >= 1


def test_many_classes_of_three_texts_are_trained() -> None:
    texts = [f"thing{c} word{c} {k}" for c in range(60) for k in range(3)]
    data = Texts(texts, np.repeat(np.arange(60), 3).astype(np.int32), tuple(map(str, range(60))), "mine.csv")
    facts = split_texts(TextData(data), make_recipe(0)).facts["splits"]
    assert {name: part["examples"] for name, part in facts.items()} == {"train": 115, "validation": 29, "test": 36}
    assert min(facts["train"]["classes"].values()) >= 1


@given(st.lists(st.integers(0, 5), min_size=6, max_size=60), st.integers(0, 99))
def test_copies_of_a_text_are_never_in_two_splits(kinds, seed):
    rows, groups = np.arange(len(kinds)), np.array(kinds)
    labels = (groups % 2).astype(np.int32)
    kept, held_out = holdout.hold_out(rows, labels, groups, 0.4, np.random.default_rng(seed), True)
    assert sorted([*kept, *held_out]) == list(rows)
    assert not set(groups[kept]) & set(groups[held_out])
    assert set(labels[kept]) == set(labels)
