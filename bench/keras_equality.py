"""The recipes' networks with the same weights in Keras and in seqconv give the same outputs; exit code 1 if not.

`python bench/keras_equality.py [--json]`: a table, or one JSON list.
"""

import dataclasses
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
from arrays import IdInputs
from peers.keras_network import build_model
from peers.seqconv_worker import make_network, own_inputs
from works import CHANNELS, LENGTH, LOOKBACK, PLANS, SEED, STEP, VOCABULARY

from seqconv.networks.inputs import WindowInputs
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.layers.kinds import Gru
from seqconv.networks.plan import count_parameters, initial_weights

EXAMPLES = 64
TOLERANCE = 1e-5


def variants() -> dict[str, tuple[Plan, int]]:
    """Networks and the steps that they read; those with a GRU in both forms."""
    found = {}
    for name, plan in PLANS.items():
        steps = LENGTH if name.startswith("imdb") else LOOKBACK // STEP
        found[name] = plan, steps
        if any(isinstance(layer, Gru) for layer in plan):
            after = (
                dataclasses.replace(layer, reset_after=True) if isinstance(layer, Gru) else layer for layer in plan
            )
            found[f"{name}, reset_after"] = tuple(after), steps
    return found


def make_inputs(name: str, steps: int) -> IdInputs | WindowInputs:
    """Random examples; ids with padding of any length before them."""
    random = np.random.default_rng(SEED)
    if name.startswith("imdb"):
        ids = random.integers(1, VOCABULARY, (EXAMPLES, steps), np.int32)
        ids[np.arange(steps) < random.integers(0, steps, (EXAMPLES, 1))] = 0
        return IdInputs(ids)
    values = random.normal(size=(EXAMPLES * steps, CHANNELS)).astype(np.float32)
    return WindowInputs(values, steps + np.arange(EXAMPLES, dtype=np.int64) * (steps // 2), steps, 1)


def spread_weights(plan: Plan) -> Weights:
    """Initial weights with biases that are not zero, so that their place and order count too."""
    random = np.random.default_rng(SEED)
    weights = initial_weights(plan, SEED)
    noise = {name: random.normal(0, 0.1, w.shape).astype(np.float32) for name, w in weights.items() if "bias" in name}
    return weights | {name: weights[name] + added for name, added in noise.items()}


def compare(name: str, plan: Plan, steps: int) -> dict[str, object]:
    """Largest difference of the outputs, as a share of the largest output."""
    inputs, weights = make_inputs(name, steps), spread_weights(plan)
    model = build_model(plan, inputs.shape, weights)
    network = make_network(plan, "mae")
    network.set_weights(weights)
    theirs = np.asarray(model.predict_on_batch(inputs.gather(np.arange(EXAMPLES))))
    ours = network.predict(own_inputs(inputs))
    difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    counts = model.count_params(), count_parameters(plan)
    same = difference <= TOLERANCE and counts[0] == counts[1]
    return {"network": name, "parameters": counts[1], "difference": difference, "same": same}


def main() -> int:
    """Compare all; 1 if one differs."""
    rows = [compare(name, plan, steps) for name, (plan, steps) in variants().items()]
    if "--json" in sys.argv:
        print(json.dumps(rows))
    else:
        print(f"{'network':<32} {'parameters':>10}  largest difference (at most {TOLERANCE:g})")
        for row in rows:
            verdict = "" if row["same"] else "  DIFFERENT"
            print(f"{row['network']:<32} {row['parameters']:>10,}  {row['difference']:.1e}{verdict}")
    return 0 if all(row["same"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
