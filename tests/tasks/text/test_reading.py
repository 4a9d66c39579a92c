"""What a model of words cannot see is reported by inspect and train."""

import random

import pytest

from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.inspection import inspect_file
from seqconv.tasks.text.split import split_texts

CHANCE = random.Random(0)
PARTS = ["这部", "电影", "我们", "觉得", "真的", "故事", "演员"]
WORDS = ["film", "plot", "actors", "scene", "music", "story", "camera", "role"]


def make(kind: str, row: int) -> str:
    sides = {"names": ("a", "o"), "chinese": ("好看", "难看"), "signs": (" :)", " :("), "plain": (" good", " bad")}
    side = sides[kind][row % 2]
    if kind == "names":
        return "".join(CHANCE.choices("bcdfgklmnprst" + "aeiou" * 2, k=8)) + side
    if kind == "chinese":
        return "".join(CHANCE.choices(PARTS, k=7)) + side
    return " ".join(CHANCE.choices(WORDS, k=8)) + side


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("names", ["100% of the texts are one word each", "of held-out texts are not known from the training texts"]),
        ("chinese", []),
        ("signs", ["':", "gives the class away: 100%"]),
        ("plain", []),
    ],
)
def test_what_words_do_not_show(write, kind, told):
    rows = "".join(f"{make(kind, row)},{'ab'[row % 2]}\n" for row in range(400))
    path = write(f"text,label\n{rows}")
    suggested = suggest_recipe(str(path))
    notes = split_texts(suggested.data, suggested.recipe).facts["notes"]
    findings = [f"{each.what}: {each.action}" for each in inspect_file(path).findings]
    for says in told:
        assert any(says in each for each in notes), notes
        assert any(says in each for each in findings), findings
    assert told or not any("whole words" in each for each in [*notes, *findings])


def test_texts_equal_but_for_punctuation(write):
    rows = "".join(f"is it number {row // 2}{'?.'[row % 2]},{('question', 'answer')[row % 2]}\n" for row in range(200))
    found = [each.what for each in inspect_file(write(f"text,label\n{rows}")).findings]
    assert any("texts equal but for punctuation or case have different labels" in each for each in found)
