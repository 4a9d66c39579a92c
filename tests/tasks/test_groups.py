"""Groups of rows, such as the reviews of one film, are never split."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.command import seqconv_command
from seqconv.data.records import TextData, Texts
from seqconv.errors import DataError, OptionError
from seqconv.recipes.recipe import TextRecipe, recipe_from_dict
from seqconv.tasks.holdout import join_groups
from seqconv.tasks.labels import choose_rows
from seqconv.tasks.text.split import fold_texts, group_texts


def make_texts(groups: np.ndarray, classes: int = 2) -> Texts:
    labels = np.arange(len(groups), dtype=np.int32) % classes
    names = tuple("abcdef"[:classes])
    return Texts([f"text {row}" for row in range(len(groups))], labels, names, "mine.csv", groups=groups)


def make_recipe(**data: object) -> TextRecipe:
    return recipe_from_dict({"task": "text", "data": {"source": "mine.csv", **data}}, "mine")


def cut(texts: Texts, seed: int = 0, **data: object) -> tuple[np.ndarray, ...]:
    return choose_rows([texts] * 3, make_recipe(**data).data, group_texts(texts), seed)


@pytest.mark.parametrize("holdout", ["stratified", "random"])
@pytest.mark.parametrize("count", [3, 5, 12, 200])
def test_no_group_is_in_two_splits_and_each_split_has_about_its_fraction(holdout: str, count: int) -> None:
    groups = np.random.default_rng(0).integers(count, size=600)
    parts = cut(make_texts(groups), holdout=holdout)
    assert sorted(np.concatenate(parts).tolist()) == list(range(600))
    of = [set(groups[part].tolist()) for part in parts]
    assert sum(map(len, of)) == len(set.union(*of))
    assert all(of)
    if count > 12:
        assert [len(part) / 600 for part in parts] == pytest.approx([0.64, 0.16, 0.2], abs=0.06)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3, 0.5, 0.7])
def test_the_fraction_is_kept_where_groups_are_small(fraction: float) -> None:
    texts = make_texts(np.arange(1000) // 2)
    _, _, test = cut(texts, test=fraction)
    assert len(test) / 1000 == pytest.approx(fraction, abs=0.02)
    assert np.bincount(texts.labels[test]) == pytest.approx(len(test) / 2, rel=0.2)


def test_other_seeds_hold_out_other_groups_and_the_same_seed_the_same() -> None:
    texts = make_texts(np.arange(300) // 10)
    one, same, other = (cut(texts, seed)[2] for seed in (0, 0, 1))
    assert one.tolist() == same.tolist()
    assert set(one) != set(other)


def test_too_few_groups_are_refused() -> None:
    for count in (1, 2):
        with pytest.raises(DataError, match="must hold examples for training, validation and test"):
            cut(make_texts(np.arange(60) % count))


def test_copies_stay_with_the_groups_of_all_of_them() -> None:
    groups = np.arange(40) // 4
    texts = make_texts(groups)
    texts.texts[0] = texts.texts[39]  # group 0 and group 9
    joined = group_texts(texts)
    assert joined is not None
    assert joined[0] == joined[3] == joined[36] == joined[39]
    assert len(set(joined.tolist())) == 9


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30))
def test_joined_groups_are_the_connected_ones(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    found = join_groups(one, other)
    linked = {row: {row} for row in range(len(pairs))}
    for _ in pairs:
        for row in linked:
            linked[row] |= {each for known in set(linked[row]) for each in linked if one[each] == one[known]}
            linked[row] |= {each for known in set(linked[row]) for each in linked if other[each] == other[known]}
    for row, rows in linked.items():
        assert set(np.flatnonzero(found == found[row]).tolist()) == rows
    assert set(found.tolist()) == set(range(found.max() + 1))


def folds(texts: Texts, count: int) -> Iterator[Texts]:
    for _, data in fold_texts(TextData(texts), make_recipe(), count, "growing"):
        assert isinstance(data.test, Texts)
        yield data.test


def test_every_group_is_tested_in_one_fold_of_a_backtest() -> None:
    groups = np.random.default_rng(0).integers(12, size=300)
    texts = make_texts(groups, 3)
    tested = [set(part.groups.tolist()) for part in folds(texts, 4)]
    assert sorted(each for one in tested for each in one) == sorted(set(groups.tolist()))
    assert [len(part.texts) for part in folds(texts, 4)] == pytest.approx([75] * 4, rel=0.4)
    with pytest.raises(OptionError, match="folds must be at most 12, the groups of mine"):
        list(folds(texts, 13))


def test_the_command_line_takes_groups_and_splits(tmp_path) -> None:
    rows = [
        f"{'good' if n % 2 else 'bad'} {n},{n % 2},film {n // 10},{'test' if n % 5 == 4 else 'train'}"
        for n in range(100)
    ]
    (tmp_path / "r.csv").write_text("\n".join(["text,label,film,use", *rows]))
    asked = ("--group", "film", "--split", "use", "--epochs", "1", "--no-baselines", "-o", "run", "--json")
    seqconv_command("train", "r.csv", *asked, cwd=tmp_path)
    found = seqconv_command("inspect", "r.csv", "--group", "film", "--split", "use", cwd=tmp_path).stdout
    assert "test rows  20" in found
    assert "group" in found
    wrong = seqconv_command("train", "r.csv", "--group", "films", cwd=tmp_path, code=2).stderr
    assert "must have the column 'films'" in wrong


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (
            Texts(["a", "b"] * 30, np.arange(60, dtype=np.int32) % 2, ("a", "b"), "mine.csv"),
            "2 different ones, and copies",
        ),
        (make_texts(np.zeros(60, np.int64)), "1 groups, each of which stays"),
    ],
)
def test_rows_that_stay_together_are_named_where_they_leave_nothing_to_hold_out(texts: Texts, says: str) -> None:
    with pytest.raises(DataError, match=f"60 rows are {says}"):
        cut(texts)
