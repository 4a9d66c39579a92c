"""Settings of a text recipe inferred from the data, and the default network."""

import math
from typing import Any

import numpy as np

from seqconv.data.records import EncodedTexts, TextData, Texts
from seqconv.networks.losses import CLASS_LOSSES
from seqconv.recipes.recipe import Guesses, TextRecipe
from seqconv.recipes.sections import BLEND
from seqconv.tasks.completion import FEW, MANY
from seqconv.tasks.labels import guess_loss, make_target
from seqconv.tasks.outcomes import COVERAGE
from seqconv.tasks.outcomes import NOTE as COVERAGE_NOTE
from seqconv.tasks.steps import MOST, StepNumber
from seqconv.tasks.target import Target
from seqconv.tasks.text.columns import NO_COLUMNS, Columns
from seqconv.tasks.text.vocabulary import count_words
from seqconv.tasks.values import Number

NOTE = "model: blend of a network and support vector machines on words and characters; --model network trains it alone"
OF_NUMBERS = "model: blend of a network and ridge regressions on words and characters; --model network trains it alone"
OF_CHARACTERS = "model: n-grams of characters alone; --model blend adds a network, which reads words"
OF_WORDS = "model: blend of a network and a linear model, both on words"
OF_STEPS = (
    "loss: the {} values of {!r} are fitted as classes, whose median is the answer; "
    "--set training.loss=mae fits a number of any value"
)
WHOLE = 0.99  # fraction of the texts that max_len does not cut
SHORTEST_TEXT, LONGEST_TEXT = 20, 2000
SAMPLE = 5000  # texts whose lengths are examined


