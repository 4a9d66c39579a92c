"""Requests to a model and its responses, in JSON: the part of a server that knows nothing of the web."""

import json
import math
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from seqconv.data.readers.jsonlines import name_kind, unique
from seqconv.errors import DataError, MalformedError, nearest
from seqconv.metrics.records import Json
from seqconv.models.documents import parse_document
from seqconv.models.format import HEADER, find_model
from seqconv.models.results import RESULTS, read_results
from seqconv.tasks.bundle import Listing, Trained
from seqconv.tasks.explanation import describe
from seqconv.tasks.kinds import find_task


def predict(trained: Trained, body: bytes) -> Iterator[list[Json]]:
    """Answers to a request, piece by piece, so that others may have their turn between them.

    Args:
        body: `{"texts": [...]}`, `{"sequences": [...]}` of lists of steps of channels, or `{"rows": [...]}`: the newest
            rows of a series as objects; null is a missing value. `top` with texts or sequences: how many of the most
            probable classes to list, instead of the probability of each.

    Yields:
        Of texts and sequences the class (several labels: a list) and the probabilities, as `predict_file` has them; of
        a series a forecast for each lead and target.

    Raises:
        MalformedError: not JSON.
        DataError: a request of another form, rows that a file could not have, or that are no whole window.
    """
    bundle = trained.bundle
    task = find_task(bundle.recipe)
    request = _read_json(body)
    asked = _take(task.key, request, ("top",))
    trained = Listing.of(trained, _check_top(request["top"]) if "top" in request else 0)
    for start in range(0, len(asked), task.piece or len(asked)):
        piece = asked[start : start + (task.piece or len(asked))]
        yield task.answer_request(trained, task.read_request(bundle, piece, start + 1))


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
    if type(value) is not int or value < 1:
        got = value if isinstance(value, int | float) and not isinstance(value, bool) else name_kind(value)
        raise DataError(f"top: must be a whole number of at least 1; got {got}. Correct it")
    return value


def _check_option(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"{name}: must be a text; got {name_kind(value)}. Write it in quotes")
    return value
