"""The command line in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def seqconv_command(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess:
    """Run the command line in `cwd`, far from any data folder and without a network to reach."""
    environment = {**os.environ, "SEQCONV_CACHE": str(cwd / "cache"), "COLUMNS": "200"}
    environment.pop("SEQCONV_DATA", None)
    done = subprocess.run(
        [sys.executable, "-m", "seqconv", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done
