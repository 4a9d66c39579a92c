"""Recipes and settings: what is accepted, what is refused, and how it is said."""

import math

import pytest
import tomli_w

from seqconv.errors import ConfigError
from seqconv.recipes.durations import parse_duration
from seqconv.recipes.recipe import read_recipe, recipe_from_dict, recipe_names
from seqconv.recipes.sections import TrainingConfig


def test_every_recipe_of_the_package_is_read_and_survives_writing():
    names = recipe_names()
    assert {"imdb-conv1d", "imdb-conv1d-as-printed", "imdb-lstm", "jena-conv1d", "jena-conv1d-gru"} <= set(names)
    for name in names:
        recipe = read_recipe(name)
        assert recipe.name == name
        assert recipe.description
        assert recipe_from_dict(recipe.to_dict()) == recipe


def test_the_jena_recipes_split_at_the_books_rows():
    data = read_recipe("jena-gru").data
    assert round(420_551 * data.train_end) == pytest.approx(200_000, abs=5)
    assert round(420_551 * data.validation_end) == pytest.approx(300_000, abs=5)


def test_overrides_reach_any_section_and_a_layer_by_its_place():
    recipe = read_recipe(
        "jena-conv1d-gru",
        (
            "training.epochs=4",
            "windows.lookback=10d",
            "network.layers.3.reset_after=true",
            "data.source=some where.csv",
        ),
    )
    assert recipe.training.epochs == 4
    assert recipe.features.lookback == "10d"
    assert recipe.network.layers[3]["reset_after"] is True
    assert recipe.data.source == "some where.csv"
    assert read_recipe("jena-conv1d-gru").training.epochs == 20


def test_a_recipe_file_is_read_like_a_name(tmp_path):
    path = tmp_path / "mine.toml"
    table = read_recipe("demo-text").to_dict() | {"name": "mine"}
    path.write_text(tomli_w.dumps(table))
    recipe = read_recipe(str(path))
    assert recipe.name == "mine"
    assert recipe.network == read_recipe("demo-text").network


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10d", 864_000), ("1h", 3600), ("90min", 5400), ("30 s", 30), ("1.5h", 5400), ("2w", 1_209_600)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "h", "-1h", "10 days", "nan h", "0.3s", "1h30min"])
def test_a_duration_without_a_known_unit_is_refused(text):
    with pytest.raises(ConfigError, match="must be a"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("training.epoch=4", "Did you mean 'epochs'?"),
        ("training.epochs=0", "training.epochs must be at least 1; got 0"),
        ("training.epochs=many", "training.epochs must be a whole number; got 'many'"),
        ("training.epochs=2.5", "training.epochs must be a whole number; got 2.5"),
        ("training.learning_rate=nan", "training.learning_rate must be from"),
        ("training.loss=mea", "training.loss must be binary_crossentropy, "),
        ("training.coverage=1", "training.coverage must be from 0.0 to 0.99; got 1"),
        ("windows.step=60", "windows.step must be a number with a unit"),
        ("window.step=1h", "Did you mean 'windows'?"),
        ("network.layers.99.units=3", "names nothing in this recipe"),
        ("training.epochs", "must look like section.key=value"),
        ("text.max_len=3", "text.max_len is for text classification; got it for time-series forecasting. Leave it out"),
    ],
)
def test_a_wrong_override_says_what_to_do(override, says):
    with pytest.raises(ConfigError) as caught:
        read_recipe("jena-gru", (override,))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_intervals_are_for_forecasts():
    with pytest.raises(ConfigError, match=r"is for forecasts .* with binary_crossentropy\. Set it to 0"):
        read_recipe("jena-gru", ("training.loss=binary_crossentropy", "training.coverage=0.8"))


def test_nan_is_not_within_any_range():
    with pytest.raises(ConfigError, match="must be at least"):
        TrainingConfig(clip_norm=math.nan)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'imdb-conv1d'"):
        read_recipe("imdb-conv1")


@pytest.mark.parametrize(
    "text", ["task = ", 'task = "images"', 'task = "text"\n[windows]\nstep = "1h"', "[data]\n", "data = 3\ntask='text'"]
)
def test_a_broken_recipe_file_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_recipe(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must be a readable TOML file"):
        read_recipe(str(tmp_path / "none.toml"))
