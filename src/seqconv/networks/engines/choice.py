"""Engines turn a plan and weights into outputs, gradients and training steps.

`native` runs on the CPU and needs only numpy; `torch` runs the same plan with autograd, on a GPU if PyTorch finds one.
The same plan with the same weights gives the same outputs and gradients, up to float32 rounding.
"""

from seqconv.errors import ConfigError, nearest, need
from seqconv.networks.engines.checks import check_weights
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.network import Network
from seqconv.recipes.sections import TrainingConfig

ENGINES = ("native", "torch")


def create_network(engine: str, plan: Plan, weights: Weights, training: TrainingConfig, threads: int) -> Network:
    """Create a network on that engine.

    Args:
        engine: `native` or `torch`; `torch` uses a GPU if there is one.
        weights: every weight of the plan; copied.
        training: its loss, optimiser, learning rate and clipping apply.
        threads: processor threads to use, at least 1; the results do not depend on it.

    Raises:
        ConfigError: an unknown engine, or fewer than one thread.
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
    """Check that there is an engine of this name.

    Raises:
        ConfigError: there is none.
    """
    if engine not in ENGINES:
        raise ConfigError(f"unknown engine {engine!r}. {nearest(engine, ENGINES)}")
