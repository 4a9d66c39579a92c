"""What an interrupted training goes on from: one safetensors file, written next to its place and renamed."""

import errno
import json
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.documents import parse_document
from seqconv.data.outputs import whole_file
from seqconv.errors import BundleError, shorten
from seqconv.metrics.records import Json, Record
from seqconv.models.folders import CHECKPOINT, identify
from seqconv.networks.layers.base import Weights
from seqconv.networks.network import State
from seqconv.recipes.sections import TrainingConfig

EVERY_S = 2.0  # so much training is lost at most, or
DAMAGED = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, TypeError, ValueError)
WRITES = 20.0  # so many times what a write takes, so that writing takes a small share of the time


@dataclass(frozen=True)
class Epoch:
    """One line of the history; the metric is the accuracy, or for forecasts the scaled MAE."""

    epoch: int
    loss: float
    metric: float
    validation_loss: float
    validation_metric: float
    seconds: float


@dataclass(frozen=True)
class Progress:
    """A training after a whole epoch.

    Args:
        history: of the epochs that are done.
        best_epoch: the one with the lowest validation loss so far; 0: the start.
        best_loss: that loss.
        best: its weights.
        state: of the network, see `networks.network.Network.state`.
        random: of the generator that draws batches and masks.
        mean: running mean of the weights; none without averaging.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    best_loss: float
    best: Weights
    state: State
    random: dict[str, Any]
    mean: Weights


class Checkpoint:
    """The checkpoint of a run folder.

    Args:
        origin: what the run was begun with; a checkpoint of another origin is refused.
        every_s: seconds between two writes, at least.
    """

    def __init__(self, folder: Path, origin: dict[str, Any], every_s: float = EVERY_S) -> None:
        self.path, self.origin, self.every_s = folder / CHECKPOINT, origin, every_s
        self.unsaved: Progress | None = None  # what could not be written
        self._folder = identify(folder)
        self._written = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time to write again, or the folder is gone, which a write then says."""
        return time.monotonic() - self._written >= self.every_s or not self.has_folder()

    def has_folder(self) -> bool:
        """Whether the folder is still where it was."""
        return identify(self.path.parent) == self._folder

    def write(self, progress: Progress) -> None:
        """Replace the file; an interruption leaves the old one or the new one, whole.

        Raises:
            OSError: it cannot be written; `unsaved` is the progress then.
        """
        try:
            self._write(progress)
        except OSError:
            self.unsaved = progress
            raise

    def _write(self, progress: Progress) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        table = {
            "origin": self.origin,
            "history": [asdict(epoch) for epoch in progress.history],
            "best_epoch": progress.best_epoch,
            "best_loss": progress.best_loss,
            "random": progress.random,
        }
        arrays = {f"best/{name}": array for name, array in progress.best.items()}
        arrays |= {f"mean/{name}": array for name, array in progress.mean.items()}
        arrays |= {f"state/{name}": np.asarray(array, order="C") for name, array in progress.state.items()}
        started = time.monotonic()
        if not self.has_folder():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path.parent))
        try:
            with whole_file(self.path) as fresh:
                save_file(arrays, fresh, {"progress": json.dumps(table)})
        except SafetensorError as error:  # an OSError in other clothes
            code = re.search(r"os error (\d+)", str(error))
            raise OSError(*((int(code[1]), os.strerror(int(code[1]))) if code else (str(error),))) from error
        self._written = time.monotonic()
        self.every_s = max(self.every_s, WRITES * (self._written - started))

    def read(self) -> Progress | None:
        """What was written last; None: nothing yet.

        Raises:
            BundleError: damaged, or of a run that was begun with other settings or other data.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="numpy") as file:
                table = _Table.from_dict(parse_document(file.metadata()["progress"]))
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            np.random.default_rng().bit_generator.state = table.random
            best, state, mean = (_below(arrays, prefix) for prefix in ("best/", "state/", "mean/"))
            current = _below(state, "weights.")
            for weights in (best, mean, current):
                _check_weights(weights, current)
        except (*DAMAGED, SafetensorError) as error:
            raise self.refuse(f"must be a whole checkpoint; {shorten(error)}") from error
        for name, value in json.loads(json.dumps(self.origin)).items():
            # an earlier version had fewer settings, and did what their defaults do
            begun = table.origin.get(name, getattr(TrainingConfig, name.removeprefix("training."), None))
            if begun != value:
                before, now = (shorten(repr(each), 40) for each in (begun, value))
                raise BundleError(
                    f"{self.path}: must be of a run with the same {name}; it was begun with {before}, now {now}. "
                    "Train without --resume, or with what it was begun with"
                )
        return Progress(tuple(table.history), table.best_epoch, table.best_loss, best, state, table.random, mean)

    def refuse(self, problem: str) -> BundleError:
        """The error for a checkpoint from which training cannot go on."""
        return BundleError(f"{self.path}: {problem}. Train without --resume")


@dataclass(frozen=True, kw_only=True)
class _Table(Record):
    """What a checkpoint holds besides its arrays."""

    closed = True
    origin: Json
    history: list[Epoch]
    best_epoch: int
    best_loss: float
    random: Json

    def __post_init__(self) -> None:
        if [each.epoch for each in self.history] != list(range(1, len(self.history) + 1)):
            raise ValueError(".history must be of the epochs from 1; it is not")
        if not 0 <= self.best_epoch <= len(self.history):
            raise ValueError(f".best_epoch must be from 0 to {len(self.history)}; got {self.best_epoch}")


def _check_weights(weights: Weights, now: Weights) -> None:
    """Check that weights are finite numbers, for the same network as those of now; there may be none.

    Raises:
        ValueError: they are not.
    """
    for name in weights.keys() ^ now.keys() if weights else ():
        raise ValueError(f"{name} must be in best, mean and state; it is not")
    for name, array in weights.items():
        if array.dtype != np.float32 or array.shape != now[name].shape or not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite float32 {list(now[name].shape)}; it is not")


def _below(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
