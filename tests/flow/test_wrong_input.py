"""What is wrong with a file is one line and exit code 2 from every command; nothing is left, no traceback is shown."""

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

import seqconv
from seqconv.__main__ import main
from seqconv.errors import SeqconvError
from seqconv.tasks import guessing
from seqconv.training import run as runs
from seqconv.training.folder import Options

ROWS = "".join(
    f"the film was {word} number {n},{label}\n" for n in range(20) for word, label in (("good", "pos"), ("bad", "neg"))
)
TEXTS = f"text,label\n{ROWS}"
HOURS = [str(np.datetime64("2020-01-01T00") + n).replace("T", " ") + ":00:00" for n in range(400)]


def series(values=None, times=HOURS, header="time,a,b") -> str:
    """400 rows, one an hour."""
    values = values or {}
    rows = [f"{time},{values.get(n, round(np.sin(n / 4), 3))},{n % 7}" for n, time in enumerate(times)]
    return "\n".join([header, *rows, ""])


WRONG_TEXTS = {
    "empty": (b"", "empty"),
    "header only": (b"text,label\n", "must have rows"),
    "one class": (TEXTS.replace("neg", "pos"), "two classes"),
    "one row a class": ("text,label\na good film,pos\na bad film,neg\n", "must hold examples"),
    "a label missing": (TEXTS + "no label,\n", "line 42"),
    "ragged": (TEXTS + "a,b,c\n", "line 42"),
    "a quote never closed": (TEXTS + '"open,pos\n', "line 42"),
    "NUL": (TEXTS.encode() + b"a\0b,pos\n", "NUL"),
    "half a character": (TEXTS.encode() + b"\xed\xa0\x80,pos\n", "line 42"),
    "a column twice": (TEXTS.replace("text,label", "text,text"), "appears twice"),
    "numbers for texts": ("text,label\n" + "1,pos\n2,neg\n" * 20, ""),
}
WRONG_SERIES = {
    "empty": (b"", "empty"),
    "header only": ("time,a,b\n", "must have rows"),
    "unsorted": (series(times=[*HOURS[200:], *HOURS[:200]]), "line 202"),
    "mixed zones": (series(times=[*HOURS[:-1], HOURS[-1] + "+02:00"]), "line 401"),
    "too short": (series(times=HOURS[:3]), ""),
    "all equal": (series(dict.fromkeys(range(400), 1)), "must vary"),
    "infinity": (series({300: "inf"}), "line 302"),
    "not a number": (series({300: "much"}), "line 302"),
    "nothing known": (series(dict.fromkeys(range(400), "")), ""),
    "a column twice": (series(header="time,a,a"), "appears twice"),
    "ragged": (series() + "2021-01-01 00:00:00,1\n", "line 402"),
}
DAYS = [str(np.datetime64("1990-01-01") + n) for n in range(200)]
MONTHS = [f"{1990 + n // 12}-{n % 12 + 1:02}-01" for n in range(60)]


def panel(ids=("north", "south"), months=MONTHS, **cells) -> str:
    """Rows of monthly sales; `cells` are further columns, each a function of the id and the number of the row."""
    head = ",".join(["shop,month,sold", *cells])
    return "\n".join(
        [
            head,
            *(
                ",".join([shop, month, str(10 + n % 12), *(str(cell(shop, n)) for cell in cells.values())])
                for shop in ids
                for n, month in enumerate(months)
            ),
            "",
        ]
    )


