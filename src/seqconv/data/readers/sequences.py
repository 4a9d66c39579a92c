"""Read labelled sequences from files in the formats of the UCR/UEA archive: path -> Sequences."""

import io
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from seqconv.data.readers import arff, arrays
from seqconv.data.readers.files import describe_encoding, find_encoding, open_content, strip_packing
from seqconv.data.readers.sequence_labels import NO_LABELS, code_classes, order_classes
from seqconv.data.readers.sequence_tables import SequenceColumns, describe_steps, sequences_from_table
from seqconv.data.readers.tables import read_table
from seqconv.data.records import LARGEST, Sequences, count
from seqconv.errors import DataError

TABLES = (".tsv",)  # may be files of the archive, or tables with a header
NO_COLUMNS = SequenceColumns()
_FILLER = re.compile(r"column_\d+")  # names that the reader of tables gives
_COMMENT = ("#", "%")
_CHUNK = 1 << 25  # characters parsed at once
Lines = Iterator[tuple[int, str]]  # numbered from 1


def read_sequences(
    path: str | Path,
    labelled: bool = True,
    layout: str = "guess",
    channels: int = 0,
    columns: SequenceColumns = NO_COLUMNS,
    steps: int = 0,
) -> Sequences:
    """Read a `.ts` or `.arff` file (one or more channels), a `.tsv` file of the archive (label first, one channel), a
    numpy file (see `arrays.read_arrays`), or a table (see `sequence_tables`), optionally packed.

    Lengths may differ between examples, but not between the channels of one example. A value may be missing (`?` or
    NaN); NaN at the end of a `.tsv` row is padding. Numeric classes are sorted by value, others keep the order of the
    header (`.tsv`: sorted). A header that says `@targetLabel` means numbers to predict.

    Args:
        path: of the file.
        labelled: False, for prediction: labels are neither required nor read.
        layout, channels: of a numpy file, see `arrays.read_arrays`.
        columns: of a table.
        steps: of a row in training, see `sequences_from_table`.

    Raises:
        DataError: no such file; damaged content; timestamps; no labels; a value that is not a finite number; channels
            of different lengths; a label that the header does not list.

    Reference: Bagnall et al. 2018, The UEA multivariate time series classification archive; Dau et al. 2019, The UCR
        time series archive; Tan et al. 2021, "Time series extrinsic regression", Data Mining and Knowledge Discovery 35
        (numbers to predict).
    """
    path = Path(path)
    kind = Path(strip_packing(path.name)).suffix
    if kind in arrays.ENDINGS:
        columns.roles.refuse(path)
        return arrays.read_arrays(path, labelled, layout, channels, columns.target)
    if kind not in _SPLIT:
        return _read_table(path, labelled, columns, steps)
    with open_content(path) as content:
        encoding = find_encoding(path, content)
        stream = io.TextIOWrapper(content, encoding=encoding)
        try:
            if kind not in TABLES or not _is_table(stream, columns):
                columns.roles.refuse(path)
                found = _read_lines(path, kind, stream, labelled, columns.target)
                return replace(found, notes=(*describe_encoding(encoding), *found.notes))
        except UnicodeDecodeError as error:  # in UTF-16
            raise DataError(f"{path}: must be valid text; {error.reason}. Save the file as UTF-8") from error
    return _read_table(path, labelled, columns, steps)


def _read_lines(path: Path, kind: str, stream: Iterable[str], labelled: bool, number: str) -> Sequences:
    header, rows = _SPLIT[kind](path, enumerate(stream, start=1))
    if labelled and not header.labelled and not header.number:
        raise DataError(f"{path}: must hold class labels; its header says that it has none. Use a labelled file")
    if number:
        header = replace(header, number=number, classes=())
    return _collect(path, rows, header, labelled)


