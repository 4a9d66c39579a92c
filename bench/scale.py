"""How `seqconv forecast` grows with series, rows and known columns: `python bench/scale.py`.

Writes bench/results/forecasting-scale.json, which bench/tables/page.py shows. Each size is a made-up table and a
process of its own, so that the memory is that of one forecast; about 6 minutes on two quiet cores.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars
from machine import read_processor

RESULT = Path(__file__).parent / "results" / "forecasting-scale.json"
SEED = 0
MONTHS, DAYS = 12, 28  # to forecast
SIZES = {  # what grows: series, rows of each, known columns
    "series": ((1_000, 100, 0), (10_000, 100, 0), (100_000, 100, 0)),
    "rows": ((1_000, 200, 3), (1_000, 500, 3), (1_000, 1_000, 3)),
    "known": ((1_000, 1_000, 0), (1_000, 1_000, 1), (1_000, 1_000, 3), (1_000, 1_000, 10)),
}
READ = """
import sys, time
from seqconv.data.datasets import load_panel
from seqconv.recipes.sections import PanelDataConfig
config = PanelDataConfig(source=sys.argv[1], target=("y",), known=tuple(sys.argv[2:]))
started = time.perf_counter()
load_panel(config)
print(time.perf_counter() - started)
"""


def write_table(path: Path, series: int, rows: int, known: int) -> list[str]:
    """A table of levels from 10 to 1,000 with a season and noise, moved by its known columns, whose names are given."""
    random = np.random.default_rng(SEED)
    monthly = not known and rows == 100
    season = 12 if monthly else 7
    wave = 1 + 0.2 * np.sin(2 * np.pi * np.arange(rows) / season)
    y = random.uniform(10, 1000, (series, 1)) * wave * np.exp(0.05 * random.normal(size=(series, rows)))
    columns = {f"known{n}": random.normal(size=(series, rows)).round(2) for n in range(known)}
    for each in columns.values():
        y *= np.exp(0.1 / known * each)
    first = np.datetime64("2015-01") if monthly else np.datetime64("2022-01-01")
    table = {"id": np.repeat(np.arange(series), rows), "time": [str(first + n) for n in range(rows)] * series}
    table |= {"y": y.ravel().round(1)} | {name: each.ravel() for name, each in columns.items()}
    polars.DataFrame(table).write_csv(path)
    return list(columns)


def measure(series: int, rows: int, known: int) -> dict[str, float]:
    """Seconds of a forecast and of reading, processor seconds and the most memory."""
    with tempfile.TemporaryDirectory() as place:
        table = Path(place) / "table.csv"
        names = write_table(table, series, rows, known)
        reading = subprocess.run([sys.executable, "-c", READ, str(table), *names], capture_output=True, check=True)
        horizon = MONTHS if rows == 100 and not known else DAYS
        words = [sys.executable, "-m", "seqconv", "forecast", str(table), "--target", "y", "--horizon", str(horizon)]
        words += [*(["--known", ",".join(names)] if names else []), "--run", f"{place}/run", "--quiet", "--json"]
        with (Path(place) / "output").open("wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(words, stdout=output, stderr=output)
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            raise RuntimeError(f"seqconv forecast stopped:\n{Path(output.name).read_text()[-2000:]}")
    megabytes = used.ru_maxrss / 1000 if sys.platform == "linux" else used.ru_maxrss / 1e6
    processor = used.ru_utime + used.ru_stime
    return {"seconds": seconds, "processor": processor, "reading": float(reading.stdout), "megabytes": megabytes}


def main() -> None:
    grows: dict[tuple[int, int, int], list[str]] = {}
    for name, sizes in SIZES.items():
        for size in sizes:
            grows.setdefault(size, []).append(name)
    points = []
    for size, names in grows.items():
        own = dict(zip(("series", "rows", "known"), size, strict=True))
        points.append(own | measure(*size) | {"grows": names})
        print(points[-1], flush=True)
    facts = {
        "machine": f"{os.cpu_count()} cores of {read_processor()}",
        "when": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    RESULT.write_text(json.dumps({"facts": facts, "points": points}, indent=1) + "\n")


if __name__ == "__main__":
    main()
