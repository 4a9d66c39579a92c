"""What every command prints, on an output that cannot encode all of it."""

import io
import json
import sys

import pytest

from helpers.command import seqconv_command
from seqconv.__main__ import main
from seqconv.cli.console import create_table, print_table

TEXTS = "text,label\n" + "".join(f"电影 é {place},好\n坏 \U0001f600 {place},坏\n" for place in range(20))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("as_json", [False, True])
def test_output_that_cannot_hold_a_text_escapes_it(tmp_path, monkeypatch, encoding, as_json):
    (tmp_path / "zh.csv").write_text(TEXTS, "utf-8")
    out = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["seqconv", "inspect", "zh.csv", *(["--json"] if as_json else [])])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    printed = out.buffer.getvalue().decode(encoding)
    if as_json:
        assert json.loads(printed)["facts"]["classes"] == {"好": 20, "坏": 20}
    else:
        assert "\\u597d" in printed


def test_a_table_that_is_too_wide_loses_nothing(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    names = [f"model{number}" for number in range(8)]
    table = create_table("tested on", *(f">{name}" for name in names))
    table.add_row("2017-01-20", *names)
    print_table(table)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert "2017-01-20" in "".join(line.split(" ")[0] for line in printed.splitlines())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with a table of texts and a run."""
    folder = tmp_path_factory.mktemp("output")
    (folder / "zh.csv").write_text(TEXTS, "utf-8")
    flags = ("--out", "run", "--model", "nb-svm", "--no-baselines", "--quiet")
    seqconv_command("train", "zh.csv", *flags, cwd=folder)
    return folder


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
@pytest.mark.parametrize("command", ["predict run", "predict run zh.csv", "inspect zh.csv", "explain run"])
def test_streams_that_a_shell_has_closed_are_empty_ones(run, monkeypatch, closed, command):
    monkeypatch.chdir(run)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a film")))
    monkeypatch.setattr(sys, closed, None)
    monkeypatch.setattr(sys, "argv", ["seqconv", *command.split()])
    with pytest.raises(SystemExit) as caught:
        main()
    getattr(sys, closed).close()
    assert not caught.value.code


@pytest.mark.parametrize("out", ["no/out.csv", "zh.csv/out.csv", "."])
def test_what_cannot_be_written_is_not_said_to_be_kept(run, out):
    done = seqconv_command("predict", "run", "zh.csv", "-o", out, cwd=run, code=2)
    assert "rows are in" not in done.stderr
    assert not [*run.rglob("*.partial")]