def _read_table(path: Path, labelled: bool, columns: SequenceColumns, steps: int) -> Sequences:
    table = read_table(path, columns.header, decimal=columns.decimal)
    names = [name for name in table.frame.columns if not _FILLER.fullmatch(name)]
    if columns.header is None and table.header and all(map(_is_number, names)):  # the first sequence is no header
        table = read_table(path, False, decimal=columns.decimal)
    return sequences_from_table(table, columns, labelled, steps)


def _is_table(stream: io.TextIOWrapper, columns: SequenceColumns) -> bool:
    """Whether a `.tsv` file is no file of the archive: columns are named, or a first row does not look like one."""
    line = next(filter(str.strip, stream), "")
    stream.seek(0)
    label, *cells = [cell.strip() for cell in line.split("\t")]
    if columns != NO_COLUMNS:
        return True
    named = [not _is_number(cell) for cell in cells if cell.lower() not in ("", "?")]
    header = bool(named) and all(named) and not _is_number(label)
    last = named[-1:] == [True] and sum(named) == 1 < len(named) and _is_number(label)
    return header or last or (len(cells) > 1 and _is_number(label) and not float(label).is_integer())


def _is_number(cell: str) -> bool:
    try:
        return bool(float(cell) or True)
    except ValueError:
        return False


def find_partner(path: str | Path) -> Path | None:
    """The test file next to a training file: `X_TEST.ts` for `X_TRAIN.ts`; None if there is none."""
    path = Path(path)
    partner = path.with_name(f"{path.stem.removesuffix('_TRAIN')}_TEST{path.suffix}")
    return partner if path.stem.endswith("_TRAIN") and partner.is_file() else None


@dataclass(frozen=True)
class _Header:
    """What the header of a file says; the defaults describe a `.tsv`, which has none."""

    labelled: bool = True
    classes: tuple[str, ...] = ()
    number: str = ""  # what numbers to predict are called; empty: the labels are classes
    channels: int = 1  # 0: not stated
    length: int = 0  # 0: not stated, or lengths differ


@dataclass(frozen=True)
class _Row:
    """One example: for each channel a string of numbers separated by `separator`."""

    line: int
    label: str
    fields: list[str]
    separator: str


def _read_header(path: Path, lines: Lines) -> _Header:
    tags: dict[str, list[str]] = {}
    for number, line in lines:
        words = line.split()
        if not words or words[0].startswith(_COMMENT):
            continue
        tag = words[0].lower()
        if tag == "@data":
            return _check_header(path, tags)
        if not tag.startswith("@"):
            problem = f"got {line.strip()[:40]!r}"
            raise DataError(f"{path}, line {number}: must be a header line like @dimensions 6, or @data; {problem}")
        tags[tag] = words[1:]
    raise DataError(f"{path}: must have a header that ends in a line @data; got none. Is it a complete .ts file?")


def _check_header(path: Path, tags: dict[str, list[str]]) -> _Header:
    if _is_true(tags, "@timestamps"):
        raise DataError(f"{path}: must hold only values; its header says @timeStamps true. Write it without timestamps")
    number = "target" if _is_true(tags, "@targetlabel") else ""
    labels = tags.get("@classlabel", [])
    labelled = bool(labels) and labels[0].lower() == "true"
    if labelled and len(labels) < 2:
        raise DataError(
            f"{path}: @classLabel true must be followed by the classes, like @classLabel true 1 2. Add them"
        )
    if len(set(labels[1:])) < len(labels[1:]):
        raise DataError(f"{path}: @classLabel must name each class once; got {' '.join(labels[1:])[:80]!r}. Correct it")
    channels = 1 if _is_true(tags, "@univariate") else _read_number(path, tags, "@dimensions")
    length = _read_number(path, tags, "@serieslength") if _is_true(tags, "@equallength") else 0
    return _Header(labelled or bool(number), order_classes(labels[1:]) if labelled else (), number, channels, length)


