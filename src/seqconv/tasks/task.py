"""A task: everything that depends on the kind of data, as one record of functions.

`tasks.kinds` has the table of tasks. What the answers are is a separate axis: see `tasks.target`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

import numpy as np

from seqconv.data.readers.tables import Frame
from seqconv.data.remotes import Progress
from seqconv.data.urls import fetch
from seqconv.errors import ConfigError, DataError, OptionError
from seqconv.metrics.class_scores import ClassScores
from seqconv.metrics.forecast_scores import ForecastScores, IntervalScores
from seqconv.metrics.panel_scores import PanelScores
from seqconv.metrics.records import Json
from seqconv.networks.graphs.graph import Graph
from seqconv.networks.keras.reading import KerasNetwork
from seqconv.networks.layers.base import Shape
from seqconv.recipes.recipe import AnyRecipe, Guesses
from seqconv.recipes.sections import KINDS
from seqconv.tasks.baselines import BaselineKind, Candidate, Say
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.examples import Features, Part, Split
from seqconv.tasks.explanation import Explanation
from seqconv.tasks.findings import Inspection
from seqconv.tasks.profiles import Sample
from seqconv.tasks.results import FoldFacts
from seqconv.tasks.streaming import State, Stream, refuse_stream

Data = Any  # TextData, SeriesData or SequenceData, the same for all functions of a task
Options = Mapping[str, str]
Arrays = dict[str, np.ndarray]
MOST_TYPED = 3000  # numbers of a made-up example on a page


class Answers(NamedTuple):
    """A model's outputs for labelled examples, comparable with the targets.

    Args:
        outputs: `[N, outputs]`.
        bounds: lower and upper, before calibration, `[2, N, outputs]`; None: no intervals.
    """

    outputs: np.ndarray
    bounds: np.ndarray | None


class Source(NamedTuple):
    """Where to find the example to explain.

    Args:
        given: what the user gave after the model, a text or a file; None: nothing.
        file: a file given as such; None: none.
        row: number of the text or sequence in the file, from 1.
        column: of texts or times; empty: as in training.
    """

    given: str | None = None
    file: Path | None = None
    row: int = 1
    column: str = ""

    def need_file(self) -> Path:
        """The file, given as such or in place of a text.

        Raises:
            ConfigError: there is none.
        """
        if self.given is None and self.file is None:
            raise ConfigError("explain: this model needs a file to read; got none. Name it after the model")
        return fetch(self.file or self.given or "")


class Form(NamedTuple):
    """How the page of a served model reads an example that a user types.

    Args:
        reader: how the page's script reads the input: `text`, `steps` or `rows`.
        label: what to type.
        request: makes an example of a request from the description that `describe` returns.
        item: makes the JSON schema of one example from the same description.
        file: what a file may hold in place of it.
        placeholder: makes the text of the empty field from the same description.
        example: makes an example for a model, as a user would type it; empty: there is none.
        typing: it is explained while it is typed.
    """

    reader: str
    label: str
    request: Callable[[Json], str]
    item: Callable[[Json], Json]
    file: str
    placeholder: Callable[[Json], str] = lambda about: ""
    example: Callable[[AnyBundle], str] = lambda bundle: ""
    typing: bool = False


def describe_row(about: Json) -> Json:
    """The JSON schema of a row of a table, or of a text with columns: cells by the names of their columns."""
    return {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}


def say_nothing(note: str) -> None:
    """What happens to notes that nobody wants."""


def need_path(source: str | Path | IO[bytes]) -> Path:
    """The path of the file to predict for.

    Raises:
        DataError: standard input, which can only hold texts.
    """
    if not isinstance(source, str | Path):
        raise DataError("standard input: must be one text per line; this model needs a file. Name one")
    return fetch(source)


class Sliding(NamedTuple):
    """How a window slides over a recording: how long it is and how far it moves, steps or durations; empty: as long as
    a training sequence, and by its length."""

    window: str = ""
    stride: str = ""


def refuse_windows(trained: Trained, *arguments: object) -> NoReturn:
    """For models that do not read sequences.

    Raises:
        OptionError: always.
    """
    raise OptionError(f"window needs a model of sequences; this is of {trained.bundle.recipe.task}s. Drop it")


def refuse_future(trained: Trained, *arguments: object) -> NoReturn:
    """For models that read nothing of what they predict.

    Raises:
        OptionError: always.
    """
    raise OptionError(f"future needs a model of a table of series; this is of {trained.bundle.recipe.task}s. Drop it")


def keep_model(bundle: AnyBundle, data: Data, threads: int) -> AnyBundle:
    """For models that lack nothing of newer data."""
    return bundle


def keep_data(bundle: AnyBundle, data: Data) -> Data:
    """For data whose rows follow one another in time."""
    return data


def list_train(data: Data) -> Any:
    """The examples of a file without parts."""
    return data.train


@dataclass(frozen=True)
class Drawn:
    """A model as a graph.

    Args:
        about: what a user of the graph must know, by name: classes, columns, units.
        files: further files to write next to the graph, by the ending of their names.
    """

    graph: Graph
    about: Json
    files: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """Examples as inputs of a graph, and the answers of the model itself, both by name.

    Args:
        examples: what they are: "64 test rows".
    """

    inputs: Arrays
    answers: Arrays
    examples: str


def refuse_network(recipe: AnyRecipe, *arguments: object) -> NoReturn:
    """For data that networks of layers do not read.

    Raises:
        OptionError: always.
    """
    raise OptionError(f"network: {KINDS[recipe.task].title} has no networks of layers. Leave it out")


def keep_rows(recipe: AnyRecipe, features: Any, rows: int) -> np.ndarray:
    """All, in their order."""
    return np.arange(rows)


def refuse_graph(bundle: AnyBundle) -> NoReturn:
    """For models that are not exported.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(f"export: {KINDS[bundle.recipe.task].title} has no form in ONNX yet. Serve it with seqconv serve")


