"""Strict reader for JSON: one object per line, or one array of objects, each with the same keys."""

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from seqconv.data.readers.files import BLOCK, Table, describe_encoding, find_encoding, read_utf8
from seqconv.data.readers.forks import check_threads
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

_PIECE = 50_000  # rows held as Python objects at a time
_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def looks_like_json(content: IO[bytes]) -> bool:
    """Whether the content starts like an object or a list of objects; `content` is rewound."""
    start = _read_start(content)
    return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"["))


def _read_start(content: IO[bytes]) -> bytes:
    start = content.read(1 << 12).removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe").lstrip()
    content.seek(0)
    return start


def read_json_lines(path: Path, content: IO[bytes], strings: bool, rows: int | None = None) -> Iterator[Table]:
    """Tables of `rows` rows each; None: a single table.

    Raises:
        DataError: see `tables.read_table`.
    """
    import polars

    encoding = find_encoding(path, content)
    if _read_start(content)[:1] == b"[":
        yield from _read_array(path, content, encoding, strings, rows)
        return
    lines = _lines(read_utf8(path, content, encoding, BLOCK))
    reader = _Reader(path, strings)
    notes = describe_encoding(encoding)
    frames, first = [], 1
    while piece := list(itertools.islice(lines, rows or _PIECE)):
        frame = reader.read(piece, first)
        first += len(piece)
        if rows:
            yield Table(_settle_types(frame), path, "jsonl", notes, range(first - len(piece), first))
        else:
            frames.append(frame)
    if not rows:
        yield Table(_settle_types(polars.concat(frames, how="vertical_relaxed")), path, "jsonl", notes, range(1, first))


