"""Sequences from every file in which people have them: trained, evaluated, explained, and predicted without a guess."""

import json
import tomllib

import polars
import pytest

from helpers.command import seqconv_command
from helpers.sequences import draw_waves, write_waves

LONG = ("waves.csv", "--id", "id", "--label", "kind", "--inputs", "ax,ay")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Waves of 40 sequences, and 20 others."""
    folder = tmp_path_factory.mktemp("sequences")
    write_waves(folder)
    write_waves(folder, 20, 1, "new")
    return folder


def train(folder, out, *arguments):
    seqconv_command("train", *arguments, "--model", "minirocket", "--no-baselines", "-q", "-o", out, cwd=folder)
    return tomllib.loads((folder / out / "recipe.toml").read_text())["data"]


def predict(folder, run, file, *flags):
    seqconv_command("predict", run, file, *flags, "-q", "-o", "out.csv", cwd=folder)
    return polars.read_csv(folder / "out.csv")


KINDS = ["slow", "fast"] * 10


@pytest.mark.parametrize(
    ("arguments", "new"),
    [
        (LONG, "new.csv"),
        (("waves-wide.csv",), "new-wide.csv"),
        (("waves-lists.parquet", "--label", "kind", "--inputs", "ax,ay"), "new-lists.parquet"),
        (("waves-kinds.ts",), "new-kinds.ts"),
    ],
)
def test_each_form_from_training_to_explanation(folder, arguments, new):
    train(folder, f"{new}-run", *arguments)
    found = predict(folder, f"{new}-run", new)
    assert found["prediction"].to_list() == KINDS
    said = json.loads(seqconv_command("evaluate", f"{new}-run", new, "--json", cwd=folder).stdout)
    assert said["metrics"]["accuracy"]["value"] == 1
    why = json.loads(seqconv_command("explain", f"{new}-run", new, "--row", "2", "--json", cwd=folder).stdout)
    assert why["verdict"].startswith("fast")


def test_what_training_settled_reads_other_files(folder):
    settled = train(folder, "settled", *LONG)
    names = {name: settled[name] for name in ("id", "time", "label", "inputs", "interval", "header")}
    lists = {"id": ["id"], "label": ["kind"], "inputs": ["ax", "ay"]}
    assert names == lists | {"time": "time", "interval": "20ms", "header": "yes"}
    before = predict(folder, "settled", "new.csv")
    assert before["id"].to_list() == [f"s{number}" for number in range(20)]
    other = draw_waves(20, 1).sample(fraction=1, shuffle=True, seed=0)
    other = other.select("ay", polars.lit(7).alias("also"), "time", "ax", "id").sort("id", maintain_order=True)
    other.write_parquet(folder / "other.parquet")  # no label, columns and rows in another order
    after = predict(folder, "settled", "other.parquet").sort("id")
    assert after.drop("sequence").rows() == before.drop("sequence").sort("id").rows()
    one = draw_waves(2, 1).filter(polars.col("id") == "s1").drop("id", "kind", "speed")
    one.write_csv(folder / "one.csv")  # a recording without ids is one sequence
    assert predict(folder, "settled", "one.csv")["prediction"].to_list() == ["fast"]


def test_lengths_that_differ_are_loaded_again(folder):
    """A bundle of sequences of different lengths is checked with an empty example when it is read."""
    train(folder, "uneven", "waves-kinds.ts", "--model", "blend")
    assert predict(folder, "uneven", "new-kinds.ts")["prediction"].to_list() == KINDS


def test_files_of_a_split_are_read_alike(folder):
    train(folder, "split", *LONG, "--test", "new.csv")
    found = json.loads((folder / "split/metrics.json").read_text())
    assert (found["test"]["n"], found["test"]["accuracy"]) == (20, 1)


def test_a_table_is_inspected(folder):
    said = json.loads(seqconv_command("inspect", *LONG, "--json", cwd=folder).stdout)
    assert (said["task"], said["rows"]) == ("sequence", 40)
