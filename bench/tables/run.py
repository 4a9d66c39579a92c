"""seqconv and libraries of the field on tables to forecast: python bench/tables/run.py [TABLE ...] [--only LIBRARY].

Each work is a process of its own, one at a time; its processor seconds and its largest memory count, imports included.
Results go to bench/results/tables.json as they come; bench/tables/page.py writes docs/forecasting-tables.md from them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from libraries import LIBRARIES, REFITTED
from tables import TABLES, Table, measure

RESULTS = Path(__file__).parents[1] / "results" / "tables.json"
FEW_WINDOWS = 100  # in which a model need not be fitted again
# which statsforecast cannot forecast from one fit, and mlforecast not in a reasonable time
MOST_WINDOWS = {"AutoETS": 1, "AutoTheta": 1, "LightGBM": 100}


def main() -> None:
    """Run what is asked for and is not done yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--work", action="store_true")
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(TABLES[options.tables[0]], options.only, options.seeds)))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.tables:
        for library in LIBRARIES:
            if options.only not in ("", library) or not suits(library, TABLES[name]):
                continue
            for seed in range(options.seeds if library == "seqconv" else 1):
                found = start(name, library, seed)
                print(name, library, seed, {key: round(value, 4) for key, value in found.items()}, flush=True)
                results.setdefault(name, {}).setdefault(library, {})[str(seed)] = found
                RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def suits(library: str, table: Table) -> bool:
    """Whether a table is forecast by a library: one that is fitted again needs windows of years."""
    return table.windows > FEW_WINDOWS if library in REFITTED else table.windows <= MOST_WINDOWS.get(library, 1000)


def start(table: str, library: str, seed: int) -> dict[str, float]:
    """The scores that a process of its own finds, and what it used."""
    words = [sys.executable, __file__, table, "--only", library, "--seeds", str(seed), "--work"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"NIXTLA_ID_AS_COL": "1"})
    output = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{library} on {table}: stopped with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(output.splitlines()[-1]) | {
        "processor seconds": seconds,
        "seconds": time.perf_counter() - began,
    }


def work(table: Table, library: str, seed: int) -> dict[str, float]:
    """The scores of one library on one table."""
    train, whole = table.split()
    found = measure(table, whole, LIBRARIES[library](table, train, whole, seed))
    return found | {"memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    main()
