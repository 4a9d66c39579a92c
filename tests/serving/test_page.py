"""What the page's script makes of files, run by Node where there is one."""

import csv
import io
import json
import re
import shutil
import subprocess

import pytest

from seqconv.serving.page import SCRIPT

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="the page's script is tested by Node, which is not installed")
PURE = re.search(r"const parseTable = .*?(?=\nconst ask = )", SCRIPT, re.DOTALL)[0]
FLAT = re.search(r"const flat = .*?\n};\n", SCRIPT, re.DOTALL)[0]


def run(code: str, given: object) -> object:
    """What `code` makes of `given`, both JSON."""
    whole = f"{PURE}\n{FLAT}\nconst given = {json.dumps(given)};\nconsole.log(JSON.stringify({code}));"
    done = subprocess.run([NODE, "-e", whole], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_whole_script_is_javascript(tmp_path):
    (tmp_path / "page.js").write_text(SCRIPT, "utf-8")
    done = subprocess.run([NODE, "--check", tmp_path / "page.js"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        'a,b\n"x, ""y""\nz",2\n,\n"",3',
        "a;b\r\n1,5;2\r\n",
        "a\tb\n1\t\n",
        "a\nonly\n",
        "body,n\nit's 5\" wide,1\n",
    ],
)
def test_a_table_is_read_as_python_reads_it(text):
    mark = max(",;\t", key=text.split("\n")[0].count)
    wanted = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) if row]
    assert run("parseTable(given)", text) == wanted


def test_a_table_that_is_written_is_read_back():
    rows = [["a", "b"], ['x, "y"\nz', "1"], ["", "=1+1"], ["\N{GRINNING FACE}", "2"]]
    written = run("toCsv(given)", rows)
    assert list(csv.reader(io.StringIO(written, newline=""))) == rows


def test_answers_become_cells():
    classes = {"prediction": "pos", "probabilities": {"neg": 0.25, "pos": 0.75}}
    assert run("flat(given)", classes) == {
        "prediction": "pos",
        "probability of neg": 0.25,
        "probability of pos": 0.75,
    }
    assert run("flat(given)", {"prediction": ["a", "b"]}) == {"prediction": "a|b"}
    number = {"prediction": 3.5, "low": 1, "high": 5, "note": "short"}
    assert run("flat(given)", number) == {**number, "prediction": "3.5"}
