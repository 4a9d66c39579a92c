"""The tables that forecasts are measured on: long tables of ids, times and values, and what is forecast of them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars

LEAGUE = Path(os.environ.get("SEQCONV_DATA", ".")) / "league"
SKFORECAST = LEAGUE / "panels" / "skforecast"


@dataclass(frozen=True)
class Table:
    """A long table with the columns `id`, `time`, `y` and the known ones.

    Args:
        horizon, season: rows.
        frequency: as pandas names it; empty: the rows are counted.
        read: the whole table, sorted by id and time.
        windows: the last ones of each series that are forecast, each a horizon, by a model fitted once, before them.
        known: columns whose future is known.
    """

    name: str
    horizon: int
    season: int
    frequency: str
    read: Callable[[], polars.DataFrame]
    windows: int = 1
    known: tuple[str, ...] = ()

    def split(self) -> tuple[polars.DataFrame, polars.DataFrame]:
        """The rows before the test windows, and all rows."""
        whole = self.read()
        size = self.windows * self.horizon
        return whole.filter(polars.int_range(polars.len()).over("id") < polars.len().over("id") - size), whole


def read_panel(name: str) -> Callable[[], polars.DataFrame]:
    """A panel of the league, its training and its test rows."""

    def read() -> polars.DataFrame:
        paths = [LEAGUE / "panels" / name / f"{part}.csv.gz" for part in ("train", "test")]
        parts = [
            polars.read_csv(path, infer_schema_length=None, schema_overrides={"y": polars.Float64}) for path in paths
        ]
        frame = polars.concat(parts).rename({"unique_id": "id", "ds": "time"})
        if frame.schema["time"] == polars.String:
            frame = frame.with_columns(polars.col("time").str.to_datetime())
        return frame.sort("id", "time", maintain_order=True)

    return read


def read_market(name: str) -> Callable[[], polars.DataFrame]:
    """Hourly prices of electricity, with two forecasts that are known the day before."""

    def read() -> polars.DataFrame:
        frame = polars.read_csv(LEAGUE / "epf" / f"{name}.csv.gz", infer_schema_length=None).rename({"price": "y"})
        return frame.with_columns(polars.col("time").str.to_datetime(), polars.lit(name).alias("id"))

    return read


def read_bikes() -> polars.DataFrame:
    """Users of a bike sharing service by hour, with weather, holidays and working days."""
    frame = polars.read_csv(SKFORECAST / "bike_sharing_dataset_clean.csv", infer_schema_length=None).rename(
        {"date_time": "time", "users": "y"}
    )
    columns = ["time", "y", "holiday", "workingday", "temp", "hum", "windspeed"]
    return frame.select(columns).with_columns(polars.col("time").str.to_datetime(), polars.lit("bikes").alias("id"))


def read_victoria() -> polars.DataFrame:
    """Demand for electricity in Victoria by half hour, with temperature and holidays."""
    frame = polars.read_csv(SKFORECAST / "vic_electricity.csv", infer_schema_length=None)
    return frame.select(
        polars.lit("victoria").alias("id"),
        polars.col("Time").str.to_datetime(time_zone="UTC").dt.replace_time_zone(None).alias("time"),
        polars.col("Demand").alias("y"),
        polars.col("Temperature"),
        (polars.col("Holiday").cast(polars.String).str.to_lowercase() == "true").cast(polars.Float64).alias("Holiday"),
    )


def read_users() -> polars.DataFrame:
    """Counts by hour, more than half of them zero."""
    frame = polars.read_csv(SKFORECAST / "intermittent_demand.csv", infer_schema_length=None).rename(
        {"date_time": "time", "users": "y"}
    )
    return frame.with_columns(polars.col("time").str.to_datetime(), polars.lit("users").alias("id"))


def read_visits() -> polars.DataFrame:
    """The logarithm of a page's visits by day; holes are filled with the day before, which all libraries can read."""
    frame = polars.read_csv(SKFORECAST / "wikipedia_visits.csv", infer_schema_length=None).rename({"date": "time"})
    frame = frame.with_columns(polars.col("time").str.to_datetime(), polars.col("y").cast(polars.Float64))
    frame = frame.sort("time").upsample("time", every="1d").with_columns(polars.col("y").forward_fill())
    return frame.with_columns(polars.lit("visits").alias("id"))


