"""Files of Keras with random changes: a network, or one short line of error."""

import json
import random
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fuzz.children import run_in_child
from fuzz.damage import change_json, damage
from helpers.keras import write_archive
from helpers.networks import RECIPES, random_weights
from seqconv.networks.keras.writing import write_network
from seqconv.networks.layers.base import Plan, Shape
from seqconv.networks.layers.kinds import (
    Add,
    BatchNormalisation,
    Bidirectional,
    Concat,
    Conv,
    Dense,
    Flatten,
    GlobalMaxPool,
    Lstm,
    Residual,
    SeparableConv,
)

BRANCHED: Plan = (
    *(Residual((Conv(3, 3, 3, padding="same"),)), BatchNormalisation(3), SeparableConv(3, 4, 2)),
    Concat(((GlobalMaxPool(),), (Bidirectional((Lstm(4, 2),)), Flatten()))),
    Add(((Dense(40, 2),), (Dense(40, 2),))),
)
NETWORKS: list[tuple[Plan, Shape]] = [(BRANCHED, (10, 3)), RECIPES["imdb-conv1d"], RECIPES["jena-conv1d-gru"]]


def read(path: str) -> None:
    """Read a file, and let its network answer where it is small."""
    from helpers.networks import native
    from seqconv.errors import SeqconvError
    from seqconv.networks.inputs import blank_inputs
    from seqconv.tasks.given import read_given

    try:
        found = read_given(path)
        shape = tuple(size or 40 for size in found.shape)
        if np.prod(shape) < 100_000:
            native(found.plan, found.weights).predict(blank_inputs(shape))
    except SeqconvError as error:
        line = str(error).replace(path, "FILE")
        assert len(line) <= 400, line
        print(f"seqconv: {line}", file=sys.stderr)
        sys.exit(2)


def mutate(seed: int, path: Path) -> bool:
    """Write a changed file; whether there is one, as JSON cannot hold every change."""
    draw = random.Random(seed)
    plan, shape = NETWORKS[seed % len(NETWORKS)]
    written = write_network(plan, random_weights(plan), shape, draw.choice(["", "sigmoid"]))
    config = json.loads(json.dumps(written.config))
    arrays = {f"layers/{name}": array for name, array in written.arrays.items()}
    for _ in range(draw.choice((0, 1, 1, 2, 5))):
        inner = config.get("config")
        change_json(draw, inner if inner and isinstance(inner, dict) else config, config)
    if draw.random() < 0.3:
        name = draw.choice(sorted(arrays))
        arrays[name] = draw.choice([arrays[name][:1], arrays[name].T, arrays[name].ravel(), np.float32(1)])
    try:
        write_archive(path, config, arrays)
    except (TypeError, ValueError):
        return False
    if draw.random() < 0.4:
        path.write_bytes(damage(path.read_bytes(), draw, [b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"{", b"\x00" * 9]))
    return True


@pytest.mark.fuzz(small=24, whole=2000)
def test_a_changed_file_is_read_or_refused_in_one_line(seeds, tmp_path):
    path, faults = tmp_path / "model.keras", {}
    for seed in seeds:
        fault = run_in_child(read, str(path)).fault if mutate(seed, path) else ""
        if fault:
            faults[seed] = fault
    assert not faults


def test_whole_files_are_read(tmp_path):
    for plan, shape in NETWORKS:
        written = write_network(plan, random_weights(plan), shape, "")
        arrays = {f"layers/{name}": array for name, array in written.arrays.items()}
        path = write_archive(tmp_path / "model.keras", written.config, arrays)
        assert zipfile.is_zipfile(path)
        read(str(path))
