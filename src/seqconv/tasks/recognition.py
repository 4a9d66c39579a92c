"""Infer the task from a file: labelled texts, a time series or labelled sequences."""

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqconv.data.readers.arrays import holds_sequences
from seqconv.data.readers.columns import AS_SEQUENCES, LABEL_NAMES, TEXT_NAMES, holds_sentences
from seqconv.data.readers.files import open_content, strip_packing
from seqconv.data.readers.ids import number_series
from seqconv.data.readers.parts import is_year
from seqconv.data.readers.sequence_tables import holds_outcome
from seqconv.data.readers.series import find_times
from seqconv.data.readers.tables import Table, iterate_tables, read_table
from seqconv.errors import ConfigError
from seqconv.tasks.kinds import TASKS

if TYPE_CHECKING:
    import polars

SAMPLE = 1000  # rows examined
FEW = 3  # columns of numbers, or numbers in a list, that may be a sequence where a label is named
OF_OTHERS = ("data.text", "text.", "windows.", "forecast.", "data.known", "data.past", "data.static")
OF_SERIES = (
    *("windows.", "forecast.", "data.id", "data.known", "data.past", "data.static", "data.interval", "data.time"),
    *("data.inputs", "data.calendar", "data.holidays", "data.frequency", "data.fill", "data.duplicates"),
)
OWN_FORMATS = (".ts", ".arff", ".npy", ".npz")
ARCHIVES = (".npz", ".tar", ".tar.gz", ".tgz")
WIDE = 20  # columns of numbers from which a row without a time is taken for a sequence

_NUMBERS = re.compile(r"[\s\d.eE+-]+")


def guess_task(path: Path, given: Collection[str]) -> tuple[str, str]:
    """The task, `text`, `series` or `sequence`, and the reason.

    Args:
        path: a file or folder.
        given: settings that the user named, such as `data.target`, perhaps with their values as TOML; some imply a
            task.

    Raises:
        ConfigError: more than one task is possible.
        DataError: the file cannot be read.
    """
    plain = strip_packing(path.name)
    if why := _recognise_sequences(path, given, plain):
        return "sequence", why
    if plain.endswith((".ts", ".arff", ".npy")):
        return "sequence", f"a {Path(plain).suffix} file"
    if plain.endswith(".npz") and holds_sequences(path):
        return "sequence", "an .npz file with values and labels"
    if "data.target" in given and (why := _recognise_texts(path, given)):
        return "text", why
    for task in TASKS.values():
        for name in sorted(given):
            if name.startswith(task.named_by):
                return task.name, f"{name} is given"
    if path.is_dir():
        return "text", "a folder"
    if plain.endswith((".npz", ".tar", ".tgz")):
        return "text", "an archive of reviews"
    with open_content(path) as content:
        if content.read(9) == b"__label__":
            return "text", "lines that start with __label__"
    return _look(path, next(iterate_tables(path, SAMPLE)), plain)


def _recognise_sequences(path: Path, given: Collection[str], plain: str) -> str:
    """Why a table holds sequences, by the columns that the user named; empty: it does not, or they do not tell."""
    label, target, id_ = (name in given for name in ("data.label", "data.target", "data.id"))
    if path.is_dir() or not (label or target) or any(name.startswith(OF_OTHERS) for name in given):
        return ""
    if plain.endswith(OWN_FORMATS) or (label and id_):
        return "data.id and data.label are given" if id_ else f"a {Path(plain).suffix} file"
    if plain.endswith(ARCHIVES):
        return ""
    table = next(iterate_tables(path, SAMPLE))
    if id_:
        found = _is_constant(table, given) and _is_constant(read_table(path), given)
        return "data.target is the same in all rows of each data.id" if found else ""
    numbers = [column.name for column in table.frame if column.dtype.is_numeric()]
    counted = "data.interval" in given  # the rows of a series without times
    wide = len(numbers) >= (FEW if label else WIDE) and not counted and not find_times(table, "")
    if _holds_lists(table):
        return "lists of numbers"
    texts = [column for column in table.frame if _is_text(column)]
    return "columns of numbers, and a label or a target for each row" if wide and not texts else ""


def _recognise_texts(path: Path, given: Collection[str]) -> str:
    """Why a table whose target the user named holds texts with numbers; empty: it does not, or nothing tells."""
    if path.is_dir() or path.name.endswith(ARCHIVES) or any(name.startswith(OF_SERIES) for name in given):
        return ""
    table = next(iterate_tables(path, SAMPLE))
    texts = [column.name for column in table.frame if _is_text(column) and 2 * column.n_unique() > len(column)]
    if not texts or ("data.columns" not in given and _is_in_order(table)):
        return ""
    return f"{texts[0]!r} holds texts"


def _is_in_order(table: Table) -> bool:
    """Whether rows follow one another in time, each at a time of its own, as those of one series do."""
    for name in find_times(table, "")[:1]:
        cells = table.frame[name].drop_nulls()
        told = (
            str(cells.dtype) != "String" or cells.str.contains(r"^\d{4}\D").all()
        )  # the order of texts is that of times
        ordered = not told or cells.is_sorted() or cells.is_sorted(descending=True)
        return cells.n_unique() == len(cells) and bool(ordered)
    return False


def _is_constant(table: Table, given: Collection[str]) -> bool:
    """Whether the target is the same in all rows of each id, of which there are several rows."""
    if not isinstance(given, Mapping):
        return False
    ids, (target, *others) = (tomllib.loads(f"x = {given[name]}")["x"] for name in ("data.id", "data.target"))
    if others or any(name not in table.frame.columns for name in (target, *ids)):
        return False
    series, keys = number_series(table, ids)
    one = table.frame[target].to_numpy()
    first = one[np.unique(series, return_index=True)[1]][series]
    return len(keys) < len(series) and bool((one == first).all())


def _holds_lists(table: Table) -> bool:
    """Whether a column holds lists of numbers."""
    import polars

    for column in table.frame:
        if str(column.dtype).startswith(("List", "Array")):
            cells = column.head(10).explode().drop_nulls()
            if len(cells) > FEW * len(column.head(10)) and not cells.cast(polars.Float64, strict=False).null_count():
                return True
    return False


def _look(path: Path, table: Table, name: str) -> tuple[str, str]:
    numbers = [column.name for column in table.frame if column.dtype.is_numeric()]
    if name.endswith(".tsv") and len(numbers) == table.frame.width and table.frame.columns[0] == "column_1":
        return "sequence", "rows of numbers without a header in a .tsv file"
    if _holds_lists(table):
        return "sequence", "lists of numbers"
    times = find_times(table, "")
    if not times and _are_rows_of_numbers(table):
        if name.endswith(".txt"):
            return "sequence", "rows of numbers in a .txt file"
        raise ConfigError(f"{path}: looks like a sequence in each row. Rename it to .txt, or separate cells by commas")
    if not times and len(numbers) >= max(WIDE, table.frame.width - 1):
        if holds_outcome(table):
            return "sequence", "columns of numbers, and a label for each row"
        what = f"for sequences, {AS_SEQUENCES}; for a series, pass --target and --every"
        raise ConfigError(f"{path}: looks like a sequence in each row, without a label. Choose: {what}")
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
