"""Write docs/forecasting-tables.md from bench/results/tables.json: python bench/tables/page.py."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from libraries import LIBRARIES, REFITTED
from tables import LEAGUE, TABLES, Table

ROOT = Path(__file__).parents[2]
RESULTS, PAGE = ROOT / "bench" / "results" / "tables.json", ROOT / "docs" / "forecasting-tables.md"
GROWTH = ROOT / "bench" / "results" / "forecasting-scale.json"
PRETRAINED = (
    *("chronos", "timesfm", "moirai", "tirex", "toto", "tabpfn", "flowstate", "sundial", "ttm", "kairos", "yinglong"),
    *("timecopilot", "visionts", "reverso", "tempopfn", "xlstm", "citras", "ts-icl"),
)
Scores = dict[str, float]
Results = dict[str, dict[str, dict[str, Scores]]]
PANELS = ("tourism_monthly", "m3_monthly", "m4_weekly", "m4_hourly")
MARKETS = ("NP", "PJM", "BE", "FR")
POINT = ("seasonal naive", "LightGBM")  # which give no quantiles
OTHERS = ("bike_sharing", "vic_electricity", "intermittent_demand", "wikipedia_visits", "demo_multi_series")
HEAD = """# Forecasting tables, measured

Written by `bench/tables/page.py` from what `bench/tables/run.py` measured on two cores. seqconv gives its default
answer: `seqconv forecast` with the horizon and, where there are any, the known columns. Every library gets the rows
before the test windows, fits once, and forecasts each window from all rows before it. AutoETS and AutoTheta are
statsforecast's; LightGBM is mlforecast's, with differences at the season, the lags of the newest rows and of four
seasons, and the calendar. Seconds are those of the processor, of the whole process, imports included.

MASE: the mean over series of the error divided by that of the seasonal naive forecast in the training rows. WQL: twice
the pinball loss at 0.1 to 0.9 over the sum of sizes, where a forecast without quantiles stands for each of them. Lower
is better. RMSSE, of intermittent demand: the root mean squared error of the mean of the quantiles divided by that of
the change from row to row. Settings of the network were chosen on rows of NP, FR, M4 weekly and M4 hourly before their
tests; NP and BE were looked at twice (see [decision 21](decisions/0021-a-network-for-panels.md)). Bounds and the ridge
on squashed numbers were chosen on rows of all four markets and of M4 weekly before their tests, which the markets ran
three times on the way (see [decision 29](decisions/0029-bounds-and-peaks.md)). Weights of the networks were chosen on
rows before the tests of twelve tables, most of which were run twice after that (see [decision
48](decisions/0048-which-networks-of-a-panel-count.md)). One seed.{seeds}{former}
"""
PUBLISHED = """
Published numbers of the same test, `league/{folder}/published.csv`:

"""
DAYS = """
## Day-ahead electricity prices, two years of days

The 728 last days of each market (the test of epftoolbox), in the market's currency for a megawatt hour. Our model is
fitted once, before the first of them{again}.
The published ones (Lago et al. 2021) are fitted again every day.

"""
GROWS = """
## Growth

`bench/scale.py`: made-up tables, monthly where series grow in number, else daily; `seqconv forecast`, twelve months or
28 days ahead, a process each. Seconds of the whole command and of reading the table, and the most memory, with two
threads on {machine}, measured {when}.

![Seconds and memory over series, rows and known columns](images/forecasting-scale.svg)

