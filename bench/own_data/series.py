"""Forecasts a lead ahead: seqconv's command and its baselines next to darts' TCN and GRU, on the same splits."""

import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SEQCONV = str(Path(sys.executable).with_name("seqconv"))
SEEDS = (0, 1, 2)
Score = tuple[float, float]  # and seconds


@dataclass(frozen=True)
class Work:
    """A series and what is forecast.

    Args:
        step: rows that one step takes; darts gets every `step`-th row.
        length, lead: of a window and from its newest row to the target, in steps, for darts.
    """

    file: str
    target: str
    flags: tuple[str, ...]
    step: int
    length: int
    lead: int
    train_end: float = 0.7
    validation_end: float = 0.85
    rows: int = 0


WORKS = {
    # 12, 4 and 4 months of 30 days, as in the papers on these data
    "ETTh1: OT, 24 h ahead": Work("ett/ETTh1.csv", "OT", ("--lead", "24h"), 1, 48, 24, 0.6, 0.8, rows=20 * 30 * 24),
    "weather 2020: T (degC), 24 h ahead": Work(
        "weather/weather.csv", "T (degC)", ("--step", "1h", "--lead", "24h"), 6, 48, 24
    ),
    "exchange rate: first country, 7 d ahead": Work(
        "exchange_rate/exchange_rate.txt.gz", "column_1", ("--interval", "1d", "--lead", "7d"), 1, 48, 7
    ),
}


def measure(name: str, data: Path, methods: tuple[str, ...]) -> Iterator[tuple[str, Score]]:
    """Test MAE in the target's unit and seconds of each method, seqconv's processor seconds for three seeds."""
    work = WORKS[name]
    for seed in SEEDS:
        if "seqconv" in methods:
            yield from _train_seqconv(work, data, seed)
        if "peers" in methods and seed == 0:  # minutes each
            yield from _train_darts(work, data, seed)


def _train_seqconv(work: Work, data: Path, seed: int) -> Iterator[tuple[str, Score]]:
    with tempfile.TemporaryDirectory() as folder:
        file = data / work.file
        if work.rows:
            lines = file.read_text("utf-8").splitlines(keepends=True)
            file = Path(folder) / file.name
            file.write_text("".join(lines[: work.rows + 1]), "utf-8")
        command = [SEQCONV, "train", str(file), "--target", work.target, *work.flags, "--seed", str(seed), "--json"]
        ends = (f"data.train_end={work.train_end}", f"data.validation_end={work.validation_end}")
        command += [part for end in ends for part in ("--set", end)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        after, found = resource.getrusage(resource.RUSAGE_CHILDREN), json.loads(done.stdout)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        yield "seqconv", (found["test"]["mae"], seconds)
        for row in found["baselines"]:
            name = "network (seqconv's, alone)" if row["kind"] == "network" else f"{row['name']} (seqconv's baseline)"
            if row["kind"] == "network" or seed == 0:
                yield name, (row["test"]["mae"], row["seconds"])


def _train_darts(work: Work, data: Path, seed: int) -> Iterator[tuple[str, Score]]:
    """darts' own defaults but for the window, ten passes; columns scaled on training rows, holes filled."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel, TCNModel

    from seqconv.data.readers.series import read_series

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    series = read_series(data / work.file, interval="1d" if "--interval" in work.flags else "")
    rows = work.rows or len(series.values)
    values = series.values[:rows].astype(np.float32)
    known = ~np.isnan(values).any(axis=1)
    # a forecasting library wants a regular grid: the few missing rows repeat the row before
    place = np.maximum.accumulate(np.where(known, np.arange(rows), 0))
    values = values[place][:: work.step]
    first, last = (round(len(values) * share) for share in (work.train_end, work.validation_end))
    mean, std = values[:first].mean(axis=0), values[:first].std(axis=0)
    scaled = (values - mean) / std
    column = series.columns.index(work.target)
    target = TimeSeries.from_values(scaled[:, column])
    others = TimeSeries.from_values(np.delete(scaled, column, axis=1))
    trainer = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    shape = {"input_chunk_length": work.length, "output_chunk_length": work.lead, "n_epochs": 10}
    shape |= {"random_state": seed, "pl_trainer_kwargs": trainer}
    for by, model in (("darts TCN", TCNModel(**shape)), ("darts GRU", BlockRNNModel(model="GRU", **shape))):
        started = time.perf_counter()
        model.fit(target[:first], past_covariates=others[:first])
        found = model.historical_forecasts(
            target,
            past_covariates=others,
            start=last + work.length + work.lead - 1,
            forecast_horizon=work.lead,
            retrain=False,
            last_points_only=True,
            verbose=False,
        )
        truth = target.slice_intersect(found)
        error = float(np.abs(found.values() - truth.values()).mean() * std[column])
        yield by, (error, time.perf_counter() - started)
