"""Classes of sequences that weigh differently, in the ridge classifiers that are the default."""

import json

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv.data.readers.sequences import read_sequences
from seqconv.models.predictor import load

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A rare class that can hardly be told from the other."""
    folder, random = tmp_path_factory.mktemp("weights"), np.random.default_rng(0)
    for name in ("rare", "others"):
        rare = np.arange(300) % 10 == 0
        X = random.normal(size=(300, 20)) + np.where(rare, 0.7, 0)[:, None] * np.sin(np.arange(20) / 2)
        np.savez(folder / f"{name}.npz", X=X, y=np.where(rare, "rare", "usual"))
    return folder


def share_of_rare(folder, *flags):
    seqconv_command("train", "rare.npz", *flags, "-q", "--no-baselines", "-o", "run", "--overwrite", cwd=folder)
    model = load(folder / "run")
    found = model.classify(read_sequences(folder / "others.npz", labelled=False))
    return float(found[:, model.bundle.features.classes.index("rare")].mean())


@pytest.mark.parametrize("model", ["blend", "minirocket", "quant", "hydra"])
def test_a_class_that_weighs_more_is_more_probable(folder, model):
    plain = share_of_rare(folder, "--model", model)
    balanced = share_of_rare(folder, "--model", model, "--class-weight", "balanced")
    named = share_of_rare(folder, "--model", model, "--class-weight", "rare=9")
    assert 2 * plain < balanced
    assert 2 * plain < named
    settings = json.loads((folder / "run/metrics.json").read_text())["settings"]["training"]
    assert (settings["model"], settings["class_weight"]) == (model, "rare=9")


def test_class_weights_leave_the_default_model(folder):
    seqconv_command("train", "rare.npz", "--class-weight", "balanced", "-q", "-o", "usual", cwd=folder)
    assert json.loads((folder / "usual/metrics.json").read_text())["settings"]["training"]["model"] == "blend"
