"""The page and the table rows of a backtest."""

from typing import Any

from seqconv.reports import plots
from seqconv.reports.page import (
    NAMES,
    _bounds,
    _note,
    _pair,
    _show,
    build_lead,
    build_page,
    draw_facts,
    draw_table,
    show_estimate,
)

# Backtest


def build_backtest_page(results: dict[str, Any]) -> str:
    """Of what `backtests.backtest` writes."""
    tone = {True: "good", False: "bad"}.get(results["beats_baselines"], "")
    below = f"{results['recipe']}: {len(results['folds'])} folds, {results['n']:,} test examples in all."
    lead = build_lead("Backtest", results["verdict"], below, tone)
    places = [str(fold["fold"]) for fold in results["folds"]]
    metric = NAMES[results["metric"]]
    lines = {row["name"]: row["by_fold"] for row in (results["network"], *results["baselines"])}
    note = explain_folds(results)
    sections = [
        (f"All folds: {metric}", draw_table(*backtest_rows(results), own=0) + _note(note)),
        ("Beside the baselines", _comparisons(results)),
        (
            "Each fold",
            _pair(plots.draw_lines(places, lines, "fold", metric, from_zero=results["task"] == "series"))
            + draw_table(*fold_rows(results)),
        ),
        ("Settings", draw_facts(results["settings"])),
        ("Versions", draw_facts(results["versions"])),
    ]
    return build_page(f"{results['recipe']}, backtest: {results['verdict']}", lead, sections)


def backtest_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: network and baselines over all folds."""
    rows = [
        [row["name"], *show_estimate(row), f"{row['fold_mean']:.4f} ± {row['fold_std']:.4f}"]
        for row in (results["network"], *results["baselines"])
    ]
    return ["", NAMES[results["metric"]], "95 % interval", "mean of folds"], rows


def fold_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: each fold, what it was made of and its scores."""
    scored = (results["network"], *results["baselines"])
    rows = [
        [str(fold["fold"]), f"{fold['train_rows']:,}", _tested(fold), *(_show(row["by_fold"][place]) for row in scored)]
        for place, fold in enumerate(results["folds"])
    ]
    return ["fold", "trained on", "tested on", *(row["name"] for row in scored)], rows


def _tested(fold: dict[str, Any]) -> str:
    return f"{fold['from'][:10]} to {fold['to'][:10]}" if "from" in fold else f"{fold['test_rows']:,}"


def explain_folds(results: dict[str, Any]) -> str:
    """How a backtest was done, in plain words."""
    if results["task"] != "series":
        return "Stratified folds, each tested once by a network and baselines fitted on the others."
    kept = "all rows before" if results["window"] == "growing" else "as many rows before as the first fold"
    unit = f" The unit is that of {', '.join(results['targets'])}."
    return f"Rolling origin: each stretch is forecast by a network and baselines fitted on {kept}.{unit}"


def _comparisons(results: dict[str, Any]) -> str:
    found = results["comparisons"]
    bounds = [_bounds({key: one[key] for key in ("improvement", "low", "high")}) for one in found]
    return plots.draw_comparison([one["name"] for one in found], bounds) if found else ""
