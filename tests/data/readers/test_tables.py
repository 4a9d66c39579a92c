"""Any table: what comes out of each format, whole and in pieces, where a row stands, one line for what is broken."""

import bz2
import csv
import gzip
import io
import json
import os
import resource
import zipfile
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import fails
from seqconv.data.readers.tables import iterate_tables, read_table, write_table
from seqconv.errors import ConfigError, DataError, MissingExtra

PLAIN = "name,size,share\nann,1,0.5\nbob,2,\ncem,-3,1e3\n"
ROWS = [("ann", 1, 0.5), ("bob", 2, None), ("cem", -3, 1000.0)]


def packed(content, name="a.csv", extra=()):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        for other in extra:
            archive.writestr(other, "x")
    return out.getvalue()


def columns(write, kind):
    """PLAIN as Parquet or Arrow."""
    out = io.BytesIO()
    getattr(polars.DataFrame(ROWS, schema=["name", "size", "share"], orient="row"), kind)(out)
    return out.getvalue()


# What comes out

IDS = "plain windows unended blank tabs semicolons bars quoted spaces bom utf16 utf16le utf16be gzip zip macos"


@pytest.mark.parametrize(
    ("content", "form", "notes"),
    [
        (PLAIN, "csv", ()),
        (PLAIN.replace("\n", "\r\n"), "csv", ()),
        (PLAIN.rstrip(), "csv", ()),
        (PLAIN + "\n\r\n\n", "csv", ()),
        (PLAIN.replace(",", "\t"), "tsv", ()),
        (PLAIN.replace(",", ";"), "csv", ("cells separated by semicolons",)),
        (PLAIN.replace(",", "|"), "csv", ("cells separated by bars",)),
        (PLAIN.replace("bob", '"bob"').replace("2", '"2"'), "csv", ()),
        (PLAIN.replace(",", " , "), "csv", None),
        (b"\xef\xbb\xbf" + PLAIN.encode(), "csv", ()),
        (PLAIN.encode("utf-16"), "csv", ("not UTF-8; read as UTF-16",)),
        (PLAIN.encode("utf-16-le"), "csv", ("not UTF-8; read as UTF-16",)),
        (PLAIN.encode("utf-16-be"), "csv", ("not UTF-8; read as UTF-16",)),
        (gzip.compress(PLAIN.encode(), mtime=0), "csv", ()),
        (packed(PLAIN), "csv", ()),
        (packed(PLAIN, extra=["__MACOSX/._a.csv"]), "csv", ()),
    ],
    ids=IDS.split(),
)
def test_delimited(write, content, form, notes):
    table = read_table(write(content, "a.any"))
    assert table.format == form
    assert table.frame.columns == ["name", "size", "share"]
    assert table.frame.dtypes == [polars.String, polars.Int64, polars.Float64]
    assert [(name.strip(), *rest) for name, *rest in table.frame.rows()] == ROWS
    assert notes is None or table.notes == notes
    assert table.place(2) == f"{table.path}, line 4"


@pytest.mark.parametrize("kind", ["write_parquet", "write_ipc", "write_ipc_stream", "write_ndjson"])
def test_other_formats(write, kind):
    table = read_table(write(columns(write, kind), "a.any"))
    assert table.frame.rows() == ROWS
    assert table.frame.dtypes == [polars.String, polars.Int64, polars.Float64]
    unit = "line" if kind == "write_ndjson" else "row"
    assert table.place(2) == f"{table.path}, {unit} 3"
    as_text = read_table(table.path, strings=True).frame
    assert as_text.dtypes == [polars.String] * 3
    assert as_text.row(1) == ("bob", "2", None)


def test_cp1252_is_told_from_broken_utf8(write):
    table = read_table(write("text,n\nna\u00efve caf\u00e9 \u201cx\u201d,1\n".encode("cp1252")))
    assert table.frame["text"].to_list() == ["na\u00efve caf\u00e9 \u201cx\u201d"]
    assert table.notes == ("not UTF-8; read as cp1252",)
    fails(read_table, write("text,n\n\u00e4\u00f6\u00fc,1\n\u00e4,2\n".encode() + b"caf\xe9,3\n"), "line 4", "0xe9")
    fails(read_table, write(b"text,n\na,1\n\x81,2\n"), "line 3", "0x81")
    fails(read_table, write(b"text,n\na,1\nb \xed\xa0\xbd,2\n"), "line 3", "lone surrogate")


