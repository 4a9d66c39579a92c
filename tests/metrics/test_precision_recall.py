"""Precision, recall and the thresholds that rules choose, against scikit-learn and against trying every threshold."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve, precision_score, recall_score

from seqconv.metrics.precision_recall import (
    MOST_POINTS,
    Cuts,
    maximise_f1,
    minimise_cost,
    reach_precision,
    reach_recall,
)


def draw(count=300, seed=0, ties=False):
    random = np.random.default_rng(seed)
    holds = random.random(count) < 0.1
    shares = 1 / (1 + np.exp(-random.normal(np.where(holds, 0.5, -2), 1.5)))
    return (shares.round(1) if ties else shares).astype(np.float32), holds


@pytest.mark.parametrize("ties", [False, True])
def test_every_cut_is_that_of_scikit_learn(ties):
    shares, holds = draw(ties=ties)
    cuts = Cuts.of(shares, holds)
    precision, recall, _ = precision_recall_curve(holds, shares)
    np.testing.assert_allclose(cuts.precision[1:], precision[-2::-1])
    np.testing.assert_allclose(cuts.recall, recall[::-1])
    for threshold, right, wrong in zip(cuts.thresholds, cuts.right, cuts.wrong, strict=True):
        above = shares > threshold
        assert (int((above & holds).sum()), int((above & ~holds).sum())) == (right, wrong)


@pytest.mark.parametrize("count", [300, 5000])
def test_a_curve_keeps_its_shape_and_its_area(count):
    shares, holds = draw(count)
    curve = Cuts.of(shares, holds).draw("rare", 0.4, shares, holds)
    assert curve.average_precision == pytest.approx(average_precision_score(holds, shares))
    assert curve.chosen.precision == pytest.approx(precision_score(holds, shares > 0.4))
    assert curve.chosen.recall == pytest.approx(recall_score(holds, shares > 0.4))
    assert len(curve.points) <= MOST_POINTS
    for point in curve.points:
        assert point.precision == pytest.approx(precision_score(holds, shares > point.threshold))
        assert point.recall == pytest.approx(recall_score(holds, shares > point.threshold))
    assert curve.points[-1].recall == 1
    never = Cuts.of(shares, holds).draw("rare", 1.0, shares, holds).chosen
    assert math.isnan(never.precision)
    assert never.recall == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_rules_choose_the_best_of_all_thresholds(seed, ties):
    shares, holds = draw(120, seed, ties)
    cuts = Cuts.of(shares, holds)
    tried = [(shares > each) for each in np.concatenate([[-1], np.unique(shares)])]
    scores = {"zero_division": 0}
    precisions = [precision_score(holds, each, **scores) for each in tried]
    recalls = [recall_score(holds, each) for each in tried]

    def found(place):
        return shares > cuts.thresholds[place]

    best = max(f1_score(holds, each, **scores) for each in tried)
    assert f1_score(holds, found(maximise_f1(cuts)), **scores) == pytest.approx(best)
    for wanted in (0.3, 0.6, 1.0):
        chosen = found(reach_precision(cuts, wanted))
        enough = [recall for recall, precision in zip(recalls, precisions, strict=True) if precision >= wanted]
        if enough:
            assert precision_score(holds, chosen) >= wanted
            assert recall_score(holds, chosen) == max(enough)
        else:
            assert precision_score(holds, chosen, **scores) == max(precisions)
        chosen = found(reach_recall(cuts, wanted))
        assert recall_score(holds, chosen) >= wanted
        enough = [precision for precision, recall in zip(precisions, recalls, strict=True) if recall >= wanted]
        assert precision_score(holds, chosen) == max(enough)
    for wrong, missed in ((1, 1), (1, 20), (7, 2)):
        cost = [wrong * int((each & ~holds).sum()) + missed * int((~each & holds).sum()) for each in tried]
        chosen = found(minimise_cost(cuts, wrong, missed))
        assert wrong * int((chosen & ~holds).sum()) + missed * int((~chosen & holds).sum()) == min(cost)
