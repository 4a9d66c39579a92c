"""Time-series classification: the record of everything that differs from the other tasks."""

import json

from seqconv.data.datasets import load_sequences
from seqconv.data.records import LARGEST, SequenceData, Sequences
from seqconv.metrics.records import Json
from seqconv.recipes.recipe import SequenceRecipe
from seqconv.tasks.growth import grow_classes
from seqconv.tasks.outcome_scores import score_outcome_intervals, score_outcomes
from seqconv.tasks.sequence.answers import (
    answer_sequences,
    answer_whole,
    describe_sequence_model,
    explain_example,
    join_sequences,
    make_example,
    predict_sequence_file,
    predict_sequences,
    read_example_sequence,
    read_request_sequences,
    read_unlabelled,
)
from seqconv.tasks.sequence.baselines import BASELINES, list_baselines
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.sequence.graph import draw_sequences, try_sequences
from seqconv.tasks.sequence.guess import fit_settings, guess_sequences
from seqconv.tasks.sequence.inspection import inspect_sequences
from seqconv.tasks.sequence.profile import sample_sequences
from seqconv.tasks.sequence.split import (
    fold_sequences,
    list_tested_sequences,
    split_sequences,
    take_sequences,
)
from seqconv.tasks.sequence.stream import SequenceStream
from seqconv.tasks.sequence.windows import predict_windows
from seqconv.tasks.task import Form, Task, need_no_warm_up


def _sizes_from_recipe(recipe: SequenceRecipe) -> None:
    """Channels and length are those of the data."""


def _write_request(about: Json) -> str:
    """A step; the dots stand for those that have no room."""
    return f'{{"sequences": [[{json.dumps([0.5] * len(about["channels"]))}, ...]]}}'


def _describe_item(about: Json) -> Json:
    """A list of steps, each a list with a number or null for each channel."""
    count = len(about["channels"])
    number: Json = {"type": ["number", "null"], "minimum": -LARGEST, "maximum": LARGEST}
    step: Json = {"type": "array", "items": number, "minItems": count, "maxItems": count}
    return {"type": "array", "items": step, "minItems": 1}


STEPS = "A line for each step, its channels separated by commas; an empty cell is missing"
FILE = "a sequence as CSV, or sequences as JSON, every one of which is answered"
SEQUENCE = Task(
    name="sequence",
    model="a model of sequences",
    holds="labelled sequences",
    named_by=(),
    takes="sequences",
    key="sequences",
    method="classify",
    options=("class",),
    file_options=("row",),
    piece=256,
    form=Form("steps", STEPS, _write_request, _describe_item, FILE, example=make_example),
    load=load_sequences,
    parts=(Sequences,),
    whole=SequenceData,
    sizes_from_recipe=_sizes_from_recipe,
    guess=guess_sequences,
    split=split_sequences,
    fold=fold_sequences,
    take=take_sequences,
    read_features=SequenceFeatures.read,
    baselines=BASELINES,
    list_baselines=list_baselines,
    score=score_outcomes,
    score_intervals=score_outcome_intervals,
    predict=predict_sequences,
    predict_file=predict_sequence_file,
    read_request=read_request_sequences,
    answer_request=answer_sequences,
    read_example=read_example_sequence,
    explain=explain_example,
    warm_up=need_no_warm_up,
    describe=describe_sequence_model,
    inspect=inspect_sequences,
    sample=sample_sequences,
    read_whole=read_unlabelled,
    answer_whole=answer_whole,
    join=join_sequences,
    stream=SequenceStream,
    fit_settings=fit_settings,
    draw=draw_sequences,
    try_graph=try_sequences,
    grow=grow_classes,
    list_tested=list_tested_sequences,
    predict_windows=predict_windows,
)
