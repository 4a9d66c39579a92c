"""Raw reviews to padded ids: Python's `re` and Counter, the tokenizers library, scikit-learn's CountVectorizer."""

import os

os.environ["TOKENIZERS_PARALLELISM"] = "true"

import numpy as np
from arrays import count_words, encode_words, read_texts, split_words
from works import LENGTH, VOCABULARY, Work

from peers.worker import Turn, serve


def encode_in_python(texts: list[str]) -> np.ndarray:
    """Split with `re`, count with Counter, look up in a dict."""
    words = [split_words(text) for text in texts]
    return encode_words(words, count_words(words))


def encode_with_tokenizers(texts: list[str]) -> np.ndarray:
    """Train a word-level tokenizer, then encode, truncate and pad with it."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token="<unknown>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace("<br />", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<padding>", "<start>", "<unknown>"]
    trainer = trainers.WordLevelTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.enable_truncation(LENGTH, direction="left")
    tokenizer.enable_padding(direction="left", length=LENGTH, pad_id=0, pad_token="<padding>")
    return np.asarray([found.ids for found in tokenizer.encode_batch_fast(texts)], np.int32)


def count_with_sklearn(texts: list[str]) -> np.ndarray:
    """Bags of words: no order, so less than the others do."""
    from sklearn.feature_extraction.text import CountVectorizer

    return np.asarray(CountVectorizer(max_features=VOCABULARY).fit_transform(texts).sum(axis=1))


ENCODERS = {"python-re": encode_in_python, "tokenizers": encode_with_tokenizers, "scikit-learn": count_with_sklearn}


def build(work: Work, peer: str) -> Turn:
    """All reviews, once a count."""
    texts, _ = read_texts()

    def turn(count: int) -> float:
        last = [float(ENCODERS[peer](texts)[0, -1]) for _ in range(count)]
        return last[0]

    return turn


serve(build)
