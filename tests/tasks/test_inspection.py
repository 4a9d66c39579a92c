"""What an inspection says about labelled texts and sequences, and the command that prints it."""

import json
import subprocess
import sys

import numpy as np
import polars
import pytest

from seqconv.data.readers.texts import read_texts
from seqconv.data.records import TextData
from seqconv.errors import DataError
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.inspection import inspect_file
from seqconv.tasks.text.split import split_texts
from seqconv.tasks.text.vocabulary import split

pytestmark = pytest.mark.usefixtures("quick")

WORDS = ["the", "a", "film", "plot", "actor", "story", "good", "bad", "very", "not", "was", "is", "scene", "music"]


def make_rows(rows=60, classes=("neg", "pos")):
    random = np.random.default_rng(0)
    return [(f"row {row} " + " ".join(random.choice(WORDS, 8)), classes[row % len(classes)]) for row in range(rows)]


@pytest.fixture
def table(write):
    def table(rows, name="reviews.csv"):
        return write("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows), name)

    return table


def find(inspection, part):
    found = [each for each in inspection.findings if part in each.what]
    assert len(found) == 1, inspection.findings
    return found[0]


def test_clean_texts_show_no_finding(table):
    found = inspect_file(table(make_rows()))
    assert found.findings == ()
    assert (found.task, found.rows) == ("text", 60)
    assert [(each.name, each.kind) for each in found.columns] == [("text", "text"), ("label", "label")]
    assert found.facts["classes"] == {"neg": 30, "pos": 30}
    assert found.facts["words"] == {"median": 10, "95%": 10, "longest": 10}


def test_lengths_are_words_and_the_cut_is_that_of_training(table):
    rows = make_rows(200)
    rows[4] = ("A long one, isn't it? " * 30, "neg")
    path = table(rows)
    found = inspect_file(path)
    assert found.facts["words"]["longest"] == len(split(rows[4][0])) == 150
    cut = find(found, "longer than max_len = 20")
    assert cut.where == "the longest, 150 words: line 6"
    suggested = suggest_recipe(str(path))
    splits = split_texts(TextData(read_texts(path)), suggested.recipe).facts["splits"].values()
    assert "0.5%" in cut.what
    assert found.facts["max_len"] == {"chosen": 20, "cut": 0.005, "cut at 500": 0.0}
    assert sum(float(part["cut by max_len"].rstrip("%")) * part["examples"] for part in splits) == pytest.approx(
        100, abs=20
    )


def test_empty_texts_and_texts_without_a_word(table):
    rows = make_rows()
    rows[3], rows[5] = ("", "pos"), ("?!", "pos")
    found = inspect_file(table(rows))
    assert (find(found, "1 text empty").where, find(found, "without a word").where[:6]) == ("line 5", "line 7")


def test_copies_and_one_text_under_two_labels(table):
    rows = [*make_rows(), ("nice film", "pos"), ("nice film", "neg"), ("so so", "pos"), ("so so", "pos")]
    found = inspect_file(table(rows))
    torn, copies = find(found, "more than one label"), find(found, "duplicate text")
    assert torn.what == "1 text under more than one label, 2 rows"
    assert torn.where == "'nice film': 'neg' in line 63, 'pos' in line 62"
    assert torn.weight == "costs"
    assert copies.what == "2 duplicate texts"
    assert copies.action == "kept: all copies go to the same split"


def test_copies_stay_on_one_side_as_the_finding_says(table):
    path = table([*make_rows(), *[("so so", "pos")] * 5])
    split_of = split_texts(TextData(read_texts(path)), suggest_recipe(str(path)).recipe)
    parts = (split_of.train, split_of.validation, split_of.test)
    vocabulary = split_of.features.vocabulary
    wanted = vocabulary.encode(["so so"]).ids
    holding = [(part.inputs.ids[:, -3:] == wanted).all(axis=1).sum() for part in parts]
    assert find(inspect_file(path), "duplicate texts")
    assert max(holding) == sum(holding)


def test_missing_labels_block_and_the_rest_is_told(table):
    rows = make_rows()
    rows[7] = (rows[7][0], "")
    path = table(rows)
    found = inspect_file(path)
    missing = find(found, "label missing")
    assert (missing.what, missing.where, missing.weight) == ("1 label missing", "'label': line 9", "blocks")
    assert found.rows == 60
    assert sum(found.facts["classes"].values()) == 59
    with pytest.raises(DataError, match="line 9"):
        read_texts(path)


def test_a_missing_text_blocks_where_the_format_tells_it_from_an_empty_one(tmp_path):
    rows = make_rows()
    frame = polars.DataFrame({"text": [None, *(text for text, _ in rows[1:])], "label": [label for _, label in rows]})
    frame.write_parquet(tmp_path / "reviews.parquet")
    found = inspect_file(tmp_path / "reviews.parquet")
    assert find(found, "1 text missing").where == "'text': row 1"


def test_one_class_blocks_and_rare_classes_are_named(table):
    assert find(inspect_file(table(make_rows(classes=("only",)))), "one class only").weight == "blocks"
    rows = [*make_rows(), ("a rare one", "rare"), ("twice one", "twice"), ("twice two", "twice")]
    found = inspect_file(table(rows))
    rare = find(found, "one text only of class 'rare'")
    assert (rare.where, rare.weight) == ("line 62", "costs")
    lost = [each.what for each in found.findings if "too rare" in each.what]
    assert lost == [
        f"no example of class 'twice' in the {name} split, too rare to be held out" for name in ("test", "validation")
    ]


def test_an_outweighing_class_is_said(table):
    rows = [*make_rows(90, ("ham",)), *[(f"win prize {n}", "spam") for n in range(10)]]
    assert find(inspect_file(table(rows)), "90.0% of the texts are of class 'ham'").weight == "note"


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_too_few_rows_to_hold_out_block(table, rows):
    texts = [("good film, that one", "pos"), ("bad film, this one", "neg"), ("very good film", "pos")][:rows]
    found = inspect_file(table(texts), ["data.text=text", 'data.label=["label"]'])
    assert found.rows == rows
    assert found.findings[0].weight == "blocks"


def test_no_text_at_all_blocks(table):
    found = inspect_file(table([("", "a"), ("", "b")] * 5), ["data.text=text", 'data.label=["label"]'])
    assert found.findings[0].weight == "blocks"
    assert [each.missing for each in found.columns] == [10, 0]


def test_copies_between_the_file_and_its_test_file(table):
    rows = make_rows()
    test = table([rows[2], ("another one", "neg")], "test.csv")
    found = inspect_file(table(rows), [f"data.test_file={test}"])
    overlap = find(found, "in the test set")
    assert overlap.what == "1 text of 2 in the test set is in the training set too"
    assert overlap.where == f"{test}: text 1"


def test_several_labels_a_row(write):
    found = inspect_file(
        write("".join(f"__label__{'ab'[n % 2]} __label__c text number {n}\n" for n in range(40)), "x.txt")
    )
    assert found.findings == ()
    assert found.facts["classes"] == {"c": 40, "a": 20, "b": 20}


def test_texts_in_files_and_folders_name_their_places(tmp_path):
    rows = make_rows()
    for name, part in (("neg", rows[::2]), ("pos", rows[1::2])):
        (tmp_path / f"films.{name}").write_text("\n".join([*(text for text, _ in part), ""]) + "\n")
    found = inspect_file(tmp_path)
    assert find(
        found, "2 texts empty"
    ).where == f"{tmp_path}/films.neg, line 31, {tmp_path}/films.pos, line 31".replace(f"{tmp_path}, ", "")


def test_encoded_texts(tmp_path):
    texts = np.empty(4, object)
    texts[:] = [[1, 14, 22], [1, 5], [1, 9, 8, 7], [1, 3]]
    arrays = {"x_train": texts, "y_train": np.array([0, 1, 0, 1]), "x_test": texts, "y_test": np.array([0, 1, 0, 1])}
    np.savez(tmp_path / "imdb.npz", **arrays)
    found = inspect_file(tmp_path / "imdb.npz")
    assert (found.rows, found.facts["classes"]) == (4, {"neg": 2, "pos": 2})


def test_a_table_of_no_clear_kind_is_shown_with_what_training_wants(write):
    found = inspect_file(write("name,city\nann,rome\nbob,oslo\n"))
    assert (found.task, found.rows) == ("", 2)
    assert [each.values for each in found.columns] == ["'ann', 'bob'", "'rome', 'oslo'"]
    assert found.findings[0].action.startswith("refused: pass --text and --label")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "must not be empty"),
        (b"text,label\n", "rows below its header"),
        (b"text,label\na b c d,x\na\0b,y\n", "line 3: must be text; got a NUL byte"),
        (b"text,label\na b c d,x\na,b,c\n", "line 3: must have 2 columns"),
        (b'text,label\n"a b c d,x\n', "quote"),
    ],
)
def test_a_broken_table_is_refused_in_one_line(write, content, part):
    path = write(content)
    with pytest.raises(DataError, match=part) as caught:
        inspect_file(path)
    assert "\n" not in str(caught.value)


