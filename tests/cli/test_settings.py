"""The lists of settings and layers, the page made of them, and the comments of a recipe."""

import dataclasses
import json
import sys
import tomllib
from pathlib import Path

import pytest

from seqconv.__main__ import main
from seqconv.cli.settings import write_markdown
from seqconv.networks.layers.kinds import KINDS as LAYERS
from seqconv.networks.layers.kinds import SETTINGS
from seqconv.recipes.recipe import read_recipe, recipe_from_dict, recipe_names, to_explained_toml
from seqconv.recipes.sections import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def run(monkeypatch, capsys, *arguments: str, code: int = 0) -> tuple[str, str]:
    """Standard output and error of `seqconv settings`."""
    monkeypatch.setattr(sys, "argv", ["seqconv", "settings", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code or 0) == code
    return capsys.readouterr()


def test_every_setting_is_listed_with_default_and_meaning(monkeypatch, capsys):
    printed = json.loads(run(monkeypatch, capsys, "--json")[0])["settings"]
    listed = {row["name"]: row for group in printed for row in group["settings"]}
    for kind in KINDS.values():
        for section, settings in kind.sections.items():
            for field in dataclasses.fields(settings):
                assert f"{section}.{field.name}" in listed
    assert listed["training.epochs"]["default"] == "10"
    assert listed["training.epochs"]["meaning"].startswith("Maximum number of epochs (a whole number, at least 0).")
    assert "`--epochs`" in listed["training.epochs"]["meaning"]
    assert "native" not in listed
    assert "rmsprop, adam or adagrad" in listed["training.optimiser"]["meaning"]


def test_every_layer_is_listed(monkeypatch, capsys):
    printed = json.loads(run(monkeypatch, capsys, "layers", "--json")[0])["settings"]
    assert {group["name"] for group in printed} == set(LAYERS)
    for group in printed:
        assert group["title"].strip()
        names = {row["name"] for row in group["settings"]} - {"activation"}
        assert names == {"layers" if key == "body" else key for key in SETTINGS[group["name"]]}
    gru = {row["name"]: row["default"] for group in printed if group["name"] == "gru" for row in group["settings"]}
    assert gru == {
        **{"inputs": "inferred", "units": "required", "dropout": "0.0"},
        **{"recurrent_dropout": "0.0", "reset_after": "false"},
    }


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("training", ["training.epochs", "training.seed"]),
        ("epochs", ["training.epochs"]),
        ("windows.lookback", ["windows.lookback"]),
        ("label", ["data.label"]),
        ("conv", ["filters", "dilation", "activation"]),
        ("max_pool", ["size"]),
    ],
)
def test_a_name_chooses(monkeypatch, capsys, name, shows):
    page = run(monkeypatch, capsys, name)[0]
    assert all(f"{each} " in page for each in shows)
    assert "training.patience" not in page or name == "training"


def test_an_unknown_name_gets_the_nearest(monkeypatch, capsys):
    for name, near in (("epoch", "epochs"), ("cov", "conv"), ("Training", "training")):
        error = run(monkeypatch, capsys, name, code=2)[1]
        assert error == f"seqconv: settings: nothing is called {name!r}. Did you mean '{near}'?\n"


def test_the_page_of_docs_is_current():
    assert PAGE.read_text("utf-8") == write_markdown(), "run: python bench/settings_page.py"


@pytest.mark.parametrize("name", recipe_names())
def test_comments_leave_a_recipe_as_it_is(name):
    recipe = read_recipe(name)
    text = to_explained_toml(recipe)
    assert recipe_from_dict(tomllib.loads(text)) == recipe
    lines = text.splitlines()
    assert lines[lines.index("[training]") + 1].startswith("# model to fit: network, or a baseline")
    epochs = lines.index(f"epochs = {recipe.training.epochs}")
    assert lines[epochs - 1] == "# maximum number of epochs"
    assert sum(line.startswith("# ") for line in lines) >= len(KINDS[recipe.task].data.names()) + len(
        recipe.training.names()
    )
