"""Convert text columns to numbers if all their cells are numbers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from seqconv.data.readers.files import GUESS
from seqconv.data.records import count

if TYPE_CHECKING:
    import polars

MISSING = ("NA", "N/A", "n/a", "null", "NULL", "None")  # what programs write for a missing number
MARKS = (*MISSING, "?", "-", "--", ".", "..", ":", "n.a.", "N.A.", "#N/A", "#NA", "<NA>")  # the same in a series
HEAD = 1000  # first cells of a column that may show it to be text
POINT, COMMA = "point", "comma"  # the decimal mark of a file; the other one may separate thousands
_FORM = r"^(?:[+-]?(?:(?:\d+|[1-9]\d{0,2}(?:%s\d{3})+)(?:%s\d*)?|%s\d+)(?:[eE][+-]?\d+)?|[Nn]a[Nn])$"
FORMS = {POINT: _FORM % (",", r"\.", r"\."), COMMA: _FORM % (r"\.", ",", ",")}


def guess_decimal(columns: "Iterable[polars.Series]") -> str:
    """The decimal mark that the cells of some column prove, and those of none contradict; else `guess`.

    Cells like `1,5` or `1.234,5` can be read in one way only; `1,234` proves nothing, nor does `1.234` next to it:
    alone it is read with a decimal point.

    >>> import polars
    >>> guess_decimal([polars.Series(["1,5", "1.234"]), polars.Series(["1.234"]), polars.Series(["a word"])])
    'comma'
    """
    proven: set[str] = set()
    likely: set[str] = set()
    for column in columns:
        known = _known(column)
        numbers = known.filter(~known.is_in(MARKS))
        fitting = [mark for mark, form in FORMS.items() if numbers.str.contains(form).all()]
        proven.update(fitting if len(fitting) == 1 else ())
        likely.update(each for each in ".," if len(fitting) > 1 and numbers.str.contains(each, literal=True).any())
    if likely == {"."} and not proven:
        return POINT
    return proven.pop() if len(proven) == 1 else GUESS


def choose_decimal(numbers: "polars.Series", decimal: str, found: str) -> str:
    """The decimal mark of a column without missing cells.

    Args:
        numbers: `[T]`.
        decimal: that of a setting; `guess`: the column's own, since commas may separate thousands in this one.
        found: what the columns of its table prove together, for points that may separate thousands.
    """
    if decimal != GUESS:
        return decimal
    commas = numbers.str.contains(",", literal=True).any()
    if found == COMMA and not commas and numbers.str.contains(FORMS[COMMA]).all():
        return COMMA
    return guess_decimal([numbers])


def replace_marks(cells: "polars.Series", decimal: str) -> "polars.Series":
    """Numbers with that decimal mark as programs write them: a point, and nothing between thousands.

    Other cells stay, but where commas are decimal marks those with a point are no numbers: null.
    """
    if decimal == GUESS:
        return cells
    thousands, mark = (".", ",") if decimal == COMMA else (",", ".")
    plain = cells.str.replace_all(thousands, "", literal=True).str.replace(mark, ".", literal=True)
    fits = cells.str.contains(FORMS[decimal]).fill_null(False)
    if decimal == COMMA:
        cells = cells.set(cells.str.contains(".", literal=True).fill_null(False), None)
    return plain.zip_with(fits, cells)


def find_kind(cells: "polars.Series", decimal: str = GUESS) -> "polars.DataType | None":
    """Int64, Float64 or String if these sample cells settle the column's type; else None."""
    import polars

    known = _known(cells)
    if not len(known) or known.is_in(MISSING).any():
        return None
    for kind in (polars.Int64(), polars.Float64()):
        if not known.cast(kind, strict=False).null_count():
            # a point that is no decimal mark
            return None if decimal == COMMA and known.str.contains(".", literal=True).any() else kind
    return polars.String()