WEEKS = "".join(f"west,1990-01-{day:02},3\n" for day in (1, 8, 15, 22, 29))
WRONG_PANELS = {  # content, flags, what is said
    "an id for each row": (
        panel(ids=[f"s{n}" for n in range(60)], months=MONTHS[:1]),
        ["--id", "shop"],
        "each value of 'shop' has one row",
    ),
    "an id missing": (
        panel().replace("south,1990-03", ",1990-03"),
        ["--id", "shop"],
        "line 64: the id 'shop' must be given",
    ),
    "no such id": (panel(), ["--id", "store"], "must have the column 'store'"),
    "one id by weeks": (
        panel() + WEEKS,
        [],
        "line 123: times must be a month apart, as 97% of the rows are; got 1990-01-08 of west",
    ),
    "one id by quarters": (
        panel() + panel(ids=["west"], months=MONTHS[::3]).partition("\n")[2],
        [],
        "the rows of west are 3 times as far apart",
    ),
    "a row twice": (panel() + "south,1990-03-01,4\n", [], "line 122: times must differ within south"),
    "one id by months, the others by days": (
        panel(months=DAYS) + panel(ids=["west"], months=MONTHS[:8]).partition("\n")[2],
        [],
        "line 403: series must share one frequency, a day; the rows of west are 28 times as far apart",
    ),
    "an id of blanks": (panel(ids=["north", " "]), ["--id", "shop"], "line 62: the id 'shop' must be given"),
    "ids that are not named": (
        panel(ids=["north"]) + "south,1990-01-01,4\n",
        ["--horizon", "12"],
        "Drop one, or train with --duplicates sum, mean, first or last, or name series apart with --id shop",
    ),
    "offsets in some rows": (
        panel(ids=["north"], months=HOURS)
        + panel(ids=["south"], months=[f"{h}+01:00" for h in HOURS]).partition("\n")[2],
        ["--id", "shop"],
        "line 402: times must either all have a UTC offset or none",
    ),
    "no target": (panel(price=lambda shop, n: n), [], "--target must name the column to forecast"),
    "a target of words": (
        panel().replace("south,1990-03-01,12", "south,1990-03-01,much"),
        ["--target", "sold"],
        "line 64",
    ),
    "no such target": (panel(), ["--target", "sales"], "must have the column 'sales'"),
    "a static column that varies": (
        panel(region=lambda shop, n: "N" if n < 30 else "S"),
        ["--target", "sold", "--static", "region"],
        "line 32: 'region' must have one value in each series",
    ),
    "a known column that is not there": (
        panel(),
        ["--target", "sold", "--known", "promo"],
        "must have the column 'promo'",
    ),
    "a gap in the future": (
        panel(promo=lambda shop, n: 1) + "north,1995-01-01,,1\nnorth,1995-03-01,,1\n",
        ["--target", "sold", "--known", "promo"],
        "newest value of north without a gap; step 2 after it has no row",
    ),
    "longer than every history": (panel(), ["--horizon", "40"], "Use a shorter --horizon"),
    "no horizon": (panel(), ["--horizon", "0"], "horizon must be"),
    "less than nothing": (panel(), ["--horizon=-3"], "horizon must be"),
    "half a row": (panel(), ["--horizon", "1.5"], "horizon must be a whole number of rows"),
    "an unknown unit": (panel(), ["--horizon", "12parsecs"], "horizon must be"),
    "days of months": (panel(), ["--horizon", "1d"], "horizon must be a whole number of rows, each a month; got 1d"),
    "a frequency the rows contradict": (
        panel(),
        ["--frequency", "1d"],
        "rows must be a day apart, the frequency given or found in training",
    ),
    "no frequency": (panel(), ["--frequency", "often"], "frequency must be the time from row to row"),
    "an unknown season": (panel(), ["--set", "forecast.season=-1"], "season"),
}
COMMANDS = {
    "train": ("train", "FILE", "--out", "run", "--set", "training.epochs=1"),
    "init": ("init", "FILE"),
    "backtest": ("backtest", "FILE", "--out", "run", "--folds", "2", "--set", "training.epochs=1"),
    "evaluate": ("evaluate", "model", "FILE"),
    "predict": ("predict", "model", "FILE", "-o", "answers.csv"),
    "inspect": ("inspect", "FILE"),
}
# what is no mistake for a command: it looks, or it needs no labels, no training rows or no other class
ALLOWED = {
    "inspect": {*WRONG_TEXTS, *WRONG_SERIES},
    "init": {"one class", "one row a class", "all equal", "too short", "infinity"},
    "predict": {"one class", "one row a class", "a label missing", "too short", "all equal", "nothing known"},
    "evaluate": {"one class", "one row a class", "all equal"},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A text and a series model."""
    folder = tmp_path_factory.mktemp("models")
    for task, content, flags in (("text", TEXTS, []), ("series", series(), ["data.target=a", "data.calendar=false"])):
        (folder / f"{task}.csv").write_text(content)
        suggested = guessing.suggest_recipe(str(folder / f"{task}.csv"), ["training.epochs=1", *flags])
        runs.train(suggested.recipe, Options(out=folder / task, baselines=False), data=suggested.data)
    return folder


def hold(models, tmp_path, monkeypatch, capsys, task, command, content, says, kind):
    """Run the command; True if it took the file as it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "model").symlink_to(models / task)
    names = {"FILE": "data.csv"}
    flags = ["--target", "a"] if task == "series" and command not in ("evaluate", "predict") else []
    monkeypatch.setattr(sys, "argv", ["seqconv", *(names.get(part, part) for part in COMMANDS[command]), *flags])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if not caught.value.code:
        assert kind in ALLOWED.get(command, ()), f"{command} took: {kind}"
        return
    assert caught.value.code == 2
    assert out == ""
    # guesses that were told before may stand above it
    lines = err.splitlines()
    assert [line.startswith("seqconv: ") for line in lines] == [False] * (len(lines) - 1) + [True], err
    assert all(lines)
    assert {path.name for path in tmp_path.iterdir()} == {"data.csv", "model"}
    if kind not in ALLOWED.get(command, ()):
        assert says in lines[-1]


