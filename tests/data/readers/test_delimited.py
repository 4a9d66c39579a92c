"""Delimited tables as other programs write them."""

import re

import polars
import pytest

from helpers.errors import fails
from seqconv.data.readers.tables import iterate_tables, read_table
from seqconv.errors import DataError


def test_the_index_that_pandas_writes_gets_a_name(write):
    table = read_table(write(",a\n2020-01-01,1\n2020-01-02,2\n"))
    assert table.frame.columns == ["column_1", "a"]
    assert "1 column without a name: named column_1" in table.notes


@pytest.mark.parametrize(("separator", "line"), [(";", "sep=;"), ("\t", "SEP=\t"), ("|", '"sep=|"')])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_separator_that_excel_names(write, separator, line, encoding):
    content = f'{line}\r\ntext,n\r\n"a, b",1\r\nc,2\r\n'.replace(",", separator).encode(encoding)
    for table in (read_table(write(content)), *iterate_tables(write(content), 10)):
        assert table.frame.rows() == [(f"a{separator} b", 1), ("c", 2)]
        assert table.place(1).endswith("line 4")


def test_columns_without_names_get_numbers(write):
    table = read_table(write("v1,v2,,,\nham,hi there,,,\nspam,win,now,,\n"))
    assert table.frame.columns == ["v1", "v2", "column_3", "column_4", "column_5"]
    assert table.notes == ("3 columns without a name: named column_3, column_4, column_5",)
    fails(read_table, write("a,,column_2\n1,2,3\n"), "'column_2' appears twice")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", [None, True])
def test_headers_of_files_that_were_joined_are_left_out(write, end, header):
    part = f'text,n{end}"two{end}lines",1{end}so good,2{end}'
    path = write(part * 3)
    table = read_table(path, header)
    assert table.frame["n"].to_list() == [1, 2] * 3
    assert table.frame["n"].dtype == polars.Int64
    assert list(table.numbers) == [2, 4, 6, 8, 10, 12]
    assert "the header again in lines 5, 9, left out: files that were joined" in table.notes
    pieces = list(iterate_tables(path, 1, header))
    assert [cell for piece in pieces for cell in piece.frame["n"]] == [1, 2] * 3
    assert len(read_table(path, header=False).frame) == 9


def test_texts_with_separators_are_no_table(write):
    for content in ('text\n"so good, really"\n"bad, no"\n"fine, yes"\n', "text\nhello; you\n", "# note\nplain\n"):
        assert read_table(write(content)).frame.width == 1
    fails(
        read_table, write("text\nso good, really\nbad, no\nfine, yes\n"), "line 1", "if the lines are texts, quote them"
    )


def test_a_row_that_recurs_is_no_header(write):
    table = read_table(write("good film,pos\nbad film,neg\ngood film,pos\nfine,pos\n"))
    assert len(table.frame) == 4
    inside = read_table(write('a,b\n"x\na,b\ny",2\n'))
    assert inside.frame["a"].to_list() == ["x\na,b\ny"]


def test_a_first_row_of_numbers_is_no_header_where_its_last_cells_are_empty(tmp_path):
    """Sequences of unequal lengths in a table are filled up with empty cells."""
    path = tmp_path / "s.csv"
    path.write_text("".join(f"{n}.5,{n},{n if n % 2 else ''},,ab\n" for n in range(20)))
    assert read_table(path).frame.shape == (20, 5)
    path.write_text("".join([",text,label\n", *(f"{n},a text {n},ab\n" for n in range(20))]))
    assert read_table(path).frame.columns[1:] == ["text", "label"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", '["one text", "another"]', "must hold JSON objects, one on each line or all in a list, as its name"),
        (
            "a.jsonl",
            '"one text"\n"another"\n',
            "must hold JSON objects, one on each line or all in a list, as its name",
        ),
        ("a.parquet", "text\na\nb\n", "must hold Parquet, as its name says; it does not"),
        ("a.npz", "text\na\nb\n", "must hold numpy arrays, as its name says; it does not"),
        ("a.json", '{"text": {"0": "a", "1": "b"}}', "or a list of them; got an object. Write an object for each row"),
        ("a.json", '{"data": [{"text": "a"}]}', "or a list of them; got a list of other things"),
    ],
)
def test_a_file_that_does_not_hold_what_its_name_says(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=re.escape(says)):
        read_table(tmp_path / name)
