"""Requests to a model and its responses, in JSON: the part of a server that knows nothing of the web."""

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from seqconv.data.documents import parse_document
from seqconv.data.readers.jsonlines import name_kind, unique
from seqconv.errors import DataError, MalformedError, nearest
from seqconv.metrics.records import Json
from seqconv.models.folders import HEADER, RESULTS
from seqconv.models.format import find_model
from seqconv.models.results import read_results
from seqconv.tasks.bundle import Listing, Trained
from seqconv.tasks.explanation import describe
from seqconv.tasks.kinds import find_task


class Question:
    """A request for predictions: its examples, and the answers to the first of them so far."""

    def __init__(self, trained: Trained, body: bytes) -> None:
        """Read it.

        Args:
            body: `{"texts": [...]}`, `{"sequences": [...]}` of lists of steps of channels, or `{"rows": [...]}`: the
                newest rows of a series as objects; null is a missing value. `top` with texts or sequences: how many of
                the most probable classes to list, instead of the probability of each.

        Raises:
            MalformedError: not JSON.
            DataError: a request of another form.
        """
        task = find_task(trained.bundle.recipe)
        request = _read_json(body)
        self.asked: list[Any] = _take(task.key, request, ("top",))
        self.top = _check_top(request["top"]) if "top" in request else 0
        self.piece = task.piece or len(self.asked)  # examples answered at a time, so that others have their turn
        self.answers: list[Json] = []

    @property
    def is_small(self) -> bool:
        """Whether it is answered at once, so that others can be answered with it."""
        return len(self.asked) <= self.piece

    @property
    def is_done(self) -> bool:
        """Whether all is answered."""
        return len(self.answers) == len(self.asked) or (self.is_small and bool(self.answers))


def no_watch(raw: Any) -> None:
    """What happens to examples that nobody watches."""


def answer_piece(trained: Trained, question: Question, watch: Callable[[Any], None] = no_watch) -> None:
    """Answer the next examples of a request: class (several labels: a list) and probabilities, as `predict_file` has
    them; of a series a forecast for each lead and target.

    Args:
        watch: sees the raw data.

    Raises:
        DataError: examples that a file could not have, or rows that are no whole window.
    """
    task, first = find_task(trained.bundle.recipe), len(question.answers)
    listing = Listing.of(trained, question.top)
    raw = task.read_request(trained.bundle, question.asked[first : first + question.piece], first + 1)
    watch(raw)
    question.answers += task.answer_request(listing, raw)


def answer_together(
    trained: Trained, questions: Sequence[Question], watch: Callable[[Any], None] = no_watch
) -> list[Exception | None]:
    """Answer several small requests in one batch; each has the answers, or the error, that it would have alone."""
    task = find_task(trained.bundle.recipe)
    found: list[Exception | None] = [None] * len(questions)
    if len(questions) > 1 and task.join is not None and not any(each.top for each in questions):
        with contextlib.suppress(Exception):  # whose request it was shows when each is answered alone
            raw = task.join([task.read_request(trained.bundle, each.asked, 1) for each in questions])
            answers = task.answer_request(trained, raw)
            watch(raw)
            for each in questions:
                count = len(each.asked)
                each.answers, answers = answers[:count], answers[count:]
            return found
    for place, each in enumerate(questions):
        try:
            answer_piece(trained, each, watch)
        except Exception as error:  # whose request it was is told
            found[place] = error
    return found


def predict(trained: Trained, body: bytes) -> Iterator[list[Json]]:
    """Answers to a request, piece by piece.

    Raises:
        MalformedError, DataError: see `Question` and `answer_piece`.
    """
    question, before = Question(trained, body), 0
    while not question.is_done:
        answer_piece(trained, question)
        yield question.answers[before:]
        before = len(question.answers)


