"""Strict reader for cells separated by commas, semicolons, tabs or bars: rows of equal length, every quote closed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from seqconv.data.readers.files import BLOCK, Table, check_names, describe_encoding, find_encoding, read_utf8
from seqconv.data.readers.numbers import find_kind, to_numbers
from seqconv.data.readers.quotes import end_of_rows, find_rows, has_regular_rows, read_quoting, split_rows
from seqconv.data.records import count
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}  # on a tie, the one rarer in text wins
SAMPLE = 1 << 18  # bytes from which the separator, the header and the types are inferred
_LIKE_NUMBER = re.compile(r"[+-]?[\d.][\d\s.,:/TZeE+-]*")  # numbers, dates and times


@dataclass(frozen=True)
class _Dialect:
    path: Path
    separator: str
    quoted: bool
    header: bool
    names: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def format(self) -> str:
        return "tsv" if self.separator == "\t" else "csv"


def read_delimited(
    path: Path, content: IO[bytes], header: bool | None, strings: bool, rows: int | None = None
) -> Iterator[Table]:
    """Tables of about `rows` rows each; None: one table.

    Raises:
        DataError: see `tables.read_table`.
    """
    encoding = find_encoding(path, content)
    sample, whole = _read_sample(path, content, encoding)
    separator = _guess_separator(sample)
    quoted, note = read_quoting(path, read_utf8(path, content, encoding, BLOCK), separator)
    content.seek(0)
    first = split_rows((sample if whole else sample[: end_of_rows(sample, quoted)]).decode(), separator, quoted)
    notes = (*describe_encoding(encoding), *([note] if note else []))
    dialect = _settle(path, first, separator, quoted, header, notes)
    size = -1 if rows is None else max(rows * len(sample) // max(len(first), 1), 1 << 12)
    blocks = read_utf8(path, content, encoding, size)
    line, skip, empty = 1, int(dialect.header), True
    for piece in [_without_blank_end(next(blocks))] if rows is None else _whole_rows(blocks, quoted):
        table, line = _parse(dialect, piece, line, skip, strings)
        skip = 0
        if table is not None:
            empty = False
            yield table
    if empty:
        raise DataError(f"{path}: must have rows below its header; got none. Give a file with data")


def _read_sample(path: Path, content: IO[bytes], encoding: str) -> tuple[bytes, bool]:
    """The start of the file, at least its first row, and whether that is the whole file; `content` is rewound."""
    size, sample, whole = SAMPLE, b"", False
    while not whole and not end_of_rows(sample, quoted=True):
        before, sample = len(sample), next(read_utf8(path, content, encoding, size), b"")
        whole = not content.read(1) or len(sample) == before
        content.seek(0)
        size *= 8
    if b"\r" in sample and b"\n" not in sample:
        raise DataError(f"{path}: lines must end in \\n; they end in \\r alone. Save it with other line endings")
    if not sample.partition(b"\n")[0].strip():
        raise DataError(f"{path}, line 1: must be a header or a row; it is empty. Remove the line")
    return sample, whole


def _guess_separator(sample: bytes) -> str:
    """The separator that most lines hold as often as the first, outside quotes or, if that fits better, anywhere."""
    best, score = ",", 0.0
    text = sample.decode("utf-8", "ignore")
    for version in (re.sub(r'"[^"]*"', "", text), text):
        lines = [line for line in version.split("\n")[:1000] if line]
        for separator in SEPARATORS:
            counts = [line.count(separator) for line in (lines[:-1] if len(lines) > 2 else lines)]
            fraction = counts.count(counts[0]) / len(counts) if counts and counts[0] else 0.0
            if fraction > score:
                best, score = separator, fraction
    return best


def _settle(
    path: Path, rows: list[list[str]], separator: str, quoted: bool, header: bool | None, notes: tuple[str, ...]
) -> _Dialect:
    guessed = _guess_header(rows[:1000]) if header is None else header
    if guessed:
        names = tuple(name.strip() for name in rows[0])
        if names[1:] and not names[0]:  # the index that pandas writes
            names = ("column_1", *names[1:])
            notes = (*notes, "the first column has no name: named column_1")
        check_names(f"{path}, line 1", names)
    else:
        names = tuple(f"column_{number}" for number in range(1, len(rows[0]) + 1))
    if header is None and not guessed:
        notes = (*notes, f"no header: columns named {names[0]}{f' to {names[-1]}' if names[1:] else ''}")
    if separator in ";|":
        notes = (*notes, f"cells separated by {SEPARATORS[separator]}")
    return _Dialect(path, separator, quoted, guessed, names, notes)


def _guess_header(rows: list[list[str]]) -> bool:
    """A header has words above a column of numbers or times; without such a column, none of its cells recurs below."""
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    above = []
    for number, name in enumerate(first):
        cells = [row[number].strip() for row in below if row[number].strip()]
        if (cells or not below) and all(map(_LIKE_NUMBER.fullmatch, cells)):
            above.append(bool(_LIKE_NUMBER.fullmatch(name.strip())))
    if any(above):
        return not all(above) and bool(below)
    return bool(above) or not any(name.strip() and name in {row[i] for row in below} for i, name in enumerate(first))


def _without_blank_end(data: bytes) -> bytes:
    return data.rstrip(b"\r\n") if data.endswith((b"\n\n", b"\n\r\n")) else data


def _whole_rows(blocks: Iterable[bytes], quoted: bool) -> Iterator[bytes]:
    """The blocks, cut at row ends; blank lines are held back, since they may be the end of the file."""
    held, enough = [b""], 0
    for block in blocks:
        held.append(block)
        if sum(map(len, held)) < enough:  # a row longer than a block: do not search for its end after every block
            continue
        data = b"".join(held)
        end = end_of_rows(data, quoted)
        while data.endswith((b"\n\n", b"\n\r\n"), 0, end):
            end = data.rfind(b"\n", 0, end - 1) + 1
        if end:
            yield data[:end]
        held, enough = [data[end:]], 0 if end else 2 * len(data)
    if rest := b"".join(held).rstrip(b"\r\n"):
        yield rest


def _parse(dialect: _Dialect, piece: bytes, line: int, skip: int, strings: bool) -> tuple[Table | None, int]:
    """The table of a piece that starts at `line`, without its first `skip` rows, and the line after the piece."""
    height = piece.count(b"\n") + (not piece.endswith(b"\n"))
    numbers: Sequence[int] = range(line + skip, line + height)
    if dialect.quoted and b'"' in piece:
        rows = _check_rows(dialect, piece, line)
        if len(rows) != height:  # cells that span lines
            numbers = (rows + line)[skip:].tolist()
    elif not has_regular_rows(piece, dialect.separator, len(dialect.names)):
        _check_rows(dialect, piece, line)
    if not len(numbers):
        return None, line + height
    frame, notes = _to_frame(dialect, piece, line, skip, strings)
    if len(frame) != len(numbers):
        raise DataError(f"{dialect.path}: must be a table; got {len(frame)} rows in {len(numbers)} lines. Check quotes")
    notes = (*dialect.notes, *notes)
    return Table(frame, dialect.path, dialect.format, notes, numbers, dialect.header), line + height


def _check_rows(dialect: _Dialect, piece: bytes, line: int) -> np.ndarray:
    """Every row must have a cell for each name. Returns the number of line breaks before each row, `[R]`."""
    rows = find_rows(piece, dialect.separator, dialect.quoted)
    wrong = rows.cells != len(dialect.names)
    if wrong.any():
        first = int(np.argmax(wrong))
        begin, end = (int(row) + line for row in (*rows.breaks, piece.count(b"\n") + 1)[first : first + 2])
        empty = not b"".join(piece.split(b"\n", end - line)[begin - line : end - line]).strip()
        got = "an empty line" if empty else f"{rows.cells[first]}"
        needed = f"{count(len(dialect.names), 'cell')} separated by {SEPARATORS[dialect.separator]}"
        raise DataError(
            f"{dialect.path}, line {begin}: must have {needed}, like line 1; got {got}. Correct or remove the line"
        )
    return rows.breaks


def _to_frame(
    dialect: _Dialect, piece: bytes, line: int, skip: int, strings: bool
) -> tuple["polars.DataFrame", tuple[str, ...]]:
    import polars

    text = dict.fromkeys(dialect.names, polars.String())
    try:
        if not strings:
            try:
                frame = _read(dialect, piece, skip, _guess_kinds(dialect, piece, skip))
            except polars.exceptions.PolarsError:
                frame = _read(dialect, piece, skip, text)
            commas = dialect.separator in ";\t"  # the separators used where the comma is the decimal mark
            columns, notes = zip(*(to_numbers(column, commas) for column in frame), strict=True)
            return polars.DataFrame(list(columns)), tuple(note for each in notes for note in each)
        return _read(dialect, piece, skip, text), ()
    except polars.exceptions.PolarsError as error:
        _check_rows(dialect, piece, line)
        problem = str(error).partition("\n")[0]
        raise DataError(f"{dialect.path}: must be a table; {problem}. Correct the file") from error


def _read(
    dialect: _Dialect, data: bytes, skip: int, kinds: "dict[str, polars.DataType] | dict[str, polars.String]"
) -> "polars.DataFrame":
    import polars

    return polars.read_csv(
        data,
        has_header=False,
        skip_rows=skip,
        schema=dict(kinds),
        separator=dialect.separator,
        quote_char='"' if dialect.quoted else None,
    )


def _guess_kinds(dialect: _Dialect, piece: bytes, skip: int) -> "dict[str, polars.DataType]":
    """Number types from the start of the piece and, if no quotes make that unsafe, its middle and end; else text."""
    import polars

    end = len(piece)
    sample = piece[: end_of_rows(piece[:SAMPLE], dialect.quoted)] if end > SAMPLE else piece
    if end > 4 * SAMPLE and not dialect.quoted:
        for begin in (end // 2, end - SAMPLE):
            sample += piece[piece.find(b"\n", begin) + 1 : begin + SAMPLE].rpartition(b"\n")[0] + b"\n"
    if sample.count(b"\n") <= skip:  # a first row longer than the sample
        return dict.fromkeys(dialect.names, polars.String())
    frame = _read(dialect, sample, skip, dict.fromkeys(dialect.names, polars.String()))
    return {column.name: find_kind(column) or polars.String() for column in frame}
