"""Keyword arguments as settings of recipes."""

from pathlib import Path

import numpy as np
import pytest

from seqconv.errors import OptionError
from seqconv.recipes.keywords import write_overrides
from seqconv.recipes.recipe import apply_overrides


def read(task: str, **settings) -> dict:
    """The sections that the settings make of an empty recipe."""
    table = apply_overrides({"task": task}, write_overrides(settings))
    del table["task"]
    return table


def test_settings_are_found_by_their_names_alone():
    found = read("text", epochs=np.int64(3), label="a, b", learning_rate=1e-3, max_len=20, validation=0.3, refit=True)
    assert found["training"] == {"epochs": 3, "learning_rate": 1e-3, "refit": True}
    assert found["data"] == {"label": ["a, b"], "validation": 0.3}
    assert found["text"] == {"max_len": 20}


def test_names_of_the_command_line_and_files_of_parts_are_known():
    found = read("series", lead=["1h", "2h"], every="1h", target=("x", "y"), lookback="2d", test=Path("new.csv"))
    assert found["windows"] == {"leads": ["1h", "2h"], "lookback": "2d"}
    assert found["data"] == {"interval": "1h", "target": ["x", "y"], "test_file": "new.csv"}


def test_a_name_of_several_kinds_of_data_means_the_setting_of_its_value():
    assert read("panel", lookback=24, horizon=12) == {"forecast": {"lookback": 24, "horizon": "12"}}
    with pytest.raises(OptionError, match=r"lookback must be a duration \(how far.* or a whole number.*; got 2\.5"):
        write_overrides({"lookback": 2.5})


def test_texts_stay_as_they_are_whatever_they_look_like():
    found = read("text", text="12", label=["true", '"x" = y', "tab\there"], class_weight={"a": 2, "b": 0.5})
    assert found["data"] == {"text": "12", "label": ["true", '"x" = y', "tab\there"]}
    assert found["training"] == {"class_weight": "a=2,b=0.5"}


def test_none_is_no_value_and_sections_may_be_named():
    assert write_overrides({"epochs": None, "training.seed": 3}) == ("training.seed=3",)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"epoch": 3}, "epoch: unknown setting. Did you mean 'epochs'"),
        ({"owt": "x"}, "owt: unknown setting. Did you mean 'out'"),
        ({"layers": []}, "layers: unknown setting"),
        ({"epochs": object()}, "epochs must be a number, a text, or a list of them; got <object"),
    ],
)
def test_what_is_no_setting_is_named(settings, problem):
    with pytest.raises(OptionError, match=problem):
        write_overrides(settings, ["out", "network"])
