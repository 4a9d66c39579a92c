"""Thresholds of classes: the rules, and targets that have them."""

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqconv.errors import DataError, OptionError
from seqconv.networks.outputs import probabilities
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks.classes import Classes
from seqconv.tasks.label_sets import Labels
from seqconv.tasks.labels import make_target
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.thresholds import Rule, make_rule, parse_rule

LOGITS = "binary_crossentropy"


def rule(threshold, labels=(0, 0, 1), classes=("ham", "spam"), positive=""):
    config = TrainingConfig(threshold=threshold, positive=positive)
    return make_rule(config, np.array(labels), classes, "made.csv")


def test_the_positive_class_is_the_rarer_one_unless_it_is_named():
    assert rule("f1").positive == "spam"
    assert rule("f1", (0, 1, 1)).positive == "ham"
    assert rule("f1", (0, 1)).positive == "spam"
    assert rule("f1", positive="ham").positive == "ham"
    assert rule("f1", np.eye(3, dtype=np.uint8), ("a", "b", "c")) == Rule("f1")
    assert rule("") is None


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"threshold": "best"}, OptionError, "training.threshold must be f1, precision=0.95, recall=0.9, cost=FP:FN"),
        ({"threshold": "1"}, OptionError, "got '1'"),
        ({"threshold": "0"}, OptionError, "got '0'"),
        ({"threshold": "nan"}, OptionError, "got 'nan'"),
        ({"threshold": "precision=1.5"}, OptionError, "got 'precision=1.5'"),
        ({"threshold": "recall="}, OptionError, "got 'recall='"),
        ({"threshold": "cost=1"}, OptionError, "got 'cost=1'"),
        ({"threshold": "cost=1:-3"}, OptionError, "got 'cost=1:-3'"),
        ({"threshold": "cost=1:2:3"}, OptionError, "got 'cost=1:2:3'"),
        ({"threshold": "f1", "positive": "spma"}, OptionError, "training.positive: unknown class 'spma'"),
        ({"threshold": "", "positive": "spam"}, OptionError, "training.positive needs training.threshold"),
        ({"threshold": "f1", "labels": (0, 1, 2), "classes": ("a", "b", "c")}, DataError, "got 3 classes"),
        (
            {"threshold": "f1", "labels": np.eye(2), "positive": "ham"},
            OptionError,
            "training.positive is for two classes; made.csv has several labels",
        ),
    ],
)  # fmt: skip
def test_wrong_rules(settings, error, says):
    with pytest.raises(error, match=re.escape(says)):
        rule(**settings)


def test_rules_are_read_with_blanks():
    assert parse_rule(" recall = 0.9 ") == ("recall", (0.9,))
    assert parse_rule("cost = 1 : 2.5") == ("cost", (1.0, 2.5))


def test_a_threshold_that_nothing_can_choose_is_the_usual_one():
    shares = np.array([0.1, 0.9])
    for holds in (np.zeros(2, bool), np.ones(2, bool)):
        assert Rule("f1").choose(shares, holds, 0.5) == 0.5
    assert Rule("recall", (0.9,)).choose(np.full(2, 0.02), np.array([True, False]), 0.5) == 0.5
    assert Rule("fixed", (0.3,)).choose(shares, np.zeros(2, bool), 0.5) == 0.3


@pytest.mark.parametrize("name", ["ham", "spam"])
def test_of_two_classes_the_one_with_a_threshold_is_chosen_above_it(name):
    target = make_target(("ham", "spam"), thresholds={name: 0.2})
    shares = np.array([[0.9, 0.1], [0.75, 0.25], [0.25, 0.75], [0.1, 0.9]])
    wanted = [["spam"] if (row[1] > 0.2 if name == "spam" else row[0] <= 0.2) else ["ham"] for row in shares]
    assert target.name_answers(shares) == wanted
    logits = np.log(shares[:, 1:] / shares[:, :1])
    assert [["ham", "spam"][each] for each in target.choose(logits, LOGITS)] == [each for (each,) in wanted]
    assert [["ham", "spam"][each] for each in target.choose(shares[:, 1:], "as_printed")] == [
        each for (each,) in wanted
    ]
    truth = np.array([[0], [1], [1], [1]], np.float32)
    errors = target.errors(logits, truth, LOGITS)
    assert errors.tolist() == [
        float(each != ["ham", "spam"][int(t)]) for (each,), (t,) in zip(wanted, truth, strict=True)
    ]
    assert target.errors(shares[:, 1:], truth, "as_printed").tolist() == errors.tolist()


def test_each_of_several_labels_has_its_own_threshold():
    target = make_target(("a", "b"), True, {"b": 0.9, "a": 0.1})
    shares = np.array([[0.2, 0.8], [0.05, 0.95]])
    assert target.name_answers(shares) == [["a"], ["b"]]
    assert target.choose(np.log(shares / (1 - shares)), LOGITS).tolist() == [[1, 0], [0, 1]]
    assert target.to_columns(shares)["prediction"] == ["a", "b"]


