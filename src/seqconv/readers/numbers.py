"""Turn columns of text into numbers where all of their cells are numbers."""

from typing import TYPE_CHECKING

from seqconv.data import count

if TYPE_CHECKING:
    import polars

MISSING = ("NA", "N/A", "n/a", "null", "NULL", "None")  # what programs write into a column of numbers for no value


def find_kind(cells: "polars.Series") -> "polars.DataType | None":
    """Int64, Float64 or String if these cells tell the whole column's type, as far as they are like it; else None."""
    import polars

    known = _known(cells)
    if not len(known) or known.is_in(list(MISSING)).any():
        return None
    for kind in (polars.Int64(), polars.Float64()):
        if not known.cast(kind, strict=False).null_count():
            return kind
    return polars.String()


def to_numbers(cells: "polars.Series") -> tuple["polars.Series", tuple[str, ...]]:
    """The column as Int64 or Float64 if every cell is a number, empty or a word for a missing value; notes."""
    import polars

    if cells.dtype != polars.String:
        return cells, ()
    known = _known(cells)
    words = known.is_in(list(MISSING))
    numbers = known.filter(~words)
    for kind in (polars.Int64(), polars.Float64()):
        if len(numbers) and not numbers.cast(kind, strict=False).null_count():
            missing = int(words.sum())
            notes = (f"{count(missing, 'cell')} in {cells.name!r} read as missing ({_show(known, words)})",)
            return cells.str.strip_chars().cast(kind, strict=False), notes if missing else ()
    return cells, ()


def is_number(cells: "polars.Series") -> bool:
    """Whether a column is numbers, or text of which all is."""
    import polars

    if cells.dtype != polars.String:
        return cells.dtype.is_numeric()
    return find_kind(cells) in (polars.Int64, polars.Float64)


def _known(cells: "polars.Series") -> "polars.Series":
    known = cells.drop_nulls().str.strip_chars()
    return known.filter(known != "")


def _show(known: "polars.Series", words: "polars.Series") -> str:
    return ", ".join(known.filter(words).unique().sort().to_list())
