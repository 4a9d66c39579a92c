"""Read labelled texts: a table, a folder per class, a file per class, or fastText's lines: path -> Texts."""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from seqconv.data.readers.columns import MARKS, find_labels, guess_columns
from seqconv.data.readers.files import BLOCK, Table, describe_encoding, find_encoding, open_content, read_utf8
from seqconv.data.readers.tables import read_table
from seqconv.data.records import Texts, count, unreadable
from seqconv.errors import DataError

if TYPE_CHECKING:
    pass

_PREFIX = "__label__"  # Reference: fastText, Dictionary::getLine: every word that begins so is a label


_TOKEN = re.compile(rf"(?<!\S){_PREFIX}(\S*)")


_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


_TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".json", ".jsonl", ".ndjson", ".ts")


_ABOUT = re.compile(r"readme|licen[cs]e", re.IGNORECASE)  # files beside the data


_TRUTH = {"0": False, "1": True, "false": False, "true": True, "0.0": False, "1.0": True}


@dataclass(frozen=True)
class Rows:
    """Texts and their labels as they stand in the file.

    Args:
        several: each may have any number of labels.
        columns: of a table: that of the texts, then those of the labels.
    """

    texts: list[str]
    labels: Sequence[tuple[str, ...]]
    several: bool
    notes: tuple[str, ...]
    place: Callable[[int], str]
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def read_texts(path: str | Path, text: str = "", label: str = "", header: bool | None = None) -> Texts:
    """Read labelled texts, of one class each or with several labels.

    From a table (see `read_table`); a folder with a subfolder of .txt files for each class; a folder with a file for
    each class, a text a line; or fastText's lines, `__label__x [__label__y ...] text`. Classes come sorted, numbers by
    value.

    Several labels a row: fastText lines, lists in Parquet or JSON, columns of 0 and 1 (`label="a,b,c"`), or cells that
    hold labels apart by a mark. A mark behind the column's name asks for it: `label="tags|"`, `"tags;"` or `"tags,"`;
    `"tags="` says that each cell is one label. Unasked, `|` and `;` are taken for a mark where the labels in such cells
    also stand alone.

    Args:
        text: name or number, from 1, of the column with the texts; empty: guess, and say so in the notes.
        label: the same of the labels.
        header: whether the first row of a CSV or TSV names the columns; None: guess.

    Raises:
        DataError: what `read_table` refuses, no such column, no clear choice, numbers for texts, or a label missing.
    """
    return to_texts(read_rows(Path(path), text, label, header), str(path))


def read_rows(path: Path, text: str = "", label: str = "", header: bool | None = None) -> Rows:
    """The same as it stands in the file, with the place of each text.

    Raises:
        DataError: see `read_texts`.
    """
    if path.is_dir():
        return _read_folder(path)
    if holds_fasttext(path):
        return _read_fasttext(path)
    return rows_from_table(read_table(path, header, strings=True), text, label)


