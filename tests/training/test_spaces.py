"""What a search varies: read from tables and files, checked before anything is fitted, applied to recipes."""

import pytest

from seqconv.errors import ConfigError
from seqconv.recipes.recipe import read_recipe, recipe_from_dict
from seqconv.recipes.sections import KINDS
from seqconv.training.spaces import apply_choices, read_space

TEXT = read_recipe("text", ())
SERIES = read_recipe("series", ())


def find(recipe, kind):
    """All layers of a kind, however deep."""

    def walk(layers):
        for spec in layers:
            yield spec
            for inner in (spec.get("layers", []), *spec.get("branches", [])):
                yield from walk(inner)

    return [spec for spec in walk(recipe.network.layers) if spec["layer"] == kind]


def test_a_factor_multiplies_every_layer_of_a_kind_and_keeps_their_proportions():
    choices = read_space({"conv": {"filters": {"times": [0.5, 2]}, "dilation": {"times": [1, 2]}}}, SERIES)
    found = apply_choices(SERIES, choices, {"conv.filters": 0.5, "conv.dilation": 2})
    assert {spec["filters"] for spec in find(found, "conv")} == {8}
    dilations = [spec["dilation"] for spec in find(SERIES, "conv") if "dilation" in spec]
    assert [spec["dilation"] for spec in find(found, "conv") if "dilation" in spec] == [2 * each for each in dilations]
    assert {spec["filters"] for spec in find(SERIES, "conv")} == {16}


def test_values_take_the_place_of_what_the_recipe_has():
    space = {"dropout": {"rate": [0.0, 0.3]}, "training": {"learning_rate": {"low": 0.001, "high": 0.1, "log": True}}}
    choices = read_space(space, TEXT)
    found = apply_choices(TEXT, choices, {"dropout.rate": 0.3, "training.learning_rate": 0.02})
    assert [spec["rate"] for spec in find(found, "dropout")] == [0.3]
    assert found.training.learning_rate == 0.02
    assert apply_choices(TEXT, choices, {}) == TEXT


def test_durations_are_multiplied_too():
    choices = read_space({"windows": {"lookback": {"times": [0.5, 1, 2]}}}, SERIES)
    assert apply_choices(SERIES, choices, {"windows.lookback": 2}).features.lookback == "4d"
    assert apply_choices(SERIES, choices, {"windows.lookback": 0.5}).features.lookback == "1d"


def test_a_range_of_a_fraction_holds_more_than_its_ends():
    (choice,) = read_space({"dropout": {"rate": {"low": 0, "high": 0.9}}}, TEXT)
    assert [type(value) for value in choice.values] == [float, float]
    (choice,) = read_space({"training": {"learning_rate": {"low": 1, "high": 2}}}, TEXT)
    assert [type(value) for value in choice.values] == [float, float]
    (choice,) = read_space({"training": {"batch_size": {"low": 1, "high": 2}}}, TEXT)
    assert [type(value) for value in choice.values] == [int, int]


def test_the_unit_of_errors_cannot_be_varied():
    with pytest.raises(ConfigError, match=r"forecast\.season cannot be varied: it decides what trials are judged by"):
        read_space({"forecast": {"season": [1, 12]}}, read_recipe("panel", ()))


def test_what_the_recipe_has_is_known_where_it_is_one_of_the_values():
    space = {
        "training": {"learning_rate": {"times": [0.5, 1]}, "epochs": [4, 8], "batch_size": [10, 20]},
        "text": {"max_len": {"low": 100, "high": 300}},
        "token_conv": {"kernel": [1, 2]},  # there are 1, 2 and 3
    }
    own = {each.name: each.find_own(TEXT.to_dict()) for each in read_space(space, TEXT)}
    assert own == {
        "training.learning_rate": 1,
        "training.epochs": 8,
        "training.batch_size": None,
        "text.max_len": 200,
        "token_conv.kernel": None,
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_the_usual_space_of_a_task_holds_its_default(kind):
    recipe = read_recipe(kind.start, ())
    choices = read_space(None, recipe)
    assert len(choices) >= 2
    for choice in choices:
        assert choice.find_own(recipe.to_dict()) is not None, choice.name
        assert len(choice.values) >= 2


def test_a_space_may_be_a_file(tmp_path):
    file = tmp_path / "space.toml"
    file.write_text("[training]\nepochs = [2, 8]\n[token_conv]\nfilters = { times = [1, 2] }\n")
    assert [each.name for each in read_space(str(file), TEXT)] == ["training.epochs", "token_conv.filters"]


@pytest.mark.parametrize(
    ("space", "says"),
    [
        (
            {"trainin": {"epochs": [1, 2]}},
            "trainin is no section of this recipe, and no layer. Did you mean 'training'?",
        ),
        ({"training": {"epoch": [1, 2]}}, "training has no setting 'epoch'. Did you mean 'epochs'?"),
        ({"training": {"metric": ["auc"]}}, "training.metric cannot be varied: it decides what trials are judged by"),
        ({"data": {"label": ["a"]}}, "data.label cannot be varied"),
        ({"training": {"epochs": [3, 0]}}, "training.epochs: training.epochs must be at least 1; got 0"),
        ({"training": {"epochs": "many"}}, "training.epochs must be a list of values"),
        ({"training": {"epochs": {"low": 5, "high": 2}}}, "training.epochs must be a list of values"),
        ({"training": {"learning_rate": {"low": 0, "high": 1, "log": True}}}, "log = true above 0"),
        ({"training": {"epochs": {"times": [-1]}}}, "training.epochs must be a list of values"),
        ({"training": {"refit": {"times": [1, 2]}}}, "a switch cannot be multiplied"),
        ({"gru": {"units": [8, 16]}}, "gru.units: the network has no gru with units"),
        ({"training": {"learning_rate": {"low": 0.1, "high": 1, "log": "no"}}}, "log = true above 0"),
        ({"training": {"batch_size": {"times": [1, float("inf")]}}}, "training.batch_size must be a list of values"),
        ({"training": 3}, "training must be a table of settings; got 3"),
        ([], "space must be a TOML file, or a table of sections; got []"),
        ({}, "space must name what to vary"),
    ],
)
def test_what_cannot_be_varied_is_told_in_one_line(space, says):
    with pytest.raises(ConfigError) as caught:
        read_space(space, TEXT)
    assert says in str(caught.value)
    assert str(caught.value).startswith("space")


def test_a_model_without_settings_needs_a_space():
    recipe = recipe_from_dict({"task": "text", "data": {"source": "mine.csv"}, "training": {"model": "words"}})
    with pytest.raises(ConfigError, match="space must name what to vary; the model words has no"):
        read_space(None, recipe)


@pytest.mark.parametrize("content", [b"a = ", b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "space.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"space must be a TOML file in UTF-8; .*space\.toml: "):
        read_space(file, TEXT)
