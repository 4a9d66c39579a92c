"""Splits a panel by time: which rows of each series are forecast to train, to choose and to test."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from seqconv.data.frequency import DAY_S, Frequency
from seqconv.data.records import Panel, PanelData, count, find_ends
from seqconv.errors import DataError, OptionError
from seqconv.recipes.recipe import PanelRecipe
from seqconv.tasks.baselines import thin
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.examples import NAMES, Part, Split
from seqconv.tasks.panel.answers import check_values, show_times
from seqconv.tasks.panel.features import KNOWN, PAST, STATIC, Column, PanelFeatures, PanelSplit, is_intermittent
from seqconv.tasks.panel.inputs import PanelInputs, PanelRows
from seqconv.tasks.panel.levels import guess_factors
from seqconv.tasks.panel.profile import sample_panel
from seqconv.tasks.panel.seasons import choose_season, describe_season
from seqconv.tasks.results import FoldFacts

MOST_TRAINED = 50_000  # forecasts that regressions are trained on
MOST_JUDGED = 10_000  # forecasts for validation and for the test, evenly spaced: their means hardly move with more
ENOUGH = 20  # forecasts to judge by, if the series are long enough for so many
MOST_SCORED = 100_000  # forecasts of a file that are scored; one of each series if these are more
MOST_HELD = 0.4  # fraction of the rows of a usual series that validation and test may take
MOST_READ = 500  # rows of a season that regressions read back to
FEWEST = 3  # rows before a forecast


def split_panel(
    data: PanelData, recipe: PanelRecipe, threads: int = 1, trained: PanelFeatures | None = None
) -> PanelSplit:
    """The last forecasts of each series are the test, those before validation; all before these is for training.

    No row to forecast of one part is seen by another, and what is fitted sees training rows only.

    Args:
        trained: features of a trained model; None: fitted.

    Raises:
        DataError: no series is long enough to be tested, or one has no value.
    """
    panel, config = data.train, recipe.features
    if trained is None:
        check_values(panel)
    horizon = trained.horizon if trained else count_horizon(panel, recipe)
    origins = data.origins or config.origins or count_origins(panel, horizon)
    features = trained or fit_features(panel, recipe, horizon, panel.ends - 2 * origins * horizon)
    rows = features.encode(panel)
    ends = panel.lengths + rows.offsets[:-1]
    held = {"validation": list_forecasts(rows, ends, horizon, origins, origins)}
    held["test"] = list_forecasts(rows, ends, horizon, origins)
    for name, (series, _) in held.items():
        if not len(series):
            needed = (1 + (name != "test")) * origins * horizon + FEWEST
            raise DataError(
                f"{panel.source}: a series must have {needed} rows or more for the {name} split; the longest has "
                f"{int(panel.lengths.max())}. Use a shorter --horizon"
            )
    examples = {name: features.at(rows, *(thin(each, MOST_JUDGED) for each in own)) for name, own in held.items()}
    examples["train"] = choose_examples(features, rows, ends - 2 * origins * horizon)
    parts = {name: features.part(each) for name, each in examples.items()}
    season = [] if trained or config.season else describe_season(panel, features.season)
    facts: dict[str, Any] = {
        "series": len(panel),
        "rows": len(panel.values),
        "frequency": panel.frequency.name,
        "horizon": panel.frequency.spell(horizon),
        "season": features.season,
        "splits": {name: {"forecasts": len(parts[name].targets)} for name in NAMES},
        "notes": [*panel.notes, *season, *_describe_missing(panel), *_describe_zeros(panel)],
    }
    facts["notes"] += _describe_held(panel, held["test"][0])
    samples = partial(sample_panel, features, panel, panel.ends - 2 * origins * horizon)
    return Split(parts["train"], parts["validation"], parts["test"], features, facts, samples=samples)


def count_horizon(panel: Panel, recipe: PanelRecipe) -> int:
    """Rows to forecast.

    Raises:
        ConfigError: none, or not a whole number of rows.
    """
    horizon = panel.frequency.count(recipe.features.horizon, "horizon")
    if horizon < 1:
        raise OptionError(f"horizon must be at least 1 row; got {recipe.features.horizon}")
    return horizon


def count_origins(panel: Panel, horizon: int) -> int:
    """Forecasts of each series for validation, and as many for the test: one, or more if the series are few."""
    usual = int(np.median(panel.lengths))
    fitting = int(MOST_HELD * usual / (2 * horizon))
    return max(min(-(-ENOUGH // len(panel)), fitting), 1)


def fit_features(panel: Panel, recipe: PanelRecipe, horizon: int, ends: np.ndarray) -> PanelFeatures:
    """The features of a model, from the rows of each series before `ends`."""
    config, data = recipe.features, recipe.data
    rows = np.arange(len(panel.values))
    seen = rows < np.repeat(np.maximum(ends, panel.offsets[:-1] + 1), np.diff(panel.offsets))
    roles = {KNOWN: data.known, PAST: data.past, STATIC: data.static}
    columns = tuple(
        Column.fit(name, role, panel.columns[name][seen]) for role, names in roles.items() for name in names
    )
    lengths = panel.lengths
    usual = int(np.median(lengths))
    season = config.season or choose_season(panel, ends)
    lookback = config.lookback or choose_lookback(panel.frequency, season, horizon, usual)
    lowest = np.nanmin(panel.values[seen], initial=np.inf)
    positive = bool(lowest >= 0) if config.sign == "guess" else config.sign == "positive"
    calendar = choose_calendar(panel.frequency, usual)
    levels = recipe.training.quantiles
    return PanelFeatures(
        panel.target,
        panel.names,
        columns,
        panel.frequency,
        panel.zone,
        horizon,
        season,
        lookback,
        positive,
        calendar,
        _check_holidays(data.holidays, panel.frequency),
        levels,
        tuple(guess_factors(levels).tolist()),
        recipe.training.metric,
    )


def _check_holidays(place: str, frequency: Frequency) -> str:
    if place and frequency.unit == "row":
        raise OptionError("holidays need rows with times; these are counted. Leave --holidays out")
    return place


def choose_lookback(frequency: Frequency, season: int, horizon: int, usual: int) -> int:
    """Rows that regressions read: some seasons, and longer ones if the rows allow."""
    longest = max((each.rows for each in frequency.seasons if each.rows <= min(usual // 4, MOST_READ)), default=season)
    wanted = max(4 * season, 2 * horizon, 3 * longest if longest <= 168 else longest + season, min(usual // 8, 104), 24)
    return max(min(wanted, usual // 2), season + 1, 2)


def choose_calendar(frequency: Frequency, usual: int) -> tuple[str, ...]:
    """What is read of the time of a row: what comes round several times in a usual series."""
    seconds, span = frequency.seconds, frequency.seconds * usual
    if frequency.unit == "row":
        return ()
    if frequency.unit == "mo":
        return ("month",) if frequency.size < 12 and 12 % frequency.size == 0 else ()
    found = ["hour"] if seconds < DAY_S else []
    found += ["weekday"] if seconds <= DAY_S * 7 // 5 and span > 21 * DAY_S else []
    return tuple(found + (["month"] if span > 2 * 366 * DAY_S else []))


def list_forecasts(
    rows: PanelRows, ends: np.ndarray, horizon: int, origins: int, later: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The series and first row of each forecast of a part, horizon after horizon, int64 `[N]` both: of the series that
    are long enough, where some value is known.

    Args:
        ends: the row after the newest value of each series.
        origins: forecasts of each series.
        later: those of each series that are left to the parts after it.
    """
    back = (later + np.arange(origins, 0, -1)) * horizon
    lengths = (ends - rows.offsets[:-1])[:, None] - back  # before each forecast
    series, place = np.nonzero(lengths >= FEWEST)
    anchors = rows.offsets[:-1][series] + lengths[series, place]
    known = np.flatnonzero(~np.isnan(rows.values[anchors[:, None] + np.arange(horizon)]).all(axis=1))
    return series[known], anchors[known]


