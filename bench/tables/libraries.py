"""What forecasts a table: seqconv, and libraries of the field with the settings that their own pages recommend.

Each gets the rows before the test windows, fits once, and forecasts every window from all rows before it.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars
from tables import Table

if TYPE_CHECKING:
    from seqconv.data.records import Panel
    from seqconv.tasks.panel.blend import Blend

# windows of a day after which a model is fitted again
REFITTED = {"seqconv, fitted again every four weeks": 28, "seqconv, fitted again every week": 7}
LEVELS = np.arange(1, 10) / 10
Forecasts = np.ndarray  # quantiles at `LEVELS`, `[S, windows * horizon, 9]`; point forecasts repeat themselves


def run_seqconv(table: Table, train: polars.DataFrame, whole: polars.DataFrame, seed: int) -> Forecasts:
    """The default answer of `seqconv forecast`, with its horizon and the known columns."""
    model, panel = fit_seqconv(table, train, whole, seed)
    found = forecast_windows(model, panel, table.windows)
    by_key = dict(zip((key[0] if key else "" for key in panel.keys), np.split(found, len(panel)), strict=True))
    keys = whole["id"].unique(maintain_order=True)
    return np.stack([by_key.get(key, found).reshape(-1, len(LEVELS)) for key in keys])


def run_refitted(every: int, table: Table, train: polars.DataFrame, whole: polars.DataFrame, seed: int) -> Forecasts:
    """The same, of one series, with the members of the blend fitted again after so many windows to all rows before the
    next; what was chosen stays: settings, weights and bounds."""
    from seqconv.tasks.panel.blend import MEMBERS
    from seqconv.tasks.panel.regression import Regression
    from seqconv.tasks.panel.split import all_examples

    model, panel = fit_seqconv(table, train, whole, seed)
    found = [forecast_windows(model, panel, every, table.windows - every)]
    for later in range(table.windows - every, 0, -every):
        end = len(panel.values) - later * table.horizon
        before = model.features.encode(panel.take_rows(panel.offsets[:-1], panel.offsets[:-1] + end))
        arrays = {"seen": np.array([before.steps[end - 1] + 1])}
        members = {name: model.member(name) for name in MEMBERS if name in model.used}
        for name, member in members.items():
            if isinstance(member, Regression):
                again = member.refit_to(all_examples(model.features, before))
                arrays |= {f"{name}_{key}": array for key, array in again.arrays.items()}
        model = replace(model, **arrays)
        found.append(forecast_windows(model, panel, every, later - every))
    return np.concatenate(found).reshape(1, -1, len(LEVELS))


def fit_seqconv(table: Table, train: polars.DataFrame, whole: polars.DataFrame, seed: int) -> tuple["Blend", "Panel"]:
    """The default answer for the training rows, and all rows as it reads them."""
    from seqconv.models.predictor import load
    from seqconv.tasks.guessing import suggest_recipe
    from seqconv.tasks.panel.task import PANEL
    from seqconv.training.folder import Options
    from seqconv.training.run import train as fit

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "train.csv"
        train.write_csv(path)
        settings = [
            f"data.source={path}",
            "data.target=y",
            f"forecast.horizon={table.horizon}",
            f"training.seed={seed}",
        ]
        settings += [f"data.known={list(table.known)}".replace("'", '"')] if table.known else []
        suggested = suggest_recipe("panel", tuple(settings))
        fit(suggested.recipe, Options(Path(place) / "run"), data=suggested.data)
        predictor = load(Path(place) / "run")
        whole.write_csv(path)
        return predictor.model, PANEL.load(predictor.bundle.recipe.data, None).train


def forecast_windows(model: "Blend", panel: "Panel", count: int, later: int = 0) -> Forecasts:
    """Quantiles of so many windows of each series, horizon after horizon, `[S * count, horizon, 9]`.

    Args:
        later: windows of each series after these.
    """
    from seqconv.tasks.panel.features import find_scales
    from seqconv.tasks.panel.forecasts import to_quantiles
    from seqconv.tasks.panel.split import list_forecasts

    features = model.features
    rows = features.encode(panel)
    ends = rows.offsets[:-1] + panel.lengths
    inputs = features.at(rows, *list_forecasts(rows, ends, features.horizon, count, later))
    return to_quantiles(model.predict(inputs)) * find_scales(inputs, features.season)[:, None, None]


def run_seasonal_naive(table: Table, train: polars.DataFrame, whole: polars.DataFrame, seed: int) -> Forecasts:
    """Each row as that of a season before the window."""
    size, found = table.windows * table.horizon, []
    for part in whole.partition_by("id", maintain_order=True):
        y = part["y"].to_numpy()
        steps = np.arange(table.horizon)
        starts = len(y) - size + np.arange(table.windows) * table.horizon
        rows = starts[:, None] + steps - (steps // table.season + 1) * table.season
        found.append(y[rows].ravel())
    return np.repeat(np.stack(found)[..., None], len(LEVELS), axis=2)


def run_lightgbm(table: Table, train: polars.DataFrame, whole: polars.DataFrame, seed: int) -> Forecasts:
    """mlforecast with LightGBM: differences at the season, its lags, the newest rows and the calendar, recursively."""
    import lightgbm
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.target_transforms import Differences, LocalStandardScaler

    season = table.season
    lags = sorted({*range(1, min(max(season, 4), 12) + 1), *(season * turn for turn in range(1, 5))})
    dates = {"MS": ["month"], "h": ["hour", "dayofweek"], "30min": ["hour", "dayofweek"], "D": ["dayofweek", "month"]}
    shortest = train.group_by("id").len()["len"].min()
    lags = [each for each in lags if each < shortest // 2]
    forecast = MLForecast(
        models={"lightgbm": lightgbm.LGBMRegressor(verbosity=-1, n_jobs=2, random_state=seed)},
        freq=table.frequency or 1,
        lags=lags,
        lag_transforms={1: [RollingMean(window_size=max(season, 4))]},
        date_features=dates.get(table.frequency, []),
        target_transforms=[Differences([season]), LocalStandardScaler()],
        num_threads=2,
    )
    names = {"id_col": "id", "time_col": "time", "target_col": "y"}
    forecast.fit(train.to_pandas(), static_features=[], **names)
    windows = list(_cut(table, whole))
    found = []
    for number, (_, ahead) in enumerate(windows):
        known = ahead.drop("y").to_pandas() if table.known else None
        found.append(forecast.predict(table.horizon, X_df=known)["lightgbm"].to_numpy().reshape(-1, table.horizon))
        if number + 1 < len(windows):
            forecast.update(ahead.to_pandas())
    return np.repeat(np.concatenate(found, axis=1)[..., None], len(LEVELS), axis=2)


def _statsforecast(name: str) -> Callable[[Table, polars.DataFrame, polars.DataFrame, int], Forecasts]:
    def run(table: Table, train: polars.DataFrame, whole: polars.DataFrame, seed: int) -> Forecasts:
        from statsforecast import StatsForecast, models

        model = getattr(models, name)(season_length=table.season)
        work = StatsForecast(models=[model], freq=table.frequency or 1, n_jobs=2)
        names = {"id_col": "id", "time_col": "time", "target_col": "y"}
        found = work.forecast(df=train.to_pandas(), h=table.horizon, level=[20, 40, 60, 80], **names)
        low, high = (
            [f"{name}-lo-{each}" for each in (80, 60, 40, 20)],
            [f"{name}-hi-{each}" for each in (20, 40, 60, 80)],
        )
        return found[[*low, name, *high]].to_numpy().reshape(-1, table.horizon, len(LEVELS))

    run.__doc__ = f"statsforecast's {name}, series by series."
    return run


def _cut(table: Table, whole: polars.DataFrame) -> Iterator[tuple[polars.DataFrame, polars.DataFrame]]:
    """Each test window: the rows before it, and its own."""
    back = polars.len().over("id") - polars.int_range(polars.len()).over("id")
    for turn in range(table.windows, 0, -1):
        size = turn * table.horizon
        yield whole.filter(back > size), whole.filter((back <= size) & (back > size - table.horizon))


LIBRARIES = {
    "seqconv": run_seqconv,
    **{name: partial(run_refitted, every) for name, every in REFITTED.items()},
    "seasonal naive": run_seasonal_naive,
    "AutoETS": _statsforecast("AutoETS"),
    "AutoTheta": _statsforecast("AutoTheta"),
    "LightGBM": run_lightgbm,
}
