"""Infer the task from a file: labelled texts, a time series or labelled sequences."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from seqconv.data.readers.arrays import holds_sequences
from seqconv.data.readers.columns import AS_SEQUENCES, LABEL_NAMES, TEXT_NAMES, holds_sentences
from seqconv.data.readers.files import open_content
from seqconv.data.readers.parts import is_year
from seqconv.data.readers.series import find_times
from seqconv.data.readers.tables import Table, iterate_tables
from seqconv.errors import ConfigError
from seqconv.tasks.kinds import TASKS

if TYPE_CHECKING:
    import polars

SAMPLE = 1000  # rows examined
WIDE = 20  # columns of numbers from which a row without a time is taken for a sequence

_NUMBERS = re.compile(r"[\s\d.eE+-]+")


def guess_task(path: Path, given: Collection[str]) -> tuple[str, str]:
    """The task, `text`, `series` or `sequence`, and the reason.

    Args:
        path: a file or folder.
        given: settings that the user named, such as `data.target`; some imply a task.

    Raises:
        ConfigError: more than one task is possible.
        DataError: the file cannot be read.
    """
    for task in TASKS.values():
        for name in sorted(given):
            if name.startswith(task.named_by):
                return task.name, f"{name} is given"
    if path.is_dir():
        return "text", "a folder"
    plain = path.name.lower().removesuffix(".gz").removesuffix(".zip")
    if plain.endswith((".ts", ".arff", ".npy")):
        return "sequence", f"a {Path(plain).suffix} file"
    if plain.endswith(".npz") and holds_sequences(path):
        return "sequence", "an .npz file with values and labels"
    if plain.endswith((".npz", ".tar", ".tgz")):
        return "text", "an archive of reviews"
    with open_content(path) as content:
        if content.read(9) == b"__label__":
            return "text", "lines that start with __label__"
    return _look(path, next(iterate_tables(path, SAMPLE)), plain)


def _look(path: Path, table: Table, name: str) -> tuple[str, str]:
    numbers = [column.name for column in table.frame if column.dtype.is_numeric()]
    if name.endswith(".tsv") and len(numbers) == table.frame.width and table.frame.columns[0] == "column_1":
        return "sequence", "rows of numbers without a header in a .tsv file"
    times = find_times(table, "")
    if not times and (len(numbers) >= max(WIDE, table.frame.width - 1) or _are_rows_of_numbers(table)):
        raise ConfigError(
            f"{path}: looks like a sequence in each row, which is read from .ts and .tsv files only. For sequences, "
            f"{AS_SEQUENCES}; for a series, pass --target and --every"
        )
    texts = [column.name for column in table.frame if column.name not in times and _is_text(column)]
    if times and _are_years_that_recur(table, times[0]) and (texts or _find_named(table)):
        times = []
    if texts and not (times and len(numbers) > 1):
        return "text", f"{texts[0]!r} holds texts"
    if times and numbers:
        return "series", f"{times[0]!r} holds times"
    if len(numbers) == table.frame.width:
        return "series", "columns of numbers"
    if text := _find_named(table):
        return "text", f"the columns {text!r}"
    columns = ", ".join(table.frame.columns)[:100]
    raise ConfigError(
        f"{path}: must be texts, a series or sequences; its columns ({columns}) do not show which. "
        "Pass --text and --label, or --target"
    )


def _are_years_that_recur(table: Table, time: str) -> bool:
    """Whether the times are years, and perhaps months, of several rows each, as texts may have them."""
    column = table.frame[time]
    return is_year(column) and column.n_unique() < len(column)


def _is_text(column: "polars.Series") -> bool:
    import polars

    return column.dtype == polars.String and holds_sentences(column)


def _find_named(table: Table) -> str:
    """The names of two columns that are called like texts and labels; empty: there are none."""
    text, label = (
        next((name for name in table.frame.columns if name.lower() in names), "") for names in (TEXT_NAMES, LABEL_NAMES)
    )
    return f"{text}, {label}" if text and label else ""


def _are_rows_of_numbers(table: Table) -> bool:
    """Whether each row is one cell of many numbers separated by spaces, as in .txt files of the UCR archive."""
    if table.frame.width > 1 or str(table.frame.dtypes[0]) != "String":
        return False
    return all(len(cell.split()) > 2 and _NUMBERS.fullmatch(cell) for cell in table.frame.to_series().head(10))
