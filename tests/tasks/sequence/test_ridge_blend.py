"""Ridge regressions on features that are not trained: what new rows may hold that training rows do not."""

import numpy as np

from seqconv import SequenceClassifier


def test_a_stretch_that_is_still_in_training_does_not_decide_new_rows_alone():
    """Steps 32 to 64 hardly vary in training; where they do in a new row, the bump still tells the class."""
    random = np.random.default_rng(0)

    def draw(count, still):
        X = random.normal(0, 0.5, (count, 128))
        X[:, 32:64] = random.normal(0, still, (count, 32))
        X[1::2, 80:100] += 1.5
        return X, np.arange(count) % 2

    model = SequenceClassifier(model="quant", random_state=0).fit(*draw(40, 1e-5))
    new, labels = draw(40, 0.5)
    largest = np.abs(model.decision_function(draw(40, 1e-5)[0])).max()
    assert np.abs(model.decision_function(new)).max() < 50 * largest
    assert model.score(new, labels) > 0.8
