"""Answers for a whole file, piece by piece: the input's columns, and the model's answers after them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from seqconv.data.readers.tables import Frame
from seqconv.data.urls import fetch
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


def count_rows(pieces: Iterable[Frame], total: list[int]) -> Iterator[Frame]:
    """The pieces as they are, their rows added up in `total[0]`."""
    for piece in pieces:
        total[0] += len(piece)
        yield piece
