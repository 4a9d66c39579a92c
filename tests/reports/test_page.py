"""Pages are written whole or not at all, and never over a file of another kind."""

import pytest

from seqconv.errors import ConfigError
from seqconv.reports.page import write_page


def test_a_page_replaces_an_older_one_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "page.html"
    for text in ("one", "two"):
        write_page(path, text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["data.csv", "page", "file/page.html", "folder.html"])
def test_what_cannot_be_a_page_is_a_mistake_in_the_settings_and_left_as_it_is(tmp_path, name):
    (tmp_path / "data.csv").write_text("kept")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.html").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        write_page(tmp_path / name, "text")
    assert str(caught.value).startswith(f"{tmp_path / name}: must be a place to write a page") or (
        str(caught.value) == f"{tmp_path / name}: must end in .html, as a page does. Choose another name"
    )
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "data.csv").read_text() == "kept"