def _read_number(path: Path, tags: dict[str, list[str]], tag: str) -> int:
    words = tags.get(tag, ["0"])
    if len(words) != 1 or not words[0].isdecimal():
        raise DataError(f"{path}: {tag} must be followed by a whole number; got {' '.join(words)[:40]!r}. Correct it")
    return int(words[0])


def _is_true(tags: dict[str, list[str]], tag: str) -> bool:
    return [word.lower() for word in tags.get(tag, [])] == ["true"]


def _open_ts(path: Path, lines: Lines) -> tuple[_Header, Iterator[_Row]]:
    header = _read_header(path, lines)
    return header, _split_ts(path, lines, header)


def _open_arff(path: Path, lines: Lines) -> tuple[_Header, Iterator[_Row]]:
    attributes = arff.read_attributes(path, lines)
    labelled, channels = bool(attributes.classes or attributes.number), 0 if attributes.channels else 1
    header = _Header(labelled, order_classes(attributes.classes), attributes.number, channels)
    return header, _split_arff(path, lines, attributes)


def _split_arff(path: Path, lines: Lines, attributes: arff.Attributes) -> Iterator[_Row]:
    channels = 0
    for number, line in lines:
        if not (line := line.strip()) or line.startswith(_COMMENT):
            continue
        if line.lstrip().startswith("{"):
            raise DataError(f"{path}, line {number}: must hold a value for every attribute; it is sparse. Write all")
        label, fields = arff.split_row(line, attributes)
        channels = channels or len(fields)
        if len(fields) != channels:
            must = f"must hold {count(channels, 'channel')} like the first"
            raise DataError(f"{path}, line {number}: {must}; got {len(fields)}. Correct the line")
        yield _Row(number, label, fields, ",")


def _split_ts(path: Path, lines: Lines, header: _Header) -> Iterator[_Row]:
    channels = header.channels
    for number, line in lines:
        if not (line := line.strip()) or line.startswith(_COMMENT):
            continue
        fields = line.split(":")
        label = fields.pop().strip() if header.labelled else ""
        channels = channels or len(fields)
        if len(fields) != channels:
            problem = f"got {len(fields)}. Correct the line or @dimensions"
            raise DataError(
                f"{path}, line {number}: must hold {count(channels, 'channel')} separated by ':'; {problem}"
            )
        yield _Row(number, label, fields, ",")


def _split_tsv(path: Path, lines: Lines) -> Iterator[_Row]:
    for number, line in lines:
        if not (line := line.rstrip()):
            continue
        label = line.partition("\t")[0]
        end = len(line)
        while line[end - 4 : end].lower() == "\tnan":  # shorter rows are padded with NaN
            end -= 4
        if end <= len(label):
            problem = f"got {line[:40]!r}. Is it a file of the archive?"
            raise DataError(f"{path}, line {number}: must be a label and values separated by tabs; {problem}")
        yield _Row(number, label.strip(), [line[len(label) + 1 : end]], "\t")


def _split_words(lines: Lines) -> Lines:
    """Lines of the first edition of the archive, whose numbers are separated by spaces, as those of its `.tsv`."""
    for number, line in lines:
        label, _, rest = line.replace(",", " ").strip().partition(" ")
        name = f"{float(label):.0f}" if _is_number(label) and float(label).is_integer() else label
        yield number, "\t".join([name, *rest.split()])


_SPLIT: dict[str, Callable[[Path, Lines], tuple[_Header, Iterator[_Row]]]] = {
    ".ts": _open_ts,
    ".tsv": lambda path, lines: (_Header(), _split_tsv(path, lines)),
    ".arff": _open_arff,
    ".txt": lambda path, lines: (_Header(), _split_tsv(path, _split_words(lines))),
}


