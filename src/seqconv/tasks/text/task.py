"""Texts, their classes or numbers: the record of everything that differs from the other tasks."""

from seqconv.data.datasets import TEXTS, load_texts
from seqconv.data.records import EncodedTexts, TextData, Texts
from seqconv.networks.layers.base import Shape
from seqconv.recipes.recipe import TextRecipe
from seqconv.tasks.outcome_scores import score_outcome_intervals, score_outcomes
from seqconv.tasks.task import Form, Task
from seqconv.tasks.text.answers import (
    answer_texts,
    answer_whole,
    describe_item,
    describe_text_model,
    explain_example,
    make_example,
    predict_text_file,
    predict_texts,
    read_example_text,
    read_request_texts,
    read_whole,
    warm_up,
    write_request,
)
from seqconv.tasks.text.baselines import BASELINES, list_baselines
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.graph import draw_texts, try_texts
from seqconv.tasks.text.growth import grow_text, list_tested_texts
from seqconv.tasks.text.guess import guess_texts
from seqconv.tasks.text.inspection import inspect_texts
from seqconv.tasks.text.profile import sample_texts
from seqconv.tasks.text.rows import join_texts
from seqconv.tasks.text.split import fold_texts, list_scored, split_texts, take_texts
from seqconv.tasks.text.stream import TextStream
from seqconv.tasks.text.word_lists import fit_settings, take_rows


def _sizes_from_recipe(recipe: TextRecipe) -> tuple[Shape, int] | None:
    """Known for the data sets that have a name: their two classes are one output."""
    return ((recipe.features.max_len,), 1) if recipe.data.source in TEXTS else None


FILE = "a table with a column of texts, or a text on each line; every row is answered"
TEXT = Task(
    name="text",
    model="a text model",
    holds="labelled texts",
    named_by=("data.text", "data.label"),
    takes="texts",
    key="texts",
    method="predict",
    options=("class",),
    file_options=("row", "column"),
    piece=256,
    form=Form("text", "A text", write_request, describe_item, FILE, example=make_example, typing=True),
    load=load_texts,
    parts=(Texts, EncodedTexts),
    whole=TextData,
    sizes_from_recipe=_sizes_from_recipe,
    guess=guess_texts,
    split=split_texts,
    fold=fold_texts,
    take=take_texts,
    scored=list_scored,
    read_features=TextFeatures.read,
    baselines=BASELINES,
    list_baselines=list_baselines,
    score=score_outcomes,
    score_intervals=score_outcome_intervals,
    predict=predict_texts,
    predict_file=predict_text_file,
    read_request=read_request_texts,
    answer_request=answer_texts,
    read_example=read_example_text,
    explain=explain_example,
    warm_up=warm_up,
    describe=describe_text_model,
    inspect=inspect_texts,
    sample=sample_texts,
    read_whole=read_whole,
    answer_whole=answer_whole,
    join=join_texts,
    stream=TextStream,
    fit_settings=fit_settings,
    take_rows=take_rows,
    draw=draw_texts,
    try_graph=try_texts,
    grow=grow_text,
    list_tested=list_tested_texts,
)