def test_columns_are_numbers_only_if_every_cell_is(write):
    header = "i,f,na,late,big,text,zip,empty\n"
    rows = f"0,0,0,0,{2**64},t,00,\n1,1.5,NA,1,1,t,01,\n2,2,2,2,2,t,02,\n9,9,9,calm,9,9,09,\n"
    table = read_table(write(header + rows))
    kinds = dict(zip(table.frame.columns, table.frame.dtypes, strict=True))
    assert [name for name, kind in kinds.items() if kind == polars.Int64] == ["i", "na"]
    assert [name for name, kind in kinds.items() if kind == polars.Float64] == ["f", "big"]
    assert table.frame["late"].to_list() == ["0", "1", "2", "calm"]
    assert table.frame["na"].to_list() == [0, None, 2, 9]
    assert table.frame["zip"].to_list() == ["00", "01", "02", "09"]  # 0 would be another
    assert table.notes == ("1 cell in 'na' read as missing (NA)",)
    assert read_table(table.path, strings=True).frame["na"].to_list() == ["0", "NA", "2", "9"]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("rows", [None, 1, 2])
def test_an_array_of_objects_is_a_table(write, indent, rows):
    """As pandas writes it."""
    objects = [{"text": f"film {row}", "stars": row, "late": None if row else "é"} for row in range(5)]
    path = write(json.dumps(objects, indent=indent))
    pieces = [read_table(path)] if rows is None else list(iterate_tables(path, rows))
    assert [row for piece in pieces for row in piece.frame.to_dicts()] == objects
    assert len(pieces) == (1 if rows is None else -(-5 // rows))
    assert pieces[-1].place(len(pieces[-1].frame) - 1) == f"{path}, row 5"


def test_decimal_commas(write):
    table = read_table(write("a;b;c;d\n1,5;1,500;x,1;1\n-2,25;2,000;1,5;2\n3;3;;\n"))
    assert table.frame.dtypes == [polars.Float64, polars.String, polars.String, polars.Int64]
    assert table.frame["a"].to_list() == [1.5, -2.25, 3.0]
    assert table.notes == ("cells separated by semicolons", "commas in 'a' read as decimal points")


def test_a_number_behind_the_sample_changes_the_type(write):
    lines = [f"{i},{i}" for i in range(300_000)]
    lines[100_000], lines[250_000] = "100000,0.5", "calm,1"
    frame = read_table(write("a,b\n" + "\n".join(lines))).frame
    assert frame.dtypes == [polars.String, polars.Float64]
    assert frame.row(100_000) == ("100000", 0.5)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("text,label\ngood,1\nbad,0\n", ["text", "label"]),
        ("good,1\nbad,0\n", None),
        ("pos,good\nneg,bad\npos,fine\n", None),
        ("label,text\nneg,bad\npos,fine\n", ["label", "text"]),
        ("2020-01-01 00:10:00,1.5\n2020-01-01 00:20:00,2\n", None),
        ("date,0,1\n2020-01-01,2,3\n", ["date", "0", "1"]),
        ("1,2\n", None),
        ("date,T\n01.01.2020,\n02.01.2020,\n", ["date", "T"]),
    ],
)
def test_header(write, content, names):
    path = write(content)
    table = read_table(path)
    assert table.frame.columns == (names or ["column_1", "column_2"]) or len(names) == 3
    assert table.frame.columns[0] == (names or ["column_1"])[0]
    assert any("no header" in note for note in table.notes) == (names is None)
    assert table.place(0) == f"{path}, line {1 if names is None else 2}"
    assert len(read_table(path, header=False).frame) == content.count("\n")


def test_lines_of_cells_that_span_lines(write):
    path = write('text,n\n"a\n\nb",1\nplain,2\n"say ""hi"", he said\r\n",3\r\n,4\n')
    table = read_table(path)
    assert table.frame["text"].to_list() == ["a\n\nb", "plain", 'say "hi", he said\r\n', None]
    assert [table.place(row).rpartition(" ")[2] for row in range(4)] == ["2", "5", "6", "8"]
    pieces = list(iterate_tables(path, 1))
    assert [piece.place(0) for piece in pieces][-1].endswith(("line 2", "line 5", "line 6", "line 8"))
    assert polars.concat([piece.frame for piece in pieces]).equals(table.frame)


