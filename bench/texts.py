"""Texts of the league: seqconv's default answer and each of its candidates, next to libraries and published numbers.

`python bench/texts.py [NAME ...]` measures what bench/results/texts.json lacks (or the sets named, anew) and writes
docs/texts.md. The data are read from $SEQCONV_DATA. The first three folds stand for ten.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import languages
import many_classes
import scope
import typos
from machine import claim_processors, describe_machine
from own_data.texts import (
    Split,
    pair,
    read_rows,
    split_rt_polarity,
    split_sms,
    split_trec,
    train_fasttext,
    train_svm,
    write_split,
)

DATA = Path(os.environ.get("SEQCONV_DATA", "../shared/data"))
LEAGUE = DATA / "league" / "text"
ROOT = Path(__file__).parent.parent
RESULTS, PAGE = ROOT / "bench" / "results" / "texts.json", ROOT / "docs" / "texts.md"
SEQCONV = (sys.executable, "-m", "seqconv")
FOLDS = 3
FOREIGN = ("pretrained", "BERT", "USE")  # in the names of methods that learned from other texts too
MOST_CHARACTERS = 10_000_000  # of training texts that fastText and n-grams of scikit-learn get: more take many minutes
Scores = dict[str, dict[str, float]]  # accuracy, seconds and megabytes of each method


class Set(NamedTuple):
    """A data set of the league.

    Args:
        splits: gives the folds that are measured.
        published: its name in published.csv, and what the protocol of a row must hold.
        title: what it is.
    """

    splits: Callable[[], Iterator[Split]]
    published: tuple[str, str]
    title: str


def split_files(train: str, test: str, strip: bool = False) -> Iterator[Split]:
    """One split into files; `strip`: without headers, footers and quotes, by scikit-learn's rule."""
    found = [*pair(read_rows(LEAGUE / train)), *pair(read_rows(LEAGUE / test))]
    if strip:
        found[0], found[2] = ([strip_post(text) for text in texts] for texts in (found[0], found[2]))
    yield found[0], found[1], found[2], found[3]


def strip_post(text: str) -> str:
    """A post without its header, its quotes and its signature.

    Reference: sklearn.datasets.fetch_20newsgroups, `remove`.
    """
    from sklearn.datasets import _twenty_newsgroups as rules

    bare = rules.strip_newsgroup_quoting(rules.strip_newsgroup_header(text))
    stripped: str = rules.strip_newsgroup_footer(bare)
    return stripped


def split_folds(path: str) -> Iterator[Split]:
    """The folds that the file says."""
    rows = read_rows(LEAGUE / path)
    for fold in range(FOLDS):
        train, test = ([row for row in rows if (row["fold"] == str(fold)) == held] for held in (False, True))
        yield *pair(train), *pair(test)


def first(splits: Iterator[Split]) -> Iterator[Split]:
    """The first of them."""
    for number, each in enumerate(splits):
        if number < FOLDS:
            yield each


CLINC, NEWS = "clinc150/{}.csv", "20newsgroups/{}.csv.gz"
SETS = {
    "clinc150": Set(
        lambda: split_files(CLINC.format("train"), CLINC.format("test")),
        ("clinc150", "train.csv and oos"),
        "CLINC150: 150 intents of short queries",
    ),
    "clinc150_small": Set(
        lambda: split_files(CLINC.format("train_small"), CLINC.format("test")),
        ("clinc150", "train_small.csv and oos"),
        "CLINC150, 50 training queries of each intent",
    ),
    "clinc150_imbalanced": Set(
        lambda: split_files(CLINC.format("train_imbalanced"), CLINC.format("test")),
        ("clinc150", "train_imbalanced.csv and oos"),
        "CLINC150, 25 to 100 training queries of each intent",
    ),
    "r8": Set(lambda: split_files("r8/train.csv.gz", "r8/test.csv.gz"), ("r8", ""), "R8: news, eight topics"),
    "20newsgroups": Set(
        lambda: split_files(NEWS.format("train"), NEWS.format("test")),
        ("20newsgroups", "whole posts"),
        "20 newsgroups, whole posts",
    ),
    "20newsgroups_stripped": Set(
        lambda: split_files(NEWS.format("train"), NEWS.format("test"), strip=True),
        ("20newsgroups", "stripped posts (no headers|stripped posts (headers"),
        "20 newsgroups, stripped of headers, footers and quotes",
    ),
    "mpqa": Set(lambda: split_folds("mpqa/mpqa.csv"), ("mpqa", ""), "MPQA: polarity of phrases"),
    "rt_polarity": Set(lambda: first(split_rt_polarity(DATA)), ("rt_polarity", ""), "rt-polarity: film reviews"),
    "trec": Set(lambda: split_trec(DATA), ("trec", ""), "TREC: what a question asks for"),
    "sms_spam": Set(lambda: first(split_sms(DATA)), ("sms_spam", ""), "SMS spam"),
    "waimai_10k": Set(
        lambda: split_folds("waimai_10k/waimai_10k.csv"), ("waimai_10k", ""), "waimai_10k: Chinese reviews of meals"
    ),
    "thucnews_titles": Set(
        lambda: split_files("thucnews_titles/train.csv", "thucnews_titles/test.csv"),
        ("thucnews_titles", ""),
        "THUCNews: Chinese titles, ten topics",
    ),
}


