"""The history of a training: the file of a run folder, a row an epoch, and listeners that write it and pass it on."""

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO, overload

from seqconv.data.display import Card, Shown
from seqconv.data.records import count
from seqconv.errors import BundleError, OptionError, shorten
from seqconv.models.folders import refuse_folder
from seqconv.reports.plots import plot_history
from seqconv.tasks.results import RunResults
from seqconv.training.checkpoint import Epoch
from seqconv.training.loop import Listener

HISTORY = "history.csv"
Row = dict[str, float]
EpochEnd = Callable[[int, Mapping[str, float]], bool | None]


def name_columns(metric: str) -> list[str]:
    """The columns of `history.csv`."""
    return ["epoch", "loss", metric, "validation_loss", f"validation_{metric}", "seconds"]


class History(Shown, Sequence[Row]):
    """What each epoch of a training reached: a row for each, by the names in `columns`.

    Losses are those that are trained on; of forecasts `mae` is in standard deviations of the target.
    """

    def __init__(self, rows: Sequence[Row], metric: str, best_epoch: int) -> None:
        self.columns, self.rows, self.metric, self.best_epoch = name_columns(metric), list(rows), metric, best_epoch

    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    @overload
    def __getitem__(self, key: int) -> Row: ...
    @overload
    def __getitem__(self, key: slice) -> list[Row]: ...
    def __getitem__(self, key: str | int | slice) -> list[float] | Row | list[Row]:
        """A column by its name, or rows by their number from 0."""
        return [row[key] for row in self.rows] if isinstance(key, str) else self.rows[key]

    def __len__(self) -> int:
        return len(self.rows)

    def card(self) -> Card:
        """A row for each epoch."""
        middle = self.columns[1:-1]
        rows = [
            [f"{row['epoch']:.0f}", *(f"{row[name]:.4f}" for name in middle), f"{row['seconds']:.1f}"]
            for row in self.rows
        ]
        best = f"; best: epoch {self.best_epoch}" if self.best_epoch else ""
        head = ["epoch", *(name.replace("_", " ") for name in middle), "seconds"]
        return Card(f"{count(len(rows), 'epoch')}{best}", (), [head, *rows] if rows else ())

    def plot(self) -> Any:
        """Loss and metric by epoch, a `matplotlib.figure.Figure` to show or change.

        Raises:
            OptionError: a model without epochs.
        """
        if not self.rows:
            raise OptionError("plot needs a model that is trained in epochs; this one is not. Train a network")
        names = dict.fromkeys(("loss", self.metric))
        curves = {name: (self[name], self[f"validation_{name}"]) for name in names}
        return plot_history([int(epoch) for epoch in self["epoch"]], curves, self.best_epoch)


def read_history(folder: Path, results: RunResults) -> History:
    """A row for each epoch of `results`; none of a baseline.

    Raises:
        BundleError: there is no such file, or it is of other epochs or damaged.
    """
    path, names = folder / HISTORY, name_columns(results.metric)
    if not results.epochs:
        return History([], results.metric, 0)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
        if rows[:1] != [names] or {len(row) for row in rows} != {len(names)}:
            raise ValueError(f"must have the columns {', '.join(names)}")
        found = [dict(zip(names, map(float, row), strict=True)) for row in rows[1:]]
        ordered = [row["epoch"] for row in found] == list(range(1, len(found) + 1))
        if len(found) != results.epochs or not ordered:
            raise ValueError(f"must have the epochs 1 to {results.epochs}, in order")
    except FileNotFoundError as error:
        raise refuse_folder(folder, "run", HISTORY) from error
    except (OSError, ValueError, csv.Error) as error:
        raise BundleError(f"{path}: must be as seqconv writes it; {shorten(error)}. Train again") from error
    return History(found, results.metric, results.best_epoch)


class Relay(Listener):
    """Passes everything on to another listener."""

    def __init__(self, inner: Listener) -> None:
        self.inner = inner

    def download(self, done: int, total: int) -> None:
        self.inner.download(done, total)

    def has_time(self, seconds: float) -> bool:
        return self.inner.has_time(seconds)

    def advance(self, what: str, done: int, total: int) -> None:
        self.inner.advance(what, done, total)

    def say(self, text: str) -> None:
        self.inner.say(text)

    def resume(self, history: Sequence[Epoch]) -> None:
        self.inner.resume(history)

    def train_again(self, epochs: int) -> None:
        self.inner.train_again(epochs)

    def start_epoch(self, epoch: int, epochs: int, steps: int) -> None:
        self.inner.start_epoch(epoch, epochs, steps)

    def end_step(self, loss: float, metric: float) -> None:
        self.inner.end_step(loss, metric)

    def end_epoch(self, epoch: Epoch) -> bool | None:
        return self.inner.end_epoch(epoch)

    def keep(self, epoch: Epoch) -> None:
        self.inner.keep(epoch)


class HistoryFile(Relay):
    """Writes `history.csv`, a row an epoch, flushed so that it can be read meanwhile; passes everything on.

    Args:
        until: when training should end, on the clock of `time.perf_counter`.
    """

    def __init__(self, inner: Listener, file: TextIO, metric: str, until: float) -> None:
        super().__init__(inner)
        self.file, self.until, inner.metric = file, until, metric
        print(",".join(name_columns(metric)), file=file, flush=True)

    def has_time(self, seconds: float) -> bool:
        return time.perf_counter() + seconds <= self.until

    def resume(self, history: Sequence[Epoch]) -> None:
        self.until -= sum(epoch.seconds for epoch in history)
        for epoch in history:
            self._write(epoch)
        super().resume(history)

    def end_epoch(self, epoch: Epoch) -> bool | None:
        self._write(epoch)
        return super().end_epoch(epoch)

    def _write(self, epoch: Epoch) -> None:
        print(",".join(map(str, asdict(epoch).values())), file=self.file, flush=True)


class Callback(Relay):
    """Calls functions after each epoch but those of a last fit on all rows, whose number is decided already.

    Args:
        calls: one or several that take the number of the epoch and its values, by the names of `History.columns`; True
            from any of them ends the training.

    Raises:
        OptionError: something else.
    """

    def __init__(self, inner: Listener, calls: EpochEnd | Sequence[EpochEnd]) -> None:
        super().__init__(inner)
        found = calls if isinstance(calls, Sequence) else (calls,)
        for call in found:
            if not callable(call):
                hint = "Give functions that take the number of an epoch and its values"
                raise OptionError(f"on_epoch_end must be a function, or a list of them; got {calls!r:.60}. {hint}")
        self.calls, self.again = found, False

    def train_again(self, epochs: int) -> None:
        self.again = True
        super().train_again(epochs)

    def end_epoch(self, epoch: Epoch) -> bool | None:
        stops = super().end_epoch(epoch)
        if self.again:
            return stops
        values = dict(zip(name_columns(self.inner.metric), asdict(epoch).values(), strict=True))
        answers = [call(epoch.epoch, values) for call in self.calls]
        return any(answers) or stops
