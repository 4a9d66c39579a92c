"""Files of every form that is read, damaged: each command takes them or says in one line why not."""

import gzip
import io
import random
import zipfile
from pathlib import Path

import numpy as np
import polars
import pytest

from fuzz.children import import_before, run_command, run_in_child
from fuzz.damage import damage

import_before("polars")  # here alone: it does not load under the thread sanitizer

TEXTS = "".join(
    f'{n},"a {word} film, number {n}",{label}\n' for n in range(12) for word, label in (("good", "pos"), ("bad", "neg"))
)
ROWS = "".join(f"2020-01-{n + 1:02} 00:00:00,{n / 7:.3f},{n % 5}\n" for n in range(28))
TS = (
    "@problemName x\n@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"
    + "1,2,3:4,5,6:a\n3,?,1:2,2,1:b\n" * 6
)
PIECES = [
    b'"',
    b"\n",
    b"\r",
    b"\0",
    b",",
    b";",
    b"\t",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"1e999",
    b"nan",
    b"9" * 400,
]
PIECES += [
    b"[" * 2000,
    b"{}",
    b"__label__",
    b"sep=;\n",
    b"@data\n",
    b"\\ud800",
    b"-9999",
    b"2020-02-30",
    "é😀\u200b".encode(),
]


def to_columns(method: str, **options) -> bytes:
    frame = polars.DataFrame({"text": ["a good film", "a bad film"] * 9, "label": ["pos", "neg"] * 9, "n": range(18)})
    buffer = io.BytesIO()
    getattr(frame, method)(buffer, **options)
    return buffer.getvalue()


def to_arrays() -> bytes:
    buffer = io.BytesIO()
    lists = np.array([[1, 2, 3], [4, 5]] * 4, object)
    np.savez(buffer, x_train=lists, y_train=[0, 1] * 4, x_test=lists, y_test=[0, 1] * 4)
    return buffer.getvalue()


def pack(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("texts.csv", content)
    return buffer.getvalue()


CSV = f"id,text,label\n{TEXTS}".encode()
SERIES = f"time,a,b\n{ROWS}".encode()
PANEL = "shop,region,month,promo,sold\n" + "".join(
    f"{shop},{'NS'[shop == 'b']},20{15 + n // 12}-{n % 12 + 1:02}-01,{n % 2},{n % 12 if n < 40 else ''}\n"
    for shop in "ab"
    for n in range(42)
)
SEEDS = {
    "panel.csv": PANEL.encode(),
    "texts.csv": CSV,
    "excel.csv": b"sep=;\r\n" + CSV.replace(b",", b";").replace(b"\n", b"\r\n"),
    "utf-16.tsv": CSV.decode().replace(",", "\t").encode("utf-16"),
    "lists.csv": CSV.replace(b"pos", b"\"['pos', 'new']\"").replace(b"neg", b"['neg']"),
    "lines.txt": b"".join(b"__label__%s a film %d\n" % (label, n) for n in range(9) for label in (b"a", b"b")),
    "series.csv": SERIES,
    "lines.jsonl": b"".join(b'{"text": "film %d", "label": "%s"}\n' % (n, b"ab"[n % 2 :][:1]) for n in range(18)),
    "table.parquet": to_columns("write_parquet"),
    "table.arrow": to_columns("write_ipc"),
    "stream.arrow": to_columns("write_ipc_stream"),
    "sequences.ts": TS.encode(),
    "sequences.tsv": b"".join(b"%d\t1.5\t%d\t2\tNaN\n" % (n % 2, n) for n in range(12)),
    "texts.csv.gz": gzip.compress(CSV, mtime=0),
    "series.csv.zip": pack(SERIES),
    "imdb.npz": to_arrays(),
}
COMMANDS = [("inspect",), ("inspect",), ("init",), ("inspect", "--json")]
COMMANDS += [
    (command, "--set", "forecast.horizon=3", "--set", "data.known=promo", "--set", "data.static=region")[:length]
    for command in ("inspect", "init")
    for length in (3, 7)
]


def run_damaged(folder: Path, seed: int) -> str:
    """What is wrong with how a command takes the damaged file of a seed; empty: nothing."""
    chance = random.Random(seed)
    name = chance.choice(list(SEEDS))
    path = folder / (chance.choice([name, name, name, chance.choice(list(SEEDS))]))
    path.write_bytes(damage(SEEDS[name], chance, PIECES))
    command, *flags = chance.choice(COMMANDS)
    fault = run_in_child(run_command, command, str(path), *flags, seconds=30).fault
    return f"seed {seed}, {name} as {path.name}, {command}: {fault}" if fault else ""


@pytest.mark.fuzz(small=30, whole=3000)
def test_damaged_files(tmp_path, seeds):
    faults = [fault for seed in seeds if (fault := run_damaged(tmp_path, seed))]
    assert not faults, "\n".join(faults)


def test_a_damaged_name_in_a_zip_is_told(tmp_path):
    assert not run_damaged(tmp_path, 1759)


def test_panics_of_a_table_reader_are_not_shown(tmp_path):
    assert [fault for seed in (387, 1920) if (fault := run_damaged(tmp_path, seed))] == []


@pytest.mark.parametrize("name", SEEDS)
def test_whole_files_are_read(tmp_path, name):
    (tmp_path / name).write_bytes(SEEDS[name])
    assert run_in_child(run_command, "inspect", str(tmp_path / name)).code == 0
