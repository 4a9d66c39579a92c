"""The page of bench/forecasting.py and bench/scale.py: docs/forecasting-tables.md, from their results."""

import csv
import json
import os
from pathlib import Path

from pictures import draw_scale

PANELS = {"tourism_monthly": (24, 12), "m3_monthly": (18, 12), "m4_weekly": (13, 1), "m4_hourly": (48, 24)}
MARKETS = ("NP", "PJM", "BE", "FR")
RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"
PRETRAINED = (
    *("chronos", "timesfm", "moirai", "tirex", "toto", "tabpfn", "flowstate", "sundial", "ttm", "kairos", "yinglong"),
    *("timecopilot", "visionts", "reverso", "tempopfn", "xlstm", "citras", "ts-icl"),
)


def league() -> Path:
    return Path(os.environ["SEQCONV_DATA"]) / "league"


def read_results(name: str) -> dict:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


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
Seconds of the whole command on two cores: reading, six models and their blend, judging, fitting again, forecasts, page.
One run each; the only draw is which rows the trees are fitted to (seed 0).

| panel | series, horizon | MASE | WQL | sMAPE, % | seconds | best published MASE, trained on the panel | pretrained |
|---|---|---|---|---|---|---|---|
"""
KNOWN = """
## Day-ahead electricity prices, with known columns

The last 20 days, 24 hours each (the protocol of fev-bench), with the two known columns (`--known`). The model is fitted
once, to the rows before the last 40 days; the first 20 of these choose its weights.

| market | MASE | scaled quantile loss | seconds | best published MASE, trained on the market | pretrained |
|---|---|---|---|---|---|
"""
GROWTH = """
## Growth

`bench/scale.py`: made-up tables, monthly where series grow in number, else daily; `seqconv forecast`, twelve months or
28 days ahead, a process each. Seconds of the whole command and of reading the table, and the most memory, with two
threads on {machine}, measured {when}.

![Seconds and memory over series, rows and known columns](images/forecasting-scale.svg)

| series | rows of each | known columns | seconds | processor seconds | of these reading | memory, MB |
|---:|---:|---:|---:|---:|---:|---:|
"""
LEFT = """
## Not measured yet

The two-year test of epftoolbox, weekly refits, statsforecast and mlforecast on the same cores, the tables of
skforecast, several seeds.
"""


def write_page() -> None:
    """Write the page and its picture from the results that there are."""
    results, growth = read_results("forecasting"), read_results("forecasting-scale")
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
    if growth:
        text += GROWTH.format(**growth["facts"])
        for each in growth["points"]:
            sizes = f"{each['series']:,} | {each['rows']:,} | {each['known']}"
            text += f"| {sizes} | {each['seconds']:.0f} | {each['processor']:.0f} | {each['reading']:.1f} | "
            text += f"{each['megabytes']:,.0f} |\n"
        draw_scale(growth["points"], DOCS / "images" / "forecasting-scale.svg")
    (DOCS / "forecasting-tables.md").write_text(text + LEFT, "utf-8")