@pytest.mark.parametrize("kind", WRONG_TEXTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_texts(models, tmp_path, monkeypatch, capsys, command, kind):
    hold(models, tmp_path, monkeypatch, capsys, "text", command, *WRONG_TEXTS[kind], kind)


@pytest.mark.parametrize("kind", WRONG_SERIES)
@pytest.mark.parametrize("command", COMMANDS)
def test_series(models, tmp_path, monkeypatch, capsys, command, kind):
    hold(models, tmp_path, monkeypatch, capsys, "series", command, *WRONG_SERIES[kind], kind)


@pytest.mark.parametrize("kind", WRONG_PANELS)
@pytest.mark.parametrize("command", ["forecast", "train", "backtest"])
def test_panels(tmp_path, capsys, monkeypatch, command, kind):
    """One line, exit code 2, with the id and the row, and nothing is left."""
    content, flags, says = WRONG_PANELS[kind]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(content)
    more = {"forecast": ["-o", "forecast.csv"], "train": ["--known="], "backtest": ["--known=", "--folds", "2"]}[
        command
    ]
    more = [] if "--known" in flags else more
    named = (
        []
        if any(flag.startswith(("--target", "--horizon")) for flag in flags) or kind == "no target"
        else ["--target", "sold"]
    )
    monkeypatch.setattr(sys, "argv", ["seqconv", command, "data.csv", *flags, *named, *more])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, ""), err
    *before, last = err.splitlines()
    assert last.startswith("seqconv: ")
    assert not any(line.startswith(("seqconv: ", "Traceback")) for line in before)
    assert says in last
    assert {path.name for path in tmp_path.iterdir()} <= {"data.csv", "runs"}
    assert not [*tmp_path.glob("runs/*")]


@pytest.mark.parametrize("kind", [kind for kind in WRONG_PANELS if kind != "an unknown season"])
def test_panels_from_python(kind):
    """The same of a frame, with its row, and parameters in place of flags."""
    content, flags, says = WRONG_PANELS[kind]
    flags = [word for flag in flags for word in flag.split("=")]
    settings = dict(zip((flag.removeprefix("--") for flag in flags[::2]), flags[1::2], strict=True))
    named = {} if {"target", "horizon"} & set(settings) or kind == "no target" else {"target": "sold"}
    frame = pandas.read_csv(io.StringIO(content), dtype={"shop": str}, keep_default_na=True)
    with pytest.raises(SeqconvError) as caught:
        seqconv.forecast(frame, **named, **settings)
    says = re.sub(r"line (\d+)", lambda found: f"row {int(found[1]) - 1}", says)
    assert re.sub(r"(?<!\S)--([a-z]+)", r"`\1`", says) in str(caught.value)
    assert "--" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("command", ["forecast", "train"])
