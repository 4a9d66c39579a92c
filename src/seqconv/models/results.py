"""The file in which a run keeps its results, `metrics.json`, written and read back."""

import json
from pathlib import Path

from seqconv.data.documents import read_document
from seqconv.errors import BundleError, shorten
from seqconv.models.folders import RESULTS, finish_replacement, holds_several, refuse_folder
from seqconv.tasks.results import FORMAT, BacktestResults, RunResults
from seqconv.tasks.tuned import TuneResults


def write_results(results: RunResults | BacktestResults | TuneResults, folder: Path) -> None:
    """Write the results of a run, a backtest or a search into its folder."""
    (folder / RESULTS).write_text(json.dumps(results.to_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_results(folder: Path) -> RunResults:
    """The results of a run, written by this version or an older one.

    Raises:
        BundleError: no run folder, damaged results, or those of a newer version.
    """
    finish_replacement(folder)
    if holds_several(folder):
        raise refuse_folder(folder, "run", RESULTS)
    path = folder / RESULTS
    try:
        table = read_document(path)
        number = table.get("format", FORMAT)
        if number in range(1, FORMAT + 1):
            return RunResults.from_dict(table)
    except FileNotFoundError as error:
        raise refuse_folder(folder, "run", RESULTS) from error
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise BundleError(f"{path}: must be as seqconv writes it; {shorten(error)}. Train again") from error
    raise BundleError(
        f"{path}: must be of format {FORMAT}; got {shorten(repr(number), 40)}. Use the seqconv version that wrote it"
    )
