"""Which columns of a table hold the texts and their labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqconv.data.readers.files import Table
from seqconv.data.readers.numbers import is_number
from seqconv.errors import DataError, nearest

if TYPE_CHECKING:
    import polars

LABEL_NAMES = ("label", "labels", "class", "category", "categories", "sentiment", "target", "tag", "tags")


TEXT_NAMES = ("text", "review", "sentence", "message", "content", "comment", "document")


MARKS = "|;,="  # behind a label column's name: labels apart by this; `=`: a cell is one label


def guess_columns(table: Table, text: str = "", label: str = "") -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Names of the text column and the label columns, and notes on what was guessed.

    Args:
        text: name or number, from 1, of the text column; empty: guess.
        label: the same for the labels, see `read_texts`; empty: guess.

    Raises:
        DataError: no such column, the text column holds numbers, or the choice is not clear.
    """
    columns = table.frame.columns
    if len(columns) < 2:
        raise DataError(
            f"{table.path}: must have a column of texts and one of labels; got {columns[0]!r} alone. Add one"
        )
    name = find_column(table, text) if text else ""
    labels = find_labels(table, label)[0] if label else ()
    if not name and not labels and len(columns) == 2:
        name, labels = _tell_apart(table)
    labels = labels or (_guess_label(table, [each for each in columns if each != name]),)
    name, _ = guess_text(table, name, labels)
    if name in labels:
        raise DataError(f"{table.path}: the texts must be another column than the labels; got {name!r}. Name both")
    guessed = ([] if text else [f"texts from column {name!r}"]) + (
        [] if label else [f"labels from column {labels[0]!r}"]
    )
    return name, labels, (", ".join(guessed),) if guessed else ()


def guess_text(table: Table, text: str = "", taken: Sequence[str] = ()) -> tuple[str, tuple[str, ...]]:
    """The name of the text column, where there may be no labels; and notes on what was guessed.

    Raises:
        DataError: no such column, one that holds no text, or no clear choice.
    """
    import polars

    notes: tuple[str, ...] = ()
    if text:
        name = find_column(table, text)
    else:
        columns = [table.frame[name] for name in table.frame.columns if name not in taken]
        texts = [each.name for each in columns if each.dtype == polars.String and not is_number(each)]
        many = [name for name in texts if not _has_few(table.frame[name])]
        name = _choose(table, "text", (_named(texts, TEXT_NAMES), texts, many))
        notes = (f"texts from column {name!r}",) if table.frame.width > 1 else ()
    column = table.frame[name]
    if column.dtype != polars.String or is_number(column):
        kind = "numbers" if column.dtype.is_numeric() or column.dtype == polars.String else str(column.dtype)
        raise DataError(f"{table.path}: the column {name!r} must hold texts; it holds {kind}. Name another text column")
    return name, notes


def find_column(table: Table, name: str) -> str:
    """The column of that name or else number, from 1.

    Raises:
        DataError: there is none.
    """
    columns = table.frame.columns
    if name in columns:
        return name
    if name.isdecimal() and 0 < int(name) <= len(columns):
        return columns[int(name) - 1]
    raise DataError(f"{table.path}: has no column {name!r}. {nearest(name, columns)}")


def find_labels(table: Table, label: str) -> tuple[tuple[str, ...], str]:
    """The label columns, and the mark behind a single one's name.

    Raises:
        DataError: no such column.
    """
    if label in table.frame.columns:
        return (label,), ""
    if label[-1] in MARKS:
        return (find_column(table, label[:-1]),), label[-1]
    names = tuple(find_column(table, name.strip()) for name in label.split(","))
    return tuple(dict.fromkeys(names)), ""


def _guess_label(table: Table, columns: Sequence[str]) -> str:
    few = [name for name in columns if _has_few(table.frame[name])]
    return _choose(table, "label", (_named(columns, LABEL_NAMES), columns, few))


def _choose(table: Table, kind: str, rules: tuple[Sequence[str], ...]) -> str:
    """What the first rule says that leaves one column."""
    for names in rules:
        if len(names) == 1:
            return names[0]
    raise DataError(
        f"{table.path}: must have one column that is clearly the {kind}; got the columns "
        f"{', '.join(table.frame.columns)[:200]!r}. Name the {kind} column"
    )


def _named(columns: Sequence[str], known: Sequence[str]) -> list[str]:
    return [name for name in columns if name.lower() in known]


def _has_few(column: "polars.Series") -> bool:
    """Values come back, as those of a label do: at most one in five is new."""
    return bool(column.dtype.is_nested()) or column.n_unique() * 5 <= len(column)


def _tell_apart(table: Table) -> tuple[str, tuple[str]]:
    """Text and label of two columns: the label has fewer distinct values, or lists, or a label's name."""
    first, second = table.frame.columns
    named = [name.lower() in LABEL_NAMES for name in (first, second)]
    texts = [name.lower() in TEXT_NAMES for name in (first, second)]
    if texts[0] and named[1]:
        return first, (second,)
    if texts[1] and named[0]:
        return second, (first,)
    for one, other in ((first, second), (second, first)):
        column, label = table.frame[one], table.frame[other]
        if label.dtype.is_nested() or (is_number(label) and not is_number(column)):
            return one, (other,)
    distinct = [0 if each.dtype.is_nested() else each.n_unique() for each in (table.frame[first], table.frame[second])]
    if distinct[0] == distinct[1] and named[0] == named[1] and texts[0] == texts[1]:
        raise DataError(f"{table.path}: must have texts and labels; {first!r} could be either. Name the label column")
    label_first = distinct[0] < distinct[1] or (distinct[0] == distinct[1] and (named[0] or texts[1]))
    return (second, (first,)) if label_first else (first, (second,))