def _read_array(path: Path, content: IO[bytes], encoding: str, strings: bool, rows: int | None) -> Iterator[Table]:
    """The same from one array of objects, as `DataFrame.to_json(orient="records")` writes it."""
    try:
        found = _DECODER.decode(b"".join(read_utf8(path, content, encoding)).decode())
    except (ValueError, RecursionError) as error:
        line, problem = getattr(error, "lineno", 1), getattr(error, "msg", None) or str(error)
        raise DataError(f"{path}, line {line}: must be an array of JSON objects; {problem}. Correct it") from error
    if not found:
        raise DataError(f"{path}: must have rows; got none. Give a file with data")
    reader = _Reader(path, strings, "row")
    for first in range(0, len(found), rows or len(found)):
        piece = found[first : first + rows] if rows else found
        for number, each in enumerate(piece, start=first + 1):
            reader.check(each, number)
            reader.check_characters(number, each)
        frame = _settle_types(reader.collect(piece, first + 1))
        numbers = range(first + 1, first + len(piece) + 1)
        yield Table(frame, path, "arrow", describe_encoding(encoding), numbers)  # as in Arrow, rows are not lines


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines; blank lines at the end are dropped."""
    rest, blank = b"", 0
    for block in itertools.chain(blocks, [b"\n"]):
        *whole, rest = (rest + block).split(b"\n") if b"\n" in block else (rest + block,)
        for line in whole:
            if line.strip():
                yield from itertools.repeat(b"", blank)
                yield line
            blank = 0 if line.strip() else blank + 1


def table_from_objects(rows: list[Any], name: str) -> Table:
    """A table of parsed JSON objects, with the checks of `read_json_lines`.

    Args:
        rows: one object per row.
        name: what errors call the rows.

    Raises:
        DataError: no rows, a row that is not an object or has other keys, or mixed types in a column.
    """
    if not rows:
        raise DataError(f"{name}: must have rows; got none. Add some")
    check_threads()
    reader = _Reader(Path(name), False, "row")
    for number, row in enumerate(rows, start=1):
        reader.check(row, number)
    frame = _settle_types(reader.collect(rows, 1))
    return Table(frame, Path(name), "arrow", (), range(1, len(rows) + 1))  # as in Arrow, rows are not lines


class _Reader:
    """Converts objects to frames; remembers the keys and types of earlier lines."""

    def __init__(self, path: Path, strings: bool, unit: str = "line") -> None:
        self.path, self.strings, self.unit = path, strings, unit
        self.kinds: dict[str, str] = {}  # by key; "" while all values of a key are null

    def read(self, lines: list[bytes], first: int) -> "polars.DataFrame":
        objects: list[dict[str, Any]] = []
        for line in lines:
            try:
                found = _DECODER.decode(line.decode())
            except (ValueError, RecursionError) as error:
                problem = getattr(error, "msg", None) or str(error)
                self._fail(first + len(objects), f"must be a JSON object on one line; {problem}. Correct it")
            self.check(found, first + len(objects))
            if b"\\ud" in line or b"\\uD" in line:
                self.check_characters(first + len(objects), found)
            objects.append(found)
        return self.collect(objects, first)

    def check(self, found: Any, line: int) -> None:
        """Check that this is an object with the same keys as the ones before.

        Raises:
            DataError: it is not.
        """
        self.kinds = self.kinds or (dict.fromkeys(found, "") if isinstance(found, dict) else {})
        if not isinstance(found, dict) or not found or found.keys() != self.kinds.keys() or "" in found:
            self._refuse_object(line, found)

    def collect(self, objects: list[dict[str, Any]], first: int) -> "polars.DataFrame":
        """A frame of objects that have been checked.

        Raises:
            DataError: values of different types in a column.
        """
        import polars

        return polars.DataFrame([self._column(name, [each[name] for each in objects], first) for name in self.kinds])

    def _column(self, name: str, values: list[Any], first: int) -> "polars.Series":
        import polars

        types = set(map(type, values)) - {type(None)}
        if not types:
            return polars.Series(name, values, polars.Null)
        expected = self.kinds[name] or next(_KINDS[type(value)] for value in values if value is not None)
        self.kinds[name] = expected
        if {_KINDS[each] for each in types} != {expected} or dict in types or list in types:
            self._check_values(name, values, first, expected)
        if expected == _KINDS[list]:
            lists = [each and list(map(_to_text, each)) for each in values]
            return polars.Series(name, lists, polars.List(polars.String))
        if self.strings and str not in types:
            return polars.Series(name, [each if each is None else _to_text(each) for each in values], polars.String)
        if expected == _KINDS[int]:
            whole = types == {int} and all(each is None or -(2**63) <= each < 2**63 for each in values)
            numbers = values if whole or types == {float} else self._to_floats(name, values, first)
            return polars.Series(name, numbers, polars.Int64 if whole else polars.Float64)
        return polars.Series(name, values, polars.String if expected == _KINDS[str] else polars.Boolean)

    def _to_floats(self, name: str, values: list[Any], first: int) -> list[float | None]:
        try:
            return [each if each is None else float(each) for each in values]
        except OverflowError:
            large = [each is not None and abs(each) > sys.float_info.max for each in values]
            self._fail(first + large.index(True), f"{name!r} must be at most 1.8e308. Correct it or leave it null")

    def _fail(self, line: int, problem: str) -> NoReturn:
        raise DataError(f"{self.path}, {self.unit} {line}: {problem}") from None

    def _refuse_object(self, line: int, found: Any) -> NoReturn:
        if not isinstance(found, dict):
            got = _KINDS.get(type(found), "nothing")
            self._fail(line, f"must be a JSON object; got {got}. Write one object per {self.unit}")
        if not found:
            self._fail(line, "must have keys; the object is empty. Name its values")
        odd = sorted(found.keys() ^ self.kinds.keys())
        if not odd:
            self._fail(line, "keys must not be empty; one is. Name it")
        shown = ", ".join(map(repr, odd[:3])) + (" and more" if len(odd) > 3 else "")
        self._fail(line, f"must have the same keys as {self.unit} 1; {shown} differ. Give each {self.unit} every key")

    def check_characters(self, line: int, found: dict[str, Any]) -> None:
        """Check that no text has half a character.

        Raises:
            DataError: one has.
        """
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            self._fail(line, "must hold complete characters; got a lone surrogate (half an emoji). Remove it")

    def _check_values(self, name: str, values: list[Any], first: int, expected: str) -> None:
        plainly = "text, a number, true or false, or a list of them"
        for line, value in enumerate(values, start=first):
            plain = not isinstance(value, list) or all(isinstance(each, str | int | float) for each in value)
            if value is not None and (_KINDS[type(value)] != expected or isinstance(value, dict) or not plain):
                wanted = f"{expected}, as before" if plain and expected != _KINDS[dict] else plainly
                got = _KINDS[type(value)] if plain else "a list of other things"
                cure = "Write an object for each row" if isinstance(value, dict) else "Use one type"
                self._fail(line, f"{name!r} must be {wanted}; got {got}. {cure}")


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def name_kind(value: Any) -> str:
    """The type of a JSON value, for errors."""
    return _KINDS.get(type(value), "nothing")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object from its pairs, for `object_pairs_hook`.

    Raises:
        ValueError: a duplicate key.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} appears twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=unique)


def _settle_types(frame: "polars.DataFrame") -> "polars.DataFrame":
    import polars

    return frame.with_columns(polars.col(polars.Null).cast(polars.String))
