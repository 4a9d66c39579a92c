"""Small models of each task: weights known by hand, or drawn and never trained."""

from dataclasses import replace

import numpy as np

from helpers.networks import random_weights
from seqconv.data.records import Series
from seqconv.models.predictor import Predictor
from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import Conv, Dense, Embed, GlobalMaxPool, Gru, LastStep, Relu, TokenConv
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.classes import Classes
from seqconv.tasks.labels import make_target
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.windows import WindowSpec
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import Vocabulary

WORDS = ("good", "bad", "not", "film")  # ids 3 to 6
HOUR = np.timedelta64(3600, "s")


def text_predictor(plan: Plan, weights=None, classes=("neg", "pos"), length=12, multi_label=False) -> Predictor:
    features = TextFeatures(make_target(tuple(classes), multi_label), Vocabulary(WORDS, normalised=True), length)
    recipe = read_recipe("demo-text", (f"text.max_len={length}",))
    bundle = Bundle(recipe, plan, weights or random_weights(plan, 3), (length,), features, "ab" * 32)
    return Predictor(bundle, threads=1)


def by_hand(length=12) -> Predictor:
    """Filter 0 is 1 at "not bad", filter 1 is 2 at a "good" behind anything; filter 2 is 4 at the start of a text."""
    table = np.zeros((7, 2, 3), np.float32)
    table[5, 0, 0] = table[4, 1, 0] = 1
    table[3, 1, 1] = 2
    table[1, 1, 2] = 4
    weights = {
        "0.table": table,
        "0.bias": np.array([-1, 0, 0], np.float32),
        "3.kernel": np.array([[3], [0.5], [0.25]], np.float32),
        "3.bias": np.array([-0.25], np.float32),
    }
    plan = (TokenConv(7, 3, 2), Relu(), GlobalMaxPool(), Dense(3, 1))
    return text_predictor(plan, weights, length=length)


GRU: Plan = (Embed(7, 4), Gru(4, 4), LastStep(), Dense(4, 1))
THREE: Plan = (Embed(7, 4), Conv(4, 8, 3), Relu(), GlobalMaxPool(), Dense(8, 3))


def series_predictor(change=False, calendar=()) -> Predictor:
    plan: Plan = (Conv(2 + 2 * len(calendar), 2, 36), LastStep())
    plan = (*plan, Dense(2, 2))
    scaler = Scaler(np.array([10.0, -3.0]), np.array([2.0, 5.0]))
    features = SeriesFeatures(("T", "p"), ("T",), scaler, WindowSpec(72, 2, (0, 4), 3600), calendar, change)
    shape = (36, 2 + 2 * len(calendar))
    windows = ("windows.lookback=72h", "windows.step=2h", 'windows.leads=["2h", "6h"]')
    own = (f"windows.change={str(change).lower()}", f"data.calendar={str(bool(calendar)).lower()}")
    recipe = read_recipe("demo-series", (*windows, *own, "training.model=network"))
    return Predictor(Bundle(recipe, plan, random_weights(plan, 5), shape, features, "cd" * 32), threads=1)


def hours(count=100, hole=None) -> Series:
    values = np.random.default_rng(2).normal([10, -3], [2, 5], (count, 2))
    times = np.datetime64("2016-12-01T00:00:00") + np.arange(count) * HOUR
    if hole is not None:
        values[hole, 1] = np.nan
    return Series(times, values, ("T", "p"), 3600, "weather.csv")


def sequence_predictor(masked: bool) -> Predictor:
    plan: Plan = (Conv(2 + masked, 1, 30), LastStep(), Dense(1, 1))
    features = SequenceFeatures(
        Classes(("a", "b")), ("x", "y"), Scaler(np.array([1.0, 2.0]), np.array([1.0, 4.0])), 30, masked
    )
    recipe = read_recipe("ucr")
    recipe = replace(recipe, training=replace(recipe.training, loss="binary_crossentropy"))
    shape = (30, 2 + masked)
    return Predictor(Bundle(recipe, plan, random_weights(plan, 4), shape, features, "ef" * 32), threads=1)
