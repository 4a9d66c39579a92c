"""Read a time series from a CSV file: path -> Series."""

import csv
import itertools
import re
import zipfile
import zlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqconv.data import Series, count, unreadable
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

MISSING = -9999.0  # what the Jena station writes where a sensor failed
TIME_FORMATS = ("%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")


def read_series(path: str | Path) -> Series:
    """Read a CSV file, or a zip of one: a header, a column of times, else numbers. -9999 and empty cells are missing.

    Times are `dd.mm.yyyy HH:MM:SS` or `yyyy-mm-dd HH:MM:SS`.

    Raises:
        DataError: no such file; empty; no times; a cell that is no number, or infinite; times that run backwards.
    """
    path = Path(path)
    header, _, rows = _read_csv_bytes(path).partition(b"\n")
    names, notes = _read_header(path, header)
    rows = _QUOTED.sub(rb"\1", rows.rstrip()) if b'"' in rows else rows.rstrip()
    if not rows:
        raise DataError(f"{path}: must hold rows below its header; got none. Give a file with data")
    time_name, time_format = _find_times(path, names, rows.partition(b"\n")[0])
    frame = _read_table(path, names, time_name, rows)
    times, interval_s, time_notes = _read_times(path, frame[time_name], time_format)
    columns = tuple(name for name in names if name != time_name)
    values, value_notes = _read_values(path, frame.select(columns))
    return Series(times, values, columns, interval_s, str(path), (*notes, *time_notes, *value_notes))


def _read_csv_bytes(path: Path) -> bytes:
    try:
        if path.suffix.lower() != ".zip":
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:  # macOS adds __MACOSX/._NAME.csv beside each file
            names = [name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX")]
            if len(names) != 1:
                raise DataError(f"{path}: must hold exactly one CSV file; got {len(names)}. Unpack it and name one")
            return archive.read(names[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataError(
            f"{path}: must be a whole zip file; it is damaged or locked ({error}). Fetch it again"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _read_header(path: Path, line: bytes) -> tuple[list[str], list[str]]:
    notes = []
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = line.decode("cp1252", errors="replace")
        notes.append("the header is not UTF-8; read as cp1252")
    if "\ufffd" in text:
        notes.append("characters of the header are lost (\ufffd)")
    if not text.strip():
        raise DataError(f"{path}: must begin with a header line; it is empty. Give a file with a header and data")
    try:
        names = [name.strip() for name in next(csv.reader([text.strip("\r")]))]
    except csv.Error as error:
        raise DataError(f"{path}, line 1: must be names apart by commas; {error}. Is it the right file?") from error
    for number, name in enumerate(names, start=1):
        if not name or name in names[: number - 1]:
            problem = f"{name!r} comes twice" if name else f"column {number} has no name"
            raise DataError(f"{path}, line 1: each column must have a name of its own; {problem}. Rename it")
    return names, notes


def _find_times(path: Path, names: list[str], first_row: bytes) -> tuple[str, str]:
    """The first column whose first cell is a time, and its format."""
    cells = first_row.decode("cp1252", errors="replace").strip("\r").split(",")
    for (name, cell), time_format in itertools.product(zip(names, cells, strict=False), TIME_FORMATS):
        try:
            datetime.strptime(cell, time_format)
        except ValueError:
            continue
        return name, time_format
    raise DataError(
        f"{path}: must have a column of times like 31.12.2016 23:50:00 or 2016-12-31 23:50:00, cells apart by commas; "
        f"got the columns {', '.join(names)[:100]!r}. Add it, or write the times so"
    )


def _read_table(path: Path, names: list[str], time_name: str, rows: bytes) -> "polars.DataFrame":
    import polars

    schema = {name: polars.String if name == time_name else polars.Float64 for name in names}
    try:
        frame = polars.read_csv(rows, has_header=False, schema=schema, quote_char=None)
        complete = rows.count(b",") == len(frame) * (len(names) - 1)  # polars fills short rows without a word
        reason = "a row of another length"
    except (polars.exceptions.ComputeError, polars.exceptions.SchemaError) as error:
        complete, reason = False, str(error).partition("\n")[0]
    if not complete:
        _check_cells(path, names, time_name, rows)
        raise DataError(f"{path}: must be a table of numbers; {reason}. Correct the file")
    return frame


_QUOTED = re.compile(rb'(?<![^,\n])"([^",\r\n]*)"(?![^,\r\n])')  # a whole cell: polars panics at a stray quote
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|nan|", re.IGNORECASE)


def _check_cells(path: Path, names: list[str], time_name: str, rows: bytes) -> None:
    """Name the first line that is not `len(names)` numbers. Slow: only for a file that failed."""
    for number, line in enumerate(rows.decode("cp1252", errors="replace").split("\n"), start=2):
        where = f"{path}, line {number}"
        cells = line.removesuffix("\r").split(",") if line.strip() else []
        if len(cells) != len(names):
            raise DataError(f"{where}: must hold {len(names)} values; got {len(cells)}. Correct or remove the line")
        for name, cell in zip(names, cells, strict=True):
            if name != time_name and not _NUMBER.fullmatch(cell):
                raise DataError(f"{where}: {name!r} must be a number; got {cell[:40]!r}. Correct it or leave it empty")


def _read_times(path: Path, cells: "polars.Series", time_format: str) -> tuple[np.ndarray, int, list[str]]:
    parsed = cells.str.to_datetime(time_format, time_unit="ms", strict=False)
    if parsed.null_count():
        row = int(parsed.is_null().arg_max() or 0)
        raise DataError(
            f"{path}, line {row + 2}: {cells.name!r} must be a time like those above it; got {cells[row]!r}. Correct it"
        )
    times = parsed.to_numpy().astype("datetime64[s]")
    steps = np.diff(times).astype(np.int64)
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 1
        raise DataError(f"{path}, line {row + 2}: times must not run backwards; got {cells[row]!r}. Sort the rows")
    spacings, counts = np.unique(steps[steps > 0], return_counts=True)
    if not len(spacings):
        raise DataError(f"{path}: must hold at least two times; got {len(times)} rows of one time. Give more rows")
    repeated = int(np.sum(steps == 0))
    notes = [f"{count(repeated, 'time stamp')} repeated, kept"] if repeated else []
    return times, int(spacings[np.argmax(counts)]), notes


def _read_values(path: Path, frame: "polars.DataFrame") -> tuple[np.ndarray, list[str]]:
    if not frame.width:
        raise DataError(f"{path}: must have a column of numbers beside the times; got none. Add one")
    values = np.array(frame.to_numpy(), dtype=np.float64, order="C")
    rows, columns = np.nonzero(np.isinf(values))
    if len(rows):
        name = frame.columns[columns[0]]
        raise DataError(f"{path}, line {rows[0] + 2}: {name!r} must be finite. Correct it or leave it empty")
    empty = np.isnan(values).sum(axis=0)
    sentinel = values == MISSING
    values[sentinel] = np.nan
    notes = []
    for name, blank, marked in zip(frame.columns, empty, sentinel.sum(axis=0), strict=True):
        notes += [f"{count(marked, 'value')} of -9999 in {name!r} read as missing"] if marked else []
        notes += [f"{count(blank, 'value')} missing in {name!r}"] if blank else []
    return values, notes
