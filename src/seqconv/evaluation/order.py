"""What the order of words or rows is worth to a model."""

from typing import Any

import numpy as np

from seqconv.networks.inputs import UNKNOWN, TokenInputs, WindowInputs
from seqconv.networks.network import Inputs, Model
from seqconv.tasks.examples import Split
from seqconv.tasks.scoring import score_outputs

PROBED = 10_000


PROBE_BATCH = 1000


def probe_order(model: Model, split: Split, loss: str, seed: int = 0) -> dict[str, Any]:
    """What order is worth to the model: its test metrics as the inputs are, and with the order of each shuffled.

    Of a text the words are shuffled (padding and start stay in front), of a window its rows. A network that only
    asks whether something occurs anywhere scores about the same.

    Returns:
        `as_is` and `shuffled` (metrics on the same rows) and `n`: at most 10,000 examples, evenly spaced.
    """
    count = len(split.test.targets)
    index = np.linspace(0, count - 1, min(count, PROBED)).round().astype(np.int64)
    generator = np.random.default_rng(seed)
    pieces = [split.test.take(rows) for rows in np.split(index, range(PROBE_BATCH, len(index), PROBE_BATCH))]
    outputs = {
        "as_is": np.concatenate([part.finish(model.predict(part.inputs)) for part in pieces]),
        "shuffled": np.concatenate(
            [part.finish(model.predict(shuffle_order(part.inputs, generator))) for part in pieces]
        ),
    }
    scores = {name: score_outputs(each, split.test.targets[index], split, loss) for name, each in outputs.items()}
    return scores | {"n": len(index)}


def shuffle_order(inputs: Inputs, generator: np.random.Generator) -> Inputs:
    """The same examples, the words or rows of each in random order."""
    x = inputs.gather(np.arange(len(inputs)))
    keys = generator.random(x.shape[:2])
    if isinstance(inputs, TokenInputs):
        keys[x < UNKNOWN] = -1
        return TokenInputs(np.take_along_axis(x, np.argsort(keys, axis=1, kind="stable"), axis=1))
    shuffled = np.take_along_axis(x, np.argsort(keys, axis=1)[..., None], axis=1)  # [B, L, C]
    # laid end to end they are a series again: every engine reads it as it stands; the times keep their order
    length = x.shape[1]
    ends = np.arange(1, len(x) + 1, dtype=np.int64) * length
    times = None
    if inputs.times is not None:
        times = inputs.times[inputs.anchors[:, None] + np.arange(-inputs.lookback, 0, inputs.step)].ravel()
    return WindowInputs(shuffled.reshape(-1, x.shape[2]), ends, length, 1, times)
