"""The table of tasks by their name in recipes: the only place that depends on the kind of data."""

from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.panel.task import PANEL
from seqconv.tasks.sequence.task import SEQUENCE
from seqconv.tasks.series.task import SERIES
from seqconv.tasks.task import Task
from seqconv.tasks.text.task import TEXT

TASKS: dict[str, Task] = {task.name: task for task in (TEXT, PANEL, SERIES, SEQUENCE)}


def find_task(recipe: AnyRecipe) -> Task:
    """The task of a recipe."""
    return TASKS[recipe.task]