def choose_examples(features: PanelFeatures, rows: PanelRows, ends: np.ndarray) -> PanelInputs:
    """Forecasts to train on, with their targets before row `ends` of each series.

    Every series has as many as another, as far as it is long enough, evenly spaced over its rows. A window that begins
    before its series is no example where the series has enough others.
    """
    lengths = ends - rows.offsets[:-1]
    whole = lengths - features.horizon - features.lookback >= features.season
    least = np.where(whole, features.lookback, max(features.season + 1, FEWEST))
    room = np.maximum(lengths - features.horizon - least + 1, 0)
    counts = fill_evenly(room, MOST_TRAINED)
    series = np.repeat(np.arange(len(room)), counts)
    turn = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
    # from the newest back, so that the newest is among them
    gap = np.where(counts > 1, (room - 1) / np.maximum(counts - 1, 1), 0)
    back = np.round(turn * np.repeat(gap, counts)).astype(np.int64)
    anchors = rows.offsets[series] + (lengths - features.horizon)[series] - back
    order = np.lexsort((anchors, series))
    return features.at(rows, series[order], anchors[order])


def all_examples(features: PanelFeatures, rows: PanelRows) -> PanelInputs:
    """Forecasts to train on from all rows whose target is known."""
    return choose_examples(features, rows, find_ends(rows.values, rows.offsets))


