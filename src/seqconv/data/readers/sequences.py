"""Read labelled sequences from files in the formats of the UCR/UEA archive: path -> Sequences."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from seqconv.data.readers import arff, arrays
from seqconv.data.readers.files import describe_encoding, find_encoding, open_content
from seqconv.data.records import LARGEST, Sequences, count
from seqconv.errors import DataError

ENDINGS = (".ts", ".tsv", ".arff", *arrays.ENDINGS)
_COMMENT = ("#", "%")
_CHUNK = 1 << 25  # characters parsed at once
Lines = Iterator[tuple[int, str]]  # numbered from 1


def read_sequences(path: str | Path, labelled: bool = True, layout: str = "guess", channels: int = 0) -> Sequences:
    """Read a `.ts` or `.arff` file (one or more channels) or a `.tsv` file (label first, one channel), optionally
    packed, or a numpy file (see `arrays.read_arrays`).

    Lengths may differ between examples, but not between the channels of one example. A value may be missing (`?` or
    NaN); NaN at the end of a `.tsv` row is padding. Numeric classes are sorted by value, others keep the order of the
    header (`.tsv`: sorted).

    Args:
        path: a `.ts`, `.tsv` or `.arff` file, or one packed as .gz or .zip; an `.npz` or `.npy` file.
        labelled: False, for prediction: labels are neither required nor read.
        layout, channels: of a numpy file, see `arrays.read_arrays`.

    Raises:
        DataError: no such file; another format; timestamps; no classes; a value that is not a finite number; channels
            of different lengths; a label that the header does not list.

    Reference: Bagnall et al. 2018, The UEA multivariate time series classification archive; Dau et al. 2019, The UCR
        time series archive.
    """
    path = Path(path)
    kind = Path(path.name.lower().removesuffix(".gz").removesuffix(".zip")).suffix
    if kind not in ENDINGS:
        raise DataError(f"{path}: must end in {', '.join(ENDINGS)}, like files of the UCR/UEA archive. Convert it")
    if kind in arrays.ENDINGS:
        return arrays.read_arrays(path, labelled, layout, channels)
    with open_content(path) as content:
        encoding = find_encoding(path, content)
        lines = enumerate(io.TextIOWrapper(content, encoding=encoding), start=1)
        try:
            header, rows = _SPLIT[kind](path, lines)
            if labelled and not header.labelled:
                raise DataError(
                    f"{path}: must hold class labels; its header says that it has none. Use a labelled file"
                )
            found = _collect(path, rows, header, labelled)
        except UnicodeDecodeError as error:  # in UTF-16
            raise DataError(f"{path}: must be valid text; {error.reason}. Save the file as UTF-8") from error
    return replace(found, notes=(*describe_encoding(encoding), *found.notes))


def find_partner(path: str | Path) -> Path | None:
    """The test file next to a training file: `X_TEST.ts` for `X_TRAIN.ts`; None if there is none."""
    path = Path(path)
    partner = path.with_name(f"{path.stem.removesuffix('_TRAIN')}_TEST{path.suffix}")
    return partner if path.stem.endswith("_TRAIN") and partner.is_file() else None


@dataclass(frozen=True)
class _Header:
    """The header of a `.ts` file; the defaults describe a `.tsv`, which has none."""

    labelled: bool = True
    classes: tuple[str, ...] = ()
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
    if "@targetlabel" in tags:
        raise DataError(
            f"{path}: must hold classes; its header says @targetLabel, numbers to predict. Use another file"
        )
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
    return _Header(labelled, _order(labels[1:]) if labelled else (), channels, length)


def _read_number(path: Path, tags: dict[str, list[str]], tag: str) -> int:
    words = tags.get(tag, ["0"])
    if len(words) != 1 or not words[0].isdecimal():
        raise DataError(f"{path}: {tag} must be followed by a whole number; got {' '.join(words)[:40]!r}. Correct it")
    return int(words[0])


def _is_true(tags: dict[str, list[str]], tag: str) -> bool:
    return [word.lower() for word in tags.get(tag, [])] == ["true"]


def _order(classes: Iterable[str]) -> tuple[str, ...]:
    """Sorted by value if all are numbers, else in the given order."""
    classes = tuple(classes)
    try:
        return tuple(sorted(classes, key=float))
    except ValueError:
        return classes


def _open_ts(path: Path, lines: Lines) -> tuple[_Header, Iterator[_Row]]:
    header = _read_header(path, lines)
    return header, _split_ts(path, lines, header)


def _open_arff(path: Path, lines: Lines) -> tuple[_Header, Iterator[_Row]]:
    attributes = arff.read_attributes(path, lines)
    header = _Header(bool(attributes.classes), _order(attributes.classes), 0 if attributes.channels else 1)
    return header, _split_arff(path, lines, attributes)


def _split_arff(path: Path, lines: Lines, attributes: arff.Attributes) -> Iterator[_Row]:
    channels = 0
    for number, line in lines:
        if not (line := line.strip()) or line.startswith(_COMMENT):
            continue
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


_SPLIT: dict[str, Callable[[Path, Lines], tuple[_Header, Iterator[_Row]]]] = {
    ".ts": _open_ts,
    ".tsv": lambda path, lines: (_Header(), _split_tsv(path, lines)),
    ".arff": _open_arff,
}


def _collect(path: Path, rows: Iterator[_Row], header: _Header, labelled: bool) -> Sequences:
    labels: list[str] = []
    blocks, lengths = [], []
    for chunk in _cut(rows):
        if labelled:
            _check_labels(path, chunk, header)
            labels += [row.label for row in chunk]
        values, steps = _parse(path, chunk)
        blocks.append(values)
        lengths.append(steps)
    if not blocks:
        raise DataError(f"{path}: must hold examples; got none. Give a file with data")
    values, steps = np.concatenate(blocks), np.concatenate(lengths)
    offsets = np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
    classes = (header.classes or _order(sorted(set(labels)))) if labelled else ()
    codes = {name: code for code, name in enumerate(classes)}
    coded = np.array([codes[label] for label in labels], dtype=np.int32)
    channels = tuple(f"channel {number}" for number in range(1, values.shape[1] + 1))
    notes = _notes(values, steps, header)
    if not labelled and header.labelled and not header.classes:
        notes.append("the first column holds the label; not read as a value")
    return Sequences(values, offsets, coded, classes, channels, str(path), tuple(notes))


def _check_labels(path: Path, rows: list[_Row], header: _Header) -> None:
    known = frozenset(header.classes)
    for row in rows:
        if row.label in ("", "?", "NaN") or (known and row.label not in known):
            must = f"must be one of {', '.join(header.classes)[:80]}" if known else "must be a name"
            raise DataError(f"{path}, line {row.line}: the label {must}; got {row.label[:40]!r}. Correct it")


def _notes(values: np.ndarray, lengths: np.ndarray, header: _Header) -> list[str]:
    notes = []
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest < longest:
        notes.append(f"lengths differ: {shortest} to {longest} steps")
    if header.length and {shortest, longest} != {header.length}:
        notes.append(f"the header says @seriesLength {header.length}; the examples have {shortest} to {longest} steps")
    missing = int(np.isnan(values).sum())
    return [*notes, f"{count(missing, 'value')} missing"] if missing else notes


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
