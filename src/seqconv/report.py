"""One self-contained HTML page for a run folder: the verdict first, then how it came about."""

import csv
import json
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from seqconv import plots
from seqconv.bundle import RESULTS
from seqconv.errors import BundleError
from seqconv.evaluation import interval_rows, say_intervals
from seqconv.page import build_lead, build_page, draw_facts, draw_table, show_number, write_page

STRETCH = 14 * 86400  # seconds of the test set that the forecast picture shows


def write_report(run: str | Path) -> Path:
    """Write `report.html` of a run folder from what the folder holds, and give its path.

    Raises:
        BundleError: not a run folder, or its files are damaged.
    """
    folder = Path(run)
    try:
        results = json.loads((folder / RESULTS).read_text("utf-8"))
        history = _read_history(folder) if results["epochs"] else []
        with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
            predictions = dict(stored)
        page = _page(results, history, predictions)
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: must be a run folder; it holds no {Path(error.filename).name}") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BundleError(f"{folder}: must be a run folder as seqconv writes it; {error!r}. Train again") from error
    path = folder / "report.html"
    write_page(path, page)
    return path


def _read_history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def _page(results: dict[str, Any], history: list[dict[str, float]], predictions: dict[str, np.ndarray]) -> str:
    tone = {True: "good", False: "bad"}.get(results["beats_baselines"], "")
    sections = [
        ("Test set", _scores(results)),
        ("Beside the baselines", _comparison(results)),
        ("Intervals", _intervals(results)),
        ("Training", _training(results, history)),
        ("Where it errs", _forecast(results, predictions) if results["task"] == "series" else _confusion(results)),
        ("Network", _network(results)),
        ("Data", draw_facts(results["facts"])),
        ("Settings", draw_facts(results["settings"])),
        ("Seconds", draw_facts({name: f"{value:.2f} s" for name, value in results["seconds"].items()})),
        ("Versions", draw_facts(results["versions"])),
    ]
    lead = build_lead(results["recipe"], results["verdict"], results["description"], tone)
    return build_page(f"{results['recipe']}: {results['verdict']}", lead, sections)


def _scores(results: dict[str, Any]) -> str:
    names = [name for name in results["test"] if name != "n"]
    head = ["", *(f"{part} {name}" for name in names for part in ("validation", "test")), "seconds"]
    model = {"name": results.get("model", "network"), "validation": results["validation"], "test": results["test"]}
    rows = []
    for row in [*results["baselines"], model | {"seconds": results["seconds"]["train"]}]:
        scores = [show_number(row[part][name]) for name in names for part in ("validation", "test")]
        rows.append([row["name"], *scores, f"{row['seconds']:.1f}"])
    unit = ""
    if results["task"] == "series":
        first, *others = results["targets"]
        unit = f" The unit of mae is that of {first}."
        if others:
            unit = f" mae: the mean over {1 + len(others)} columns, each in its unit; scaled: in standard deviations."
    examples = f"{results['validation']['n']:,} validation and {results['test']['n']:,} test examples."
    refit = " After validation trained again on training and validation rows for the test." if results["refit"] else ""
    return f'<p class="soft">{escape(examples + unit + refit)}</p>' + draw_table(head, rows, own=len(rows) - 1)


def _comparison(results: dict[str, Any]) -> str:
    found = results["comparisons"]
    if not found:
        return ""
    # a missing end of an interval is one that the rows cannot tell
    ends = [[np.nan if one[key] is None else one[key] for key in ("improvement", "low", "high")] for one in found]
    bounds = [(value, low, high) for value, low, high in ends]
    names = [one["name"] for one in found]
    error = "mean absolute error" if results["task"] == "series" else "error rate"
    note = f"By how much the {error} is smaller: paired differences on the same test rows, "
    note += "bootstrap intervals" + (" in blocks of neighbouring rows." if results["task"] == "series" else ".")
    offer = results.get("offer")
    said = f"<p>{escape(offer['says'])}</p>" if offer else ""
    return plots.draw_comparison(names, bounds) + f'<p class="soft">{note}</p>{said}'


def _training(results: dict[str, Any], history: list[dict[str, float]]) -> str:
    if not history:
        return ""
    epochs = [int(row["epoch"]) for row in history]
    metric = results["metric"]
    names = ["loss"] if results["settings"]["training"]["loss"] == metric else ["loss", metric]
    drawn = "".join(
        plots.draw_history(
            epochs,
            [row[name] for row in history],
            [row[f"validation_{name}"] for row in history],
            name,
            results["best_epoch"],
        )
        for name in names
    )
    best = f"Best epoch {results['best_epoch']} of {results['epochs']}: its weights were kept."
    if not results["best_epoch"]:
        best = f"None of {results['epochs']} epochs was better on the validation rows than the start, which was kept."
    return f'<div class="pair">{drawn}</div><p class="soft">{best}</p>'


def _confusion(results: dict[str, Any]) -> str:
    if "confusion" not in results:
        return ""
    classes = results["classes"]
    rows = [
        [f"is {name}", *(f"{count:,}" for count in counts)]
        for name, counts in zip(classes, results["confusion"], strict=True)
    ]
    return draw_table(["test examples", *(f"said {name}" for name in classes)], rows)


def _forecast(results: dict[str, Any], predictions: dict[str, np.ndarray]) -> str:
    times = predictions["times"]
    drawn = {name: values[:, 0, 0] for name, values in predictions.items() if name != "times"}
    middle = times[len(times) // 2]
    chosen = (times >= middle) & (times < middle + np.timedelta64(STRETCH, "s"))
    truth, forecast, *ends = (drawn[name][chosen] for name in ("targets", "outputs", "low", "high") if name in drawn)
    band = (ends[0], ends[1]) if ends else None
    picture = plots.draw_forecast(times[chosen], truth, forecast, results["targets"][0], band)
    first = " The first target at the first lead." if predictions["targets"][0].size > 1 else ""
    held = f" The band: {100 * results['intervals']['share']:g} % intervals." if band else ""
    return f'{picture}<p class="soft">Two weeks from the middle of the test set.{first}{held}</p>'


def _intervals(results: dict[str, Any]) -> str:
    if "intervals" not in results:
        return ""
    found = results["intervals"]
    fit = " of the first fit" if results["refit"] else ""
    note = f"Their margins come from the validation rows{fit}; what they hold of later rows is measured, not promised."
    leads = draw_table(*interval_rows(found)) if len(found["leads"]) > 1 else ""
    return f'<p>{escape(say_intervals(found))}</p>{leads}<p class="soft">{note}</p>'


def _network(results: dict[str, Any]) -> str:
    if not results["network"]:
        return ""
    rows = []
    for layer in results["network"]:
        field = "all" if layer["receptive_field"] is None else f"{layer['receptive_field']:,}"
        shape = ", ".join(map(str, layer["shape"]))
        rows.append([layer["name"], shape, f"{layer['parameters']:,}", field, f"{layer['multiply_adds']:,}"])
    cost = sum(layer["multiply_adds"] for layer in results["network"])
    rows.append(["all", "", f"{results['parameters']:,}", "", f"{cost:,}"])
    return draw_table(["layer", "output", "parameters", "receptive field", "multiply-adds"], rows)
