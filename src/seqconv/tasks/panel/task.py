"""Forecasting of one or many series step by step: the record of everything that differs from the other tasks."""

import json

from seqconv.data.datasets import load_panel
from seqconv.data.records import Panel, PanelData
from seqconv.metrics.records import Json
from seqconv.networks.layers.base import Shape
from seqconv.recipes.recipe import PanelRecipe
from seqconv.tasks.panel.answers import (
    answer_panel,
    answer_whole,
    describe_panel_model,
    forecast_panel,
    make_example,
    predict_future,
    predict_panel_file,
    read_example_panel,
    read_file,
    read_request_panel,
    write_future,
)
from seqconv.tasks.panel.baselines import BASELINES, list_baselines
from seqconv.tasks.panel.explaining import explain_panel
from seqconv.tasks.panel.features import PanelFeatures
from seqconv.tasks.panel.guess import guess_panel
from seqconv.tasks.panel.inspection import inspect_panel
from seqconv.tasks.panel.profile import sample_panel
from seqconv.tasks.panel.scores import score_levels, score_panel
from seqconv.tasks.panel.split import fold_panel, split_panel, take_panel
from seqconv.tasks.task import Form, Task, describe_row, need_no_warm_up


def _sizes_from_recipe(recipe: PanelRecipe) -> tuple[Shape, int] | None:
    return None


def _write_request(about: Json) -> str:
    row = dict.fromkeys(about["columns"], 0.5) | dict.fromkeys(about["ids"], "A")
    row |= dict.fromkeys(
        about["columns"][len(about["ids"]) : about["columns"].index(about["targets"][0])], "2018-12-01"
    )
    return f'{{"rows": [{json.dumps(row, ensure_ascii=False)}, ...]}}'


ROWS = "The rows of the table as CSV, under a line with the names of the columns; an empty cell is missing"
FILE = "the table as CSV or JSON"
PANEL = Task(
    name="panel",
    model="a forecasting model of one or many series",
    holds="series",
    named_by=("data.id", "data.known", "data.past", "data.static", "data.frequency", "data.duplicates", "forecast."),
    takes="a table of series",
    key="rows",
    method="forecast_panel",
    options=("series", "step"),
    file_options=("column",),
    piece=0,
    form=Form("rows", ROWS, _write_request, describe_row, FILE, lambda about: ",".join(about["columns"]), make_example),
    load=load_panel,
    parts=(Panel,),
    whole=PanelData,
    sizes_from_recipe=_sizes_from_recipe,
    guess=guess_panel,
    split=split_panel,
    fold=fold_panel,
    take=take_panel,
    read_features=PanelFeatures.read,
    baselines=BASELINES,
    list_baselines=list_baselines,
    score=score_panel,
    score_intervals=score_levels,
    predict=forecast_panel,
    predict_file=predict_panel_file,
    read_request=read_request_panel,
    answer_request=answer_panel,
    read_example=read_example_panel,
    explain=explain_panel,
    warm_up=need_no_warm_up,
    describe=describe_panel_model,
    inspect=inspect_panel,
    sample=sample_panel,
    read_whole=read_file,
    answer_whole=answer_whole,
    predict_future=predict_future,
    write_future=write_future,
    examples="forecasts",
)
