"""Read and write tables, whole or in pieces: CSV, TSV, Parquet and JSON lines; read also Arrow, Excel, .gz and .zip."""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from seqconv.data.outputs import whole_file
from seqconv.data.readers.delimited import read_delimited
from seqconv.data.readers.files import GUESS, Table, check_names, open_content
from seqconv.data.readers.folders import describe_parts, list_parts
from seqconv.data.readers.forks import check_threads
from seqconv.data.readers.hub import describe_names, name_classes, read_class_names
from seqconv.data.readers.jsonlines import looks_like_json, read_json_lines
from seqconv.data.readers.workbooks import is_workbook, read_sheet
from seqconv.errors import ConfigError, DataError, SeqconvError

if TYPE_CHECKING:
    import polars

__all__ = [
    "Frame",
    "Table",
    "add_columns",
    "create_table",
    "iterate_tables",
    "read_table",
    "write_table",
]

Frame = Any  # polars.DataFrame, for modules that pass frames on without importing polars
_PLAIN = (str, int, float, bool, list, type(None))  # types that JSON can hold
_JSON = "JSON objects, one on each line or all in a list"
_NAMED = dict.fromkeys((".json", ".jsonl", ".ndjson"), _JSON) | {".parquet": "Parquet", ".arrow": "Arrow data"}
_NAMED |= {".feather": "Arrow data", ".npz": "numpy arrays", ".npy": "a numpy array"}  # what no table is by mistake
ENDINGS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")


def read_table(path: str | Path, header: bool | None = None, strings: bool = False, decimal: str = GUESS) -> Table:
    """Read a table of text and numbers; the content decides the format, not the file name.

    CSV and TSV: separator, header and encoding are inferred and noted. A column is Int64 or Float64 if all its cells
    are numbers, empty or a word like NA; everything else stays as written, and nothing is parsed as a time. Empty cells
    are null; a cell `""` is an empty text.

    Args:
        path: CSV, TSV, JSON lines, Parquet, Arrow or Excel, optionally packed as .gz, .zst or .zip. A file that is
            called the first of several parts, `train-00000-of-00002.parquet`, stands for all of them.
        header: whether the first row of a CSV or TSV names the columns; None: infer it.
        strings: keep every cell as text.
        decimal: mark of numbers written as text, `point` or `comma`; `guess`: by all columns of a CSV or TSV together.

    Raises:
        DataError: a missing, damaged or empty file; no rows; a missing or duplicate column name; rows of different
            lengths; an unclosed quote; NUL or undecodable bytes; JSON lines that are not objects with the same keys.
    """
    path = Path(path)
    with open_content(path) as content:
        return next(_read(path, content, header, strings, None, decimal))


def iterate_tables(
    path: str | Path, rows: int, header: bool | None = None, strings: bool = False, decimal: str = GUESS
) -> Iterator[Table]:
    """The same in pieces of about `rows` rows, for files larger than memory; types are inferred piece by piece.

    Raises:
        DataError: see `read_table`; a broken row is found only when its piece is reached.
    """
    path = Path(path)
    with open_content(path) as content:
        yield from _read(path, content, header, strings, rows, decimal)


def _read(
    path: Path, content: IO[bytes], header: bool | None, strings: bool, rows: int | None, decimal: str
) -> Iterator[Table]:
    check_threads()
    magic = content.read(6)
    content.seek(0)
    if magic[:2] == b"PK" and is_workbook(content):
        sheet, notes = read_sheet(path, content)
        read = read_delimited(path, io.BytesIO(sheet), header, strings, rows, decimal)
        return (replace(each, notes=(*notes, *each.notes)) for each in read)
    form = "parquet" if magic[:4] in (b"PAR1", b"PARE") else ""
    form = "arrow" if magic == b"ARROW1" or magic[:4] == b"\xff\xff\xff\xff" else form
    if form:
        return (replace(each, decimal=decimal) for each in _read_columns(path, content, form, strings, rows))
    if rows is None:
        content = io.BytesIO(content.read())  # unpacked once, though read several times
    if looks_like_json(content):
        return (replace(each, decimal=decimal) for each in read_json_lines(path, content, strings, rows))
    kind = next((_NAMED[each] for each in path.suffixes if each in _NAMED), "") if magic.strip() else ""
    if kind:
        raise DataError(f"{path}: must hold {kind}, as its name says; it does not. Correct it, or rename it")
    return read_delimited(path, content, header, strings, rows, decimal)


