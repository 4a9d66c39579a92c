"""A small file of each task, and runs of baselines on them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from seqconv.recipes.sections import KINDS
from seqconv.tasks import guessing
from seqconv.training import run as runs
from seqconv.training.folder import Options

HOUR = np.timedelta64(3600, "s")
FLAGS = {
    "text": [],
    "series": ['data.target=["a", "b"]', 'windows.leads=["1h", "6h"]', "windows.lookback=48h", "data.zone=Asia/Tokyo"],
    "panel": ["data.known=promo", "data.static=region", "forecast.horizon=6mo", "training.refit=false"],
    "sequence": [],
}


def write_data(folder: Path) -> dict[str, Path]:
    """A file of each task; in the series the daily cycle tells more than the newest value."""
    random = np.random.default_rng(0)
    words = random.choice(["fine", "good", "bad", "dull", "film", "plot", "the"], (200, 6))
    labels = np.where((words == "good").sum(axis=1) > (words == "bad").sum(axis=1), "yes", "no")
    texts = [f"{' '.join(row)},{label}" for row, label in zip(words, labels, strict=True)]
    times = np.datetime64("2020-01-01T00:00:00") + np.arange(900) * HOUR
    wave = 3 * np.sin(2 * np.pi * np.arange(900) / 24)
    rows = [
        f"{time},{value + noise:.3f},{noise:.3f},{other:.3f}"
        for time, value, (noise, other) in zip(times, wave, random.normal(size=(900, 2)), strict=True)
    ]
    cycles = np.sin(np.arange(30) * np.repeat([[0.5], [0.9], [1.4]], 40, axis=0)) + random.normal(0, 0.2, (120, 30))
    waves = [",".join(f"{v:.3f}" for v in row) + f":{n // 40}" for n, row in enumerate(cycles)]
    head = ["@univariate true", "@classLabel true 0 1 2", "@data"]
    contents = {
        "text": ("texts.csv", ["text,label", *texts]),
        "series": ("series.csv", ["time,a,b,c", *rows]),
        "panel": ("panel.csv", ["shop,region,month,promo,sales", *list_sales()]),
        "sequence": ("waves.ts", [*head, *waves]),
    }
    for name, lines in contents.values():
        (folder / name).write_text("\n".join([*lines, ""]))
    return {task: folder / name for task, (name, _) in contents.items()}


def list_sales(shops: int = 8, months: int = 72) -> list[str]:
    """Rows of the monthly sales of shops: a level and a trend of its own each, a common season, and promotions, which
    are known for half a year after the last sales."""
    random = np.random.default_rng(1)
    times = np.datetime64("2015-01", "M") + np.arange(months + 6)
    season = 20 * np.sin(2 * np.pi * np.arange(months + 6) / 12)
    rows = []
    for shop in range(shops):
        promo = random.integers(0, 2, months + 6)
        sales = 100 + 10 * shop + 0.3 * np.arange(months + 6) + season + 15 * promo + random.normal(0, 2, months + 6)
        for month, (time, on, sold) in enumerate(zip(times, promo, sales, strict=True)):
            known = f"{sold:.2f}" if month < months else ""
            rows.append(f"s{shop},{'NS'[shop % 2]},{time}-01,{on},{known}")
    return rows


def train_baselines(folder: Path, kinds: Mapping[str, Iterable[str]]) -> Path:
    """A run `TASK-KIND` of each kind of baseline, by task, next to their data files."""
    for task, path in write_data(folder).items():
        for kind in kinds.get(task, ()):
            suggested = guessing.suggest_recipe(str(path), [f"training.model={kind}", *FLAGS[task]])
            runs.train(suggested.recipe, Options(out=folder / f"{task}-{kind}", baselines=False), data=suggested.data)
    return folder


OF_NUMBERS = ("mean", "median")  # baselines of numbers, where a task may predict classes too
_NUMBERS = {"@classLabel true 0 1 2": "@targetLabel true", ",yes\n": ",2\n", ",no\n": ",1\n"}  # labels -> numbers


def write_numbers(file: Path) -> tuple[str, ...]:
    """Numbers in place of the labels of a file of texts or sequences, and the settings that read them."""
    content = file.read_text()
    for label, number in _NUMBERS.items():
        content = content.replace(label, number)
    file.write_text(content)
    return ('data.target=["label"]',) if content.startswith("text,label") else ()


# those of classes alone, where a task may predict numbers too
BASELINES = {task: tuple(each for each in kind.baselines if each not in OF_NUMBERS) for task, kind in KINDS.items()}
