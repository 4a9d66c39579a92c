"""Keras on the backend in the peer's name: `keras-tensorflow` or `keras-jax`."""

import os
import random
import sys
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = sys.argv[2].removeprefix("keras-")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from arrays import count_words, encode_words, make_series, read_examples, read_texts, split_words
from works import BATCH, CHANNELS, DELAY, LENGTH, LOOKBACK, PLANS, SEED, STEP, THREADS, TRAINING_ROWS, Work

from peers.keras_network import build_model
from peers.worker import Turn, repeat_predictions, repeat_training, serve
from seqconv.networks.plan import initial_weights


def build(work: Work, peer: str) -> Turn:
    """The work as a Keras user would do it, by the fastest of Keras's own calls."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(THREADS)
        tensorflow.config.threading.set_inter_op_parallelism_threads(THREADS)
    plan = PLANS[work.plan]
    shape = (LENGTH,) if work.plan.startswith("imdb") else (LOOKBACK // STEP, CHANNELS)
    model = build_model(plan, shape, initial_weights(plan, SEED))
    if work.kind.startswith("train"):
        loss = keras.losses.BinaryCrossentropy(from_logits=True) if work.loss == "binary_crossentropy" else "mae"
        model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss=loss)
    if work.kind == "predict-one":
        return predict_texts(model)
    if work.kind == "train-book":
        return train_as_printed(model)
    inputs, targets = read_examples(work)
    if work.kind == "predict":
        return repeat_predictions(model.predict_on_batch, inputs, work.slices)
    return repeat_training(lambda x, y: float(model.train_on_batch(x, y)), inputs, targets)


def train_as_printed(model: keras.Model) -> Turn:
    """Training steps on the batches of the book's generator."""
    batches = generate_batches(make_series())

    def turn(count: int) -> float:
        losses = [float(model.train_on_batch(*next(batches))) for _ in range(count)]
        return losses[0]

    return turn


def generate_batches(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Random batches, an example at a time in a Python loop: the way of the book's generator."""
    draw = np.random.default_rng(SEED)
    while True:
        rows = draw.integers(LOOKBACK, TRAINING_ROWS - DELAY, BATCH)
        samples = np.zeros((BATCH, LOOKBACK // STEP, values.shape[1]))
        targets = np.zeros((BATCH,))
        for place, row in enumerate(rows):
            samples[place] = values[range(row - LOOKBACK, row, STEP)]
            targets[place] = values[row + DELAY][1]
        yield samples, targets


def predict_texts(model: keras.Model) -> Turn:
    """One raw review after the other, through `predict`."""
    texts, _ = read_texts()
    ids = count_words([split_words(text) for text in texts])
    random.Random(SEED).shuffle(texts)

    def turn(count: int) -> float:
        for _ in range(count):
            text = texts.pop()
            answer = model.predict(encode_words([split_words(text)], ids), verbose=0)
        return float(answer[0, 0])

    return turn


serve(build)
