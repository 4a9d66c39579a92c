"""A text model as operators of ONNX: ids of words in, made by a tokenizer that is written next to it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from seqconv.metrics.records import Json
from seqconv.networks.graphs.graph import Graph
from seqconv.networks.inputs import TokenInputs, hold_texts
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.graphs import answer_outcome, draw_model, give_outcome, name_examples
from seqconv.tasks.outcomes import describe_outcome
from seqconv.tasks.task import Arrays, Drawn, Trial
from seqconv.tasks.text.columns import NUMBER
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.machines import HASHED, describe_hashes
from seqconv.tasks.text.unicode import describe_form
from seqconv.tasks.text.vocabulary import SEPARATORS, SPECIAL, Vocabulary, pad, split

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
        network: the last words of each text, padded in front, then the tokens of columns, int64 `[B, L]`.
        columns: these tokens, int64 `[B, slots]`; empty: there are no such columns.
    """

    graph: Graph
    features: TextFeatures
    network: str
    columns: str = ""
    base: None = None

    def read_numbers(self) -> str:
        """The numbers of the columns, float32 `[B, numbers]`."""
        about = "numbers of columns in standard deviations, see the tokenizer"
        return self.graph.read("numbers", np.float32, ("batch", self.features.columns.numbers), about)

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
        ConfigError: see `draw_model`.
    """
    features: TextFeatures = bundle.features
    graph, length = Graph(), features.max_len
    about_ids = f"ids of words, see the tokenizer; the last {length} are read"
    ids = graph.read("ids", np.int64, ("batch", "words"), about_ids)
    padded = graph.reshape(graph.cut(graph.pad_front(ids, 2, 1, length), 1, -length), 0, length)
    columns = ""
    if slots := len(features.columns.read):
        columns = graph.read(
            "columns", np.int64, ("batch", slots), "a token for each slot of columns, see the tokenizer"
        )
        padded = graph.join([padded, columns], 1)
    give_outcome(bundle, graph, draw_model(bundle, TextInputs(graph, features, padded, columns)))
    several = {"several_labels": features.target.several} if isinstance(features.target, ClassTarget) else {}
    about = {**describe_outcome(bundle), **several, "words_read": length}
    read = [port.name for port in graph.inputs]
    return Drawn(graph, about, {} if features.vocabulary is None else {TOKENIZER: _describe_tokenizer(features, read)})


def _describe_tokenizer(features: TextFeatures, read: Sequence[str]) -> Json:
    """How texts become the inputs of a graph, with test vectors; docs/export.md describes each field."""
    vocabulary = features.words
    found: Json = {
        "format": FORMAT,
        "inputs": list(read),
        "special": dict(zip(("padding", "start", "unknown"), range(len(SPECIAL)), strict=True)),
        "form": describe_form(),
        "composed": vocabulary.normalised,
        "line_break": "<br ?/?>",
        "separators": [list(each) for each in SEPARATORS],
        "hashed": [name for name in HASHED if name in read],
        "hashes": describe_hashes(),
        "words": list(vocabulary.words),
        "columns": features.columns.describe(len(vocabulary)),
    }
    rows = _make_rows(features) if features.columns.read else []
    return found | {"examples": [_make_example(vocabulary, text, found["hashed"]) for text in TEXTS], "rows": rows}


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


ODD_CELLS = {NUMBER: ("-1,5", "1,234.5", "2e3"), "category": ("something else", " NA "), "time": ("2024-02-29 23:59",)}


def _make_rows(features: TextFeatures) -> list[Json]:
    """Cells of columns, usual, missing and odd, with their tokens and numbers."""
    columns = features.columns
    kinds = {slot.column: slot.kind for slot in reversed(columns.slots)}
    usual = {slot.column: slot.usual for slot in reversed(columns.slots)}
    rows: list[dict[str, str | None]] = [dict.fromkeys(kinds)]
    rows.append({name: None if cell is None else str(cell) for name, cell in usual.items()})
    for at in range(3):
        odd = {name: ODD_CELLS.get(kind, ("",)) for name, kind in kinds.items()}
        rows.append({name: cells[at % len(cells)] for name, cells in odd.items()})
    cells = {name: [row[name] for row in rows] for name in kinds}
    tokens, numbers = columns.to_tokens(cells) + len(features.words), columns.to_numbers(cells)
    found = zip(rows, tokens.tolist(), numbers.tolist(), strict=True)
    return [{"cells": row, "columns": own, "numbers": values} for row, own, values in found]


def try_texts(trained: Trained, drawn: Drawn, inputs: TokenInputs | None) -> Trial:
    """Test texts, or made-up ones, as a graph reads them, and the model's answers."""
    features: TextFeatures = trained.bundle.features
    read = [port.name for port in drawn.graph.inputs]
    if features.vocabulary is None or (inputs is not None and inputs.texts is None):
        ids = _make_ids(trained) if inputs is None else inputs.ids
        found, given = TokenInputs(ids), {"ids": ids.astype(np.int64)}
    else:
        found = _make_inputs(features) if inputs is None else inputs
        assert found.texts is not None
        given = _to_arrays(features.vocabulary, found.texts.tolist(), read)
        given |= {"columns": found.ids[:, found.ids.shape[1] - found.tokens :].astype(np.int64)}
        given |= {} if found.numbers is None else {"numbers": found.numbers}
    answers = answer_outcome(features.target, trained.model.predict(found))
    return Trial({name: given[name] for name in read}, answers, name_examples(inputs, len(found)))


def _make_inputs(features: TextFeatures) -> TokenInputs:
    """Made-up texts, with random tokens and numbers of columns."""
    texts, random = _make_texts(features.words), np.random.default_rng(0)
    found = TokenInputs(features.words.encode_padded(texts, features.max_len), hold_texts(texts))
    slots = features.columns.read
    if not slots:
        return found
    starts = len(features.words) + np.cumsum([0, *(slot.size for slot in slots)])[:-1]
    tokens = starts + np.stack([random.integers(0, slot.size, len(texts)) for slot in slots], axis=1)
    numbers = random.normal(size=(len(texts), features.columns.numbers)).astype(np.float32)
    ids = np.concatenate([found.ids, tokens.astype(np.int32)], axis=1)
    return replace(found, ids=ids, numbers=numbers, tokens=len(slots))


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
