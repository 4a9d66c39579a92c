"""What each part of a panel sees: nothing of what is forecast later, and every series as far as it reaches."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.command import seqconv_command
from helpers.panels import make_panel, make_recipe, make_sales, split
from seqconv.data.records import PanelData
from seqconv.errors import DataError
from seqconv.recipes.sections import KINDS
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.panel.answers import newest_examples
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.split import fill_evenly
from seqconv.tasks.scoring import fit_baselines

pytestmark = pytest.mark.usefixtures("quick")


def list_rows(part) -> list[tuple[int, int, int]]:
    """Series, first and last row of each example's forecast, rows counted within the series."""
    inputs = part.inputs
    first = inputs.anchors - inputs.starts
    return [(int(s), int(a), int(a) + inputs.horizon) for s, a in zip(inputs.series, first, strict=True)]


def test_the_last_horizon_of_each_series_is_the_test_and_the_one_before_it_validation():
    lengths = [60, 45, 80, *[60] * 20]
    found = split(make_panel([np.arange(length) % 12 for length in lengths]), horizon=6)
    assert list_rows(found.test) == [(n, length - 6, length) for n, length in enumerate(lengths)]
    assert list_rows(found.validation) == [(n, length - 12, length - 6) for n, length in enumerate(lengths)]
    assert max(last - lengths[n] for n, _, last in list_rows(found.train)) == -12
    assert {n for n, _, _ in list_rows(found.train)} == set(range(len(lengths)))


def test_few_series_are_judged_by_several_forecasts_that_do_not_overlap():
    found = split(make_panel(make_sales(series=2, rows=120)), horizon=6)
    for part, later in ((found.test, 0), (found.validation, 1)):
        for n in range(2):
            rows = [(first, last) for series, first, last in list_rows(part) if series == n]
            assert len(rows) == 4  # two fifths of the rows at most, for validation and test together
            end = 120 - later * 6 * len(rows)
            assert rows == [(end - 6 * back, end - 6 * back + 6) for back in range(len(rows), 0, -1)]
    assert max(last for _, _, last in list_rows(found.train)) == 120 - 2 * 4 * 6
    assert len(split(make_panel(make_sales(series=2, rows=120)), horizon=6, origins=2).test.targets) == 4


@pytest.mark.parametrize("part", ["validation", "test"])
def test_no_row_of_a_later_horizon_is_seen_by_what_is_fitted(part):
    """These rows are changed, and nothing that is fitted before changes but by rounding."""
    values, random = make_sales(series=25, rows=84), np.random.default_rng(0)
    promo = [random.normal(size=84) for _ in values]
    data = {"known": ["promo"], "past": ["weather"]}
    one = split(make_panel(values, {"promo": promo, "weather": promo}), horizon=6, data=data)
    back = 6 if part == "test" else 12
    after = slice(84 - back, 84)
    changed, other = ([each.copy() for each in rows] for rows in (values, promo))
    for rows in (*changed, *other):
        rows[after] = -1000 * random.random(back)
    two = split(make_panel(changed, {"promo": other, "weather": other}), horizon=6, data=data)
    assert one.features == two.features
    np.testing.assert_allclose(two.train.targets, one.train.targets)
    if part == "test":
        np.testing.assert_allclose(two.validation.targets, one.validation.targets)
    # the last rows of validation choose; so for them only what sees the training rows alone is compared
    kinds = KINDS["panel"].baselines if part == "test" else ("naive", "seasonal")
    for kind in kinds:
        (first,), (second,) = (fit_baselines(TASKS["panel"], found, asked=kind, others=False) for found in (one, two))
        for name, array in first.model.arrays.items():
            np.testing.assert_allclose(second.model.arrays[name], array, rtol=1e-6, atol=1e-8, err_msg=f"{kind} {name}")


def test_a_forecast_reads_no_row_of_its_horizon_but_what_is_known():
    values, random = make_sales(series=25, rows=84), np.random.default_rng(1)
    promo = [random.normal(size=84) for _ in values]
    found = split(
        make_panel(values, {"promo": promo, "weather": promo}),
        horizon=6,
        data={"known": ["promo"], "past": ["weather"]},
    )
    inputs = found.test.inputs
    ahead = inputs.ahead.ravel()
    rows = inputs.rows
    blind, dark, known = rows.values.copy(), rows.past.copy(), rows.known.copy()
    blind[ahead], dark[ahead] = 1e6, 1e6
    known[ahead] += 1
    for kind in KINDS["panel"].baselines:
        (fitted,) = fit_baselines(TASKS["panel"], found, asked=kind, others=False)
        answers = fitted.model.predict(inputs)
        without = fitted.model.predict(replace(inputs, rows=replace(rows, values=blind, past=dark)))
        np.testing.assert_allclose(without, answers, rtol=1e-6, err_msg=kind)
        if kind in ("ridge", "boosting"):
            informed = fitted.model.predict(replace(inputs, rows=replace(rows, known=known)))
            assert np.abs(informed - answers).max() > 1e-6


