"""From a table to its forecasts: train, judge, fit to all rows, forecast, and write both and a page."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from seqconv.data.readers.tables import create_table, write_table
from seqconv.data.records import Panel
from seqconv.errors import OptionError
from seqconv.models.predictor import Predictor, load
from seqconv.recipes.sections import KINDS
from seqconv.reports.forecast import Lookup, ShownSeries, build_forecast_page
from seqconv.reports.page import write_page
from seqconv.tasks.guessing import SuggestedRecipe
from seqconv.tasks.panel.answers import check_values, describe_unknown, forecast_panel, list_forecasts, spell
from seqconv.tasks.panel.showing import list_lookups, show_forecasts
from seqconv.tasks.panel.task import PANEL
from seqconv.training.finished import Run
from seqconv.training.folder import EXAMPLES, Options
from seqconv.training.loop import Listener
from seqconv.training.run import train

TABLE, PAGE = "forecast.csv", "forecast.html"


@dataclass(frozen=True)
class ForecastRun:
    """What `forecast` leaves.

    Args:
        run: the model and how it was judged.
        table, page: where the forecasts are.
        rows: of the table.
    """

    run: Run
    table: Path
    page: Path
    rows: int


def forecast(
    suggested: SuggestedRecipe, options: Options, listener: Listener | None = None, out: Path | None = None
) -> ForecastRun:
    """Train a model on a table, fit it to all rows, and forecast the rows after the newest of each series.

    Args:
        suggested: a recipe for panels, with its data.
        out: the table to write; None: `forecast.csv` in the run folder.

    Raises:
        SeqconvError: see `train`; the data are not series to forecast.
    """
    if "forecast" not in KINDS[suggested.recipe.task].sections:
        raise OptionError(f"forecast needs a table of series; got data for {suggested.recipe.task}. Use train")
    data = suggested.data or PANEL.load(suggested.recipe.data, None)
    panel = data.train
    check_values(panel)
    run = train(suggested.recipe, options, listener, data, suggested.notes)
    predictor = load(run.folder, threads=options.threads)
    for note in describe_unknown(predictor.bundle, panel):
        (listener or Listener()).say(f"data: {note}")
    quantiles = forecast_panel(predictor, panel, partial((listener or Listener()).advance, "forecasting"))
    columns = list_forecasts(predictor.bundle, panel, quantiles)
    table = out or run.folder / TABLE
    write_table(create_table(spell(columns)), table)
    page = run.folder / PAGE
    write_page(page, _build_page(run, predictor, panel, quantiles, table))
    return ForecastRun(run, table, page, len(quantiles) * quantiles.shape[1])


def _build_page(run: Run, predictor: Predictor, panel: Panel, quantiles: np.ndarray, table: Path) -> str:
    found = show_forecasts(predictor.bundle, panel, quantiles, _read_mase(run, len(panel)))
    lookup = None
    if len(found) < len(panel):
        lookup = Lookup(*list_lookups(predictor.bundle, panel, quantiles), table.name)
    return build_forecast_page(run.results, [ShownSeries(*each) for each in found], lookup)


def _read_mase(run: Run, series: int) -> np.ndarray:
    """MASE of the test forecasts of each series `[S]`, by the model before it was fitted to all rows; NaN: none."""
    with np.load(run.folder / EXAMPLES, allow_pickle=False) as kept:
        sums = np.bincount(kept["series"], kept["mase"], series)
        counts = np.bincount(kept["series"], minlength=series)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
