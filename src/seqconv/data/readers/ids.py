"""The columns that tell the series of a table apart, and the series of each row."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from seqconv.data.readers.files import Table
from seqconv.errors import DataError, SeveralSeries

if TYPE_CHECKING:
    import polars

_REPEATED = 1.2  # rows for each distinct time from which a table may hold several series
_A_FEW = 0.05  # of the rows of an id may be there twice
_MOST_COLUMNS = 8  # columns examined


def find_ids(table: Table, stamps: np.ndarray, times: list[str], repeated: float = _REPEATED) -> tuple[str, ...]:
    """The one or two columns whose values tell rows of the same time apart; empty: there are none.

    Args:
        table: the rows.
        stamps: their times, datetime64[s] `[T]`.
        times: names of the columns that the times come from.
        repeated: rows for each distinct time, at least.
    """
    import polars

    rising = bool((stamps[1:] > stamps[:-1]).all())  # as in most files, and far cheaper to see than what is unique
    if rising or len(stamps) < repeated * len(np.unique(stamps)):
        return ()
    columns = [column for column in table.frame if column.name not in times]
    frame = polars.DataFrame(sorted(columns, key=lambda column: column.dtype.is_float()))
    # an id recurs from time to time; a count of something hardly does
    names = [each.name for each in frame if _may_be_id(each) and 1 < each.n_unique() <= len(stamps) / 2]
    if not names:
        return ()
    timed = frame.select(names).with_columns(polars.Series(" time", stamps.astype(np.int64)))
    near: tuple[str, ...] = ()
    for size in (1, 2):
        for chosen in combinations(names[:_MOST_COLUMNS], size):
            if _is_in_order(frame.select(chosen), stamps):
                return chosen
            again = timed.select(*chosen, " time").is_duplicated()
            if not again.any():
                return chosen
            if not near and again.to_numpy().mean() < _A_FEW:
                near = chosen
    return near  # a row that is there twice is told as one of its series


def _may_be_id(column: "polars.Series") -> bool:
    """Whether cells are text or whole numbers, also 1.0, as programs write ids some of which are missing."""
    import polars

    if column.dtype.is_float():
        return bool((column.drop_nans().drop_nulls() % 1 == 0).all())
    return column.dtype in (polars.String, polars.Int64, polars.Boolean)


def _is_in_order(ids: "polars.DataFrame", stamps: np.ndarray) -> bool:
    """Whether the series follow each other, each once and in the order of time: far cheaper to see than repeated rows.

    Args:
        ids: the columns of ids `[T]`.
    """
    import polars

    same = ids.select(polars.all_horizontal(polars.all().eq_missing(polars.all().shift()))).to_series().to_numpy()[1:]
    if (np.diff(stamps).astype(np.int64)[same] <= 0).any():
        return False
    first = np.append(True, ~same)
    return not ids.filter(polars.Series(first)).is_duplicated().any()


def check_one_series(table: Table, stamps: np.ndarray, times: list[str]) -> None:
    """Check that the rows are one series.

    Raises:
        SeveralSeries: they are several, one for each value of a column.
    """
    found = find_ids(table, stamps, times)
    if not found:
        return
    count = table.frame.select(found).n_unique()
    raise SeveralSeries(
        f"{table.path}: must hold one series; it holds {count}, one for each value of "
        f"{' and '.join(map(repr, found))}. Use --horizon, which forecasts them all, without --lead and --lookback"
    )


def number_series(table: Table, ids: Sequence[str]) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
    """The series of each row, int64 `[R]`, numbered as they appear; and the values of the ids of each series."""
    import polars

    if not ids:
        return np.zeros(len(table.frame), np.int64), ((),)
    # rows of one series after the other are numbered together
    changes = table.frame.select(polars.any_horizontal(polars.col(ids).ne_missing(polars.col(ids).shift()))).to_series()
    first = changes.to_numpy(writable=True)
    first[0] = True
    runs = table.frame.filter(polars.Series(first)).select(polars.col(name).cast(polars.String) for name in ids)
    for name in ids:
        empty = runs[name].is_null() | (runs[name].str.strip_chars() == "")
        if empty.any():
            row = int(np.flatnonzero(first)[int(empty.arg_max() or 0)])
            raise DataError(f"{table.place(row)}: the id {name!r} must be given; it is empty. Fill it in")
    known = runs.unique(maintain_order=True)
    numbers = runs.join(known.with_row_index(" series"), on=list(ids), how="left", maintain_order="left")[" series"]
    return numbers.to_numpy().astype(np.int64)[np.cumsum(first) - 1], tuple(known.rows())
