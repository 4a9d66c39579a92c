"""The command line, in this process or in one of its own."""

import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from seqconv.__main__ import main


def start_seqconv(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own, in `cwd`, far from any data folder and without a network."""
    command = [sys.executable, "-m", "seqconv", *arguments]
    done = subprocess.run(command, cwd=cwd, env=_environment(cwd), capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


def seqconv_command(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess:
    """The same in this process, which has loaded what it takes."""
    done = run_here(arguments, cwd, _environment(cwd))
    assert done.returncode == code, done.stderr
    return done


def run_here(arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess:
    """Run the command line in this process, however it ends."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        chdir(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "argv", ["seqconv", *arguments]),
    ):
        try:
            main()
            found = 0
        except SystemExit as end:
            found = end.code or 0
    out, err = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(arguments, found, out, err)


def _environment(cwd: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "SEQCONV_DATA"}
    return kept | {"SEQCONV_CACHE": str(cwd / "cache"), "COLUMNS": "200"}
