"""The table of tasks by their name in recipes: the only place that depends on the kind of data."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.task import Data, Task

RECORDS = {"text": "TEXT", "panel": "PANEL", "series": "SERIES", "sequence": "SEQUENCE"}  # each in tasks/NAME/task.py


class _Tasks(Mapping[str, Task]):
    """Imports a task when it is looked up, so that a model of texts loads nothing of series."""

    def __getitem__(self, name: str) -> Task:
        record = RECORDS[name]
        task: Task = getattr(import_module(f"seqconv.tasks.{name}.task"), record)
        return task

    def __iter__(self) -> Iterator[str]:
        return iter(RECORDS)

    def __len__(self) -> int:
        return len(RECORDS)


TASKS = _Tasks()


def find_data(given: Any) -> tuple[str, Data] | None:
    """What a reader returned, as data, and the name of the task that they are of; None: it is something else."""
    for name, task in TASKS.items():
        if isinstance(given, (task.whole, *task.parts)):
            return name, given if isinstance(given, task.whole) else task.whole(given)
    return None


def find_task(recipe: AnyRecipe) -> Task:
    """The task of a recipe."""
    return TASKS[recipe.task]
