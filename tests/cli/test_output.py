"""What every command prints, on an output that cannot encode all of it."""

import io
import json
import sys

import pytest

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
