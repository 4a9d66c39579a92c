"""What training has settled about a file is not guessed again: by --test files, predict, evaluate and explain."""

import io
import json
import random

import polars
import pytest

import seqconv
from helpers.command import seqconv_command

pytestmark = pytest.mark.usefixtures("quick")

FILLER = ["film", "plot", "actors", "scene", "music", "story", "camera"]
MARKS = {"pos": ["lovely", "bright", "sharp"], "neg": ["dull", "stale", "bland"]}


def make_rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts whose label one word decides."""
    draw = random.Random(seed)
    labels = ["pos" if row % 2 else "neg" for row in range(count)]
    return [(" ".join([*draw.choices(FILLER, k=8), draw.choice(MARKS[label])]), label) for label in labels]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def train(folder, *arguments, code=0):
    return seqconv_command("train", *arguments, "--no-baselines", "--quiet", cwd=folder, code=code)


def predict(folder, run, file, *flags):
    seqconv_command("predict", run, file, *flags, "-o", "out.csv", cwd=folder)
    return polars.read_csv(folder / "out.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A text model trained on body.csv, and one with several labels trained on fastText lines."""
    folder = tmp_path_factory.mktemp("settled")
    write(folder / "body.csv", "body,label", *(f"{text},{label}" for text, label in make_rows(160)))
    lines = [
        f"__label__{label} {'__label__odd ' if row % 3 == 0 else ''}{text}"
        for row, (text, label) in enumerate(make_rows(160))
    ]
    write(folder / "several.txt", *lines)
    train(folder, "body.csv", "--out", "body")
    train(folder, "several.txt", "--out", "several")
    return folder


def test_a_test_file_is_read_by_the_columns_of_the_training_file(folder):
    rows = [f"note {row},{text},{label}" for row, (text, label) in enumerate(make_rows(40, 1))]
    write(folder / "body_test.csv", "text,body,label", *rows)
    train(folder, "body.csv", "--test", "body_test.csv", "--out", "with_test")
    assert json.loads((folder / "with_test/metrics.json").read_text())["test"]["accuracy"] == 1


def test_a_test_file_without_the_labels_of_training_is_refused_by_their_name(folder):
    write(folder / "unlabelled.csv", "id,body", *(f"{row},{text}" for row, (text, _) in enumerate(make_rows(40, 1))))
    done = train(folder, "body.csv", "--test", "unlabelled.csv", "--out", "refused", code=2)
    assert "unlabelled.csv: must have the column 'label'" in done.stderr


def test_the_columns_are_in_the_bundle_whoever_wrote_the_recipe(folder):
    recipe = (folder / "body/recipe.toml").read_text().replace('text = "body"', 'text = ""')
    (folder / "own.toml").write_text(recipe.replace('header = "yes"', 'header = "guess"'))
    train(folder, "own.toml", "--out", "own")
    data = seqconv.load(folder / "own").bundle.recipe.data
    assert (data.text, data.label, data.header) == ("body", ("label",), "yes")


def test_several_columns_of_texts_are_named_by_another_flag(folder):
    write(folder / "titled.csv", "title,body,label", *(f"a title,{text},{label}" for text, label in make_rows(40)))
    done = train(folder, "titled.csv", "--text", "title,body", "--label", "label", code=2)
    assert "must have the column 'title,body'; it does not. Name the column of the texts, and further" in done.stderr


def test_predict_takes_no_other_column_than_the_trained_one(folder):
    write(folder / "dates.csv", "date,visitors", "2020-01-01,5", "2020-01-02,6")
    done = seqconv_command("predict", "body", "dates.csv", cwd=folder, code=2)
    assert "must have the column 'body' as in training; got 'date, visitors'" in done.stderr
    assert "--text" in done.stderr


def test_a_first_row_of_text_is_not_taken_for_a_header(folder):
    write(folder / "plain.csv", "a lovely bright film", "a dull stale plot", "lovely music")
    done = seqconv_command("predict", "body", "plain.csv", cwd=folder, code=2)
    assert "'a lovely bright film'" in done.stderr
    assert ".txt" in done.stderr
    write(folder / "numbered.csv", "r1,a lovely bright film", "r2,a dull stale plot")
    done = seqconv_command("predict", "body", "numbered.csv", cwd=folder, code=2)
    assert "if the first row is no header, put one above it" in done.stderr
    write(folder / "renamed.csv", "review", "a lovely bright film", "a dull stale plot")
    assert predict(folder, "body", "renamed.csv")["prediction"].to_list() == ["pos", "neg"]
    write(folder / "capital.csv", "id,Body", "1,a lovely bright film")
    assert predict(folder, "body", "capital.csv")["prediction"].to_list() == ["pos"]


def test_a_model_of_a_file_without_a_header_reads_files_without_one(folder):
    write(folder / "bare.csv", *(f"{text},{label}" for text, label in make_rows(160)))
    train(folder, "bare.csv", "--out", "bare")
    write(folder / "bare_new.csv", "a lovely bright film,?", "a dull stale plot,?")
    assert predict(folder, "bare", "bare_new.csv")["prediction"].to_list() == ["pos", "neg"]


@pytest.mark.parametrize("name", ["labelled.txt", "labelled.valid"])
def test_fasttext_labels_are_no_words_to_predict_and_explain(folder, name):
    """Texts that say nothing: an answer that follows their labels has read them."""
    filler = [" ".join(random.Random(row).choices(FILLER, k=8)) for row in range(40)]
    write(folder / name, *(f"__label__{'pos' if row % 2 else 'neg'} {text}" for row, text in enumerate(filler)))
    write(folder / "filler.txt", *filler)
    found, plain = predict(folder, "body", name), predict(folder, "body", "filler.txt")
    assert found["label"].to_list() == ["neg", "pos"] * 20
    assert found.drop("label").equals(plain)
    done = seqconv_command("explain", "body", "--file", name, "--json", cwd=folder)
    assert "__label__" not in done.stdout


