"""Weka's files of sequences: one channel in cells or several in a quoted cell, the label first or last."""

import numpy as np
import pytest

from helpers.errors import fails
from seqconv.data.readers.sequences import read_sequences
from seqconv.errors import DataError
from seqconv.tasks.recognition import guess_task

HEAD = "% made\n@relation waves\n\n"
CELLS = "@attribute att0 numeric\n@ATTRIBUTE att1 real\n"
LABEL = "@attribute target {walk, 'run'}\n"
NESTED = """@attribute relationalAtt relational
  @attribute t1 numeric
  @attribute t2 numeric
@end relationalAtt
"""


@pytest.fixture
def write(tmp_path):
    def save(content: str):
        path = tmp_path / "a.arff"
        path.write_text(content)
        return path

    return save


def test_one_channel_with_the_label_last_or_first(write):
    path = write(HEAD + CELLS + LABEL + "@data\n1,2.5,walk\n% a comment\n?,4,'run'\n")
    last = read_sequences(path)
    np.testing.assert_array_equal(last.values[:, 0], [1, 2.5, np.nan, 4])
    assert last.offsets.tolist() == [0, 2, 4]
    assert (last.classes, last.labels.tolist()) == (("walk", "run"), [0, 1])
    assert guess_task(path, ()) == ("sequence", "a .arff file")
    first = read_sequences(write(HEAD + LABEL + CELLS + "@data\nwalk,1,2.5\nrun,?,4\n"))
    np.testing.assert_array_equal(first.values, last.values)
    assert first.labels.tolist() == [0, 1]


def test_several_channels_are_lines_of_one_cell(write):
    found = read_sequences(write(HEAD + NESTED + LABEL + "@data\n'1,2,3\\n4,5,6',walk\n\"7,8\\n9,?\",run\n"))
    np.testing.assert_array_equal(found.values, [[1, 4], [2, 5], [3, 6], [7, 9], [8, np.nan]])
    assert found.offsets.tolist() == [0, 3, 5]
    assert found.labels.tolist() == [0, 1]


def test_labels_may_lack_for_prediction(write):
    path = write(HEAD + CELLS + "@data\n1,2\n")
    fails(read_sequences, path, "must hold class labels")
    assert read_sequences(path, labelled=False).values.ravel().tolist() == [1, 2]
    assert read_sequences(write(HEAD + CELLS + LABEL + "@data\n1,2,?\n"), labelled=False).values.size == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CELLS, "must have a header that ends in a line @data"),
        ("@attribute\n@data\n", "line 1: must be @attribute with a name and a type"),
        (CELLS + LABEL + CELLS + "@data\n", "must have one attribute of classes, first or last"),
        (CELLS + LABEL + "@data\n1,2,jump\n", "line 5: the label must be one of walk, run; got 'jump'"),
        (CELLS + LABEL + "@data\n1,x,walk\n", "line 5: each value must be a finite number; got 'x'"),
        (NESTED + LABEL + "@data\n'1\\n2',walk\n'1',run\n", "line 8: must hold 2 channels like the first; got 1"),
    ],
)
def test_what_is_wrong_is_named(write, content, says):
    fails(read_sequences, write(content), says)


def test_rows_that_leave_zeros_out_are_refused(tmp_path):
    path = tmp_path / "x.arff"
    path.write_text("@relation x\n@attribute a numeric\n@attribute c {0,1}\n@data\n{0 1.5,1 1}\n")
    with pytest.raises(DataError, match="line 5: must hold a value for every attribute; it is sparse"):
        read_sequences(path)