def _read_columns(path: Path, content: IO[bytes], form: str, strings: bool, rows: int | None) -> Iterator[Table]:
    """Parquet and Arrow, in slices: polars decodes only the row groups that a slice needs."""
    import polars

    try:
        with _hide_panics():
            source = path if isinstance(content, io.BufferedReader) else content
            classes = read_class_names(source) if form == "parquet" else {}
            content.seek(0)
            frame = _scan(source, form, content.read(6))
            names = frame.collect_schema().names()
            height = int(frame.select(polars.len()).collect().item())
        check_names(str(path), names)
        if not height:
            raise DataError(f"{path}: must have rows; got none. Give a file with data")
        for first in range(0, height, rows or height):
            with _hide_panics():
                piece = frame.slice(first, rows or height).collect()
            numbers = range(first + 1, first + 1 + len(piece))
            notes = (*describe_parts(path), *describe_names(classes))
            yield Table(simplify_types(name_classes(piece, classes), strings), path, form, notes, numbers)
    except (polars.exceptions.PolarsError, OSError, ValueError, polars.exceptions.PanicException) as error:
        if isinstance(error, DataError):
            raise
        panic = isinstance(error, polars.exceptions.PanicException)
        problem = "" if panic else f" ({str(error).partition(chr(10))[0]})"
        raise DataError(f"{path}: must be a complete {form} file; it is damaged{problem}. Write it again") from error


@contextlib.contextmanager
def _hide_panics() -> Iterator[None]:
    """Show what polars writes to standard error only if it raises no error: its threads print their panics there."""
    try:
        written, kept = tempfile.TemporaryFile(), os.dup(2)  # noqa: SIM115
    except OSError:  # there is no standard error, or no place for a file
        yield
        return
    with written:
        try:
            os.dup2(written.fileno(), 2)
            yield
            os.dup2(kept, 2)
            written.seek(0)
            os.write(2, written.read())
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _scan(source: Path | IO[bytes], form: str, magic: bytes) -> "polars.LazyFrame":
    import polars

    if not isinstance(source, Path):
        source.seek(0)
    if form == "parquet":
        return polars.scan_parquet(list_parts(source) if isinstance(source, Path) else source)
    return polars.scan_ipc(source) if magic == b"ARROW1" else polars.read_ipc_stream(source).lazy()


def simplify_types(frame: "polars.DataFrame", strings: bool = False) -> "polars.DataFrame":
    """Numbers as Int64 or Float64, categories as text; with `strings`, everything but lists as text."""
    import polars

    kinds: list[tuple[polars.Expr, type[polars.DataType]]] = []
    for name, kind in frame.schema.items():
        nested = kind.is_nested() or kind == polars.Binary
        if isinstance(kind, polars.Categorical | polars.Enum | polars.Null) or (strings and not nested):
            kinds.append((polars.col(name), polars.String))
        elif kind.is_integer() and kind not in (polars.UInt64, polars.Int128):
            kinds.append((polars.col(name), polars.Int64))
        elif kind.is_numeric():
            kinds.append((polars.col(name), polars.Float64))
    return frame.with_columns(column.cast(kind) for column, kind in kinds)


