"""`seqconv forecast` on public panels and electricity prices: `python bench/forecasting.py [NAME ...]`.

Writes docs/forecasting-tables.md.

Each folder `league/panels/NAME` of the folder that SEQCONV_DATA names has `train.csv.gz` and `test.csv.gz` with the
columns `unique_id`, `ds` and `y`; `league/epf/MARKET.csv.gz` has `time`, `price` and two columns known a day before.
`published.csv` next to both holds the numbers to compare with.
"""

import csv
import dataclasses
import gzip
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from seqconv.data.datasets import load_panel
from seqconv.models.predictor import load
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.panel.task import PANEL
from seqconv.training.folder import Options
from seqconv.training.forecasting import forecast
from seqconv.training.run import train

PANELS = {"tourism_monthly": (24, 12), "m3_monthly": (18, 12), "m4_weekly": (13, 1), "m4_hourly": (48, 24)}
MARKETS = ("NP", "PJM", "BE", "FR")
DAYS = 20  # of a market that are forecast
LEVELS = np.arange(1, 10) / 10
RESULTS = Path(__file__).parent / "results" / "forecasting.json"
PAGE = Path(__file__).parents[1] / "docs" / "forecasting-tables.md"
PRETRAINED = (
    *("chronos", "timesfm", "moirai", "tirex", "toto", "tabpfn", "flowstate", "sundial", "ttm", "kairos", "yinglong"),
    *("timecopilot", "visionts", "reverso", "tempopfn", "xlstm", "citras", "ts-icl"),
)


def league() -> Path:
    return Path(os.environ["SEQCONV_DATA"]) / "league"


def read_columns(path: Path) -> dict[str, list[str]]:
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def run_panel(name: str) -> dict[str, float]:
    """MASE, WQL and sMAPE of the forecasts of the test rows, and seconds of the whole command."""
    horizon, season = PANELS[name]
    folder = league() / "panels" / name
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        suggested = suggest_recipe("panel", (f"data.source={folder / 'train.csv.gz'}", f"forecast.horizon={horizon}"))
        found = forecast(suggested, Options(Path(place) / "run"), out=Path(place) / "forecast.csv")
        seconds = time.perf_counter() - began
        with found.table.open() as file:
            rows = list(csv.DictReader(file))
        members = found.run.results.to_dict()["baselines"]
        shares = load(found.run.folder).model.shares
    names = [f"q{100 * level:.0f}" if level != 0.5 else "forecast" for level in LEVELS]
    quantiles = np.array([[float(row[each]) for each in names] for row in rows]).reshape(-1, horizon, 9)
    keys = [row["unique_id"] for row in rows[::horizon]]
    past, test = (read_columns(folder / f"{part}.csv.gz") for part in ("train", "test"))
    truth: dict[str, list[float]] = {}
    history: dict[str, list[float]] = {}
    for table, values in ((past, history), (test, truth)):
        for key, value in zip(table["unique_id"], table["y"], strict=True):
            values.setdefault(key, []).append(float(value))
    y = np.array([truth[key] for key in keys])
    seasonal = (lag(history[key], season) for key in keys)
    scale = np.array([np.abs(each).mean() for each in seasonal])
    error = np.abs(quantiles[..., 4] - y)
    left = y[..., None] - quantiles
    pinball = np.maximum(LEVELS * left, (LEVELS - 1) * left)
    return {
        "MASE": float((error.mean(axis=1) / scale).mean()),
        "WQL": float((2 * pinball.sum(axis=(0, 1)) / np.abs(y).sum()).mean()),
        "sMAPE": float((200 * error / (np.abs(y) + np.abs(quantiles[..., 4]))).mean()),
        "seconds": seconds,
        **{f"test MASE of {each['name']}": each["test"]["mase"] for each in members},
        **{f"weight of {name}": weight for name, weight in shares.items()},
    }


def lag(values: list[float], season: int) -> np.ndarray:
    y = np.array(values)
    return y[season:] - y[:-season]


