"""The page of a forecast: the series and what comes next, how good such forecasts were, and what was inferred."""

from dataclasses import dataclass

import numpy as np

from seqconv.reports import plots
from seqconv.reports.page import build_lead, build_page, draw_facts, draw_note, draw_settings, draw_table
from seqconv.reports.tables import leaderboard_rows
from seqconv.tasks.results import RunResults

TICKS = 8


@dataclass(frozen=True)
class ShownSeries:
    """A series to draw.

    Args:
        name: of the series; target: of what is forecast.
        history: the newest rows `[L]`.
        quantiles: of the rows after them `[H, levels]`.
        times: of all these rows, as text.
    """

    name: str
    target: str
    history: np.ndarray
    quantiles: np.ndarray
    times: list[str]


def build_forecast_page(results: RunResults, shown: list[ShownSeries]) -> str:
    """The page of a forecast.

    Args:
        results: how the model was judged.
        shown: the series to draw.
    """
    horizon = len(shown[0].quantiles) if shown else 0
    number = results.facts.get("series", len(shown))
    what = f"{results.targets[0] if results.targets else 'target'}: {horizon:,} rows ahead"
    what += f" for {number:,} series" if number > 1 else ""
    pictures = "".join(_draw(each) for each in shown)
    note = "Bands: 20, 40, 60 and 80 % intervals."
    note += f" The {len(shown)} largest of {number:,} series; the table has them all." if number > len(shown) else ""
    table, own = leaderboard_rows(results)
    facts = {name: value for name, value in results.facts.items() if name not in ("splits", "notes")}
    sections = [
        ("Forecast", pictures + draw_note(note)),
        (
            "How good such forecasts were",
            draw_table(*table, "Models, the best on the test rows first", own=own) + draw_note(results.verdict),
        ),
        ("Data", draw_facts(facts | {"notes": results.facts.get("notes", [])})),
        ("Settings", draw_settings(results.settings)),
    ]
    lead = build_lead(results.recipe, what, results.verdict)
    return build_page(f"{results.recipe}: forecast", lead, sections)


def _draw(each: ShownSeries) -> str:
    places = np.unique(np.linspace(0, len(each.times) - 1, TICKS).round().astype(int))
    ticks = [int(place) - len(each.history) for place in places], [each.times[place] for place in places]
    return plots.draw_fan(each.history, each.quantiles, None, ticks, (each.name, each.target))
