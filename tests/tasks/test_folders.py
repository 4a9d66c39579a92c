"""A folder with one data file, or with a file for each split, is read as those files."""

import pytest

from seqconv.data.readers.folders import find_files
from seqconv.errors import DataError
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.inspection import inspect_file

ROWS = "".join(f"a {word} film {n},{label}\n" for n in range(20) for word, label in (("good", "pos"), ("bad", "neg")))
TEXTS = f"text,label\n{ROWS}"


@pytest.fixture
def fill(tmp_path):
    def fill(*names, content=TEXTS):
        folder = tmp_path / "mine"
        folder.mkdir()
        for name in names:
            (folder / name).write_text(content)
        return folder

    return fill


@pytest.mark.parametrize("name", ["reviews.csv", "data.tsv"])
def test_the_only_file(fill, name):
    folder = fill(name, "README.md", ".hidden", content=TEXTS if name.endswith("csv") else TEXTS.replace(",", "\t"))
    suggested = suggest_recipe(str(folder))
    assert len(suggested.data.train.texts) == 40
    assert (suggested.recipe.name, suggested.recipe.data.source) == ("mine", str(folder / name))
    assert suggested.notes[0] == f"files of {folder}: {name}"
    assert inspect_file(folder).rows == 40


def test_a_file_for_each_split(fill):
    folder = fill("train.csv", "test.csv", "dev.csv")
    data = suggest_recipe(str(folder)).data
    assert [len(part.texts) for part in (data.train, data.test, data.validation)] == [40, 40, 40]
    assert inspect_file(folder).facts["test rows"] == 40
    other = folder.parent / "other.csv"
    other.write_text(TEXTS[: TEXTS.index("film 5")] + "film,pos\n")
    assert len(suggest_recipe(str(folder), [f"data.test_file={other}"]).data.test.texts) == 11


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("Gun_TRAIN.ts", "Gun_TEST.ts"), ("Gun_TRAIN.ts", {"data.test_file": "Gun_TEST.ts"})),
        (("rt.neg", "rt.pos"), (".", {})),
        (("train.csv", "train.tsv", "test.csv"), (".", {})),
        (("train.csv", "notes.csv"), (".", {})),
        (("build.sh",), (".", {})),
        ((), (".", {})),
    ],
)
def test_names(fill, names, found):
    folder = fill(*names)
    path, others = find_files(folder)
    assert (path, others) == (folder / found[0], {key: folder / name for key, name in found[1].items()})


@pytest.mark.parametrize(
    "names", [("build.sh", "build.txt"), ("a.sh", "b.sh"), ("notes.txt", "run.sh"), ("a.py", "b.py")]
)
def test_programs_are_no_classes_of_texts(fill, names):
    with pytest.raises(DataError, match="a file for each class, or a data file named train"):
        suggest_recipe(str(fill(*names)))