def test_an_id_without_a_value_is_told_before_anything_is_trained(tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(content := panel() + "".join(f"west,{month},\n" for month in MONTHS))
    monkeypatch.setattr(sys, "argv", ["seqconv", command, "data.csv", "--target", "sold"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    said = "data.csv: each series must have a value of 'sold'; west has none. Remove its rows"
    assert capsys.readouterr().err.splitlines()[-1] == f"seqconv: {said}"
    assert not [*tmp_path.glob("runs/*")]
    with pytest.raises(SeqconvError, match="the data: each series must have a value of 'sold'; west has none"):
        seqconv.forecast(pandas.read_csv(io.StringIO(content)), target="sold")


WRONG_FUTURES = {  # rows of the second table, what is said
    "overlap the past": ("north,1994-12-01,1", "next.csv, line 2: rows to forecast must come after the newest value"),
    "a gap": (
        "south,1995-01-01,1\nsouth,1995-04-01,1",
        "next.csv, line 3: rows to forecast must follow the newest value of south",
    ),
    "another frequency": ("north,1995-01-15,1", "next.csv, line 2: times must be a month apart"),
    "an id without a past": (
        "west,1995-01-01,1",
        "next.csv, line 2: ids must be those of the series; west has no past",
    ),
    "a row twice": (
        "north,1995-01-01,1\nnorth,1995-01-01,0",
        "next.csv, line 3: times must differ; got 1995-01-01 of north",
    ),
    "no time": ("north,,1", "next.csv, line 2: 'month' must be a time; it is empty"),
    "words": ("north,1995-01-01,1\nnorth,1995-02-01,many", "next.csv, line 3: 'promo' must be a number"),
    "no rows": ("", "next.csv: must have rows below its header"),
}


@pytest.fixture(scope="module")
def promoted(tmp_path_factory) -> Path:
    """A folder with a model of sales and promotions, and their table."""
    folder = tmp_path_factory.mktemp("promoted")
    (folder / "data.csv").write_text(panel(promo=lambda shop, n: n % 2))
    source, model = f"data.source={folder / 'data.csv'}", "training.model=seasonal"
    suggested = guessing.suggest_recipe("panel", [source, model, 'data.target=["sold"]', 'data.known=["promo"]'])
    runs.train(suggested.recipe, Options(out=folder / "model", baselines=False), data=suggested.data)
    return folder


def predict_next(folder, rows, monkeypatch, capsys, head="shop,month,promo"):
    """The exit code of `predict --future` and the last line that it says."""
    (folder / "next.csv").write_text(f"{head}\n{rows}\n" if rows else f"{head}\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(
        sys, "argv", ["seqconv", "predict", "model", "data.csv", "--future", "next.csv", "-o", "out.csv"]
    )
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code or 0, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("kind", WRONG_FUTURES)
def test_rows_of_the_future(promoted, monkeypatch, capsys, kind):
    rows, says = WRONG_FUTURES[kind]
    code, lines = predict_next(promoted, rows, monkeypatch, capsys)
    assert (code, len(lines)) == (2, 1)
    assert says in lines[0]
    assert not (promoted / "out.csv").exists()


def test_a_column_that_is_not_in_the_future_is_named(promoted, monkeypatch, capsys):
    code, lines = predict_next(promoted, "north,1995-01-01,1", monkeypatch, capsys, "shop,month,promotion")
    assert (code, len(lines)) == (2, 1)
    assert "next.csv: must have the column 'promo' of the rows to forecast; it does not." in lines[0]


def test_a_future_known_in_part_is_taken_and_told(promoted, monkeypatch, capsys):
    code, lines = predict_next(promoted, "south,1995-01-01,1\nsouth,1995-02-01,", monkeypatch, capsys)
    assert code == 0
    assert (
        "data: 'promo' is not known in 23 of 24 rows to forecast, the first 1995-01-01 of north: taken as usual"
        in lines
    )
    (promoted / "out.csv").unlink()


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (lambda shop, n: (n * 7919 + 1) % 101, "'next' changes like 'sold' 1 row later"),
        (lambda shop, n: ((n - 2) * 7919) % 101, "'next' changes like 'sold' 2 rows earlier"),
        (lambda shop, n: 5 + (n * 7919) % 101, "'next' changes like 'sold' in the same row"),
        (lambda shop, n: (n * 31) % 17, ""),
    ],
    ids=["tomorrow", "the day before yesterday", "today", "another"],
)
def test_a_known_column_that_is_the_target_is_found_by_inspect(tmp_path, capsys, monkeypatch, column, told):
    monkeypatch.chdir(tmp_path)
    rows = [f"{shop},{month},{n * 7919 % 101},{column(shop, n)}" for shop in "ab" for n, month in enumerate(MONTHS)]
    if told.endswith("1 row later"):
        rows = [f"{row.rpartition(',')[0]},{(n % 60 + 1) * 7919 % 101}" for n, row in enumerate(rows)]
    (tmp_path / "data.csv").write_text("\n".join(["shop,month,sold,next", *rows, ""]))
    words = ["inspect", "data.csv", "--target", "sold", "--known", "next", "--horizon", "3", "--json"]
    monkeypatch.setattr(sys, "argv", ["seqconv", *words])
    with pytest.raises(SystemExit):
        main()
    found = [each["what"] for each in json.loads(capsys.readouterr().out)["findings"] if each["weight"] == "costs"]
    assert found[0] == "'next' is not given in 6 of 6 rows to forecast"
    assert found[1:] == ([told] if told else [])


def test_an_id_that_ends_years_before_the_others_is_found_by_inspect(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(panel() + panel(ids=["east"], months=MONTHS[:30]).partition("\n")[2])
    monkeypatch.setattr(sys, "argv", ["seqconv", "inspect", "data.csv", "--target", "sold"])
    with pytest.raises(SystemExit) as caught:
        main()
    out, _ = capsys.readouterr()
    assert not caught.value.code
    assert "1 of 3 series end long before the others" in out
    assert "such as east" in out


@pytest.mark.parametrize(
    "text", ["🙂 ممتاز שלום", "x" * 10_000_000, "a\u202eb"], ids=["emoji", "ten megabytes", "right to left"]
)
def test_what_is_odd_but_right_is_taken(models, tmp_path, monkeypatch, capsys, text):
    content = TEXTS + f"{text},pos\n"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(content, "utf-8")
    monkeypatch.setattr(sys, "argv", ["seqconv", "predict", str(models / "text"), "data.csv", "-o", "answers.csv"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert (tmp_path / "answers.csv").is_file()
