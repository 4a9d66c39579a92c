"""Settings of a forecasting recipe inferred from the panel."""

from seqconv.data.frequency import DAY_S, Frequency
from seqconv.data.records import Panel, PanelData
from seqconv.recipes.recipe import Guesses, PanelRecipe

USUAL = {"y": 3, "q": 8, "mo": 12, "w": 13, "bd": 10, "d": 28}  # rows to forecast, by the unit of a row
MOST = 5  # a horizon takes at most one row in so many of a usual series


def guess_panel(recipe: PanelRecipe, data: PanelData, given: set[str]) -> Guesses:
    """The horizon, from the frequency and the lengths of the series; and the settings by which the table was read."""
    panel = data.train
    rows = choose_horizon(panel)
    note = f"horizon: {rows:,} rows, each {panel.frequency.span}; --horizon sets another"
    return {"forecast.horizon": (str(rows), note)}


def choose_horizon(panel: Panel) -> int:
    """A usual horizon for the frequency, shorter if the series are."""
    lengths = sorted(int(each) for each in panel.lengths)
    return max(min(usual_horizon(panel.frequency), lengths[len(lengths) // 2] // MOST), 1)


def usual_horizon(frequency: Frequency) -> int:
    """Twelve months, four weeks of days, a day of hours: what people ask for first."""
    if frequency.unit == "s" and frequency.size < DAY_S:
        return max(DAY_S // frequency.size, 1) if frequency.size >= 60 else 60
    code = frequency.code.lstrip("0123456789.")
    return USUAL.get(code, 10)