def explain(trained: Trained, body: bytes) -> Json:
    """What made the model's answer to one text, one sequence or the newest rows, as `seqconv explain --json` prints it.

    Args:
        body: as for `predict`, with one text or sequence; `class`, or `target` and `lead`, choose what is explained.

    Raises:
        MalformedError, DataError: as for `predict`, or more than one text or sequence.
        ConfigError: no such class, target or lead.
    """
    bundle = trained.bundle
    task = find_task(bundle.recipe)
    request = _read_json(body)
    asked = _take(task.key, request, task.options)
    chosen = {name: _check_option(name, request[name]) for name in task.options if name in request}
    if task.piece and len(asked) > 1:
        raise DataError(f"{task.key}: must hold one to explain; got {len(asked)}. Ask for each alone")
    return describe(task.explain(trained, task.read_request(bundle, asked, 1), chosen))


def describe_model(trained: Trained, folder: Path) -> Json:
    """What a model takes and answers, and how well it did.

    Args:
        folder: that it was read from; scores are those of a run.

    Raises:
        BundleError: the scores of the run cannot be read.
    """
    bundle = trained.bundle
    recipe, task = bundle.recipe, find_task(bundle.recipe)
    about: Json = {"name": recipe.name, "model": recipe.training.model, "task": recipe.task}
    about |= {"takes": task.key, **task.describe(bundle)}
    form = json.loads((find_model(folder) / HEADER).read_text("utf-8"))["format"]
    return about | {"scores": _read_scores(folder), "format": form, "seqconv": metadata.version("seqconv")}


def _read_scores(folder: Path) -> Json | None:
    """Of the run; None where the folder is a model alone."""
    if not (folder / RESULTS).is_file():
        return None
    found = read_results(folder)
    return {"metric": found.metric, "validation": found.validation, "test": found.test, "verdict": found.verdict}


# What is asked


def _read_json(body: bytes) -> Any:
    """JSON to the letter: UTF-8, no number beyond those that computers have, no key twice."""
    if not body:
        raise MalformedError("the request must be JSON; it is empty. Send the JSON as its body")
    try:
        return parse_document(body.decode("utf-8-sig"), _DECODER)  # with or without a byte order mark
    except UnicodeEncodeError as error:
        raise DataError("the request must hold whole characters; got a lone surrogate (half an emoji)") from error
    except UnicodeDecodeError as error:
        byte = f"0x{body[error.start]:02x} at byte {error.start + 1}"
        raise MalformedError(f"the request must be UTF-8, as JSON is; got {byte}. Convert it") from error
    except ValueError as error:
        raise MalformedError(f"the request must be JSON; {error}") from error


def _read_number(text: str) -> float:
    if math.isinf(value := float(text)):
        _refuse(text)
    return value


def _read_whole(text: str) -> int:
    if len(text) > 300:  # beyond what a float holds
        _refuse(text)
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no finite number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=unique, parse_float=_read_number, parse_int=_read_whole, parse_constant=_refuse
)


def _take(key: str, body: Any, options: tuple[str, ...] = ()) -> Any:
    """The list under `key` of a request that holds nothing else but `options`."""
    if not isinstance(body, dict):
        raise DataError(f'the request must be a JSON object like {{"{key}": [...]}}; got {name_kind(body)}')
    for name in body:
        if name not in (key, *options):
            raise DataError(f"unknown key {name[:40]!r} in the request. {nearest(name[:40], (key, *options))}")
    if key not in body:
        raise DataError(f'the request must be like {{"{key}": [...]}}; {key!r} is absent. Add it')
    if not isinstance(body[key], list) or not body[key]:
        got = "an empty one" if body[key] == [] else name_kind(body[key])
        raise DataError(f"{key}: must be a non-empty list; got {got}. Give at least one")
    return body[key]


def _check_top(value: Any) -> int:
    if type(value) is float and value.is_integer():  # JSON has one kind of number
        value = int(value)
    if type(value) is not int or value < 1:
        got = value if isinstance(value, int | float) and not isinstance(value, bool) else name_kind(value)
        raise DataError(f"top: must be a whole number of at least 1; got {got}. Correct it")
    return value


def _check_option(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"{name}: must be a text; got {name_kind(value)}. Write it in quotes")
    return value
