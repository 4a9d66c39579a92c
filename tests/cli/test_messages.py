"""Messages name what was typed, say in plain words what must hold, and suggest what was meant."""

import sys

import pytest

from seqconv.__main__ import main
from seqconv.data.demo import demo_series
from seqconv.errors import near_path, nearest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a table of texts, one of a series, an empty run, what a run looks like, and a broken link."""
    texts = "".join(f"good film {n},pos\nbad film {n},neg\n" for n in range(20))
    (tmp_path / "tickets.csv").write_text("text,label\n" + texts)
    (tmp_path / "TREC.train").write_text("DESC:manner How did serfdom develop ?\nENTY:cremat What films ?\n" * 9)
    series = demo_series()
    rows = [f"{time},{row[0]:.3f},{row[1]:.3f}" for time, row in zip(series.times[:400], series.values, strict=False)]
    (tmp_path / "oil.csv").write_text("\n".join(["date,OT,HULL", *rows, ""]))
    (tmp_path / "runs" / "tickets").mkdir(parents=True)
    (tmp_path / "runs" / "done" / "model").mkdir(parents=True)
    (tmp_path / "runs" / "done" / "recipe.toml").touch()
    (tmp_path / "nowhere").symlink_to("no such file")
    months = [f"20{n // 12 + 10}-{n % 12 + 1:02}-01,{n * n % 7}" for n in range(60)]
    (tmp_path / "months.csv").write_text("\n".join(["month,sold", *months, ""]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail(monkeypatch, capsys, *arguments: str) -> str:
    """The last line of standard error of a command that must end with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["seqconv", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1].removeprefix("seqconv: ")


OIL = ("train", "oil.csv", "--target", "OT")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("train", "oil.csv", "--target", "ot"),
            "--target must name a column of oil.csv; got 'ot'. Did you mean 'OT'?",
        ),
        ((*OIL, "--lead", "soon"), "--lead must be a number with a unit"),
        ((*OIL, "--lookback", "x"), "--lookback must be a number with a unit"),
        ((*OIL, "--interval", "x"), "--every must be a number with a unit"),
        ((*OIL, "--set", "windows.leads=soon"), "windows.leads must be a number with a unit"),
        ((*OIL, "--time-zone", "Europe/Berln"), "--time-zone must be a time zone such as Europe/Berlin"),
        ((*OIL, "--coverage", "2"), "--coverage must be from 0.0 to 0.99; got 2"),
        (("train", "tickets.csv", "--epochs", "abc"), "--epochs must be a whole number; got 'abc'"),
        (("init", "tickets.csv", "--seed", "-1"), "--seed must be at least 0; got -1"),
        (("train", "tickets.csv", "--header", "maybe"), "--header must be guess, yes or no; got 'maybe'"),
        (("backtest", "tickets.csv", "--model", "NB-SVM2"), "--model: unknown model 'NB-SVM2'"),
        (
            ("train", "tickets.csv", "--fill", "zero"),
            "--fill is for forecasting of one or many series; got it for ",
        ),
        (("backtest", "tickets.csv", "--label", "label", "--horizon", "3"), "--horizon is for forecasting of one or"),
        (("train", "tickets.csv", "--label", "label", "--set", "windows.step=1h"), "windows.step is for time-series"),
        (("forecast", "months.csv", "--target", "sold", "--horizon", "3x"), "--horizon must be a number, of rows or"),
        (("forecast", "months.csv", "--target", "sold", "--frequency", "often"), "--frequency must be the time from"),
        (("train", "months.csv", "--target", "sold", "--test", "oil.csv"), "--test is for text classification, time-"),
        (("train", "tickets.csv", "--lead", "3h"), "tickets.csv: must have a column of times like"),
        (("inspect", "ticket.csv"), "ticket.csv: must be a readable file; No such file or directory. Did you mean"),
        (("train", "ticket.csv"), "ticket.csv: must be a recipe, or an existing file or folder; got neither. Did you"),
        (("forecast", "months.csv", "--target", "sold", "-o", "no/f.csv"), "no/f.csv: its folder must exist; there"),
        (("train", "runs/done"), "runs/done: must be a recipe or data; it is a run. To train like it, give runs/done/"),
        (("train", "nowhere"), "nowhere: must be an existing file or folder; it is a link to nothing."),
        (
            ("evaluate", "tickets"),
            "tickets: must be a run or model folder; there is none. Did you mean 'runs/tickets'?",
        ),
        (("predict", "runs/tiket", "a.csv"), "runs/tiket: must be a run or model folder; there is none. Did you mean"),
        (("report", "run/tickets"), "run/tickets: must be a run folder; there is none. Did you mean 'runs/tickets'"),
        (("train", "TREC.train"), "TREC.train: must have a text column and a label column; got only "),
        (("compare", "runs/a", "runs/b"), "runs/a: must be a run folder; there is none."),
        (("serve", "runs/tickets"), "runs/tickets: must be a run or model folder written by seqconv; it holds no"),
    ],
)
def test_a_message_names_what_was_typed(monkeypatch, capsys, arguments, message):
    assert fail(monkeypatch, capsys, *arguments).startswith(message)


def test_a_flag_that_nothing_reads_is_named(capsys, monkeypatch):
    arguments = ("init", "months.csv", "--target", "sold", "--epochs", "3", "--coverage", "0.9")
    monkeypatch.setattr(sys, "argv", ["seqconv", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert "not used: epochs, coverage, which only networks of layers have" in capsys.readouterr().err


def test_the_nearest_name_is_found_whatever_its_case():
    assert nearest("ot", ["OT", "HULL"]) == "Did you mean 'OT'?"
    assert nearest("Epoch", ["epochs", "seed"]) == "Did you mean 'epochs'?"
    assert nearest("x", ["a", "b"]) == "Known: a, b."
    names = [f"column {number}" for number in range(1200)]
    assert nearest("zzz", names) == f"Known: {', '.join(names[:20])} and 1,180 more."


def test_a_near_path_is_one_that_exists(folder):
    assert near_path("tickts.csv") == "Did you mean 'tickets.csv'?"
    assert near_path(folder / "ruNs" / "tickets") == f"Did you mean '{folder}/runs/tickets'?"
    assert near_path("something/else") == ""
    assert near_path("tickets", "runs") == "Did you mean 'runs/tickets'?"
    assert near_path("tickets") == "Did you mean 'tickets.csv'?"
