"""What one asks of a model in JSON, and its answers: the part of a server that knows nothing of the web."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqconv.data.readers.jsonlines import name_kind, table_from_objects, unique
from seqconv.data.readers.zones import local_times
from seqconv.data.records import Sequences, Series
from seqconv.errors import BundleError, ConfigError, DataError, nearest
from seqconv.models.bundle import HEADER, Bundle, find_model
from seqconv.models.folders import RESULTS
from seqconv.models.predictor import Predictor
from seqconv.recipes.durations import show_duration
from seqconv.serving.files import MOST_SHARES, choose_classes, rows_from_table
from seqconv.tasks.explanation import describe_grid, describe_texts
from seqconv.tasks.sequence.explaining import explain_sequence
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.series.explaining import explain_series
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.text.explaining import explain_text
from seqconv.tasks.text.features import TextFeatures

Json = dict[str, Any]

PIECE = 256  # texts or sequences that are answered in one go


ASKED = {TextFeatures: "texts", SequenceFeatures: "sequences", SeriesFeatures: "rows"}  # what a request holds


OPTIONS = {TextFeatures: ("class",), SequenceFeatures: ("class",), SeriesFeatures: ("target", "lead")}  # to explain


FIRST, LAST = np.datetime64("0002-01-01"), np.datetime64("9998-01-01")  # times that the calendar knows, with leads


class MalformedError(DataError):
    """A request that is not JSON."""


def predict(predictor: Predictor, body: bytes) -> Iterator[list[Json]]:
    """Answers to a request, piece by piece, so that others may have their turn between them.

    Args:
        body: `{"texts": [...]}`, `{"sequences": [...]}` of lists of steps of channels, or `{"rows": [...]}`: the newest
            rows of a series as objects; null is a missing value.

    Yields:
        Of texts and sequences the class (several labels: a list) and the probabilities, as `predict_file` has them; of
        a series a forecast for each lead and target.

    Raises:
        MalformedError: not JSON.
        DataError: a request of another form, rows that a file could not have, or that are no whole window.
    """
    features = predictor.bundle.features
    asked = _take(features, _read_json(body))
    if isinstance(features, SeriesFeatures):
        yield _forecast(predictor, features, _take_window(predictor.bundle, features, asked))
        return
    for start in range(0, len(asked), PIECE):
        piece = asked[start : start + PIECE]
        if isinstance(features, TextFeatures):
            shares = predictor.predict([_check_text(text, number) for number, text in enumerate(piece, start + 1)])
        else:
            shares = predictor.classify(_to_sequences(features, piece, start + 1))
        yield _name_classes(features, shares)


def explain(predictor: Predictor, body: bytes) -> Json:
    """Why the model answers so to one text, one sequence or the newest rows, as `seqconv explain --json` tells it.

    Args:
        body: as for `predict`, with one text or sequence; `class`, or `target` and `lead`, choose what is explained.

    Raises:
        MalformedError, DataError: as for `predict`, or more than one text or sequence.
        ConfigError: no such class, target or lead.
    """
    features = predictor.bundle.features
    options = OPTIONS[type(features)]
    request = _read_json(body)
    asked = _take(features, request, options)
    chosen = {name: _check_option(name, request[name]) for name in options if name in request}
    try:
        if isinstance(features, SeriesFeatures):
            window = _take_window(predictor.bundle, features, asked)
            return describe_grid(explain_series(predictor, window, **chosen))
        if len(asked) > 1:
            raise DataError(f"{ASKED[type(features)]}: must hold one to explain; got {len(asked)}. Ask for each alone")
        if isinstance(features, TextFeatures):
            return describe_texts(explain_text(predictor, _check_text(asked[0], 1), chosen.get("class")))
        return describe_grid(explain_sequence(predictor, _to_sequences(features, asked, 1), chosen.get("class")))
    except ConfigError as error:
        raise ConfigError(str(error).removeprefix("--")) from error  # what is a flag elsewhere is a key here


def describe_model(predictor: Predictor, folder: Path) -> Json:
    """What a model takes and answers, and how well it did.

    Args:
        folder: that it was read from; scores are those of a run.

    Raises:
        BundleError: the scores of the run cannot be read.
    """
    recipe, features = predictor.bundle.recipe, predictor.bundle.features
    about: Json = {"name": recipe.name, "model": recipe.training.model, "task": recipe.task}
    about |= {"takes": ASKED[type(features)], **_describe(features)}
    if isinstance(features, SeriesFeatures) and features.margins:
        about["interval"] = recipe.training.interval
    form = json.loads((find_model(folder) / HEADER).read_text("utf-8"))["format"]
    return about | {"scores": _read_scores(folder), "format": form, "seqconv": metadata.version("seqconv")}


def _describe(features: TextFeatures | SequenceFeatures | SeriesFeatures) -> Json:
    if isinstance(features, TextFeatures):
        return {
            "classes": list(features.classes),
            "several_labels": features.multi_label,
            "words_read": features.max_len,
        }
    if isinstance(features, SequenceFeatures):
        return {
            "classes": list(features.classes),
            "channels": list(features.channels),
            "steps_read": features.length,
        }
    spec = features.spec
    return {
        "columns": list(features.columns),
        "targets": list(features.targets),
        "leads": [show_duration(lead * spec.interval_s) for lead in spec.leads],
        "rows_needed": spec.span,
        "rows_every": show_duration(spec.interval_s),
        "zone": features.zone or None,
    }


def _read_scores(folder: Path) -> Json | None:
    """Of the run; None where the folder is a model alone."""
    path = folder / RESULTS
    if not path.is_file():
        return None
    try:
        results = json.loads(path.read_text("utf-8"))
        return {name: results[name] for name in ("metric", "validation", "test", "verdict")}
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BundleError(f"{path}: must be as seqconv writes it; {error!r}. Train again") from error


# What is asked


def _read_json(body: bytes) -> Any:
    """JSON to the letter: UTF-8, no number beyond those that computers have, no key twice."""
    try:
        text = body.decode()
        found = _DECODER.decode(text)
        if re.search(r"\\u[dD]", text):
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise DataError("the request must hold whole characters; got a lone surrogate (half an emoji)") from error
    except RecursionError as error:
        raise MalformedError("the request must be JSON; it is nested too deeply") from error
    except ValueError as error:
        raise MalformedError(f"the request must be JSON; {error}") from error
    return found


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


def _take(features: TextFeatures | SequenceFeatures | SeriesFeatures, body: Any, options: tuple[str, ...] = ()) -> Any:
    """The list of what is asked, of a request that holds nothing else but `options`."""
    key = ASKED[type(features)]
    if not isinstance(body, dict):
        raise DataError(f'the request must be a JSON object like {{"{key}": [...]}}; got {name_kind(body)}')
    for name in body:
        if name not in (key, *options):
            raise DataError(f"unknown key {name[:40]!r} in the request. {nearest(name[:40], (key, *options))}")
    if key not in body:
        raise DataError(f'the request must be like {{"{key}": [...]}}; {key!r} is absent. Add it')
    if not isinstance(body[key], list) or not body[key]:
        got = "an empty one" if body[key] == [] else name_kind(body[key])
        raise DataError(f"{key}: must be a list with something in it; got {got}. Give at least one")
    return body[key]


def _check_option(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"{name}: must be a text; got {name_kind(value)}. Write it in quotes")
    return value


def _check_text(text: Any, number: int) -> str:
    if not isinstance(text, str):
        raise DataError(f"texts, item {number}: must be a text; got {name_kind(text)}. Write it in quotes")
    return text


def _to_sequences(features: SequenceFeatures, asked: list[Any], first: int) -> Sequences:
    """Sequences of a request, the first of them number `first` in it."""
    steps: list[list[float]] = []
    ends = [0]
    for number, sequence in enumerate(asked, start=first):
        if not isinstance(sequence, list) or not sequence:
            raise DataError(f"sequences, item {number}: must be a list of steps; got {_show(sequence)}. Give its steps")
        for place, step in enumerate(sequence, start=1):
            steps.append(_check_step(step, len(features.channels), f"sequences, item {number}, step {place}"))
        ends.append(len(steps))
    with np.errstate(over="ignore"):
        values = np.array(steps, np.float64).astype(np.float32)
    if np.isinf(values).any():
        step = int(np.argmax(np.isinf(values).any(axis=1)))
        number = int(np.searchsorted(ends, step, "right")) - 1
        where = f"sequences, item {first + number}, step {step - ends[number] + 1}"
        raise DataError(f"{where}: must hold numbers up to 3.4e38; got a larger one. Correct it")
    offsets = np.array(ends, np.int64)
    return Sequences(values, offsets, np.zeros(0, np.int32), features.classes, features.channels, "sequences")


def _check_step(step: Any, channels: int, where: str) -> list[float]:
    """A value for each channel, NaN where it is missing."""
    if not isinstance(step, list) or len(step) != channels:
        must = f"must be a list of {channels} channel{'s' if channels > 1 else ''}"
        raise DataError(f"{where}: {must}; got {_show(step)}. Give a value or null for each")
    for value in step:
        if value is not None and type(value) not in (int, float):
            raise DataError(f"{where}: must hold numbers or null; got {name_kind(value)}. Correct it")
    return [math.nan if value is None else value for value in step]


def _show(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else name_kind(value)


def _take_window(bundle: Bundle, features: SeriesFeatures, rows: list[Any]) -> Series:
    """The newest window of the rows, whole."""
    spec, needed = features.spec, features.spec.span
    apart = show_duration(spec.interval_s)
    if len(rows) < needed:
        raise DataError(f"rows: must hold the newest {needed}, {apart} apart; got {len(rows)}. Give more rows")
    series = rows_from_table(bundle, table_from_objects(rows, "rows"))
    if not FIRST < series.times[0] <= series.times[-1] < LAST:
        raise DataError(
            f"rows: times must be of the years 2 to 9997; got {series.times[0]} to {series.times[-1]}. Correct them"
        )
    window = replace(series, times=series.times[-needed:], values=series.values[-needed:])
    must = f"rows: the newest {needed} must"
    uneven = np.diff(window.times) != np.timedelta64(spec.interval_s, "s")
    if uneven.any():
        at = int(np.argmax(uneven))
        one, other = _show_times(window, window.times[at : at + 2])
        raise DataError(f"{must} be {apart} apart; after {one} comes {other}. Fill the hole or drop the repeated row")
    missing = np.isnan(window.values[:: spec.step])  # rows between the steps are not read
    if missing.any():
        row, column = (int(place[0]) for place in np.nonzero(missing))
        where = len(rows) - needed + row * spec.step + 1
        raise DataError(f"{must} hold every value; {features.columns[column]!r} of row {where} is missing. Fill it in")
    return window


# What is answered


def _name_classes(features: TextFeatures | SequenceFeatures, shares: np.ndarray) -> list[Json]:
    """The answer and each class's probability; of very many classes only that of the answer."""
    found = []
    for names, row in zip(choose_classes(features, shares), shares, strict=True):
        answer: Json = {"prediction": names if features.multi_label else names[0]}
        if len(features.classes) <= MOST_SHARES:
            answer["probabilities"] = dict(zip(features.classes, map(_number, row), strict=True))
        else:
            answer["probability"] = _number(row.max())
        found.append(answer)
    return found


