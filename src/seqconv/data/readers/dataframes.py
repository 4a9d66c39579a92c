"""Data frames of any library -> Table, and answers -> a frame of the kind that came in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqconv.data.readers.files import Table, check_names
from seqconv.data.readers.forks import check_threads
from seqconv.data.readers.tables import simplify_types
from seqconv.data.readers.times import is_time, write_numbers
from seqconv.data.readers.zones import Stamps, local_times, next_utc
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

_NO_INDEX: tuple[tuple[str, Any], ...] = ()
LIBRARIES = "pandas, polars, pyarrow, DuckDB or another library that narwhals knows"


Column = np.ndarray | list[str] | Stamps


@dataclass(frozen=True)
class Form:
    """The kind of frame that a table came from, for answers of the same kind.

    Args:
        first: its first row, as its library holds it; of a query, as polars does.
        types: polars' types of its columns.
        query: library of a query that is not computed yet, such as `duckdb`; empty: it is a frame in memory.
        index: columns that were the index of a pandas frame, and their names there.
    """

    first: Any
    types: Mapping[str, Any]
    query: Any = ""
    index: tuple[tuple[str, Any], ...] = _NO_INDEX

    def build(self, columns: Mapping[str, Column]) -> Any:
        """A frame of these columns; those that the table has too, such as ids and times, are of their types there."""
        import polars

        check_threads()
        frame = polars.DataFrame([self._retype(name, values) for name, values in columns.items()])
        if isinstance(self.first, polars.DataFrame):
            return self._defer(frame)
        if hasattr(self.first, "schema"):
            return to_arrow(frame, self.first.schema)
        return self._to_pandas(frame)

    def _retype(self, name: str, values: Column) -> "polars.Series":
        import polars

        own = self.types.get(name)
        if isinstance(values, Stamps):
            found = self._retype_times(name, values, own)
            # a column of years, say, where others hold the months
            short = found.n_unique() < len(np.unique(values.times))
            return polars.Series(name, values.texts) if short else found
        found = polars.Series(name, values, nan_to_null=True)
        if own is None or own == found.dtype:
            return found
        if own == polars.Boolean and found.dtype == polars.String:
            return found == "true"
        cast = found.cast(own, strict=False)
        return found if cast.null_count() > found.null_count() else cast

    def _retype_times(self, name: str, stamps: Stamps, own: Any) -> "polars.Series":
        import polars

        if not np.issubdtype(stamps.times.dtype, np.datetime64):
            found = polars.Series(name, stamps.times)
            return found if own is None or not own.is_numeric() else found.cast(own)
        if own is None or own == polars.String:
            return polars.Series(name, stamps.texts)
        zone = getattr(own, "time_zone", None)
        if zone:
            utc = stamps.times if stamps.utc else next_utc(stamps.times, zone)
            found = polars.Series(name, utc.astype("datetime64[us]"))
            return found.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).cast(own)
        local = local_times(stamps.times, stamps.zone)
        if own.is_temporal():
            return polars.Series(name, local.astype("datetime64[us]")).cast(own)
        like = polars.Series(name, [_first_cell(self.first, name)], own)
        numbers = write_numbers(stamps.times, local, like)
        return polars.Series(name, stamps.texts) if numbers is None else numbers.cast(own)

    def _defer(self, frame: "polars.DataFrame") -> Any:
        if not self.query:
            return frame
        import narwhals

        return narwhals.from_native(frame).lazy(backend=self.query).to_native()

    def _to_pandas(self, frame: "polars.DataFrame") -> Any:
        """By the constructor of its class, which needs no import."""
        import polars

        plain = {
            each.name: each.to_numpy() if each.dtype.is_numeric() or each.dtype == polars.Datetime else each.to_list()
            for each in frame
        }
        found = type(self.first)(plain)
        for name, own in self.first.dtypes.items():
            if name in plain:
                found[name] = _retype_pandas(found[name], own)
        if self.index and all(column in plain for column, _ in self.index):
            found = found.set_index([column for column, _ in self.index])
            found.index.names = [name for _, name in self.index]
        return found


def table_from_frame(frame: Any, name: str = "the data") -> Table:
    """A table from a data frame or a query of any library that narwhals knows; of pandas also from a column.

    The index of a pandas frame becomes columns, if it has names or holds times.

    Args:
        name: what errors call it.

    Raises:
        DataError: not a frame, no rows, or a missing or duplicate column name.
    """
    import narwhals
    import polars

    check_threads()
    if hasattr(frame, "to_frame") and not hasattr(frame, "columns"):
        frame = frame.to_frame()
    try:
        native = narwhals.from_native(frame)
    except TypeError as error:
        got = f"got one {type(frame).__name__}"
        raise DataError(f"{name}: must be a data frame ({LIBRARIES}), or a path; {got}") from error
    except narwhals.exceptions.DuplicateError:
        check_names(name, [*map(str, getattr(frame, "column_names", frame.columns))])
        raise
    query, index = "", _NO_INDEX
    if isinstance(native, narwhals.LazyFrame):
        query = native.implementation.value
        native = native.collect(backend="polars")
    frame = native.to_native()
    if native.implementation.is_pandas_like():
        frame, index = _reset_index(frame)
        check_names(name, [*frame.columns])
        found = polars.DataFrame([_from_pandas(each, frame[each]) for each in frame.columns])
    else:
        check_names(name, native.columns)
        found = native.to_polars()
    if not len(found):
        raise DataError(f"{name}: must have rows; got none. Pass a frame with data")
    form = Form(frame[:1], found.schema, query, index)
    return Table(simplify_types(found), Path(name), "arrow", (), range(1, len(found) + 1), form=form)


def _reset_index(frame: Any) -> tuple[Any, tuple[tuple[str, Any], ...]]:
    """A pandas frame whose columns have texts as names, with its index among them if that says something."""
    levels = [frame.index.get_level_values(place) for place in range(frame.index.nlevels)]
    kept = [level for level in levels if level.name is not None or hasattr(level, "month") or _holds_times(level)]
    index = _NO_INDEX
    if len(kept) == len(levels):
        names = ["time" if name is None else name for name in frame.index.names]
        index = tuple((str(new), own) for new, own in zip(names, frame.index.names, strict=True))
        if not {new for new, _ in index} & {str(each) for each in frame.columns}:
            frame = frame.rename_axis(index=names).reset_index()
        else:
            index = _NO_INDEX
    return frame.set_axis([str(each) for each in frame.columns], axis=1), index


def _holds_times(level: Any) -> bool:
    """Whether an index without a name begins with a time as text, as `read_csv` leaves it without `parse_dates`."""
    return len(level) > 0 and isinstance(level[0], str) and is_time(level[0])


def _from_pandas(name: str, column: Any) -> "polars.Series":
    """The same column, whichever versions of pandas and Arrow are installed; a zone without a place becomes UTC."""
    import polars

    if hasattr(getattr(column, "dt", None), "to_timestamp"):
        column = column.dt.to_timestamp()
    kind, zone = getattr(column.dtype, "kind", "O"), getattr(column.dtype, "tz", None)
    if kind == "M":
        stamps = column.dt.tz_convert(None) if zone else column
        found = polars.Series(name, stamps.to_numpy().astype("datetime64[us]"))
        place = str(zone) if "/" in str(zone) else "UTC"
        return found.dt.replace_time_zone("UTC").dt.convert_time_zone(place) if zone else found
    if kind in "iufb":
        gaps = {"dtype": np.float64, "na_value": np.nan} if kind == "f" or column.isna().any() else {}
        return polars.Series(name, column.to_numpy(**gaps), nan_to_null=True)
    cells = [None if missing else cell for cell, missing in zip(column.tolist(), column.isna(), strict=True)]
    return polars.Series(name, cells, strict=False)


def _retype_pandas(column: Any, own: Any) -> Any:
    if not column.isin(getattr(own, "categories", column)).all():  # ids that the frame does not have
        return column
    if getattr(own, "tz", None) is not None:
        column = column.dt.tz_localize("UTC").dt.tz_convert(own.tz)
    try:
        return column.astype(own)
    except (TypeError, ValueError):  # times written as texts, where the frame has objects of its own
        return column


def from_arrow(batch: Any) -> "polars.DataFrame":
    """A frame of a batch of Arrow's."""
    import polars

    check_threads()
    return polars.DataFrame(polars.from_arrow(batch))


def to_arrow(frame: "polars.DataFrame", schema: Any) -> Any:
    """A pyarrow table, whose columns have the types that they have in the schema, if they are in it."""
    found = frame.to_arrow()
    own = found.schema
    for place, name in enumerate(own.names):
        if name in schema.names:
            own = own.set(place, schema.field(name))
    return found.cast(own)


def _first_cell(frame: Any, name: str) -> Any:
    cell = frame[name][0]
    return cell.as_py() if hasattr(cell, "as_py") else cell
