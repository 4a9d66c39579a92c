"""Explanations of sequences by class: which stretch of which channel made the score of each."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv.data.frames import to_sequences
from seqconv.estimators.classifiers import SequenceClassifier
from seqconv.models.format import write_bundle
from seqconv.models.predictor import load
from seqconv.reports.explanation import write_explanation
from seqconv.reports.plots import draw_classes
from seqconv.tasks.explanation import describe
from seqconv.tasks.sequence.explaining import explain_sequence

PLACES = {"early": 10, "middle": 30, "late": 50}  # of a bump in the second channel, by class


def draw(count):
    random = np.random.default_rng(count)
    labels = [list(PLACES)[number % 3] for number in range(count)]
    X = random.normal(0, 0.3, (count, 60, 2))
    for values, label in zip(X, labels, strict=True):
        values[:, 1] += 2 * np.exp(-0.5 * ((np.arange(60) - PLACES[label]) / 2) ** 2)
    return X, labels


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One whose answers are linear in pooled features, and one whose are not."""
    found = {}
    for name in ("quant", "dtw"):
        folder = tmp_path_factory.mktemp(name) / "model"
        write_bundle(SequenceClassifier(model=name, random_state=0).fit(*draw(45)).bundle_, folder)
        found[name] = folder
    return found


@pytest.mark.parametrize("name", ["quant", "dtw"])
def test_each_class_is_explained_as_if_it_were_asked_for(models, name):
    model, one = load(models[name]), to_sequences(draw(3)[0][1:2])
    found = explain_sequence(model, one)
    assert [each.output for each in found.classes] == sorted(PLACES, key=lambda label: -found.probabilities[label])
    assert found.output == found.answer == found.classes[0].output == "middle"
    for each in found.classes:
        asked = explain_sequence(model, one, each.output)
        assert asked.value == each.value
        np.testing.assert_array_equal(asked.contributions, each.contributions)
        np.testing.assert_array_equal(asked.whole, each.whole)
        if name == "quant":  # exact
            assert each.whole.sum() + each.constant == pytest.approx(each.value, abs=1e-3)
            np.testing.assert_allclose(each.contributions.sum(axis=1), each.whole, atol=1e-9)
    if name == "quant":
        row, span = np.unravel_index(found.contributions.argmax(), found.contributions.shape)
        begin, end = map(int, found.spans[span])
        assert found.rows[row].endswith("channel 2")
        assert abs((begin + end) / 2 - PLACES["middle"]) < 10
    said = describe(found)
    assert [each["class"] for each in said["classes"]] == [each.output for each in found.classes]
    assert said["classes"][0]["parts"] == said["parts"]
    assert "verdict" not in said["classes"][0]


def test_two_classes_are_one_question(tmp_path):
    X, labels = draw(45)
    two = [label if label == "late" else "sooner" for label in labels]
    write_bundle(SequenceClassifier(model="quant", random_state=0).fit(X, two).bundle_, tmp_path / "model")
    model = load(tmp_path / "model")
    assert not explain_sequence(model, to_sequences(X[:1])).classes
    assert "classes" not in describe(explain_sequence(model, to_sequences(X[:1])))


def test_the_page_draws_the_sequence_for_each_class(models, tmp_path):
    found = explain_sequence(load(models["quant"]), to_sequences(draw(3)[0][1:2]))
    svg = draw_classes(found.classes)
    ElementTree.fromstring(svg)
    assert "<desc>middle: channel 2, " in svg
    assert re.search(">\N{MINUS SIGN}</text>", svg)  # what speaks against the others
    write_explanation(tmp_path / "page.html", "bumps", found)
    page = (tmp_path / "page.html").read_text()
    assert page.index("<h2>Window") < page.index("<h2>Each class") < page.index("<h2>Effects")
    (score,) = (score for name, _, score, _ in found.list_classes(9) if name == "early")
    assert f"<td>{score}</td>" in page


def test_the_command_prints_them(models, tmp_path):
    np.save(tmp_path / "new.npy", draw(3)[0])
    said = seqconv_command("explain", str(models["quant"]), "new.npy", "--row", "2", cwd=tmp_path).stdout
    assert re.search(r"score +probability +class +adds most", said)
    lines = [line for line in said.splitlines() if re.search("% +(early|middle|late) ", line)]
    assert "middle" in lines[0]
    assert len(lines) == 3
    as_json = json.loads(seqconv_command("explain", str(models["quant"]), "new.npy", "--json", cwd=tmp_path).stdout)
    assert as_json["classes"][0]["class"] == as_json["class"] == "early"