def _collect(path: Path, rows: Iterator[_Row], header: _Header, labelled: bool) -> Sequences:
    labels: list[str] = []
    blocks, lengths = [], []
    for chunk in _cut(rows):
        if labelled:
            labels += _read_labels(path, chunk, header)
        values, steps = _parse(path, chunk)
        blocks.append(values)
        lengths.append(steps)
    if not blocks:
        raise DataError(f"{path}: must hold examples; got none. Give a file with data")
    values, steps = np.concatenate(blocks), np.concatenate(lengths)
    offsets = np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
    coded, classes = NO_LABELS, header.classes
    if labelled and header.number:
        coded = np.array(labels, np.float64)
    elif labelled:
        coded, classes = code_classes(labels, classes)
    channels = tuple(f"channel {number}" for number in range(1, values.shape[1] + 1))
    notes = describe_steps(values, offsets)
    if header.length and {int(steps.min()), int(steps.max())} != {header.length}:
        got = f"the examples have {steps.min()} to {steps.max()} steps"
        notes.insert(len(notes) - bool(np.isnan(values).any()), f"the header says @seriesLength {header.length}; {got}")
    if not labelled and header.labelled and not header.classes and not header.number:
        notes.append("the first column holds the label; not read as a value")
    found = Sequences(values, offsets, coded, (), channels, str(path), tuple(notes))
    return replace(found, classes=classes, number=header.number) if labelled else found


def _read_labels(path: Path, rows: list[_Row], header: _Header) -> list[str]:
    """The labels of rows, checked."""
    known = frozenset(header.classes)
    for row in rows:
        if header.number and not (_is_number(row.label) and math.isfinite(float(row.label))):
            must = "the target must be a finite number"
            raise DataError(f"{path}, line {row.line}: {must}; got {row.label[:40]!r}. Correct it or drop the line")
        if row.label in ("", "?", "NaN") or (known and row.label not in known):
            must = f"must be one of {', '.join(header.classes)[:80]}" if known else "must be a name"
            raise DataError(f"{path}, line {row.line}: the label {must}; got {row.label[:40]!r}. Correct it")
    return [row.label for row in rows]


def _cut(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    """Lists of consecutive rows with about `_CHUNK` characters each."""
    size = 0

    def place(row: _Row) -> int:
        nonlocal size
        size += sum(map(len, row.fields))
        return size // _CHUNK

    for _, chunk in groupby(rows, key=place):
        yield list(chunk)


def _parse(path: Path, rows: list[_Row]) -> tuple[np.ndarray, np.ndarray]:
    """Values of all rows, concatenated, float64 `[sum of lengths, C]`, and the length of each row, `[rows]`."""
    import polars

    parts = polars.Series([field for row in rows for field in row.fields]).str.split(rows[0].separator)
    channels = len(rows[0].fields)
    lengths = parts.list.len().to_numpy().astype(np.int64).reshape(-1, channels)
    uneven = (lengths != lengths[:, :1]).any(axis=1)
    if uneven.any():
        row = int(np.argmax(uneven))
        problem = f"got {lengths[row].min()} to {lengths[row].max()} values. Correct the line"
        raise DataError(
            f"{path}, line {rows[row].line}: all channels of an example must have the same length; {problem}"
        )
    cells = parts.explode()
    parsed = cells.cast(polars.Float64, strict=False)
    if parsed.null_count():
        cells = cells.str.strip_chars()
        parsed = cells.replace("?", "nan").cast(polars.Float64, strict=False)
    bad = (parsed.is_null() | (parsed.abs() > LARGEST) & parsed.is_not_nan()).fill_null(True)
    if bad.any():
        place = int(bad.arg_max() or 0)
        row = int(np.searchsorted(np.cumsum(lengths.sum(axis=1)), place, side="right"))
        problem = f"got {cells[place][:40]!r}. Correct it, or write ? for a missing value"
        raise DataError(f"{path}, line {rows[row].line}: each value must be a finite number; {problem}")
    values = parsed.to_numpy()
    ends = np.cumsum(lengths.sum(axis=1))
    blocks = [block.reshape(channels, -1).T for block in np.split(values, ends[:-1])]
    return np.ascontiguousarray(np.concatenate(blocks)), lengths[:, 0]
