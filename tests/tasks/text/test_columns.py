"""How columns next to texts are read."""

import numpy as np
import pytest

from seqconv.errors import DataError
from seqconv.tasks.text.columns import FARTHEST, INTERVALS, MISSING, OTHER, Columns, Slot


def fit(*cells: str | None) -> Columns:
    return Columns.fit({"c": list(cells)})


@pytest.mark.parametrize(
    ("cells", "kinds"),
    [
        (("1", "2.5", "", "NA"), ["number"]),
        (("1,5", "2"), ["number"]),
        (("red", "blue", "red"), ["category"]),
        (("007", "042"), ["number"]),
        (("true", "false", "true"), ["category"]),
        (("2024-01-01", "2024-02-05", "2024-03-12"), ["time", "month", "weekday"]),
        (("2024-01-01 10:00", "2024-01-01T12:30:00"), ["time", "hour"]),
        (("01/02/2024", "02/02/2024"), ["category"]),
        (("so it was said", "and so it went"), ["text"]),
        ((None, ""), ["category"]),
    ],
)
def test_the_kind_follows_from_the_cells(cells, kinds):
    assert [slot.kind for slot in fit(*cells).slots] == kinds


def test_missing_and_unseen_categories_have_tokens_of_their_own():
    found = fit("red", "red", "blue", "blue", "rare")
    tokens = found.to_tokens({"c": ["red", " red ", "blue", "rare", "green", "", None]})[:, 0]
    assert tokens[0] == tokens[1] > OTHER
    assert tokens[2] > OTHER
    assert tokens[2] != tokens[0]
    assert tokens[3:].tolist() == [OTHER, OTHER, MISSING, MISSING]


def test_numbers_fall_into_intervals_and_are_scaled():
    values = np.random.default_rng(0).normal(50, 10, 1000)
    found = fit(*map(str, values))
    tokens, numbers = (read({"c": [*map(str, values)]}) for read in (found.to_tokens, found.to_numbers))
    assert np.bincount(tokens[:, 0])[2:].tolist() == pytest.approx([1000 / INTERVALS] * INTERVALS, abs=1)
    np.testing.assert_allclose(numbers[:, 0], (values - values.mean()) / values.std(), rtol=1e-4, atol=1e-5)
    ends = {"c": ["-1e9", "1e9", "NA"]}
    assert found.to_tokens(ends)[:, 0].tolist() == [2, INTERVALS + 1, MISSING]
    assert found.to_numbers(ends)[:, 0].tolist() == [-FARTHEST, FARTHEST, 0]


def test_times_are_years_months_weekdays_and_hours():
    found = fit("2024-01-01 00:00", "2024-01-02 12:00", "2025-03-01 18:30")
    years, month, weekday, hour = found.slots
    assert years.to_numbers(["1971-01-01"])[0] == 1
    assert (month.values, weekday.values, hour.values) == (["1", "3"], ["1", "2", "6"], ["0", "12", "18"])
    assert hour.to_tokens(["2030-01-01 12:59", "2030-01-01", None]).tolist() == [3, 2, MISSING]


def test_tokens_of_columns_do_not_overlap():
    cells = {"a": ["x", "x", "y", "y"], "b": ["1", "2", "3", "4"], "t": ["one two three"] * 4}
    found = Columns.fit(cells)
    tokens = found.to_tokens(cells)
    assert tokens.shape == (4, 2)
    assert set(tokens[:, 0]).isdisjoint(tokens[:, 1])
    assert tokens.max() < found.tokens
    assert found.join(["text"] * 4, cells)[0] == "one two three\ntext"


def test_a_word_where_training_had_numbers_is_refused_with_its_row():
    with pytest.raises(DataError, match=r"column 'c', row 2: must be a number, as in training; got 'dear'"):
        fit("1", "2").to_tokens({"c": ["1", "dear"]})
    with pytest.raises(DataError, match="must be a time like 2024-12-31"):
        fit("2024-01-01", "2024-01-02").to_numbers({"c": ["tomorrow"]})


@pytest.mark.parametrize(
    "change", [{"kind": "colour"}, {"size": 9}, {"std": 0.0}, {"edges": [2.5, 1.5]}, {"values": ["a", "b", "c"]}]
)
def test_a_damaged_slot_is_refused(change):
    (slot,) = fit("1", "2", "3").slots
    assert Slot.from_dict(slot.to_dict()) == slot
    with pytest.raises(ValueError, match=next(iter(change))):
        Slot.from_dict(slot.to_dict() | change)
