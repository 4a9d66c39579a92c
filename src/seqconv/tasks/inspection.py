"""Inspects a data file before training: its contents, its problems, and what training would do about them."""

from collections.abc import Sequence
from pathlib import Path

from seqconv.data.readers.folders import find_files
from seqconv.data.readers.tables import read_table
from seqconv.data.urls import fetch
from seqconv.errors import ConfigError
from seqconv.recipes.recipe import read_recipe
from seqconv.recipes.sections import KINDS
from seqconv.tasks.findings import Inspection, describe_columns, refuse
from seqconv.tasks.guessing import A_PANEL, holds_several
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.recognition import guess_task


def inspect_file(path: str | Path, overrides: Sequence[str] = ()) -> Inspection:
    """The contents of a file of labelled texts, a series or labelled sequences, and what training would do about it.

    Whatever training would refuse (an empty label, unsorted times, a cell that is not a number) becomes a finding.

    Args:
        overrides: `section.key=value`, such as `data.target=["T (degC)"]`; other settings are inferred.

    Raises:
        DataError: the file cannot be read as a table, texts or sequences.
        ConfigError: invalid settings, or a named column that does not exist.
    """
    path, others = find_files(fetch(path).expanduser())
    overrides = [*(f"{name}={file}" for name, file in others.items()), *overrides]
    chosen = {name.strip(): value.strip() for name, _, value in (each.partition("=") for each in overrides)}
    given = set(chosen)
    try:
        name, why = guess_task(path, chosen)
    except ConfigError as error:
        table = read_table(path)
        columns, findings = describe_columns(table, {}), (refuse(error, path),)
        return Inspection(str(path), "", len(table.frame), columns, {}, findings, table.notes)
    settings = (f"data.source={path}", *overrides)
    recipe = read_recipe(KINDS[name].start, settings)
    if holds_several(recipe, given):
        name, why = KINDS[name].several, A_PANEL
        recipe = read_recipe(KINDS[name].start, settings)
    found = TASKS[name].inspect(path, recipe, given)
    return Inspection(**{**vars(found), "notes": (f"task: {name} ({why})", *found.notes)})
