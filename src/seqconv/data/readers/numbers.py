"""Convert text columns to numbers if all their cells are numbers."""

from typing import TYPE_CHECKING

from seqconv.data.records import count

if TYPE_CHECKING:
    import polars

MISSING = ("NA", "N/A", "n/a", "null", "NULL", "None")  # what programs write for a missing number
_COMMA = r"^[+-]?\d+(,\d+)?$"
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})?$"  # a column of cells like 1,234 may use thousands separators: left alone


def find_kind(cells: "polars.Series") -> "polars.DataType | None":
    """Int64, Float64 or String if these sample cells settle the column's type; else None."""
    import polars

    known = _known(cells)
    if not len(known) or known.is_in(list(MISSING)).any():
        return None
    for kind in (polars.Int64(), polars.Float64()):
        if not known.cast(kind, strict=False).null_count():
            return kind
    return polars.String()


def to_numbers(cells: "polars.Series", commas: bool = False) -> tuple["polars.Series", tuple[str, ...]]:
    """The column as Int64 or Float64 if every cell is a number, empty or a word like NA; and notes.

    Args:
        cells: `[T]`.
        commas: accept decimal commas, unless all of them could be thousands separators.
    """
    import polars

    if cells.dtype != polars.String:
        return cells, ()
    known = _known(cells)
    words = known.is_in(list(MISSING))
    numbers = known.filter(~words)
    notes = []
    if words.any():
        shown = ", ".join(known.filter(words).unique().sort())
        notes.append(f"{count(int(words.sum()), 'cell')} in {cells.name!r} read as missing ({shown})")
    if commas and numbers.str.contains(_COMMA).all() and not numbers.str.contains(_THOUSANDS).all():
        notes.append(f"commas in {cells.name!r} read as decimal points")
        numbers, cells = (each.str.replace(",", ".", literal=True) for each in (numbers, cells))
    for kind in (polars.Int64(), polars.Float64()):
        if len(numbers) and not numbers.cast(kind, strict=False).null_count():
            return cells.str.strip_chars().cast(kind, strict=False), tuple(notes)
    return cells, ()


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
