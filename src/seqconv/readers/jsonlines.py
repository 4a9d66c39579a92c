"""Read JSON lines strictly: an object a line, the same keys in each."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from seqconv.errors import DataError
from seqconv.readers.files import BLOCK, Table, check_names, describe_encoding, find_encoding, read_utf8

if TYPE_CHECKING:
    import polars

_PIECE = 50_000  # rows that are Python objects at a time
_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
_NUMBER = _KINDS[int]


def looks_like_json(content: IO[bytes]) -> bool:
    """Whether the first character is that of an object or a list of objects; `content` is rewound."""
    start = content.read(1 << 12).removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe").lstrip()
    content.seek(0)
    return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"["))


def read_json_lines(path: Path, content: IO[bytes], strings: bool, rows: int | None = None) -> Iterator[Table]:
    """Tables of `rows` rows each; None: one table.

    Raises:
        DataError: see `tables.read_table`.
    """
    import polars

    encoding = find_encoding(path, content)
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


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Line by line; blank lines only where more follows."""
    rest, blank = b"", 0
    for block in itertools.chain(blocks, [b"\n"]):
        *whole, rest = (rest + block).split(b"\n") if b"\n" in block else (rest + block,)
        for line in whole:
            if line.strip():
                yield from itertools.repeat(b"", blank)
                yield line
            blank = 0 if line.strip() else blank + 1


class _Reader:
    """Objects to frames; remembers the keys and kinds of the lines before."""

    def __init__(self, path: Path, strings: bool) -> None:
        self.path, self.strings = path, strings
        self.names: tuple[str, ...] = ()
        self.kinds: dict[str, str] = {}

    def read(self, lines: list[bytes], first: int) -> "polars.DataFrame":
        import polars

        objects = []
        for number, line in enumerate(lines, start=first):
            where = f"{self.path}, line {number}"
            found = _parse(where, line)
            if not self.names:
                self.names = tuple(found)
                check_names(where, self.names)
            if found.keys() != self.kinds.keys() and found.keys() != set(self.names):
                odd = sorted(found.keys() ^ set(self.names))
                raise DataError(f"{where}: must have the keys of line 1; {_show(odd)} differ. Give each line every key")
            objects.append(found)
        return polars.DataFrame([self._column(name, [each[name] for each in objects], first) for name in self.names])

    def _column(self, name: str, values: list[Any], first: int) -> "polars.Series":
        import polars

        types = set(map(type, values)) - {type(None)}
        kinds = {_KINDS[each] for each in types}
        if self.strings:
            texts = [value if value is None or isinstance(value, list | dict) else _to_text(value) for value in values]
            values, kinds = texts, {_KINDS[str]} if kinds <= {_KINDS[each] for each in (str, bool, int)} else kinds
        expected = self.kinds.setdefault(name, min(kinds)) if kinds else ""
        if kinds - {expected} or dict in types or not all(map(_is_plain, values if list in types else ())):
            self._refuse(name, values, first, expected)
        if not kinds:
            return polars.Series(name, values, polars.Null)
        if expected == _KINDS[list]:
            return polars.Series(
                name, [each and list(map(_to_text, each)) for each in values], polars.List(polars.String)
            )
        if expected == _NUMBER:
            whole = types == {int} and all(each is None or -(2**63) <= each < 2**63 for each in values)
            numbers = values if whole else [each if each is None else float(each) for each in values]
            return polars.Series(name, numbers, polars.Int64 if whole else polars.Float64)
        return polars.Series(name, values, polars.String if expected == _KINDS[str] else polars.Boolean)

    def _refuse(self, name: str, values: list[Any], first: int, expected: str) -> None:
        wanted = "text, a number, true or false, or a list of them" if expected in ("", _KINDS[dict]) else expected
        for number, value in enumerate(values, start=first):
            kind = _KINDS.get(type(value), "")
            if (kind and kind != expected) or isinstance(value, dict) or not _is_plain(value):
                got = kind if _is_plain(value) else "a list of other things"
                raise DataError(
                    f"{self.path}, line {number}: {name!r} must be {wanted}, as before; got {got}. Make them alike"
                )


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list) or all(isinstance(each, str | int | float) for each in value)


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parse(where: str, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=lambda pairs: _unique(where, pairs))
    except (ValueError, RecursionError) as error:
        problem = getattr(error, "msg", None) or str(error)
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: must be a JSON object, all on this line; {problem}. Correct it") from error
    if not isinstance(found, dict):
        raise DataError(
            f"{where}: must be a JSON object; got {_KINDS.get(type(found), 'nothing')}. Write an object a line"
        )
    if b"\\ud" in line or b"\\uD" in line:
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{where}: must be whole characters; got a lone surrogate (half an emoji). Remove it"
            ) from error
    return found


def _unique(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        check_names(where, [name for name, _ in pairs])
    return found


def _show(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (" and more" if len(names) > 3 else "")


def _settle_types(frame: "polars.DataFrame") -> "polars.DataFrame":
    import polars

    return frame.with_columns(polars.col(polars.Null).cast(polars.String))
