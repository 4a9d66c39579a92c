"""Weights, groups and splits of sequences in tables."""

import re
from pathlib import Path

import numpy as np
import polars
import pytest

import seqconv
from seqconv.data.datasets import load_sequences
from seqconv.errors import DataError
from seqconv.recipes.sections import SequenceDataConfig
from seqconv.serving.files import predict_file
from seqconv.tasks.guessing import suggest_recipe
from seqconv.training.folder import Options

ROWS = 60
USES = ["test" if n % 6 == 5 else "dev" if n % 6 == 4 else "train" for n in range(ROWS)]


def make_wide() -> polars.DataFrame:
    random = np.random.default_rng(0)
    steps = {f"t{k}": random.normal(np.arange(ROWS) % 2, 1.0).round(3) for k in range(8)}
    marks = {"worth": 1.0 + np.arange(ROWS), "person": np.arange(ROWS) // 6, "use": USES}
    return polars.DataFrame({**marks, **steps, "kind": ["a" if n % 2 else "b" for n in range(ROWS)]})


def make_long() -> polars.DataFrame:
    rows = []
    for n, row in enumerate(make_wide().to_dicts()):
        marks = {name: row[name] for name in ("worth", "person", "use", "kind")}
        rows += [{"seq": f"s{n:02}", "when": k, "x": row[f"t{k}"], **marks} for k in range(8)]
    return polars.DataFrame(rows)


def load(path: Path, **settings: object):
    return load_sequences(SequenceDataConfig(source=str(path), label=("kind",), **settings))


@pytest.mark.parametrize("form", ["wide", "long"])
def test_they_are_roles_not_values(tmp_path, form):
    path = tmp_path / "s.csv"
    (make_wide() if form == "wide" else make_long()).write_csv(path)
    own = {} if form == "wide" else {"id": ("seq",), "time": "when"}
    data = load(path, weight="worth", group="person", split="use", **own)
    assert [len(each) for each in (data.train, data.validation, data.test)] == [40, 10, 10]
    assert data.train.values.shape == (40 * 8, 1)
    kept = [n for n in range(ROWS) if USES[n] == "train"]
    assert data.train.weights.tolist() == [1.0 + n for n in kept]
    np.testing.assert_array_equal(data.train.groups, np.array(kept) // 6)
    if form == "wide":
        assert data.train.values[:8, 0].tolist() == list(make_wide().row(0)[3:11])
        assert data.train.settled["inputs"] == tuple(f"t{k}" for k in range(8))


@pytest.mark.parametrize("form", ["wide", "long"])
def test_a_run_uses_them_and_reads_files_with_and_without_them(tmp_path, form):
    frame = make_wide() if form == "wide" else make_long()
    frame.write_csv(tmp_path / "s.csv")
    frame.drop("worth", "person", "use").write_csv(tmp_path / "bare.csv")
    own = () if form == "wide" else ("data.id=seq", "data.time=when")
    marks = ("data.weight=worth", "data.split=use", "data.group=person", "training.class_weight=a=3")
    settings = (*own, *marks, "data.label=kind", "training.model=network", "training.epochs=2")
    suggested = suggest_recipe(str(tmp_path / "s.csv"), settings)
    assert suggested.recipe.task == "sequence"
    run = seqconv.train(suggested.recipe, Options(tmp_path / "run", threads=1, baselines=False), data=suggested.data)
    assert run.results.facts["splits"]["train"]["examples"] == 40
    np.testing.assert_equal(seqconv.evaluate(tmp_path / "run", threads=1).test, run.results.test)  # an AUC may be NaN
    found = [seqconv.evaluate(tmp_path / "run", tmp_path / name, threads=1).scores for name in ("s.csv", "bare.csv")]
    assert found[0] == found[1]
    answers = [
        polars.concat(list(predict_file(seqconv.load(tmp_path / "run", threads=1), tmp_path / name)))
        for name in ("s.csv", "bare.csv")
    ]
    assert answers[0]["prediction"].to_list() == answers[1]["prediction"].to_list()


def test_wrong_roles(tmp_path):
    make_long().with_columns(person=polars.Series(range(ROWS * 8))).write_csv(tmp_path / "s.csv")
    with pytest.raises(DataError, match="'person' must be one value for s00"):
        load(tmp_path / "s.csv", id=("seq",), time="when", group="person")
    (tmp_path / "s.ts").write_text("@classLabel true 0 1\n@data\n1,2,3:0\n3,2,1:1\n")
    with pytest.raises(DataError, match=re.escape("data.group needs a table with a column 'person'")):
        load(tmp_path / "s.ts", group="person")
