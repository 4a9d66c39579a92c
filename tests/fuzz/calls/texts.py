"""Words, ids and n-grams of texts."""

from functools import partial

import numpy as np

from fuzz.calls.draw import Call, Draw
from seqconv import _native
from seqconv.tasks.text.vocabulary import SEPARATORS


def ngram_features(draw: Draw) -> Call:
    b, n, words = draw.sizes(3)
    numbers = {"words": max(1, min(words, 2**20)), "buckets": 7, "longest": draw.chance.choice((1, 2, 5))}
    return _native.ngram_features, {"ids": draw.ints(words, b, n), **numbers, "threads": draw.threads()}


def features_of(draw: Draw) -> tuple[int, int, int, np.ndarray, np.ndarray]:
    """Texts, height and outputs of a table, rows and offsets."""
    texts, height, outputs = draw.sizes(3)
    counts = draw.ints(4 if height else 1, texts, kind=np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    return texts, height, outputs, draw.ints(height, int(offsets[-1])), offsets


def ngram_forward(draw: Draw) -> Call:
    texts, height, outputs, rows, offsets = features_of(draw)
    table = {"table": draw.floats(height, outputs), "scale": draw.floats(height, outputs), "gain": 1.0}
    made = {"y": draw.floats(texts, outputs), "factors": draw.floats(texts, outputs)}
    return _native.ngram_forward, {"rows": rows, "offsets": offsets, **table, **made, "threads": draw.threads()}


def ngram_backward(draw: Draw) -> Call:
    texts, height, outputs, rows, offsets = features_of(draw)
    own = {"factors": draw.floats(texts, outputs), "dy": draw.floats(texts, outputs)}
    return _native.ngram_backward, {"rows": rows, "offsets": offsets, "scale": draw.floats(height, outputs), **own}


TEXTS = ["a good film", "", "Ünïcode words,  and more", "x" * 300, "a a a a", "1 2 3 !!", "\0 null", "漢字 and こと"]


def texts_of(draw: Draw) -> list[str]:
    return [draw.chance.choice(TEXTS) for _ in range(draw.chance.choice((0, 1, 2, 9)))]


def words_of() -> "_native.WordIds":
    return _native.WordIds(_native.Separators(SEPARATORS), ["a", "film", "good", "words"])


def pad(draw: Draw) -> Call:
    texts, length = draw.sizes(2)
    counts = draw.ints(5, texts, kind=np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    return _native.pad, {"ids": draw.ints(9, int(offsets[-1])), "offsets": offsets, "length": length}


def whole_words(draw: Draw, method: str) -> Call:
    values: dict[str, object] = {"texts": texts_of(draw), "threads": draw.threads()}
    if method == "fit":
        return _native.Separators(SEPARATORS).fit, {**values, "size": draw.chance.choice((4, 5, 100))}
    if method == "encode_padded":
        values["length"] = draw.chance.choice((1, 3, 40))
    return getattr(words_of(), method), values


def whole_counts(draw: Draw, longest: int) -> Call:
    values: dict[str, object] = {
        "texts": texts_of(draw),
        "bits": draw.chance.choice((1, 8, 22)),
        "threads": draw.threads(),
    }
    if longest:
        return _native.character_counts, {**values, "longest": longest}
    return _native.Separators(SEPARATORS).count, values


def sparse_rows(draw: Draw) -> tuple[int, int, int, dict[str, np.ndarray]]:
    """Rows, columns and outputs, and the arrays of the rows."""
    texts, height, outputs, columns, offsets = features_of(draw)
    return texts, height, outputs, {"columns": columns, "values": draw.floats(len(columns)), "offsets": offsets}


def sparse_product(draw: Draw) -> Call:
    texts, height, outputs, rows = sparse_rows(draw)
    made = {"weights": draw.floats(height, outputs), "y": draw.floats(texts, outputs)}
    return _native.sparse_product, {**rows, **made, "threads": draw.threads()}


def linear_machines(draw: Draw) -> Call:
    texts, height, outputs, rows = sparse_rows(draw)
    costs = np.abs(draw.floats(draw.chance.choice((1, outputs)), texts))
    settings = {"tolerance": 0.1, "passes": draw.chance.choice((1, 20)), "seed": 0}
    made = {"weights": draw.floats(height, outputs), "bias": draw.floats(outputs)}
    members = {"members": draw.ints(2, outputs, texts, kind=np.uint8), "costs": costs}
    return _native.linear_machines, {**rows, **members, **settings, **made, "threads": draw.threads()}


def linear_regressions(draw: Draw) -> Call:
    _, values = linear_machines(draw)
    members = values.pop("members")
    return _native.linear_regressions, {**values, "targets": draw.floats(*np.shape(members))}


def count_padding(draw: Draw) -> Call:
    return _native.count_padding, {"ids": draw.ints(2, *draw.sizes(2))}


def make_separators(draw: Draw) -> Call:
    return _native.Separators, {"ranges": SEPARATORS}


def make_words(draw: Draw) -> Call:
    words = draw.chance.choice(([], ["a"], ["a", "film", "é" * 90]))
    return _native.WordIds, {"separators": _native.Separators(SEPARATORS), "words": words}


CALLS = {
    "ngram_features": ngram_features,
    "ngram_forward": ngram_forward,
    "ngram_backward": ngram_backward,
    "pad": pad,
    "count_padding": count_padding,
    "Separators.__init__": make_separators,
    "Separators.fit": partial(whole_words, method="fit"),
    "Separators.count": partial(whole_counts, longest=0),
    "character_counts": partial(whole_counts, longest=5),
    "sparse_product": sparse_product,
    "linear_machines": linear_machines,
    "linear_regressions": linear_regressions,
    "WordIds.__init__": make_words,
    "WordIds.encode": partial(whole_words, method="encode"),
    "WordIds.encode_padded": partial(whole_words, method="encode_padded"),
}