def read_stores() -> polars.DataFrame:
    """Five series of a year or more by day, with the weather; holes are filled with the day before."""
    frame = polars.read_csv(SKFORECAST / "demo_multi_series.csv", infer_schema_length=None).rename(
        {"series_id": "id", "timestamp": "time"}
    )
    known = polars.read_csv(SKFORECAST / "demo_multi_series_exog.csv", infer_schema_length=None)
    known = known.rename({"series_id": "id", "timestamp": "time"}).with_columns(polars.col("time").str.to_datetime())
    frame = frame.rename({"value": "y"}).with_columns(polars.col("time").str.to_datetime())
    pieces = [
        part.sort("time").upsample("time", every="1d").with_columns(polars.col("id", "y").forward_fill())
        for part in frame.partition_by("id", maintain_order=True)
    ]
    return polars.concat(pieces).join(known, on=["id", "time"], how="left").drop_nulls().sort("id", "time")


EXOGENOUS = ("exogenous_1", "exogenous_2")
TABLES = {
    each.name: each
    for each in (
        Table("tourism_monthly", 24, 12, "MS", read_panel("tourism_monthly")),
        Table("m3_monthly", 18, 12, "MS", read_panel("m3_monthly")),
        Table("m4_weekly", 13, 1, "", read_panel("m4_weekly")),
        Table("m4_hourly", 48, 24, "h", read_panel("m4_hourly")),
        *(Table(name, 24, 24, "h", read_market(name), 20, EXOGENOUS) for name in ("NP", "PJM", "BE", "FR")),
        *(Table(f"{name}_728", 24, 24, "h", read_market(name), 728, EXOGENOUS) for name in ("NP", "PJM", "BE", "FR")),
        Table("bike_sharing", 24, 24, "h", read_bikes, 28, ("holiday", "workingday", "temp", "hum", "windspeed")),
        Table("vic_electricity", 48, 48, "30min", read_victoria, 28, ("Temperature", "Holiday")),
        Table("intermittent_demand", 24, 24, "h", read_users, 28),
        Table("wikipedia_visits", 7, 7, "D", read_visits, 28),
        Table("demo_multi_series", 14, 7, "D", read_stores, 4, ("air_temperature", "wind_speed")),
    )
}


def measure(table: Table, whole: polars.DataFrame, quantiles: np.ndarray) -> dict[str, float]:
    """Scores of quantile forecasts at 0.1 to 0.9 of the test windows, `[S, windows * horizon, 9]`.

    MASE divides by the mean absolute change from season to season in all rows before a window, series by series; WQL is
    twice the pinball loss of all series over the sum of their sizes, the mean of the nine levels; RMSSE, of the mean of
    the quantiles, divides by the mean squared change from row to row before a window.
    """
    size, levels = table.windows * table.horizon, np.arange(1, 10) / 10
    truth = np.stack([part["y"].to_numpy()[-size:] for part in whole.partition_by("id", maintain_order=True)])
    series = [part["y"].to_numpy() for part in whole.partition_by("id", maintain_order=True)]
    scale = np.stack([_scale(table, each, np.abs(each[table.season :] - each[: -table.season])) for each in series])
    squares = np.stack([_scale(table, each, np.diff(each) ** 2) for each in series])[:, :: table.horizon]
    missed = ((quantiles.mean(axis=2) - truth) ** 2).reshape(len(truth), table.windows, -1).mean(axis=2)
    error = np.abs(quantiles[..., 4] - truth)
    left = truth[..., None] - quantiles
    pinball = np.maximum(levels * left, (levels - 1) * left)
    return {
        "MASE": float((error / scale).mean()),
        "WQL": float((2 * pinball.sum(axis=(0, 1)) / np.abs(truth).sum()).mean()),
        "sMAPE": float((200 * error / np.maximum(np.abs(truth) + np.abs(quantiles[..., 4]), 1e-12)).mean()),
        "MAE": float(error.mean()),
        "RMSSE": float(np.sqrt(missed / squares).mean()),
        "covered by 0.1 to 0.9": float(((truth >= quantiles[..., 0]) & (truth <= quantiles[..., 8])).mean()),
    }


def _scale(table: Table, y: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """The mean of the changes before the window of each test row, `[windows * horizon]`."""
    starts = len(y) - np.arange(table.windows, 0, -1) * table.horizon
    count = starts - (len(y) - len(changes))
    return np.repeat(np.cumsum(changes)[count - 1] / count, table.horizon)
