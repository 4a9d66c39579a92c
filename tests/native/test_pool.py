"""The pool of threads in a program of its own: what no binding can show, as exceptions of a task, and sanitizers."""

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("pool.cpp")
NATIVE = Path(__file__).parents[2] / "native"
LIMIT_S = 300


def test_the_pool_keeps_its_promises_in_a_program_without_python(tmp_path):
    """`make sanitize` names a sanitizer; the program brings its own library of it."""
    sanitizer = os.environ.get("SEQCONV_SANITIZE")
    flags = ["-O1", "-g", f"-fsanitize={sanitizer}"] if sanitizer else ["-O2"]
    sources = [str(SOURCE), str(NATIVE / "host" / "parallel.cpp")]
    words = [os.environ.get("CXX", "c++"), "-std=c++17", "-pthread", *flags, f"-I{NATIVE}", *sources]
    clean = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run([*words, "-o", str(tmp_path / "pool")], env=clean, check=True, timeout=LIMIT_S)
    done = subprocess.run([tmp_path / "pool"], env=clean, capture_output=True, text=True, timeout=LIMIT_S)
    assert (done.returncode, done.stderr) == (0, "")
