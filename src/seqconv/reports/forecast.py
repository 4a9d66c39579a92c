"""The page of a forecast: the series and what comes next, how good such forecasts were, and what was inferred."""

from dataclasses import dataclass
from html import escape
from importlib.resources import files

import numpy as np

from seqconv.reports import plots
from seqconv.reports.page import build_lead, build_page, draw_facts, draw_note, draw_settings, draw_table
from seqconv.reports.tables import leaderboard_rows, show_number
from seqconv.tasks.results import RunResults

TICKS = 6
SCRIPT = files(__package__).joinpath("search.js").read_text("utf-8")


@dataclass(frozen=True)
class ShownSeries:
    """A series to draw.

    Args:
        name: of the series; target: of what is forecast.
        history: the newest rows `[L]`.
        quantiles: of the rows after them `[H, levels]`.
        times: of all these rows, as text.
        why: it is shown, such as `the largest`; empty: all are.
        mase: of its test forecasts; NaN: none.
    """

    name: str
    target: str
    history: np.ndarray
    quantiles: np.ndarray
    times: list[str]
    why: str = ""
    mase: float = float("nan")


@dataclass(frozen=True)
class Lookup:
    """Series that can be looked up in the page.

    Args:
        data: as `search.js` reads them, JSON.
        number: how many there are; the largest, if not all.
        table: file that has all.
    """

    data: str
    number: int
    table: str


def build_forecast_page(results: RunResults, shown: list[ShownSeries], lookup: Lookup | None = None) -> str:
    """The page of a forecast.

    Args:
        results: how the model was judged.
        shown: the series to draw.
        lookup: where more are forecast than are drawn.
    """
    number = results.facts.get("series", len(shown))
    what = f"{results.targets[0] if results.targets else 'target'}: {results.facts['horizon']} ahead"
    what += f" for {number:,} series" if number > 1 else ""
    table, own = leaderboard_rows(results)
    facts = {name: value for name, value in results.facts.items() if name not in ("splits", "notes")}
    sections = [
        ("Forecast", _draw_all(shown) + draw_note("Bands: 20, 40, 60 and 80 % intervals.")),
        ("Look up a series", _draw_search(lookup, number) if lookup else ""),
        (
            "How good such forecasts were",
            draw_table(*table, "Models, the best on the test rows first", own=own),
        ),
        ("Data", draw_facts(facts | {"notes": results.facts.get("notes", [])})),
        ("Settings", draw_settings(results.settings)),
    ]
    lead = build_lead(results.recipe, what, results.verdict)
    return build_page(f"{results.recipe}: forecast", lead, sections)


def _draw_all(shown: list[ShownSeries]) -> str:
    pieces, above = [], ""
    for each in shown:
        if each.why != above:
            pieces.append(f"<h3>{escape(each.why.capitalize())}</h3>")
            above = each.why
        pieces.append(_draw(each))
    return "".join(pieces)


def _draw(each: ShownSeries) -> str:
    places = np.unique(np.linspace(0, len(each.times) - 1, TICKS).round().astype(int))
    ticks = [int(place) - len(each.history) for place in places], [shorten_times(each.times)[place] for place in places]
    tested = f" (MASE {show_number(each.mase)} on the test rows)" if np.isfinite(each.mase) else ""
    return plots.draw_fan(each.history, each.quantiles, None, ticks, (f"{each.name}{tested}", each.target))


def shorten_times(times: list[str]) -> list[str]:
    """Months instead of their first days; years instead of the first days of January.

    >>> shorten_times(["2024-01-01", "2024-02-01"]), shorten_times(["2024-01-01", "2024-01-02"])[:1]
    (['2024-01', '2024-02'], ['2024-01-01'])
    """
    for end in ("-01-01", "-01"):
        if all(len(each) == len("2024-01-01") and each.endswith(end) for each in times):
            return [each.removesuffix(end) for each in times]
    return times


def _draw_search(lookup: Lookup, number: int) -> str:
    """A box to type a name in, and the data; the page draws what is found."""
    all_ = lookup.number == number
    which = "All series are" if all_ else f"The {lookup.number:,} largest of {number:,} series are"
    rest = "" if all_ else f" {lookup.table} has all."
    data = lookup.data.replace("<", "\\u003c")  # no name can end the script
    return (
        '<label for="asked">Name of a series, or a part of it</label>\n<input id="asked" type="search" '
        'autocomplete="off">\n<p id="found" role="status"></p>\n<div id="chart"></div>\n'
        f"{draw_note(f'{which} in this page.{rest}')}\n"
        f'<script id="series" type="application/json">{data}</script>\n<script>{SCRIPT}</script>'
    )
