"""Texts of none of the classes: told by a probability that is chosen on the validation rows, for every way to ask."""

import json

import numpy as np
import polars
import pytest

from helpers.command import seqconv_command
from helpers.sequences import write_waves
from seqconv import TextClassifier, load
from seqconv.serving.requests import describe_model, explain, predict

pytestmark = pytest.mark.usefixtures("quick")

TOPICS = {"food": ["soup", "bread", "salt"], "cars": ["wheel", "engine", "brake"], "sea": ["wave", "shore", "tide"]}
NONE = "none of these"


def draw_topics(count: int, seed: int) -> polars.DataFrame:
    """Three topics, each with its words among others."""
    random = np.random.default_rng(seed)
    labels = random.choice(list(TOPICS), count)
    others = random.choice(["the", "a", "of", "and", "very"], (count, 4))
    texts = [" ".join([*words, *random.choice(TOPICS[name], 2)]) for words, name in zip(others, labels, strict=True)]
    return polars.DataFrame({"text": texts, "label": labels})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("none")
    draw_topics(600, 0).write_csv(folder / "topics.csv")
    draw_topics(200, 1).write_csv(folder / "new.csv")
    odd = ["quartz moon algebra", "sonata in minor", "the of and very a"]
    polars.DataFrame({"text": odd}).write_csv(folder / "odd.csv")
    seqconv_command("train", "topics.csv", "--threshold", "known=0.95", "-q", "-o", "run", cwd=folder)
    return folder


def test_texts_of_no_class_are_told_and_most_others_are_not(folder):
    seqconv_command("predict", "run", "odd.csv", "-q", "-o", "out.csv", cwd=folder)
    found = polars.read_csv(folder / "out.csv")
    assert found["prediction"].to_list() == [NONE] * 3
    seqconv_command("predict", "run", "new.csv", "-q", "-o", "known.csv", cwd=folder)
    known = polars.read_csv(folder / "known.csv")
    assert (known["prediction"] == known["label"]).mean() > 0.85
    model = load(folder / "run")
    least = dict(model.bundle.features.target.thresholds)[NONE]
    shares = known.select([f"probability of {name}" for name in sorted(TOPICS)]).to_numpy()
    np.testing.assert_array_equal(known["prediction"].to_numpy() == NONE, shares.max(axis=1) < least)
    (answers,) = predict(model, json.dumps({"texts": found["text"].to_list(), "top": 2}).encode())
    assert [each["prediction"] for each in answers] == [NONE] * 3
    assert describe_model(model, folder / "run")["thresholds"] == {NONE: least}


def test_an_answer_of_no_class_counts_as_wrong(folder):
    said = json.loads(seqconv_command("evaluate", "run", "new.csv", "--json", cwd=folder).stdout)
    seqconv_command("predict", "run", "new.csv", "-q", "-o", "judged.csv", cwd=folder)
    judged = polars.read_csv(folder / "judged.csv")
    assert said["metrics"]["accuracy"]["value"] == pytest.approx((judged["prediction"] == judged["label"]).mean())
    notes = seqconv_command("train", "topics.csv", "--threshold", "known=0.9", "-o", "other", cwd=folder)
    assert "none of these if no class has a probability of" in notes.stderr + notes.stdout


def test_it_is_explained_and_shrunk(folder):
    model = load(folder / "run")
    why = explain(model, json.dumps({"texts": ["quartz moon algebra"]}).encode())
    assert why["verdict"].startswith("none of these (the likeliest class has ")
    seqconv_command("explain", "run", "quartz moon", "-o", "why.html", cwd=folder)
    seqconv_command("shrink", "run", "-o", "small", cwd=folder)
    assert load(folder / "small").bundle.features.target.thresholds == model.bundle.features.target.thresholds


def test_a_classifier_answers_so_too(folder):
    train, new = draw_topics(600, 0), draw_topics(200, 1)
    model = TextClassifier(threshold="known=0.95", random_state=0).fit(
        train["text"].to_list(), train["label"].to_list()
    )
    assert model.predict(["quartz moon algebra", "soup and bread"]).tolist() == [NONE, "food"]
    assert (model.predict(new["text"].to_list()) == new["label"].to_numpy()).mean() > 0.85


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--threshold", "known=1.5"), "--threshold must be f1"),
        (("--threshold", "known=0.9", "--positive", "sea"), "known needs no"),
        (("--threshold", "f1"), "known=0.95 answers that an example is of none of them"),
    ],
)
def test_what_does_not_fit_is_refused(folder, flags, says):
    done = seqconv_command("train", "topics.csv", *flags, "-q", "-o", "refused", cwd=folder, code=2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_sequences_of_no_class(tmp_path):
    write_waves(tmp_path, 60)
    arguments = ("--threshold", "known=0.9", "--model", "minirocket", "--no-baselines", "-q", "-o", "run")
    seqconv_command("train", "waves-kinds.ts", *arguments, cwd=tmp_path)
    model = load(tmp_path / "run")
    features = model.bundle.features
    flat = [[0.0] * len(features.channels)] * features.length
    body = json.dumps({"sequences": [flat]}).encode()
    ((answer,),) = predict(model, body)
    assert max(answer["probabilities"].values()) < features.target.least
    assert answer["prediction"] == NONE

    assert explain(model, body)["verdict"].startswith("none of these (the likeliest class has ")
