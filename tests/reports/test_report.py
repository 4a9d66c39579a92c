"""The report: complete, self-contained, safe against what the data say, and refused for a folder that is no run."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from helpers.pages import find_flaws
from seqconv.errors import BundleError
from seqconv.reports import plots
from seqconv.tasks.explanation import Curves, GridExplanation
from seqconv.training.folder import write_report

COMPARISON = {"name": "naive <b>", "improvement": 0.07, "low": 0.05, "high": None}


def write_run(folder: Path, task: str, **changes: object) -> Path:
    score = {"accuracy": 0.75, "loss": 0.5, "n": 4} if task == "text" else {"mae": 1.5, "mae_scaled": 0.2, "n": 4}
    results = {
        "run": "runs/r",
        "recipe": "r",
        "engine": "native",
        "model": "network",
        "better_baseline": None,
        "verdict": "Beats <script>alert(1)</script> by 7 %.",
        "description": "d & e",
        "task": task,
        "metric": "accuracy" if task == "text" else "mae",
        "parameters": 1234,
        "epochs": 2,
        "best_epoch": 2,
        "refit": False,
        "validation": score,
        "test": score,
        "baselines": [{"kind": "naive", "name": "naive <b>", "validation": score, "test": score, "seconds": 0.1}],
        "beats_baselines": True,
        "comparisons": [COMPARISON],
        "seconds": {"train": 1.0, "total": 2.0},
        "network": [
            {"name": "Dense(1)", "shape": [1], "parameters": 1234, "receptive_field": None, "multiply_adds": 9}
        ],
        "facts": {"source": "<img>", "splits": {"train": {"windows": 3, "dropped_at_holes": 1}}, "notes": ["a", "b"]},
        "settings": {"training": {"loss": "mae" if task == "series" else "binary_crossentropy"}},
        "versions": {"python": "3"},
        **({"classes": ["neg", "<pos>"], "confusion": [[1, 2], [3, 4]]} if task == "text" else {"targets": ["T"]}),
    }
    metric = "accuracy" if task == "text" else "mae"
    (folder / "metrics.json").write_text(json.dumps(results | changes))
    (folder / "history.csv").write_text(
        f"epoch,loss,{metric},validation_loss,validation_{metric},seconds\n1,0.7,0.5,0.6,0.6,1\n2,0.5,0.7,0.5,0.7,1\n"
    )
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(4) * np.timedelta64(3600, "s")
    np.savez(folder / "predictions.npz", outputs=np.arange(4.0)[:, None, None], targets=np.ones((4, 1, 1)), times=times)
    return folder


@pytest.mark.parametrize("task", ["text", "series"])
def test_a_page_holds_everything_and_escapes_what_it_shows(tmp_path, task):
    page = write_report(write_run(tmp_path, task)).read_text()
    assert page.index("Beats") < page.index("Test set")
    assert "<script>" not in page
    assert "<img>" not in page
    assert "naive &lt;b&gt;" in page
    assert "1,234" in page
    assert page.count("<svg") == 3
    assert ("&lt;pos&gt;" in page) == (task == "text")
    assert not list(tmp_path.glob("*.partial"))
    assert find_flaws(page) == []


@pytest.mark.parametrize(
    ("low", "high", "tone"),
    [(0.02, 0.09, 'class="verdict good"'), (-0.09, -0.02, "verdict bad"), (-0.02, 0.02, 'class="verdict "')],
)
def test_the_headline_is_red_only_where_a_baseline_is_clearly_better(tmp_path, low, high, tone):
    found = {"name": "naive", "improvement": (low + high) / 2, "low": low, "high": high}
    assert tone in write_report(write_run(tmp_path, "text", comparisons=[found])).read_text()


def test_intervals_that_cover_too_little_are_warned_of_in_the_headline(tmp_path):
    def show(low: float, high: float) -> str:
        coverage = {"value": (low + high) / 2, "low": low, "high": high}
        before = {"coverage": coverage, "width": 1.0}
        found = {"nominal": 0.8, "coverage": coverage, "width": 1.0, "before_calibration": before, "leads": []}
        page = write_report(write_run(tmp_path, "series", intervals=found)).read_text()
        return re.search("<h1.*?</h1>", page).group()

    assert show(0.4, 0.5).endswith(
        ' <span class="bad">The 80\u00a0% intervals covered only 45\u00a0%: do not rely on them.</span></h1>'
    )
    assert "intervals" not in show(0.75, 0.85)


@pytest.mark.parametrize("step", ["M", "h", "m"])
def test_rows_of_any_spacing_have_a_picture_of_their_last_stretch(tmp_path, step):
    write_run(tmp_path, "series")
    times = (np.datetime64("2014-01", step) + 2 * np.arange(400)).astype("datetime64[s]")
    values = np.arange(400.0)[:, None, None]
    np.savez(tmp_path / "predictions.npz", outputs=values, targets=values + 1, times=times)
    page = write_report(tmp_path).read_text()
    assert "The last 240 test rows." in page
    assert f"<desc>240 rows from {times[160]} to {times[-1]}.</desc>" in page


def write_windows(folder: Path, count: int, ahead: list[int], hole: int = -1) -> Path:
    """A run whose test targets are row numbers, month by month; a window is missing before number `hole`."""
    write_run(folder, "series")
    rows = np.arange(count) + (np.arange(count) >= hole if hole >= 0 else 0)
    targets = (rows[:, None] + np.array(ahead)).astype(np.float64)[..., None]
    times = (np.datetime64("2014-01", "M") + rows).astype("datetime64[s]")
    bounds = {"low": targets - 2, "high": targets + 2}
    np.savez(
        folder / "predictions.npz", outputs=targets + 1, targets=targets, times=times, ahead=np.array(ahead), **bounds
    )
    return folder


def find_lines(page: str, colour: str) -> list[int]:
    """How many points each stroke of the lines in that colour has, in the picture of forecasts."""
    picture = page[page.index("<title>Forecast and truth") :]
    paths = re.findall(r'<path d="([^"]*)"[^>]*fill: none[^>]*' + colour, picture[: picture.index("</svg>")])
    strokes = [stroke for path in paths for stroke in path.split("M")[1:]]
    return [1 + stroke.count("L") for stroke in strokes if "L" in stroke]


@pytest.mark.parametrize(
    ("count", "ahead", "forecasts", "truth"),
    [
        (40, [0, 1, 2, 3, 4, 5], [6, 6, 6], 23),  # to the end, one after another, and as much before them
        (40, [0, 3, 11], [3, 3, 3], 40),
        (9, [0, 1, 2, 3, 4, 5], [6], 9),
        (4, [0, 1, 2, 3, 4, 5], [6], 6),  # later than any first target
        (40, [0], [40], 40),
    ],
)
def test_several_leads_are_shown_as_forecasts_from_a_few_rows(tmp_path, count, ahead, forecasts, truth):
    page = write_report(write_windows(tmp_path, count, ahead)).read_text()
    assert find_lines(page, plots.VALIDATION)[: len(forecasts)] == forecasts
    assert find_lines(page, plots.TRAINING)[0] == truth
    rows = "3 rows" if len(forecasts) > 1 else "1 row"
    wanted = f"Forecasts of every lead from {rows} of the test set." if len(ahead) > 1 else "The last 40 test rows."
    assert wanted in page


def test_forecasts_across_a_gap_are_left_out(tmp_path):
    page = write_report(write_windows(tmp_path, 40, [0, 1, 2, 3, 4, 5], hole=31)).read_text()
    assert "Forecasts of every lead from 2 rows of the test set." in page


def test_the_surest_mistakes_are_quoted_while_their_file_is_there(tmp_path):
    words = [{"start": 0, "end": 3, "effect": 1.5}, {"start": 4, "end": 10, "effect": -0.1}]
    shared = {"row": 1234, "because": "Mostly because of \u201cnot\u201d.", "probability": 0.9999}
    of_text = shared | {"actual": "neg", "predicted": "<b>", "class": "<b>", "text": "not <i>odd", "words": words}
    of_label = shared | {"actual": "a|b", "predicted": "a", "class": "b", "probability": 0.01}
    write_run(tmp_path, "text")
    kept = tmp_path / "mistakes.json"
    kept.write_text(json.dumps({"total": 1500, "surest": [of_text, of_label]}))
    page = write_report(tmp_path).read_text()
    assert "The 2 surest of 1,500 mistakes" in page
    assert "No. 1,234 of the test set: actual neg, predicted <strong>&lt;b&gt;</strong> (&gt; 99.9 %)." in page
    assert "actual a|b, predicted a; <strong>b</strong> (1.0 %)." in page
    assert '<mark class="raises" style="--strength: 55%" title="+1.50">not</mark> &lt;i&gt;odd' in page
    assert find_flaws(page) == []
    kept.unlink()
    page = write_report(tmp_path).read_text()
    assert "mistakes" not in page
    assert "odd" not in page
    kept.write_text("{}")
    with pytest.raises(
        BundleError, match=r"mistakes\.json: must be as seqconv writes it; \.total is missing\. Delete it"
    ):
        write_report(tmp_path)


def test_a_run_without_baselines_has_no_comparison(tmp_path):
    page = write_report(write_run(tmp_path, "text", baselines=[], comparisons=[], beats_baselines=None)).read_text()
    assert "Compared with the baselines" not in page


def rewrite(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def save(folder: Path, **changes: np.ndarray | None) -> None:
    """Other arrays in `predictions.npz`; None: without that one."""
    with np.load(folder / "predictions.npz") as stored:
        arrays = {**stored, **changes}
    np.savez(folder / "predictions.npz", **{name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "metrics.json").unlink(), "holds no metrics.json"),
        (lambda f: (f / "history.csv").unlink(), "holds no history.csv"),
        (
            lambda f: rewrite(f, "history.csv", ",loss", ",lose"),
            "history.csv: must be as seqconv writes it; must have the",
        ),
        (
            lambda f: rewrite(f, "history.csv", "\n1,", "\n3,"),
            "history.csv: must be as seqconv writes it; must have the",
        ),
        (lambda f: rewrite(f, "history.csv", "\n1,", "\n1,1,"), "history.csv: must be as seqconv writes it; must have"),
        (lambda f: rewrite(f, "history.csv", "\n1,", "\n1,?"), "history.csv: must be as seqconv writes it; could not"),
        (lambda f: (f / "history.csv").write_bytes(b"\xff\0"), "history.csv: must be as seqconv writes it; 'utf-8'"),
        (
            lambda f: save(f, ahead=np.array([1])),
            "predictions.npz: must be as seqconv writes it; ahead must rise",
        ),
        (lambda f: save(f, ahead=np.zeros(2, int)), "ahead must be of the shape [1]; got int64 [2]"),
        (lambda f: save(f, outputs=None), "predictions.npz: must be as seqconv writes it; outputs is missing"),
        (
            lambda f: save(f, targets=np.zeros(3)),
            "predictions.npz: must be as seqconv writes it; targets must be of the",
        ),
        (lambda f: save(f, low=np.zeros(3)), "predictions.npz: must be as seqconv writes it; high is missing"),
        (lambda f: save(f, times=None), "predictions.npz: must be as seqconv writes it; times is missing"),
        (lambda f: save(f, outputs=np.array(["x"])), "predictions.npz: must be as seqconv writes it; outputs must be"),
        (lambda f: save(f, outputs=np.array([None])), "predictions.npz: must be as seqconv writes it; Object arrays"),
        (lambda f: (f / "metrics.json").write_text("{"), "metrics.json: must be as seqconv writes it"),
        (lambda f: (f / "metrics.json").write_text("{}"), "metrics.json: must be as seqconv writes it"),
        (
            lambda f: (f / "predictions.npz").write_bytes(b"PK"),
            "predictions.npz: must be as seqconv writes it; File is not a zip file",
        ),
    ],
)
def test_a_folder_that_is_no_whole_run_is_refused(tmp_path, damage, says):
    damage(write_run(tmp_path, "series"))
    with pytest.raises(BundleError) as caught:
        write_report(tmp_path)
    assert says in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def test_pictures_follow_the_page_and_are_the_same_bytes_again():
    def draw():
        return plots.draw_history([1, 2, 3], [3.0, 2.0, 1.0], [3.0, 2.5, 2.7], "loss", 2)

    svg = draw()
    ElementTree.fromstring(svg)
    assert "currentColor" in svg
    assert plots.INK not in svg
    assert svg == draw()


def test_a_gap_in_time_stays_a_gap_in_the_picture():
    times = np.datetime64("2014-01-01T00:00:00") + np.array([0, 1, 2, 50, 51]) * np.timedelta64(3600, "s")
    whole = plots.draw_forecast(times[:3], np.arange(3.0), [plots.Path(times[:3], np.arange(3.0))], "T")
    holed = plots.draw_forecast(times, np.arange(5.0), [plots.Path(times, np.arange(5.0))], "T")
    for svg, strokes in ((whole, 1), (holed, 2)):
        path = next(line for line in svg.split("<path") if plots.TRAINING in line and 'd="' in line)
        assert path.split('d="')[1].split('"')[0].count("M") == strokes


@pytest.mark.parametrize(
    ("values", "signs_wanted"),
    [(np.zeros((2, 3)), []), (np.array([[1.0, -2.0, 0.1], [0, 0, 2.0]]), ["+", "+", "\u2212"])],
)
def test_a_heat_map_has_signs_where_it_is_strong_and_follows_the_page(values, signs_wanted):
    def draw():
        return plots.draw_heat(["a <b>", "気温 $x$"], ["0", "1", "2", "3"], values, "adds")

    svg = draw()
    ElementTree.fromstring(svg)
    assert plots.INK not in svg
    assert "a &lt;b&gt;" in svg
    assert "気温 $x$" in svg
    assert svg == draw()
    signs = re.findall(">([+\u2212])</text>", svg)
    assert sorted(signs) == signs_wanted


def test_a_window_is_drawn_with_its_strongest_inputs_the_forecast_column_first():
    steps = np.datetime64("2020-01-01T00", "h") + np.arange(6)
    values = np.arange(36.0).reshape(6, 6)
    values[2, 0] = np.nan
    curves = Curves(steps, values, np.array([0, 3, 6]), steps[-1] + np.arange(1, 4), np.ones((3, 3)), target=5)
    cells = np.outer([1, -2, 3, -4, 5, 0.5, 9], [1.0, 0.0])
    names = ("a", "b", "$c$", "d <x>", "e", "f", "time of day")
    spans = (("1", "3"), ("4", "6"))
    one = GridExplanation("f, 1 h ahead", 1.0, {}, names, spans, cells, cells.sum(axis=1), {}, curves, (0.5, 1.5))
    svg = plots.draw_window(one)
    ElementTree.fromstring(svg)
    assert plots.INK not in svg
    assert "<desc>f, e, d &lt;x&gt;, $c$; the tables" in svg
    assert svg == plots.draw_window(one)
    for label in ("interval", "forecast", "explained"):
        assert f">{label}</text>" in svg
    legend, title = (float(re.search(rf'y="([\d.]+)"[^>]*>{text}</text>', svg)[1]) for text in ("interval", "f"))
    assert legend == pytest.approx(title, abs=2)  # above the curves, where the title is
    assert svg.startswith('<div class="wide newest"')


def test_losses_near_the_largest_number_are_drawn_without_a_warning():
    assert "<svg" in plots.draw_history([1, 2, 3], [5e307, 1.0, -5e307], [5e307, 2.0, 1.0], "loss", 3)
