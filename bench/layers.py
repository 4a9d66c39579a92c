"""The layers that came after 0.1.0, in the native engine and in PyTorch: python bench/layers.py.

Each stands in a network of the usual size, between a convolution and a dense output: 128 examples of 128 steps and 32
channels. A time is the median of several turns of the two engines, of a training step (gather, forward, backward,
optimiser) and of a prediction. Writes `bench/results/layers.json`; `bench/page.py` shows it.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import claim_processors, describe_machine

from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import stack_windows
from seqconv.networks.network import Network
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import initial_weights
from seqconv.recipes.sections import TrainingConfig

RESULT = Path(__file__).parent / "results" / "layers.json"
BATCH, STEPS, CHANNELS, BATCHES, ROUNDS = 128, 128, 32, 8, 7
INNER = {
    "conv, no layer after it": [],
    "conv, stride 2, same": [{"layer": "conv", "filters": 32, "kernel": 5, "stride": 2, "padding": "same"}],
    "depthwise_conv": [{"layer": "depthwise_conv", "kernel": 5}],
    "separable_conv": [{"layer": "separable_conv", "filters": 32, "kernel": 5}],
    "average_pool": [{"layer": "average_pool", "size": 4}],
    "batch_normalisation": [{"layer": "batch_normalisation"}],
    "layer_normalisation": [{"layer": "layer_normalisation"}],
    "spatial_dropout": [{"layer": "spatial_dropout", "rate": 0.2}],
    "sigmoid": [{"layer": "sigmoid"}],
    "elu": [{"layer": "elu"}],
    "gelu": [{"layer": "gelu"}],
    "softmax": [{"layer": "softmax"}],
    "simple_rnn": [{"layer": "simple_rnn", "units": 32}],
    "bidirectional gru": [{"layer": "bidirectional", "layers": [{"layer": "gru", "units": 32}]}],
}


def main() -> None:
    """Measure every layer and write the result."""
    claim_processors()
    about = describe_machine()
    found = {name: measure(layers, int(about["threads"])) for name, layers in INNER.items()}
    for name, row in found.items():
        print(f"{name:<26}" + "".join(f" {key} {value * 1e3:8.2f} ms" for key, value in row.items()))
    RESULT.write_text(json.dumps({"machine": about, "layers": found}, indent=2) + "\n", "utf-8")


def measure(layers: list[dict[str, object]], threads: int) -> dict[str, float]:
    """Median seconds of a training step and of a predicted batch, of each engine."""
    front, pool = {"layer": "conv", "filters": 32, "kernel": 5}, {"layer": "global_average_pool"}
    plan = build_plan([front, *layers, pool, {"layer": "output"}], (STEPS, CHANNELS), 0, 1)
    config = TrainingConfig.from_dict({"loss": "mae", "optimiser": "rmsprop"})
    weights = initial_weights(plan, 0)
    random = np.random.default_rng(0)
    inputs = stack_windows(random.normal(size=(BATCH * BATCHES, STEPS, CHANNELS)).astype(np.float32))
    targets = random.normal(size=(len(inputs), 1)).astype(np.float32)
    batches = list(np.arange(len(inputs)).reshape(BATCHES, BATCH))
    times: dict[str, list[float]] = {}
    engines = {name: create_network(name, plan, weights, config, threads) for name in ("native", "torch")}
    for _ in range(ROUNDS + 1):
        for name, network in engines.items():
            train, predict = work(network, inputs, targets, batches)
            times.setdefault(f"{name}_step", []).append(clock(train) / BATCHES)
            times.setdefault(f"{name}_predict", []).append(clock(predict) / BATCHES)
    return {key: statistics.median(each[1:]) for key, each in times.items()}


def work(
    network: Network, inputs: object, targets: np.ndarray, batches: list[np.ndarray]
) -> tuple[Callable[[], object], Callable[[], object]]:
    """An epoch of training, and the prediction of all examples."""
    masks = DropoutMasks(network.plan, inputs.shape, np.random.default_rng(1), network.threads)
    return lambda: list(network.train_batches(inputs, targets, batches, masks.draw)), lambda: network.predict(inputs)


def clock(do: Callable[[], object]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