def test_a_series_that_begins_with_holes_is_not_filled_from_the_future():
    values = make_sales(series=25, rows=60)
    values[3][:52] = np.nan
    found = split(make_panel(values), horizon=6)
    inputs = found.test.inputs
    known = [np.isfinite(inputs.rows.values[a:b]).sum() for a, b in zip(inputs.starts, inputs.anchors, strict=True)]
    assert min(known) > 0


def test_short_series_are_told_and_forecast_all_the_same():
    short = [[5.0], [1.0, 2.0], [3.0, 1.0, 2.0], list(np.arange(10.0))]
    panel = make_panel([*make_sales(series=30), *short])
    found = split(panel, horizon=6)
    assert {n for n, _, _ in list_rows(found.test)} == set(range(30)) | {33}
    assert "3 of 34 series too short to be tested; they are forecast all the same" in found.facts["notes"]
    newest = newest_examples(found.features, panel)
    assert len(newest) == 34
    for kind in KINDS["panel"].baselines:
        (fitted,) = fit_baselines(TASKS["panel"], found, asked=kind, others=False)
        answers = fitted.model.predict(newest)
        assert np.isfinite(answers).all(), kind
        assert answers.shape == (34, 6 * 9)


def test_of_many_series_an_even_sample_is_judged_and_all_are_forecast(monkeypatch):
    monkeypatch.setattr("seqconv.tasks.panel.split.MOST_JUDGED", 20)
    panel = make_panel([*make_sales(series=60, rows=60), np.array([1.0, 2.0])])
    found = split(panel, horizon=6)
    for part in (found.validation, found.test):
        series = part.inputs.series
        assert len(series) == 20
        assert (series[0], series[-1]) == (0, 59)
        assert np.ptp(np.diff(series)) <= 1
    assert found.facts["notes"] == [
        "1 of 61 series too short to be tested; they are forecast all the same",
        "models are judged by 20 of 60 forecasts, evenly spaced; all series are forecast",
    ]
    assert len(newest_examples(found.features, panel)) == 61


def test_a_horizon_that_no_series_has_twice_is_refused():
    says = r"a series must have 15 rows or more for the validation split; the longest has 14\. Use a shorter"
    with pytest.raises(DataError, match=says):
        split(make_panel([np.arange(14.0), np.arange(9.0)]), horizon=6)


@pytest.mark.parametrize("window", ["growing", "rolling"])
def test_the_tests_of_folds_follow_each_other_up_to_the_end(window):
    lengths = [96, 70, 96]
    panel = make_panel([1000 * n + np.arange(length, dtype=float) for n, length in enumerate(lengths)])
    recipe, task = make_recipe(horizon=4), TASKS["panel"]
    tested, trained = {n: [] for n in range(3)}, []
    for _, data in task.fold(PanelData(panel), recipe, 3, window):
        found = task.split(data, recipe, 1, None)
        for row in found.test.inputs.ahead:
            values = found.test.inputs.rows.values[row]
            tested[int(values[0] // 1000)] += (values % 1000).astype(int).tolist()
        trained.append(len(data.train.values))
    for n, rows in tested.items():
        assert rows == list(range(lengths[n] - len(rows), lengths[n]))
        assert len(rows) % 4 == 0
    assert len(tested[0]) <= 96 / 2
    assert (len(set(trained)) == 1) == (window == "rolling")


def test_folds_say_from_when_to_when_they_are_tested(tmp_path):
    months = [f"{2010 + n // 12}-{n % 12 + 1:02}-01" for n in range(60)]
    (tmp_path / "s.csv").write_text(
        "\n".join(["id,t,y", *(f"{s},{t},{n % 12}" for s in "ab" for n, t in enumerate(months))])
    )
    flags = (
        "--target",
        "y",
        "--horizon",
        "6",
        "--model",
        "seasonal",
        "--no-baselines",
        "--folds",
        "2",
        "--out",
        "folds",
    )
    said = seqconv_command("backtest", "s.csv", *flags, cwd=tmp_path).stdout
    assert "2013-01-01 to 2013-12-01" in said
    assert "2014-01-01 to 2014-12-01" in said
    assert "Rolling origin: each stretch is forecast by a model" in said
    assert "The unit is" not in said


def test_examples_are_shared_evenly():
    assert fill_evenly(np.array([3, 3]), 10).tolist() == [3, 3]
    for room, most in (([1, 5, 100], 20), ([0, 7, 7, 7], 10), ([50] * 7, 100)):
        share = fill_evenly(np.array(room), most)
        assert share.sum() == most
        assert (share <= room).all()
        full = share == room
        assert np.ptp(share[~full]) <= 1


def test_examples_of_a_series_have_their_own_rows():
    inputs: PanelInputs = split(make_panel(make_sales(series=30)), horizon=6).train.inputs
    assert (inputs.anchors >= inputs.starts + 3).all()
    assert (inputs.anchors + 6 <= inputs.rows.offsets[inputs.series + 1] - 12).all()
