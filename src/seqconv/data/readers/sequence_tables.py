"""Read sequences from tables: a row for each sequence (wide), or a row for each step (long): Table -> Sequences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqconv.data.readers.columns import LABEL_NAMES, find_column
from seqconv.data.readers.files import GUESS, Table, settle_header
from seqconv.data.readers.ids import number_series
from seqconv.data.readers.numbers import is_number
from seqconv.data.readers.roles import NO_ROLES, Roles, read_marks
from seqconv.data.readers.sequence_labels import Outcome, check_constant, read_outcome
from seqconv.data.readers.steps import lay_steps, read_clock
from seqconv.data.readers.values import prove_decimal, read_numbers, settle_decimal
from seqconv.data.records import LARGEST, Sequences, count
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

ROWS_ARE_STEPS = "Name its column of times with --time, or none"  # of a table to predict
_CLASSES = 0.5  # distinct values of a column of classes, at most, as a fraction of its rows
_STEPS = 2  # columns of numbers that a row with a sequence has at least


@dataclass(frozen=True)
class SequenceColumns:
    """What the columns of a table are, as far as the user said; see `SequenceDataConfig`."""

    ids: tuple[str, ...] = ()
    time: str = ""
    label: str = ""
    target: str = ""
    inputs: tuple[str, ...] = ()
    interval: str = ""
    header: bool | None = None
    decimal: str = GUESS
    roles: Roles = NO_ROLES

    @property
    def outcome(self) -> str:
        """The column of what is predicted; empty: not known."""
        return self.target or self.label


def sequences_from_table(table: Table, columns: SequenceColumns, labelled: bool = True, steps: int = 0) -> Sequences:
    """The sequences of a table.

    With ids that recur, or lacking columns of numbers for a sequence in each row, a row is a step of the sequence that
    its ids name; else it is a sequence. Whatever is inferred is in the notes and in `settled`.

    Args:
        labelled: False, for prediction: the column of labels may be absent and is not read.
        steps: of a sequence in training, which tells whether an unlabelled row without a header begins with a label; 0:
            not known.

    Raises:
        DataError: no such column; no column that is clearly the label; a label that is missing, no number where one is
            to be predicted, or not the same in all rows of a sequence; a value that is not a number.
    """
    table = prove_decimal(table)
    ids = tuple(find_column(table, name) for name in columns.ids if labelled or name in table.frame.columns)
    columns = replace(columns, ids=ids)
    roles = columns.roles.find(table) if labelled else NO_ROLES
    plain = replace(table, frame=table.frame.drop(filter(None, roles)))
    if _is_long(table, columns, labelled):
        found = _read_long(plain, columns, labelled)
        series, keys = number_series(table, columns.ids)
        for name in filter(None, roles):
            check_constant(table, name, series, [", ".join(key) for key in keys])
        rows = np.unique(series, return_index=True)[1]
    else:
        found, rows = _read_wide(plain, columns, labelled, steps), np.arange(len(table.frame))
    weights, groups, splits = (None if each is None else each[rows] for each in read_marks(table, roles))
    settled = dict(found.settled) | {role: name for role, name in roles._asdict().items() if name}
    return replace(found, weights=weights, groups=groups, splits=splits, settled=settled)


def _is_long(table: Table, columns: SequenceColumns, labelled: bool) -> bool:
    """Whether a row is a step of a sequence; of what training read so, the times are known, or that there are none."""
    if labelled and columns.time and not columns.ids:
        raise DataError(f"{table.path}: must name the column that tells its sequences apart. Pass --id")
    return bool(columns.time) or (bool(columns.ids) and bool(table.frame.select(columns.ids).is_duplicated().any()))


def number_sequences(table: Table, columns: SequenceColumns) -> np.ndarray | None:
    """The sequence of each row, int64 `[R]`, numbered as they appear; None: every row is one.

    Args:
        columns: whose ids are in the table.
    """
    return number_series(table, columns.ids)[0] if _is_long(table, columns, True) else None


# A row for each step


def _read_long(table: Table, columns: SequenceColumns, labelled: bool) -> Sequences:
    series, keys = number_series(table, columns.ids)
    clock = read_clock(table, columns.time, (*columns.ids, columns.outcome, *columns.inputs))
    name = find_outcome(table, columns, series) if labelled else columns.outcome
    taken = (*columns.ids, *clock.columns, name)
    inputs = _choose_inputs(table, columns, taken)
    order = np.lexsort((clock.stamps, series))
    offsets = np.searchsorted(series[order], np.arange(len(keys) + 1)).astype(np.int64)
    values = np.stack([_read_values(table, each) for each in inputs], axis=1)[order]
    stamps, values, offsets, notes = lay_steps(table, clock, order, values, offsets, columns.interval)
    outcome = Outcome()
    if labelled:
        first = np.searchsorted(series[order], np.arange(len(keys)))
        check_constant(table, name, series, [", ".join(key) for key in keys])
        outcome = read_outcome(table, name, bool(columns.target), order[first])
    settled: dict[str, Any] = settle_header(table) | settle_decimal(table)
    settled |= {"id": columns.ids, "time": clock.name, "inputs": inputs}
    settled |= {"interval": notes.interval} if notes.interval else {}
    read = f"read as {count(len(keys), 'sequence')} of {count(len(inputs), 'channel')}"
    others = "; --inputs names others" if labelled else ""
    chosen = () if columns.inputs else (f"channels: {', '.join(map(repr, inputs))}{others}",)
    return Sequences(
        values,
        offsets,
        outcome.labels,
        outcome.classes,
        inputs,
        str(table.path),
        (*table.notes, *clock.notes, read, *chosen, *outcome.notes, *notes.notes, *describe_steps(values, offsets)),
        outcome.number,
        {each: [key[place] for key in keys] for place, each in enumerate(columns.ids)},
        settled | outcome.settled,
        stamps,
    )


def _choose_inputs(table: Table, columns: SequenceColumns, taken: Sequence[str]) -> tuple[str, ...]:
    if columns.inputs:
        return tuple(find_column(table, name) for name in columns.inputs)
    names = [each for each in table.frame.columns if each not in taken]
    found = tuple(name for name in names if read_numbers(table, name)[0] is not None)
    if not found:
        raise DataError(f"{table.path}: must have a column of numbers for each channel; got none. Name them: --inputs")
    return found


def _read_values(table: Table, name: str) -> np.ndarray:
    values = read_numbers(table, name, asked=True, missing=np.nan)[0]
    assert values is not None
    return _check_size(table, name, values)


def _check_size(table: Table, name: str, values: np.ndarray) -> np.ndarray:
    large = np.abs(values) > LARGEST
    if large.any():
        where = table.place(int(np.argmax(large)))
        raise DataError(f"{where}: {name!r} must be a number up to 3.4e38; got a larger one. Correct it")
    return values


# A row for each sequence


def _read_wide(table: Table, columns: SequenceColumns, labelled: bool, steps: int) -> Sequences:
    name = find_outcome(table, columns, None) if labelled else _find_unread(table, columns, steps)
    numbered = _find_numbered(table, columns, name)
    names = [each for each in table.frame.columns if each not in (*columns.ids, name, *numbered)]
    if columns.inputs:
        names = [find_column(table, each) for each in columns.inputs]
    lists = [each for each in names if table.frame[each].dtype.is_nested()]
    values, lengths, channels, left = (
        _read_lists(table, lists) if lists else _read_cells(table, names, columns, labelled)
    )
    left = [*numbered, *left]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    outcome = read_outcome(table, name, bool(columns.target)) if labelled else Outcome()
    notes = [*table.notes, f"read as {count(len(lengths), 'sequence')}, one a row", *outcome.notes]
    if name and not labelled:
        notes.append(f"the column {name!r} holds the label; not read as a value")
    if left:
        notes.append(f"left out: {', '.join(map(repr, left[:5]))}{' and more' if left[5:] else ''}")
    settled: dict[str, Any] = settle_header(table) | settle_decimal(table)
    settled |= outcome.settled | {"id": columns.ids}
    keys = {each: [str(cell) for cell in table.frame[each].to_list()] for each in columns.ids}
    inputs = tuple(lists or (each for each in names if each not in left))
    return Sequences(
        values,
        offsets,
        outcome.labels,
        outcome.classes,
        channels,
        str(table.path),
        (*notes, *describe_steps(values, offsets)),
        outcome.number,
        keys,
        settled | ({"inputs": inputs} if lists or any(columns.roles) else {}),
    )


def _read_cells(
    table: Table, names: Sequence[str], columns: SequenceColumns, labelled: bool
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], list[str]]:
    """Steps `[T, 1]` of columns of numbers, the length of each row, the channel, and columns left out."""
    found = [(name, read_numbers(table, name, bool(columns.inputs), np.nan)[0]) for name in names]
    kept = [_check_size(table, name, values) for name, values in found if values is not None]
    if len(kept) < _STEPS:
        cure = "Name the columns that tell the sequences apart with --id" if labelled else ROWS_ARE_STEPS
        must = "must have a column of numbers for each step"
        raise DataError(f"{table.path}: {must}; got {len(kept)}. {cure}, if a row is a step")
    cells = np.stack(kept, axis=1)
    real = ~np.isnan(cells)
    lengths = np.where(real.any(axis=1), cells.shape[1] - real[:, ::-1].argmax(axis=1), 1)
    left = [name for name, values in found if values is None]
    return cells[np.arange(cells.shape[1]) < lengths[:, None]][:, None], lengths, ("channel 1",), left


def _read_lists(table: Table, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], list[str]]:
    """The same of columns of lists, each of which is a channel."""
    import polars

    parts: list[np.ndarray] = []
    lengths = np.zeros(0, np.int64)
    for name in names:
        column = table.frame[name]
        own = column.list.len().fill_null(0).to_numpy().astype(np.int64)
        lengths = lengths if parts else own
        odd = (own != lengths) | (own == 0)
        if odd.any():
            where = table.place(int(np.argmax(odd)))
            raise DataError(f"{where}: {name!r} must have as many steps as the other channels; got {own[odd][0]}")
        cells = column.explode()
        numbers = cells.cast(polars.Float64, strict=False)
        bad = (numbers.is_null() & cells.is_not_null()) | numbers.is_infinite().fill_null(False)
        if bad.any():
            row = int(np.searchsorted(np.cumsum(own), int(bad.arg_max() or 0), side="right"))
            problem = f"must hold lists of finite numbers; got {str(cells[int(bad.arg_max() or 0)])[:40]!r}"
            raise DataError(f"{table.place(row)}: {name!r} {problem}. Correct it")
        parts.append(numbers.fill_null(np.nan).to_numpy())
    return np.stack(parts, axis=1), lengths, tuple(names), []


def _find_numbered(table: Table, columns: SequenceColumns, outcome: str) -> list[str]:
    """A column that only numbers the rows: an index that was saved with them."""
    if columns.inputs or not table.header:
        return []
    first = table.frame.columns[0]
    column = table.frame[first]
    counts = first != outcome and str(column.dtype) == "Int64" and not column.null_count()
    if not counts or first.strip().lower() not in ("", "id", "index", "row", "column_1", "unnamed: 0"):
        return []
    return [first] if (np.diff(column.to_numpy()) == 1).all() and len(column) > 1 else []


# What is predicted


def find_outcome(table: Table, columns: SequenceColumns, series: np.ndarray | None) -> str:
    """The column of labels, or of numbers to predict.

    Raises:
        DataError: none is clearly it.
    """
    if columns.outcome:
        return find_column(table, columns.outcome)
    names = [each for each in table.frame.columns if each not in (*columns.ids, columns.time, *columns.inputs)]
    named = [name for name in names if name.strip().lower() in LABEL_NAMES]
    texts = [name for name in names if _holds_names(table.frame[name], series)]
    ends = (
        []
        if series is not None
        else [name for name in dict.fromkeys((names[0], names[-1])) if _numbers_classes(table, name)]
    )
    for found in (named, texts, ends):
        if len(found) == 1:
            return found[0]
    shown = ", ".join(map(repr, names[:5])) + (" ..." if names[5:] else "")
    raise DataError(
        f"{table.path}: must have one column that is clearly the label; got {shown}. Name it with --label, by its name "
        "or number, or name a number to predict with --target"
    )


def holds_outcome(table: Table) -> bool:
    """Whether one column of a table with a sequence in each row is clearly the label."""
    try:
        return bool(find_outcome(table, SequenceColumns(), None))
    except DataError:
        return False


def _holds_names(column: "polars.Series", series: np.ndarray | None) -> bool:
    """Whether a column of texts recurs as classes do, from row to row; of steps, from one `series` to another."""
    if str(column.dtype) not in ("String", "Boolean") or is_number(column):
        return False
    rows = len(column) if series is None else int(series.max()) + 1
    return 1 < column.n_unique() <= max(_CLASSES * rows, 2)


def _numbers_classes(table: Table, name: str) -> bool:
    """Whether a column of whole numbers recurs as classes do."""
    column = table.frame[name]
    if not column.dtype.is_numeric() or column.null_count():
        return False
    cells = column.to_numpy()
    return bool((cells == np.round(cells)).all()) and 1 < column.n_unique() <= max(_CLASSES * len(column), 2)


def _find_unread(table: Table, columns: SequenceColumns, steps: int) -> str:
    """The column of labels in rows to predict; empty: there is none."""
    name = columns.outcome
    if name not in table.frame.columns or (table.header is False and steps and table.frame.width <= steps):
        return ""
    return name


def describe_steps(values: np.ndarray, offsets: np.ndarray) -> list[str]:
    """Notes on lengths that differ and on values that are missing."""
    lengths = np.diff(offsets)
    notes = [f"lengths differ: {lengths.min()} to {lengths.max()} steps"] if lengths.min() < lengths.max() else []
    missing = int(np.isnan(values).sum())
    return [*notes, f"{count(missing, 'value')} missing"] if missing else notes
