"""Floating-point operations of a work: as the network spells them out, and those that an exact answer needs.

Needed are fewer, because of facts that hold for any weights: a conv on embeddings is a sum of rows of a product of the
table; after max pooling only winners have a gradient; neighbouring windows share their convs; leading padding is one
constant. A multiply-add counts as two. Minimal filtering and left-out zeros, which save more, are not counted: the
second depends on the weights, and the first rounds in another way.
"""

import numpy as np
from arrays import IdInputs, Inputs, draw_batches, read_examples, read_texts
from works import BATCH, PLANS, SPLIT_ROWS, VOCABULARY, Work

from seqconv.networks.layers.base import Plan, Shape
from seqconv.networks.layers.kinds import Conv, Dense, Embed, GlobalMaxPool, Gru, Lstm, MaxPool, Relu
from seqconv.networks.summary import summarise

SAMPLED_BATCHES = 20


def count_work(work: Work) -> dict[str, float]:
    """Operations or bytes of one unit of a work; empty where neither says much."""
    if work.kind == "tokenise":
        return {"text_bytes": float(sum(len(text.encode()) for text in read_texts()[0]))}
    if not work.plan or work.each:
        return {}
    plan, train = PLANS[work.plan], work.kind != "predict"
    inputs, _ = read_examples(work)
    examples = BATCH if train else len(inputs)
    plain = examples * count_plain(plan, inputs.shape, train)
    if not train and not isinstance(inputs, IdInputs):
        return {"plain_flop": plain, "needed_flop": count_series(plan)}
    distinct, filled = measure_ids(inputs) if train else (VOCABULARY, count_filled(inputs))
    needed = examples * count_needed(plan, inputs.shape, train, distinct / examples, filled)
    return {"plain_flop": plain, "needed_flop": needed}


def count_plain(plan: Plan, shape: Shape, train: bool) -> float:
    """Of one example: forward, and in training the gradients of weights and inputs as well."""
    total = sum(2.0 * layer.multiply_adds for layer in summarise(plan, shape))
    if not train:
        return total
    # the first layer's input needs no gradient
    match plan[0]:
        case Conv(inputs, filters, kernel):
            spared = plan[0].output_shape(shape)[0] * inputs * filters * kernel
        case Gru(inputs, units):
            spared = shape[0] * inputs * 3 * units
        case _:
            spared = 0
    return 3 * total - 2.0 * spared


def measure_ids(inputs: Inputs) -> tuple[float, float]:
    """Mean number of distinct ids of a batch, and of steps that are not leading padding; 0 and all for a series."""
    if not isinstance(inputs, IdInputs):
        return 0.0, float(inputs.shape[0])
    batches = draw_batches(len(inputs))
    drawn = [inputs.gather(next(batches)) for _ in range(SAMPLED_BATCHES)]
    return float(np.mean([len(np.unique(ids)) for ids in drawn])), float(np.mean([(ids > 0).sum(1) for ids in drawn]))


def count_filled(inputs: IdInputs) -> float:
    """Mean number of steps that are not leading padding."""
    return float(np.mean(np.sum(inputs.ids > 0, axis=1)))


def count_needed(plan: Plan, shape: Shape, train: bool, table_rows: float, filled: float) -> float:
    """Of one example.

    Args:
        table_rows: rows of the embedding table that are multiplied, per example.
        filled: steps that are not leading padding.
    """
    total = 0.0
    for at, layer in enumerate(plan):
        before = plan[at - 1] if at else None
        first = at == 0
        if isinstance(layer, Conv) and isinstance(before, Embed):
            total += 2 * table_rows * layer.inputs * layer.kernel * layer.filters * (3 if train else 1)
            total += filled * layer.kernel * layer.filters * (1 + (1 / pooled_steps(plan, at, shape) if train else 0))
        elif isinstance(layer, Conv):
            forward = 2.0 * layer.output_shape(shape)[0] * layer.kernel * layer.inputs * layer.filters
            total += forward * (1 + ((1 if first else 2) / pooled_steps(plan, at, shape) if train else 0))
        elif isinstance(layer, Gru | Lstm):
            total += count_recurrent(layer, before, shape[0], train, table_rows, filled)
        elif isinstance(layer, Dense):
            total += 2.0 * layer.inputs * layer.outputs * (3 if train else 1)
        shape = layer.output_shape(shape)
    return total


def pooled_steps(plan: Plan, at: int, shape: Shape) -> int:
    """How many steps of the conv at `at` share one winner."""
    after = [layer for layer in plan[at + 1 : at + 3] if not isinstance(layer, Relu)]
    match after[0] if after else None:
        case MaxPool(size):
            return size
        case GlobalMaxPool():
            return plan[at].output_shape(shape)[0]
    return 1


def count_recurrent(
    layer: Gru | Lstm, before: object, steps: int, train: bool, table_rows: float, filled: float
) -> float:
    """Input product and recurrent product of every step; after an embedding the first is a product of the table."""
    width = (3 if isinstance(layer, Gru) else 4) * layer.units
    embedded = isinstance(before, Embed)
    passes = (2 if before is None else 3) if train else 1
    inputs = 2.0 * (table_rows if embedded else steps) * layer.inputs * width * passes
    return inputs + 2.0 * (filled if embedded else steps) * layer.units * width * (3 if train else 1)


def count_series(plan: Plan) -> float:
    """Of all windows of a series: every conv once a row."""
    per_row = sum(layer.kernel * layer.inputs * layer.filters for layer in plan if isinstance(layer, Conv))
    return 2.0 * SPLIT_ROWS * per_row
