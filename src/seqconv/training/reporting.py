"""What happens during a run, in words: a bar for the work at hand, and lines for what is done."""

import sys
import time
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from seqconv.data.display import STYLE
from seqconv.training.checkpoint import Epoch
from seqconv.training.loop import Listener

ALL_SHOWN, EVERY = 20, 10  # up to so many epochs each has a line, of more every tenth
REDRAWN = 0.1  # s between two states of a bar in a notebook, at least


class Bar(NamedTuple):
    """How far the work at hand is.

    Args:
        total: 0: unknown.
    """

    what: str
    done: int
    total: int
    note: str


class Reporter(Listener):
    """A bar with batch rate and running means, and one line per finished epoch; subclasses show them.

    Args:
        verbose: a line for every epoch; else, if there are many, for every tenth, the last and the one that is kept.
    """

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose
        self.epochs = self.epoch = self.steps = self.done = 0
        self.started = 0.0
        self.again = False

    def show(self, bar: Bar | None) -> None:
        """Show how far the work at hand is; None: it is done."""

    def download(self, done: int, total: int) -> None:
        self._move("downloading", done, total, f"{done / 1e6:.1f} MB")

    def advance(self, what: str, done: int, total: int) -> None:
        self._move(what, done, total, f"{done:,} of {total:,}")

    def _move(self, what: str, done: int, total: int, note: str) -> None:
        self.show(None if done == total else Bar(what, done, total, note))

    def resume(self, history: Sequence[Epoch]) -> None:
        self.epochs = len(history)  # until the next begins; with fewer epochs than before none does
        self.say(f"resuming after epoch {len(history)}")

    def train_again(self, epochs: int) -> None:
        super().train_again(epochs)
        self.again = True

    def start_epoch(self, epoch: int, epochs: int, steps: int) -> None:
        self.epoch, self.epochs, self.steps, self.done = epoch, epochs, steps, 0
        self.started = time.perf_counter()
        self.show(Bar(f"epoch {epoch}/{epochs}", 0, steps, ""))

    def end_step(self, loss: float, metric: float) -> None:
        self.done += 1
        rate = self.done / (time.perf_counter() - self.started)
        note = f"loss {loss:.4f}, {self.metric} {metric:.4f}, {rate:.0f} batches/s"
        self.show(Bar(f"epoch {self.epoch}/{self.epochs}", self.done, self.steps, note))

    def end_epoch(self, epoch: Epoch) -> None:
        self.show(None)
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


class Notebook(Reporter):
    """One output of a notebook, which is written anew as the work goes on; what is said stays in it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.handle: Any = None
        self.drawn = 0.0

    def say(self, text: str) -> None:
        self.lines.append(text)
        self._draw(None)

    def show(self, bar: Bar | None) -> None:
        if bar is None or time.perf_counter() - self.drawn >= REDRAWN:
            self._draw(bar)

    def _draw(self, bar: Bar | None) -> None:
        from IPython.display import display

        self.drawn = time.perf_counter()
        text = "\n".join([*self.lines, *([f"{bar.what}  {bar.note}"] if bar else [])])
        content = {"text/plain": text, "text/html": _write_html(self.lines, bar)}
        if self.handle is None:
            self.handle = display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)


def _write_html(lines: Sequence[str], bar: Bar | None) -> str:
    said = "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)
    if bar:
        state = f'value="{bar.done}" max="{bar.total}" ' if bar.total else ""
        what = escape(bar.what)
        said += f'<p>{what} <progress {state}aria-label="{what}"></progress> {escape(bar.note)}</p>'
    return f'<div class="seqconv"><style>{STYLE}</style>{said}</div>'


def find_notebook() -> Reporter | None:
    """What shows progress in the notebook that calls; None outside of one."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return Notebook() if hasattr(shell, "kernel") else None