def write_table(
    frames: "polars.DataFrame | Iterable[polars.DataFrame]", path: str | Path, partial: Path | None = None
) -> None:
    """Write a frame, or a frame in pieces, as CSV, TSV, Parquet or JSON lines by file extension.

    The table is written to a temporary file in the same folder and then renamed.

    Args:
        partial: where to leave the pieces that were written when a later one fails or the user interrupts; None:
            nowhere.

    Raises:
        ConfigError: another extension, a path that cannot be written, or lists of numbers in a CSV.
        DataError: no pieces, or pieces with different columns.
    """
    import polars

    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(f"{path}: must end in {', '.join(ENDINGS)}; got {path.suffix or 'no extension'!r}. Rename it")
    pieces = iter([frames] if isinstance(frames, polars.DataFrame) else frames)
    try:
        with whole_file(path) as fresh:
            fresh.touch()  # what cannot be written is refused before the work
            first = next(pieces, None)
            if first is None:
                raise DataError(f"{path}: must get at least one piece of a table; got none")
            try:
                _write(_alike(path, first, pieces), first.schema, fresh, path.suffix.lower())
            except (SeqconvError, KeyboardInterrupt):
                if partial is not None and fresh.exists() and fresh.stat().st_size:
                    fresh.replace(partial)
                raise
    except (OSError, polars.exceptions.PolarsError) as error:
        problem = getattr(error, "strerror", None) or str(error).partition("\n")[0].rpartition("error: ")[2]
        raise ConfigError(f"{path}: must be written completely; {problem}. Nothing was kept") from error


def _alike(path: Path, first: "polars.DataFrame", pieces: "Iterator[polars.DataFrame]") -> "Iterator[polars.DataFrame]":
    yield first
    for piece in pieces:
        if piece.columns != first.columns:
            problem = "a later piece does not have the same columns as the first"
            raise DataError(f"{path}: must be written completely; {problem}. Nothing was kept")
        yield piece


def _write(pieces: "Iterator[polars.DataFrame]", schema: "polars.Schema", path: Path, ending: str) -> None:
    if ending == ".parquet":
        _sink(pieces, schema, path)
        return
    with path.open("wb") as out:
        for number, piece in enumerate(pieces):
            if ending in (".jsonl", ".ndjson"):
                piece.write_ndjson(out)
            else:
                _join_lists(piece).write_csv(
                    out, include_header=not number, separator="\t" if ending == ".tsv" else ","
                )


def _join_lists(frame: "polars.DataFrame") -> "polars.DataFrame":
    """Lists of strings, such as the labels of a JSON line, as CSV cells separated by `|`."""
    import polars

    lists = [name for name, kind in frame.schema.items() if kind == polars.List(polars.String)]
    return frame.with_columns(polars.col(name).list.join("|") for name in lists)


def add_columns(table: Table, columns: Mapping[str, np.ndarray | list[str]]) -> "polars.DataFrame":
    """The table's frame with extra columns after its own; NaN becomes null.

    Raises:
        DataError: the table already has a column of that name.
    """
    for name in columns:
        if name in table.frame.columns:
            raise DataError(f"{table.path}: must not have a column {name!r}, which is the name of an output. Rename it")
    added = create_table(columns)
    return table.frame.with_columns(added.get_columns())


def create_table(columns: Mapping[str, np.ndarray | list[str]]) -> "polars.DataFrame":
    """A frame with these columns; NaN becomes null."""
    import polars

    check_threads()
    return polars.DataFrame({name: polars.Series(values, nan_to_null=True) for name, values in columns.items()})


def print_csv(frames: "Iterable[polars.DataFrame]", out: IO[bytes]) -> None:
    """Write the pieces of one table as CSV, with one header."""
    for number, frame in enumerate(frames):
        out.write(_join_lists(frame).write_csv(include_header=number == 0).encode())
        out.flush()


def to_rows(frame: "polars.DataFrame") -> "list[dict[str, Any]]":
    """One mapping per row, for JSON; times as ISO 8601."""
    return [
        {name: value if isinstance(value, _PLAIN) else str(value) for name, value in row.items()}
        for row in frame.to_dicts()
    ]


def _sink(pieces: "Iterator[polars.DataFrame]", schema: "polars.Schema", path: Path) -> None:
    """Write a Parquet file piece by piece.

    A piece that fails ends the stream normally, so that polars closes the file; the error is raised afterwards.
    """
    from polars.io.plugins import register_io_source

    problems: list[Exception] = []

    def supply(columns: object, predicate: object, rows: object, size: object) -> "Iterator[polars.DataFrame]":
        try:
            yield from (piece.cast(schema) for piece in pieces)
        except Exception as error:
            problems.append(error)

    register_io_source(supply, schema=schema).sink_parquet(path)
    if problems:
        raise problems[0]
