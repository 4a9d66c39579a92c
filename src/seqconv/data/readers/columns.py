"""Find the columns of a table that hold the texts and their labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqconv.data.readers.files import Table
from seqconv.data.readers.numbers import is_number
from seqconv.data.records import count
from seqconv.errors import DataError, nearest

if TYPE_CHECKING:
    import polars

LABEL_NAMES = ("label", "labels", "class", "category", "categories", "sentiment", "target", "tag", "tags")
TEXT_NAMES = ("text", "review", "sentence", "message", "content", "comment", "document")
FEWEST_WORDS = 3.0  # mean words per cell of a text column; columns with fewer hold names
RECURRING = 5  # rows of each value, on average, from which values recur
MOST_CLASSES = 20  # different numbers that are classes unless the user says otherwise
_DENSE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"  # letters of scripts without spaces
MARKS = "|;,="  # after a label column's name: the delimiter between labels; `=`: each cell is one label


AS_SEQUENCES = "name the column of the labels with --label, or a number to predict with --target"


def guess_columns(
    table: Table, text: str = "", label: str = "", taken: Sequence[str] = ()
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Names of the text column and the label columns, and notes on what was inferred.

    Args:
        table: has at least two columns.
        text: name or number (from 1) of the text column; empty: infer it.
        label: the same for the labels, see `read_texts`; empty: infer it.
        taken: columns that are known to be something else.

    Raises:
        DataError: no such column, a text column of numbers, or an ambiguous choice.
    """
    columns = [each for each in table.frame.columns if each not in taken]
    if len(columns) < 2 and not (text and label):
        raise DataError(
            f"{table.path}: must have a text column and a label column; got only {columns[0]!r:.80}. Add one, or give "
            "lines like '__label__CLASS text', or a folder with a file or folder for each class"
        )
    name = find_column(table, text) if text else ""
    labels = find_labels(table, label)[0] if label else ()
    if not name and not labels and len(columns) == 2:
        name, labels = _tell_apart(table, columns)
    labels = labels or (_guess_label(table, [each for each in columns if each != name]),)
    name, _ = guess_text(table, name, (*labels, *taken))
    if name in labels:
        raise DataError(f"{table.path}: texts and labels must be different columns; both are {name!r}. Name both")
    guessed = ([] if text else [f"texts from column {name!r}"]) + (
        [] if label else [f"labels from column {labels[0]!r}"]
    )
    return name, labels, (", ".join(guessed),) if guessed else ()


def guess_text(table: Table, text: str = "", taken: Sequence[str] = ()) -> tuple[str, tuple[str, ...]]:
    """The name of the text column, with or without labels in the table, and notes on what was inferred.

    Args:
        table: any table.
        text: name or number (from 1) of the text column; empty: infer it.
        taken: columns that cannot be the text column.

    Raises:
        DataError: no such column, one that holds no text, or an ambiguous choice.
    """
    import polars

    notes: tuple[str, ...] = ()
    if text:
        name = find_column(table, text)
    else:
        columns = [table.frame[name] for name in table.frame.columns if name not in taken]
        texts = [each.name for each in columns if each.dtype == polars.String and not is_number(each)]
        if not texts and columns:
            raise DataError(
                f"{table.path}: must have a column of texts; none of {count(len(columns), 'column')} is. "
                f"If each row is a sequence, {AS_SEQUENCES}"
            )
        many = [name for name in texts if not _has_few(table.frame[name])]
        wordy = [name for name in many if holds_sentences(table.frame[name])]
        name = _choose(table, "text", "--text", (_named(texts, TEXT_NAMES), texts, many, wordy))
        notes = (f"texts from column {name!r}",) if table.frame.width > 1 else ()
    column = table.frame[name]
    if column.dtype != polars.String or is_number(column):
        kind = "numbers" if column.dtype.is_numeric() or column.dtype == polars.String else str(column.dtype)
        raise DataError(
            f"{table.path}: the column {name!r} must hold texts; it holds {kind}. Choose another text column"
        )
    return name, notes