def try_no_graph(trained: Trained, drawn: Drawn, inputs: Any) -> NoReturn:
    """For the same models.

    Raises:
        ConfigError: always.
    """
    refuse_graph(trained.bundle)


@dataclass(frozen=True)
class Task:
    """One kind of data and everything that depends on it.

    Attributes:
        name: the recipe's `task`.
        model: the name for people of a trained model, with its article.
        holds: the name for people of its data.
        named_by: prefixes of settings that only this task has; a user who gives one implies the task.
        takes: what a model reads, for messages.
        key: of the examples in a request.
        method: of `Predictor` for such examples.
        options: of an explanation, in a request.
        file_options: further options of an explanation, for an example in a file.
        piece: number of examples of a request answered together; 0: all, because they belong together.
        form: how a page reads an example.

        load: reads the data that a recipe names.
        parts, whole: the types of what readers return, and of the data that hold it.
        sizes_from_recipe: shape of one example and number of outputs, if the recipe alone determines them; else None.
        guess: settings inferred from the data. Takes recipe, data, names of the settings that the user gave.
        split: training, validation and test examples. Takes data, recipe, threads, features of a trained model or None.
        fold: facts about each fold and its data. Takes data, recipe, folds, window (`growing` or `rolling`).
        take: labelled data as examples for a trained model, and notes. Takes bundle, data, threads.
        read_features: the features of a bundle. Takes table, folder, files.
        baselines: every kind of baseline, by its name in `training.model`.
        list_baselines: the baselines for a split, or why one is left out.
        score: all scores with their intervals. Takes answers, their examples, bundle, training examples or None.
        score_intervals: coverage and width of the intervals of answers with bounds.
        predict: a model's answers for raw data in memory, see the method of `Predictor`.
        predict_file: the rows of a file followed by the answers. Takes model, file or stream, column, rows per piece,
            and what to do with notes.
        read_request: examples of a request as raw data. Takes bundle, examples, number of the first of them.
        answer_request: answers for the result of `read_request`, as JSON.
        join: several results of `read_request` as one, so that they are answered together; None: each belongs alone.
        read_example: the example of a file to explain, as raw data.
        explain: explains the answer for one example. Takes model, raw data, options.
        warm_up: builds what the first answer needs; refuses a model that cannot read raw data.
        describe: what a model reads, as JSON.
        predict_future: as `predict_file`, with a file of what is known of the rows to forecast. Takes model, file,
            column, that file, function for notes.
        write_future: that file, to be filled in. Takes model, file, column.
        predict_windows: answers for each window that slides over long examples of a file. Takes model, file, column,
            how it slides, function for notes.
        sample: the variables of raw data, to compare with those of training. Takes features, raw data.
        read_whole: the raw data of a file, with or without labels. Takes bundle, path, column.
        answer_whole: a model's outputs for such data, as `score` takes them. Takes model, raw data.
        stream: answers after each row, step or word of a stream. Takes model, state to go on from or None.
        inspect: contents and problems of a file. Takes path, recipe, names of the settings that the user gave.
        fit_settings: settings that a given network asks for. Takes recipe, data or None, network, what the user gave.
        take_rows: which rows of a given network's Embedding are those of the ids. Takes recipe, features, their number.
        draw: a model as operators of ONNX.
        try_graph: examples as inputs of that graph, and the model's own answers. Takes model, graph, test inputs or
            None.
        grow: a trained model with what it lacks to learn from newer data, such as classes. Takes bundle, data, threads.
        list_tested: data that hold the test rows of data with newer files, as far as a model can know them, as `take`
            takes them. Takes bundle, data.
        scored: the raw data of the examples that `take` takes. Takes data.
        examples: what people call the examples that are scored; empty: as in a request.
    """

    name: str
    model: str
    holds: str
    named_by: tuple[str, ...]
    takes: str
    key: str
    method: str
    options: tuple[str, ...]
    file_options: tuple[str, ...]
    piece: int
    form: Form

    load: Callable[[Any, Progress | None], Data]
    parts: tuple[type, ...]
    whole: type
    sizes_from_recipe: Callable[[AnyRecipe], tuple[Shape, int] | None]
    guess: Callable[[AnyRecipe, Data, set[str]], Guesses]
    split: Callable[[Data, AnyRecipe, int, Any], Split[Any, Any]]
    fold: Callable[[Data, AnyRecipe, int, str], Iterator[tuple[FoldFacts, Data]]]
    take: Callable[[AnyBundle, Data, int], tuple[Part[Any], list[str]]]
    read_features: Callable[[Mapping[str, Any], Path, Mapping[str, Any]], Features]
    baselines: Mapping[str, BaselineKind]
    list_baselines: Callable[[Split[Any, Any], Say], list[Candidate]]
    score: Callable[[Answers, Part[Any], AnyBundle, Part[Any] | None], ClassScores | ForecastScores | PanelScores]
    score_intervals: Callable[[Answers, Part[Any], AnyBundle], IntervalScores]
    predict: Callable[..., Any]
    predict_file: Callable[..., Iterator[Frame]]
    read_request: Callable[[AnyBundle, list[Any], int], Any]
    answer_request: Callable[[Trained, Any], list[Json]]
    read_example: Callable[[AnyBundle, Source], Any]
    explain: Callable[[Trained, Any, Options], Explanation]
    warm_up: Callable[[Trained], None]
    describe: Callable[[AnyBundle], Json]
    inspect: Callable[[Path, AnyRecipe, set[str]], Inspection]
    sample: Callable[[Any, Any], list[Sample]]
    read_whole: Callable[[AnyBundle, Path, str], Any]
    answer_whole: Callable[[Trained, Any], np.ndarray]
    join: Callable[[list[Any]], Any] | None = None
    stream: Callable[[Trained, State | None], Stream] = refuse_stream
    predict_future: Callable[..., Iterator[Frame]] = refuse_future
    write_future: Callable[..., Frame] = refuse_future
    predict_windows: Callable[..., Iterator[Frame]] = refuse_windows
    fit_settings: Callable[[AnyRecipe, Any, KerasNetwork, set[str]], dict[str, Any]] = refuse_network
    take_rows: Callable[[AnyRecipe, Any, int], np.ndarray] = keep_rows
    draw: Callable[[AnyBundle], Drawn] = refuse_graph
    try_graph: Callable[[Trained, Drawn, Any], Trial] = try_no_graph
    grow: Callable[[AnyBundle, Data, int], AnyBundle] = keep_model
    list_tested: Callable[[AnyBundle, Data], Data] = keep_data
    scored: Callable[[Data], Any] = list_train
    examples: str = ""

    @property
    def noun(self) -> str:
        """What people call the examples that are scored."""
        return self.examples or self.key


def score_classes(answers: Answers, part: Part[Any], bundle: AnyBundle, reference: Part[Any] | None) -> ClassScores:
    """Scores of classes, which need neither bounds nor training examples."""
    training = bundle.recipe.training
    scores: ClassScores = bundle.features.target.score(answers.outputs, part.targets, training.loss, training.seed)
    return scores


def need_no_warm_up(trained: Trained) -> None:
    """Nothing: the first answer takes no longer than the others."""
