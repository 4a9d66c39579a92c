"""The default network for labelled texts, for as many and as long ones as there are. docs/log.md: how it was found."""

import math
from typing import Any

WIDTHS = (1, 2, 3)  # words that a filter sees
FEW, MANY = 20_000, 100_000  # texts up to which a network is small, and a batch
SHORT = 60  # words of a text up to which pairs tell all that triples do
VOCABULARY = (2_000, 30_000)
WORD_SHARE = 5  # running words for each word of the vocabulary: short texts keep every word, long ones the frequent
BUCKETS = (2**12, 2**22)
TABLE = 2**25  # values of the n-gram table at most, all classes together
GAIN = 2.5  # steps of the bag against those of the filters
EPOCHS = (2, 10)
VISITS = 400_000  # examples that training sees in all its epochs, for as many epochs as are allowed


def default_text_settings(texts: int, words: float, outputs: int) -> dict[str, Any]:
    """Settings of a text recipe by name, `section.key`: features, network and training, but not the loss.

    Filters on words, pairs and triples beside a bag of n-grams, trained with Adagrad. The filters generalise, the bag
    remembers; both read the ids themselves, so that a step costs little and padding nothing.

    Args:
        texts: number of training texts.
        words: of a typical text.
        outputs: values that the network returns.

    Reference: Johnson and Zhang 2015, arXiv:1412.1058; Wang and Manning 2012, "Baselines and bigrams", ACL; Cheng et
    al. 2016, arXiv:1606.07792 (a linear path beside a deep one).
    """
    filters = 64 if texts <= FEW else 128
    longest = 2 if words <= SHORT else 3
    running = texts * words
    buckets = _round_power(min(max(2 * running * (longest - 1), BUCKETS[0]), BUCKETS[1], TABLE / outputs))
    bag = {"layer": "ngram_bag", "longest": longest, "buckets": buckets, "gain": GAIN}
    return {
        "text.vocabulary": round(min(max(running / WORD_SHARE, VOCABULARY[0]), VOCABULARY[1])),
        "network.layers": [{"layer": "add", "branches": [_filters(filters), [bag]]}],
        "training.optimiser": "adagrad",
        "training.learning_rate": 0.05,
        "training.batch_size": 50 if texts <= MANY else 128,
        "training.epochs": min(max(VISITS // max(texts, 1), EPOCHS[0]), EPOCHS[1]),
        "training.patience": 0,
    }


def _filters(count: int) -> list[dict[str, Any]]:
    """Filters of every width side by side, `count` of each, and a linear layer on their maxima."""
    towers = [
        [
            {"layer": "token_conv", "filters": count, "kernel": kernel, "activation": "relu"},
            {"layer": "global_max_pool"},
        ]
        for kernel in WIDTHS
    ]
    return [{"layer": "concat", "branches": towers}, {"layer": "dropout", "rate": 0.5}, {"layer": "output"}]


def _round_power(value: float) -> int:
    """The power of two at or below."""
    return int(2 ** math.floor(math.log2(value)))
