"""Answers for a whole file, piece by piece: the input's columns, and the model's answers behind them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from seqconv.data.datasets import HEADERS
from seqconv.data.readers.columns import guess_text
from seqconv.data.readers.sequences import read_sequences
from seqconv.data.readers.series import series_from_table
from seqconv.data.readers.tables import Frame, Table, add_columns, create_table, iterate_tables, read_table
from seqconv.data.readers.texts import read_lines
from seqconv.data.records import Series
from seqconv.errors import DataError
from seqconv.models.bundle import Bundle
from seqconv.models.predictor import Predictor
from seqconv.recipes.durations import show_duration
from seqconv.recipes.recipe import SeriesDataConfig, TextDataConfig
from seqconv.recipes.settings import parse_number
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.text.features import TextFeatures

PIECE = 50_000  # rows read at a time


MOST_SHARES = 20  # classes up to which every one's probability is written


LINES = (".txt", ".text", ".log")  # endings of files that hold a text a line

Columns = dict[str, np.ndarray | list[str]]


def predict_file(
    predictor: Predictor, source: str | Path | IO[bytes], column: str = "", piece: int = PIECE
) -> Iterator[Frame]:
    """The rows of `source` with the model's answers behind them, in pieces, so that any length passes.

    Texts get `prediction` (several labels: apart by `|`) and `probability of CLASS`; a series gets for each row the
    forecasts that end there, `TARGET in LEAD`, null where a window is not whole, behind each the ends of its interval,
    `TARGET in LEAD low` and `high`, where the model has them; sequences get a row each.

    Args:
        source: a table; for texts also a file or stream with a text a line.
        column: of the texts, or of the times; empty: as in training, else guessed.
        piece: rows read at a time.

    Raises:
        DataError: the file cannot be read, lacks what the model needs, or has columns of the answers' names already.
    """
    features = predictor.bundle.features
    if isinstance(features, TextFeatures):
        return _predict_texts(predictor, features, source, column, piece)
    if not isinstance(source, str | Path):
        raise DataError("standard input: must be a text a line; this model needs a file. Name one")
    if isinstance(features, SequenceFeatures):
        return _predict_sequences(predictor, features, Path(source))
    return _predict_series(predictor, features, Path(source), column, piece)


def _predict_texts(
    predictor: Predictor, features: TextFeatures, source: str | Path | IO[bytes], column: str, piece: int
) -> Iterator[Frame]:
    for table, texts in _iterate_texts(predictor.bundle, source, column, piece):
        answers = _class_columns(features, predictor.predict(texts))
        yield create_table({"text": texts} | answers) if table is None else add_columns(table, answers)


def _iterate_texts(
    bundle: Bundle, source: str | Path | IO[bytes], column: str, piece: int
) -> Iterator[tuple[Table | None, list[str]]]:
    """Texts, and the table that they stand in, piece by piece."""
    if not isinstance(source, str | Path) or Path(source).suffix.lower() in LINES:
        lines = iter(read_lines(source))
        while texts := list(islice(lines, piece)):
            yield None, texts
        return
    config = bundle.recipe.data
    assert isinstance(config, TextDataConfig)
    for table in iterate_tables(source, piece, HEADERS[config.header]):
        known = config.text if not column and config.text in table.frame.columns else column
        column = guess_text(table, known)[0]
        texts = table.frame[column].to_list()
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise DataError(f"{table.place(row)}: {column!r} must be a text; got {text!r}. Fill it in")
        yield table, texts


def read_text(bundle: Bundle, source: Path, row: int, column: str = "") -> str:
    """The text number `row`, from 1, of a file that `predict_file` takes.

    Raises:
        DataError: as there, or the file holds fewer texts.
    """
    before = 0
    for _, texts in _iterate_texts(bundle, source, column, PIECE):
        if row <= before + len(texts):
            return texts[row - 1 - before]
        before += len(texts)
    raise DataError(f"{source}: must hold a text number {row}; it holds {before}. Choose another --row")


def read_rows(bundle: Bundle, source: Path, column: str = "") -> Series:
    """A whole series with the columns that the model reads.

    Args:
        column: of the times; empty: as in training, else guessed.

    Raises:
        DataError: the file cannot be read, or lacks what the model needs.
    """
    return rows_from_table(bundle, read_table(source, HEADERS[_series_config(bundle).header]), column)


def rows_from_table(bundle: Bundle, table: Table, column: str = "") -> Series:
    """The same from a table that is read already.

    Raises:
        DataError: see `read_rows`.
    """
    return _read_piece(bundle, table, column, whole=True)


def _predict_sequences(predictor: Predictor, features: SequenceFeatures, path: Path) -> Iterator[Frame]:
    sequences = read_sequences(path, labelled=False)
    numbers: Columns = {"sequence": np.arange(1, len(sequences) + 1)}
    yield create_table(numbers | _class_columns(features, predictor.classify(sequences)))


def _class_columns(features: TextFeatures | SequenceFeatures, shares: np.ndarray) -> Columns:
    """The answer and each class's probability; of very many classes only that of the answer."""
    found: Columns = {"prediction": ["|".join(names) for names in choose_classes(features, shares)]}
    if len(features.classes) <= MOST_SHARES:
        return found | {f"probability of {name}": share for name, share in zip(features.classes, shares.T, strict=True)}
    return found | {"probability": shares.max(axis=1)}


