"""What kind of data a file holds is told by its content."""

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


ROWS = np.arange(120).reshape(4, 30) / 7


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mitbih_train.csv", "\n".join(",".join(f"{value:.4f}" for value in row) for row in ROWS)),
        ("X_TRAIN", "\n".join(",".join(f"{value:e}" for value in row) for row in ROWS)),
        ("X_TRAIN.txt", "\n".join("  ".join(f"{value:15.7e}" for value in row) for row in ROWS)),
        ("ecg.csv", ",".join(f"att{i}" for i in range(30)) + "\n" + "\n".join(",".join(map(str, r)) for r in ROWS)),
    ],
)
def test_a_sequence_in_each_row_is_named_as_such(write, name, content):
    path = write(content + "\n", name)
    with pytest.raises(ConfigError, match=r"sequence in each row.*save the rows as a .tsv without a header"):
        guess_task(path, ())
    assert guess_task(path, ("data.interval",))[0] == "series"