def read_lines(source: str | Path | IO[bytes]) -> Iterator[str]:
    """A text per line, read as they come: from a file, or from a stream of UTF-8 like `sys.stdin.buffer`.

    Raises:
        DataError: a file that cannot be read, NUL bytes, or bytes that are not in the encoding, with their line.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        with open_content(path) as content:
            encoding = find_encoding(path, content)
            yield from (line.decode() for line in _split_lines(read_utf8(path, content, encoding, BLOCK)))
        return
    for number, line in enumerate(source, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f"stdin, line {number}: must be UTF-8 text; {error.reason}. Convert it") from error
        if "\0" in text:
            raise DataError(f"stdin, line {number}: must be text; got a NUL byte. Is it the right input?")
        yield text


def _split_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    for block in blocks:
        first, *others = block.split(b"\n")
        rest.append(first)
        for line in others:
            yield b"".join(rest).removesuffix(b"\r")
            rest = [line]
    if last := b"".join(rest):
        yield last.removesuffix(b"\r")


# A table


def rows_from_table(table: Table, text: str, label: str) -> Rows:
    """Texts and labels of a table that is read already, see `read_texts`."""
    name, label_names, notes = guess_columns(table, text, label)
    notes = (*table.notes, *notes)
    column = table.frame[name]
    if column.null_count() and table.format not in ("csv", "tsv"):  # there an empty cell is an empty text
        row = int(column.is_null().arg_max() or 0)
        raise DataError(f"{table.place(row)}: the text {name!r} must not be missing. Fill it in or remove the row")
    texts = column.fill_null("").to_list()
    if len(label_names) > 1:
        chosen = [_read_truths(table, each) for each in label_names]
        labels = [tuple(np.compress(row, label_names).tolist()) for row in zip(*chosen, strict=True)]
        return Rows(texts, labels, True, notes, table.place, label_names, (name, *label_names))
    mark = find_labels(table, label)[1] if label else ""
    labels, several, note = _read_labels(table, label_names[0], mark)
    return Rows(texts, labels, several, (*notes, *note), table.place, columns=(name, *label_names))


def _read_truths(table: Table, name: str) -> list[bool]:
    cells = table.frame[name].to_list()
    found = [_TRUTH.get(str(cell).strip().lower()) for cell in cells]
    if None in found:
        row = found.index(None)
        got = "nothing" if cells[row] is None else repr(str(cells[row])[:40])
        raise DataError(
            f"{table.place(row)}: the label {name!r} must be 0 or 1, as one of several; got {got}. Correct it"
        )
    return [bool(each) for each in found]


def _read_labels(table: Table, name: str, mark: str) -> tuple[list[tuple[str, ...]], bool, tuple[str, ...]]:
    """The labels of each row, whether there may be several, and a note where that was guessed."""
    import polars

    column = table.frame[name]
    lists = isinstance(column.dtype, polars.List)
    if not lists and column.dtype != polars.String:
        raise DataError(
            f"{table.path}: the label column {name!r} must hold text, numbers or lists; it is {column.dtype}"
        )
    cells = column.cast(polars.List(polars.String)).to_list() if lists else column.str.strip_chars().to_list()
    missing = [cell is None or cell == "" for cell in cells]
    if any(missing):
        where = table.place(missing.index(True))
        raise DataError(f"{where}: the label {name!r} is empty. Fill it in or remove the row")
    if lists:
        return [tuple(dict.fromkeys(cell)) for cell in cells], True, ()
    found = mark or _find_mark(set(cells))
    if found in ("", "="):
        return [(cell,) for cell in cells], False, ()
    labels = [tuple(dict.fromkeys(part for each in cell.split(found) if (part := each.strip()))) for cell in cells]
    return labels, True, () if mark else (f"several labels a row in {name!r}, apart by {found}",)


def _find_mark(cells: set[str]) -> str:
    """`|` or `;` if it parts labels that also stand alone; else empty."""
    for mark in MARKS[:2]:
        joined = [cell for cell in cells if mark in cell]
        if joined and {part.strip() for cell in joined for part in cell.split(mark)} <= cells:
            return mark
    return ""


# fastText's lines


def holds_fasttext(path: Path) -> bool:
    """Whether a file begins with `__label__`."""
    with open_content(path) as content:
        start = content.read(1 << 12).removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe")
    return start.lstrip().startswith(_PREFIX.encode())


def _read_fasttext(path: Path) -> Rows:
    texts, labels = [], []
    for number, line in enumerate(read_lines(path), start=1):
        found = _TOKEN.findall(line)
        if not found or "" in found:
            raise DataError(
                f"{path}, line {number}: must begin with {_PREFIX} and a label; got {line[:40]!r}. Label it"
            )
        labels.append(tuple(dict.fromkeys(found)))
        texts.append(_TOKEN.sub("", line).strip())
    several = any(len(each) > 1 for each in labels)
    return Rows(texts, labels, several, _note_encoding(path), lambda row: f"{path}, line {row + 1}")


def _note_encoding(path: Path) -> tuple[str, ...]:
    with open_content(path) as content:
        return describe_encoding(find_encoding(path, content))


# A folder


def _read_folder(path: Path) -> Rows:
    try:
        visible = sorted(each for each in path.iterdir() if not each.name.startswith((".", "_")))
        folders = {each.name: sorted(each.glob("*.txt")) for each in visible if each.is_dir()}
    except OSError as error:
        raise unreadable(path, error) from error
    folders = {name: files for name, files in folders.items() if files}
    files = [each for each in visible if each.is_file() and not _ABOUT.match(each.name) and each.suffix not in _TABLES]
    if len(folders) > 1:
        return _read_folder_of_folders(folders)
    if len(files) < 2 or folders:
        got = f"got {count(len(folders), 'such folder')} and {count(len(files), 'file')}"
        raise DataError(
            f"{path}: must hold a subfolder of .txt files for each class, or a file for each class; {got}. Sort them so"
        )
    return _read_files(dict(zip(name_classes([each.name for each in files]), files, strict=True)))


def _read_folder_of_folders(folders: dict[str, list[Path]]) -> Rows:
    texts, labels, places, encodings = [], [], [], Counter[str]()
    for name, files in folders.items():
        for file in files:
            text, encoding = _read_text(file)
            texts.append(text)
            encodings.update(describe_encoding(encoding))
        labels += [(name,)] * len(files)
        places += files
    notes = tuple(f"{count(number, 'file')} {note}" for note, number in encodings.items())
    return Rows(texts, labels, False, notes, lambda row: str(places[row]))


def _read_text(file: Path) -> tuple[str, str]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from error
    encoding = find_encoding(file, io.BytesIO(data)) if data else "utf-8"
    return b"".join(read_utf8(file, io.BytesIO(data), encoding)).decode(), encoding


def _read_files(files: dict[str, Path]) -> Rows:
    texts: list[str] = []
    labels, places, notes = [], [], []
    for name, file in files.items():
        lines = list(read_lines(file))
        notes += [f"{file.name}: {note}" for note in _note_encoding(file)]
        texts += lines
        labels += [(name,)] * len(lines)
        places += [(file, number) for number in range(1, len(lines) + 1)]
    return Rows(texts, labels, False, tuple(notes), lambda row: "{}, line {}".format(*places[row]))


def name_classes(names: Sequence[str]) -> list[str]:
    """The part in which file names differ.

    >>> name_classes(["rt-polarity.neg", "rt-polarity.pos"])
    ['neg', 'pos']
    """
    words = [re.split(r"([^a-zA-Z0-9]+)", name) for name in names]
    for kept, end in (
        (slice(2, None), slice(2)),
        (slice(-2), slice(-2, None)),
    ):  # a word and what parts it from the next
        while all(len(each) > 2 for each in words) and len({"".join(each[end]) for each in words}) == 1:
            words = [each[kept] for each in words]
    return ["".join(each) for each in words]


# Classes


def to_texts(rows: Rows, source: str) -> Texts:
    """Labels as counts into the classes, and what is odd about them in the notes.

    Raises:
        DataError: no text, or none with a word.
    """
    if not rows.texts:
        raise DataError(f"{source}: must hold texts; got none. Give a file with data")
    empty = [row for row, text in enumerate(rows.texts) if not text.strip()]
    if len(empty) == len(rows.texts):
        raise DataError(f"{source}: must hold texts; all {len(empty)} are empty. Name another text column")
    counts = Counter(label for labels in rows.labels for label in labels)
    classes = rows.classes or sort_classes(counts)
    index = {name: number for number, name in enumerate(classes)}
    if rows.several:
        labels = np.zeros((len(rows.texts), len(classes)), np.uint8)
        for row, names in enumerate(rows.labels):
            labels[row, [index[name] for name in names]] = 1
    else:
        labels = np.array([index[name] for (name,) in rows.labels], np.int32)
    notes = list(rows.notes)
    if empty:
        notes.append(f"{count(len(empty), 'text')} without a word, the first in {rows.place(empty[0])}")
    notes += [f"no text of class {name!r}" for name in classes if not counts[name]]
    notes += [f"one text only of class {name!r}" for name in classes if counts[name] == 1]
    if len(classes) == 1:
        notes.append(f"one class only: {classes[0]!r}")
    return Texts(rows.texts, labels, classes, source, tuple(notes), rows.columns)


def sort_classes(names: Sequence[str] | Counter[str]) -> tuple[str, ...]:
    """Numbers by value, else by letters."""
    if all(map(_NUMBER.fullmatch, names)):
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    return tuple(sorted(names))