"""


def main() -> None:
    """Read the results, write the page."""
    results: Results = json.loads(RESULTS.read_text("utf-8"))
    seeds = max((len(found.get("seqconv", {})) for found in results.values()), default=1)
    text = HEAD.format(
        seeds=f" seqconv: mean of up to {seeds} seeds, ± half their range." if seeds > 1 else "",
        former=say_former(results),
    )
    text += "\n## Panels\n" + "".join(draw(name, results) for name in PANELS) + compare("panels", PANELS, results)
    text += "\n## Day-ahead electricity prices, 20 days\n\nThe 20 last days (the test of fev-bench).\n"
    text += "".join(draw(name, results) for name in MARKETS) + compare("epf", MARKETS, results)
    text += draw_days(results)
    text += "\n## Other tables\n" + "".join(draw(name, results) for name in OTHERS)
    text += draw_growth() if GROWTH.exists() else ""
    PAGE.write_text(text, "utf-8")


def say_former(results: Results) -> str:
    """Which numbers of ours are older than decision 29, and than the RMSSE; the other ones follow decision 48."""
    former = [name for name, found in results.items() if "RMSSE" not in found.get("seqconv", {}).get("0", {"RMSSE": 0})]
    return f"\nMeasured before decision 29: {', '.join(sorted(former))}." if former else ""


def draw(name: str, results: Results) -> str:
    """The scores of all libraries on one table."""
    table, found = TABLES[name], results.get(name, {})
    # of what is rarely sold sMAPE is 200 % of any forecast but 0
    third, form = ("RMSSE", ".3f") if name == "intermittent_demand" else ("sMAPE", ".2f")
    rows = [
        [library, *show(found[library], library in POINT, third, form)] for library in LIBRARIES if library in found
    ]
    unit = ", %" * (third == "sMAPE")
    return f"\n**{name}**: {describe(table)}.\n\n" + tabulate(
        ("", "MASE", "WQL", third + unit, "in the 80 % interval", "processor s", "memory, MB"), rows
    )


def describe(table: Table) -> str:
    """What is forecast, in a few words."""
    train, whole = table.split()
    series = whole["id"].n_unique()
    windows = f", {table.windows} windows" if table.windows > 1 else ""
    known = f", known: {', '.join(table.known)}" if table.known else ""
    return f"{series:,} series, {len(train):,} rows, {table.horizon} ahead{windows}, season {table.season}{known}"


def show(seeds: dict[str, Scores], point: bool, third: str, form: str) -> list[str]:
    """The cells of one library, with a third score in this form."""

    def cell(key: str, form: str) -> str:
        values = [each[key] for each in seeds.values()]
        half = (max(values) - min(values)) / 2
        return format(sum(values) / len(values), form) + (f" ± {half:{form}}" if len(values) > 1 and half else "")

    return [
        *(cell("MASE", ".3f"), cell("WQL", ".4f"), cell(third, form)),
        "-" if point else cell("covered by 0.1 to 0.9", ".0%"),
        f"{seeds['0']['processor seconds']:,.0f}",
        f"{seeds['0']['memory MB']:,.0f}",
    ]


def compare(folder: str, names: Sequence[str], results: Results) -> str:
    """Our MASE next to the best published ones."""
    rows = []
    for name in names:
        own = results.get(name, {}).get("seqconv", {})
        mean = sum(each["MASE"] for each in own.values()) / max(len(own), 1)
        found = read_published(folder, name, "MASE")
        rows.append([name, f"{mean:.3f}" if own else "-", best(found, False), best(found, True)])
    return PUBLISHED.format(folder=folder) + tabulate(("", "seqconv", "best trained on the table", "pretrained"), rows)


def draw_days(results: Results) -> str:
    """Mean absolute errors of the 728 days."""
    published, rows = ("DNN Ensemble", "LEAR Ensemble"), []
    own = ["seqconv", *(name for name in REFITTED if any(name in found for found in results.values()))]
    for name in MARKETS:
        best = dict(reversed([(model, value) for value, model in read_published("epf", name, "MAE")]))
        found = results.get(f"{name}_728", {})
        cells = [f"{found[each]['0']['MAE']:.3f}" if each in found else "-" for each in (*own, "seasonal naive")]
        rows.append([name, *cells, *(f"{best[each]:.3f}" if each in best else "-" for each in published)])
    again = "" if len(own) == 1 else ", or its members again and again, with what was chosen then"
    head = ("MAE", *(each.removeprefix("seqconv, ") for each in own), "the same hour a day before", *published)
    return DAYS.format(again=again) + tabulate(head, rows)


def draw_growth() -> str:
    """Seconds and memory by series, rows and known columns, and their picture."""
    sys.path.insert(0, str(ROOT / "bench"))
    from pictures import draw_scale

    growth = json.loads(GROWTH.read_text("utf-8"))
    draw_scale(growth["points"], PAGE.parent / "images" / "forecasting-scale.svg")
    rows = [
        [
            *(f"{each[name]:,}" for name in ("series", "rows", "known")),
            *(f"{each[name]:,.0f}" for name in ("seconds", "processor")),
            *(f"{each['reading']:.1f}", f"{each['megabytes']:,.0f}"),
        ]
        for each in growth["points"]
    ]
    head = ("series", "rows of each", "known columns", "seconds", "processor s", "of these reading", "memory, MB")
    return GROWS.format(**growth["facts"]) + tabulate(head, rows)


def read_published(folder: str, key: str, metric: str) -> list[tuple[float, str]]:
    """Values and models, the best first."""
    with (LEAGUE / folder / "published.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if metric in row.values() and key in row.values()]
    name = "method" if rows and "method" in rows[0] else "model"
    return sorted((float(row["value"]), row[name]) for row in rows)


def best(found: list[tuple[float, str]], pretrained: bool) -> str:
    """The best published value of its kind."""
    own = [each for each in found if any(word in each[1].lower() for word in PRETRAINED) == pretrained]
    return f"{own[0][0]:.3f} ({own[0][1]})" if own else "-"


def tabulate(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
