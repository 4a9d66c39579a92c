"""Engines turn a plan and weights into outputs, gradients and training steps.

`native` runs on the processor and needs numpy alone; `torch` reads the same plan with autograd, and runs on a GPU where
PyTorch finds one. Same plan, same weights: same outputs and gradients, to float32 rounding.
"""

from seqconv.errors import ConfigError, nearest, need
from seqconv.networks.engines.checks import check_weights
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.network import Network
from seqconv.recipes.recipe import TrainingConfig

ENGINES = ("native", "torch")


def create_network(engine: str, plan: Plan, weights: Weights, training: TrainingConfig, threads: int) -> Network:
    """A network on that engine.

    Args:
        engine: `native` or `torch`; `torch` computes on a GPU if there is one.
        weights: every weight of the plan; copied.
        training: loss, optimiser, learning rate and clipping are read.
        threads: processor threads to use, at least 1; the results do not depend on it.

    Raises:
        ConfigError: an unknown engine, or no thread.
        DataError: weights that do not fit the plan.
        MissingExtra: `torch` is not installed.
    """
    check_engine(engine)
    if threads < 1:
        raise ConfigError(f"threads must be at least 1; got {threads}")
    check_weights(plan, weights)
    if engine == "torch":
        need("torch", "torch")
        from seqconv.networks.engines.torch.network import TorchNetwork

        return TorchNetwork(plan, weights, training, threads)
    from seqconv.networks.engines.native.network import NativeNetwork

    return NativeNetwork(plan, weights, training, threads)


def check_engine(engine: str) -> None:
    """An engine has this name.

    Raises:
        ConfigError: none has.
    """
    if engine not in ENGINES:
        raise ConfigError(f"unknown engine {engine!r}. {nearest(engine, ENGINES)}")
