"""The arrays that every peer works on, made once and kept in a temporary folder; numpy alone."""

import json
import os
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from works import (
    BATCH,
    CHANNELS,
    DELAY,
    LENGTH,
    LOOKBACK,
    REVIEWS,
    SEED,
    SERIES_ROWS,
    SPLIT_ROWS,
    STEP,
    TRAINING_ROWS,
    VOCABULARY,
    Work,
)

from seqconv.networks.inputs import WindowInputs

WORD = re.compile(r"[\w']+")


def real_archive() -> Path | None:
    """IMDB's archive in the folder that `SEQCONV_DATA` names, if it is set."""
    folder = os.environ.get("SEQCONV_DATA")
    return Path(folder) / "aclImdb_v1.tar.gz" if folder else None


def cache_path(name: str) -> Path:
    """Where an array is kept; real and made-up reviews do not mix."""
    folder = Path(tempfile.gettempdir()) / f"seqconv-bench-{os.getuid()}" / ("imdb" if real_archive() else "synthetic")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def read_texts() -> tuple[list[str], np.ndarray]:
    """25,000 reviews and their classes: IMDB's training set, or made-up words where `SEQCONV_DATA` is not set."""
    path = cache_path("texts.json")
    if not path.exists():
        archive = real_archive()
        part = path.with_suffix(".part")
        part.write_text(json.dumps(read_archive(archive, "train") if archive else make_texts()), "utf-8")
        part.rename(path)
    texts, labels = json.loads(path.read_text("utf-8"))
    return texts, np.asarray(labels, np.float32)[:, None]


def read_archive(path: Path, part: str) -> tuple[list[str], list[int]]:
    """The labelled reviews of `train` or `test`, straight from the archive."""
    texts, labels = [], []
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            match = re.match(rf"aclImdb/{part}/(pos|neg)/\d+_\d+\.txt$", member.name)
            file = archive.extractfile(member) if match else None
            if match and file:
                texts.append(file.read().decode("utf-8"))
                labels.append(int(match[1] == "pos"))
    return texts, labels


def make_texts() -> tuple[list[str], list[int]]:
    """Reviews of made-up words with Zipf's frequencies, about as long as IMDB's (median 175 words, at most 2,000)."""
    random = np.random.default_rng(SEED)
    lengths = np.clip(random.lognormal(5.2, 0.65, REVIEWS), 10, 2000).astype(int)
    words = np.minimum(random.zipf(1.25, int(lengths.sum())), 80_000)
    texts = [" ".join(f"w{word}" for word in part) for part in np.split(words, np.cumsum(lengths)[:-1])]
    return texts, random.integers(0, 2, REVIEWS).tolist()


def split_words(text: str) -> list[str]:
    """Lower-case words of a text, in the plain Python way."""
    return WORD.findall(text.lower().replace("<br />", " "))


def count_words(texts: list[list[str]]) -> dict[str, int]:
    """Ids of the most frequent words; 0 is padding, 1 start, 2 unknown."""
    counted = Counter(word for words in texts for word in words)
    return {word: at for at, (word, _) in enumerate(counted.most_common(VOCABULARY - 3), 3)}


def encode_words(texts: list[list[str]], ids: dict[str, int]) -> np.ndarray:
    """Ids `[N, L]` int32; long texts keep their end, short ones are padded before it."""
    encoded = np.zeros((len(texts), LENGTH), np.int32)
    for row, words in zip(encoded, texts, strict=True):
        found = [1, *(ids.get(word, 2) for word in words)][-LENGTH:]
        row[LENGTH - len(found) :] = found
    return encoded


def read_reviews() -> tuple[np.ndarray, np.ndarray]:
    """Encoded reviews `[N, L]` int32 and classes `[N, 1]` float32, shuffled once."""
    path = cache_path("ids.npz")
    if not path.exists():
        texts, labels = read_texts()
        words = [split_words(text) for text in texts]
        order = np.random.default_rng(SEED).permutation(len(texts))
        part = path.with_suffix(".part.npz")
        np.savez(part, ids=encode_words(words, count_words(words))[order], labels=labels[order])
        part.rename(path)
    stored = np.load(path)
    return stored["ids"], stored["labels"]


def prepare() -> None:
    """Make what is kept, before several workers want it at once."""
    if not cache_path("ids.npz").exists():
        read_reviews()


def make_series() -> np.ndarray:
    """Standardised random walks `[T, C]` float32, of the size of the Jena series."""
    walk = np.cumsum(np.random.default_rng(SEED).normal(size=(SERIES_ROWS, CHANNELS)), axis=0)
    return np.asarray((walk - walk.mean(axis=0)) / walk.std(axis=0), np.float32)


@dataclass(frozen=True)
class IdInputs:
    """Encoded reviews with the face that `WindowInputs` has."""

    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int]:
        """Steps of one example."""
        return (self.ids.shape[1],)

    def gather(self, index: np.ndarray) -> np.ndarray:
        """The rows at `index`, `[B, L]`."""
        return self.ids[index]


Inputs = IdInputs | WindowInputs


def read_examples(work: Work) -> tuple[Inputs, np.ndarray]:
    """Inputs and targets `[N, 1]` of a work: encoded reviews, or windows of the series."""
    if work.plan.startswith("imdb"):
        ids, labels = read_reviews()
        return IdInputs(ids), labels
    values = make_series()
    anchors = np.arange(LOOKBACK, (SPLIT_ROWS if work.kind == "predict" else TRAINING_ROWS) - DELAY, dtype=np.int64)
    if work.kind == "predict":
        values = values[:SPLIT_ROWS]
    return WindowInputs(values, anchors, LOOKBACK, STEP), values[anchors + DELAY, 1:2]


def draw_batches(count: int) -> Iterator[np.ndarray]:
    """Endless random batches of example numbers, as the book's generator draws them."""
    random = np.random.default_rng(SEED)
    while True:
        yield random.integers(0, count, BATCH)


def split_slices(count: int, slices: int) -> Iterator[np.ndarray]:
    """Example numbers of one part after the other, endlessly."""
    parts = np.array_split(np.arange(count), slices)
    while True:
        yield from parts
