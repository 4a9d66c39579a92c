"""Functions for `on_epoch_end` that pass each epoch on to a tracker of experiments, or write it to a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqconv.errors import ConfigError, OptionError, need, shorten
from seqconv.training.history import EpochEnd


def log_json(path: str | Path) -> EpochEnd:
    """A callback that adds a line of JSON an epoch to a file, such as `{"epoch": 1, "loss": 0.69, ...}`.

    Args:
        path: what is there already is kept, as a run that is resumed goes on with it.

    Raises:
        ConfigError: the file cannot be written.

    Examples:
        >>> run = seqconv.train("demo-text", on_epoch_end=log_json("epochs.jsonl"))  # doctest: +SKIP
    """
    path = Path(path)
    try:
        path.open("a").close()
    except OSError as error:
        raise _refuse(path, "file", error) from error

    def log(epoch: int, values: Mapping[str, float]) -> None:
        with path.open("a", encoding="utf-8") as file:
            print(json.dumps({**values, "epoch": epoch}), file=file)

    return log


def log_tensorboard(folder: str | Path) -> EpochEnd:
    """A callback that writes scalars for TensorBoard: `tensorboard --logdir FOLDER` shows them as they come.

    Args:
        folder: one for each run; those next to each other are compared.

    Raises:
        ConfigError: the folder cannot be written.
        MissingExtra: tensorboard is not installed.
    """
    summary = need("tensorboard.summary", "tensorboard")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        writer = summary.Writer(str(folder))
    except OSError as error:
        raise _refuse(folder, "folder", error) from error

    def log(epoch: int, values: Mapping[str, float]) -> None:
        for name, value in _measured(values).items():
            writer.add_scalar(name, value, epoch)
        writer.flush()

    return log


def log_mlflow() -> EpochEnd:
    """A callback that logs metrics to the active run of MLflow, which is started if there is none.

    Raises:
        MissingExtra: mlflow is not installed.
    """
    mlflow = need("mlflow", "mlflow")

    def log(epoch: int, values: Mapping[str, float]) -> None:
        mlflow.log_metrics(_measured(values), step=epoch)  # its answer, if it logs in the background, ends nothing

    return log


def log_wandb(run: Any = None) -> EpochEnd:
    """A callback that logs to a run of Weights & Biases.

    Args:
        run: None: the one that `wandb.init` has started.

    Raises:
        MissingExtra: wandb is not installed.
        OptionError: there is no run.
    """
    chosen = need("wandb", "wandb").run if run is None else run
    if chosen is None:
        raise OptionError("run must be a run of Weights & Biases; there is none. Call wandb.init() first")

    def log(epoch: int, values: Mapping[str, float]) -> None:
        chosen.log(_measured(values), step=epoch)

    return log


def _measured(values: Mapping[str, float]) -> dict[str, float]:
    """All but the number of the epoch, which trackers have as the step."""
    return {name: value for name, value in values.items() if name != "epoch"}


def _refuse(path: str | Path, kind: str, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: must be a {kind} that can be written; {shorten(error)}. Choose another")
