"""The kind of data is inferred from the content of a file."""

import numpy as np
import pytest

from seqconv.errors import ConfigError
from seqconv.tasks.recognition import guess_task

CHINESE = "这部电影我们觉得真的很好看"


@pytest.mark.parametrize(
    ("content", "task"),
    [
        (f"text,label\n{CHINESE},pos\n{CHINESE[::-1]},neg\n", "text"),
        (f"{CHINESE},pos\n{CHINESE[::-1]},neg\n", "text"),
        ("review,sentiment\nfine,pos\nbad,neg\n", "text"),
        ("สวัสดีครับผมชื่อ,1\nลาก่อนครับเพื่อน,0\n", "text"),
        ("date,tag,sales\n2020-01-01,x,1\n2020-01-02,y,2\n", "series"),
        ("year,quarter,sales\n2020,Q1,1\n2020,Q2,2\n", "series"),
        ("year,month,stars,text\n2020,1,5,a fine film\n2020,2,1,a bad film\n2020,2,1,no film at all\n", "text"),
        ("year,review,sentiment\n2020,fine,1\n2020,bad,0\n2021,fine,1\n2021,bad,0\n", "text"),
    ],
)
def test_tables(write, content, task):
    assert guess_task(write(content), ())[0] == task


REVIEWS = "day,text,stars\n2020-01-02,a fine film,5\n2020-01-03,a dull film,2\n"


@pytest.mark.parametrize(
    ("content", "given", "task"),
    [
        ("text,price\nan old red cup,1.5\na new blue cup,2.5\n", ("data.target",), "text"),
        ("text,price,shop\nan old red cup,1.5,a\na new blue cup,2.5,b\n", ("data.target",), "text"),
        ("text,price\nx,1.5\ny,2.5\n", ("data.target", "data.text"), "text"),
        (f"{REVIEWS}2020-01-01,a bad old film,1\n", ("data.target",), "text"),
        (f"{REVIEWS}2020-01-02,a bad old film,1\n", ("data.target",), "text"),
        (f"{REVIEWS}2020-01-04,a bad old film,1\n", ("data.target",), "series"),
        (f"{REVIEWS}2020-01-04,a bad old film,1\n", ("data.target", "data.columns"), "text"),
        ("day,sky,heat\n2020-01-01,clear and cold,5\n2020-01-02,clear and cold,6\n", ("data.target",), "series"),
    ],
)
def test_a_target_of_texts_or_of_a_series(write, content, given, task):
    assert guess_task(write(content), given)[0] == task


ROWS = np.arange(120).reshape(4, 30) / 7


WIDE = [
    ("mitbih_train.csv", "\n".join(",".join(f"{value:.4f}" for value in row) for row in ROWS)),
    ("X_TRAIN", "\n".join(",".join(f"{value:e}" for value in row) for row in ROWS)),
    ("ecg.csv", ",".join(f"att{i}" for i in range(30)) + "\n" + "\n".join(",".join(map(str, r)) for r in ROWS)),
]


@pytest.mark.parametrize(("name", "content"), WIDE)
def test_a_sequence_in_each_row_needs_a_label(write, name, content):
    path = write(content + "\n", name)
    with pytest.raises(ConfigError, match=r"sequence in each row, without a label.*--label.*--target"):
        guess_task(path, ())
    assert guess_task(path, ("data.interval",))[0] == "series"
    assert guess_task(path, ("data.label",))[0] == "sequence"
    assert guess_task(path, ("data.target",))[0] == "sequence"
    labelled = "\n".join(f"{number % 2},{line}" for number, line in enumerate(content.splitlines()))
    assert guess_task(write(labelled + "\n", f"l{name}"), ())[0] == "sequence"


def test_rows_of_numbers_in_a_text_file_are_sequences(write):
    path = write("\n".join("  ".join(f"{value:15.7e}" for value in row) for row in ROWS), "X_TRAIN.txt")
    assert guess_task(path, ())[0] == "sequence"


STEPS = "id,time,x,kind,sold\na,1,2.5,walk,5\na,2,3.5,walk,5\nb,1,4.5,rest,6\nb,2,5.5,rest,6\n"


@pytest.mark.parametrize(
    ("given", "task"),
    [
        ({"data.id": '["id"]', "data.label": '["kind"]'}, "sequence"),
        ({"data.id": '["id"]', "data.target": '["sold"]'}, "sequence"),  # the same in all rows of an id
        ({"data.id": '["id"]', "data.target": '["x"]'}, "panel"),
        ({"data.id": '["id"]', "data.target": '["sold"]', "forecast.horizon": "1"}, "panel"),
    ],
)
def test_steps_in_rows(write, given, task):
    assert guess_task(write(STEPS), given)[0] == task


def test_lists_of_numbers_are_sequences(write):
    path = write('{"x": [1, 2, 3, 4.5], "kind": "a"}\n{"x": [1, 2, 3, 5], "kind": "b"}\n', "a.jsonl")
    assert guess_task(path, ())[0] == guess_task(path, ("data.label",))[0] == "sequence"
    tags = write('{"text": "a fine film", "tags": ["a", "b"]}\n', "b.jsonl")
    assert guess_task(tags, ("data.label",))[0] == "text"