def test_quotes_that_are_characters(write):
    tabs = 'ham\tsay "hi"\nspam\t"free" prize\nham\tso?"\n'
    table = read_table(write(tabs))
    assert table.frame["column_2"].to_list() == ['say "hi"', '"free" prize', 'so?"']
    assert table.notes[0].startswith("quotes read as ordinary characters")
    table = read_table(write('size,n\n12" pipe,1\n5",2\n3,4\n'))
    assert table.frame["size"].to_list() == ['12" pipe', '5"', "3"]
    assert read_table(write('a\tb\n"x\ty"\t1\n')).frame.row(0) == ("x\ty", 1)


WORDS = st.text(st.sampled_from('ab ,;\t|"\n\r\u00e4\U0001f600\u05d0'), max_size=6)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(WORDS, min_size=2, max_size=2), min_size=1, max_size=8), st.sampled_from(",;\t|"))
@example([["\n", '"'], ['"\n"', "\r\n"]], ",")
def test_what_the_standard_library_writes_comes_back(tmp_path_factory, rows, separator):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([["first", "second"], *rows])
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        lines = [reader.line_num for _ in reader]
    table = read_table(path, header=True, strings=True)
    assert [list(row) for row in table.frame.rows()] == rows
    if not any("\r" in cell for row in rows for cell in row):  # no line end for us, one for the csv module
        assert list(table.numbers) == [line + 1 for line in lines[:-1]]
    pieces = list(iterate_tables(path, 2, header=True, strings=True))
    assert polars.concat([piece.frame for piece in pieces]).equals(table.frame)
    assert [number for piece in pieces for number in piece.numbers] == list(table.numbers)


