"""Read labelled texts from a table, a folder per class, a file per class, or fastText lines: path -> Texts."""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from seqconv.data.readers.files import (
    BLOCK,
    check_line_ends,
    describe_encoding,
    find_encoding,
    open_content,
    read_utf8,
)
from seqconv.data.readers.folders import ABOUT, are_classes
from seqconv.data.readers.roles import Roles
from seqconv.data.readers.tables import read_table
from seqconv.data.readers.text_tables import ANY_COLUMNS, Rows, TextColumns, rows_from_table
from seqconv.data.records import Texts, count, unreadable
from seqconv.errors import DataError

_PREFIX = "__label__"  # Reference: fastText, Dictionary::getLine: every word with this prefix is a label
_TOKEN = re.compile(rf"(?<!\S){_PREFIX}(\S*)")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".json", ".jsonl", ".ndjson", ".ts")


def read_texts(
    path: str | Path,
    text: str = "",
    label: str = "",
    header: bool | None = None,
    weight: str = "",
    group: str = "",
    target: str = "",
) -> Texts:
    """Read single-label or multi-label texts, or texts with numbers to predict.

    Sources: a table (see `read_table`); a folder with a subfolder of .txt files for each class; a folder with a file
    for each class, one text per line; or fastText lines, `__label__x [__label__y ...] text`. Classes are sorted,
    numbers by value.

    Multi-label sources: fastText lines, lists in Parquet or JSON, columns of 0 and 1 (`label="a,b,c"`), or cells with
    a delimiter between labels. Name the delimiter after the column: `label="tags|"`, `"tags;"` or `"tags,"`; `"tags="`
    means that each cell is one label. By default, `|`, `;` and `,` are taken as delimiters only if the labels in such
    cells also occur alone, `|` also if they recur, and cells that are all lists written as text (`['a', 'b']`,
    `<a><b>`) are read as lists.

    Numbers: the column `target`, or else labels that are many different numbers, such as prices.

    Args:
        path: a file or folder.
        text: name or number (from 1) of the text column; empty: infer it, and say so in the notes.
        label: the same for the labels.
        header: whether the first row of a CSV or TSV names the columns; None: infer it.
        weight: name or number of a column of weights in training; empty: all texts weigh the same.
        group: the same of groups that are never split, such as the reviews of one film; empty: copies alone are groups.
        target: the same of numbers to predict in place of labels.

    Raises:
        DataError: a table that `read_table` rejects, no such column, an ambiguous choice, numbers instead of texts, or
            a missing label.
    """
    columns = TextColumns(text, label, target, header, Roles(weight, group))
    return to_texts(read_rows(Path(path), columns), str(path))


def read_rows(path: Path, columns: TextColumns = ANY_COLUMNS) -> Rows:
    """The same as written in the file, with the place of each text.

    Raises:
        DataError: see `read_texts`.
    """
    if path.is_dir():
        columns.refuse(path)
        return _read_folder(path)
    if holds_fasttext(path):
        columns.refuse(path)
        return _read_fasttext(path)
    return rows_from_table(read_table(path, columns.header, strings=True), columns)


