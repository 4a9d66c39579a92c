"""Panels made of numbers, and what a recipe makes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqconv.data.frequency import Frequency
from seqconv.data.records import Panel, PanelData, find_ends
from seqconv.recipes.recipe import AnyRecipe, recipe_from_dict
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.panel.features import PanelSplit

MONTH = Frequency("mo")


def make_panel(
    series: Sequence[Any], columns: Mapping[str, Any] | None = None, frequency: Frequency = MONTH, start: int = 0
) -> Panel:
    """Series of their own lengths, all from the same step on; columns are lists like them."""
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in series])])
    values = np.concatenate([np.asarray(each, float) for each in series])
    laid = {name: np.concatenate([np.asarray(each) for each in cells]) for name, cells in (columns or {}).items()}
    keys = tuple((f"s{number}",) for number in range(len(series)))
    starts = np.full(len(series), start)
    return Panel(("id",), keys, offsets, starts, find_ends(values, offsets), frequency, "y", values, laid, "made")


def make_recipe(horizon: int = 6, model: str = "blend", data: Mapping[str, Any] | None = None, **forecast) -> AnyRecipe:
    """A recipe for these panels."""
    table = {"task": "panel", "data": {"source": "made", "id": ["id"], "target": ["y"]} | dict(data or {})}
    table |= {"forecast": {"horizon": str(horizon)} | forecast, "training": {"model": model, "loss": "mae"}}
    return recipe_from_dict(table)


def split(panel: Panel, **settings: Any) -> PanelSplit:
    """The parts of a panel, by a recipe with these settings."""
    return TASKS["panel"].split(PanelData(panel), make_recipe(**settings), 1, None)


def make_sales(series: int = 8, rows: int = 84, seed: int = 0, noise: float = 2.0) -> list[np.ndarray]:
    """A level and a trend of each, a common season and noise."""
    random = np.random.default_rng(seed)
    time = np.arange(rows)
    season = 20 * np.sin(2 * np.pi * time / 12)
    return [100 + 10 * n + 0.3 * time + season + random.normal(0, noise, rows) for n in range(series)]