def test_empty_texts_are_answered_as_they_were_trained(folder):
    write(folder / "empty.csv", "id,body", "1,a lovely film", "2,", '3,""')
    found = predict(folder, "body", "empty.csv")
    assert found["prediction"][0] == "pos"
    assert found["probability of pos"][1] == found["probability of pos"][2]
    rows = [f"{text},{label}" for text, label in make_rows(160)]
    write(folder / "hole.csv", "body,label", ",pos", *rows)
    train(folder, "hole.csv", "--out", "hole")
    assert len(predict(folder, "hole", "hole.csv")) == 161


def test_one_label_each_is_a_set_of_one_and_several_are_refused_before_training(folder):
    lines = [f"__label__{label} {text}" for text, label in make_rows(40, 1)]
    write(folder / "single.txt", *lines)
    for flag in ("--test", "--validation"):
        train(folder, "several.txt", flag, "single.txt", "--out", f"several{flag}")
        assert (folder / f"several{flag}/metrics.json").exists()
        write(folder / "mixed.txt", *lines, "__label__pos __label__neg a film")
        done = train(folder, "single.txt", flag, "mixed.txt", "--out", "refused", code=2)
        assert "mixed.txt: must have one label per example as in training; got several" in done.stderr
        assert "epoch" not in done.stderr


def test_labels_apart_in_training_are_apart_in_every_file(folder):
    tags = ["pos|odd", "neg", "odd", "pos"]
    rows = [f"{text},{tags[row % 4]}" for row, (text, _) in enumerate(make_rows(160))]
    write(folder / "tags.csv", "text,tags", *rows)
    write(folder / "tags_test.csv", "text,tags", *(f"{text},{label}" for text, label in make_rows(40, 1)))
    train(folder, "tags.csv", "--test", "tags_test.csv", "--out", "tags")
    assert seqconv.load(folder / "tags").bundle.recipe.data.label == ("tags|",)
    assert seqconv.evaluate(folder / "tags", folder / "tags_test.csv").scores.n == 40


def test_predictions_before_a_broken_row_are_kept_and_named(folder):
    rows = [f"{row},a lovely film" for row in range(120_000)]
    write(folder / "long.csv", "id,body", *rows, "broken")
    done = seqconv_command("predict", "body", "long.csv", "-o", "long_out.csv", cwd=folder, code=2)
    kept = polars.read_csv(folder / "long_out.csv.partial")
    assert not (folder / "long_out.csv").exists()
    assert len(kept) > 50_000
    assert f"the first {len(kept):,} rows are in long_out.csv.partial" in done.stderr
    write(folder / "long.csv", "id,body", *rows[:10])
    seqconv_command("predict", "body", "long.csv", "-o", "long_out.csv", cwd=folder)
    assert not (folder / "long_out.csv.partial").exists()


def test_a_model_of_files_without_columns_asks_for_column_by_the_flag_of_the_command(folder):
    """The texts of fastText lines have no column whose name training could settle."""
    rows = [f"{text},{text[::-1]},{row}" for row, (text, _) in enumerate(make_rows(20, 3))]
    write(folder / "two.csv", "one,other,id", *rows)
    for command in ("predict", "explain"):
        given = ("--file", "two.csv") if command == "explain" else ("two.csv",)
        done = seqconv_command(command, "several", *given, cwd=folder, code=2)
        assert "Name the text column, perhaps 'one', with --text" in done.stderr
    found = predict(folder, "several", "two.csv", "--column", "one")
    assert len(found) == 20


@pytest.mark.parametrize("mark", [",", "\t", ";"], ids=["comma", "tab", "semicolon"])
def test_a_table_with_the_name_of_lines_is_read_as_a_table(folder, mark):
    """Otherwise the labels would be words of the texts."""
    rows = [f"{text}{mark}{label}" for text, label in make_rows(20, 2)]
    hint = [f"sep={mark}"] if mark == ";" else []
    write(folder / "table.txt", *hint, f"body{mark}label", *rows)
    found = predict(folder, "body", "table.txt")
    assert found.columns[:3] == ["body", "label", "prediction"]
    assert found["body"].to_list() == [text for text, _ in make_rows(20, 2)]
    done = seqconv_command("explain", "body", "--file", "table.txt", "--json", cwd=folder)
    assert json.loads(done.stdout)["text"] == found["body"][0]


def test_a_table_without_a_header_and_with_the_name_of_lines_is_read_as_in_training(folder):
    write(folder / "unnamed.txt", *(f"{label}\t{text}" for text, label in make_rows(160)))
    train(folder, "unnamed.txt", "--out", "unnamed")
    found = predict(folder, "unnamed", "unnamed.txt")
    assert found["column_2"].to_list() == [text for text, _ in make_rows(160)]
    write(folder / "lines.txt", "a lovely bright film", "body, and a dull plot")
    assert len(predict(folder, "body", "lines.txt")) == 2


def test_a_table_on_standard_input_is_no_text_a_line(folder, monkeypatch):
    piped = io.TextIOWrapper(io.BytesIO(b"label,body\npos,a lovely film\n"))
    monkeypatch.setattr("sys.stdin", piped)
    done = seqconv_command("predict", "body", cwd=folder, code=2)
    assert "standard input: must be one text per line; line 1 is a header with 'body'" in done.stderr
