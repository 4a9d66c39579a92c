"""A score on rows that the model was trained on is called what it is, and the others are scored apart."""

import dataclasses
import json
import random

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv.models.format import read_bundle, write_bundle
from seqconv.tasks.seen import hash_items

pytestmark = pytest.mark.usefixtures("quick")

SHORT = ("--no-baselines", "--quiet", "--set", "training.epochs=2")
WORDS = [f"word{number}" for number in range(40)]


def make_texts(count, seed):
    """Texts whose label nothing tells: only a model that has seen them is right."""
    draw = random.Random(seed)
    return [f"{' '.join(draw.choices(WORDS, k=8))},{draw.choice(['yes', 'no'])}" for _ in range(count)]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def evaluate(folder, run, file, *flags):
    done = seqconv_command("evaluate", run, file, *flags, cwd=folder)
    return json.loads(done.stdout) if "--json" in flags else done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of texts, refitted on their validation rows and not, and of a series and sequences."""
    folder = tmp_path_factory.mktemp("trained_rows")
    write(folder / "old.csv", "text,label", *make_texts(200, 1))
    write(folder / "new.csv", "text,label", *make_texts(80, 2))
    write(folder / "both.csv", "text,label", *make_texts(200, 1), *make_texts(80, 2))
    for refit in ("true", "false"):
        seqconv_command("train", "old.csv", *SHORT, "--set", f"training.refit={refit}", "--out", refit, cwd=folder)
    times = np.datetime64("2020-01-01T00") + np.arange(600)
    rows = [f"{str(time).replace('T', ' ')}:00,{row % 24 + row % 7}" for row, time in enumerate(times)]
    write(folder / "series.csv", "time,load", *rows)
    write(folder / "later.csv", "time,load", *rows[400:])
    seqconv_command("train", "series.csv", *SHORT, "--target", "load", "--lookback", "24h", "--out", "s", cwd=folder)
    return folder


def test_the_training_file_is_recognised(folder):
    found = evaluate(folder, "true", "old.csv", "--json")["trained_on"]
    assert (found["n"], found["checked"], found["rows"]) == (200, 200, 160)
    assert "160 of 200 rows were trained on: this score is no test. The score on the others is below." in evaluate(
        folder, "true", "old.csv"
    )


def test_validation_rows_count_after_a_refit_only(folder):
    assert evaluate(folder, "false", "old.csv", "--json")["trained_on"]["rows"] == 128


def test_the_other_rows_are_scored_apart(folder):
    found = evaluate(folder, "false", "both.csv", "--json")
    others = write(folder / "others.csv", "text,label", *_unseen(folder))
    alone = evaluate(folder, "false", others.name, "--json")
    assert alone["trained_on"] == {"n": 152, "checked": 152, "rows": 0}
    assert found["trained_on"]["metrics"]["accuracy"] == alone["metrics"]["accuracy"]
    assert found["metrics"]["accuracy"]["value"] != alone["metrics"]["accuracy"]["value"]


def _unseen(folder):
    """The lines of both.csv that the model was not trained on, one by one."""
    lines = (folder / "both.csv").read_text().splitlines()[1:]
    seen = read_bundle(folder / "false").seen
    _, known = seen.check(hash_items(line.partition(",")[0].encode() for line in lines))
    return [line for line, each in zip(lines, known, strict=True) if not each]


def test_new_rows_are_no_reason_to_speak(folder):
    assert evaluate(folder, "true", "new.csv", "--json")["trained_on"] == {"n": 80, "checked": 80, "rows": 0}
    assert "trained on" not in evaluate(folder, "true", "new.csv")


def test_another_format_of_the_same_rows_is_recognised(folder):
    lines = [line.rpartition(",") for line in make_texts(200, 1)]
    write(folder / "old.ft", *(f"__label__{label} {text}" for text, _, label in lines))
    assert evaluate(folder, "true", "old.ft", "--json")["trained_on"]["rows"] == 160


def test_trained_rows_of_a_series_are_recognised_wherever_the_file_begins(folder):
    whole = evaluate(folder, "s", "series.csv", "--json")["trained_on"]
    assert whole["n"] == 600 - 24
    assert whole["rows"] == 600 * 0.7 - 24
    later = evaluate(folder, "s", "later.csv", "--json")["trained_on"]
    assert later["rows"] == 0
    assert later["n"] == 200 - 24
    assert evaluate(folder, "s", "series.csv", "--json")["trained_on"]["metrics"]["mae"]["value"] > 0


def test_the_page_of_an_evaluation_says_it(folder):
    evaluate(folder, "true", "old.csv", "-o", "page.html")
    page = (folder / "page.html").read_text()
    assert "160 of 200 rows were trained on" in page
    assert "The 40 rows not trained on" in page


def test_the_test_set_of_the_run_holds_none(folder):
    done = seqconv_command("evaluate", "true", "--json", cwd=folder)
    assert json.loads(done.stdout)["trained_on"] == {"n": 40, "checked": 40, "rows": 0}


def test_a_smaller_copy_keeps_what_it_knows(folder):
    seqconv_command("shrink", "true", "-o", "small", cwd=folder)
    assert evaluate(folder, "small", "old.csv", "--json")["trained_on"]["rows"] == 160


def test_a_model_that_does_not_know_says_nothing(folder):
    bundle = read_bundle(folder / "true")
    write_bundle(dataclasses.replace(bundle, seen=None), folder / "forgetful")
    assert "trained_on" not in evaluate(folder, "forgetful", "old.csv", "--json")


def test_sequences_are_recognised(folder):
    draw = random.Random(3)
    rows = [f"{row % 2}\t" + "\t".join(f"{draw.random() + row % 2:.3f}" for _ in range(20)) for row in range(80)]
    write(folder / "seq.tsv", *rows[:60])
    write(folder / "seq_all.tsv", *rows)
    flags = ("--set", "training.refit=false", "--set", "training.batch_size=16")
    seqconv_command("train", "seq.tsv", *SHORT, *flags, "--out", "seq", cwd=folder)
    found = evaluate(folder, "seq", "seq_all.tsv", "--json")["trained_on"]
    assert found["n"] == 80
    assert (
        found["rows"] == json.loads((folder / "seq/metrics.json").read_text())["facts"]["splits"]["train"]["examples"]
    )
