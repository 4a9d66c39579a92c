"""Inspection of a file of labelled sequences."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from seqconv.data.datasets import sequence_columns
from seqconv.data.readers.sequences import find_partner, read_sequences
from seqconv.data.records import SequenceData, Sequences, count
from seqconv.errors import DataError, SeqconvError
from seqconv.recipes.recipe import SequenceRecipe
from seqconv.recipes.sections import SequenceDataConfig
from seqconv.tasks.completion import complete
from seqconv.tasks.findings import (
    Column,
    Finding,
    Inspection,
    describe_numbers,
    number,
    refuse,
    show_places,
    sort_findings,
)
from seqconv.tasks.holdout import number_copies
from seqconv.tasks.label_findings import Examples, count_classes, judge_classes, judge_copies, judge_overlap
from seqconv.tasks.scaling import find_flat
from seqconv.tasks.sequence.guess import guess_sequences
from seqconv.tasks.sequence.split import split_sequences


def inspect_sequences(path: Path, recipe: SequenceRecipe, given: set[str]) -> Inspection:
    """Classes, lengths, channels, copies within the file and in the test file.

    Raises:
        DataError: the file cannot be read.
    """
    config = recipe.data
    sequences = read_sequences(path, layout=config.layout, columns=sequence_columns(config))
    config = replace(config, **sequences.settled)
    findings: list[Finding] = []
    test = _read_test(path, config, findings)
    lengths = np.diff(sequences.offsets)
    items = _to_items(sequences)
    findings += _judge_values(sequences)
    if sequences.number:
        label = describe_numbers(sequences.number, sequences.labels)
    else:
        label = Column("label", "label", 0, ", ".join(map(repr, sequences.classes[:5])))
        findings += _judge_labels(sequences, items, recipe, test is not None)
    if test is not None:
        findings += judge_overlap(items, _to_items(test), "sequence", test.source)
    if not any(each.weight == "blocks" for each in findings):
        findings += _try_split(sequences, test, recipe, given)
    facts = {
        **({} if sequences.number else {"classes": count_classes(sequences.labels, sequences.classes)}),
        "lengths": {"shortest": int(lengths.min()), "median": int(np.median(lengths)), "longest": int(lengths.max())},
        **({"test rows": len(test)} if test is not None else {}),
    }
    columns = [describe_numbers(name, sequences.values[:, place]) for place, name in enumerate(sequences.channels)]
    notes = tuple(note for note in sequences.notes if not note.endswith("missing"))
    return Inspection(str(path), "sequence", len(sequences), (label, *columns), facts, sort_findings(findings), notes)


def _judge_labels(sequences: Sequences, items: list[bytes], recipe: SequenceRecipe, has_test: bool) -> list[Finding]:
    """Problems of classes, and of sequences that are there twice."""
    examples = Examples(
        sequences.labels,
        sequences.classes,
        number_copies(items),
        lambda row: f"sequence {row + 1}",
        sequences.source,
        "sequence",
        together=False,
    )
    classes = judge_classes(examples, recipe, (bool(recipe.data.validation_file), has_test))
    return [*classes, *judge_copies(examples, lambda row: f"sequence {row + 1}")]


def _read_test(path: Path, config: SequenceDataConfig, findings: list[Finding]) -> Sequences | None:
    test_file = config.test_file or find_partner(path)
    if not test_file:
        return None
    try:
        return read_sequences(test_file, layout=config.layout, columns=sequence_columns(config))
    except DataError as error:
        findings.append(refuse(error))
        return None


def _to_items(sequences: Sequences) -> list[bytes]:
    """The bytes of each sequence, equal for equal sequences."""
    values = np.ascontiguousarray(sequences.values + np.float32(0))  # -0 is 0
    return [block.tobytes() for block in np.split(values, sequences.offsets[1:-1])]


def _judge_values(sequences: Sequences) -> list[Finding]:
    values, offsets = sequences.values, sequences.offsets
    found = []
    missing = np.isnan(values)
    for place, name in enumerate(sequences.channels):
        known = values[~missing[:, place], place]
        if find_flat(known):
            what = f"always {number(known[0])}" if len(known) else "no value"
            found.append(Finding(what, repr(name), "kept, but of no use: a channel that never changes", "costs"))
        lacking = np.flatnonzero(np.add.reduceat(missing[:, place], offsets[:-1]))
        if len(known) and len(lacking):
            where = f"{name!r}: {show_places(lacking, lambda row: f'sequence {row + 1}')}"
            what = f"{count(int(missing[:, place].sum()), 'value')} missing in {count(len(lacking), 'sequence')}"
            found.append(Finding(what, where, "read as the channel's mean of the training sequences"))
    flat = _flat(values, offsets)
    if len(flat) and len(values) > len(offsets):
        where = show_places(flat, lambda row: f"sequence {row + 1}")
        found.append(Finding(f"{count(len(flat), 'sequence')} that never change", where, "kept"))
    return found


def _flat(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sequences of more than one step whose channels are all constant."""
    low, high = np.fmin.reduceat(values, offsets[:-1], axis=0), np.fmax.reduceat(values, offsets[:-1], axis=0)
    return np.flatnonzero(((low == high) | np.isnan(low)).all(axis=1) & (np.diff(offsets) > 1))


def _try_split(sequences: Sequences, test: Sequences | None, recipe: SequenceRecipe, given: set[str]) -> list[Finding]:
    """The error that training would raise, if any, as a finding."""
    try:
        data = SequenceData(sequences, test)
        split_sequences(data, complete(recipe, guess_sequences(recipe, data, given), given)[0])
    except SeqconvError as error:
        return [refuse(error, sequences.source)]
    return []
