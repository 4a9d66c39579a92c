"""Labelled texts from every kind of file: what comes out, what is said about it, and one line for what is broken."""

import gzip
import io
import json

import numpy as np
import polars
import pytest

from helpers.errors import fails
from seqconv.data.readers.columns import guess_columns, guess_text
from seqconv.data.readers.tables import read_table
from seqconv.data.readers.texts import name_classes, read_lines, read_texts, sort_classes
from seqconv.errors import DataError

HEBREW, EMOJI = "\u05e9\u05dc\u05d5\u05dd", "so good \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467"
TEXTS = ["so good, really", "bad\nbad", EMOJI, HEBREW]
LABELS = ["pos", "neg", "pos", "neg"]
FRAME = polars.DataFrame({"review": TEXTS, "sentiment": LABELS})


def write_as(path, frame, ending):
    path = path / f"reviews.{ending}"
    if ending in ("csv", "tsv"):
        frame.write_csv(path, separator="," if ending == "csv" else "\t")
    else:
        {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "jsonl": frame.write_ndjson}[ending](path)
    return path


# Tables


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "arrow", "jsonl"])
@pytest.mark.parametrize("asked", [{}, {"text": "review"}, {"label": "2"}, {"text": "1", "label": "sentiment"}])
def test_a_table(tmp_path, ending, asked):
    found = read_texts(write_as(tmp_path, FRAME, ending), **asked)
    assert found.texts == TEXTS
    assert found.classes == ("neg", "pos")
    assert found.labels.tolist() == [1, 0, 1, 0]
    assert found.labels.dtype == np.int32
    said = " ".join(found.notes)
    assert ("texts from column 'review'" in said) == ("text" not in asked)
    assert ("labels from column 'sentiment'" in said) == ("label" not in asked)


@pytest.mark.parametrize(
    ("content", "classes", "labels"),
    [
        ("text,label\na,10\nb,9\nc,10\n", ("9", "10"), [1, 0, 1]),
        ("text,label\na,1\nb,0\nc,1\n", ("0", "1"), [1, 0, 1]),
        ("text,label\na,yes\nb,no\n", ("no", "yes"), [1, 0]),
        ("text,label\na, yes\nb,no \n", ("no", "yes"), [1, 0]),
        ("text,label\na,true\nb,false\n", ("false", "true"), [1, 0]),
        ("text,label\na,01\nb,1\n", ("01", "1"), [0, 1]),
        ("text,label\na,x|y\nb,z\nc,z\n", ("x|y", "z"), [0, 1, 1]),
    ],
)
def test_classes_in_order(write, content, classes, labels):
    found = read_texts(write(content))
    assert found.classes == classes
    assert found.labels.tolist() == labels
    assert sort_classes(["b", "10", "9"]) == ("10", "9", "b")


@pytest.mark.parametrize(
    ("columns", "text", "labels"),
    [
        ({"a": ["x y", "z w", "u v"], "b": ["p", "p", "q"]}, "a", ("b",)),
        ({"b": ["p", "p", "q"], "a": ["x y", "z w", "u v"]}, "a", ("b",)),
        ({"a": ["x y", "z w"], "b": [1, 0]}, "a", ("b",)),
        ({"label": ["x y", "z w"], "b": ["1 a", "0 b"]}, "b", ("label",)),
        ({"id": [1, 2], "Text": ["x", "y"], "Class": ["p", "q"], "date": ["1.1.", "2.1."]}, "Text", ("Class",)),
        ({"id": [1, 2], "body": ["x", "y"], "label": ["p", "q"]}, "body", ("label",)),
        ({"id": range(10), "words": list("abcdefghij"), "kind": ["p", "q"] * 5}, "words", ("kind",)),
    ],
)
def test_guesses(tmp_path, columns, text, labels):
    table = read_table(write_as(tmp_path, polars.DataFrame(columns), "csv"))
    assert guess_columns(table)[:2] == (text, labels)
    assert guess_text(table, text) == (text, ())


