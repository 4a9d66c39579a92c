"""What texts are like: how long, which words, what stands in the columns next to them, and their labels if any."""

import numpy as np

from seqconv.data.records import Texts
from seqconv.networks.inputs import UNKNOWN
from seqconv.networks.threads import count_threads
from seqconv.tasks.labels import sample_labels
from seqconv.tasks.profiles import MOST_LEVELS, Sample
from seqconv.tasks.text.columns import CATEGORY, NUMBER, TEXT, Slot, parse_number, parse_years, tidy_cell
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.rows import TextRows
from seqconv.tasks.text.vocabulary import Encoded

PIECE = 50_000  # texts read at a time


def sample_texts(features: TextFeatures, rows: TextRows | Texts, encoded: Encoded | None = None) -> list[Sample]:
    """Number of words of each text, which part of them is unknown, the most frequent words, the columns, the labels.

    Args:
        encoded: the texts as ids, if they are known; with those of columns of text joined to them.
    """
    if encoded is None:
        joined = features.columns.join(rows.texts, rows.columns)
        encoded = features.words.encode(joined, count_threads(0))
    starts = encoded.offsets[:-1]
    lengths = np.diff(encoded.offsets) - 1  # each text begins with the start id
    unknown = np.add.reduceat(encoded.ids == UNKNOWN, starts) if len(starts) else np.zeros(0)
    with np.errstate(invalid="ignore"):
        rate = np.where(lengths > 0, unknown / np.maximum(lengths, 1), np.nan)
    names = features.words.words[:MOST_LEVELS]
    inside = np.ones(len(encoded.ids), bool)
    inside[starts] = False
    # of words that are no level any place beyond them is one; unknown ones are not missing, but others
    places = encoded.ids[inside].astype(np.int64) - UNKNOWN - 1
    places = np.where((places < 0) | (places >= len(names)), len(names), places)
    words = Sample("word", places, (*names, ""), np.cumsum(lengths))
    found = [Sample("words in a text", lengths.astype(np.float64)), Sample("unknown words", rate), words]
    slots = {slot.column: slot for slot in reversed(features.columns.slots)}
    found += [_sample_column(slots[name], rows) for name in rows.columns if slots[name].kind != TEXT]
    return [*found, *sample_labels(rows)]


def _sample_column(slot: Slot, rows: TextRows | Texts) -> Sample:
    cells = [tidy_cell(cell) for cell in rows.columns[slot.column]]
    if slot.kind == CATEGORY:
        return Sample.of_names(slot.column, cells)
    parse = parse_number if slot.kind == NUMBER else parse_years
    numbers = (None if cell is None else parse(cell) for cell in cells)
    return Sample(slot.column, np.array([np.nan if each is None else each for each in numbers], np.float64))
