"""The page and the table rows of a comparison of runs."""

from typing import Any

from seqconv.reports import plots
from seqconv.reports.page import NAMES, _bounds, _note, build_lead, build_page, draw_table, show_estimate

# Comparison


def build_comparison_page(results: dict[str, Any]) -> str:
    """Of what `comparisons.compare_runs` gives."""
    headline = say_comparison(results)
    lead = build_lead("Comparison", headline, explain_comparison(results))
    others = results["runs"][1:]
    bounds = [_bounds(run["improvement"]) for run in others]
    picture = plots.draw_comparison([run["run"] for run in others], bounds, results["against"])
    note = f"By how much the test {NAMES[results['metrics'][0]]} is smaller than that of {results['against']}."
    sections = [
        ("Test scores", "".join(draw_table(*comparison_rows(results, name)) for name in results["metrics"])),
        (f"Beside {results['against']}", picture + _note(note)),
        ("Runs", draw_table(*cost_rows(results))),
    ]
    return build_page(f"Comparison: {headline}", lead, sections)


def say_comparison(results: dict[str, Any]) -> str:
    """One sentence: which runs are clearly better or worse than the first; no claim where an interval covers zero."""
    metric, parts = results["metrics"][0], []
    for run in results["runs"][1:]:
        low, high = (run["differences"][metric][end] for end in ("low", "high"))
        unclear = low is None or low <= 0 <= high
        parts.append(f"{run['run']} {'no clear difference' if unclear else 'better' if high < 0 else 'worse'}")
    return f"Against {results['against']}: {', '.join(parts)}"


def explain_comparison(results: dict[str, Any]) -> str:
    """What was compared and how, in plain words."""
    kind = "examples" if results["task"] != "series" else "windows"
    blocks = f", in {results['block']['blocks']:,} blocks of neighbours" if results["task"] == "series" else ""
    left = max(run["n"] for run in results["runs"]) - results["n"]
    rest = f" Windows that not every run has are left out, at most {left:,} of a run." if left else ""
    return f"{results['n']:,} test {kind}, the same of every run; paired bootstrap intervals{blocks}.{rest}"


def comparison_rows(results: dict[str, Any], name: str) -> tuple[list[str], list[list[str]]]:
    """Head and rows: one score of each run, and its difference to the first."""
    rows = []
    for run in results["runs"]:
        difference = show_estimate(run["differences"][name]) if "differences" in run else ["", ""]
        rows.append([run["run"], *show_estimate(run["metrics"][name]), *difference])
    return [NAMES[name], "test", "95 % interval", "difference", "95 % interval"], rows


def cost_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: what each run is and took."""
    rows = [
        [run["run"], run["recipe"], f"{run['parameters']:,}", f"{run['seconds']:.1f}", f"{run['n']:,}"]
        for run in results["runs"]
    ]
    return ["run", "recipe", "parameters", "seconds of training", "test rows of its own"], rows
