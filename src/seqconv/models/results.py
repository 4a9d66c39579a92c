"""The file in which a run keeps its results, `metrics.json`, written and read back."""

import json
from pathlib import Path

from seqconv.errors import BundleError
from seqconv.models.folders import finish_replacement
from seqconv.tasks.results import FORMAT, BacktestResults, RunResults

RESULTS = "metrics.json"


def write_results(results: RunResults | BacktestResults, folder: Path) -> None:
    """Write the results of a run or a backtest into its folder."""
    (folder / RESULTS).write_text(json.dumps(results.to_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_results(folder: Path) -> RunResults:
    """The results of a run, written by this version or an older one.

    Raises:
        BundleError: no run folder, damaged results, or those of a newer version.
    """
    finish_replacement(folder)
    path = folder / RESULTS
    try:
        table = json.loads(path.read_text("utf-8"))
        number = table.get("format", FORMAT)
        if number in range(1, FORMAT + 1):
            return RunResults.from_dict(table)
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: must be a run folder; it holds no {RESULTS}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise BundleError(f"{path}: must be as seqconv writes it; {error!r}. Train again") from error
    raise BundleError(f"{path}: must be of format {FORMAT}; got {number!r}. Use the seqconv version that wrote it")