def test_no_clear_guess(tmp_path):
    unclear = polars.DataFrame({"a": ["x", "y"], "b": ["p", "q"]})
    fails(read_texts, write_as(tmp_path, unclear, "csv"), "'a' could be either", "Name the label column with --label")
    unclear = polars.DataFrame({"a": ["x", "y"], "b": ["p", "q"], "c": ["p", "q"]})
    fails(read_texts, write_as(tmp_path, unclear, "csv"), "clearly the label", "a, b, c", "with --label")
    path = write_as(tmp_path, FRAME, "csv")
    fails(
        lambda path: read_texts(path, text="reviews"), path, "must have the column 'reviews'", "Did you mean 'review'?"
    )
    fails(lambda path: read_texts(path, label="3"), path, "must have the column '3'")
    fails(lambda path: read_texts(path, text="review", label="review"), path, "must be different columns")


# Several labels


@pytest.mark.parametrize(
    ("frame", "label", "ending"),
    [
        (polars.DataFrame({"text": ["t", "u", "v"], "a": [1, 0, 0], "b": [1, 1, 0]}), "a,b", "csv"),
        (polars.DataFrame({"text": ["t", "u", "v"], "a": [True, False, False], "b": [1, 1, 0]}), "a, 3", "parquet"),
        (polars.DataFrame({"text": ["t", "u", "v"], "tags": [["a", "b"], ["b"], []]}), "", "parquet"),
        (polars.DataFrame({"text": ["t", "u", "v"], "tags": [["b", "a"], ["b"], []]}), "tags", "jsonl"),
        (polars.DataFrame({"text": ["t", "u", "v"], "tags": ["a|b", "b", "|"]}), "tags|", "csv"),
        (polars.DataFrame({"text": ["t", "u", "v"], "tags": ["a, b", "b", ","]}), "tags,", "tsv"),
        (polars.DataFrame({"text": ["t", "u", "v", "w"], "tags": ["a;b", "b", "b;a;a", "a"]}), "", "csv"),
    ],
)
def test_several_labels(tmp_path, frame, label, ending):
    found = read_texts(write_as(tmp_path, frame, ending), label=label)
    assert found.classes == ("a", "b")
    assert found.labels.dtype == np.uint8
    assert found.labels.tolist()[:2] == [[1, 1], [0, 1]]
    if len(frame) == 3:
        assert found.labels[2].tolist() == [0, 0]
    else:
        assert "several labels per row in 'tags', separated by ;" in found.notes
        assert read_texts(tmp_path / f"reviews.{ending}", label="tags=").classes == ("a", "a;b", "b", "b;a;a")


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["a|b", "b|c", "c|a"], "|"),
        (["a|b", "b", "a"], "|"),
        (["a, b", "b", "a", "b , a"], ","),
        (["a;b", "b", "a"], ";"),
        (["a|b", "a", "c"], ""),
        (["Rome, Italy", "Oslo, Norway", "Oslo, Minnesota"], ""),
        (["1", "1,5", "2", "2,5", "5"], ""),
        (["Doe; John", "Doe; Jane", "Roe; John", "Roe; Jane"], ""),
    ],
)
def test_a_mark_between_labels_is_found_by_the_labels(write, cells, mark):
    path = write("text,label\n" + "".join(f'row {i},"{cell}"\n' for i, cell in enumerate(cells)))
    texts = read_texts(path)
    assert texts.labels.ndim == (2 if mark else 1)
    assert texts.settled["label"] == (f"label{mark}",)
    if mark:
        assert f"several labels per row in 'label', separated by {mark}" in texts.notes
        assert texts.labels.sum(axis=1).tolist() == [len(cell.split(mark)) for cell in cells]
    else:
        assert set(texts.classes) == set(cells)


def test_a_label_of_several_is_0_or_1(write):
    path = write("text,a,b\nx,1,0\ny,2,0\n")
    fails(lambda path: read_texts(path, label="a,b"), path, "line 3", "'a', one of several, must be 0 or 1", "'2'")
    path = write("text,a,b\nx,1,0\ny,1,\n")
    fails(lambda path: read_texts(path, label="a,b"), path, "line 3", "'b', one of several, must be 0 or 1", "nothing")


