"""Sequences that are told apart by how fast they swing, written in every form in which people have them."""

from pathlib import Path

import numpy as np
import polars

from seqconv.data.frames import to_sequences
from seqconv.networks.inputs import WindowInputs
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks.examples import Split
from seqconv.tasks.sequence.ridge_blend import RidgeBlend, fit_blend
from seqconv.tasks.sequence.split import encode_sequences


def draw_waves(count: int, seed: int = 0, least: int = 30) -> polars.DataFrame:
    """A row for each step: `id`, `time` 20 ms apart, `ax`, `ay`, the class `kind` and the number `speed`.

    Args:
        least: steps of the shortest sequence; others have up to four more.
    """
    random, rows = np.random.default_rng(seed), []
    for number in range(count):
        speed = 0.3 + 0.4 * (number % 2) + 0.2 * random.random()
        phase, noise = 6 * random.random(), 0.1 * random.normal(size=(40, 2))
        for step in range(least + number % 5):
            time = f"2024-01-01T00:{number:02}:{step * 0.02:05.2f}"
            x, y = np.sin(speed * step + phase) + noise[step, 0], np.cos(speed * step) + noise[step, 1]
            rows.append((f"s{number}", time, x, y, ("slow", "fast")[number % 2], speed))
    return polars.DataFrame(rows, ["id", "time", "ax", "ay", "kind", "speed"], orient="row")


def write_waves(folder: Path, count: int = 40, seed: int = 0, name: str = "waves") -> None:
    """The same as a table of steps (`waves.csv`), tables with a row for each sequence (`waves-wide.csv`,
    `waves-lists.parquet`), and files of the archive with the speed (`waves-speeds.ts`) or the class (`waves-kinds.ts`).
    """
    frame = draw_waves(count, seed)
    frame.write_csv(folder / f"{name}.csv")
    grouped = frame.group_by("id", maintain_order=True).agg(
        "ax", "ay", *(polars.first(each) for each in ("kind", "speed"))
    )
    grouped.write_parquet(folder / f"{name}-lists.parquet")
    steps = [f"t{step}" for step in range(30)]
    wide = grouped.select(*(polars.col("ax").list.get(step).alias(name) for step, name in enumerate(steps)), "kind")
    wide.write_csv(folder / f"{name}-wide.csv")
    for label, header in (("speed", "@targetlabel true"), ("kind", "@classlabel true slow fast")):
        lines = ["@univariate false", "@dimensions 2", header, "@data"]
        for row in grouped.rows(named=True):
            values = (",".join(f"{value:.5f}" for value in row[channel]) for channel in ("ax", "ay"))
            lines.append(":".join([*values, str(row[label])]))
        (folder / f"{name}-{label}s.ts").write_text("\n".join(lines) + "\n")


def fit_bumps(kind: str, channels: int, uneven: bool, classes: int) -> tuple[RidgeBlend, WindowInputs]:
    """One of the ridge classifiers, and its training sequences: noise, with a bump in the first channel, which
    is higher from class to class.

    Args:
        uneven: every third sequence lacks its first ten steps.
    """
    random = np.random.default_rng(0)
    labels = np.arange(30) % classes
    bump = 1.5 * np.exp(-0.5 * ((np.arange(60) - 35) / 2) ** 2)
    blocks = []
    for number, label in enumerate(labels):
        steps = random.normal(0, 0.3, (60, channels))
        steps[:, 0] += label * bump
        blocks.append(steps[10 * (uneven and number % 3 == 0) :])
    data = to_sequences(blocks, [f"c{label}" for label in labels])
    recipe = read_recipe("ucr", ("training.model=blend",))
    training = encode_sequences(data, None, recipe)
    part = training.train
    return fit_blend(Split(part, part, part, training.features, {}), kind, 0.1), part.inputs
