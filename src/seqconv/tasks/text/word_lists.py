"""Words of a network that was trained elsewhere, and the rows of its Embedding."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqconv.data.documents import read_document
from seqconv.errors import DataError, OptionError, near_path, shorten
from seqconv.networks.keras.reading import KerasNetwork
from seqconv.recipes.recipe import TextRecipe
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import split

PADDING, START, UNKNOWN = ("", "[PAD]"), ("[START]",), ("[UNK]", "<unk>")
IMDB_UNUSED = 3  # the id that Keras's IMDB data leave out


class WordList(NamedTuple):
    """Words that are read here, and which rows of the Embedding padding, start, unknown word and they have."""

    words: tuple[str, ...]
    rows: np.ndarray


def read_word_list(path: str) -> WordList:
    """A file with a line for each row of an Embedding, from the first: what `TextVectorization.get_vocabulary()` gives;
    or the tokenizer that an export has written.

    An empty line or `[PAD]` is padding, `[UNK]` the unknown word, `[START]` what each text begins with (where there is
    none, padding). Lines that are no single word here, such as other names in brackets, are left out.

    Raises:
        DataError: no such file, or no unknown word in it.
    """
    place = Path(path).expanduser()
    try:
        lines = _read_lines(place)
    except (OSError, ValueError, LookupError, TypeError) as error:
        hint = near_path(place)
        raise DataError(f"{place}: must be a readable file of words; {shorten(error)}. {hint}".rstrip()) from error
    known: dict[str, int] = {}
    for row, line in enumerate(lines):
        known.setdefault(line, row)
    special = [next((known[name] for name in names if name in known), -1) for names in (PADDING, START, UNKNOWN)]
    if special[0] < 0 or special[2] < 0:
        raise DataError(
            f"{place}: must have a line for padding (empty or [PAD]) and one for the unknown word ([UNK]), as "
            "TextVectorization.get_vocabulary() gives them; it has not. Add them where the Embedding has their rows"
        )
    special[1] = special[1] if special[1] >= 0 else special[0]
    words = {line: row for line, row in known.items() if split(line) == [line]}
    return WordList(tuple(words), np.array([*special, *words.values()], np.int64))


def _read_lines(place: Path) -> list[str]:
    if place.suffix == ".json":
        return [PADDING[-1], START[0], UNKNOWN[0], *map(str, read_document(place)["words"])]
    lines = place.read_text("utf-8").split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def fit_settings(recipe: TextRecipe, data: Any, network: KerasNetwork, given: set[str]) -> dict[str, Any]:
    """The number of ids and of words kept that a network asks for."""
    rows = next(iter(network.weights.values())).shape[0]
    size = len(read_word_list(recipe.features.words).rows) if recipe.features.words else rows - 1
    (length,) = network.shape if len(network.shape) == 1 else (None,)
    found = {"text.vocabulary": size}
    return found | ({"text.max_len": length} if length else {})


def take_rows(recipe: TextRecipe, features: TextFeatures, rows: int) -> np.ndarray:
    """Which rows of an Embedding are those of the ids.

    Ranks of words, as of Keras's IMDB data, have ids from 4 on there and from 3 on here.

    Raises:
        OptionError: the words of the rows are not known.
        DataError: another number of rows than words.
    """
    if features.vocabulary is None:
        return np.delete(np.arange(rows), IMDB_UNUSED)
    if not recipe.features.words:
        raise OptionError(
            "network: the words of its Embedding must be known; they are not. Name a file with a word for each row: "
            "--set text.words=FILE"
        )
    found = read_word_list(recipe.features.words).rows
    if found.max() >= rows:
        raise DataError(
            f"{recipe.features.words}: must have a line for each of the {rows} rows of the Embedding; it has at least "
            f"{found.max() + 1}. Use the words that the network was trained with"
        )
    return found
