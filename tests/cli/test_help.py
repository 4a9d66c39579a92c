"""What the commands say about themselves: panels, examples, names of options, and what a shell completes."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from seqconv.__main__ import main
from seqconv.cli import help as listing
from seqconv.cli.commands import app
from seqconv.cli.help import PANELS, write_markdown
from seqconv.data.remotes import NAMES

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
GROUP = typer.main.get_command(app)
COMMANDS = sorted(GROUP.commands)


def run(monkeypatch, capsys, *arguments: str, code: int = 0) -> tuple[str, str]:
    """Standard output and error of `seqconv`."""
    monkeypatch.setattr(sys, "argv", ["seqconv", *arguments])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code or 0) == code
    return capsys.readouterr()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_described_in_sentences_with_examples_that_it_takes(monkeypatch, capsys, name):
    page = run(monkeypatch, capsys, name, "--help")[0]
    assert run(monkeypatch, capsys, "help", name)[0] == page
    lines = page[page.index("\nExamples:\n") :].splitlines()[2:]
    assert lines
    for line in lines:
        *_, command = line.split(" | ")
        words = shlex.split(command.partition(" > ")[0])
        assert words[0] == "seqconv"
        GROUP.commands[words[1]].make_context(words[1], words[2:], resilient_parsing=False)
    for parameter in GROUP.commands[name].params:
        assert parameter.hidden or re.match(r"[A-Z\[]|native|imdb", parameter.help), (name, parameter.name)


def test_commands_are_listed_by_how_their_own_help_begins(monkeypatch, capsys):
    page = run(monkeypatch, capsys, "--help")[0]
    listed = re.findall(r"^  (\w+) +(.+)$", page[page.index("\nCommands:\n") :], re.MULTILINE)
    assert listed == [(name, GROUP.commands[name].help.partition("\n")[0]) for name in GROUP.commands]
    assert "Did you mean 'train'?" in run(monkeypatch, capsys, "trian", code=2)[1]


def test_every_command_of_a_module_is_listed():
    for module, _ in listing.COMMANDS.values():
        importlib.import_module(f"seqconv.cli.{module}")
    assert set(listing.IMPORTED) == set(listing.COMMANDS)


def test_the_list_of_commands_imports_none_of_them():
    code = "import sys; from seqconv.__main__ import main; main()"
    traced = [sys.executable, "-X", "importtime", "-c", code, "--help"]
    lines = subprocess.run(traced, capture_output=True, text=True, check=True).stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines}
    own = {name for name in loaded if name.partition(".")[0] == "seqconv"}
    assert own == {
        *("seqconv", "seqconv.__main__", "seqconv.errors", "seqconv.models", "seqconv.models.former"),
        *("seqconv.cli", "seqconv.cli.commands", "seqconv.cli.help"),
    }
    assert not loaded & {"numpy", "polars", "rich", "tomllib"}


@pytest.mark.parametrize("name", COMMANDS)
def test_names_are_the_same_in_all_commands(name):
    options = {option: each for each in GROUP.commands[name].params for option in each.opts}
    assert "-q" in options
    assert ("-o" in options) == ("--out" in options)
    for each in options.values():
        if each.name in ("model", "run") and each.param_type_name == "argument":
            assert each.metavar == "RUN"


def test_options_stand_in_panels_after_those_of_the_command_itself(monkeypatch, capsys):
    page = run(monkeypatch, capsys, "backtest", "-h")[0]
    titles = re.findall(r"^(\w+):", page, re.MULTILINE)
    assert titles == ["Usage", "Arguments", "Options", *PANELS, "Examples"]
    assert page.index("--folds") < page.index("--text") < page.index("--lead") < page.index("--epochs")
    assert " backtest [OPTIONS] RECIPE|FILE\n" in page
    assert " compare [OPTIONS] RUN...\n" in run(monkeypatch, capsys, "compare", "-h")[0]
    assert " predict [OPTIONS] RUN [FILE]\n" in run(monkeypatch, capsys, "predict", "-h")[0]
    assert "--model" not in run(monkeypatch, capsys, "inspect", "-h")[0]


def test_former_names_are_still_taken(tmp_path, monkeypatch, capsys):
    (tmp_path / "values.csv").write_text("a\n" + "".join(f"{n % 7}\n" for n in range(400)))
    monkeypatch.chdir(tmp_path)
    flags = ("--target", "a", "--model", "naive")
    pages = [
        run(monkeypatch, capsys, "init", "values.csv", *flags, *own)[0]
        for own in (
            ("--every", "1h", "--coverage", "0.6"),
            ("--interval", "1h", "--set", "training.interval=0.6"),
        )
    ]
    assert pages[0] == pages[1]
    assert 'interval = "1h"' in pages[0]
    assert "coverage = 0.6" in pages[0]
    assert "--interval" not in run(monkeypatch, capsys, "init", "-h")[0]


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("seqconv tr", ["train"]),
        ("seqconv train imdb-c", ["imdb-conv1d", "imdb-conv1d-as-printed"]),
        ("seqconv train --model nb", ["nb-svm"]),
        ("seqconv data demo", ["demo-text", "demo-series", "demo-sales"]),
        ("seqconv train --cov", ["--coverage"]),
    ],
)
def test_a_shell_completes(monkeypatch, capsys, typed, known):
    monkeypatch.setenv("_SEQCONV_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert run(monkeypatch, capsys)[0].split() == known


def test_every_data_set_is_listed(monkeypatch, capsys):
    page = run(monkeypatch, capsys, "data", "-h")[0]
    assert all(name in page for name in NAMES)
    error = run(monkeypatch, capsys, "data", "xyz", code=2)[1]
    assert all(name in error for name in NAMES)
    assert run(monkeypatch, capsys, "data", "demo-txt", code=2)[1].endswith("Did you mean 'demo-text'?\n")
    assert "Write it to a file with -o demo-text.csv" in run(monkeypatch, capsys, "data", "demo-text", code=2)[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "text", "--threads", "-1"), "'--threads': must be a whole number of at least 0; got '-1'"),
        (("backtest", "text", "--folds", "many"), "'--folds': must be a whole number of at least 2; got 'many'"),
        (("serve", "run", "--port", "70000"), "'--port': must be a whole number from 0 to 65535; got '70000'"),
    ],
)
def test_a_number_out_of_range_is_told_in_words(monkeypatch, capsys, arguments, says):
    assert says in run(monkeypatch, capsys, *arguments, code=2)[1]


def test_the_page_of_docs_is_current():
    assert PAGE.read_text("utf-8") == write_markdown(), "run: python bench/commands_page.py"


def test_quiet_prints_nothing_but_errors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal, where bars are drawn
    assert run(monkeypatch, capsys, "data", "demo-text", "-o", "a.csv", "-q") == ("", "")
    assert run(monkeypatch, capsys, "recipes", "-q") == ("", "")
    out, err = run(monkeypatch, capsys, "init", "a.csv", "-q")
    assert out.startswith("name = ")
    assert err == ""
    assert run(monkeypatch, capsys, "inspect", "b.csv", "-q", code=2)[1].startswith("seqconv: b.csv: ")
