"""Tasks whose data come from a test."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seqconv.tasks.kinds import TASKS


def give_data(monkeypatch: pytest.MonkeyPatch, name: str, load: Callable[..., Any]) -> None:
    """Every source of that task holds what `load` returns for its settings."""
    monkeypatch.setitem(TASKS, name, replace(TASKS[name], load=load))


def watch_splits(monkeypatch: pytest.MonkeyPatch, name: str, watch: Callable[[Any, Any], None]) -> None:
    """`watch` sees the data and the split each time that a task's data are split."""
    task = TASKS[name]

    def split(data: Any, *rest: Any) -> Any:
        found = task.split(data, *rest)
        watch(data, found)
        return found

    monkeypatch.setitem(TASKS, name, replace(task, split=split))
