"""One self-contained HTML page for a run folder: the verdict first, then how it came about."""

from html import escape
from typing import Any

import numpy as np

from seqconv.reports import plots
from seqconv.reports.classes import _confusion
from seqconv.reports.forecasts import _forecast, _intervals
from seqconv.reports.page import build_lead, build_page, draw_facts, draw_table, show_number


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
