"""Answers for a whole file, or for batches of one, piece by piece: the input's columns, and the answers after them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from seqconv.data.memory import hidden_folder, write_data
from seqconv.data.readers.dataframes import from_arrow, to_arrow
from seqconv.data.readers.tables import Frame
from seqconv.data.urls import fetch
from seqconv.errors import DataError
from seqconv.models.predictor import load
from seqconv.tasks.baselines import Say
from seqconv.tasks.bundle import Trained
from seqconv.tasks.kinds import find_task
from seqconv.tasks.task import Sliding, need_path, say_nothing

PIECE = 50_000  # rows read at a time


def predict_file(
    trained: Trained,
    source: str | Path | IO[bytes],
    column: str = "",
    piece: int = PIECE,
    say: Say = say_nothing,
    future: Path | None = None,
    sliding: Sliding | None = None,
) -> Iterator[Frame]:
    """The rows of `source` with the model's answers after them, in pieces, so that any length passes.

    Texts get `prediction` (several labels: separated by `|`) and `probability of CLASS`; a series gets for each row the
    forecasts made there, `TARGET in LEAD`, null where a window is not whole, after each the bounds of its interval,
    `TARGET in LEAD low` and `high`, where the model has them; sequences get a row each.

    Args:
        source: a table; for texts also a file or stream with a text a line.
        column: of the texts, or of the times; empty: as in training, else guessed.
        piece: rows read at a time.
        say: receives notes: how the file was read, before the first piece; which of its rows the model was trained on
            and why the newest forecast is empty, after the last one.
        sliding: a window that slides over long sequences, each of which then has a row for each window.
        future: a table of what is known of the rows to forecast; None: what `source` holds after its newest values.

    Raises:
        OptionError: a future or a window for a model that has none.
        DataError: the file cannot be read, lacks what the model needs, or has columns of the answers' names already.
    """
    task = find_task(trained.bundle.recipe)
    source = fetch(source) if isinstance(source, str | Path) else source
    future = None if future is None else fetch(future)
    if sliding is not None:
        return task.predict_windows(trained, need_path(source), column, sliding, say)
    if future is None:
        return task.predict_file(trained, source, column, piece, say)
    return task.predict_future(trained, need_path(source), column, future, say)


def predict_batches(model: Trained | str | Path, batches: Iterable[Any], column: str = "") -> Iterator[Any]:
    """The rows of Arrow record batches with the model's answers after them, as `predict_file` gives them.

    It keeps nothing from one batch to the next, so that partitions can be answered anywhere and in any order: by
    `mapInArrow` of Spark, `map_batches` of Ray Data, partitions of Dask. All rows of a series belong in one batch.

    Args:
        model: or its folder, which must lie at that path on every machine.
        batches: `pyarrow.RecordBatch`, with the columns that the model reads; those without rows are left out.
        column: as for `predict_file`.

    Yields:
        `pyarrow.RecordBatch`: columns that were there have the types that they had.

    Raises:
        BundleError: the folder holds no readable model.
        DataError: see `predict_file`; or no record batch.
    """
    trained = load(model) if isinstance(model, str | Path) else model
    for batch in batches:
        if not hasattr(batch, "num_rows"):
            got = type(batch).__name__
            raise DataError(f"batches: each must be a pyarrow.RecordBatch; got {got}. Give a list: table.to_batches()")
        if not batch.num_rows:
            continue
        with hidden_folder() as folder:
            path, _ = write_data(from_arrow(batch), folder / "data", {})
            for frame in predict_file(trained, path, column):
                yield from to_arrow(frame, batch.schema).to_batches()


def count_rows(pieces: Iterable[Frame], total: list[int]) -> Iterator[Frame]:
    """The pieces as they are, their rows added up in `total[0]`."""
    for piece in pieces:
        total[0] += len(piece)
        yield piece
