"""Columns next to text and label: weights, groups and splits."""

import json
import re
from pathlib import Path

import numpy as np
import polars
import pytest

import seqconv
from seqconv.data.datasets import load_texts
from seqconv.errors import DataError
from seqconv.recipes.sections import TextDataConfig
from seqconv.tasks.guessing import suggest_recipe

FRAME = polars.DataFrame(
    {
        "film": ["x", "y", "x", " y ", "z", "z"],
        "review": ["so good", "so bad", "good fun", "bad luck", "fun", "dull"],
        "use": ["Train", "train", "training", "TEST", "dev", "valid"],
        "stars": ["pos", "neg", "pos", "neg", "pos", "neg"],
        "weight": [1.0, 2, 0.5, 3, 0, 1e3],
    }
)


def write(frame: polars.DataFrame, path: Path) -> Path:
    {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".jsonl": frame.write_ndjson}[path.suffix](path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_every_column_has_its_role_and_none_is_taken_for_text_or_label(tmp_path, ending):
    path = write(FRAME, tmp_path / f"reviews{ending}")
    found = seqconv.read_texts(path, weight="weight", group="film", label="stars")
    assert found.texts == FRAME["review"].to_list()
    assert found.weights.tolist() == [1, 2, 0.5, 3, 0, 1000]
    assert found.groups.tolist() == [0, 1, 0, 1, 2, 2]
    assert found.settled["weight"] == "weight"
    taken = found.take(np.array([3, 0]))
    assert (taken.weights.tolist(), taken.groups.tolist()) == ([3, 1], [1, 0])
    by_number = seqconv.read_texts(path, text="2", label="4", weight="5", group="1")
    assert by_number.weights.tolist() == found.weights.tolist()


def test_two_columns_are_told_apart_without_the_others(tmp_path):
    frame = FRAME.select("review", "stars", "weight")
    found = seqconv.read_texts(write(frame, tmp_path / "r.csv"), weight="weight")
    assert (found.texts[0], found.classes) == ("so good", ("neg", "pos"))


def test_a_column_says_which_split_a_row_is_of(tmp_path):
    path = write(FRAME, tmp_path / "reviews.csv")
    data = load_texts(TextDataConfig(source=str(path), split="use", label=("stars",), weight="weight", group="film"))
    assert data.train.texts == ["so good", "so bad", "good fun"]
    assert data.test.texts == ["bad luck"]
    assert data.validation.texts == ["fun", "dull"]
    assert data.train.weights.tolist() == [1, 2, 0.5]
    assert data.train.classes == data.test.classes == ("neg", "pos")


def test_files_of_their_own_go_without_what_only_training_needs(tmp_path):
    train = write(FRAME, tmp_path / "train.csv")
    test = write(FRAME.select("review", "stars"), tmp_path / "test.csv")
    held = write(FRAME.select("review", "stars", "weight"), tmp_path / "held.csv")
    files = {"test_file": str(test), "validation_file": str(held)}
    config = TextDataConfig(source=str(train), label=("stars",), weight="weight", group="film", **files)
    data = load_texts(config)
    assert data.test.weights is None
    assert data.validation.weights.tolist() == FRAME["weight"].to_list()
    with pytest.raises(DataError, match=re.escape("data.test_file: must be left out where data.split gives test rows")):
        load_texts(TextDataConfig(source=str(train), label=("stars",), split="use", test_file=str(test)))


@pytest.mark.parametrize(
    ("column", "cells", "role", "says"),
    [
        ("weight", [1, 2, -1, 1, 1, 1], "weight", "line 4: the weight 'weight' must be a number of at least 0; got"),
        ("weight", ["1", "", "2", "1", "1", "1"], "weight", "line 3: the weight 'weight' must be a number"),
        ("weight", ["1", "inf", "2", "1", "1", "1"], "weight", "got 'inf'"),
        ("weight", ["1", "many", "2", "1", "1", "1"], "weight", "got 'many'"),
        ("film", ["a", "b", "", "a", "a", "a"], "group", "line 4: the group 'film' is empty"),
        ("use", ["train", "holdout", "test", "test", "dev", "dev"], "split", "line 3: the split 'use' must be train,"),
        ("use", ["test"] * 6, "split", "data.split must say 'train' of some row; it does of none"),
        ("use", ["train", "", "test", "test", "dev", "dev"], "split", "line 3: the split 'use' must be train,"),
    ],
)  # fmt: skip
def test_wrong_cells_are_named_with_their_line(tmp_path, column, cells, role, says):
    frame = FRAME.with_columns(polars.Series(column, list(map(str, cells))))
    path = write(frame, tmp_path / "reviews.csv")
    with pytest.raises(DataError, match=re.escape(says)):
        load_texts(TextDataConfig(source=str(path), label=("stars",), **{role: column}))


def test_data_without_columns_refuse_roles(tmp_path):
    (tmp_path / "train.txt").write_text("__label__a x\n__label__b y\n")
    with pytest.raises(DataError, match=re.escape("data.weight needs a table with a column 'w'")):
        seqconv.read_texts(tmp_path / "train.txt", weight="w")
    path = write(FRAME, tmp_path / "reviews.csv")
    with pytest.raises(DataError, match=re.escape("must have the column 'weights'; it does not")):
        seqconv.read_texts(path, weight="weights")


def test_a_run_keeps_and_uses_them(tmp_path):
    rows = [
        {"text": f"{'good' if n % 2 else 'bad'} {n}", "label": n % 2, "w": 1 + n, "use": "train"} for n in range(60)
    ]
    for n in range(0, 60, 5):
        rows[n]["use"] = "test" if n % 2 else "validation"
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)))
    suggested = suggest_recipe(str(tmp_path / "r.jsonl"), ("data.weight=w", "data.split=use", "training.epochs=1"))
    run = seqconv.train(suggested.recipe, seqconv.Options(tmp_path / "run", threads=1, baselines=False))
    assert {name: each["examples"] for name, each in run.results.facts["splits"].items()} == {
        "train": 48, "validation": 6, "test": 6,
    }  # fmt: skip
    assert run.results.settings["data"]["weight"] == "w"
    np.testing.assert_equal(seqconv.evaluate(tmp_path / "run", threads=1).test, run.results.test)  # an AUC may be NaN
    (tmp_path / "new.jsonl").write_text("\n".join(json.dumps({"text": r["text"], "label": r["label"]}) for r in rows))
    assert seqconv.evaluate(tmp_path / "run", tmp_path / "new.jsonl", threads=1).scores.n == 60


def test_a_column_of_splits_that_is_not_used_is_named(tmp_path):
    path = write(FRAME, tmp_path / "reviews.csv")
    says = (
        "the column 'use' says TEST, Train, dev, train, training, valid, but rows are split anew; --split use uses it"
    )
    assert says in seqconv.read_texts(path, label="stars").notes
    data = load_texts(TextDataConfig(source=str(path), label=("stars",), split="use"))
    assert not [note for note in data.train.notes if "--split" in note]
    other = write(FRAME.with_columns(use=polars.Series(["train", "test", "x"] * 2)), tmp_path / "other.csv")
    assert not [note for note in seqconv.read_texts(other, label="stars").notes if "--split" in note]
