"""Answers for texts in memory, in a file or in a request."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqconv.data.datasets import HEADERS
from seqconv.data.readers.columns import find_column, guess_text
from seqconv.data.readers.jsonlines import name_kind
from seqconv.data.readers.tables import Frame, Table, add_columns, create_table, iterate_tables
from seqconv.data.readers.texts import holds_fasttext, read_lines, split_labels
from seqconv.errors import ConfigError, DataError
from seqconv.metrics.records import Json
from seqconv.tasks.baselines import Say
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.outcomes import answer_outcomes, describe_outcome
from seqconv.tasks.seen import Tally
from seqconv.tasks.target import Columns
from seqconv.tasks.task import Options, Source, describe_row, say_nothing
from seqconv.tasks.text.explaining import explain_text
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.rows import TextRows, join_texts, make_text_keys, read_given, read_objects, rows_of_table
from seqconv.tasks.text_explanation import TextExplanation

EXAMPLE = "This is not a bad example, but a text of your own is better."
LINES = (".txt", ".text", ".log")  # suffixes of files with one text per line
LONGEST_NAME = 4  # words in the name of a column, at most
PIECE = 50_000  # texts read at a time to find one of them


def predict_texts(trained: Trained, texts: Any) -> np.ndarray:
    """Probability of each class, float32 `[N, classes]`; or a number and the bounds of its interval, if the model has
    them, float64 `[N, 1 or 3]`.

    Args:
        texts: see `rows.read_given`.

    Raises:
        DataError: a model that cannot read raw texts, an item that is not a text, or a column that is missing.
    """
    features: TextFeatures = trained.bundle.features
    if not features.columns.slots and isinstance(texts, list):  # in microseconds
        inputs = features.read_texts(texts)
    else:
        rows = read_given(texts, trained.bundle.recipe.data.text or "text", features.columns.names)
        inputs = features.read_texts(features.columns.join(rows.texts, rows.columns), rows.columns)
    return answer_outcomes(features.target, trained.model.predict(inputs))


def predict_text_file(
    trained: Trained, source: str | Path | IO[bytes], column: str, rows: int, say: Say = say_nothing
) -> Iterator[Frame]:
    """The texts of a table or of lines, each followed by the answer, and its probabilities or bounds."""
    target, tally = trained.bundle.features.target, Tally(trained.bundle.seen)
    for given, texts in iterate_texts(trained.bundle, source, column, rows, say):
        tally.add(make_text_keys(texts.texts, texts.columns))
        answers = target.to_columns(predict_texts(trained, texts))
        yield add_columns(given, answers) if isinstance(given, Table) else create_table(given | answers)
    for note in tally.describe():
        say(note)


def iterate_texts(
    bundle: AnyBundle, source: str | Path | IO[bytes], column: str, rows: int, say: Say = say_nothing
) -> Iterator[tuple[Table | Columns, TextRows]]:
    """The table or the columns to answer next to, and its texts, piece by piece; fastText labels are no text."""
    names, config, first = bundle.features.columns.names, bundle.recipe.data, True
    if not isinstance(source, str | Path) or _holds_lines(Path(source), column, config):
        where = source if isinstance(source, str | Path) else "standard input"
        if names:
            raise DataError(f"{where}: must be a table with the columns {', '.join(names)}, which the model reads too")
        lines = map(split_labels, _check_lines(read_lines(source), where, config.text))
        while found := list(islice(lines, rows)):
            texts, labels = [text for text, _ in found], ["|".join(each) for _, each in found]
            given: Columns = {"label": labels} if any(labels) else {}
            yield given | {"text": texts}, TextRows(texts)
        return
    for table in iterate_tables(source, rows, HEADERS[config.header]):
        column = _choose_column(table, column, config.text)
        if first:
            named = [f"texts from column {column!r}"] if table.frame.width > 1 else []
            for note in (*table.notes, *named):
                say(note)
        first = False
        yield table, rows_of_table(table, column, names)


def _holds_lines(path: Path, column: str, config: Any) -> bool:
    """Whether a file has a text on each line: fastText lines, or a .txt file that is no table like that of training."""
    if holds_fasttext(path):
        return True
    if path.suffix.lower() not in LINES or column:
        return False
    if config.header == "no":
        return Path(config.source).suffix.lower() not in LINES
    return not _find_header(islice(read_lines(path), 2), config.text)


def _find_header(lines: Iterable[str], text: str) -> int:
    """The number of the line that is the header of a table with the text column among others; 0: there is none."""
    for number, line in enumerate(lines if text else (), 1):
        cells = [cell.strip(' "') for cell in re.split("[,;|\\t]", line)]
        if len(cells) > 1 and text in cells and all(len(cell.split()) <= LONGEST_NAME for cell in cells):
            return number
        if not line.startswith("sep="):
            return 0
    return 0


def _check_lines(lines: Iterator[str], where: object, text: str) -> Iterator[str]:
    """The lines, unless they begin with the header of a table.

    Raises:
        DataError: they do.
    """
    first = list(islice(lines, 2))
    if number := _find_header(first, text):
        cure = "Save the table in a file, and pass its name"
        raise DataError(f"{where}: must be one text per line; line {number} is a header with {text!r}. {cure}")
    yield from first
    yield from lines


def _choose_column(table: Table, asked: str, trained: str) -> str:
    """The column of the texts: the one asked for, that of the training file, or the only one.

    Raises:
        DataError: there is no such column.
    """
    names = table.frame.columns
    if asked or trained.isdecimal():  # models of 0.1.0 may keep a number
        return find_column(table, asked or trained)
    if not trained:
        return guess_text(table)[0]
    alike = [name for name in names if name.lower() == trained.lower()]
    if trained in names or len(alike) == 1:
        return trained if trained in names else alike[0]
    if len(names) == 1 and " " not in names[0]:
        return names[0]
    cure = "Name the text column with --text, or, if the first row is no header, put one above it"
    if len(names) == 1:
        cure = "Name it so, or, if the file has no header, save it as .txt with a text on each line"
    raise DataError(
        f"{table.path}: must have the column {trained!r} as in training; got {', '.join(names)[:100]!r}. {cure}"
    )


def read_request_texts(bundle: AnyBundle, items: list[Any], first: int) -> TextRows:
    """Texts of a request, or objects for a model that reads columns too; `first` is the number of the first one in it.

    Raises:
        DataError: an item that is not a text, or no such object.
    """
    if names := bundle.features.columns.names:
        return read_objects(items, bundle.recipe.data.text or "text", names, first)
    for number, text in enumerate(items, first):
        if not isinstance(text, str):
            raise DataError(f"texts, item {number}: must be a text; got {name_kind(text)}. Write it in quotes")
    return TextRows(items)


def answer_texts(trained: Trained, texts: TextRows) -> list[Json]:
    """The answer of each text, and its probabilities or bounds."""
    answers: list[Json] = trained.bundle.features.target.to_json(predict_texts(trained, texts))
    return answers


def read_example_text(bundle: AnyBundle, source: Source) -> TextRows:
    """The text to explain: number `row` of a file, the one given, or standard input.

    Raises:
        ConfigError: `row` or `column` without a file, or a file in place of a text.
        DataError: a file that cannot be read or holds fewer texts.
    """
    if source.file is not None:
        return _find_text(bundle, source.need_file(), source.row, source.column)
    if names := bundle.features.columns.names:
        cure = "Pass --file FILE, and --row for another text than the first"
        raise ConfigError(f"explain: the model reads the columns {', '.join(names)} next to a text; got none. {cure}")
    if source.row != 1 or source.column:
        flag = "--text" if source.column else "--row"
        raise ConfigError(f"{flag} chooses in --file; got no --file. Name the file, or leave {flag} out")
    if source.given is not None and Path(source.given).suffix and Path(source.given).is_file():
        raise ConfigError(f"explain: {source.given} is a file. Pass --file {source.given}, and --row for another text")
    return TextRows([_read_input() if source.given is None else source.given])


def _find_text(bundle: AnyBundle, file: Path, row: int, column: str) -> TextRows:
    before = 0
    for _, texts in iterate_texts(bundle, file, column, PIECE):
        if row <= before + len(texts):
            return texts.take(row - 1 - before)
        before += len(texts)
    raise DataError(f"{file}: must hold a text number {row}; it holds {before}. Choose another --row")


def _read_input() -> str:
    if sys.stdin.isatty():
        print("Type a text; Ctrl-D ends it", file=sys.stderr)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"standard input: must be UTF-8; {error.reason} at byte {error.start}. Convert it") from error


def explain_example(trained: Trained, texts: Any, options: Options) -> list[TextExplanation]:
    """See `explain_text`; the option is `class`."""
    features: TextFeatures = trained.bundle.features
    rows = read_given(texts, trained.bundle.recipe.data.text or "text", features.columns.names)
    return explain_text(trained, rows, options.get("class"))


def warm_up(trained: Trained) -> None:
    """Answer an empty text, so that the network builds its tables.

    Raises:
        DataError: a model that cannot read raw texts.
    """
    names = trained.bundle.features.columns.names
    predict_texts(trained, TextRows([""], {name: [None] for name in names}))


def describe_text_model(bundle: AnyBundle) -> Json:
    """Classes or a number, and how many words of a text are read."""
    features: TextFeatures = bundle.features
    several = {"several_labels": features.target.several} if isinstance(features.target, ClassTarget) else {}
    text, names = bundle.recipe.data.text or "text", features.columns.names
    columns = {"text_column": text, "columns": list(names)} if names else {}
    return {**describe_outcome(bundle), **several, "words_read": features.max_len, **columns}


def make_example(bundle: AnyBundle) -> str:
    """A text to start with on a page; of a model that reads columns too an object with usual cells."""
    columns = bundle.features.columns
    if not columns.names:
        return EXAMPLE
    usual = {slot.column: slot.usual for slot in reversed(columns.slots)}
    cells = {name: usual[name] for name in columns.names}
    return json.dumps({bundle.recipe.data.text or "text": EXAMPLE} | cells, indent=1, ensure_ascii=False)


def describe_item(about: Json) -> Json:
    """The JSON schema of one text of a request, or of an object with the columns next to it."""
    return describe_row(about) if "columns" in about else {"type": "string"}


def write_request(about: Json) -> str:
    """A request to a model that `describe_text_model` describes."""
    if "columns" not in about:
        return '{"texts": ["a text", "another"]}'
    return json.dumps({"texts": [{about["text_column"]: "a text"} | dict.fromkeys(about["columns"])]})


def read_whole(bundle: AnyBundle, path: Path, column: str) -> TextRows:
    """All texts of a file, and the columns that the model reads next to them.

    Raises:
        DataError: the file cannot be read, or lacks what the model needs.
    """
    pieces = [texts for _, texts in iterate_texts(bundle, path, column, PIECE)]
    return join_texts(pieces) if pieces else TextRows([], {name: [] for name in bundle.features.columns.names})


def answer_whole(trained: Trained, rows: TextRows) -> np.ndarray:
    """A model's outputs for texts, as scores take them, `[N, outputs]`."""
    features: TextFeatures = trained.bundle.features
    inputs = features.read_texts(features.columns.join(rows.texts, rows.columns), rows.columns)
    return trained.model.predict(inputs)[:, : features.target.outputs]
