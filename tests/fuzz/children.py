"""Calls in child processes with limits on time and memory, so that a hang or a crash ends the child alone."""

import multiprocessing
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")  # forks of a process that imported, but ran nothing
_IMPORTED = (
    "seqconv.cli.commands",
    "seqconv.cli.prediction",
    "seqconv.cli.training",
    "seqconv.models.predictor",
    "seqconv.tasks.guessing",
    "seqconv.training.run",
)
_LATE = ("pydantic", "pytest", "rich.table", "safetensors.numpy", "fuzz.children")  # most of a child's time otherwise


def import_before(*modules: str) -> None:
    """Have modules imported once, before all children; to be called before the first one."""
    _CONTEXT.set_forkserver_preload([*_IMPORTED, *_LATE, *modules])


import_before()


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Args:
        code: exit code; negative: the signal that ended it; None: it was killed after the time limit.
        out: what it wrote to standard output.
        err: what it wrote to standard error.
    """

    code: int | None
    out: str
    err: str

    @property
    def fault(self) -> str:
        """What a user must never see: anything but success or one line of error with exit code 2; empty: nothing."""
        if self.code is None:
            return "hangs"
        lines = self.err.splitlines()
        errors = [line for line in lines if line.startswith("seqconv: ")]
        if self.code not in (0, 2) or "Traceback" in self.err or "panicked" in self.err:
            return f"exit code {self.code}: {' / '.join(lines[-3:])[-500:]}"
        if self.code == 2 and (len(errors) != 1 or lines[-1:] != errors):
            return f"not one line of error at the end: {self.err[-500:]!r}"
        return ""


def run_in_child(call: Callable[..., object], *arguments: object, seconds: float = 20, megabytes: int = 2048) -> Ending:
    """`call(*arguments)` in a child process; `call` is a function of an importable module, such as one of `fuzz`.

    Args:
        call: what to run.
        arguments: passed on; must pickle.
        seconds: the child is killed after that.
        megabytes: of memory that it may allocate, on top of what the imports take.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        child = _CONTEXT.Process(target=_run, args=(call, arguments, out, err, megabytes))
        child.start()
        child.join(seconds)
        code = child.exitcode
        if code is None:
            child.kill()
            child.join()
        child.close()
        return Ending(code, *(path.read_text("utf-8", "replace") if path.exists() else "" for path in (out, err)))


def run_command(*arguments: str) -> None:
    """Run the command line and end with its exit code; for `run_in_child`."""
    from seqconv.__main__ import main

    sys.argv = ["seqconv", *arguments]
    main()


def _run(call: Callable[..., object], arguments: tuple[object, ...], out: Path, err: Path, megabytes: int) -> None:
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    sys.stdout, sys.stderr = (open(stream, "w", encoding="utf-8", buffering=1) for stream in (1, 2))  # noqa: SIM115
    used = int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_DATA, (used + (megabytes << 20),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    call(*arguments)
