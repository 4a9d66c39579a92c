"""Forty small tasks cut from the training parts of public data: texts, sequences and stretches of series."""

import csv
import gzip
import json
import random
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HELD_OUT = 800  # texts that score a task, at most
csv.field_size_limit(sys.maxsize)
Rows = list[tuple[str, str]]


class Work(NamedTuple):
    """A task.

    Args:
        kind: of data.
        write: writes its files to a folder and gives the one to train on.
        settings: of its recipe; `{folder}` stands for the folder.
    """

    kind: str
    write: Callable[[Path, Path], Path]
    settings: tuple[str, ...]


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, compressed or not."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="latin-1" if "weather" in path.name else "utf-8") as file:
        return file.read().splitlines()


def read_texts(path: Path) -> Rows:
    """Texts and labels of a training file."""
    if path.name == "TREC.train":
        lines = path.read_text("latin-1").splitlines()
        return [(text, label.split(":")[0]) for label, _, text in (line.partition(" ") for line in lines)]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def text_work(file: str, count: int, classes: int = 0) -> Work:
    """`count` texts to train on, of the most frequent `classes` (0: all), and others to score."""

    def write(data: Path, folder: Path) -> Path:
        rows = read_texts(data / file)
        sizes: dict[str, int] = {}
        for _, label in rows:
            sizes[label] = sizes.get(label, 0) + 1
        kept = set(sorted(sizes, key=lambda label: -sizes[label])[: classes or None])
        rows = [row for row in rows if row[1] in kept and row[0].strip()]
        random.Random(f"{file} {count}").shuffle(rows)
        known = {label for _, label in rows[:count]}
        held = [row for row in rows[count:] if row[1] in known][:HELD_OUT]
        for name, part in (("train.csv", rows[:count]), ("test.csv", held)):
            with (folder / name).open("w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows([("text", "label"), *part])
        return folder / "train.csv"

    return Work("text", write, ("data.text=text", "data.label=label", "data.test_file={folder}/test.csv"))


def sequence_work(name: str) -> Work:
    """Three fifths of a training set to train on, the rest to score."""

    def write(data: Path, folder: Path) -> Path:
        with tarfile.open(data / "league/ucr60.tar.gz") as archive:
            member = next(each for each in archive.getnames() if each.endswith(f"/{name}_TRAIN.tsv"))
            file = archive.extractfile(member)
            assert file is not None
            rows = file.read().decode().splitlines()
        random.Random(name).shuffle(rows)
        cut = len(rows) * 3 // 5
        for ending, part in (("TRAIN", rows[:cut]), ("TEST", rows[cut:])):
            (folder / f"{name}_{ending}.tsv").write_text("\n".join([*part, ""]))
        return folder / f"{name}_TRAIN.tsv"

    return Work("sequence", write, ())


def series_work(file: str, rows: range, target: str, lead: str, *settings: str) -> Work:
    """A stretch of the training part of a series; its last 15 % score."""

    def write(data: Path, folder: Path) -> Path:
        lines = read_lines(data / file)
        head = [] if "exchange" in file else lines[:1]
        body = lines[len(head) :]
        (folder / "series.csv").write_text("\n".join([*head, *(body[row] for row in rows), ""]), "utf-8")
        return folder / "series.csv"

    own = (f"data.target={json.dumps([target])}", f"windows.leads={json.dumps([lead])}", *settings)
    return Work("series", write, own)


ETT, WEATHER, JENA = "ett/ETTh1.csv", "weather/weather.csv", "jena/jena_hourly_2009_2016.csv"
RATES, EPF = "exchange_rate/exchange_rate.txt.gz", "league/epf/{}.csv.gz"
DAILY = "data.interval=1d"
R8, NEWS = "league/text/r8/train.csv.gz", "league/text/20newsgroups/train.csv.gz"
TITLES, CLINC, TREC = "league/text/thucnews_titles/train.csv", "league/text/clinc150/train.csv", "trec/TREC.train"
WORKS = {
    "R8, two classes, 20": text_work(R8, 20, 2),
    "R8, 60": text_work(R8, 60, 4),
    "R8, 200": text_work(R8, 200, 4),
    "R8, 1000": text_work(R8, 1000),
    "20 newsgroups, 3 classes, 60": text_work(NEWS, 60, 3),
    "20 newsgroups, 300": text_work(NEWS, 300, 6),
    "20 newsgroups, 1500": text_work(NEWS, 1500),
    "THUCNews titles, 100": text_work(TITLES, 100),
    "THUCNews titles, 500": text_work(TITLES, 500),
    "CLINC150, 20 classes, 400": text_work(CLINC, 400, 20),
    "CLINC150, 2000": text_work(CLINC, 2000),
    "TREC, 100": text_work(TREC, 100),
    "TREC, 400": text_work(TREC, 400),
    "TREC, 2000": text_work(TREC, 2000),
    **{
        name: sequence_work(name)
        for name in (
            *("ECG200", "DistalPhalanxTW", "MedicalImages", "MiddlePhalanxTW", "PowerCons", "SyntheticControl"),
            *("SmoothSubspace", "Plane", "Trace", "ProximalPhalanxTW", "GunPointOldVersusYoung", "Meat"),
        )
    },
    "ETTh1 OT, 1 h": series_work(ETT, range(3000), "OT", "1h"),
    "ETTh1 OT, 24 h": series_work(ETT, range(1000, 5000), "OT", "24h"),
    "ETTh1 HUFL, 1 h": series_work(ETT, range(5000, 8000), "HUFL", "1h"),
    "ETTh1 MULL, 24 h": series_work(ETT, range(2000, 6000), "MULL", "24h"),
    "exchange rate 1, 7 d": series_work(RATES, range(3000), "column_1", "7d", DAILY),
    "exchange rate 3, 1 d": series_work(RATES, range(2000, 5000), "column_3", "1d", DAILY),
    "exchange rate 8, 28 d": series_work(RATES, range(1500, 4500), "column_8", "28d", DAILY),
    "weather 2020, 24 h": series_work(WEATHER, range(0, 24000, 6), "T (degC)", "24h"),
    "weather 2020, wind, 6 h": series_work(WEATHER, range(6000, 30000, 6), "wv (m/s)", "6h"),
    "Jena, 24 h": series_work(JENA, range(10000, 14000), "T (degC)", "24h"),
    "Jena, humidity, 12 h": series_work(JENA, range(30000, 34000), "rh (%)", "12h"),
    "price NP, 24 h": series_work(EPF.format("NP"), range(9000, 13000), "price", "24h"),
    "price PJM, 24 h": series_work(EPF.format("PJM"), range(15000, 19000), "price", "24h"),
    "illness, 4 w": series_work("illness/national_illness.csv", range(676), "OT", "4w"),
}
