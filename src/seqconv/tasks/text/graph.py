"""A text model as operators of ONNX: ids of words in, made by a tokenizer that is written next to it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqconv.errors import ConfigError
from seqconv.metrics.records import Json
from seqconv.networks.graphs.graph import Graph
from seqconv.networks.inputs import TokenInputs
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.graphs import draw_model, give_outcome, name_examples
from seqconv.tasks.outcomes import answer_outcomes, describe_outcome
from seqconv.tasks.task import Arrays, Drawn, Trial
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.machines import HASHED, describe_hashes
from seqconv.tasks.text.unicode import describe_form
from seqconv.tasks.text.vocabulary import SEPARATORS, SPECIAL, Vocabulary, pad, split
from seqconv.tasks.values import Number

TOKENIZER = ".tokenizer.json"
FORMAT = 1  # of the tokenizer
TEXTS = (  # of the tokenizer's test vectors
    "I DON'T like it.<br /><br />It's 'fine', 7/10",
    "",
    "\u041d\u0435 \u043f\u043b\u043e\u0445\u043e — L\u2019ÉTÉ à São Paulo 30°C",
    "cafe\u0301 \u0130zmir \uff13\uff24 映画とても良い 👍🏽👍 สวัสดี ΣΑΣ",
    "one  two\tthree\nfour five six seven eight nine ten",
)


class TextInputs(NamedTuple):
    """What the models of texts read, in a graph.

    Args:
        network: the last words of each text, padded in front, int64 `[B, L]`.
    """

    graph: Graph
    features: TextFeatures
    network: str
    base: None = None

    def read_hashed(self, name: str) -> tuple[str, str]:
        """The distinct hashed features of each text and how often each occurs, int64 `[B, F]`.

        Args:
            name: of the features, see `machines.HASHED`.
        """
        about = f"hashed {name} of each text, each once; -1 fills up"
        shape = ("batch", f"distinct_{name}")
        counts = self.graph.read(f"{name}_counts", np.int64, shape, f"how often each of `{name}` occurs")
        return self.graph.read(name, np.int64, shape, about), counts


def draw_texts(bundle: AnyBundle) -> Drawn:
    """A model of texts: `ids` in; probabilities, or a number and its bounds, out; with its tokenizer.

    Raises:
        ConfigError: columns next to the texts, or see `draw_model`.
    """
    features: TextFeatures = bundle.features
    if features.columns.slots:
        names = ", ".join(features.columns.names)
        raise ConfigError(
            f"export: must be a model of texts alone; it reads the columns {names} too. Train without --columns"
        )
    graph, length = Graph(), features.max_len
    ids = graph.read(
        "ids", np.int64, ("batch", "words"), f"ids of words, see the tokenizer; the last {length} are read"
    )
    padded = graph.reshape(graph.cut(graph.pad_front(ids, 2, 1, length), 1, -length), 0, length)
    give_outcome(bundle, graph, draw_model(bundle, TextInputs(graph, features, padded)))
    several = {"several_labels": features.target.several} if isinstance(features.target, ClassTarget) else {}
    about = {**describe_outcome(bundle), **several, "words_read": length}
    known = features.vocabulary
    read = [port.name for port in graph.inputs]
    return Drawn(graph, about, {} if known is None else {TOKENIZER: _describe_tokenizer(known, read)})


def _describe_tokenizer(vocabulary: Vocabulary, read: Sequence[str]) -> Json:
    """How texts become the inputs of a graph, with test vectors; docs/export.md describes each field."""
    found: Json = {
        "format": FORMAT,
        "special": dict(zip(("padding", "start", "unknown"), range(len(SPECIAL)), strict=True)),
        "form": describe_form(),
        "composed": vocabulary.normalised,
        "line_break": "<br ?/?>",
        "separators": [list(each) for each in SEPARATORS],
        "hashed": [name for name in HASHED if name in read],
        "hashes": describe_hashes(),
        "words": list(vocabulary.words),
    }
    return found | {"examples": [_make_example(vocabulary, text, found["hashed"]) for text in TEXTS]}


def _make_example(vocabulary: Vocabulary, text: str, hashed: Sequence[str]) -> Json:
    example: Json = {
        "text": text,
        "split": split(text, vocabulary.normalised),
        "ids": vocabulary.encode([text]).ids.tolist(),
    }
    for name in hashed:
        buckets, times, _ = HASHED[name].count([text], 1)
        example[name] = [[int(bucket), int(count)] for bucket, count in zip(buckets, times, strict=True)]
    return example


def try_texts(trained: Trained, inputs: TokenInputs | None) -> Trial:
    """Test texts, or made-up ones, as a graph reads them, and the model's answers."""
    features: TextFeatures = trained.bundle.features
    read = [port.name for port in draw_texts(trained.bundle).graph.inputs]
    if features.vocabulary is None or (inputs is not None and inputs.texts is None):
        ids = _make_ids(trained) if inputs is None else inputs.ids
        found, given = TokenInputs(ids), {"ids": ids.astype(np.int64)}
    else:
        texts = _make_texts(features.vocabulary) if inputs is None or inputs.texts is None else inputs.texts.tolist()
        found, given = features.read_texts(texts), _to_arrays(features.vocabulary, texts, read)
    answers = answer_outcomes(features.target, trained.model.predict(found))
    target = features.target
    named = {"probabilities": answers}
    if isinstance(target, Number):
        named = dict(zip(("prediction", *target.bounds), answers.T, strict=True))
    return Trial(given, named, name_examples(inputs, len(found)))


def _make_ids(trained: Trained) -> np.ndarray:
    rows = min((layer.rows for layer in trained.bundle.plan if hasattr(layer, "rows")), default=10)
    return np.random.default_rng(0).integers(0, rows, (16, trained.bundle.features.max_len), np.int32)


def _make_texts(vocabulary: Vocabulary) -> list[str]:
    random = np.random.default_rng(0)
    words = np.array([*vocabulary.words[:1000], "unheardof"])
    return [*TEXTS, *(" ".join(random.choice(words, size)) for size in random.integers(1, 60, 11))]


def _to_arrays(vocabulary: Vocabulary, texts: list[str], read: Sequence[str]) -> Arrays:
    """The inputs of a graph, by name."""
    encoded = vocabulary.encode(texts)
    found: Arrays = {"ids": pad(encoded, int(np.diff(encoded.offsets).max())).astype(np.int64)}
    for name in HASHED.keys() & set(read):
        buckets, times, offsets = HASHED[name].count(texts, 1)
        sizes = np.diff(offsets)
        filled = np.arange(max(int(sizes.max()), 1)) < sizes[:, None]
        for key, values, empty in ((name, buckets, -1), (f"{name}_counts", times, 0)):
            found[key] = np.full(filled.shape, empty, np.int64)
            found[key][filled] = values
    return found
