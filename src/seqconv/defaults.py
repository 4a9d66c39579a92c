"""The default networks, for as much data as there is. docs/log.md: how they were found."""

import math
from typing import Any

WIDTHS = (1, 2, 3)  # words that a filter sees
FEW, MANY = 20_000, 100_000  # texts up to which a network is small and no row can be spared, and a batch
SHORT = 60  # words of a text up to which pairs tell all that triples do
VOCABULARY = (2_000, 30_000)
WORD_SHARE = 5  # running words for each word of the vocabulary: short texts keep every word, long ones the frequent
BUCKETS = (2**12, 2**22)
TABLE = 2**25  # values of the n-gram table at most, all classes together
GAIN = 2.5  # steps of the bag against those of the filters
EPOCHS = (2, 10)
VISITS = 400_000  # examples that training sees in all its epochs, for as many epochs as are allowed

TAPS = 3  # of a dilated convolution
LINEAR = 16  # weighted sums over a whole window
SEQUENCE_TAPS, SEQUENCE_FILTERS = 9, 24
SEQUENCE_EPOCHS = (20, 400)
SEQUENCE_VISITS = 16_000  # sequences that training sees, in all its epochs
SERIES_EPOCHS = (10, 200)
SERIES_VISITS = 200_000  # windows that training sees, in all its epochs
SMALL_SERIES = 20_000  # windows up to which a forecasting network is small, and its steps, which are few, large


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
        "training.refit": texts <= FEW,
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


def default_series_settings(examples: int, length: int, columns: int) -> dict[str, Any]:
    """Settings of a series recipe by name, `section.key`: calendar, change, network and training.

    Three readings of a window side by side: its newest row, weighted sums of what came before less the newest row, and
    dilated convolutions of the same. The last layer starts at zero, that is at the naive forecast, and training ends
    where the validation rows say: a series that cannot be forecast better is not forecast worse.

    Args:
        examples: windows to train on.
        length: steps of a window.
        columns: of the series, the calendar not counted.

    Reference: van den Oord et al. 2016, arXiv:1609.03499; Bai et al. 2018, arXiv:1803.01271; Zeng et al. 2023,
    arXiv:2205.13504 (a linear layer on the window less its newest value).
    """
    filters, learning_rate = (16, 1e-3) if examples <= SMALL_SERIES else (32, 3e-4)
    epochs = min(max(SERIES_VISITS // max(examples, 1), SERIES_EPOCHS[0]), SERIES_EPOCHS[1])
    changes = {"layer": "subtract_last", "channels": columns}
    newest = {"layer": "last_step"}
    linear = [changes, {"layer": "conv", "filters": LINEAR, "kernel": length}, newest]
    branches = [[newest], linear, [changes, *_dilated(filters, length), newest]]
    return {
        "data.calendar": True,
        "windows.change": True,
        "network.layers": [
            {"layer": "concat", "branches": branches},
            {"layer": "dropout", "rate": 0.1},
            {"layer": "output", "zeros": True},
        ],
        "training.loss": "mae",
        "training.optimiser": "adam",
        "training.learning_rate": learning_rate,
        "training.batch_size": 64,
        "training.epochs": epochs,
        "training.patience": max(epochs // 5, 4),
        "training.averaging": 0.7,
        "training.interval": 0.8,
    }


def default_sequence_settings(examples: int, length: int) -> dict[str, Any]:
    """Settings of a sequence recipe by name, `section.key`: network and training, but not the loss.

    Two convolutions for every dilation that fits, side by side, the maximum and the mean of each over time, one linear
    layer: patterns of any width are met without much depth, which few examples do not bear.

    Args:
        examples: training sequences.
        length: steps of the longest.

    Reference: Dempster et al. 2020, arXiv:1910.13051 (random kernels of many dilations and two statistics of each).
    """
    kernel = min(SEQUENCE_TAPS, max(3, length // 3))
    pools = {"layer": "concat", "branches": [[{"layer": "global_max_pool"}], [{"layer": "global_average_pool"}]]}
    branches: list[list[dict[str, Any]]] = []
    dilation = 1
    while not branches or (kernel - 1) * dilation < length:
        taps = {"kernel": kernel, "dilation": dilation, "padding": "causal", "activation": "relu"}
        joint = {"kernel": 3, "padding": "causal", "activation": "relu"}
        convolutions = [{"layer": "conv", "filters": SEQUENCE_FILTERS, **each} for each in (taps, joint)]
        branches.append([*convolutions, pools])
        dilation *= 2
    epochs = min(max(SEQUENCE_VISITS // max(examples, 1), SEQUENCE_EPOCHS[0]), SEQUENCE_EPOCHS[1])
    return {
        "network.layers": [
            {"layer": "concat", "branches": branches},
            {"layer": "dropout", "rate": 0.5},
            {"layer": "output"},
        ],
        "training.optimiser": "adam",
        "training.learning_rate": 3e-3,
        "training.batch_size": 16,
        "training.epochs": epochs,
        "training.patience": 0,
        "training.averaging": 0.9,
        "training.refit": examples <= FEW,
    }


def _dilated(filters: int, length: int) -> list[dict[str, Any]]:
    """Residual blocks whose dilation doubles until the newest step sees the whole window."""
    blocks: list[dict[str, Any]] = []
    reach, dilation = 1, 1
    while not blocks or reach < length:
        causal = {"kernel": TAPS, "dilation": dilation, "padding": "causal", "activation": "relu"}
        layers = [
            {"layer": "conv", "filters": filters, **causal},
            {"layer": "dropout", "rate": 0.1},
            {"layer": "conv", "filters": filters, "kernel": 1},
        ]
        blocks.append({"layer": "residual", "layers": layers})
        reach, dilation = reach + (TAPS - 1) * dilation, 2 * dilation
    return [{"layer": "conv", "filters": filters, "kernel": 1}, *blocks]


def _round_power(value: float) -> int:
    """The power of two at or below."""
    return int(2 ** math.floor(math.log2(value)))
