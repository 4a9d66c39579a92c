"""The parts of Weka's `.arff` files of sequences: attributes, and the cells of a row."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seqconv.errors import DataError

_ATTRIBUTE = re.compile(r"""@attribute\s+('[^']*'|"[^"]*"|\S+)\s+(.+)""", re.IGNORECASE)
_QUOTED = re.compile(r"""\s*(['"])(.*?)\1\s*(?:,|$)""")

_TARGETS = ("target", "class", "y", "label", "value")  # names of numbers to predict, in lower case


@dataclass(frozen=True)
class Attributes:
    """What the header says.

    Args:
        classes: of the label, in the header's order; empty: it is not nominal, or there is none.
        first: the label is the first cell, not the last.
        number: the name of a number to predict, the last cell; empty: there is none.
        channels: a cell holds a channel in each of its lines; otherwise the cells of a row are one channel.
    """

    classes: tuple[str, ...]
    first: bool
    channels: bool
    number: str = ""


def read_attributes(path: Path, lines: Iterator[tuple[int, str]]) -> Attributes:
    """The header, up to `@data`.

    Raises:
        DataError: no `@data`, an attribute that is not one, or a label in the middle.
    """
    kinds: list[tuple[str, str]] = []  # name and type
    inner = False  # within the attributes of a cell that holds channels
    for number, line in lines:
        words = line.split()
        if not words or words[0].startswith("%") or words[0].lower() == "@relation":
            continue
        if words[0].lower() == "@data":
            return _describe(path, kinds)
        if words[0].lower() == "@end":
            inner = False
            continue
        found = _ATTRIBUTE.match(line.strip())
        if not found:
            must = "must be @attribute with a name and a type, or @data"
            raise DataError(f"{path}, line {number}: {must}; got {line.strip()[:40]!r}. Correct it")
        if not inner:
            kinds.append((found[1].strip("'\""), found[2].strip()))
        inner = inner or found[2].strip().lower() == "relational"
    raise DataError(f"{path}: must have a header that ends in a line @data; got none. Is it a complete .arff file?")


def _describe(path: Path, attributes: list[tuple[str, str]]) -> Attributes:
    kinds = [kind for _, kind in attributes]
    labels = [place for place, kind in enumerate(kinds) if kind.startswith("{")]
    if len(labels) > 1 or any(place not in (0, len(kinds) - 1) for place in labels):
        raise DataError(
            f"{path}: must have one attribute of classes, first or last; got {len(labels)}. Correct the header"
        )
    classes = _split_classes(kinds[labels[0]]) if labels else ()
    number = attributes[-1][0] if not labels and attributes[-1:] and _is_target(*attributes[-1]) else ""
    return Attributes(classes, labels == [0], any(kind.lower() == "relational" for kind in kinds), number)


def _is_target(name: str, kind: str) -> bool:
    """Whether an attribute is by its name and type a number to predict."""
    return name.lower() in _TARGETS and kind.lower() in ("numeric", "real", "integer")


def _split_classes(kind: str) -> tuple[str, ...]:
    names = tuple(each.strip().strip("'\"") for each in kind.strip("{} ").split(","))
    return tuple(name for name in names if name)


def split_row(line: str, attributes: Attributes) -> tuple[str, list[str]]:
    """The label of a row (empty: none) and the values of each channel, separated by commas."""
    label = ""
    if attributes.channels and (found := _QUOTED.search(line)):
        before, after = line[: found.start()].strip(" ,"), line[found.end() :].strip(" ,")
        return (before or after).strip("'\""), found[2].split("\\n")
    if attributes.classes and attributes.first:
        label, _, line = line.partition(",")
    elif attributes.classes or attributes.number:
        line, _, label = line.rpartition(",")
    return label.strip().strip("'\""), [line]
