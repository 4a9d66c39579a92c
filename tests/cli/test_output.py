"""What every command prints, on an output that cannot encode all of it."""

import io
import json
import sys

import pytest

from seqconv.__main__ import main

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
