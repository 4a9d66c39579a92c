"""Trees as plain arrays against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from seqconv.tasks.series import trees


def fit(rows: int, columns: int, trees_wanted: int, leaves: int = trees.LEAVES) -> tuple[np.ndarray, object]:
    random = np.random.default_rng(rows)
    x = random.normal(size=(rows, columns))
    x[:, 0] = np.round(x[:, 0])  # values that lie on thresholds
    y = np.sin(2 * x[:, 0]) + x[:, -1] ** 2 + random.normal(0, 0.1, rows)
    model = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=trees_wanted, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    )
    return x, model.fit(x, y)


@pytest.mark.parametrize(
    ("rows", "columns", "count", "leaves"), [(3000, 5, 100, 8), (3000, 1, 1, 8), (500, 3, 20, 2), (100, 2, 30, 5)]
)
def test_trees_add_up_to_what_scikit_learn_predicts(rows, columns, count, leaves):
    x, model = fit(rows, columns, count, leaves)
    found = trees.read_trees(model)
    assert found.leaves.shape == (count, trees.LEAVES)
    others = np.concatenate([x, 3 * np.random.default_rng(1).normal(size=(500, columns))])
    np.testing.assert_allclose(found.add(others), model.predict(others), rtol=0, atol=1e-12)


def test_too_few_rows_for_a_split_give_trees_of_one_leaf():
    x, model = fit(10, 2, 5)
    found = trees.read_trees(model)
    assert np.isinf(found.thresholds).all()
    np.testing.assert_allclose(found.add(x), model.predict(x), atol=1e-12)


def test_rows_go_through_in_chunks_of_any_size(monkeypatch):
    x, model = fit(250, 3, 10)
    found = trees.read_trees(model)
    whole = found.add(x)
    monkeypatch.setattr(trees, "CHUNK", 7)
    np.testing.assert_array_equal(found.add(x), whole)
    assert found.add(x[:0]).shape == (0,)