# In pieces


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl"])
def test_pieces_are_the_whole(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    frame = polars.DataFrame(
        {"i": range(5000), "x": np.linspace(0, 1, 5000), "t": [f"t \u00e4{i % 7}" for i in range(5000)]}
    )
    write_table((frame.slice(first, 700) for first in range(0, 5000, 700)), path)
    whole = read_table(path)
    assert whole.frame.equals(frame)
    pieces = list(iterate_tables(path, 500))
    assert len(pieces) > 5
    assert polars.concat([piece.frame for piece in pieces]).equals(frame)
    assert [number for piece in pieces for number in piece.numbers] == list(whole.numbers)
    packed_path = tmp_path / f"a.{ending}.gz"
    packed_path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    assert polars.concat([piece.frame for piece in iterate_tables(packed_path, 500)]).equals(frame)


def test_a_broken_row_late_in_the_stream(write):
    lines = [f"{i},x" for i in range(20_000)]
    lines[15_000] = "1,2,3"
    path = write("a,b\n" + "\n".join(lines))
    read = []
    with pytest.raises(DataError, match="line 15002: must have 2 columns separated by commas, like line 1; got 3"):
        read.extend(iterate_tables(path, 1000))
    assert 5 < len(read) < 20


# What is broken

BROKEN = {
    "empty": (b"", "must not be empty"),
    "blank": ("\n\n", "line 1", "empty"),
    "header only": ("text,label\n", "rows below its header"),
    "header and blank lines": ("text,label\n\n\n", "rows below its header"),
    "twice": ("a,b,a\n1,2,3\n", "line 1", "'a' appears twice"),
    "nameless": (b",,\n1,2,3\n", "line 1", "no text"),
    "title above": ("Export of May\na,b,c\n1,2,3\n4,5,6\n", "line 1: must be the header", "most lines have 3", "title"),
    "comment above": ("# exported\na;b\n1;2\n", "line 1: must be the header", "most lines have 2", "comment"),
    "no table": ("DESC:x what is\nENTY:y who, then, is, it\nLOC where\n", "like line 1", "got", "fastText"),
    "other separator named": ("sep=x\naxb\n1x2\n", "line 1", "'x'"),
    "short row": ("a,b\n1,2\n3\n4,5\n", "line 3", "2 columns", "got 1"),
    "long row": ("a,b\n1,2\n3,4,5\n", "line 3", "got 3"),
    "short and long row": ("a,b\n1,2\n3\n4,5,6\n", "line 3", "got 1"),
    "short row and long last row": ("a,b\n1\n2,,", "line 2", "got 1"),
    "blank row": ("a,b\n1,2\n\n4,5\n", "line 3", "an empty line"),
    "short row behind long cells": ('a,b\n"x\n\ny",2\n3\n', "line 5", "got 1"),
    "never closed": ('a,b\n1,"x\n2,y\n', "line 2", "never"),
    "closed by the next": ('a,b\n1,"x\n2,"y"\n3,z\n', "line 2", "opened here", "line 3"),
    "text behind a quote": ('a,b\n1,"x"y\n', "line 2", "'y'"),
    "quote amid a cell": ('a,b\n1,"x"\n2,y"z\n', "line 3", "doubled"),
    "nul": (b"a,b\n1,x\0y\n", "line 2", "NUL"),
    "utf-16 cut": ("a,b\n1,x\n".encode("utf-16")[:-1], "line 2", "UTF-16"),
    "old mac": ("a,b\r1,2\r", "end in \\r alone"),
    "gzip cut": (gzip.compress(PLAIN.encode(), mtime=0)[:-9], "damaged"),
    "gzip flipped": (gzip.compress(PLAIN.encode(), mtime=0)[:-7] + b"1234567", "damaged"),
    "zip cut": (packed(PLAIN)[:-30], "damaged"),
    "zip of two": (packed(PLAIN, extra=["b.csv"]), "exactly one file; got 2"),
    "parquet cut": (columns(None, "write_parquet")[:-20], "complete parquet file"),
    "parquet start": (b"PAR1" * 3, "complete parquet file"),
    "arrow cut": (columns(None, "write_ipc")[:-20], "complete arrow file"),
    "workbook": (packed("x", extra=["xl/workbook.bin", "[Content_Types].xml"]), "Excel workbook", "Save it as CSV"),
    "open document": (packed("x", extra=["mimetype", "content.xml"]), "OpenDocument", "Save it as CSV"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel workbook", "save it as CSV"),
    "arrays": (packed("x", extra=["x.npy", "y.npy"]), "holds numpy arrays", "x.npy"),
    "array": (b"\x93NUMPY\x01\0", "a numpy array"),
    "bzip2": (bz2.compress(b"a,b"), "packed by bzip2"),
    "ARFF": ("% made by hand\n\n@RELATION x\n@attribute a numeric\n@data\n1\n", "an ARFF file", ".ts"),
    "web page": ("<!DOCTYPE html>\n<p>Not found", "HTML"),
    "bomb": (gzip.compress(b"1,2\n" * (1 << 18), mtime=0) * 128, "unpacks to more than 100 times"),
    "no objects": ('{"a": 1}\n[2]\n', "line 2", "got a list"),
    "not JSON": ('{"a": 1}\n{"a": \n', "line 2", "JSON object"),
    "JSON array of numbers": ('[{"a": 1}, 2]', "row 2", "got a number"),
    "JSON array that ends early": ('[\n {"a": 1},\n {"a": 2}\n', "line 4", "must be an array of JSON objects"),
    "empty JSON objects": ("{}\n{}\n", "line 1", "must have keys"),
    "JSON over lines": ('{\n"a": 1\n}\n', "line 1", "on one line"),
    "other keys": ('{"a": 1, "b": 2}\n{"a": 1}\n', "line 2", "'b'"),
    "key twice": ('{"a": 1, "a": 2}\n', "line 1", "'a' appears twice"),
    "blank JSON line": ('{"a": 1}\n\n{"a": 2}\n', "line 2"),
    "other kind": ('{"a": 1}\n{"a": "x"}\n', "line 2", "'a' must be a number", "got text"),
    "nested": ('{"a": {"b": 1}}\n', "line 1", "got an object"),
    "deep": ("{" + '"a":[' * 100_000, "line 1"),
    "JSON surrogate": ('{"a": "\\ud83d"}\n', "line 1", "lone surrogate"),
    "JSON number too large": (f'{{"a": 1.5}}\n{{"a": 1{"0" * 400}}}\n', "line 2", "at most 1.8e308"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("read", [read_table, lambda path: list(iterate_tables(path, 2))], ids=["whole", "pieces"])
def test_broken_tables(write, name, read):
    content, *parts = BROKEN[name]
    fails(read, write(content), *parts)


def test_what_is_no_file(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    fails(read_table, tmp_path / "pipe", "a device or a pipe")
    fails(read_table, Path("/dev/zero"), "a device or a pipe")
    with pytest.raises(DataError, match=r"two\\nlines.csv: must be a readable file"):
        read_table(tmp_path / "two\nlines.csv")
    fails(read_table, tmp_path / "no.csv", "No such file")
    fails(read_table, tmp_path, "directory")


@pytest.mark.parametrize("content", [b"x" * 10_000_000 + b",1\n", b'"' + b"x\n" * 5_000_000 + b'",1\n'])
def test_a_row_of_ten_megabytes(write, content):
    path = write(b"text,n\nshort,0\n" + content + b"short,2\n")
    for tables in ([read_table(path)], list(iterate_tables(path, 1))):
        assert sum(len(table.frame) for table in tables) == 3
        assert max(table.frame["text"].str.len_bytes().max() for table in tables) == 10_000_000
    path = write(content)
    assert read_table(path, header=False).frame["column_2"].to_list() == [1]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200) | st.text('ab1,;\t"\r\n{}[]:', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_a_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_bytes(content)
    problem = ""
    try:
        table = read_table(path)
        assert table.place(len(table.frame) - 1)
    except (DataError, MissingExtra) as error:
        problem = str(error)
    assert "\n" not in problem


# Writing


def test_written_tables_are_whole_or_absent(tmp_path):
    frame = polars.DataFrame({"a": [1, 2], "b": ["x,\n", '"']})
    for ending in ("csv", "tsv", "parquet", "jsonl"):
        write_table(frame, tmp_path / f"a.{ending}")
        assert read_table(tmp_path / f"a.{ending}").frame.equals(frame)
    before = sorted(tmp_path.iterdir())

    def broken():
        yield frame
        raise DataError("x.csv, line 9: broken")

    for ending in ("csv", "parquet", "jsonl"):
        with pytest.raises(DataError, match="line 9"):
            write_table(broken(), tmp_path / f"b.{ending}")
    fails(lambda path: write_table(frame, path), tmp_path / "a.xlsx", "must end in .csv", error=ConfigError)
    fails(lambda path: write_table([], path), tmp_path / "b.csv", "at least one piece")
    fails(lambda path: write_table(frame, path), tmp_path / "no" / "b.csv", "No such file", error=ConfigError)
    write_table(frame.with_columns(c=polars.Series([["x", "y"], []])), tmp_path / "lists.csv")
    assert read_table(tmp_path / "lists.csv").frame["c"].to_list() == ["x|y", ""]
    (tmp_path / "lists.csv").unlink()
    nested = frame.with_columns(c=polars.Series([[1], [2]]))
    fails(lambda path: write_table(nested, path), tmp_path / "b.csv", "nested", error=ConfigError)
    other = frame.rename({"a": "c"})
    fails(lambda path: write_table([frame, other], path), tmp_path / "b.parquet", "Nothing was kept")
    fails(lambda path: write_table([frame, other], path), tmp_path / "b.csv", "same columns", "Nothing was kept")
    (tmp_path / "folder.csv").mkdir()
    fails(lambda path: write_table(frame, path), tmp_path / "folder.csv", "directory", error=ConfigError)
    (tmp_path / "folder.csv").rmdir()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_full_disk(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    path.write_text("old")
    frame = polars.DataFrame({"a": np.random.default_rng(0).normal(size=10_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        fails(lambda path: write_table(frame, path), path, "File too large", "Nothing was kept", error=ConfigError)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"


def test_real_tables(real_data):
    sms = read_table(real_data / "sms_spam" / "SMSSpamCollection")
    assert sms.frame.shape == (5574, 2)
    assert sms.frame["column_1"].value_counts().sort("count").rows() == [("spam", 747), ("ham", 4827)]
    raw = (real_data / "sms_spam" / "SMSSpamCollection").read_text("utf-8").split("\n")[:-1]
    assert sms.frame.rows() == [tuple(line.split("\t")) for line in raw]
    rates = read_table(real_data / "exchange_rate" / "exchange_rate.txt.gz")
    assert rates.frame.shape == (7588, 8)
    assert set(rates.frame.dtypes) == {polars.Float64}
    weather = read_table(real_data / "weather" / "weather.csv").frame
    assert weather.shape == (52_696, 22)
    assert weather.dtypes == [polars.String] + [polars.Float64] * 21
    assert json.dumps(weather.row(0)[:2]) == '["2020-01-01 00:10:00", 1008.89]'