# Sequences


def write_ts(path, rows, labels="a b"):
    head = f"@problemName x\n@univariate false\n@dimensions 2\n@classLabel true {labels}\n@data\n"
    path.write_text(head + "".join(f"{one}:{other}:{label}\n" for one, other, label in rows))
    return path


def make_sequences(rows=30, length=12):
    random = np.random.default_rng(0)
    values = random.normal(size=(rows, 2, length)).round(3)
    return [[*(",".join(map(str, channel)) for channel in pair), "ab"[n % 2]] for n, pair in enumerate(values)]


def test_clean_sequences_show_no_finding(tmp_path):
    found = inspect_file(write_ts(tmp_path / "x.ts", make_sequences()))
    assert found.findings == ()
    assert (found.task, found.rows) == ("sequence", 30)
    assert [each.name for each in found.columns] == ["label", "channel 1", "channel 2"]
    assert found.facts["lengths"] == {"shortest": 12, "median": 12, "longest": 12}


def test_sequences_missing_constant_and_repeated(tmp_path):
    rows = make_sequences()
    rows[3][0] = "?" + rows[3][0][rows[3][0].index(",") :]
    rows[5][:2] = ["1,1,1", "2,2,2"]
    rows.append([*rows[8][:2], "b"])
    found = inspect_file(write_ts(tmp_path / "x.ts", rows))
    assert find(found, "missing").where == "'channel 1': sequence 4"
    assert find(found, "never change").where == "sequence 6"
    assert find(found, "more than one label").where == "sequence 9: 'a' in sequence 9, 'b' in sequence 31"
    assert "flatters" in find(found, "1 duplicate sequence").action
    assert found.facts["lengths"]["shortest"] == 3


