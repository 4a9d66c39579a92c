"""Probabilities that mean what they say: temperature scaling, and blends whose factors are one."""

import json

import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv.metrics.class_scores import measure_calibration
from seqconv.networks.losses import example_losses
from seqconv.tasks.classes import Classes
from seqconv.tasks.stacking import choose_members, find_temperature

LOSSES = {2: "binary_crossentropy", 4: "categorical_crossentropy"}


def draw(classes: int, rows: int, seed: int = 0):
    """Calibrated logits, and the truth, drawn by the probabilities that they stand for."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(rows, 1 if classes == 2 else classes))
    shares = Classes(tuple("abcd"[:classes])).probabilities(logits)
    truth = (random.random((rows, 1)) < np.cumsum(shares, axis=1)).argmax(axis=1)
    return logits, Classes(tuple("abcd"[:classes])).encode(truth)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("wrong", [0.4, 1.0, 2.5])
def test_the_temperature_undoes_what_logits_are_too_large(classes, wrong):
    logits, truth = draw(classes, 3000)
    factor = find_temperature(wrong * logits, truth, LOSSES[classes])
    assert factor * wrong == pytest.approx(1, abs=0.1)
    target = Classes(tuple("abcd"[:classes]))
    later, held = draw(classes, 3000, seed=1)
    shares = [target.probabilities(scale * wrong * later) for scale in (1, factor)]
    before, after = (target.measure_calibration(each, held) for each in shares)
    assert after < 0.04
    assert after < before or wrong == 1
    assert (target.choose(factor * later) == target.choose(later)).all()


def test_few_rows_hardly_change_it():
    logits, truth = draw(2, 12)
    assert 0.6 < find_temperature(4 * logits[:2], truth[:2], LOSSES[2]) <= 1.05
    assert find_temperature(logits[:0], truth[:0], LOSSES[2]) == 1


def test_the_factors_of_a_blend_leave_nothing_to_a_temperature():
    for classes in LOSSES:
        logits, truth = draw(classes, 2000)
        random = np.random.default_rng(1)
        members = [scale * (logits + random.normal(size=logits.shape)) for scale in (0.2, 1.0, 9.0)]
        factors = choose_members(members, truth, LOSSES[classes])
        blended = sum(factor * each for factor, each in zip(factors, members, strict=True))
        left = find_temperature(blended, truth, LOSSES[classes])
        assert left == pytest.approx(1, abs=0.25)  # what nine factors of a grid leave
        losses = [example_losses(scale * blended, truth, LOSSES[classes]).mean() for scale in (1, left)]
        assert losses[0] - losses[1] < 0.01


def test_the_calibration_error_by_hand():
    chosen = np.eye(2)[[0, 0, 1, 1]]
    holds = np.eye(2)[[0, 1, 1, 1]]
    shares = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    # two answers at 0.95 of which one is right, two at 0.65 that are right
    assert measure_calibration(shares, chosen, holds, several=False) == pytest.approx((0.9 + 0.7) / 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibration")
    random = np.random.default_rng(0)
    lines = ["text,label"]
    for _ in range(600):
        label = random.choice(["good", "bad"])
        words = random.choice(["fine", "poor", "the", "a", "it", "was"], 5, p=[0.2, 0.1, *[0.175] * 4])
        if label == "bad":
            words = [{"fine": "poor", "poor": "fine"}.get(word, word) for word in words]
        lines.append(f"{' '.join(words)},{label}")
    (folder / "mail.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(("model", "without"), [("tf-idf", "temperature scaling"), ("nb-svm", "temperature scaling")])
def test_baselines_are_calibrated_and_both_errors_are_reported(folder, model, without):

    seqconv_command("train", "mail.csv", "--model", model, "-q", "-o", model, cwd=folder)
    found = json.loads((folder / model / "metrics.json").read_text())
    with np.load(folder / model / "predictions.npz") as stored:
        outputs, truth = stored["outputs"].astype(float), stored["targets"]
    target = Classes(("bad", "good"))
    after = target.measure_calibration(target.probabilities(outputs), truth)
    assert found["calibration"]["after"] == pytest.approx(after)
    assert found["calibration"]["without"] == without
    assert "Expected calibration error" in (folder / model / "report.html").read_text()
    said = json.loads(seqconv_command("evaluate", model, "--json", cwd=folder).stdout)["metrics"]
    assert said["expected_calibration_error"]["value"] == pytest.approx(after, rel=1e-6)


def test_a_blend_reports_the_mean_of_its_members(folder):

    done = seqconv_command("train", "mail.csv", "--epochs", "3", "--json", "-o", "blend", cwd=folder)
    found = json.loads(done.stdout)["calibration"]
    assert found["without"] == "weights, as a plain mean of its members"
    assert 0 < found["after"] < 0.2
    assert found["before"] > 0
