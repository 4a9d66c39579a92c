"""`seqconv forecast` on public panels and electricity prices: `python bench/forecasting.py [NAME ...]`.

Writes docs/forecasting-tables.md.

Each folder `league/panels/NAME` of the folder that SEQCONV_DATA names has `train.csv.gz` and `test.csv.gz` with the
columns `unique_id`, `ds` and `y`; `league/epf/MARKET.csv.gz` has `time`, `price` and two columns known a day before.
`published.csv` next to both holds the numbers to compare with.
"""

import csv
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from forecasting_page import MARKETS, PANELS, RESULTS, league, read_results, write_page

from seqconv.tasks.guessing import suggest_recipe
from seqconv.training.folder import Options
from seqconv.training.forecasting import forecast
from seqconv.training.run import train

LEVELS = np.arange(1, 10) / 10


def read_columns(path: Path) -> dict[str, list[str]]:
    import gzip

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
        weights = found.run.results.to_dict()["baselines"]
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
        **{f"test MASE of {each['name']}": each["test"]["mase"] for each in weights},
    }


def lag(values: list[float], season: int) -> np.ndarray:
    y = np.array(values)
    return y[season:] - y[:-season]


def run_market(name: str) -> dict[str, float]:
    """The last 20 days by fev-bench's protocol, each forecast by a model fitted once, before the 40 last days."""
    path = league() / "epf" / f"{name}.csv.gz"
    settings = ("data.target=price", 'data.known=["exogenous_1", "exogenous_2"]')
    more = ("forecast.horizon=24", "forecast.origins=20", "training.refit=false")
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        suggested = suggest_recipe("panel", (f"data.source={path}", *settings, *more))
        run = train(suggested.recipe, Options(Path(place) / "run"), data=suggested.data)
        seconds = time.perf_counter() - began
    found = {f"MASE of {each.name}": each.test["mase"] for each in run.results.baselines}
    return {"MASE": run.results.test["mase"], "SQL": run.results.test["sql"], "seconds": seconds, **found}


def main(names: list[str]) -> None:
    results = read_results("forecasting")
    for name in names or (*PANELS, *MARKETS):
        results[name] = run_panel(name) if name in PANELS else run_market(name)
        print(name, {key: round(value, 4) for key, value in results[name].items()}, flush=True)
        (RESULTS / "forecasting.json").write_text(json.dumps(results, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    main(sys.argv[1:])
