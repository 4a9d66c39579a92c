"""A task: everything that differs by the kind of data that comes in, as one record of functions.

`tasks.kinds` has the table of them. What the answers are is another axis: see `tasks.target`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from seqconv.data.readers.tables import Frame
from seqconv.data.remotes import Progress
from seqconv.errors import ConfigError, DataError
from seqconv.metrics.class_scores import ClassScores
from seqconv.metrics.forecast_scores import ForecastScores, IntervalScores
from seqconv.metrics.records import Json
from seqconv.networks.layers.base import Shape
from seqconv.recipes.recipe import AnyRecipe, Guesses
from seqconv.tasks.baselines import BaselineKind, Candidate, Say
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.examples import Features, Part, Split
from seqconv.tasks.explanation import Explanation
from seqconv.tasks.findings import Inspection
from seqconv.tasks.results import FoldFacts

Data = Any  # TextData, SeriesData or SequenceData: what the functions of one task pass to each other
Options = Mapping[str, str]


class Answers(NamedTuple):
    """A model's outputs for some labelled examples, as they stand next to the targets.

    Args:
        outputs: `[N, outputs]`.
        bounds: of the intervals around them, before calibration, `[2, N, outputs]`; None: there are none.
    """

    outputs: np.ndarray
    bounds: np.ndarray | None


class Source(NamedTuple):
    """Where the example that is to be explained stands.

    Args:
        given: what the user wrote after the model: a text, or a file; None: nothing.
        file: a file; None: none is named.
        row: number of the text or sequence in the file, from 1.
        column: of the texts, or of the times; empty: as in training.
    """

    given: str | None = None
    file: Path | None = None
    row: int = 1
    column: str = ""

    def need_file(self) -> Path:
        """The file, which may stand where a text would.

        Raises:
            ConfigError: there is none.
        """
        if self.given is None and self.file is None:
            raise ConfigError("explain: this model needs a file to read; got none. Name it after the model")
        return self.file or Path(self.given or "")


class Form(NamedTuple):
    """How the page of a served model takes an example that a user types.

    Args:
        reader: of what is typed, see the page's script: `text`, `steps` or `rows`.
        label: what to type.
        request: a request, for the shape of it, from what `describe` gives.
        placeholder: shown where nothing is typed yet, from the same.
    """

    reader: str
    label: str
    request: Callable[[Json], str]
    placeholder: Callable[[Json], str] = lambda about: ""


def need_path(source: str | Path | IO[bytes]) -> Path:
    """The path of a file that is to be answered.

    Raises:
        DataError: standard input, which holds texts alone.
    """
    if not isinstance(source, str | Path):
        raise DataError("standard input: must be a text a line; this model needs a file. Name one")
    return Path(source)


@dataclass(frozen=True)
class Task:
    """One kind of data.

    Attributes:
        name: the recipe's `task`.
        title: what people call it.
        model: what people call a trained model of it, with its article.
        holds: what people call its data.
        named_by: beginnings of settings that only this task has: a user who gives one says what kind of data it is.
        takes: what such a model reads, as messages name it.
        key: of a request: what holds the examples.
        method: of `Predictor`, that takes them.
        options: of an explanation that a request may ask for.
        file_options: and those that have a meaning where the example is in a file.
        piece: examples of a request that are answered at once; 0: all, because they belong together.
        form: how a page takes an example.

        load: the data that a recipe names.
        sizes_from_recipe: shape of one example and number of outputs, if the recipe alone determines them; else None.
        guess: settings that fit the data: recipe, data, names of the settings that the user gave.
        split: training, validation and test examples: data, recipe, threads, features of a trained model or None.
        fold: facts about each fold, and its data: data, recipe, folds, window (`growing` or `rolling`).
        take: labelled data as examples for a trained model, and notes: bundle, data, threads.
        read_features: what a bundle holds of the features: table, folder, files.
        baselines: every kind of baseline, by its name in `training.model`.
        list_baselines: the baselines for a split, and why one is left out.
        score: every score with its interval: answers, their examples, the bundle, training examples or None.
        score_intervals: how much of the truth the intervals of answers with bounds hold.
        predict: a model's answers to raw data in memory, see the method of `Predictor`.
        predict_file: the rows of a file with the answers after them: model, file or stream, column, rows at once.
        read_request: examples of a request as raw data: bundle, examples, number of the first of them.
        answer_request: answers to what `read_request` gave, as JSON.
        read_example: the example of a file that is to be explained, as raw data.
        explain: what made the answer to one example: model, raw data, options.
        warm_up: makes what the first answer would make; refuses a model that takes no raw data.
        describe: what a model takes, as JSON.
        inspect: what a file holds: path, recipe, names of the settings that the user gave.
    """

    name: str
    title: str
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
    sizes_from_recipe: Callable[[AnyRecipe], tuple[Shape, int] | None]
    guess: Callable[[AnyRecipe, Data, set[str]], Guesses]
    split: Callable[[Data, AnyRecipe, int, Any], Split[Any, Any]]
    fold: Callable[[Data, AnyRecipe, int, str], Iterator[tuple[FoldFacts, Data]]]
    take: Callable[[AnyBundle, Data, int], tuple[Part[Any], list[str]]]
    read_features: Callable[[Mapping[str, Any], Path, Mapping[str, Any]], Features]
    baselines: Mapping[str, BaselineKind]
    list_baselines: Callable[[Split[Any, Any], Say], list[Candidate]]
    score: Callable[[Answers, Part[Any], AnyBundle, Part[Any] | None], ClassScores | ForecastScores]
    score_intervals: Callable[[Answers, Part[Any], AnyBundle], IntervalScores]
    predict: Callable[..., Any]
    predict_file: Callable[[Trained, str | Path | IO[bytes], str, int], Iterator[Frame]]
    read_request: Callable[[AnyBundle, list[Any], int], Any]
    answer_request: Callable[[Trained, Any], list[Json]]
    read_example: Callable[[AnyBundle, Source], Any]
    explain: Callable[[Trained, Any, Options], Explanation]
    warm_up: Callable[[Trained], None]
    describe: Callable[[AnyBundle], Json]
    inspect: Callable[[Path, AnyRecipe, set[str]], Inspection]


def score_classes(answers: Answers, part: Part[Any], bundle: AnyBundle, reference: Part[Any] | None) -> ClassScores:
    """Scores of named classes, which need neither bounds nor training examples."""
    training = bundle.recipe.training
    scores: ClassScores = bundle.features.target.score(answers.outputs, part.targets, training.loss, training.seed)
    return scores


def score_no_intervals(answers: Answers, part: Part[Any], bundle: AnyBundle) -> IntervalScores:
    """Named classes have no intervals: a network with bounds for them cannot be made.

    Raises:
        ValueError: always.
    """
    raise ValueError("classes have no intervals")


def need_no_warm_up(trained: Trained) -> None:
    """The first answer costs no more than the others."""