def guess_texts(recipe: TextRecipe, data: TextData, given: set[str]) -> Guesses:
    """Words kept, vocabulary, network and training."""
    train = data.train
    is_number = bool(getattr(train, "number", ""))
    if isinstance(train, Texts) and is_number:
        target, found = _guess_number(train)
    else:
        target = make_target(train.classes, train.labels.ndim == 2)
        found = guess_loss(target)
    columns = NO_COLUMNS
    if isinstance(train, EncodedTexts):
        lengths = np.sort(np.diff(train.offsets))
    else:
        step = max(1, len(train.texts) // SAMPLE)
        columns = Columns.fit(train.columns)
        joined = columns.join(train.texts[::step], {name: cells[::step] for name, cells in train.columns.items()})
        lengths = np.sort(count_words(joined))
    longest = int(lengths[min(int(len(lengths) * WHOLE), len(lengths) - 1)]) + 1  # plus the start id
    kept = min(max(longest, SHORTEST_TEXT), LONGEST_TEXT)
    cut = float(np.mean(lengths >= kept))
    chosen = default_text_settings(len(train.labels), float(lengths.mean()), target.outputs)
    chosen["text.vocabulary"] += columns.tokens
    found |= {name: (value, "") for name, value in chosen.items()}
    own = {"network.layers"} | (set() if is_number else {"training.loss"})  # settings that ask for a network alone
    if not isinstance(train, EncodedTexts) and not own & given:
        loss = recipe.training.loss if "training.loss" in given else target.loss
        found["training.model"] = (BLEND, NOTE if loss in CLASS_LOSSES else OF_NUMBERS)
        if recipe.features.unit == "character":
            found["training.model"] = ("characters", OF_CHARACTERS)
        elif recipe.features.unit == "word":
            found["training.model"] = (BLEND, OF_WORDS)
    return found | {"text.max_len": (kept, f"max_len: {kept} words, which covers {1 - cut:.1%} of the texts")}


def _guess_number(train: Texts) -> tuple[Target, Guesses]:
    """A number of few values or of many, and what fits it."""
    values = np.unique(train.labels)
    few = len(values) <= MOST
    target = StepNumber.fit(train.number, train.labels, values) if few else Number.of(train.number, 0.0, 1.0)
    note = OF_STEPS.format(len(values), train.number) if few else ""
    return target, {"training.loss": (target.loss, note), "training.coverage": (COVERAGE, COVERAGE_NOTE)}


VOCABULARY = (2_000, 30_000)
EPOCHS = (2, 10)
VISITS = 400_000  # examples that training sees in all epochs together, if the limits of epochs allow
WIDTHS = (1, 2, 3)  # words that a filter sees
SHORT = 60  # words of a text up to which triples add nothing to pairs
WORDS_PER_ENTRY = 5  # running words per vocabulary entry: small data keep every word, large data the frequent ones
BUCKETS = (2**12, 2**22)
RANK = 128  # values of a row of the n-gram table at most; of more outputs it is a factor of their table
MANY_OUTPUTS = 1000  # from which on filters are few: the layer on them is what an answer takes
TABLE = 2**25  # values of the n-gram table at most
GAIN = 2.5  # step size of the bag relative to that of the filters


def default_text_settings(texts: int, words: float, outputs: int) -> dict[str, Any]:
    """Settings of a text recipe by name, `section.key`: features, network and training, but not the loss.

    Filters on words, pairs and triples next to a bag of n-grams, trained with Adagrad. The filters generalise, the bag
    memorises; both read ids directly, so that steps are cheap and padding is free. Where outputs are many, a row of the
    bag has fewer values than that, and a linear layer follows: a table as wide as the outputs would have few rows.

    Args:
        texts: number of training texts.
        words: mean number of words of a text.
        outputs: values that the network returns.

    Reference: Johnson and Zhang 2015, arXiv:1412.1058; Wang and Manning 2012, "Baselines and bigrams", ACL; Cheng et
    al. 2016, arXiv:1606.07792 (a wide linear path next to a deep one).
    """
    filters = 64 if texts <= FEW or outputs > MANY_OUTPUTS else 128
    longest = 2 if words <= SHORT else 3
    running = texts * words
    buckets = _round_power(min(max(2 * running * (longest - 1), BUCKETS[0]), BUCKETS[1], TABLE / min(outputs, RANK)))
    bag = {"layer": "ngram_bag", "longest": longest, "buckets": buckets, "gain": GAIN}
    return {
        "text.vocabulary": round(min(max(running / WORDS_PER_ENTRY, VOCABULARY[0]), VOCABULARY[1])),
        "network.layers": _join_many(filters, bag) if outputs > RANK else _join(filters, bag),
        "training.optimiser": "adagrad",
        "training.learning_rate": 0.05,
        "training.batch_size": 50 if texts <= MANY else 128,
        "training.epochs": min(max(VISITS // max(texts, 1), EPOCHS[0]), EPOCHS[1]),
        "training.patience": 0,
        "training.refit": texts <= FEW,
    }


def _join(filters: int, bag: dict[str, Any]) -> list[dict[str, Any]]:
    """The sum of a linear layer on the filters' maxima and the bag's outputs."""
    wide = [{"layer": "concat", "branches": _filters(filters)}, {"layer": "dropout", "rate": 0.5}, {"layer": "output"}]
    return [{"layer": "add", "branches": [wide, [bag]]}]


def _join_many(filters: int, bag: dict[str, Any]) -> list[dict[str, Any]]:
    """A linear layer on the filters' maxima and the bag's outputs together."""
    branches = [*_filters(filters), [bag | {"outputs": RANK}]]
    return [{"layer": "concat", "branches": branches}, {"layer": "dropout", "rate": 0.5}, {"layer": "output"}]


def _filters(count: int) -> list[list[dict[str, Any]]]:
    """Parallel filters of every width, `count` of each, and their maxima."""
    return [
        [
            {"layer": "token_conv", "filters": count, "kernel": kernel, "activation": "relu"},
            {"layer": "global_max_pool"},
        ]
        for kernel in WIDTHS
    ]


def _round_power(value: float) -> int:
    """The largest power of two that is not above it."""
    return int(2 ** math.floor(math.log2(value)))
