"""Time-series forecasting: the record of everything that differs from the other tasks."""

import json

from seqconv.data.datasets import load_series
from seqconv.data.records import Series, SeriesData
from seqconv.data.remotes import count_columns
from seqconv.metrics.records import Json
from seqconv.networks.layers.base import Shape
from seqconv.recipes.durations import parse_duration
from seqconv.recipes.recipe import SeriesRecipe
from seqconv.recipes.sections import ALL
from seqconv.tasks.series.answers import (
    answer_rows,
    answer_whole,
    describe_series_model,
    explain_example,
    forecast_rows,
    make_example,
    predict_series_file,
    read_example_rows,
    read_request_rows,
    read_series,
)
from seqconv.tasks.series.baselines import BASELINES, list_baselines
from seqconv.tasks.series.calendar import CALENDAR
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.graph import draw_series, try_series
from seqconv.tasks.series.guess import fit_settings, guess_series
from seqconv.tasks.series.inspection import inspect_series
from seqconv.tasks.series.profile import sample_rows
from seqconv.tasks.series.scores import score_answer_intervals, score_answers
from seqconv.tasks.series.split import fold_series, split_series, take_series
from seqconv.tasks.series.stream import SeriesStream
from seqconv.tasks.task import Form, Task, describe_row, need_no_warm_up


def _sizes_from_recipe(recipe: SeriesRecipe) -> tuple[Shape, int] | None:
    """Known for a public data set, because its columns are known, unless a range of leads needs their interval."""
    columns, leads = len(recipe.data.inputs) or count_columns(recipe.data.source), recipe.features.leads
    if not count_columns(recipe.data.source) or any(" to " in lead for lead in leads):
        return None
    length = parse_duration(recipe.features.lookback) // parse_duration(recipe.features.step)
    targets = columns if recipe.data.target == ALL else max(len(recipe.data.target), 1)
    shape = length, columns + 2 * len(CALENDAR) * recipe.data.calendar
    return shape, targets * max(len(leads), 1)


def _write_request(about: Json) -> str:
    """A row; the dots stand for those that have no room."""
    row = {"time": "2018-12-31T23:00:00"} | dict.fromkeys(about["columns"], 0.5)
    return f'{{"rows": [{json.dumps(row, ensure_ascii=False)}, ...]}}'


ROWS = "The newest rows as CSV, under a line with the names of the columns; an empty cell is missing"
FILE = "the rows as CSV or JSON; the newest are read"
SERIES = Task(
    name="series",
    model="a forecasting model",
    holds="a time series",
    named_by=("data.time", "data.target", "data.interval", "windows."),
    takes="rows of a series",
    key="rows",
    method="forecast",
    options=("target", "lead"),
    file_options=("at", "column"),
    piece=0,
    form=Form(
        "rows",
        ROWS,
        _write_request,
        describe_row,
        FILE,
        lambda about: f"time,{','.join(about['columns'])}",
        make_example,
    ),
    load=load_series,
    parts=(Series,),
    whole=SeriesData,
    sizes_from_recipe=_sizes_from_recipe,
    guess=guess_series,
    split=split_series,
    fold=fold_series,
    take=take_series,
    read_features=SeriesFeatures.read,
    baselines=BASELINES,
    list_baselines=list_baselines,
    score=score_answers,
    score_intervals=score_answer_intervals,
    predict=forecast_rows,
    predict_file=predict_series_file,
    read_request=read_request_rows,
    answer_request=answer_rows,
    read_example=read_example_rows,
    explain=explain_example,
    warm_up=need_no_warm_up,
    describe=describe_series_model,
    inspect=inspect_series,
    sample=sample_rows,
    read_whole=read_series,
    answer_whole=answer_whole,
    stream=SeriesStream,
    fit_settings=fit_settings,
    draw=draw_series,
    try_graph=try_series,
)
