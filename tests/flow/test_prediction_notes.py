"""`predict` says how it read a file, which rows it was trained on, and why the newest forecast is empty."""

import json
import random

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.serving.files import predict_file

pytestmark = pytest.mark.usefixtures("quick")

WORDS = ["film", "plot", "actors", "scene", "music", "story", "camera", "lovely", "dull"]
SHORT = ("--no-baselines", "-q", "--set", "training.epochs=2", "--set", "training.refit=false")
HOURS = np.datetime64("2020-01-01T00", "h") + np.arange(400)
LOADS = [hour % 24 + hour % 7 for hour in range(400)]


def make_texts(count, seed):
    draw = random.Random(seed)
    return [f"{' '.join(draw.choices(WORDS, k=8))},{'yes' if row % 2 else 'no'}" for row in range(count)]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path.name


def write_series(path, loads, hours=HOURS, **others):
    head = ["time", "load", *others]
    rows = zip(hours, loads, *others.values(), strict=False)
    cells = ([f"{str(hour).replace('T', ' ')}:00", *map(str, rest)] for hour, *rest in rows)
    return write(path, ",".join(head), *map(",".join, cells))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    write(folder / "old.csv", "text,label", *make_texts(200, 1))
    write(folder / "new.csv", "id,text", *(f"{row},{line.split(',')[0]}" for row, line in enumerate(make_texts(5, 2))))
    seqconv_command("train", "old.csv", *SHORT, "--out", "texts", cwd=folder)
    write_series(folder / "hours.csv", LOADS)
    seqconv_command("train", "hours.csv", *SHORT, "--target", "load", "--lookback", "24h", "--out", "hours", cwd=folder)
    waves = [
        f"{row % 2}\t" + "\t".join(f"{np.sin(step * (1 + row % 2) + row):.6f}" for step in range(20))
        for row in range(60)
    ]
    write(folder / "waves.tsv", *waves)
    seqconv_command("train", "waves.tsv", *SHORT, "--out", "waves", cwd=folder)
    return folder


def predict(folder, *arguments):
    """The notes, on standard error and in JSON, which must be the same."""
    done = seqconv_command("predict", *arguments, cwd=folder)
    quiet = seqconv_command("predict", *arguments, "-q", cwd=folder)
    assert (quiet.stdout, quiet.stderr) == (done.stdout, "")
    found = seqconv_command("predict", *arguments, "--json", cwd=folder)
    assert found.stderr == ""
    notes = json.loads(found.stdout)["notes"]
    assert [f"data: {note}" for note in notes] == done.stderr.splitlines()
    return notes


def test_the_column_that_was_read_is_named_where_there_are_several(folder):
    assert predict(folder, "texts", "new.csv") == ["texts from column 'text'"]
    write(folder / "one.csv", "text", "a lovely film")
    assert predict(folder, "texts", "one.csv") == []
    write(folder / "lines.txt", "a lovely film", "a dull plot")
    assert predict(folder, "texts", "lines.txt") == []


def test_how_a_file_was_read_is_said_once(folder):
    write(folder / "semi.csv", "id;text", *(f"{row};a lovely film" for row in range(300)))
    model, notes = seqconv.load(folder / "texts"), []
    assert len(polars.concat(predict_file(model, folder / "semi.csv", piece=50, say=notes.append))) == 300
    assert notes == ["cells separated by semicolons", "texts from column 'text'"]


def test_rows_of_training_are_counted_and_located(folder):
    lines = (folder / "old.csv").read_text().splitlines()[1:]
    rows = [*make_texts(3, 9), *lines, *make_texts(3, 10)]
    write(folder / "mixed.csv", "text,label", *rows)
    wanted = seqconv.evaluate(folder / "texts", folder / "mixed.csv").trained_on.rows
    (said,) = [note for note in predict(folder, "texts", "mixed.csv") if "trained on" in note]
    assert said.startswith(f"{wanted} of 206 rows were trained on (row ")
    write(folder / "mixed.txt", *(line.partition(",")[0] for line in rows))
    assert predict(folder, "texts", "mixed.txt") == [said]
    (said,) = predict(folder, "waves", "waves.tsv")[-1:]
    assert said.startswith("38 of 60 rows were trained on (row ")


def test_pieces_make_no_difference_to_what_was_trained_on(folder):
    for name in ("texts", "hours"):
        found = []
        for piece in (7, 10_000):
            notes = []
            file = folder / {"texts": "old.csv", "hours": "hours.csv"}[name]
            list(predict_file(seqconv.load(folder / name), file, piece=piece, say=notes.append))
            found.append([note for note in notes if "trained on" in note])
        assert found[0] == found[1] != []


def test_rows_of_a_series_that_was_trained_on_are_named_by_their_times(folder):
    trained = 400 * 0.7 - 24
    said = f"{trained:.0f} of 400 rows were trained on (2020-01-02T00:00:00 to 2020-01-12T15:00:00)"
    assert predict(folder, "hours", "hours.csv") == [f"{said}: predictions for these are no test"]
    write_series(folder / "later.csv", LOADS[300:], HOURS[300:])
    assert predict(folder, "hours", "later.csv") == []


def test_an_empty_newest_forecast_is_explained(folder):
    later = LOADS[300:]
    gap = [*later[:90], "", *later[91:]]
    write_series(folder / "gap.csv", gap, HOURS[300:])
    notes = predict(folder, "hours", "gap.csv")
    assert notes == [
        "1 value missing in 'load'",
        "the newest forecast is empty: 'load' is missing at 2020-01-17T06:00:00, which its window reads",
    ]
    keep = [row for row in range(100) if row != 90]
    write_series(folder / "hole.csv", [later[row] for row in keep], HOURS[300:][keep])
    assert predict(folder, "hours", "hole.csv")[-1] == (
        "the newest forecast is empty: its window must not cross a hole, and after 2020-01-17T05:00:00 comes "
        "2020-01-17T07:00:00"
    )
    write_series(folder / "short.csv", later[:10], HOURS[300:])
    assert predict(folder, "hours", "short.csv") == [
        "the newest forecast is empty: its window takes 24 rows; there are 10"
    ]
    write_series(folder / "old_gap.csv", [*later[:20], "", *later[21:]], HOURS[300:])
    assert predict(folder, "hours", "old_gap.csv") == ["1 value missing in 'load'"]


def test_rows_without_times_are_numbered(folder):
    write(folder / "bare.csv", "load", *map(str, LOADS))
    seqconv_command(
        *("train", "bare.csv", *SHORT, "--target", "load", "--interval", "1h", "--lookback", "24h", "--out", "bare"),
        cwd=folder,
    )
    write(folder / "bare_new.csv", "load", *map(str, [*LOADS[:80], "NA", *LOADS[81:90]]))
    for piece in (13, 1000):
        notes = []
        list(predict_file(seqconv.load(folder / "bare"), folder / "bare_new.csv", piece=piece, say=notes.append))
        assert "the newest forecast is empty: 'load' is missing at row 81, which its window reads" in notes


def test_a_written_file_has_the_notes_in_its_json(folder):
    done = seqconv_command("predict", "texts", "new.csv", "-o", "out.csv", "--json", cwd=folder)
    assert json.loads(done.stdout) == {"n": 5, "notes": ["texts from column 'text'"], "out": "out.csv"}
    assert done.stderr == ""
