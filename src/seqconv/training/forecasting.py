"""From a table to its forecasts: train, judge, fit to all rows, forecast, and write both and a page."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from seqconv.data.readers.tables import create_table, write_table
from seqconv.data.records import Panel
from seqconv.errors import OptionError
from seqconv.models.predictor import Predictor, load
from seqconv.reports.forecast import ShownSeries, build_forecast_page
from seqconv.reports.page import write_page
from seqconv.tasks.guessing import SuggestedRecipe
from seqconv.tasks.panel.answers import forecast_panel, list_forecasts, show_forecasts
from seqconv.tasks.panel.task import PANEL
from seqconv.training.folder import Options, Run
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
    if suggested.recipe.task != PANEL.name:
        raise OptionError(f"forecast needs a table of series; got data for {suggested.recipe.task}. Use train")
    run = train(suggested.recipe, options, listener, suggested.data, suggested.notes)
    predictor = load(run.folder, threads=options.threads)
    data = suggested.data or PANEL.load(predictor.bundle.recipe.data, None)
    panel = data.train
    quantiles = forecast_panel(predictor, panel, partial((listener or Listener()).advance, "forecasting"))
    columns = list_forecasts(predictor.bundle, panel, quantiles)
    table = out or run.folder / TABLE
    write_table(create_table(columns), table)
    page = run.folder / PAGE
    write_page(page, _build_page(run, predictor, panel, quantiles))
    return ForecastRun(run, table, page, len(quantiles) * quantiles.shape[1])


def _build_page(run: Run, predictor: Predictor, panel: Panel, quantiles: np.ndarray) -> str:
    shown = [ShownSeries(*each) for each in show_forecasts(predictor.bundle, panel, quantiles)]
    return build_forecast_page(run.results, shown)