def measure(name: str) -> Scores:
    """Mean accuracy, seconds and megabytes of every method over the folds."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for split in SETS[name].splits():
        for method, score in train_seqconv(split).items():
            found[method].append(score)
        short = sum(map(len, split[0])) < MOST_CHARACTERS
        for unit in ("words", "characters") if short else ("words",):
            accuracy, seconds = train_svm(split, **choose_features(split, unit))
            found[f"scikit-learn: TF-IDF of {unit} + linear SVM"].append({"accuracy": accuracy, "seconds": seconds})
        if short and has_fasttext():
            accuracy, seconds = train_fasttext(split, 0)
            found["fastText"].append({"accuracy": accuracy, "seconds": seconds})
    return {
        method: {key: statistics.mean(each[key] for each in scores) for key in scores[0]} | {"runs": len(scores)}
        for method, scores in found.items()
    }


def has_fasttext() -> bool:
    """Whether it is installed."""
    try:
        import fasttext  # noqa: F401
    except ImportError:
        return False
    return True


def train_seqconv(split: Split) -> Scores:
    """The command that a user types: its answer, and every candidate of its leaderboard."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_split(folder, split)
        command = [*SEQCONV, "train", "train.csv", "--test", "test.csv", "--out", "run", "--json"]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - started
        report = json.loads(done.stdout)
        size = sum(path.stat().st_size for path in (folder / "run" / "model").iterdir()) / 1e6
    found: Scores = {
        "**seqconv**, the whole command": {"accuracy": report["test"]["accuracy"], "seconds": seconds, "mb": size}
    }
    for row in report["baselines"]:
        if row["kind"] != "majority":
            found[f"seqconv: {row['name']}"] = {"accuracy": row["test"]["accuracy"], "seconds": row["seconds"]}
    return found


def choose_features(split: Split, unit: str) -> dict[str, Any]:
    """Words and pairs of words, or n-grams of one to five characters (to three of Chinese), for scikit-learn."""
    if unit == "words":
        return {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
    longest = 3 if any(re.search("[\u4e00-\u9fff]", text) for text in split[0][:100]) else 5
    return {"analyzer": "char", "ngram_range": (1, longest), "max_features": 10**6}


HEAD = """# Texts, measured

Written by `bench/texts.py`. `seqconv train FILE` with its defaults, whose answer is a blend of a network and two
support vector machines, on words and on n-grams of characters ([decision 26](decisions/0026-a-blend-for-texts.md));
its candidates are the lines of its own leaderboard. Nothing is chosen on test rows. Seconds of seqconv are those of
the whole command, with all candidates, page and start-up; those of a candidate and of a library are its features,
training and scoring. MPQA, rt-polarity, SMS spam and waimai_10k: the first three of ten folds (five of SMS spam); the
others: their published split. One seed. Published numbers are from `published.csv` of the league; those marked * use
word vectors or weights learned elsewhere. CLINC150 is judged on its in-scope queries; the published models also had
the out-of-scope ones to tell apart.
"""


def write_page(results: dict[str, Scores], about: dict[str, Any]) -> None:
    """docs/texts.md."""
    published = read_rows(LEAGUE / "published.csv")
    parts = [HEAD]
    for name, each in SETS.items():
        if name in results:
            parts.append(write_section(each, results[name], published))
    parts += [scope.write_section(published), typos.write_section(), languages.write_section()]
    parts.append(many_classes.write_section())
    versions = ", ".join(f"{package} {version}" for package, version in about["versions"].items())
    parts.append(f"Measured on {about['processor']}, {about['threads']} threads, {about['date'][:10]}. {versions}.\n")
    PAGE.write_text("\n".join(parts), "utf-8")


def write_section(about: Set, scores: Scores, published: list[dict[str, str]]) -> str:
    """A table, the best line without foreign data in bold."""
    rows = [(each["accuracy"], name, each) for name, each in scores.items()]
    for entry in published:
        named, wanted = entry["dataset"] == about.published[0], about.published[1].split("|")
        if named and "accuracy" in entry["metric"] and any(part in entry["protocol"] for part in wanted):
            foreign = any(each in entry["method"] for each in FOREIGN)
            method = re.sub(r" \((.*)pretrained.*\)", "", entry["method"]) + (" *" if foreign else "")
            rows.append((float(entry["value"]) / 100, f"published: {method}", {}))
    best = max(accuracy for accuracy, name, _ in rows if not name.endswith("*"))
    lines = [f"## {about.title}\n", "| method | accuracy | seconds | model, MB |", "| --- | ---: | ---: | ---: |"]
    for accuracy, name, each in sorted(rows, key=lambda row: -row[0]):
        mark = "**" if accuracy == best else ""
        seconds = f"{each['seconds']:.1f}" if "seconds" in each else ""
        size = f"{each['mb']:.1f}" if "mb" in each else ""
        lines.append(f"| {name} | {mark}{accuracy:.4f}{mark} | {seconds} | {size} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing, and write the page."""
    claim_processors()
    known: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {"sets": {}}
    for name in sys.argv[1:] or [each for each in SETS if each not in known["sets"]]:
        known["sets"][name] = measure(name)
        known["about"] = describe_machine()
        RESULTS.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
        for method, score in known["sets"][name].items():
            print(f"{name:<22}{method:<48}{score['accuracy']:.4f}{score['seconds']:9.1f} s", flush=True)
    write_page(known["sets"], known["about"])


if __name__ == "__main__":
    main()
