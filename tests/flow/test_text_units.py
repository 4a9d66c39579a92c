"""What models of texts read, words or characters, as `--unit` says."""

import json

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv import TextClassifier
from seqconv.models.format import read_bundle
from seqconv.tasks.blend import split_parts

MEMBERS = {"word": {"words"}, "both": {"words", "characters"}}
COMMON = ["ticket", "about", "order", "please", "again", "today"]


def make(count, seed):
    """Texts of which one word tells the class."""
    random = np.random.default_rng(seed)
    labels = np.resize(["refund", "delivery"], count)
    marks = {"refund": ["reimbursement", "repayment"], "delivery": ["shipment", "parcel"]}
    words = [[*random.choice(COMMON, 4), random.choice(marks[label])] for label in labels]
    return [" ".join(random.permutation(each)) for each in words], labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("units")
    texts, labels = make(200, 0)
    rows = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows, ""]))
    return folder


@pytest.mark.parametrize("unit", MEMBERS)
def test_a_blend_has_the_members_of_its_unit(folder, unit):
    seqconv_command("train", "texts.csv", "--unit", unit, "-q", "-o", unit, cwd=folder)  # baselines are fitted as well
    bundle = read_bundle(folder / unit)
    assert bundle.recipe.features.unit == unit
    assert set(split_parts(bundle.weights, "text").members) <= MEMBERS[unit]


def test_characters_alone_are_one_model_that_reads_words_with_typing_errors(folder):
    done = seqconv_command("train", "texts.csv", "--unit", "character", "--json", "-o", "characters", cwd=folder)
    assert json.loads(done.stdout)["model"] == "SVM on characters"
    (folder / "wrong.csv").write_text("text,label\na reimbursment\u0020please,refund\nmy shipmennt again,delivery\n")
    scores = json.loads(seqconv_command("evaluate", "characters", "wrong.csv", "--json", cwd=folder).stdout)
    assert scores["metrics"]["accuracy"]["value"] == 1


def test_an_unknown_unit_is_refused(folder):
    error = seqconv_command("train", "texts.csv", "--unit", "letter", "-o", "never", cwd=folder, code=2).stderr
    assert error.startswith("seqconv: --unit must be")
    assert not (folder / "never").exists()


@pytest.mark.parametrize(("unit", "model"), [("word", "blend"), ("character", "characters")])
def test_estimators_take_the_unit(unit, model):
    texts, labels = make(120, 1)
    found = TextClassifier(unit=unit, random_state=0).fit(texts, labels)
    assert found.bundle_.recipe.training.model == model
    assert found.score(*make(60, 2)) > 0.95
    if model == "blend":
        assert set(split_parts(found.bundle_.weights, "text").members) <= {"words"}