@pytest.mark.parametrize("several", [False, True])
def test_tuning_takes_every_answer_from_the_rows_it_sees(several):
    random = np.random.default_rng(0)
    holds = random.random((200, 2 if several else 1)) < 0.05
    logits = random.normal(np.where(holds, -2.0, -5.0), 0.5).astype(np.float32)
    names = ("no", "yes")
    target = Labels(names, rule=Rule("f1")) if several else Classes(names, rule=Rule("f1", (), "yes"))
    assert target.choose(logits, LOGITS).sum() == 0
    tuned = target.tune(logits, holds.astype(np.float32), LOGITS)
    assert [name for name, _ in tuned.thresholds] == (["no", "yes"] if several else ["yes"])
    found = tuned.choose(logits, LOGITS).reshape(200, -1)
    assert (found == holds).mean() > 0.99
    assert (
        tuned.indicate(found if several else found[:, 0]).tolist()
        == tuned.indicate(tuned.decide(probabilities(logits, several))).tolist()
    )
    assert make_target(names, several).tune(logits, holds, LOGITS).thresholds == ()


def test_errors_cost_what_the_rule_says():
    truth = np.array([[0], [0], [0], [1]], np.float32)
    costs = {
        text: Classes(("a", "b"), rule=rule(text, classes=("a", "b"))).costs(truth)
        for text in ("f1", "cost=1:5", "0.3")
    }
    assert costs["f1"].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])  # both classes weigh the same
    assert costs["cost=1:5"].tolist() == pytest.approx([0.5, 0.5, 0.5, 2.5])
    assert costs["0.3"] is None
    assert Classes(("a", "b")).costs(truth) is None
    assert Classes(("a", "b"), rule=rule("f1", classes=("a", "b"))).costs(np.zeros((3, 1), np.float32)) is None


def test_curves_are_of_the_class_that_is_looked_for():
    truth, logits = np.array([[0], [0], [1]], np.float32), np.array([[-3], [-2], [-1]], np.float32)
    (curve,) = make_target(("ham", "spam")).draw_curves(logits, truth, LOGITS)
    assert (curve.class_, curve.chosen.threshold, curve.chosen.recall) == ("spam", 0.5, 0)
    (curve,) = make_target(("ham", "spam"), thresholds={"ham": 0.8}).draw_curves(logits, truth, LOGITS)
    assert (curve.class_, curve.chosen.threshold) == ("ham", 0.8)
    assert (curve.chosen.precision, curve.chosen.recall) == (1, 1)
    assert (
        make_target(("a", "b", "c")).draw_curves(np.eye(3, dtype=np.float32), np.arange(3), "categorical_crossentropy")
        == []
    )
    several = make_target(("a", "b"), True).draw_curves(np.ones((2, 2), np.float32), np.array([[1, 0], [1, 0]]), LOGITS)
    assert [each.class_ for each in several] == ["a"]


def test_thresholds_are_kept_with_the_features_and_absent_without(tmp_path: Path):
    features = TextFeatures(make_target(("ham", "spam"), thresholds={"spam": 0.125}), None, 7)
    table = json.loads(json.dumps(features.write(tmp_path)))
    assert table["thresholds"] == {"spam": 0.125}
    assert TextFeatures.read(table, tmp_path, {}) == features
    assert "thresholds" not in TextFeatures(make_target(("ham", "spam")), None, 7).write(tmp_path)
    for wrong in ({"ham": 0.1, "spam": 0.2}, {"eggs": 0.1}, {"spam": 1.5}, {"spam": "0.1"}, {"spam": None}):
        with pytest.raises((TypeError, ValueError), match="thresholds"):
            TextFeatures.read(table | {"thresholds": wrong}, tmp_path, {})


def test_a_target_of_an_older_pickle_has_no_thresholds():
    target = make_target(("ham", "spam"))
    state = dict(target.__dict__)
    del state["thresholds"], state["rule"]
    old = object.__new__(Classes)
    old.__dict__.update(state)
    assert pickle.loads(pickle.dumps(old)).choose(np.array([[1.0], [-1.0]]), LOGITS).tolist() == [1, 0]


@pytest.mark.parametrize(("positives", "few"), [(29, True), (30, False)])
def test_a_threshold_chosen_on_few_rows_says_so(positives, few):
    truth = (np.arange(400) < positives).astype(np.float32)[:, None]
    target = Classes(("ham", "spam"), rule=Rule("f1", (), "spam")).tune(4 * truth - 5, truth, LOGITS)
    assert target.choice.startswith("threshold: 'spam' above 0.138, chosen on the validation rows")
    assert ("only 29 of them are of it, so it may miss its mark" in target.choice) == few
    assert replace(target, rule=Rule("fixed", (0.3,), "spam")).choice == "threshold: 'spam' above 0.138"
