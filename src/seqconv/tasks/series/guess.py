"""Settings of a forecasting recipe inferred from the series."""

from typing import Any

from seqconv.data.records import Series, SeriesData
from seqconv.errors import OptionError, nearest
from seqconv.networks.keras.reading import KerasNetwork
from seqconv.recipes.durations import parse_duration, to_duration
from seqconv.recipes.recipe import Guesses, SeriesRecipe
from seqconv.recipes.sections import ALL, BLEND
from seqconv.tasks.series.calendar import CALENDAR
from seqconv.tasks.series.defaults import default_series_settings
from seqconv.tasks.series.periods import find_periods, lay_on_grid
from seqconv.tasks.series.split import count_training_rows
from seqconv.tasks.series.windows import suggest_lead

NOTE = "model: blend of a network and the baselines, by their errors on the validation rows; --model NAME fits one"
SHORTEST_WINDOW, PLAIN_WINDOW, LONGEST_WINDOW = 16, 48, 512  # steps
PERIODS_BACK = 2  # lengths of the strongest period in a window
SERIES_PER_WINDOW = 20  # a window is at most one twentieth of the rows


def guess_series(recipe: SeriesRecipe, data: SeriesData, given: set[str]) -> Guesses:
    """Target, step, look-back, horizon, network and training, inferred from the training rows alone.

    Raises:
        OptionError: a target that cannot be inferred.
    """
    series, found = data.train, Guesses()
    rows = count_training_rows(data, recipe.data)
    targets = (recipe.data.inputs or series.columns) if recipe.data.target == ALL else recipe.data.target
    if not targets and len(series.columns) == 1:
        targets = series.columns
        found["data.target"] = (list(targets), f"target: {targets[0]!r}, the only column of numbers")
    if not targets or targets[0] not in series.columns:
        raise OptionError(f"target {_explain_target(series, targets)}")
    step_s = parse_duration(recipe.features.step) if "windows.step" in given else series.interval_s
    found["windows.step"] = (to_duration(step_s), f"step: {to_duration(step_s)}, the sampling interval")
    found["windows.lookback"] = _guess_lookback(series, targets[0], step_s, rows)
    if "windows.delay" not in given:
        season = suggest_lead(step_s)
        further = f"; --lead {season} forecasts further ahead" if season else ""
        found["windows.leads"] = ([to_duration(step_s)], f"lead: {to_duration(step_s)}, one step ahead{further}")
    lookback = recipe.features.lookback if "windows.lookback" in given else found["windows.lookback"][0]
    length = max(parse_duration(lookback) // step_s, 1)
    chosen = default_series_settings(rows, length, len(recipe.data.inputs or series.columns))
    if "network.layers" not in given:
        found["training.model"] = (BLEND, NOTE)
    chosen["data.calendar"] = series.clock != "counted"  # rows that are counted have no place in a day or year
    note = "calendar: time of day, week and year are inputs too; --set data.calendar=false leaves them out"
    return found | {name: (value, note if name == "data.calendar" and value else "") for name, value in chosen.items()}


def _explain_target(series: Series, targets: tuple[str, ...]) -> str:
    if not targets:
        return f"must name a column to forecast. {series.source} has {', '.join(series.columns)[:200]}"
    notes = [note for note in series.notes if note.startswith(f"column {targets[0]!r} ")]
    if notes:
        return f"must be a column of numbers; {series.source}: {notes[0].removesuffix(', left out')}"
    return f"must name a column of {series.source}; got {targets[0]!r}. {nearest(targets[0], series.columns)}"


def _guess_lookback(series: Series, target: str, step_s: int, rows: int) -> tuple[str, str]:
    """Twice the strongest period of the training rows that fits into a window, else a short window.

    Args:
        rows: number of training rows, from the start.
    """
    values = lay_on_grid(series.times[:rows], series.values[:rows, series.columns.index(target)], series.interval_s)
    per_step = max(step_s // series.interval_s, 1)
    longest = max(min(LONGEST_WINDOW, len(series.times) // (SERIES_PER_WINDOW * per_step)), 1)  # steps
    periods = [period.rows for period in find_periods(values)]
    fitting = [-(-rows * PERIODS_BACK // per_step) for rows in periods if rows * PERIODS_BACK <= longest * per_step]
    steps = max(fitting[0] if fitting else PLAIN_WINDOW, SHORTEST_WINDOW)
    lookback = to_duration(min(steps, longest) * step_s)
    if not fitting:
        return lookback, f"lookback: {lookback} (no period of {target!r} fits)"
    period = to_duration(
        next(rows for rows in periods if rows * PERIODS_BACK <= longest * per_step) * series.interval_s
    )
    return lookback, f"lookback: {lookback} (twice the strongest period of {target!r} that fits, {period})"


def fit_settings(
    recipe: SeriesRecipe, data: SeriesData | None, network: KerasNetwork, given: set[str]
) -> dict[str, Any]:
    """A look-back of as many steps as a given network reads, and the calendar if it reads that many more channels; it
    forecasts values, not changes, and no bounds."""
    found: dict[str, Any] = {"windows.change": False, "training.coverage": 0.0}
    if len(network.shape) != 2:
        return found
    length, channels = network.shape
    if data is not None:
        columns = len(recipe.data.inputs or data.train.columns)
        found["data.calendar"] = channels == columns + 2 * len(CALENDAR)
        step_s = parse_duration(recipe.features.step) if "windows.step" in given else data.train.interval_s
        found |= {"windows.lookback": to_duration(length * step_s)} if length else {}
    return found
