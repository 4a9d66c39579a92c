"""Answers along a stream are those for the whole window, and a stream goes on from its state to the bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.networks import random_weights
from helpers.predictors import GRU, HOUR, THREE, hours, sequence_predictor, series_predictor, text_predictor
from helpers.tasks import TABLE
from seqconv.data.records import Sequences
from seqconv.errors import ConfigError, DataError
from seqconv.models.predictor import Predictor, load
from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import AveragePool, Conv, Dense, GlobalMaxPool, Lstm, MaxPool, Relu
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.streaming import read_state
from seqconv.training import run as runs
from seqconv.training.folder import Options

SAID = "not good film , bad GOOD don't film not not bad good film good bad Ärger"
TEXT = SAID.split()


@pytest.mark.parametrize("plan", [GRU, THREE])
def test_each_word_is_answered_as_the_text_so_far(plan):
    classes = ("neg", "pos") if plan is GRU else ("a", "b", "c")
    model = text_predictor(plan, classes=classes, length=8)
    stream = model.stream()
    for end in range(len(TEXT)):
        whole = model.predict([" ".join(TEXT[: end + 1])])[0]
        np.testing.assert_array_equal(stream.push(TEXT[end]), whole)


def test_a_piece_may_hold_several_words_or_none_and_a_restart_forgets_them():
    model = text_predictor(GRU)
    stream = model.stream()
    stream.push("not good")
    np.testing.assert_array_equal(stream.push("film, bad"), model.predict(["not good film, bad"])[0])
    np.testing.assert_array_equal(stream.push(" ,"), model.predict(["not good film, bad"])[0])
    stream.restart()
    np.testing.assert_array_equal(stream.push("film"), model.predict(["film"])[0])


def join(steps: np.ndarray) -> Sequences:
    return Sequences(steps, np.array([0, len(steps)]), np.zeros(0, np.int32), (), ("x", "y"), "made")


@pytest.mark.parametrize("masked", [False, True])
def test_each_step_is_answered_as_the_sequence_so_far(masked):
    model = sequence_predictor(masked)
    steps = np.random.default_rng(0).normal(1, 2, (50, 2))  # the model reads the last 30
    steps[20, 1] = np.nan
    stream = model.stream()
    for end in range(50):
        whole = model.classify(join(steps[: end + 1]))[0]
        np.testing.assert_array_equal(stream.push(steps[end]), whole)


def with_plan(model: Predictor, plan: Plan) -> Predictor:
    return Predictor(replace(model.bundle, plan=plan, weights=random_weights(plan, 9)), threads=1)


POOLED: Plan = (Conv(2, 4, 3, padding="causal"), Relu(), MaxPool(2), Conv(4, 4, 3), GlobalMaxPool(), Dense(4, 2))
RECURRENT: Plan = (Conv(2, 4, 3), AveragePool(2), Lstm(4, 3), Conv(3, 4, 2), GlobalMaxPool(), Dense(4, 2))


@pytest.mark.parametrize("plan", [None, POOLED, RECURRENT])
def test_each_row_is_answered_as_in_the_whole_series(plan):
    model = series_predictor() if plan is None else with_plan(series_predictor(), plan)
    series = hours(200, hole=100)  # windows of 36 steps, two rows apart: 71 rows
    stream = model.stream()
    found = np.stack([stream.push(*pair) for pair in zip(series.values, series.times, strict=True)])
    assert np.isnan(found[:70]).all()
    np.testing.assert_allclose(found[70:, 0], model.forecast(series.values, series.times), rtol=1e-5, atol=1e-6)
    # window by window, as each is answered alone, no bit differs
    for end in (71, 120, 200):
        alone = model.forecast(series.values[end - 71 : end], series.times[end - 71 : end])[-1]
        np.testing.assert_array_equal(found[end - 1, 0], alone)


def test_what_the_calendar_says_and_a_missing_hour_count_as_in_a_file():
    model = series_predictor(calendar=("day",))
    series = hours(160)
    kept = np.delete(np.arange(160), 90)
    stream = model.stream()
    found = np.stack([stream.push(series.values[row], series.times[row]) for row in kept])
    whole = model.forecast(series.values[kept], series.times[kept])
    np.testing.assert_allclose(found[70:, 0], whole, rtol=1e-5, atol=1e-6)
    assert np.isnan(found[90:160, 0]).all(axis=(1, 2)).sum() == 69  # windows across the hole: to row 160
    with pytest.raises(DataError, match="calendar"):
        model.stream().push(series.values[0])


def test_a_stream_that_ends_goes_on_from_its_file_with_the_same_bits(tmp_path):
    series = hours(120)
    pushes: dict[str, tuple[Predictor, list[tuple[Any, ...]]]] = {
        "text": (text_predictor(GRU, length=6), [(word,) for word in TEXT]),
        "sequence": (sequence_predictor(True), [(row,) for row in series.values]),
        "series": (series_predictor(), list(zip(series.values, series.times, strict=True))),
    }
    for name, (model, items) in pushes.items():
        through = model.stream()
        wanted = [through.push(*item) for item in items]
        cut = len(items) - 5
        first = model.stream()
        for item in items[:cut]:
            first.push(*item)
        first.write(tmp_path / name)
        second = model.stream(tmp_path / name)
        for item, answer in zip(items[cut:], wanted[cut:], strict=True):
            np.testing.assert_array_equal(second.push(*item), answer)
        assert [path.name for path in tmp_path.glob(f"{name}*")] == [name]


def test_a_state_of_another_model_or_of_none_is_refused(tmp_path):
    text = text_predictor(GRU)
    stream = text.stream()
    stream.push("not good")
    state = dict(stream.state())
    with pytest.raises(DataError, match="another model"):
        sequence_predictor(True).stream(state)
    for broken in ({"ids": np.array([1, 99])}, {"ids": np.arange(1, 50)}, {"ids": np.ones(2)}, {"ids": None}):
        with pytest.raises(DataError, match="state: must be one that a stream of this model gave"):
            text.stream(state | broken)
    (tmp_path / "notes.txt").write_text("no arrays")
    for path in (tmp_path / "notes.txt", tmp_path / "absent.npz"):
        with pytest.raises(DataError, match="must be the state of a stream"):
            text.stream(path)
    np.save(tmp_path / "pickled.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match="must be the state of a stream"):
        read_state(tmp_path / "pickled.npy")


def test_what_is_refused_leaves_the_stream_as_it_was():
    series, model = hours(90), series_predictor()
    stream = model.stream()
    for pair in zip(series.values[:80], series.times[:80], strict=True):
        stream.push(*pair)
    before = stream.state()
    for item, match in (
        ((series.values[80], series.times[3]), "run backwards"),
        (([1.0], series.times[80]), "2 columns"),
        (([1e300, 0.0], series.times[80]), "like those of training"),
    ):
        with pytest.raises(DataError, match=match):
            stream.push(*item)
    for name, array in stream.state().items():
        np.testing.assert_array_equal(array, before[name])
    steps = sequence_predictor(False).stream()
    for item, match in (([1.0], "2 channels"), ((1.0, "x"), "numbers"), ((1.0, 1e39), "3.4e38"), (3, "numbers")):
        with pytest.raises(DataError, match=match):
            steps.push(item)


@pytest.mark.parametrize("name", TABLE)
def test_every_kind_of_model_answers_along_a_stream_or_says_why_not(tmp_path, name):
    """Each baseline that is fitted: equal to the answer for the whole window, or refused in one line."""
    file = TABLE[name].write(tmp_path)
    suggested = suggest_recipe(str(file), [*TABLE[name].settings, "training.epochs=1"])
    kinds = {"text": ("majority", "nb-svm", "words", "characters"), "series": ("naive", "ridge"), "panel": ("naive",)}
    for kind in kinds.get(name, ("majority", "dtw", "minirocket")):
        recipe = replace(suggested.recipe, training=replace(suggested.recipe.training, model=kind))
        runs.train(recipe, Options(out=tmp_path / kind, baselines=False), data=suggested.data)
        model = load(tmp_path / kind, threads=1)
        if kind in ("words", "characters") or name == "panel":
            with pytest.raises(ConfigError, match="so it cannot answer along a stream"):
                model.stream()
            continue
        stream = model.stream()
        if name == "text":
            found = [stream.push(word) for word in ["a", "good", "film"]][-1]
            np.testing.assert_array_equal(found, model.predict(["a good film"])[0])
        elif name == "sequence":
            steps = np.sin(np.arange(30.0) / 2)[:, None]
            found = [stream.push(step) for step in steps][-1]
            whole = Sequences(steps, np.array([0, 30]), np.zeros(0, np.int32), (), ("x",), "made")
            np.testing.assert_array_equal(found, model.classify(whole)[0])
        else:
            values = np.sin(np.arange(60.0))[:, None] + np.arange(len(model.bundle.features.columns))
            times = np.datetime64("2024-01-01T00", "s") + np.arange(60) * HOUR
            found = [stream.push(*pair) for pair in zip(values, times, strict=True)][-1]
            np.testing.assert_allclose(found[0], model.forecast(values, times)[-1], rtol=1e-6)


def test_the_window_is_all_that_a_stream_keeps():
    stream = series_predictor().stream()
    series = hours(500)
    sizes = []
    for row in series.values:
        stream.push(row)
        sizes.append(sum(array.nbytes for array in stream.state().values()))
    assert sizes[100] == sizes[-1] < 2_000


def test_a_path_of_any_kind_names_a_state(tmp_path):
    stream = text_predictor(GRU).stream()
    stream.write(Path(tmp_path) / "s.npz")
    assert set(read_state(str(tmp_path / "s.npz"))) == {"model", "ids"}