def test_a_constant_channel_is_kept(tmp_path):
    rows = [[one, ",".join("5" * 12), label] for one, _, label in make_sequences()]
    found = inspect_file(write_ts(tmp_path / "x.ts", rows))
    assert (find(found, "always 5").where, find(found, "always 5").weight) == ("'channel 2'", "costs")


def test_the_test_file_beside_is_compared(tmp_path):
    rows = make_sequences()
    write_ts(tmp_path / "x_TEST.ts", [rows[4], *make_sequences(4, 13)])
    found = inspect_file(write_ts(tmp_path / "x_TRAIN.ts", rows))
    assert find(found, "in the test set").what == "1 sequence of 5 in the test set is in the training set too"
    write_ts(tmp_path / "x_TEST.ts", [[*rows[4][:2], "c"]], "a b c")
    assert find(inspect_file(tmp_path / "x_TRAIN.ts"), "one of the training labels").weight == "blocks"


# Real files


@pytest.mark.parametrize("name", ["BasicMotions", "GunPoint", "ItalyPowerDemand", "JapaneseVowels"])
@pytest.mark.parametrize("part", ["TRAIN", "TEST"])
def test_archive_files_show_no_finding(real_data, name, part):
    assert inspect_file(real_data / "ucr" / name / f"{name}_{part}.ts").findings == ()


def test_real_texts(real_data):
    spam = inspect_file(real_data / "sms_spam" / "SMSSpamCollection")
    assert spam.facts["classes"] == {"ham": 4827, "spam": 747}
    assert {each.weight for each in spam.findings} == {"note"}
    assert find(spam, "duplicate texts").what == "403 duplicate texts"
    polarity = inspect_file(real_data / "rt_polarity")
    assert [each.what for each in polarity.findings] == ["85 texts (0.8%) longer than max_len = 42"]


# The command


def run(*arguments, code=0):
    done = subprocess.run([sys.executable, "-m", "seqconv", "inspect", *arguments], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


def test_the_command_prints_one_object_or_a_page(table):
    path = str(table([*make_rows(), ("nice film", "pos"), ("nice film", "neg"), ("so, so", "")]))
    found = json.loads(run(path, "--json").stdout)
    assert found["rows"] == 63
    assert {"name", "kind", "missing", "values"} == set(found["columns"][0])
    assert {"what", "where", "action", "weight"} == set(found["findings"][0])
    assert found["findings"][0]["weight"] == "blocks"
    page = run(path).stdout
    places = [
        page.index(part) for part in ("x 1 label missing", "! 1 text under more than one label", "- 1 duplicate text")
    ]
    assert places == sorted(places)
    assert "No problems found" in run(str(table(make_rows()))).stdout


def test_the_command_ends_in_one_line_and_code_2_on_a_broken_file(write):
    done = run(str(write("a,b\n1\n")), "--json", code=2)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert run("nowhere.csv", code=2).stderr.startswith("seqconv: nowhere.csv: must be a readable file")