def _forecast(predictor: Predictor, features: SeriesFeatures, window: Series) -> list[Json]:
    """The forecasts of one window, with the time that each is for: None where rows have no times of their own."""
    spec = features.spec
    names = ("prediction", "low", "high") if features.margins else ("prediction",)
    forecast = predictor.forecast_interval if features.margins else predictor.forecast
    values = np.reshape(forecast(window.values, window.times), (len(names), len(spec.delays), len(features.targets)))
    ahead = np.array(spec.leads) * np.timedelta64(spec.interval_s, "s")
    return [
        {"target": target, "lead": show_duration(lead * spec.interval_s), "time": time}
        | {name: _number(value) for name, value in zip(names, values[:, place, index], strict=True)}
        for place, (lead, time) in enumerate(
            zip(spec.leads, _show_times(window, window.times[-1] + ahead), strict=True)
        )
        for index, target in enumerate(features.targets)
    ]


def _number(value: np.floating[Any]) -> float | None:
    """What JSON can hold: null where a broken model answers with no number."""
    return float(value) if np.isfinite(value) else None


def _show_times(series: Series, stamps: np.ndarray) -> list[str | None]:
    """ISO 8601, as exact as the rows are: on the clock of their zone, in UTC, or as they are written."""
    if series.clock == "counted":
        return [None] * len(stamps)
    if series.clock == "local":
        return [str(stamp) for stamp in stamps]
    local = local_times(stamps, series.zone)
    return [f"{at}{_show_offset(int((at - stamp).astype(np.int64)))}" for at, stamp in zip(local, stamps, strict=True)]


def _show_offset(seconds: int) -> str:
    """From UTC, as `+02:00`."""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{rest // 60:02d}"