# Lines and folders


def test_fasttext_lines(write):
    found = read_texts(write("__label__pos so good\n__label__neg\tbad __label__\u00e4\n", "train.txt"))
    assert found.texts == ["so good", "bad"]
    assert found.classes == ("neg", "pos", "\u00e4")
    assert found.labels.tolist() == [[0, 1, 0], [1, 0, 1]]
    found = read_texts(write(gzip.compress(b"__label__b x\r\n__label__a __label__a y\r\n"), "train.gz"))
    assert found.labels.tolist() == [1, 0]
    assert found.texts == ["x", "y"]
    found = read_texts(write("__label__b \u201cx\u201d\n__label__a y".encode("cp1252")))
    assert found.texts[0] == "\u201cx\u201d"
    assert "not UTF-8; read as cp1252" in found.notes
    fails(read_texts, write("__label__a x\nplain\n"), "line 2", "__label__", "'plain'")
    fails(read_texts, write("__label__a x\n__label__ y\n"), "line 2", "__label__")


def make(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_folder_per_class(tmp_path):
    files = {
        "pos/b.txt": "b\nb",
        "pos/a.txt": EMOJI,
        "neg/1.txt": b"caf\xe9",
        "neg/2.txt": "",
        "neg/x.bin": "",
        "a.md": "",
    }
    found = read_texts(make(tmp_path, files))
    assert found.texts == ["caf\u00e9", "", EMOJI, "b\nb"]
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert "1 file not UTF-8; read as cp1252" in found.notes
    assert f"1 empty text, the first in {tmp_path / 'neg' / '2.txt'}" in found.notes
    make(tmp_path, {"pos/c.txt": b"\0"})
    fails(read_texts, tmp_path, "c.txt, line 1", "NUL")


def test_a_file_per_class(tmp_path):
    found = read_texts(make(tmp_path, {"r.neg": "bad\nworse\n", "r.pos": "good\r\n", "README": "x", ".hidden": "x"}))
    assert found.texts == ["bad", "worse", "good"]
    assert found.classes == ("neg", "pos")
    assert found.labels.tolist() == [0, 0, 1]
    assert "only one text of class 'pos'" in found.notes


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["rt-polarity.neg", "rt-polarity.pos"], ["neg", "pos"]),
        (["comedy.txt", "tragedy.txt"], ["comedy", "tragedy"]),
        (["train_a_1.txt", "train_b_1.txt"], ["a", "b"]),
        (["a.txt", "a-b.txt"], ["a", "a-b"]),
        (["pos", "neg"], ["pos", "neg"]),
    ],
)
def test_class_names(names, classes):
    assert name_classes(names) == classes


@pytest.mark.parametrize(
    "files",
    [{}, {"a.txt": "x"}, {"a/1.txt": "x"}, {"a/1.txt": "x", "b.txt": "x", "c.txt": "x"}, {"a.csv": "x", "b.csv": "x"}],
)
def test_folders_without_classes(tmp_path, files):
    fails(read_texts, make(tmp_path, files), "for each class")


def test_lines_as_they_come(write):
    def stream():
        yield b"\xef\xbb\xbffirst\r\n"
        yield EMOJI.encode() + b"\n"
        raise AssertionError("read too far")

    lines = read_lines(stream())
    assert [next(lines), next(lines)] == ["first", EMOJI]
    assert list(read_lines(io.BytesIO(b"a\n\nb"))) == ["a", "", "b"]
    assert list(read_lines(io.BytesIO(b""))) == []
    assert list(read_lines(write("a\r\n\nb \u2028 c"))) == ["a", "", "b \u2028 c"]
    assert list(read_lines(write("\u05d0\nb".encode("utf-16")))) == ["\u05d0", "b"]
    for content, part in ((b"a\n\xff\n", "line 2: must be UTF-8"), (b"a\nb\0", "line 2: must be text")):
        with pytest.raises(DataError, match=f"^stdin, {part}"):
            list(read_lines(io.BytesIO(content)))