def fill_evenly(room: np.ndarray, most: int) -> np.ndarray:
    """Parts of `most`, none above its room, all equal where the room allows, int64 `[S]`.

    >>> fill_evenly(np.array([1, 5, 100]), 20)
    array([ 1,  5, 14])
    """
    if room.sum() <= most:
        return room.astype(np.int64)
    low, high = 0, int(room.max())
    while high - low > 1:
        half = (low + high) // 2
        low, high = (half, high) if np.minimum(room, half).sum() <= most else (low, half)
    counts = np.minimum(room, low)
    rest = most - int(counts.sum())
    counts[np.flatnonzero(room > low)[:: max(int((room > low).sum()) // max(rest, 1), 1)][:rest]] += 1
    return np.asarray(counts, np.int64)


def _describe_missing(panel: Panel) -> list[str]:
    own = ~panel.is_future
    missing = np.isnan(panel.values) & own
    if not missing.any():
        return []
    some = len(np.unique(panel.series[missing]))
    where = f", in {some:,} of {len(panel):,} series" if len(panel) > 1 else ""
    return [f"{int(missing.sum()):,} of {int(own.sum()):,} values of {panel.target!r} missing{where}: left out"]


def _describe_zeros(panel: Panel) -> list[str]:
    if not is_intermittent(panel.values):
        return []
    share = float(np.nanmean(panel.values == 0) / np.mean(~np.isnan(panel.values)))
    return [
        f"{share:.0%} of the values of {panel.target!r} are 0: a forecast, which is a median, is often 0 as well. The "
        "quantiles say how much to expect, and RMSSE how good their mean is"
    ]


def _describe_held(panel: Panel, series: np.ndarray) -> list[str]:
    """Which series are not tested; `series`: of each forecast that could be."""
    short = len(panel) - len(np.unique(series))
    found = [f"{short:,} of {len(panel):,} series too short to be tested; they are forecast all the same"] * (short > 0)
    few = f"models are judged by {MOST_JUDGED:,} of {len(series):,} forecasts, evenly spaced; all series are forecast"
    return found + [few] * (len(series) > MOST_JUDGED)


def fold_panel(
    data: PanelData, recipe: PanelRecipe, folds: int, window: str = "growing"
) -> Iterator[tuple[FoldFacts, PanelData]]:
    """The test of each fold follows that of the one before, in the later half of each series; the last is the newest.

    Args:
        window: `growing`: a series is trained on from its start; `rolling`: on as many rows as in the first fold.

    Raises:
        ConfigError: the series are too short for so many folds.
    """
    panel = data.train
    horizon = count_horizon(panel, recipe)
    lengths = panel.lengths
    longest = int(lengths.max())
    most = (longest - FEWEST) // horizon - 1  # the first fold needs validation rows too
    if folds > most and most < 2:
        raise OptionError(
            f"horizon must leave room for {folds} folds in the {longest:,} rows of the longest series; got "
            f"{recipe.features.horizon}. Use a shorter --horizon"
        )
    if folds > most:
        raise OptionError(f"folds must be at most {most}: the longest series has {longest:,} rows; got {folds}")
    wanted = recipe.features.origins or -(-ENOUGH // len(panel))
    origins = max(min(wanted, int(np.median(lengths)) // (2 * folds * horizon)), 1)
    length = origins * horizon
    for fold in range(folds):
        ends = np.maximum(panel.ends - (folds - 1 - fold) * length, panel.offsets[:-1])
        first = panel.offsets[:-1] + (fold * length if window == "rolling" else 0)
        part = panel.take_rows(np.minimum(first, ends), ends)
        after = (panel.starts + ends - panel.offsets[:-1])[ends > panel.offsets[:-1]]
        tested = panel.frequency.times(np.array([after.min() - length, after.max() - 1]))
        from_, to = show_times(panel, tested)
        facts = FoldFacts(train_rows=len(part.values), test_rows=length * len(part), from_=from_, to=to)
        yield facts, PanelData(part, origins)


def take_panel(bundle: Bundle[PanelFeatures], data: PanelData, threads: int = 1) -> tuple[Part[Any], list[str]]:
    """Every forecast of a labelled panel that has the whole horizon, horizon after horizon from the newest back; of
    very many the newest of each series."""
    features, panel = bundle.features, data.train
    rows, lengths = features.encode(panel), panel.lengths
    origins = max(int((lengths.max() - FEWEST) // features.horizon), 1)
    taken = min(origins, max(MOST_SCORED // len(panel), 1))
    series, anchors = list_forecasts(rows, rows.offsets[:-1] + lengths, features.horizon, taken)
    if not len(series):
        raise DataError(
            f"{panel.source}: a series must have {features.horizon + FEWEST} rows or more to be scored; "
            f"the longest has {int(lengths.max())}. Give more rows"
        )
    few = f"scored: the newest {count(taken, 'forecast')} of each series, of up to {origins}"
    part = features.part(features.at(rows, series, anchors))
    return part, [*panel.notes, *_describe_missing(panel), *[few] * (taken < origins)]
