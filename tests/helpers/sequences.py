"""Sequences that are told apart by how fast they swing, written in every form in which people have them."""

from pathlib import Path

import numpy as np
import polars


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