def test_a_long_text_in_lines_and_tables(write):
    long = "word " * 2_000_000
    assert list(read_lines(write(f"a\n{long}\nb"))) == ["a", long, "b"]
    found = read_texts(write(f"text,label\n{long},pos\nshort,neg\n"))
    assert found.texts == [long, "short"]


# Wrong input

HEADER = "text,label\n"
WRONG = {
    "empty file": ("", "must not be empty"),
    "header only": (HEADER, "rows below its header"),
    "one column": ("text\nx\ny\n", "must have a text column and a label column"),
    "label missing": (HEADER + 'x,pos\n"a\nb",\ny,neg\n', "line 3", "'label' is empty", "Fill it in"),
    "label blank": (HEADER + "x,pos\ny,  \n", "line 3", "'label' is empty"),
    "text missing": (
        '{"text": "x", "label": "a"}\n{"text": null, "label": "b"}\n',
        "line 2",
        "'text' must not be missing",
    ),
    "label null": ('{"text": "x", "label": "a"}\n{"text": "y", "label": null}\n', "line 2", "'label' is empty"),
    "texts all empty": (HEADER + ",pos\n,neg\n", "all 2 are empty"),
    "not text": ("text,label\n1,2\n3,4\n5,2\n", "'text' must hold texts; it holds numbers"),
    "not text in JSON": ('{"text": "x", "label": "a"}\n{"text": 5.5, "label": "b"}\n', "line 2", "'text' must be text"),
    "ragged row, long": (HEADER + "x,pos\ny,neg,more\n", "line 3", "got 3"),
    "ragged row, short": (HEADER + "x,pos\ny\n", "line 3", "got 1"),
    "quote never closed": (HEADER + 'x,pos\n"y,neg\nz,pos\n', "line 3", "never"),
    "NUL bytes": (HEADER + "x,pos\ny\0,neg\n", "line 3", "NUL"),
    "lone surrogate": (HEADER.encode() + b"x,pos\n\xed\xa0\xbd,neg\n", "line 3", "lone surrogate"),
    "lone surrogate in JSON": ('{"text": "\\ud83d", "label": "a"}\n', "line 1", "lone surrogate"),
    "broken UTF-8": (HEADER.encode() + "\u00e4\u00f6\u00fc,pos\n".encode() + b"\xff\xfe,neg\n", "line 3", "0xff"),
    "column named twice": ("text,label,label\nx,a,b\n", "line 1", "'label' appears twice"),
    "key without a name": ('[{"text": "x", "": "a"}]\n', "row 1"),
    "JSON without a key": ('{"text": "x", "label": "a"}\n{"text": "y"}\n', "line 2", "'label'"),
    "damaged gzip": (gzip.compress(b"text,label\nx,a\n")[:-4], "damaged"),
    "binary": (bytes(range(256)) * 50, "NUL"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input(write, name):
    content, *parts = WRONG[name]
    fails(read_texts, write(content), *parts)


def test_odd_but_right_input_is_read_and_noted(write):
    content = HEADER + f"{EMOJI},pos\n{HEBREW},pos\n,pos\n\u202eabc\u202c,pos\n"
    found = read_texts(write(content))
    assert found.texts == [EMOJI, HEBREW, "", "\u202eabc\u202c"]
    assert "only one class: 'pos'" in found.notes
    assert any("1 empty text" in note and note.endswith("line 4") for note in found.notes)
    found = read_texts(write(json.dumps({"text": EMOJI, "label": 1}) + '\n{"text": "x", "label": 0}\n'))
    assert found.texts[0] == EMOJI
    assert found.classes == ("0", "1")


def test_real_texts(real_data):
    reviews = read_texts(real_data / "rt_polarity")
    assert reviews.classes == ("neg", "pos")
    assert np.bincount(reviews.labels).tolist() == [5331, 5331]
    assert any("caf\u00e9" in text or "\u00e9" in text for text in reviews.texts)
    assert not any("\ufffd" in text for text in reviews.texts)
    messages = read_texts(real_data / "sms_spam" / "SMSSpamCollection")
    assert messages.classes == ("ham", "spam")
    assert np.bincount(messages.labels).tolist() == [4827, 747]
    assert messages.texts[53].endswith('friend."') or '"the cave"' in messages.texts[53]


def test_fasttext_lines_may_end_in_blank_lines(write):
    assert read_texts(write("__label__a x\n__label__b y\n\n \n")).texts == ["x", "y"]
    fails(read_texts, write("__label__a x\n\n__label__b y\n"), "line 2")


@pytest.mark.parametrize("content", ["__label__a x\r__label__b y\r", "text,label\rx,a\ry,b\r"])
def test_lines_that_end_in_returns_alone_are_refused(write, content):
    fails(read_texts, write(content), "end in \\r alone")
    fails(lambda path: list(read_lines(path)), write(content, "lines.txt"), "end in \\r alone")
    with pytest.raises(DataError, match=r"^stdin: lines must end in \\n; they end in \\r alone"):
        list(read_lines(io.BytesIO(content.encode())))


def test_a_table_with_empty_columns_has_one_that_is_clearly_the_label(write):
    rows = "".join(
        f"{'spam' if i % 2 else 'ham'},some words number {i},{'odd' if i == 7 else ''},,\n" for i in range(20)
    )
    texts = read_texts(write(f"v1,v2,,,\n{rows}"))
    assert texts.settled == {"text": "v2", "label": ("v1",), "header": "yes"}
    assert texts.classes == ("ham", "spam")


def test_the_column_of_sentences_is_the_text(write):
    rows = "".join(f"{i % 28 + 1:02}.0{i % 7 + 1}.2020;Kommentar von Kunde {i};{i % 3}\n" for i in range(40))
    settled = read_texts(write(f"Datum;Kommentar;Bewertung\n{rows}")).settled
    assert (settled["text"], settled["label"]) == ("Kommentar", ("Bewertung",))
    names = "".join(f"name{i},town{i},{i % 3}\n" for i in range(40))
    fails(read_texts, write(f"who,where,stars\n{names}"), "Name the text column, perhaps 'who', with --text")


LISTED = {
    "pandas": ("['a', 'b']", "['a']", "['b']", "[]"),
    "JSON": ('["a", "b"]', '["a"]', '["b"]', "[]"),
    "numpy": ("['a' 'b']", "['a']", "['b']", "[]"),
    "tuple": ("('a', 'b')", "('a',)", "('b',)", "()"),
    "bare": ("[a, b]", "[a]", "[b]", "[]"),
    "angle": ("<a><b>", "<a>", "<b>", "<>"),
}


@pytest.mark.parametrize("form", LISTED)
def test_lists_of_labels_written_as_text(write, form):
    cells = [cell.replace('"', '""') for cell in LISTED[form]]
    path = write("text,label\n" + "".join(f'row {i},"{cell}"\n' for i, cell in enumerate(cells)))
    texts = read_texts(path)
    assert texts.classes == ("a", "b")
    assert texts.labels.tolist() == [[1, 1], [1, 0], [0, 1], [0, 0]]
    assert f"labels of 'label' read from lists like {LISTED[form][0]}" in texts.notes
    assert len(read_texts(path, label="label=").classes) == 4


@pytest.mark.parametrize("cells", [("(a)", "(b)"), ("[a", "b]"), ("['a']", "b"), ("[['a']]", "[]"), ("<a>", "<b")])
def test_labels_in_brackets_that_are_no_lists(write, cells):
    path = write("text,label\n" + "".join(f'"row {i}","{cell}"\n' for i, cell in enumerate(cells)))
    assert set(read_texts(path).classes) == set(cells)


def test_one_label_in_each_list_is_one_label(write):
    texts = read_texts(write("text,label\nx,['a']\ny,['b']\n"))
    assert (texts.classes, texts.labels.tolist()) == (("a", "b"), [0, 1])
