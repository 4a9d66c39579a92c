"""Answers line by line: rows, steps or words on a stream, an answer after each."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seqconv.data.readers.jsonlines import unique
from seqconv.data.readers.tables import Frame, create_table
from seqconv.errors import DataError, shorten
from seqconv.tasks.streaming import Stream

DELIMITERS = (",", ";", "\t")
_DECODER = json.JSONDecoder(object_pairs_hook=unique)


def follow(stream: Stream, lines: Iterable[bytes], source: str = "standard input") -> Iterator[Frame]:
    """A table of one row for each line: its cells, and the model's answer after them.

    A line is a piece of a text, or a row: CSV, under a line that names the columns (steps of sequences do without), or
    JSON, an object or, for steps, a list. An empty line begins anew.

    Raises:
        DataError: a line that is not UTF-8 or no such row, or what the stream refuses.
    """
    reader = _Lines(stream)
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            if not text.strip():
                stream.restart()
            elif (cells := reader.read(text)) is not None:
                answer = stream.to_columns(stream.push_cells(cells))
                yield create_table({**_to_lists(cells, answer), **answer})
        except UnicodeDecodeError as error:
            raise DataError(f"{source}, line {number}: must be UTF-8; {error.reason}. Convert it") from error
        except DataError as error:
            raise DataError(f"{source}, line {number}: {error}") from error


def _to_lists(cells: Mapping[str, Any], answer: Iterable[str]) -> dict[str, list[Any]]:
    for name in answer:
        if name in cells:
            raise DataError(f"must not have a column {name!r}, which is the name of an output. Rename it")
    return {name: [cell] for name, cell in cells.items()}


class _Lines:
    """Reads lines as cells; the first one says how."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.names: tuple[str, ...] = ()  # of the columns of CSV
        self.delimiter = ""  # of CSV; empty: not known yet, or JSON
        self.objects = False  # rows are JSON

    def read(self, line: str) -> dict[str, Any] | None:
        """The cells of a line by the names of their columns; None: it names the columns.

        Raises:
            DataError: it is no such row.
        """
        if self.stream.column:
            return {self.stream.column: line}
        if not self.names and line.lstrip()[:1] in ("{", "["):
            self.objects = True
        return self._read_json(line) if self.objects else self._read_csv(line)

    def _read_json(self, line: str) -> dict[str, Any]:
        try:
            row = _DECODER.decode(line.strip())
        except (ValueError, RecursionError) as error:
            raise DataError(f"must be JSON on one line; {shorten(error)}. Correct it") from error
        if isinstance(row, list) and self.stream.columns:
            return self._name(row, self.stream.columns)
        if not isinstance(row, dict) or not row:
            raise DataError("must be a JSON object with a key for each column. Write it so")
        return row

    def _read_csv(self, line: str) -> dict[str, Any] | None:
        self.delimiter = self.delimiter or max(DELIMITERS, key=line.count)
        cells = next(csv.reader([line], delimiter=self.delimiter))
        if not self.names:
            if not self.stream.columns or not all(map(_is_number, cells)):
                self.names = tuple(cells)
                if len(set(cells)) < len(cells) or "" in cells:
                    raise DataError("must name the columns, each once, in the first line. Correct it")
                return None
            self.names = self.stream.columns
        return self._name([cell if cell.strip() else None for cell in cells], self.names)

    def _name(self, cells: list[Any], names: tuple[str, ...]) -> dict[str, Any]:
        if len(cells) != len(names):
            raise DataError(f"must have {len(names)} cells, {', '.join(names)}; got {len(cells)}. Correct it")
        return dict(zip(names, cells, strict=True))


def _is_number(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True
