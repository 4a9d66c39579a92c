"""Labelled texts: seqconv's command next to fastText and a linear support vector machine, on the same splits."""

import csv
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

Split = tuple[list[str], list[str], list[str], list[str]]  # training texts and labels, test texts and labels
SEQCONV = str(Path(sys.executable).with_name("seqconv"))
SEEDS = (0, 1, 2)
Score = tuple[float, float]  # and seconds
# fastText: step, passes, and words of an n-gram; of many texts five passes are enough
GRID = [(rate, epochs, pairs) for rate in (0.1, 0.5) for epochs in (5, 25) for pairs in (1, 2)]
MANY, GRID_OF_MANY = 20_000, [(0.5, 5, 1), (0.5, 5, 2)]


def read_rt_polarity(data: Path) -> tuple[list[str], list[str]]:
    """5,331 sentences of each class."""
    texts, labels = [], []
    for label in ("neg", "pos"):
        lines = (data / "rt_polarity" / f"rt-polarity.{label}").read_text("cp1252").splitlines()
        texts += lines
        labels += [label] * len(lines)
    return texts, labels


def split_rt_polarity(data: Path) -> Iterator[Split]:
    """Ten folds, the protocol of the papers; the same for everybody."""
    from sklearn.model_selection import StratifiedKFold

    texts, labels = read_rt_polarity(data)
    for train, test in StratifiedKFold(10, shuffle=True, random_state=0).split(texts, labels):
        yield _take(texts, train), _take(labels, train), _take(texts, test), _take(labels, test)


def split_trec(data: Path) -> Iterator[Split]:
    """The published split, six coarse classes."""
    found: list[list[str]] = []
    for part in ("train", "test"):
        lines = (data / "trec" / f"TREC.{part}").read_text("latin-1").splitlines()
        pairs = [line.partition(" ") for line in lines if line.strip()]
        found += [[text for _, _, text in pairs], [label.partition(":")[0] for label, _, _ in pairs]]
    yield found[0], found[1], found[2], found[3]


def split_sms(data: Path) -> Iterator[Split]:
    """Five folds."""
    from sklearn.model_selection import StratifiedKFold

    rows = [line.partition("\t") for line in (data / "sms_spam" / "SMSSpamCollection").read_text("utf-8").splitlines()]
    texts, labels = [text for _, _, text in rows], [label for label, _, _ in rows]
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(texts, labels):
        yield _take(texts, train), _take(labels, train), _take(texts, test), _take(labels, test)


def split_imdb(data: Path) -> Iterator[Split]:
    """The published split."""
    from seqconv.data.readers.reviews import read_reviews

    reviews = read_reviews(data / "aclImdb_v1.tar.gz")
    parts: list[list[str]] = []
    for part in (reviews.train, reviews.test):
        parts += [list(part.texts), [part.classes[label] for label in part.labels]]
    yield parts[0], parts[1], parts[2], parts[3]


def _take(items: list[str], index: np.ndarray) -> list[str]:
    return [items[place] for place in index]


SPLITS: dict[str, Callable[[Path], Iterator[Split]]] = {
    "rt-polarity": split_rt_polarity,
    "TREC": split_trec,
    "SMS spam": split_sms,
    "IMDB": split_imdb,
}


def measure(name: str, data: Path, methods: tuple[str, ...]) -> Iterator[tuple[str, Score]]:
    """Accuracy and seconds of each method in each fold or for each seed."""
    splits = list(SPLITS[name](data))
    seeds = SEEDS if len(splits) == 1 else (0,)
    for number, split in enumerate(splits):
        if "seqconv" in methods:
            yield from _score(split, seeds, baselines=number == 0)
        if "peers" in methods:
            yield "fastText", train_fasttext(split, 0)
            yield "TF-IDF + linear SVM", train_svm(split, ngram_range=(1, 2))


def _score(split: Split, seeds: tuple[int, ...], baselines: bool) -> Iterator[tuple[str, Score]]:
    for seed in seeds:
        yield "seqconv", _train_seqconv(split, seed)
    if baselines and len(seeds) > 1:
        yield "NB-SVM (seqconv's baseline)", _train_seqconv(split, 0, "NB-SVM")


def _train_seqconv(split: Split, seed: int, baseline: str = "") -> tuple[float, float]:
    """The command that a user types, start-up and reading included; or one of the baselines next to it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_split(folder, split)
        command = [SEQCONV, "train", "train.csv", "--test", "test.csv", "--seed", str(seed), "--json"]
        command += ["--set", "training.epochs=1"] if baseline else ["--no-baselines"]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - started
        found = json.loads(done.stdout)
        if not baseline:
            return found["test"]["accuracy"], seconds
        row = next(row for row in found["baselines"] if row["name"] == baseline)
        return row["test"]["accuracy"], row["seconds"]


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, perhaps gzipped."""
    csv.field_size_limit(2**31 - 1)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pair(rows: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    """Texts and labels."""
    return [row["text"] for row in rows], [row["label"] for row in rows]


def write_split(folder: Path, split: Split) -> None:
    """`train.csv` and `test.csv`."""
    for part, texts, labels in (("train", *split[:2]), ("test", *split[2:])):
        with (folder / f"{part}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])


def train_fasttext(split: Split, seed: int) -> tuple[float, float]:
    """Step, passes and n-grams chosen on a fifth of the training texts; seconds are those of the chosen one alone.

    Few texts take one thread, as the updates of two race. It diverges now and then on short texts: the next best
    settings are taken then. It reads its file in order, so the texts are shuffled.
    """
    import fasttext

    fasttext.FastText.eprint = lambda text: None
    train, train_labels, test, test_labels = split
    order = np.random.default_rng(seed).permutation(len(train))
    held_out, threads = len(order) // 5, 1 if len(train) < MANY else 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_fasttext(folder / "fit", _take(train, order[held_out:]), _take(train_labels, order[held_out:]))
        _write_fasttext(folder / "choose", _take(train, order[:held_out]), _take(train_labels, order[:held_out]))
        _write_fasttext(folder / "train", _take(train, order), _take(train_labels, order))
        _write_fasttext(folder / "test", test, test_labels)

        def run(fit: str, judge: str, rate: float, epochs: int, pairs: int) -> tuple[float, float]:
            started = time.perf_counter()
            try:
                model = fasttext.train_supervised(
                    str(folder / fit), lr=rate, epoch=epochs, wordNgrams=pairs, thread=threads, seed=seed, verbose=0
                )
            except RuntimeError:  # it diverged
                return 0.0, time.perf_counter() - started
            return model.test(str(folder / judge))[1], time.perf_counter() - started

        grid = GRID if len(train) < MANY else GRID_OF_MANY
        ranked = sorted(grid, key=lambda settings: -run("fit", "choose", *settings)[0])
        return next(found for found in (run("train", "test", *settings) for settings in ranked) if found[0])


def _write_fasttext(path: Path, texts: list[str], labels: list[str]) -> None:
    from seqconv.tasks.text.vocabulary import split

    lines = (f"__label__{label} {' '.join(split(text))}\n" for text, label in zip(texts, labels, strict=True))
    path.write_text("".join(lines), "utf-8")


def train_svm(split: Split, **settings: object) -> Score:
    """A linear machine on TF-IDF with these settings of the vectorizer, as the scikit-learn guide for texts does it."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    train, train_labels, test, test_labels = split
    started = time.perf_counter()
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True, **settings), LinearSVC())
    model.fit(train, train_labels)
    return float(model.score(test, test_labels)), time.perf_counter() - started
