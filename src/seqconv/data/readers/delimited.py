"""Strict reader for cells separated by commas, semicolons, tabs or bars: rows of equal length, every quote closed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

import numpy as np

from seqconv.data.readers.files import (
    BLOCK,
    GUESS,
    SUGGESTED,
    Table,
    check_line_ends,
    check_names,
    describe_encoding,
    find_encoding,
    read_utf8,
)
from seqconv.data.readers.numbers import find_kind, guess_decimal, is_padded, to_numbers
from seqconv.data.readers.quotes import end_of_rows, find_rows, has_regular_rows, read_quoting, split_rows
from seqconv.data.records import count
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}  # on a tie, the one rarer in text wins
SAMPLE = 1 << 18  # bytes from which the separator, the header and the types are inferred
_HINT = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=(.)"?\r?\n', re.IGNORECASE)  # the line with which Excel names a separator
_FOREIGN = {  # how text of other programs begins
    "an ARFF file": re.compile(rb"(?:\s|%[^\n]*\n)*@relation\b", re.IGNORECASE),
    "a .ts file under another name": re.compile(rb"(?:\s|[#%][^\n]*\n)*@problemname\b", re.IGNORECASE),
    "HTML": re.compile(rb"\s*<(?:!doctype html|html)\b", re.IGNORECASE),
    "XML": re.compile(rb"\s*<\?xml\b"),
}
_LIKE_NUMBER = re.compile(r"[+-]?[\d.][\d\s.,:/TZeE+-]*")  # numbers, dates and times


@dataclass(frozen=True)
class _Dialect:
    path: Path
    separator: str
    quoted: bool
    header: bool
    names: tuple[str, ...]
    notes: tuple[str, ...]
    first: int  # line of the first row
    written: bytes  # the first row, if it is one line
    decimal: str  # mark of numbers, or `guess`

    @property
    def format(self) -> str:
        return "tsv" if self.separator == "\t" else "csv"


def read_delimited(
    path: Path,
    content: IO[bytes],
    header: bool | None,
    strings: bool,
    rows: int | None = None,
    decimal: str = GUESS,
) -> Iterator[Table]:
    """Tables of about `rows` rows each; None: one table.

    Raises:
        DataError: see `tables.read_table`.
    """
    encoding = find_encoding(path, content)
    hint = _find_hint(path, content, encoding)
    sample, whole = _read_sample(path, content, encoding, hint)
    separator = hint or _guess_separator(sample)
    quoted, note = read_quoting(path, _read_blocks(path, content, encoding, hint, BLOCK), separator)
    content.seek(0)
    complete = sample if whole else sample[: end_of_rows(sample, quoted)]
    rows_of_sample = split_rows(complete.decode(), separator, quoted)
    notes = (*describe_encoding(encoding), *([note] if note else []))
    start = sample[: end_of_rows(sample[: sample.find(b"\n") + 1], quoted)]  # empty if the first row spans lines
    dialect = _Dialect(path, separator, quoted, False, (), notes, 2 if hint else 1, start.rstrip(), decimal)
    dialect = _settle(dialect, rows_of_sample, header)
    if len(dialect.names) == 1:
        _check_title(path, sample, dialect.first)
    size = -1 if rows is None else max(rows * len(sample) // max(len(rows_of_sample), 1), 1 << 12)
    blocks = _read_blocks(path, content, encoding, hint, size)
    line, skip, empty = dialect.first, int(dialect.header), True
    for piece in [_without_blank_end(next(blocks))] if rows is None else _whole_rows(blocks, quoted):
        table, line = _parse(dialect, piece, line, skip, strings)
        skip = 0
        if table is not None:
            empty = False
            yield table
    if empty:
        raise DataError(f"{path}: must have rows below its header; got none. Give a file with data")


def _find_hint(path: Path, content: IO[bytes], encoding: str) -> str:
    """The separator that the first line names, like `sep=;`; empty: there is no such line."""
    found = _HINT.match(next(read_utf8(path, content, encoding, 64), b""))
    content.seek(0)
    if found is None:
        return ""
    separator = found[1].decode("utf-8", "replace")
    if separator not in SEPARATORS:
        raise DataError(
            f"{path}, line 1: the separator must be , ; | or a tab; got {separator!r}. Save it with another"
        )
    return separator


def _read_blocks(path: Path, content: IO[bytes], encoding: str, hint: str, size: int) -> Iterator[bytes]:
    """The content in blocks, without the line that names the separator."""
    blocks = read_utf8(path, content, encoding, size)
    if hint:
        yield next(blocks).partition(b"\n")[2]
    yield from blocks


def _read_sample(path: Path, content: IO[bytes], encoding: str, hint: str) -> tuple[bytes, bool]:
    """The start of the file, at least its first row, and whether that is the whole file; `content` is rewound."""
    size, sample, whole = SAMPLE, b"", False
    while not whole and not end_of_rows(sample, quoted=True):
        before, sample = len(sample), next(_read_blocks(path, content, encoding, hint, size), b"")
        whole = not content.read(1) or len(sample) == before
        content.seek(0)
        size *= 8
    if b"\n" not in sample:
        check_line_ends(path, sample)
    if form := next((form for form, start in _FOREIGN.items() if start.match(sample)), ""):
        raise DataError(f"{path}: must be a data file that seqconv reads; it is {form}. {SUGGESTED}")
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


def _check_title(path: Path, sample: bytes, first: int) -> None:
    """Check that the first line of what looks like a single column is no title or comment above a table."""
    text = re.sub(r'"[^"]*"', "", sample.decode("utf-8", "ignore"))
    lines = [line for line in text.split("\n")[:1000] if line.strip()]
    title, lines = "".join(lines[:1]), lines[1:-1] if len(lines) > 3 else lines[1:]  # the last one may be cut
    for mark, name in SEPARATORS.items():
        counts = {line.count(mark) for line in lines}
        sure = title.startswith(("#", "%", "//")) or (len(lines) > 1 and max(counts) > (mark == ","))
        if len(counts) == 1 and sure and max(counts) and mark not in title:
            raise DataError(
                f"{path}, line {first}: must be the header; it has 1 column, most lines have {max(counts) + 1} "
                f"separated by {name}. If it is a title or a comment, remove it"
            )


def _settle(dialect: _Dialect, rows: list[list[str]], header: bool | None) -> _Dialect:
    """The dialect with the names of its columns."""
    guessed = _guess_header(rows[:1000]) if header is None else header
    notes = dialect.notes
    numbered = tuple(f"column_{number}" for number in range(1, len(rows[0]) + 1))
    names = tuple(name.strip() for name in rows[0]) if guessed else numbered
    if unnamed := [place for place, name in enumerate(names) if not name]:
        if len(unnamed) == len(names):
            raise DataError(
                f"{dialect.path}, line {dialect.first}: must be a header or a row; it has no text. Remove it"
            )
        names = tuple(name or numbered[place] for place, name in enumerate(names))
        notes = (*notes, f"{count(len(unnamed), 'column')} without a name: named {_join(numbered, unnamed)}")
    check_names(f"{dialect.path}, line {dialect.first}", names)
    if header is None and not guessed:
        notes = (*notes, f"no header: columns named {names[0]}{f' to {names[-1]}' if names[1:] else ''}")
    if dialect.separator in ";|":
        notes = (*notes, f"cells separated by {SEPARATORS[dialect.separator]}")
    return replace(dialect, header=guessed, names=names, notes=notes)


def _join(names: Sequence[str], places: list[int]) -> str:
    shown = ", ".join(names[place] for place in places[:5])
    return f"{shown} and {len(places) - 5} more" if len(places) > 5 else shown


def _guess_header(rows: list[list[str]]) -> bool:
    """A header has words above a column of numbers or times; without such a column, none of its cells recurs below.

    Files that were joined hold it again: rows equal to the first one do not count.
    """
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if first[1:] and first in below:
        others = [row for row in below if row != first]
        if others and not any(name in {row[i] for row in others} for i, name in enumerate(first)):
            below = others
    above = []  # what stands above the columns of numbers
    for number, name in enumerate(first):
        cells = [row[number].strip() for row in below if row[number].strip()]
        if (cells or not below) and all(map(_LIKE_NUMBER.fullmatch, cells)):
            above.append(name.strip())
    numbers = [bool(_LIKE_NUMBER.fullmatch(name)) for name in above if name]  # an empty cell says nothing
    if any(numbers):
        return not all(numbers) and bool(below)
    return bool(above) or not any(name.strip() and name in {row[i] for row in below} for i, name in enumerate(first))


def _without_blank_end(data: bytes) -> bytes:
    return data.rstrip(b"\r\n") if data.endswith((b"\n\n", b"\n\r\n")) else data


def _whole_rows(blocks: Iterable[bytes], quoted: bool) -> Iterator[bytes]:
    """The blocks, cut at row ends; blank lines are held back, since they may be the end of the file.

    A last row without a line end belongs to the piece before it, so that no piece is one row for that alone.
    """
    held, enough, piece = [b""], 0, b""
    for block in blocks:
        held.append(block)
        if sum(map(len, held)) < enough:  # a row longer than a block: do not search for its end after every block
            continue
        data = b"".join(held)
        end = end_of_rows(data, quoted)
        while data.endswith((b"\n\n", b"\n\r\n"), 0, end):
            end = data.rfind(b"\n", 0, end - 1) + 1
        if end:
            if piece:
                yield piece
            piece = data[:end]
        held, enough = [data[end:]], 0 if end else 2 * len(data)
    if piece := piece + b"".join(held).rstrip(b"\r\n"):
        yield piece


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
    after = line + height
    copies, piece, numbers = _drop_headers(dialect, piece, line, numbers)
    if not len(numbers):
        return None, after
    frame, found, notes = _to_frame(dialect, piece, line, skip, strings)
    if len(frame) != len(numbers):
        raise DataError(f"{dialect.path}: must be a table; got {len(frame)} rows in {len(numbers)} lines. Check quotes")
    notes = (*dialect.notes, *copies, *notes)
    return Table(frame, dialect.path, dialect.format, notes, numbers, dialect.header, dialect.decimal, found), after


def _drop_headers(
    dialect: _Dialect, piece: bytes, line: int, numbers: Sequence[int]
) -> tuple[tuple[str, ...], bytes, Sequence[int]]:
    """The piece and its line numbers without rows that repeat the header, as in files that were joined; and a note."""
    first = int(line == dialect.first)
    if not (dialect.header and dialect.written and dialect.names[1:]) or piece.count(dialect.written) <= first:
        return (), piece, numbers
    lines = piece.split(b"\n")
    known = set(numbers)
    found = [line + at for at, text in enumerate(lines) if text.rstrip() == dialect.written and line + at in known]
    if not found:
        return (), piece, numbers
    shown = ", ".join(map(str, found[:3])) + (f" and {len(found) - 3} more" if found[3:] else "")
    note = f"the header again in line{'s' if found[1:] else ''} {shown}, left out: files that were joined"
    kept = known - set(found)
    rest = b"\n".join(text for at, text in enumerate(lines, line) if at not in set(found))
    return (note,), rest, [number for number in numbers if number in kept]


def _check_rows(dialect: _Dialect, piece: bytes, line: int) -> np.ndarray:
    """Every row must have a cell for each name. Returns the number of line breaks before each row, `[R]`."""
    rows = find_rows(piece, dialect.separator, dialect.quoted)
    wrong = rows.cells != len(dialect.names)
    if wrong.any():
        first = int(np.argmax(wrong))
        begin, end = (int(row) + line for row in (*rows.breaks, piece.count(b"\n") + 1)[first : first + 2])
        empty = not b"".join(piece.split(b"\n", end - line)[begin - line : end - line]).strip()
        _refuse_row(dialect, rows.cells, begin, 0 if empty else int(rows.cells[first]))
    return rows.breaks


def _refuse_row(dialect: _Dialect, cells: np.ndarray, line: int, got: int) -> NoReturn:
    """Say why a row has another number of columns than the first: one of the two lines is wrong, or all is."""
    width, sizes = len(dialect.names), np.bincount(cells)
    most = int(np.argmax(sizes))
    columns = f"{count(width, 'column')} separated by {SEPARATORS[dialect.separator]}"
    if got and most > 1 and most != width and sizes[most] > len(cells) // 2:
        raise DataError(
            f"{dialect.path}, line {dialect.first}: must be the header; it has {columns}, most lines have {most}. "
            f"If it is a title or a comment, remove it{'; if the lines are texts, quote them' if width == 1 else ''}"
        )
    shown = str(got) if got else "an empty line"
    cure = SUGGESTED if got and width == 1 else "Correct or remove the line"
    raise DataError(f"{dialect.path}, line {line}: must have {columns}, like line {dialect.first}; got {shown}. {cure}")


def _to_frame(
    dialect: _Dialect, piece: bytes, line: int, skip: int, strings: bool
) -> tuple["polars.DataFrame", str, tuple[str, ...]]:
    """The cells of a piece, the decimal mark that they prove, and notes."""
    import polars

    text = dict.fromkeys(dialect.names, polars.String())
    try:
        if strings:
            return _read(dialect, piece, skip, text), GUESS, ()
        try:
            kinds, found = _guess_kinds(dialect, piece, skip)
            frame = _read(dialect, piece, skip, kinds)
        except polars.exceptions.PolarsError:
            frame = _read(dialect, piece, skip, text)
            found = guess_decimal(frame)
        commas = dialect.separator in ";\t"  # the separators used where the comma is the decimal mark
        columns, notes = zip(*(to_numbers(column, dialect.decimal, found, commas) for column in frame), strict=True)
        return polars.DataFrame(list(columns)), found, tuple(note for each in notes for note in each)
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


def _guess_kinds(dialect: _Dialect, piece: bytes, skip: int) -> "tuple[dict[str, polars.DataType], str]":
    """Number types from the start of the piece and, if no quotes make that unsafe, its middle and end; else text.

    And the decimal mark that the same rows prove.
    """
    import polars

    end = len(piece)
    sample = piece[: end_of_rows(piece[:SAMPLE], dialect.quoted)] if end > SAMPLE else piece
    if end > 4 * SAMPLE and not dialect.quoted:
        for begin in (end // 2, end - SAMPLE):
            sample += piece[piece.find(b"\n", begin) + 1 : begin + SAMPLE].rpartition(b"\n")[0] + b"\n"
    if sample.count(b"\n") <= skip:  # a first row longer than the sample
        return dict.fromkeys(dialect.names, polars.String()), GUESS
    frame = _read(dialect, sample, skip, dict.fromkeys(dialect.names, polars.String()))
    found = guess_decimal(frame)
    decimal = found if dialect.decimal == GUESS else dialect.decimal
    kinds = {each.name: None if is_padded(each) else find_kind(each, decimal) for each in frame}
    return {name: kind or polars.String() for name, kind in kinds.items()}, found