def is_padded(cells: "polars.Series") -> bool:
    """Whether cells are digits with zeros in front, all of one width, such as the ids 007 and 042: kept as written.

    >>> import polars
    >>> [is_padded(polars.Series(cells)) for cells in (["007", "042"], ["7", "42"], ["0.7"], ["0", "1"])]
    [True, False, False, False]
    """
    known = _known(cells)
    widths = known.str.len_chars()
    if not len(known) or widths[0] < 2 or not (widths == widths[0]).all():
        return False
    return bool(known.str.contains(r"^\d+$").all() and known.str.starts_with("0").any())


def to_numbers(
    cells: "polars.Series", decimal: str = GUESS, found: str = GUESS, commas: bool = False
) -> tuple["polars.Series", tuple[str, ...]]:
    """The column as Int64 or Float64 if every cell is a number, empty or a word like NA; and notes.

    Args:
        cells: `[T]`.
        decimal, found: see `choose_decimal`.
        commas: convert columns with decimal commas; else they are left as text.
    """
    import polars

    if cells.dtype != polars.String or _begins_with_text(cells) or is_padded(cells):
        return cells, ()
    known = _known(cells)
    words = known.is_in(MISSING)
    numbers = known.filter(~words)
    notes = []
    if words.any() and not words.all():
        shown = ", ".join(known.filter(words).unique().sort())
        notes.append(f"{count(int(words.sum()), 'cell')} in {cells.name!r} read as missing ({shown})")
    if choose_decimal(numbers, decimal, found) == COMMA and numbers.str.contains("[.,]").any():
        if not (commas and numbers.str.contains(FORMS[COMMA]).all()):
            return cells, ()
        notes += describe_marks(cells.name, numbers, COMMA)
        numbers, cells = (replace_marks(each.str.strip_chars(), COMMA) for each in (numbers, cells))
    for kind in (polars.Int64(), polars.Float64()):
        if len(numbers) and not numbers.cast(kind, strict=False).null_count():
            return cells.str.strip_chars().cast(kind, strict=False), tuple(notes)
    return cells, ()


def _begins_with_text(cells: "polars.Series") -> bool:
    """Whether one of the first cells is no number, however it is written: the rest need not be read."""
    import polars

    first = _known(cells.head(HEAD))
    plain = first.is_in(MISSING) | first.cast(polars.Float64, strict=False).is_not_null()
    return not (plain | first.str.contains(FORMS[COMMA])).all()


def describe_marks(name: str, numbers: "polars.Series", decimal: str) -> list[str]:
    """A note on the marks in the cells of a column, for each kind of them."""
    thousands = "." if decimal == COMMA else ","
    commas = numbers.str.contains(",", literal=True).any()
    notes = [f"commas in {name!r} read as decimal points"] if decimal == COMMA and commas else []
    parted = numbers.filter(numbers.str.contains(thousands, literal=True))
    return [*notes, f"{parted[0]} in {name!r} read as {replace_marks(parted, decimal)[0]}"] if len(parted) else notes


def is_number(cells: "polars.Series") -> bool:
    """Whether a column is numeric, or text whose cells are all numbers."""
    import polars

    if cells.dtype != polars.String:
        return cells.dtype.is_numeric()
    return find_kind(cells) in (polars.Int64, polars.Float64)


def as_numbers(column: "polars.Series") -> "polars.Series | None":
    """A numeric column as it is; one of text that begins with a number as Float64, without other cells; else None."""
    import polars

    if column.dtype.is_numeric():
        return column.fill_nan(None) if column.dtype.is_float() else column
    if column.dtype != polars.String or not len(column):
        return None
    first = column[int(column.is_not_null().arg_max() or 0)]
    if first is None or not first.strip().replace(".", "", 1).isdecimal():
        return None
    return column.str.strip_chars().cast(polars.Float64, strict=False)


def _known(cells: "polars.Series") -> "polars.Series":
    known = cells.drop_nulls().str.strip_chars()
    return known.filter(known != "")
