"""What the order of words or rows is worth to a model."""

from typing import Any

import numpy as np

from seqconv.networks.network import Model
from seqconv.tasks.examples import Split
from seqconv.tasks.results import OrderProbe

PROBED = 10_000
PROBE_BATCH = 1000


def probe_order(model: Model, split: Split[Any, Any], loss: str, seed: int = 0) -> OrderProbe:
    """What order is worth to the model: its test metrics as the inputs are, and with the order of each shuffled.

    Of a text the words are shuffled (padding and start stay in front), of a window its rows. A network that only
    asks whether something occurs anywhere scores about the same.

    Returns:
        Metrics on the same rows: at most 10,000 examples, evenly spaced.
    """
    count = len(split.test.targets)
    index = np.linspace(0, count - 1, min(count, PROBED)).round().astype(np.int64)
    random = np.random.default_rng(seed)
    target = split.features.target
    pieces = [split.test.take(rows) for rows in np.split(index, range(PROBE_BATCH, len(index), PROBE_BATCH))]
    outputs = {
        "as_is": np.concatenate([part.finish(model.predict(part.inputs)) for part in pieces]),
        "shuffled": np.concatenate([part.finish(model.predict(part.inputs.shuffle_order(random))) for part in pieces]),
    }
    scores = {name: target.measure(each, split.test.targets[index], loss) for name, each in outputs.items()}
    return OrderProbe(**scores, n=len(index))
