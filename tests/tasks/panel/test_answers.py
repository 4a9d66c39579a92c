"""Forecasts of panels as people read them."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seqconv
from seqconv.data.frequency import Frequency
from seqconv.serving.page import SCRIPT, build_server_page
from seqconv.serving.requests import describe_model
from seqconv.tasks.panel.answers import answer_panel, make_example, read_request_panel, round_digits
from seqconv.tasks.panel.task import PANEL
from seqconv.tasks.task import MOST_TYPED

pytestmark = pytest.mark.usefixtures("quick")

GOLDEN = Path(__file__).parents[2] / "golden" / "panel"


def test_forecasts_have_seven_digits_and_those_in_which_they_differ():
    quantiles = np.array([[1044.0567, 1047.4829], [1e9 + 17.976, 1e9 + 19.172], [1.23456789e-13, 2e-13], [0.0, 0.0]])
    wanted = [[1044.057, 1047.483], [1000000017.98, 1000000019.17], [1.234568e-13, 2e-13], [0.0, 0.0]]
    assert round_digits(quantiles).tolist() == wanted
    assert round_digits(np.array([[1234567890.123, 1234567890.123]])).tolist() == [[1234567890.12, 1234567890.12]]


def test_the_example_on_the_page_is_one_that_the_model_answers_as_the_page_reads_it():
    model = seqconv.load(GOLDEN)
    features = model.bundle.features
    first, *rows = csv.DictReader(make_example(model.bundle).splitlines())
    asked = [{name: _read_cell(name in features.ids, cell) for name, cell in row.items()} for row in (first, *rows)]
    found = answer_panel(model, read_request_panel(model.bundle, asked, 1))
    assert len(found) == features.horizon
    names = list(found[0])
    times = model.bundle.recipe.data.time
    assert names[: names.index("forecast")] == [*features.ids, *([times] if times else [])]
    assert names[names.index("forecast") + 1 :] == ["q0.1", "q0.2", "q0.3", "q0.4", "q0.6", "q0.7", "q0.8", "q0.9"]
    assert 60 < found[0]["forecast"] < 140


def _read_cell(text: bool, cell: str) -> object:
    """A cell as the page's script reads it."""
    if not cell or text:
        return cell or None
    return float(cell) if cell.replace(".", "").isdigit() else cell


def test_the_page_of_a_panel_knows_its_target_and_ids_and_reads_forecasts():
    model = seqconv.load(GOLDEN)
    page = build_server_page(describe_model(model, GOLDEN), PANEL.form, make_example(model.bundle))
    ids = ", ".join(f"&quot;{each}&quot;" for each in model.bundle.features.ids)
    assert f'data-target="{model.bundle.features.name}" data-ids="[{ids}]"' in page
    assert '"forecast" in first' in SCRIPT


@pytest.mark.parametrize("changes", [{"season": MOST_TYPED}, {"name": "sold, in boxes"}])
def test_an_example_that_nobody_could_type_is_left_out(changes):
    bundle = seqconv.load(GOLDEN).bundle
    assert make_example(replace(bundle, features=replace(bundle.features, **changes))) == ""


@pytest.mark.parametrize(
    ("frequency", "second"),
    [
        (Frequency("s", 3600), "2024-01-01 01:00:00"),
        (Frequency("mo", 3), "2024-04-01"),
        (Frequency("s", 86400), "2024-01-02"),
    ],
)
def test_the_times_of_an_example_follow_the_frequency(frequency, second):
    bundle = seqconv.load(GOLDEN).bundle
    rows = list(
        csv.DictReader(
            make_example(replace(bundle, features=replace(bundle.features, frequency=frequency))).splitlines()
        )
    )
    assert rows[1][bundle.recipe.data.time] == second
