"""Progress in the terminal, on standard error, so that standard output stays clean."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from seqconv.cli.console import wrap
from seqconv.training.loop import Listener
from seqconv.training.reporting import Bar, Reporter

BAR = 12  # characters


class Terminal(Reporter):
    """A bar of rich, and lines above it.

    Args:
        verbose: see `Reporter`.
    """

    def __init__(self, progress: Progress, verbose: bool = False) -> None:
        super().__init__(verbose)
        self.progress = progress
        self.task: TaskID | None = None

    def say(self, text: str) -> None:
        self.progress.console.print(wrap(text, self.progress.console), highlight=False, markup=False, soft_wrap=True)

    def show(self, bar: Bar | None) -> None:
        if bar is None:
            if self.task is not None:
                self.progress.remove_task(self.task)
            self.task = None
            return
        if self.task is None:
            self.task = self.progress.add_task(bar.what, total=bar.total or None, note="")
        self.progress.update(self.task, completed=bar.done, total=bar.total or None, note=bar.note)


@contextmanager
def listen(quiet: bool, verbose: bool = False) -> Iterator[Listener]:
    """A listener that shows progress on standard error, or one that shows nothing."""
    if quiet:
        yield Listener()
        return
    note = Column(no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=BAR),
        TextColumn("{task.fields[note]}", table_column=note),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )
    console = Console(stderr=True)
    # outside a terminal there is no bar, and no empty line in its place
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Terminal(progress, verbose)
