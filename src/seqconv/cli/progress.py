"""Progress in the terminal, on standard error, so that standard output stays clean."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from seqconv.cli.console import wrap
from seqconv.training.checkpoint import Epoch
from seqconv.training.loop import Listener

ALL_SHOWN, EVERY = 20, 10  # up to so many epochs each has a line, of more every tenth
BAR = 12  # characters


class Terminal(Listener):
    """A progress bar with batch rate and running means, and one line per finished epoch.

    Args:
        verbose: a line for every epoch; else, if there are many, for every tenth, the last and the one that is kept.
    """

    def __init__(self, progress: Progress, verbose: bool = False) -> None:
        self.progress, self.verbose = progress, verbose
        self.task: TaskID | None = None
        self.epochs = self.done = 0
        self.started = 0.0
        self.again = False

    def say(self, text: str) -> None:
        self.progress.console.print(wrap(text, self.progress.console), highlight=False, markup=False, soft_wrap=True)

    def download(self, done: int, total: int) -> None:
        self._show_bar("downloading", done, total, f"{done / 1e6:.1f} MB")

    def advance(self, what: str, done: int, total: int) -> None:
        self._show_bar(what, done, total, f"{done:,} of {total:,}")

    def _show_bar(self, what: str, done: int, total: int, note: str) -> None:
        if self.task is None:
            self.task = self.progress.add_task(what, total=total or None, note="")
        self.progress.update(self.task, completed=done, total=total or None, note=note)
        if done == total:
            self._drop_bar()

    def resume(self, history: Sequence[Epoch]) -> None:
        self.epochs = len(history)  # until the next begins; with fewer epochs than before none does
        self.say(f"resuming after epoch {len(history)}")

    def train_again(self, epochs: int) -> None:
        super().train_again(epochs)
        self.again = True

    def start_epoch(self, epoch: int, epochs: int, steps: int) -> None:
        self.epochs, self.done = epochs, 0
        self.started = time.perf_counter()
        self.task = self.progress.add_task(f"epoch {epoch}/{epochs}", total=steps, note="")

    def end_step(self, loss: float, metric: float) -> None:
        assert self.task is not None
        self.done += 1
        rate = self.done / (time.perf_counter() - self.started)
        note = f"loss {loss:.4f}, {self.metric} {metric:.4f}, {rate:.0f} batches/s"
        self.progress.update(self.task, completed=self.done, note=note)

    def end_epoch(self, epoch: Epoch) -> None:
        self._drop_bar()
        if self.verbose or self.epochs <= ALL_SHOWN or epoch.epoch % EVERY == 0 or epoch.epoch == self.epochs:
            self.say(self._describe(epoch))

    def keep(self, epoch: Epoch) -> None:
        self.say(f"best: {self._describe(epoch)}")

    def _describe(self, epoch: Epoch) -> str:
        validation = "" if self.again else f"; validation {epoch.validation_loss:.4f}, {epoch.validation_metric:.4f}"
        return (
            f"epoch {epoch.epoch}/{self.epochs}  {epoch.seconds:.1f} s  "
            f"loss {epoch.loss:.4f}, {self.metric} {epoch.metric:.4f}{validation}"
        )

    def _drop_bar(self) -> None:
        if self.task is not None:
            self.progress.remove_task(self.task)
            self.task = None


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