def find_column(table: Table, name: str) -> str:
    """The column with that name, or else that number, from 1.

    Raises:
        DataError: no such column.
    """
    columns = table.frame.columns
    if name in columns:
        return name
    if name.isdecimal() and 0 < int(name) <= len(columns):
        return columns[int(name) - 1]
    parts = [each.strip() for each in name.split(",")]
    several = set(parts) <= {*columns}
    hint = "Name the column of the texts, and further ones with --columns" if several else nearest(name, columns)
    raise DataError(f"{table.path}: must have the column {name!r}; it does not. {hint}")


def find_labels(table: Table, label: str) -> tuple[tuple[str, ...], str]:
    """The label columns, and the delimiter given after the name of a single one.

    Raises:
        DataError: no such column.
    """
    if label in table.frame.columns:
        return (label,), ""
    if label[-1] in MARKS:
        return (find_column(table, label[:-1]),), label[-1]
    names = tuple(find_column(table, name.strip()) for name in label.split(","))
    return tuple(dict.fromkeys(names)), ""


def holds_many_numbers(column: "polars.Series") -> bool:
    """Whether labels are numbers to predict rather than classes: more than a few, with fractions, or that hardly recur.

    Numbers of rows, as 1, 2, 3, are neither.
    """
    import polars

    if column.dtype.is_nested() or not is_number(column):
        return False
    known = column.cast(polars.Float64, strict=False).drop_nulls()
    values = known.n_unique()
    if values <= MOST_CLASSES:
        return False
    if (known != known.floor()).any():
        return True
    counted = values == len(known) and known.max() - known.min() == values - 1  # type: ignore[operator]
    return values * RECURRING > len(known) and not counted


def _guess_label(table: Table, columns: Sequence[str]) -> str:
    few = [name for name in columns if _has_few(table.frame[name])]
    filled = [name for name in few if 2 * table.frame[name].null_count() <= len(table.frame)]
    return _choose(table, "label", "--label", (_named(columns, LABEL_NAMES), columns, filled))


def _choose(table: Table, kind: str, flag: str, rules: tuple[Sequence[str], ...]) -> str:
    """The column chosen by the first rule that leaves exactly one."""
    for names in rules:
        if len(names) == 1:
            return names[0]
    likely = next((each for each in reversed(rules) if each), table.frame.columns)[0]
    raise DataError(
        f"{table.path}: must have one column that is clearly the {kind}; got the columns "
        f"{', '.join(table.frame.columns)[:200]!r}. Name the {kind} column, perhaps {likely!r}, with {flag}"
    )


def holds_sentences(column: "polars.Series") -> bool:
    """Whether the cells of a text column hold several words on average; two letters without spaces count as a word."""
    cells = column.drop_nulls()
    words = (cells.str.count_matches(r"\S+") + cells.str.count_matches(_DENSE) / 2).mean()
    return isinstance(words, float) and words >= FEWEST_WORDS


def _named(columns: Sequence[str], known: Sequence[str]) -> list[str]:
    return [name for name in columns if name.lower() in known]


def _has_few(column: "polars.Series") -> bool:
    """Whether values recur, as labels do: at most one in five is distinct."""
    return bool(column.dtype.is_nested()) or column.n_unique() * RECURRING <= len(column)


def _tell_apart(table: Table, columns: Sequence[str]) -> tuple[str, tuple[str]]:
    """The text and the label column of two: labels have fewer distinct values, lists, or a typical name."""
    first, second = columns
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
        raise DataError(
            f"{table.path}: must have texts and labels; {first!r} could be either. Name the label column with --label"
        )
    label_first = distinct[0] < distinct[1] or (distinct[0] == distinct[1] and (named[0] or texts[1]))
    return (second, (first,)) if label_first else (first, (second,))
