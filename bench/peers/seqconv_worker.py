"""seqconv's native engine, through the faces that the package itself uses."""

import random
from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np
from arrays import IdInputs, Inputs, draw_batches, read_examples, read_texts
from works import LENGTH, PLANS, SEED, THREADS, VOCABULARY, Work

from peers.worker import Turn, serve
from seqconv.models.predictor import Predictor
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.base import Plan
from seqconv.networks.network import Network
from seqconv.networks.plan import initial_weights
from seqconv.recipes.recipe import read_recipe
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.classes import Classes
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import Vocabulary, pad


def make_network(plan: Plan, loss: str, threads: int = THREADS) -> Network:
    """A network of ours with the weights that every peer starts from."""
    return create_network("native", plan, initial_weights(plan, SEED), TrainingConfig(loss=loss), threads)


def own_inputs(inputs: Inputs) -> TokenInputs | WindowInputs:
    """The same arrays as the engine takes them."""
    return TokenInputs(inputs.ids) if isinstance(inputs, IdInputs) else inputs


def repeat_training(
    network: Network, inputs: TokenInputs | WindowInputs, targets: np.ndarray, batches: Iterator[np.ndarray]
) -> Turn:
    """Training steps: gathering, masks, both passes and the optimiser."""
    masks = DropoutMasks(network.plan, inputs.shape, np.random.default_rng(SEED), network.threads)

    def turn(count: int) -> float:
        steps = network.train_batches(inputs, targets, islice(batches, count), masks.draw)
        losses = [step.loss for step in steps]
        return losses[0]

    return turn


def repeat_predictions(network: Network, inputs: TokenInputs | WindowInputs) -> Turn:
    """All examples, once a count; new weights each time, so that nothing derived from them is left over."""
    weights = network.weights()

    def turn(count: int) -> float:
        for _ in range(count):
            network.set_weights(weights)
            outputs = network.predict(inputs)
        return float(outputs[0, 0])

    return turn


def predict_texts() -> Turn:
    """One raw review after the other, through the predictor that `seqconv.load` gives."""
    texts, _ = read_texts()
    vocabulary = Vocabulary.fit(texts, VOCABULARY)
    plan = PLANS["imdb-conv1d"]
    features = TextFeatures(Classes(("neg", "pos")), vocabulary, LENGTH)
    recipe = read_recipe("imdb-conv1d")
    predictor = Predictor(Bundle(recipe, plan, initial_weights(plan, SEED), (LENGTH,), features, ""), threads=THREADS)
    random.Random(SEED).shuffle(texts)
    reviews = cycle(texts)  # another each time, so that nothing of the last one is left in the caches

    def turn(count: int) -> float:
        for text in islice(reviews, count):
            answer = predictor.predict([text])
        return float(answer[0, 1])

    return turn


def encode_texts() -> Turn:
    """All reviews, once a count."""
    texts, _ = read_texts()

    def turn(count: int) -> float:
        for _ in range(count):
            _, encoded = Vocabulary.fit_encode(texts, VOCABULARY, THREADS)
            ids = pad(encoded, LENGTH)
        return float(ids[0, -1])

    return turn


def build(work: Work, peer: str) -> Turn:
    """Our way to do each kind of work."""
    if work.kind == "predict-one":
        return predict_texts()
    if work.kind == "tokenise":
        return encode_texts()
    network = make_network(PLANS[work.plan], work.loss)
    inputs, targets = read_examples(work)
    if work.kind == "predict":
        return repeat_predictions(network, own_inputs(inputs))
    return repeat_training(network, own_inputs(inputs), targets, draw_batches(len(inputs)))


if __name__ == "__main__":
    serve(build)
