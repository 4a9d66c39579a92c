"""A new version of a model is taken while requests come, and one that is broken is not."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.predictors import GRU, text_predictor
from helpers.serving import Client, serving_all
from seqconv.errors import OptionError, SeqconvError
from seqconv.models.format import write_bundle
from seqconv.models.predictor import load
from seqconv.serving.app import Rules
from seqconv.serving.models import Models, Served, name_folders

ASKED = {"texts": ["not bad film"]}


def write(folder: Path, factor: float) -> float:
    """A model of its own; its answer."""
    model = text_predictor(GRU)
    weights = {name: np.asarray(array * factor, np.float32) for name, array in model.bundle.weights.items()}
    write_bundle(replace(model.bundle, weights=weights), folder)
    return float(load(folder, threads=1).predict(ASKED["texts"])[0, 1])


def test_a_new_version_answers_and_no_request_is_lost(tmp_path):
    first = write(tmp_path / "m", 1)
    served = Served("m", tmp_path / "m", 1000)
    found: list[float] = []
    stop = threading.Event()
    with serving_all(Models([served]), Rules()) as port:

        def ask() -> None:
            with Client(port) as client:
                while not stop.is_set():
                    found.append(client.predict(ASKED)[0]["probabilities"]["pos"])

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for each in threads:
            each.start()
        answers = [first]
        for factor in (2, 0.5):
            assert not served.has_new
            answers.append(write(tmp_path / "m", factor))
            assert not served.has_new  # it may be half there
            assert served.has_new
            served.reload()
            count = len(found)
            while len(found) < count + 20:
                stop.wait(0.01)
        stop.set()
        for each in threads:
            each.join()
    assert len(set(answers)) == 3
    assert set(found) <= set(answers)
    assert found[0] == pytest.approx(first)
    assert found[-1] == pytest.approx(answers[-1])


def test_a_broken_version_is_told_once_and_the_one_before_stays(tmp_path):
    first = write(tmp_path / "m", 1)
    served = Served("m", tmp_path / "m", 1000)
    (tmp_path / "m" / "bundle.json").write_text("{}")
    assert not served.has_new
    assert served.has_new
    with pytest.raises(SeqconvError):
        served.reload()
    assert not served.has_new
    assert float(served.now.predictor.predict(ASKED["texts"])[0, 1]) == first


def test_models_are_called_by_their_folders(tmp_path):
    assert name_folders([tmp_path / "a", tmp_path / "b" / "model"]) == ["a", "b"]
    with pytest.raises(OptionError, match="two are 'a'"):
        name_folders([tmp_path / "a", tmp_path / "x" / "a"])
