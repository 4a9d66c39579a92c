"""The series of what callers of functions have: a frame, a path, or a panel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqconv.data.datasets import open_table, read_own_panel
from seqconv.data.records import Panel
from seqconv.errors import DataError, OptionError
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.panel.answers import read_tables
from seqconv.tasks.panel.features import PanelFeatures


def is_series(table: Any) -> bool:
    """Whether something can be nothing but a table of series: a panel or a path."""
    return isinstance(table, Panel | str | Path)


def open_panel(table: Any, settings: Mapping[str, Any]) -> Panel:
    """The series of a frame, a path or a panel.

    Args:
        settings: of `[data]`, that say what its columns are.

    Raises:
        DataError: see `read_panel`.
        OptionError: settings for a panel, which was read by its own.
    """
    if not isinstance(table, Panel):
        return read_own_panel(table, settings)
    for name, value in settings.items():
        raise OptionError(f"{name} must be left out with a panel; got {value!r}. Pass it to `read_panel`")
    return table


def reopen_panel(bundle: AnyBundle, table: Any) -> Panel:
    """The same for a trained model, by the settings of its training.

    Raises:
        DataError: not series like those that the model was trained on.
    """
    features: PanelFeatures = bundle.features
    if not isinstance(table, Panel):
        return read_tables(bundle, open_table(table, bundle.recipe.data))
    if (table.target, table.frequency.code) != (features.name, features.frequency.code):
        must = f"{features.name!r}, a row each {features.frequency.name}"
        raise DataError(f"{table.source}: must be series of {must}; got {table.target!r}, {table.frequency.name}")
    return table
