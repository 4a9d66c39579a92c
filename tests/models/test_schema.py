"""Models with right checksums whose fields or weights are wrong: refused in one line that names them."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import seqconv
from seqconv.errors import BundleError

GOLDEN = Path(__file__).parents[1] / "golden"
BIG = 2**53


def deep(levels: int) -> list:
    found: list = []
    for _ in range(levels):
        found = [found]
    return found


def change(folder: Path, path: str, value: object) -> None:
    """Set the field at a dotted path of `bundle.json`."""
    table = json.loads((folder / "bundle.json").read_text("utf-8"))
    *parents, key = path.split(".")
    at = table
    for parent in parents:
        at = at[parent]
    at[key] = value
    (folder / "bundle.json").write_text(json.dumps(table), "utf-8")


@pytest.fixture
def copy(tmp_path):
    return lambda name: Path(shutil.copytree(GOLDEN / name, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        seqconv.load(folder, threads=1)
    said = str(caught.value).replace(str(folder), "MODEL")
    assert "\n" not in said
    assert len(said) <= 300
    assert said.startswith("MODEL/")
    return said


@pytest.mark.parametrize(
    ("name", "path", "value", "says"),
    [
        ("series", "features.mean", [1.0], "features.mean must have"),
        ("series", "features.std", [1.0] * 99, "features.std must have"),
        ("series", "features.mean", "x" * 1000, "features.mean must be list"),
        ("series", "features.std", [0.0] * 3, "features.std[0] must be from"),
        ("series", "features.calendar", "day", "features.calendar must be list"),
        ("series", "features.calendar", {}, "features.calendar must be list"),
        ("series", "features.calendar", ["moon"], "features.calendar must be some of"),
        ("series", "features.step_rows", BIG, "features.step_rows must be from 1"),
        ("series", "features.interval_s", 3600.5, "features.interval_s must be int"),
        ("series", "features.interval_s", True, "features.interval_s must be int"),
        ("series", "features.targets", ["nothing"], "features.targets must be some of"),
        ("series", "features.zone", "Moon/Base", "must be a time zone"),
        ("series", "features.zone", "Europe", "must be a time zone"),
        ("series", "features.zone", "x" * 5000, "must be a time zone"),
        ("series", "features.delay_rows", [], "features.delay_rows"),
        ("series", "features.margins", [0.5], "features.margins"),
        ("series", "input_shape", [3, 3], "input_shape must be"),
        ("series", "recipe", 3, "recipe must be dict"),
        ("series", "recipe.training.loss", "binary_crossentropy", "recipe.training.loss must fit"),
        ("series", "task", "text", "task must be that of the recipe"),
        ("series", "later", 1, "later is no field"),
        ("series", "features.later", 1, "features.later is no field"),
        ("series", "features.change", False, "features.change must be recipe.windows.change, True; got False"),
        ("series", "recipe.windows.change", False, "features.change must be recipe.windows.change, False; got True"),
        ("series", "recipe.windows.lookback", "8h", "features.lookback_rows must be recipe.windows.lookback, 8; got 6"),
        ("series", "features.delay_rows", [22, 50], "features.delay_rows must be recipe.windows.leads"),
        ("series", "recipe.data.calendar", False, "features.calendar must be recipe.data.calendar"),
        ("series-ridge", "features.change", True, "features.change"),
        ("series-ridge", "layers", [{"layer": "relu"}], "layers"),
        ("text", "features.max_len", BIG, "features.max_len must be from 1"),
        ("text", "features.max_len", 9, "features.max_len must be recipe.text.max_len, 8; got 9"),
        ("text", "features.classes", ["a", "a"], "features.classes must be at least 2 different names"),
        ("text", "features.classes", [1, 2], "features.classes[0] must be str"),
        ("text", "features.multi_label", 1, "features.multi_label must be bool"),
        ("text", "layers", [{"layer": "x" * 5000}], "unknown layer"),
        ("text", "layers", deep(100), "at most 64 levels deep"),
        ("text", "data_fingerprint", "\ud800", "surrogates not allowed"),
        ("sequence", "features.length", BIG, "features.length must be from 1"),
        ("sequence", "features.length", 6, "features.length must be recipe.sequence.length, 7; got 6"),
        ("sequence", "recipe.sequence.length", 6, "features.length must be recipe.sequence.length, 6; got 7"),
        ("sequence", "features.masked", False, "input_shape must be"),
    ],
)
def test_a_field_that_cannot_be_is_named(copy, name, path, value, says):
    folder = copy(name)
    change(folder, path, value)
    assert says in refusal(folder)


def test_a_missing_field_is_named(copy):
    folder = copy("text")
    table = json.loads((folder / "bundle.json").read_text("utf-8"))
    del table["features"]["max_len"]
    (folder / "bundle.json").write_text(json.dumps(table), "utf-8")
    assert "features.max_len is missing" in refusal(folder)


@pytest.mark.parametrize("levels", [70, 100_000])
def test_nesting_has_a_limit(copy, levels):
    folder = copy("text")
    (folder / "bundle.json").write_text("[" * levels + "]" * levels)
    assert "at most 64 levels deep" in refusal(folder)


def test_layers_inside_layers_have_a_limit(copy):
    """Every level of `bidirectional` doubles the weights: thirty of them would not end."""
    folder, layers = copy("series"), [{"layer": "relu"}]
    for _ in range(30):
        layers = [{"layer": "bidirectional", "layers": layers}]
    change(folder, "layers", layers)
    assert "levels deep" in refusal(folder)


def write_weights(folder: Path, weights: dict[str, np.ndarray]) -> None:
    """Replace the stored arrays, with the right checksum."""
    path = folder / "weights.safetensors"
    save_file(weights, path)
    files = json.loads((folder / "bundle.json").read_text("utf-8"))["files"]
    change(folder, "files", files | {path.name: hashlib.sha256(path.read_bytes()).hexdigest()})


@pytest.mark.parametrize("name", ["text", "series", "sequence", "text-small"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_are_finite(copy, name, value):
    folder = copy(name)
    weights = load_file(folder / "weights.safetensors")
    next(each for each in weights.values() if each.dtype.kind == "f").flat[-1] = value
    write_weights(folder, weights)
    assert "must be finite numbers; it holds NaN or infinity" in refusal(folder)
