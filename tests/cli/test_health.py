"""The doctor names what is installed, what is missing and for what, and measures."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from seqconv import _native
from seqconv.__main__ import main
from seqconv.cli import health
from seqconv.networks import machine
from seqconv.networks.threads import count_threads

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def run(monkeypatch, capsys, *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["seqconv", "doctor", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return capsys.readouterr().out


def test_every_extra_has_a_line():
    extras = {name: listed for name, listed in PROJECT["optional-dependencies"].items() if name != "dev"}
    assert set(health.EXTRAS) == set(extras)
    for name, (modules, _) in health.EXTRAS.items():
        assert all(any(each.startswith(module) for each in extras[name]) for module in modules)


def test_numbers_as_json(monkeypatch, capsys):
    monkeypatch.setattr(machine, "BUDGET_S", 0.01)
    found = json.loads(run(monkeypatch, capsys, "--json"))
    assert found["machine"]["instruction_set"] == _native.instruction_set()
    assert found["machine"]["threads"] == count_threads(0)
    assert found["versions"]["numpy"] == np.__version__
    assert all(speed > 0 for speed in found["speed"].values())
    assert set(found["extras"]) == set(health.EXTRAS)


def test_what_is_missing_is_named_with_the_line_that_installs_it(monkeypatch, capsys):
    monkeypatch.setattr(machine, "BUDGET_S", 0.01)
    monkeypatch.setattr(health, "find_spec", lambda module: None if module == "holidays" else object())
    text = run(monkeypatch, capsys)
    assert "pip install 'seqconv[holidays]'" in text
    assert "seqconv[torch]" not in text
    assert f"kernels: {_native.instruction_set()}" in text


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ((2, 2, None, 0.9), []),
        ((1, 8, 0.5, 0.9), ["The container leaves 0.5 of a processor to this process: training waits for it."]),
        ((2, 8, None, 0.9), ["2 of 8 processors may be used by this process: its affinity is limited."]),
        ((2, 2, None, 0.2), ["Convolutions reach 20% of the speed of a matrix product. Try again on an idle machine."]),
    ],
)
def test_what_could_be_better_is_said(state, says):
    assert health._advise(*state) == says


def test_a_speed_counts_the_multiply_adds_of_what_is_timed(monkeypatch):
    monkeypatch.setattr(machine, "_time", lambda work: (work(), 2.0)[1])
    speed = machine.measure_speed(1)
    assert speed.matrix_product == pytest.approx(512**3 / 2e9)
    assert speed.convolution == pytest.approx(16 * 252 * 64 * 5 * 64 / 2e9)
