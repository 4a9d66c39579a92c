"""Names of classes that look like mistakes are reported by inspect and train."""

import pytest

from seqconv.tasks.class_names import judge_names
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.inspection import inspect_file
from seqconv.tasks.text.split import split_texts


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (("NEG", "neg", "pos"), "'NEG', 'neg'"),
        (("neg", "neg\u200b", "pos"), "'neg', 'neg\\u200b'"),
        (("caf\u00e9", "cafe\u0301"), "'caf\\xe9', 'cafe\\u0301'"),
        (("a b", "a\u00a0b", "a  b"), "'a b'"),
        (("\uff41", "a"), "'\\uff41', 'a'"),
        (("Stra\u00dfe", "STRASSE"), "STRASSE"),
    ],
)
def test_classes_that_look_alike(classes, says):
    (found,) = judge_names(classes)
    assert "differ only by case, blanks or invisible characters" in found.what
    assert says in found.what or says in found.what.replace("\uff41", "\\uff41")


def test_a_mark_at_the_end_of_a_class_separates_nothing():
    (found,) = judge_names(("neg", "neg,"))
    assert "signs around them" in found.what


@pytest.mark.parametrize(
    ("classes", "cure"),
    [
        (("a", "a, b", "b"), "--label 'COLUMN,'"),
        (("a, b", "a, c", "b, c"), "--label 'COLUMN,'"),
        (("a", "a b", "b"), "Write | between labels"),
        (("a", "a+b", "b"), "Write | between labels"),
    ],
)
def test_classes_made_of_other_classes(classes, cure):
    (found,) = judge_names(classes)
    assert "classes made of other classes: 'a" in found.what
    assert cure in found.action


@pytest.mark.parametrize(
    "classes",
    [
        ("neg", "pos"),
        ("C", "C++", "C#"),
        (".", ","),
        ("very good", "good", "very bad", "bad"),
        ("New York", "New Jersey"),
    ],
)
def test_ordinary_classes(classes):
    assert judge_names(classes) == []


def test_inspect_and_train_tell(write):
    labels = ["neg", "NEG", "pos", "a+pos", "a"]
    rows = "".join(f'a text of number {i},"{labels[i % 5]}"\n' for i in range(100))
    path = write(f"text,label\n{rows}")
    told = [f"{each.what}: {each.action}" for each in inspect_file(path).findings]
    suggested = suggest_recipe(str(path))
    notes = split_texts(suggested.data, suggested.recipe).facts["notes"]
    for says in ("'NEG', 'neg'", "classes made of other classes: 'a+pos'"):
        assert any(says in each for each in told)
        assert any(says in each for each in notes)
