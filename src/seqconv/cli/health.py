"""The command that tells what is installed, and how fast the machine is."""

import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from seqconv.cli.console import command, create_table, print_json, print_table, print_text
from seqconv.cli.options import Json

EXTRAS = {  # extra -> its modules, and what needs them
    "torch": (("torch",), "--engine torch, and a GPU"),
    "serve": (("starlette", "uvicorn"), "seqconv serve"),
    "hub": (("huggingface_hub",), "seqconv push"),
    "files": (("fastexcel",), "Excel workbooks"),
    "remote": (("fsspec", "s3fs", "gcsfs"), "s3:// and gs://"),
    "holidays": (("holidays",), "--holidays"),
    "onnx": (("onnx",), "seqconv export --onnx"),
    "keras": (("h5py",), "seqconv export --keras"),
    "tune": (("optuna",), "seqconv tune"),
    "ray": (("ray",), "--parallel ray"),
    "dask": (("distributed",), "--parallel dask"),
    "tensorboard": (("tensorboard",), "seqconv.log_tensorboard"),
    "mlflow": (("mlflow",), "seqconv.log_mlflow"),
    "wandb": (("wandb",), "seqconv.log_wandb"),
}
PACKAGES = ("numpy", "polars", "scikit-learn", "scipy", "matplotlib")
SLOW = 0.4  # fraction of the speed of a matrix product below which convolutions are unexpectedly slow


@command("seqconv doctor")
def doctor(json: Json = False) -> None:
    """Show what is installed and how fast this machine is.

    Versions, the processor and its kernels, what a container leaves of it, the speed of a convolution next to that of a
    product of matrices, and which optional packages are missing for what.
    """
    from rich.text import Text

    from seqconv.networks.machine import describe_machine, measure_speed

    machine, speed = describe_machine(), measure_speed()
    versions = {name: _version(name) for name in ("seqconv", *PACKAGES)}
    versions = {"python": ".".join(map(str, sys.version_info[:3]))} | versions
    missing = {name: [each for each in modules if find_spec(each) is None] for name, (modules, _) in EXTRAS.items()}
    advice = _advise(machine.threads, machine.processors, machine.limit, speed.convolution / speed.matrix_product)
    if json:
        found = {"versions": versions, "machine": machine._asdict(), "speed": speed._asdict()}
        print_json(found | {"extras": {name: not absent for name, absent in missing.items()}, "advice": advice})
        return
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"folder: {Path(__file__).parents[1]}\n")
    memory = "" if machine.memory_gb is None else f", {machine.memory_gb:.1f} GB of memory"
    limit = "" if machine.limit is None else f", of which a container leaves {machine.limit:g}"
    print(f"machine: {machine.system}, {machine.processor}{memory}")
    print(f"processors: {machine.processors}{limit}; {machine.threads} threads are used")
    print(f"kernels: {machine.instruction_set}")
    print(f"speed: convolution {speed.convolution:.1f}, matrix product {speed.matrix_product:.1f}", end="")
    print(" billion multiply-adds a second\n")
    table = create_table("extra", "for", "installed")
    for name, (modules, purpose) in EXTRAS.items():
        state = f"no: pip install 'seqconv[{name}]'" if missing[name] else f"yes, {_version(modules[0])}"
        table.add_row(name, purpose, Text(state))
    print_table(table)
    print()
    for line in advice or ["No problems found."]:
        print_text(line)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _advise(threads: int, processors: int, limit: float | None, share: float) -> list[str]:
    """What could be better, a sentence each."""
    found = []
    if limit is not None and limit < 1:
        found.append(f"The container leaves {limit:g} of a processor to this process: training waits for it.")
    if threads < processors and limit is None:
        found.append(f"{threads} of {processors} processors may be used by this process: its affinity is limited.")
    if share < SLOW:
        found.append(f"Convolutions reach {share:.0%} of the speed of a matrix product. Try again on an idle machine.")
    return found