def run_market(name: str) -> dict[str, float]:
    """The last 20 days by fev-bench's protocol, each forecast by a model fitted once, to all rows before them."""
    path = league() / "epf" / f"{name}.csv.gz"
    settings = ("data.target=price", 'data.known=["exogenous_1", "exogenous_2"]')
    with tempfile.TemporaryDirectory() as place:
        seen = Path(place) / "seen.csv"
        with gzip.open(path, "rt") as file:
            seen.write_text("".join(list(file)[: -DAYS * 24]))
        began = time.perf_counter()
        more = ("forecast.horizon=24", f"forecast.origins={DAYS}")
        suggested = suggest_recipe("panel", (f"data.source={seen}", *settings, *more))
        run = train(suggested.recipe, Options(Path(place) / "run"), data=suggested.data)
        seconds = time.perf_counter() - began
        model = load(run.folder)
        whole = load_panel(dataclasses.replace(model.bundle.recipe.data, source=str(path)), None)
    part, _ = PANEL.take(model.bundle, whole)
    last = part.take(np.argsort(part.inputs.anchors)[-DAYS:])
    found = part.finish(model.model.predict(last.inputs))
    scores = model.bundle.features.target.measure(found, last.targets, "mae")
    weights = {f"weight of {each}": weight for each, weight in model.model.shares.items()}
    return {"MASE": scores["mase"], "SQL": scores["sql"], "seconds": seconds, **weights}


def published(table: str, key: str, metric: str) -> list[tuple[float, str]]:
    with (league() / table / "published.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if metric in row.values() and key in row.values()]
    name = "method" if rows and "method" in rows[0] else "model"
    return sorted((float(row["value"]), row[name]) for row in rows)


def best(found: list[tuple[float, str]], pretrained: bool) -> str:
    own = [each for each in found if any(word in each[1].lower() for word in PRETRAINED) == pretrained]
    return f"{own[0][0]:.3f} ({own[0][1]})" if own else "-"


HEAD = """# Forecasting tables, measured

Written by `bench/forecasting.py`. `seqconv forecast` with nothing but the horizon, fitted to the training rows of each
panel and scored on its published test rows. MASE: the mean over series of the error divided by that of the seasonal
naive forecast in the training rows. WQL: the quantile loss at 0.1 to 0.9 divided by the sum of sizes. Lower is better.
Seconds of the whole command on two cores: reading, seven models, their blend, judging, fitting again, forecasts, page.
One run each, with seed 0.

| panel | series, horizon | MASE | WQL | sMAPE, % | seconds | best published MASE, trained on the panel | pretrained |
|---|---|---|---|---|---|---|---|
"""
KNOWN = """
## Day-ahead electricity prices, with known columns

The last 20 days, 24 hours each (the protocol of fev-bench), with the two known columns (`--known`). The model is fitted
once, to all rows before these days; its weights are chosen on 20 days that lie 40 days back.

| market | MASE | scaled quantile loss | seconds | best published MASE, trained on the market | pretrained |
|---|---|---|---|---|---|
"""
LEFT = """
## Not measured yet

The two-year test of epftoolbox, weekly refits, statsforecast and mlforecast on the same cores, the tables of
skforecast, several seeds. 100,000 series of 100 months: not done after 400 s, with 2.5 GB of memory.
"""


def write_page(results: dict[str, dict[str, float]]) -> None:
    series = {"tourism_monthly": 366, "m3_monthly": 1428, "m4_weekly": 359, "m4_hourly": 414}
    text = HEAD
    for name in (each for each in PANELS if each in results):
        own, rivals = results[name], published("panels", name, "MASE")
        scores = f"{own['MASE']:.3f} | {own['WQL']:.4f} | {own['sMAPE']:.2f} | {own['seconds']:.0f}"
        size = f"{series[name]:,}, {PANELS[name][0]}"
        text += f"| {name} | {size} | {scores} | {best(rivals, False)} | {best(rivals, True)} |\n"
    text += KNOWN
    for name in (each for each in MARKETS if each in results):
        own, rivals = results[name], published("epf", name, "MASE")
        scores = f"{own['MASE']:.3f} | {own['SQL']:.3f} | {own['seconds']:.0f}"
        text += f"| {name} | {scores} | {best(rivals, False)} | {best(rivals, True)} |\n"
    PAGE.write_text(text + LEFT, "utf-8")


def main(names: list[str]) -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or (*PANELS, *MARKETS):
        results[name] = run_panel(name) if name in PANELS else run_market(name)
        print(name, {key: round(value, 4) for key, value in results[name].items()}, flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_page(results)


if __name__ == "__main__":
    main(sys.argv[1:])
