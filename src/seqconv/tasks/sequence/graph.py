"""A model of sequences as operators of ONNX: steps in the units of their channels."""

from typing import NamedTuple

import numpy as np

from seqconv.data.records import Sequences
from seqconv.networks.graphs.graph import Graph, integers
from seqconv.networks.inputs import WindowInputs
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.graphs import answer_outcome, draw_model, give_outcome, name_examples
from seqconv.tasks.outcomes import describe_outcome
from seqconv.tasks.sequence.features import SequenceFeatures, is_coarse
from seqconv.tasks.task import Drawn, Trial


class SequenceInputs(NamedTuple):
    """What the models of sequences read, in a graph.

    Args:
        network: scaled sequences, padded in front, with the mask channel if there is one, float32 `[B, L, C]`.
    """

    graph: Graph
    features: SequenceFeatures
    network: str
    base: None = None


def draw_sequences(bundle: AnyBundle) -> Drawn:
    """A model of sequences: `sequences` in; probabilities, or a number and its bounds, out.

    Raises:
        ConfigError: see `draw_model`.
    """
    features: SequenceFeatures = bundle.features
    graph = Graph()
    give_outcome(bundle, graph, draw_model(bundle, _read_sequences(graph, features)))
    about = {"channels": list(features.channels), **features.scaler.to_dict(), "steps_read": features.length}
    return Drawn(graph, {**describe_outcome(bundle), **about})


def _read_sequences(graph: Graph, features: SequenceFeatures) -> SequenceInputs:
    """Scaled as `SequenceFeatures.inputs` does it."""
    scaler, channels, length = features.scaler, len(features.channels), features.length
    about = f"sequences of as many steps each, of which the last {length} are read; NaN is missing"
    values = graph.read("sequences", np.float64, ("batch", "steps", channels), about)
    rounded = graph.cast(graph.cast(values, np.float32), np.float64)
    if (coarse := is_coarse(scaler)).any():
        rounded = graph.add("Where", coarse, values, rounded)
    scaled = graph.cast(graph.add("Div", graph.add("Sub", rounded, scaler.mean), scaler.std), np.float32)
    known = graph.add("Where", graph.add("IsNaN", scaled), np.float32(0), scaled)
    if features.masked:
        steps = graph.add("Slice", graph.add("Shape", known), integers(0), integers(2))
        real = graph.add("Expand", np.ones((1, 1, 1), np.float32), graph.join([steps, graph.constant(integers(1))], 0))
        known = graph.join([known, real], 2)
    padded = graph.cut(graph.pad_front(known, 3, 1, length), 1, -length)
    return SequenceInputs(graph, features, graph.reshape(padded, 0, length, channels + features.masked))


def try_sequences(trained: Trained, drawn: Drawn, inputs: WindowInputs | None) -> Trial:
    """Test sequences, or made-up ones, as a graph reads them, and the model's answers."""
    features: SequenceFeatures = trained.bundle.features
    channels = len(features.channels)
    if inputs is None:
        random = np.random.default_rng(0)
        values = features.scaler.make_rows(features.length) + features.scaler.std * random.normal(
            size=(16, features.length, channels)
        )
    else:
        scaled = inputs.gather(np.arange(len(inputs)))
        values = scaled[..., :channels].astype(np.float64) * features.scaler.std + features.scaler.mean
    values = values.astype(np.float32).astype(np.float64)
    offsets = np.arange(len(values) + 1) * features.length
    classes, source = features.classes, "the sequences"
    sequences = Sequences(
        values.reshape(-1, channels), offsets, np.zeros(0, np.int32), classes, features.channels, source
    )
    answers = answer_outcome(features.target, trained.model.predict(features.inputs(sequences)))
    return Trial({"sequences": values}, answers, name_examples(inputs, len(values)))
