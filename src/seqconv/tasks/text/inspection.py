"""Inspection of a file of labelled texts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data import datasets
from seqconv.data.readers.columns import guess_columns
from seqconv.data.readers.files import Table
from seqconv.data.readers.reviews import is_review_folder
from seqconv.data.readers.tables import read_table
from seqconv.data.readers.text_tables import Rows, read_columns, rows_from_table
from seqconv.data.readers.texts import holds_fasttext, read_rows, to_texts
from seqconv.data.records import EncodedTexts, TextData, Texts, count
from seqconv.data.urls import fetch
from seqconv.errors import DataError
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import TextRecipe
from seqconv.tasks.completion import complete
from seqconv.tasks.findings import (
    Column,
    Finding,
    Inspection,
    describe_columns,
    describe_numbers,
    quote,
    refuse,
    show_places,
    sort_findings,
    take_rows,
)
from seqconv.tasks.holdout import number_copies
from seqconv.tasks.label_findings import Examples, count_classes, judge_classes, judge_copies, judge_overlap
from seqconv.tasks.text.guess import LONGEST_TEXT, guess_texts
from seqconv.tasks.text.reading import judge_reading
from seqconv.tasks.text.rows import join_cells
from seqconv.tasks.text.split import group_texts
from seqconv.tasks.text.vocabulary import Vocabulary, count_words

BOOK_LEN = 500  # the default of text.max_len, in ids
NO_TRAINING = dict.fromkeys(("weight", "group", "split"), "")  # columns that test files need not have
Place = Callable[[int], str]


def inspect_texts(path: Path, recipe: TextRecipe, given: set[str]) -> Inspection:
    """Columns, classes, lengths, copies.

    Raises:
        DataError: nothing in it can be read.
    """
    config = recipe.data
    if path.name.endswith((".npz", ".tar.gz", ".tgz")) or (path.is_dir() and is_review_folder(path)):
        data = datasets.load_texts(replace(config, test_file="", validation_file=""))
        return _inspect_archive(path, data, recipe, given)
    if path.is_dir() or holds_fasttext(path):
        return _judge_rows(path, read_rows(path), recipe, given)
    table = read_table(path, datasets.HEADERS[config.header], strings=True)
    return _inspect_table(table, recipe, given)


def _inspect_archive(path: Path, data: TextData, recipe: TextRecipe, given: set[str]) -> Inspection:
    train, test = data.train, data.test
    if isinstance(train, EncodedTexts):
        facts = {
            "classes": count_classes(train.labels, train.classes),
            "words": _describe_lengths(np.diff(train.offsets)),
        }
        columns = (Column("text", "text", 0, "word ranks"), _label_column(train.classes))
        return Inspection(str(path), "text", len(train.labels), columns, facts, ())
    assert not isinstance(test, EncodedTexts)
    findings, facts = judge_texts(train, lambda row: f"{path}, text {row + 1}", recipe, given, test)
    columns = (_text_column(train.texts), _label_column(train.classes))
    return Inspection(str(path), "text", len(train.texts), columns, facts, sort_findings(findings), train.notes)


def _inspect_table(table: Table, recipe: TextRecipe, given: set[str]) -> Inspection:
    config = recipe.data
    columns = datasets.text_columns(config)
    try:
        roles = columns.roles.find(table)
        name, labels, _ = guess_columns(table, config.text, columns.asked(table), tuple(filter(None, roles)))
    except DataError as error:
        return _give_up(table, {}, [refuse(error, table.path)])
    kinds = {name: "text"} | dict.fromkeys(labels, "label")
    kinds |= {column: role for role, column in roles._asdict().items() if column}
    try:
        kinds |= dict.fromkeys(read_columns(table, columns.columns, tuple(kinds)), "column")
    except DataError as error:
        return _give_up(table, kinds, [refuse(error, table.path)])
    findings: list[Finding] = []
    whole = _leave_out_missing(table, name, labels, findings)
    try:
        rows = rows_from_table(whole, columns)
        found = _judge_rows(table.path, rows, recipe, given)
    except DataError as error:
        return _give_up(table, kinds, [*findings, refuse(error, table.path)])
    if others := [each for each in table.frame.columns if each not in kinds]:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        shown = ", ".join(map(repr, others[:5])) + more
        findings.append(
            Finding(
                f"{count(len(others), 'other column')}",
                shown,
                "left out: only the text is read. --columns all, or names, reads them too",
            )
        )
    known = {rows.number: describe_numbers(rows.number, rows.numbers, "target")} if rows.number else {}
    return replace(
        found,
        rows=len(table.frame),
        columns=describe_columns(table, kinds, known),
        findings=sort_findings([*findings, *found.findings]),
    )


def _give_up(table: Table, kinds: dict[str, str], findings: list[Finding]) -> Inspection:
    columns = describe_columns(table, kinds)
    return Inspection(str(table.path), "text", len(table.frame), columns, {}, tuple(findings), table.notes)


def _leave_out_missing(table: Table, name: str, labels: Sequence[str], findings: list[Finding]) -> Table:
    """The table without rows that training refuses because of an empty label or a missing text."""
    wanted = dict.fromkeys(labels, "label")
    if table.format not in ("csv", "tsv"):  # in those an empty cell is an empty text
        wanted[name] = "text"
    lacking = np.zeros(len(table.frame), bool)
    for column, role in wanted.items():
        cells = table.frame[column]
        blank = cells.is_null()
        if str(cells.dtype) == "String" and role == "label":
            blank |= (cells.str.strip_chars() == "").fill_null(True)
        rows = np.flatnonzero(blank.to_numpy())
        if len(rows):
            where = f"{column!r}: {show_places(rows, table.place, table.path)}"
            what = f"{count(len(rows), f'{role}')} missing"
            findings.append(Finding(what, where, "refused: fill in or remove the rows", "blocks"))
        lacking[rows] = True
    return take_rows(table, np.flatnonzero(~lacking)) if lacking.any() and not lacking.all() else table


def _judge_rows(path: Path, rows: Rows, recipe: TextRecipe, given: set[str]) -> Inspection:
    texts, config = to_texts(rows, str(path)), recipe.data
    findings, test = [], None
    splits = np.full(len(texts.texts), "train") if rows.marked.splits is None else rows.marked.splits
    trained, tested = (np.flatnonzero(splits == name) for name in ("train", "test"))
    if len(tested):
        test = texts.take(tested)
    if config.test_file:
        try:
            columns = datasets.text_columns(replace(config, **(dict(rows.settled) | NO_TRAINING)))
            test = to_texts(read_rows(fetch(config.test_file), columns), config.test_file)
        except DataError as error:
            findings.append(refuse(error))
    validated = bool(config.validation_file) or "validation" in splits
    own = texts if len(trained) == len(splits) else texts.take(trained)
    more, facts = judge_texts(own, lambda row: rows.place(int(trained[row])), recipe, given, test, validated)
    label = describe_numbers(texts.number, texts.labels) if texts.number else _label_column(texts.classes)
    described, sorted_ = (_text_column(texts.texts), label), sort_findings([*findings, *more])
    return Inspection(str(path), "text", len(texts.texts), described, facts, sorted_, rows.notes)


def judge_texts(
    texts: Texts, place: Place, recipe: TextRecipe, given: set[str], test: Texts | None, validated: bool = False
) -> tuple[list[Finding], dict[str, Any]]:
    """Findings on texts and their classes, and facts.

    Args:
        test, validated: test texts, and whether validation texts, come apart from these.
    """
    words = count_words(texts.texts, count_threads(0))
    guesses = guess_texts(recipe, TextData(texts), given)
    settings = complete(recipe, guesses, given)[0].features
    kept = settings.max_len
    facts: dict[str, Any] = {
        **({} if texts.number else {"classes": count_classes(texts.labels, texts.classes)}),
        "words": _describe_lengths(words),
        "max_len": {"chosen": kept, "cut": _cut(words, kept), f"cut at {BOOK_LEN}": _cut(words, BOOK_LEN)},
    }
    findings = [] if texts.number else _judge_labels(texts, place, recipe, (validated, test is not None))
    if test is not None:
        facts["test rows"] = len(test.texts)
        findings += judge_overlap(texts.texts, test.texts, "text", test.source)
    return [*_judge_lengths(texts, words, kept, place), *_judge_words(texts), *findings], facts


def _judge_labels(texts: Texts, place: Place, recipe: TextRecipe, has: tuple[bool, bool]) -> list[Finding]:
    """Problems of classes, and of texts that are there twice; `has`: see `judge_classes`."""
    named = None if texts.groups is None else group_texts(texts)
    copies = number_copies(join_cells(texts.texts, texts.columns))
    examples = Examples(texts.labels, texts.classes, copies, place, texts.source, "text", True, named)
    copied = judge_copies(examples, lambda row: quote(" ".join(texts.texts[row].split())))
    return [*judge_classes(examples, recipe, has), *copied]


def _judge_words(texts: Texts) -> list[Finding]:
    """What a model of words cannot see, if every fifth text is held out."""
    held = np.arange(len(texts.texts)) % 5 == 4
    rest, tested = (texts.take(np.flatnonzero(rows)) for rows in (~held, held))
    try:
        vocabulary, encoded = Vocabulary.fit_encode(rest.texts, len(texts.texts) * LONGEST_TEXT, count_threads(0))
    except DataError:  # no word at all
        return []
    return judge_reading(rest.texts, rest.labels, encoded, vocabulary.encode(tested.texts, count_threads(0)))


def _judge_lengths(texts: Texts, words: np.ndarray, kept: int, place: Place) -> list[Finding]:
    found = []
    blank = np.array([not text.strip() for text in texts.texts])
    silent = (words == 0) & ~blank
    if blank.any():
        where = show_places(np.flatnonzero(blank), place, texts.source)
        action = "kept as a text without words. Remove them, unless such texts are expected"
        found.append(Finding(f"{count(int(blank.sum()), 'text')} empty", where, action, "costs"))
    if silent.any():
        rows = np.flatnonzero(silent)
        where = f"{show_places(rows, place, texts.source)}, such as {quote(texts.texts[rows[0]].strip())}"
        found.append(Finding(f"{count(len(rows), 'text')} without a word", where, "kept: punctuation is ignored"))
    if (words + 1 > kept).any():
        rows = np.flatnonzero(words + 1 > kept)
        longest = int(np.argmax(words))
        where = f"the longest, {words[longest]:,} words: {show_places([longest], place, texts.source)}"
        what = f"{count(len(rows), 'text')} ({len(rows) / len(words):.1%}) longer than max_len = {kept}"
        found.append(Finding(what, where, "kept, but only the end is read; --set text.max_len=N reads more"))
    return found


def _cut(words: np.ndarray, kept: int) -> float:
    """Fraction of the texts with more than `kept` ids, the start included."""
    return round(float(np.mean(words + 1 > kept)), 6)


def _describe_lengths(words: np.ndarray) -> dict[str, int]:
    median, high = np.percentile(words, [50, 95])
    return {"median": round(median), "95%": round(high), "longest": int(words.max())}


def _text_column(texts: Sequence[str]) -> Column:
    first = next((text for text in texts if text.strip()), "")
    return Column("text", "text", sum(not text.strip() for text in texts), quote(" ".join(first[:200].split())))


def _label_column(classes: tuple[str, ...]) -> Column:
    more = f" and {len(classes) - 5} more" if len(classes) > 5 else ""
    return Column("label", "label", 0, ", ".join(map(repr, classes[:5])) + more)
