"""Tasks whose data come from a test, and a row for each task: small data, and questions that its models are asked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from helpers.runs import FLAGS, HOUR, list_sales, write_data
from seqconv.data.readers.jsonlines import table_from_objects
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.data.readers.panels import panel_from_table
from seqconv.data.records import Panel, Sequences
from seqconv.tasks.kinds import RECORDS, TASKS

Items = list[Any]


def change_task(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Callable[..., Any]) -> None:
    """Functions of a task replaced."""
    monkeypatch.setattr(f"seqconv.tasks.{name}.task.{RECORDS[name]}", replace(TASKS[name], **functions))


def give_data(monkeypatch: pytest.MonkeyPatch, name: str, load: Callable[..., Any]) -> None:
    """Every source of that task holds what `load` returns for its settings."""
    change_task(monkeypatch, name, load=load)


def watch_splits(monkeypatch: pytest.MonkeyPatch, name: str, watch: Callable[[Any, Any], None]) -> None:
    """`watch` sees the data and the split each time that a task's data are split."""
    task = TASKS[name]

    def split(data: Any, *rest: Any) -> Any:
        found = task.split(data, *rest)
        watch(data, found)
        return found

    change_task(monkeypatch, name, split=split)


class Row(NamedTuple):
    """What the contract of every task is tested with.

    Args:
        write: a small file of labelled data in a folder; its path.
        settings: that a user gives to train on it.
        items: of a request.
        to_raw: such items as what the method of `Predictor` takes.
        to_numbers: the answers to a request as that method returns them, `[N, ...]`.
        wrong: an item that is refused, and how that begins.
        options: of an explanation, of which each is refused.
    """

    write: Callable[[Path], Path]
    settings: tuple[str, ...]
    items: Items
    to_raw: Callable[[Items], tuple[Any, ...]]
    to_numbers: Callable[[list[dict[str, Any]]], list[Any]]
    wrong: tuple[Any, str]
    options: tuple[dict[str, str], ...]


def list_probabilities(answers: list[dict[str, Any]]) -> list[Any]:
    """Of named classes, `[N, classes]`."""
    return [[*answer["probabilities"].values()] for answer in answers]


def _stack(items: Items) -> tuple[Sequences]:
    offsets = np.cumsum([0, *map(len, items)])
    return (Sequences(np.concatenate(items).astype(np.float32), offsets, np.zeros(0, np.int32), (), ("x",), "made"),)


def _split_rows(items: Items) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[row[name] for name in "abc"] for row in items]), np.array([row["time"] for row in items], "M8[s]")


def _read_sales(items: Items) -> tuple[Panel]:
    columns = PanelColumns(("shop",), "month", "sales", ("promo",), ("region",))
    return (panel_from_table(table_from_objects(items, "made"), columns),)


def _list_quantiles(answers: list[dict[str, Any]]) -> list[Any]:
    """Of two series, `[2, H, levels]`."""
    names = ["q0.1", "q0.2", "q0.3", "q0.4", "forecast", "q0.6", "q0.7", "q0.8", "q0.9"]
    return [*np.reshape([[answer[name] for name in names] for answer in answers], (2, -1, len(names)))]


def _read_row(line: str) -> dict[str, Any]:
    shop, region, month, promo, sales = line.split(",")
    sold = float(sales) if sales else None
    return {"shop": shop, "region": region, "month": month, "promo": int(promo), "sales": sold}


_ROWS = [
    {"time": str(np.datetime64("2020-03-01T00:00:00") + hour * HOUR), "a": float(np.sin(hour / 4)), "b": 0.5, "c": -0.5}
    for hour in range(60)
]
TABLE = {
    "text": Row(
        write=lambda folder: write_data(folder)["text"],
        settings=(),
        items=["good film", "", "a plot unheard of"],
        to_raw=lambda items: (items,),
        to_numbers=list_probabilities,
        wrong=(3, "texts, item 1: must be a text"),
        options=({"class": "maybe"},),
    ),
    "series": Row(
        write=lambda folder: write_data(folder)["series"],
        settings=('data.target=["a", "b"]', 'windows.leads=["1h", "6h"]', "windows.lookback=48h"),
        items=_ROWS,
        to_raw=lambda items: _split_rows(items[-48:]),
        to_numbers=lambda answers: [np.reshape([answer["prediction"] for answer in answers], (2, 2))],
        wrong=({"time": "2020-03-01"}, "rows: must hold the newest"),
        options=({"target": "d"}, {"lead": "5h"}),
    ),
    "panel": Row(
        write=lambda folder: write_data(folder)["panel"],
        settings=tuple(FLAGS["panel"]),
        items=[_read_row(line) for line in list_sales(shops=2)],
        to_raw=_read_sales,
        to_numbers=_list_quantiles,
        wrong=({"shop": "s1", "month": "2020-03-01"}, "rows: must have the column"),
        options=({"series": "s99"}, {"step": "7"}),
    ),
    "sequence": Row(
        write=lambda folder: write_data(folder)["sequence"],
        settings=(),
        items=[[[np.sin(step / 2).item()] for step in range(length)] for length in (30, 4)],
        to_raw=_stack,
        to_numbers=list_probabilities,
        wrong=([], "sequences, item 1: must be a list of steps"),
        options=({"class": "9"},),
    ),
}
