"""Records as JSON and back: every record of results, values that JSON lacks, keys that are keywords, old keys."""

import json
import math
import warnings
from dataclasses import dataclass, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.class_scores import Bin, ClassScores
from seqconv.metrics.comparison import Comparison
from seqconv.metrics.forecast_scores import ForecastScores, LeadScores
from seqconv.metrics.records import Record
from seqconv.tasks.compared import ComparisonResults
from seqconv.tasks.results import (
    BacktestResults,
    EvaluationResults,
    RunResults,
)
from seqconv.training.compression import ShrinkResults

RESULTS = (
    RunResults,
    BacktestResults,
    EvaluationResults,
    ComparisonResults,
    ShrinkResults,
    ClassScores,
    ForecastScores,
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(float, NUMBERS)
# records nest lists in lists: longer ones can outgrow what Hypothesis draws for one example
st.register_type_strategy(list, lambda kind: st.lists(st.from_type(kind.__args__[0]), max_size=3))
JSON = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=5) | NUMBERS)


@st.composite
def records(draw, kind):
    """A record of a kind, with values of every field's type."""
    kinds = {"settings": JSON, "facts": JSON}
    given = {each.name: kinds[each.name] for each in fields(kind) if each.name in kinds}
    return draw(st.builds(kind, **given))


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_a_record_is_itself_again(kind):
    @settings(max_examples=20, deadline=None)
    @given(st.data())
    def check(data):
        record = data.draw(records(kind))
        table = json.loads(json.dumps(record.to_dict(), allow_nan=False))
        assert kind.from_dict(table) == record
        assert kind.from_dict(table).to_dict() == table

    check()


def test_json_has_neither_nan_nor_infinity():
    found = Comparison("naive", 0.1, -math.inf, math.inf, spoken="the naive forecast").to_dict()
    assert found == {"name": "naive", "improvement": 0.1, "low": None, "high": None}
    again = Comparison.from_dict(found)
    assert (again.name, again.improvement) == ("naive", 0.1)
    assert math.isnan(again.low)
    assert math.isnan(again.high)
    assert again.to_dict() == found


def test_keywords_and_what_is_not_there():
    part = Bin(0.0, 0.5, 3, 0.25, Estimate(0.5, 0.25, 0.75))
    assert list(part.to_dict()) == ["from", "to", "n", "confidence", "right"]
    lead = LeadScores("1 h", Estimate(1.0, 0.5, 1.5), 2.0)
    assert list(lead.to_dict()) == ["lead", "mae", "mae_naive"]
    assert LeadScores.from_dict(lead.to_dict() | {"of a later version": 1}) == lead


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"value": 1.0, "low": 1.0}, KeyError),
        ({"value": "1", "low": 1.0, "high": 1.0}, TypeError),
        ([1.0, 1.0, 1.0], TypeError),
        (None, TypeError),
    ],
)
def test_what_is_no_record_is_refused(table, problem):
    with pytest.raises(problem):
        Estimate.from_dict(table)


@dataclass(frozen=True)
class Outer(Record):
    inner: list[Estimate]
    class_: str


def test_the_keys_of_0_1_0_still_give_what_json_has_and_name_the_attribute():
    record = Outer([Estimate(1.0, 0.5, math.nan)], "yes")
    with pytest.warns(DeprecationWarning, match=r"results\['class'\] is deprecated .* results\.class_,"):
        assert record["class"] == "yes"
    with pytest.warns(DeprecationWarning, match=r"results\.inner"):
        assert record["inner"] == [{"value": 1.0, "low": 0.5, "high": None}]
    with warnings.catch_warnings(), pytest.raises(KeyError, match="nothing"):
        record["nothing"]
    with pytest.warns(DeprecationWarning, match="`in` results is deprecated"):
        assert "class" in record
    with pytest.raises(TypeError, match="not iterable"):
        list(record)


def test_the_keys_of_an_evaluation_lead_to_its_scores():
    scores = LeadScores("1 h", Estimate(1.0, 0.5, 1.5), 2.0)
    found = EvaluationResults("run", "series", "a.csv", [], scores)
    with pytest.warns(DeprecationWarning, match=r"results\.scores\.mae_naive"):
        assert found["mae_naive"] == 2.0
    with pytest.warns(DeprecationWarning, match=r"results\.source"):
        assert found["source"] == "a.csv"
