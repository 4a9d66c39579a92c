"""Progress of a training in a notebook: one output, written anew."""

import re
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import seqconv
from seqconv.layers import Conv, GlobalMaxPool, Output
from seqconv.training import reporting

WAVES = np.sin(np.arange(30) * np.repeat([0.3, 0.9], 40)[:, None] + np.arange(80)[:, None])
SPEEDS = np.repeat(["slow", "fast"], 40)


class Screen:
    """What IPython shows: every state of one output."""

    def __init__(self):
        self.outputs = []  # each a list of states

    def display(self, content, *, raw, display_id):
        assert raw
        assert display_id is True
        self.outputs.append([content])
        return SimpleNamespace(update=lambda newer, raw: self.outputs[-1].append(newer))


@pytest.fixture
def notebook(monkeypatch):
    shown = Screen()
    package, display = ModuleType("IPython"), ModuleType("IPython.display")
    package.version_info = (9, 0)  # which matplotlib asks for
    package.get_ipython = lambda: SimpleNamespace(kernel=object())
    display.display = shown.display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def train(folder, **settings):
    network = [Conv(4, 5, activation="relu"), GlobalMaxPool(), Output()]
    return seqconv.train((WAVES, SPEEDS), network=network, epochs=3, baselines=False, out=folder / "run", **settings)


def test_a_notebook_shows_a_bar_and_then_lines_in_one_output(notebook, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(reporting, "REDRAWN", 0.0)
    run = train(tmp_path, refit=False)
    (states,) = notebook.outputs
    bars = [re.search(r'<progress (.*?) aria-label="(.*?)">', state["text/html"]) for state in states]
    assert {bar[2] for bar in bars if bar} == {"epoch 1/3", "epoch 2/3", "epoch 3/3"}
    steps = [int(re.search('value="(.*?)"', bar[1])[1]) for bar in bars if bar and bar[2] == "epoch 2/3"]
    assert steps == list(range(len(steps)))  # from 0 to all, one by one
    last = states[-1]
    assert "<progress" not in last["text/html"]
    assert last["text/plain"].splitlines()[0] == f"folder: {run.folder}"
    losses = re.findall(r"epoch \d/3 .*?loss ([\d.]+)", last["text/plain"].partition("best:")[0])
    assert losses == [f"{loss:.4f}" for loss in run.history["loss"]]
    assert losses[0] in last["text/html"]
    assert capsys.readouterr().err == ""  # the folder is said once


def test_states_that_follow_fast_are_left_out(notebook, monkeypatch):
    monkeypatch.setattr(reporting, "REDRAWN", 1e6)
    listener = reporting.find_notebook()
    listener.say("a < b")
    listener.start_epoch(1, 1, 2)
    listener.end_step(0.5, 0.5)
    listener.show(None)
    (states,) = notebook.outputs
    assert len(states) == 2
    assert all("a &lt; b" in state["text/html"] for state in states)


def test_work_of_unknown_length_has_a_bar_without_a_value(notebook):
    listener = reporting.find_notebook()
    listener.download(2_000_000, 0)
    (states,) = notebook.outputs
    assert '<progress aria-label="downloading"></progress> 2.0 MB' in states[-1]["text/html"]


def test_elsewhere_nothing_is_shown(notebook, monkeypatch, tmp_path, capsys):
    sys.modules["IPython"].get_ipython = lambda: SimpleNamespace()  # of a terminal: without a kernel
    assert reporting.find_notebook() is None
    train(tmp_path)
    monkeypatch.delitem(sys.modules, "IPython")
    assert reporting.find_notebook() is None
    assert notebook.outputs == []
    assert capsys.readouterr().err == f"folder: {tmp_path / 'run'}\n"
