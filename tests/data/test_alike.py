"""Names that people take for the same: classes of a text, and series of a table."""

import pytest

from seqconv.data.alike import describe_alike
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.data.readers.panels import panel_from_table
from seqconv.data.readers.tables import read_table
from seqconv.errors import DataError


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["north", "North", "south"], "'north', 'North'"),
        (["a  b", "a b"], "'a  b', 'a b'"),
        (["neg", "neg\u200b"], "'neg', 'neg\\u200b'"),
        (["caf\u00e9", "cafe\u0301"], "'caf\\xe9', 'cafe\\u0301'"),
    ],
)
def test_names_that_look_alike_are_shown_as_they_differ(names, shown):
    assert describe_alike(names) == [f"differ only by case, blanks or invisible characters: {shown}"]


def test_signs_around_a_name_are_told():
    how = "differ only by case, blanks, signs around them or invisible characters"
    assert describe_alike(["neg", "neg,", "pos"]) == [f"{how}: 'neg', 'neg,'"]
    assert describe_alike(["'a'", "a", ".", ",", ""]) == [f"{how}: ''a'', 'a'"]


def test_different_names_are_not_alike():
    assert describe_alike(["001", "01", "1", "a", "b", "straße", "strade"]) == []


def read(folder, rows):
    (folder / "shops.csv").write_text("\n".join(["shop,month,sold", *rows, ""]))
    return panel_from_table(read_table(folder / "shops.csv", None), PanelColumns(target="sold", ids=("shop",)))


MONTHS = [f"20{n // 12 + 10}-{n % 12 + 1:02}-01,{n}" for n in range(24)]


def find_told(folder, *ids):
    rows = [f"{each},{row}" for each in ids for row in MONTHS]
    return [each for each in read(folder, rows).notes if "differ only by case" in each]


def test_series_whose_ids_are_alike_are_told(tmp_path):
    how = "differ only by case, blanks or invisible characters"
    assert find_told(tmp_path, "north", "North") == [
        f"series that {how}: 'north', 'North'; write them alike if they are one"
    ]
    assert find_told(tmp_path, "north", "south") == []


def test_ids_that_are_alike_are_the_cause_of_steps_that_are_missing(tmp_path):
    rows = [f"{'NORTH' if n % 2 else 'north'},{each}" for n, each in enumerate(MONTHS)]
    with pytest.raises(DataError, match=r"Series that differ only by case, .*: 'north', 'NORTH'; write them alike"):
        read(tmp_path, rows)
