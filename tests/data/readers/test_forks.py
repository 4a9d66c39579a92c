"""A child of a process that has read tables says so at once; it used to wait for ever for polars' threads."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks processes unasked")
START = """
import os, sys
import pandas
import seqconv
from seqconv.data.readers.jsonlines import table_from_objects
from seqconv.data.readers.tables import create_table, read_table

def fork(act):
    number = os.fork()
    if not number:
        try:
            print(act(), flush=True)
        except seqconv.SeqconvError as error:
            print(f"refused: {error}", flush=True)
        finally:
            os._exit(0)
    os.waitpid(number, 0)

open("a.csv", "w").write("month,sold\\n" + "".join(f"2020-{n + 1:02}-01,{n}\\n" for n in range(12)))
frame = pandas.DataFrame({"month": [f"2020-{n + 1:02}-01" for n in range(12)], "sold": range(12)})
"""
READS = [
    'read_table("a.csv").frame.height',
    "len(seqconv.read_panel(frame, time='month', target='sold').values)",
    "table_from_objects([{'sold': 1}], 'rows').frame.height",
    "create_table({'sold': [1]}).height",
]


def run(script: str, folder) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + script], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("read", READS)
def test_a_fork_after_a_table_was_read_is_refused_in_one_line(tmp_path, read):
    lines = run(f'read_table("a.csv"); fork(lambda: {read})', tmp_path)
    assert len(lines) == 1
    assert lines[0].startswith("refused: this process: must not be forked from one that has read tables")
    assert "'spawn' or 'forkserver'" in lines[0]


def test_a_grandchild_is_refused_too(tmp_path):
    lines = run('read_table("a.csv"); fork(lambda: fork(lambda: read_table("a.csv")))', tmp_path)
    assert lines[0].startswith("refused: this process")


@pytest.mark.parametrize("read", READS)
def test_a_fork_before_the_first_table_reads(tmp_path, read):
    assert run(f"fork(lambda: {read}); print({read})", tmp_path) in (["12", "12"], ["1", "1"])
