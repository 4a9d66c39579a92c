"""Statistical forecasts of public panels: `python bench/panels.py [MODEL ...]`.

Prints MASE and WQL of each model, of means and medians of several, and the processor seconds of the fits. Each folder
`league/panels/NAME` of the folder that SEQCONV_DATA names has `train.csv.gz` and `test.csv.gz` with the columns
`unique_id`, `ds` and `y`, in the order of time; `test` continues `train`.

MASE: each series' mean absolute error over that of the seasonal naive forecast within `train`, mean over series. WQL:
twice the quantile loss at 0.1 to 0.9, summed over everything, over the sum of absolute values, mean over the levels.
"""

import csv
import gzip
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqconv.tasks.series.smoothing import SmoothingForecasts, forecast_smoothing

PANELS = {"tourism_monthly": (24, 12), "m3_monthly": (18, 12), "m4_weekly": (13, 1), "m4_hourly": (48, 24)}
MODELS = ("ets", "average", "quick", "theta", "otm", "dstm", "dotm", "autotheta", "ses", "holt", "damped")
TOGETHER = (("average", "dotm"), ("average", "dotm", "damped"), ("ses", "holt", "damped"))
LEVELS = tuple(number / 10 for number in range(1, 10))


@dataclass(frozen=True)
class Panel:
    train: list[np.ndarray]
    test: np.ndarray  # [S, H]
    season: int

    def forecast(self, model: str) -> SmoothingForecasts:
        offsets = np.cumsum([0, *map(len, self.train)])
        return forecast_smoothing(
            np.concatenate(self.train), offsets, self.season, self.test.shape[1], model, LEVELS, threads=2
        )

    def score(self, forecasts: np.ndarray, quantiles: np.ndarray) -> tuple[float, float]:
        """MASE and WQL."""
        naive = [np.abs(y[self.season :] - y[: -self.season]).mean() for y in self.train]
        above, levels = self.test[..., None] - quantiles, np.array(LEVELS)
        loss = 2 * np.maximum(levels * above, (levels - 1) * above).sum() / len(levels)
        mase = (np.abs(forecasts - self.test).mean(axis=1) / naive).mean()
        return float(mase), float(loss / np.abs(self.test).sum())


def read_panel(name: str) -> Panel:
    parts = []
    for part in ("train", "test"):
        series: dict[str, list[float]] = {}
        with gzip.open(Path(os.environ["SEQCONV_DATA"]) / "league" / "panels" / name / f"{part}.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                series.setdefault(row["unique_id"], []).append(float(row["y"]))
        parts.append(series)
    train, test = parts
    horizon, season = PANELS[name]
    found = np.array([test[key] for key in train])
    assert found.shape[1] == horizon
    return Panel([np.array(y) for y in train.values()], found, season)


def score_panel(panel: Panel, models: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    """MASE, WQL and, of a single model, seconds, by what was scored."""
    scores: dict[str, tuple[float, ...]] = {}
    found = {}
    for model in models:
        began = time.process_time()
        found[model] = panel.forecast(model)
        seconds = time.process_time() - began
        scores[model] = (*panel.score(found[model].forecasts, found[model].quantiles), seconds)
    for names in TOGETHER:
        if set(names) <= set(models):
            parts = [found[name] for name in names]
            for kind, together in (("mean", np.mean), ("median", np.median))[: len(names) - 1]:
                middle = together([part.forecasts for part in parts], axis=0)
                bounds = together([part.quantiles for part in parts], axis=0)
                scores[f"{kind} {' '.join(names)}"] = panel.score(middle, bounds)
    return scores


def main() -> None:
    models = tuple(sys.argv[1:]) or MODELS
    for name in PANELS:
        panel = read_panel(name)
        print(f"{name}: {len(panel.train)} series\n{'model':28} {'MASE':>8} {'WQL':>8} {'s':>6}")
        for model, (mase, wql, *seconds) in score_panel(panel, models).items():
            print(f"{model:28} {mase:8.4f} {wql:8.4f} {' '.join(f'{each:6.2f}' for each in seconds)}")


if __name__ == "__main__":
    main()