def choose_classes(features: TextFeatures | SequenceFeatures, shares: np.ndarray) -> list[list[str]]:
    """What a model says of each example: the likeliest class; of several labels all above a half, or none.

    Args:
        shares: probability of each class `[N, classes]`.
    """
    if features.multi_label:
        return [[name for name, share in zip(features.classes, row, strict=True) if share > 0.5] for row in shares]
    return [[features.classes[place]] for place in shares.argmax(axis=1)]


def _predict_series(
    predictor: Predictor, features: SeriesFeatures, path: Path, column: str, piece: int
) -> Iterator[Frame]:
    spec = features.spec
    before: Series | None = None  # the rows that the next piece's first windows reach back to
    for table in iterate_tables(path, piece, HEADERS[_series_config(predictor.bundle).header]):
        series = _read_piece(predictor.bundle, table, column, whole=before is None)
        joined = series if before is None else _join(before, series)
        if before is not None and joined.times[len(before.times)] < before.times[-1]:
            raise DataError(f"{table.place(0)}: times must not run backwards. Sort the rows")
        yield add_columns(table, _forecast_columns(predictor, features, joined, len(series.times)))
        before = _tail(joined, spec.lookback)


def _series_config(bundle: Bundle) -> SeriesDataConfig:
    assert isinstance(bundle.recipe.data, SeriesDataConfig)
    return bundle.recipe.data


def _read_piece(bundle: Bundle, table: Table, column: str, whole: bool) -> Series:
    """The columns that the model reads; the first piece also shows whether the interval is the model's."""
    config, features = _series_config(bundle), bundle.features
    assert isinstance(features, SeriesFeatures)
    interval_s, missing = features.spec.interval_s, parse_number(config.missing, "data.missing")
    time = column or (config.time if config.time in table.frame.columns else "")
    if whole and not config.interval and len(table.frame) > 1:
        series = series_from_table(table, time, "", config.zone, features.columns, missing)
        if series.interval_s != interval_s:
            raise DataError(
                f"{table.path}: must have a row every {show_duration(interval_s)} as in training; it has one every "
                f"{show_duration(series.interval_s)}. Resample it"
            )
    else:
        series = series_from_table(table, time, f"{interval_s}s", config.zone, features.columns, missing)
    for name in features.columns:
        if name not in series.columns:
            raise DataError(f"{table.path}: must have the column {name!r} as in training; it has not. Add it")
    order = [series.columns.index(name) for name in features.columns]
    return replace(series, values=series.values[:, order], columns=features.columns, notes=())


def _join(first: Series, second: Series) -> Series:
    times, values = (
        np.concatenate([one, other]) for one, other in ((first.times, second.times), (first.values, second.values))
    )
    return replace(second, times=times, values=values)


def _tail(series: Series, rows: int) -> Series:
    start = max(len(series.times) - rows, 0)
    return replace(series, times=series.times[start:], values=series.values[start:])


def _forecast_columns(predictor: Predictor, features: SeriesFeatures, series: Series, rows: int) -> Columns:
    """For the last `rows` rows of `series` the forecasts made there and their intervals, NaN where none can be."""
    spec, count = features.spec, len(series.times)
    names = ("", " low", " high") if features.margins else ("",)
    found = np.full((len(names), count, len(spec.delays), len(features.targets)), np.nan, np.float32)
    if count > spec.lookback - spec.step:
        forecast = predictor.forecast_interval if features.margins else predictor.forecast
        made = np.reshape(forecast(series.values, series.times), (len(names), -1, *found.shape[2:]))
        found[:, count - made.shape[1] :] = made
    return {
        f"{target} in {show_duration(lead * spec.interval_s)}{name}": found[number, count - rows :, place, index]
        for place, lead in enumerate(spec.leads)
        for index, target in enumerate(features.targets)
        for number, name in enumerate(names)
    }


def count_rows(pieces: Iterable[Frame], total: list[int]) -> Iterator[Frame]:
    """The pieces as they are, their rows added up in `total[0]`."""
    for piece in pieces:
        total[0] += len(piece)
        yield piece
