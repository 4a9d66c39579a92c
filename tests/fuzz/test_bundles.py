"""Model folders with random changes and right checksums: a model that answers, or one short line of error."""

import hashlib
import json
import random
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from fuzz.children import run_in_child
from fuzz.damage import change_arrays, change_json, places
from helpers.runs import OF_NUMBERS, write_numbers
from helpers.tasks import TABLE
from seqconv.recipes.sections import KINDS
from seqconv.tasks.guessing import suggest_recipe
from seqconv.training.folder import Options
from seqconv.training.run import train

GOLDEN = sorted(path.parent for path in (Path(__file__).parents[1] / "golden").glob("*/bundle.json"))
FRESH = [(task, model) for task, kind in KINDS.items() for model in kind.models]
MOST_ROWS = 10_000  # of a series that is forecast


def answer(folder: str) -> None:
    """Load a model and answer an example that is blank, and raw data."""
    import seqconv
    from helpers.panels import make_panel
    from seqconv.data.records import Sequences
    from seqconv.errors import SeqconvError

    try:
        model = seqconv.load(folder, threads=1)
        features: Any = model.bundle.features
        model.model.predict(features.blank())
        task = model.bundle.recipe.task
        if task == "text" and features.vocabulary is not None:
            ask_texts = model.predict if features.target.fraction else model.regress
            ask_texts(["a good film", ""])
        elif task == "series" and features.spec.lookback < MOST_ROWS:
            rows = np.arange(features.spec.lookback + 2)
            seconds = (rows * features.spec.interval_s).astype("timedelta64[s]")
            model.forecast(np.sin(rows)[:, None] + np.arange(len(features.columns)), np.datetime64(0, "s") + seconds)
        elif task == "panel" and features.horizon < MOST_ROWS:
            columns = {
                each.name: [np.full(40, "x", object) if each.levels else np.ones(40)] for each in features.columns
            }
            model.forecast_panel(make_panel([np.arange(40.0) % 12], columns, features.frequency))
        elif task == "sequence":
            channels = tuple(features.channels)
            values = np.ones((9, len(channels)), np.float32)
            ask = model.classify if features.target.fraction else model.regress
            ask(Sequences(values, np.array([0, 5, 9]), np.zeros(0, np.int32), (), channels, "made"))
    except SeqconvError as error:
        line = str(error).replace(folder, "MODEL")
        assert len(line) <= 300, line
        print(f"seqconv: {line}", file=sys.stderr)
        sys.exit(2)


def change_header(draw: random.Random, table: dict[str, Any]) -> None:
    """Change a value somewhere in `bundle.json`."""
    section = draw.choice([table, *(table.get(name) for name in ("features", "recipe", "layers"))])
    change_json(draw, section if places(section) else table, table)


def change_weights(draw: random.Random, content: bytes) -> bytes:
    """Bytes, or one of the stored arrays."""
    if draw.random() < 0.3:
        damaged = bytearray(content)
        for _ in range(draw.randrange(1, 5)):
            damaged[draw.randrange(min(len(damaged), draw.choice([20, 200, len(damaged)])))] = draw.randrange(256)
        return bytes(damaged[: draw.choice([len(damaged), draw.randrange(len(damaged))])])
    arrays = {name: np.array(array) for name, array in load(content).items()}
    change_arrays(draw, arrays)
    return save(arrays)


@pytest.fixture(scope="session")
def find_model(tmp_path_factory) -> Callable[[int], Path]:
    """The model that a seed changes: one of the golden ones in turn, then one of each task and kind, just trained."""

    @cache
    def make(task: str, model: str) -> Path:
        row, folder = TABLE[task], tmp_path_factory.mktemp(f"{task}-{model}")
        file = row.write(folder)
        of_numbers = write_numbers(file) if model in OF_NUMBERS else ()
        settings = [*row.settings, *of_numbers, f"training.model={model}", "training.epochs=1"]
        suggested = suggest_recipe(str(file), settings)
        options = Options(out=folder / "run", baselines=False, threads=1)
        return train(suggested.recipe, options, data=suggested.data).folder / "model"

    def find(seed: int) -> Path:
        place = seed % (len(GOLDEN) + len(FRESH))
        return GOLDEN[place] if place < len(GOLDEN) else make(*FRESH[place - len(GOLDEN)])

    return find


def mutate(seed: int, model: Path, folder: Path) -> Path:
    """A changed copy of a model."""
    draw = random.Random(seed)
    shutil.copytree(model, folder)
    if draw.random() < 0.4:
        path = folder / "weights.safetensors"
        path.write_bytes(change_weights(draw, path.read_bytes()))
    header = folder / "bundle.json"
    table = json.loads(header.read_text("utf-8"))
    for name in table["files"]:
        table["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    for _ in range(draw.choice([0, 1, 1, 1, 3])):
        change_header(draw, table)
    text = json.dumps(table)
    if draw.random() < 0.1:
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice(["", "[" * 5000, "9" * 5000, "}", '"']) + text[at + draw.randrange(3) :]
    header.write_text(text, "utf-8")
    return folder


@pytest.mark.fuzz(small=20, whole=3000)
def test_a_changed_model_answers_or_is_refused_in_one_line(seeds, find_model, tmp_path):
    faults = {}
    for seed in seeds:
        folder = mutate(seed, find_model(seed), tmp_path / str(seed))
        fault = run_in_child(answer, str(folder)).fault
        shutil.rmtree(folder)
        if fault:
            faults[seed] = fault
    assert not faults


@pytest.mark.parametrize("place", range(len(GOLDEN) + len(FRESH)))
def test_an_unchanged_model_answers(find_model, place):
    """A fuzzer of models that are all refused at the door finds nothing."""
    ending = run_in_child(answer, str(find_model(place)))
    assert (ending.code, ending.err) == (0, "")