def read_lines(source: str | Path | IO[bytes]) -> Iterator[str]:
    """Yield one text per line as lines arrive, from a file or a UTF-8 stream such as `sys.stdin.buffer`.

    Raises:
        DataError: a file that cannot be read, NUL bytes, or bytes invalid in the encoding; with the line.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        with open_content(path) as content:
            encoding = find_encoding(path, content)
            yield from (line.decode() for line in _split_lines(path, read_utf8(path, content, encoding, BLOCK)))
        return
    for number, line in enumerate(source, start=1):
        if number == 1 and not line.endswith(b"\n"):  # the only one
            check_line_ends(Path("stdin"), line)
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f"stdin, line {number}: must be UTF-8 text; {error.reason}. Convert it") from error
        if "\0" in text:
            raise DataError(f"stdin, line {number}: must be text; got a NUL byte. Is it the right input?")
        yield text


def _split_lines(path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    single = True
    for block in blocks:
        first, *others = block.split(b"\n")
        single = single and not others
        rest.append(first)
        for line in others:
            yield b"".join(rest).removesuffix(b"\r")
            rest = [line]
    if last := b"".join(rest):
        if single:
            check_line_ends(path, last)
        yield last.removesuffix(b"\r")


# fastText lines


def holds_fasttext(path: Path) -> bool:
    """Whether a file starts with `__label__`.

    Raises:
        DataError: the file cannot be read.
    """
    with open_content(path) as content:
        start = content.read(1 << 12).removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe")
    return start.lstrip().startswith(_PREFIX.encode())


def split_labels(line: str) -> tuple[str, tuple[str, ...]]:
    """The text of a fastText line, and its labels.

    >>> split_labels("__label__pos __label__film a lovely film")
    ('a lovely film', ('pos', 'film'))
    """
    found = _TOKEN.findall(line)
    return _TOKEN.sub("", line).strip() if found else line, tuple(dict.fromkeys(found))


def _read_fasttext(path: Path) -> Rows:
    texts, labels = [], []
    lines = [*read_lines(path)]
    while lines and not lines[-1].strip():  # blank lines at the end
        lines.pop()
    for number, line in enumerate(lines, start=1):
        text, found = split_labels(line)
        if not found or "" in found:
            cure = "Label it" if line.strip() else "Remove it"
            raise DataError(f"{path}, line {number}: must start with {_PREFIX} and a label; got {line[:40]!r}. {cure}")
        labels.append(found)
        texts.append(text)
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
    files = [each for each in visible if each.is_file() and not ABOUT.match(each.name) and each.suffix not in _TABLES]
    if len(folders) > 1:
        return _read_folder_of_folders(folders)
    if len(files) < 2 or folders or not are_classes(files):
        got = f"got {count(len(folders), 'such folder')} and {count(len(files), 'file')}"
        raise DataError(
            f"{path}: must hold a subfolder of .txt files or a file for each class, or a data file named train; {got}. "
            "Arrange the files like that"
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
    """The parts in which file names differ.

    >>> name_classes(["rt-polarity.neg", "rt-polarity.pos"])
    ['neg', 'pos']
    """
    words = [re.split(r"([^a-zA-Z0-9]+)", name) for name in names]
    for kept, end in (
        (slice(2, None), slice(2)),
        (slice(-2), slice(-2, None)),
    ):  # a word and the separator before or after it
        while all(len(each) > 2 for each in words) and len({"".join(each[end]) for each in words}) == 1:
            words = [each[kept] for each in words]
    return ["".join(each) for each in words]


# Classes


def to_texts(rows: Rows, source: str) -> Texts:
    """Labels as indices into the classes, or numbers, with notes on anything unusual about them.

    Raises:
        DataError: no texts, or only empty ones.
    """
    if not rows.texts:
        raise DataError(f"{source}: must hold texts; got none. Give a file with data")
    empty = [row for row, text in enumerate(rows.texts) if not text.strip()]
    if len(empty) == len(rows.texts):
        raise DataError(f"{source}: must hold texts; all {len(empty)} are empty. Choose another text column")
    if rows.number:
        return _to_numbers(rows, source, empty)
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
        notes.append(f"{count(len(empty), 'empty text')}, the first in {rows.place(empty[0])}")
    notes += [f"no text of class {name!r}" for name in classes if not counts[name]]
    notes += [f"only one text of class {name!r}" for name in classes if counts[name] == 1]
    if len(classes) == 1:
        notes.append(f"only one class: {classes[0]!r}")
    weights, groups, _ = rows.marked
    return Texts(rows.texts, labels, classes, source, tuple(notes), rows.settled, weights, groups, columns=rows.columns)


def _to_numbers(rows: Rows, source: str, empty: list[int]) -> Texts:
    """Texts with numbers to predict; `empty`: those without anything."""
    notes = [*rows.notes]
    if empty:
        notes.append(f"{count(len(empty), 'empty text')}, the first in {rows.place(empty[0])}")
    weights, groups, _ = rows.marked
    return Texts(
        rows.texts, rows.numbers, (), source, tuple(notes), rows.settled, weights, groups, rows.number, rows.columns
    )


def sort_classes(names: Sequence[str] | Counter[str]) -> tuple[str, ...]:
    """Class names sorted by value if all are numbers, otherwise alphabetically."""
    if all(map(_NUMBER.fullmatch, names)):
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    return tuple(sorted(names))
