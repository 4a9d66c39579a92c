"""A saved model in the formats of other libraries, tried against the model itself before it is written."""

import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.keras import SUFFIX, encode_keras_file
from seqconv.data.outputs import check_free, whole_file
from seqconv.errors import BundleError, ConfigError, OptionError, SeqconvError
from seqconv.metrics.records import Json, Record
from seqconv.models.exchange.onnx import answer_onnx, encode_graph
from seqconv.models.folders import HEADER, refuse_inside
from seqconv.models.format import read_bundle
from seqconv.models.predictor import Predictor
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import TokenInputs, stack_windows
from seqconv.networks.keras.reading import read_network
from seqconv.networks.keras.writing import write_network
from seqconv.networks.layers.tokens import ReadsIds
from seqconv.networks.plan import entries
from seqconv.networks.pytorch.source import HEAD
from seqconv.networks.pytorch.writing import write_module
from seqconv.networks.threads import count_threads
from seqconv.recipes.sections import NETWORK
from seqconv.tasks.baselines import thin
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.graphs import name_examples
from seqconv.tasks.kinds import find_task
from seqconv.tasks.task import Arrays, Trial
from seqconv.training.run import read_own_split

MODULE = "model"  # name of the files in a folder for PyTorch
TRIED = 64  # test examples
TOLERANCE = 1e-5  # of the largest answer


@dataclass(frozen=True)
class ExportResults(Record):
    """What was written, and how far its answers are from those of the model.

    Args:
        files: paths, the model first.
        bytes: of all files.
        examples: what both have answered: "64 test examples".
        difference: the largest, as a fraction of the largest answer; None: they were not tried.
        runtime: who has computed the answers of the file, or why nobody has.
    """

    files: list[str]
    bytes: int
    examples: str
    difference: float | None
    runtime: str


def export_onnx(model: str | Path, out: str | Path, overwrite: bool = False) -> ExportResults:
    """Write a model as an ONNX file, which reads and answers in the units of the data.

    Args:
        model: a run or model folder. Where its data lie where they lay, test rows are tried, else made-up ones.
        out: the file; a tokenizer of texts goes next to it, with the ending `.tokenizer.json` in place of `.onnx`.
        overwrite: replace files that exist.

    Raises:
        BundleError: no model, or the file would answer otherwise.
        ConfigError: a file exists, or the model has a part that ONNX has no operators for.
        MissingExtra: onnx is not installed.
    """
    place, predictor = Path(out), Predictor(read_bundle(Path(model)))
    bundle = predictor.bundle
    task = find_task(bundle.recipe)
    drawn = task.draw(bundle)
    contents: dict[Path, bytes] = {
        place: encode_graph(drawn.graph, {"task": task.name, "model": bundle.recipe.training.model} | drawn.about)
    }
    contents |= {place.with_suffix(ending): _encode(table) for ending, table in drawn.files.items()}
    _check_places(contents, overwrite)
    trial = task.try_graph(predictor, drawn, _find_examples(predictor, Path(model)))
    found, runtime = answer_onnx(contents[place], trial.inputs)
    difference = check_answers(trial, found, place)
    return _write(contents, trial, difference, runtime)


def export_keras(model: str | Path, out: str | Path, overwrite: bool = False) -> ExportResults:
    """Write the network of a model as a file of Keras 3, which Keras loads and `read_given` reads.

    It reads what the network reads, ids or scaled values, and ends in probabilities or scaled numbers; what else a user
    needs (classes, columns with mean and standard deviation) is written next to it, with the ending `.json`.

    Args:
        model: a run or model folder.
        out: the file, `.keras`; a tokenizer of texts goes next to it too.
        overwrite: replace files that exist.

    Raises:
        BundleError: no model, or the file would answer otherwise.
        ConfigError: a file exists, the model is no network, or it has a layer that Keras lacks.
        MissingExtra: h5py is not installed.
    """
    place, predictor = Path(out), Predictor(read_bundle(Path(model)))
    bundle = predictor.bundle
    if place.suffix != SUFFIX:
        raise OptionError(f"keras must be a file that ends in {SUFFIX}; got {out}")
    _check_network(bundle)
    written = write_network(bundle.plan, bundle.weights, bundle.shape, _find_ending(bundle))
    contents = {place: encode_keras_file(*written)} | _describe_inputs(bundle, place)
    _check_places(contents, overwrite)
    read = read_network(written.config, written.arrays)
    network = create_network("native", read.plan, read.weights, bundle.recipe.network_training, count_threads(0))
    inputs, examples = _find_inputs(predictor, Path(model))
    trial = Trial({}, {"outputs": predictor.model.predict(inputs)}, examples)
    difference = check_answers(trial, {"outputs": network.predict(inputs)}, place)
    return _write(contents, trial, difference, "read back by seqconv")


def export_torch(model: str | Path, out: str | Path, overwrite: bool = False) -> ExportResults:
    """Write the network of a model as a module file for PyTorch, `model.py`, with its weights, `model.safetensors`.

    It reads what the network reads and gives logits or scaled numbers; `model.json` says what else a user needs, and of
    texts `model.tokenizer.json`. They are tried if PyTorch is installed.

    Args:
        model: a run or model folder.
        out: the folder, which is made if there is none.
        overwrite: replace files that exist.

    Raises:
        BundleError: no model, or the file would answer otherwise.
        ConfigError: a file exists, or the model is no network.
    """
    from safetensors.numpy import save

    place, predictor = Path(out) / f"{MODULE}.py", Predictor(read_bundle(Path(model)))
    bundle = predictor.bundle
    _check_network(bundle)
    written = write_module(bundle.plan, bundle.weights, bundle.shape, _find_ending(bundle))
    reads = "ids of words, int64" if len(bundle.shape) == 1 else "values in standard deviations, float32"
    answers = "logits" if _find_ending(bundle) else "numbers in standard deviations"
    names = {"version": metadata.version("seqconv"), "name": MODULE, "reads": f"{reads}; see {MODULE}.json"}
    source = HEAD.format(title=f"The network {bundle.recipe.name}.", answers=answers, **names) + written.source
    contents = {place: source.encode(), place.with_suffix(".safetensors"): save(written.weights)}
    contents |= _describe_inputs(bundle, place)
    if place.parent.is_dir():
        refuse_inside(place.parent, "a module file")
        _check_places(contents, overwrite)
    else:
        check_free(place.parent, overwrite=False)
    inputs, examples = _find_inputs(predictor, Path(model))
    trial = Trial({}, {"outputs": predictor.model.predict(inputs)}, examples)
    difference, runtime = None, "not tried: PyTorch is not installed"
    if importlib.util.find_spec("torch"):
        from seqconv.networks.engines.torch.module import answer_module

        found = answer_module(source, written.weights, inputs.gather(np.arange(len(inputs))))
        difference, runtime = check_answers(trial, {"outputs": found}, place), f"PyTorch {metadata.version('torch')}"
    try:
        place.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: must be a folder; {error.strerror or error}. Choose another name") from error
    return _write(contents, trial, difference, runtime)


def _check_places(contents: Iterable[Path], overwrite: bool) -> None:
    """Check that files may be written, none of them into the folder of a model.

    Raises:
        ConfigError: one may not.
    """
    for path in contents:
        check_free(path, overwrite)
        if (path.parent / HEADER).is_file():
            raise ConfigError(f"{path}: must lie outside the folder of a model; it does not. Choose another name")


def _check_network(bundle: AnyBundle) -> None:
    """Check that a model is a network alone.

    Raises:
        ConfigError: it is not.
    """
    kind = bundle.recipe.training.model
    if kind != NETWORK:
        cure = "Write an ONNX file (--onnx), or train with --model network"
        raise ConfigError(f"export: this format holds networks alone; the model is {kind}. {cure}")


def _find_ending(bundle: AnyBundle) -> str:
    """The activation that turns outputs into probabilities; empty: they are numbers."""
    target = bundle.features.target
    return {"binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax"}.get(target.loss, "")


def _describe_inputs(bundle: AnyBundle, place: Path) -> dict[Path, bytes]:
    """Files that say what a network reads and answers, next to that of the network."""
    drawn = find_task(bundle.recipe).draw(bundle)
    tables = {".json": {"task": bundle.recipe.task, **drawn.about}, **drawn.files}
    return {place.with_suffix(ending): _encode(table) for ending, table in tables.items()}


def _find_inputs(predictor: Predictor, model: Path) -> tuple[Any, str]:
    """What a network reads of some test examples, or of random ones, and what they are."""
    inputs, bundle = _find_examples(predictor, model), predictor.bundle
    if inputs is None:
        random, count = np.random.default_rng(0), 16
        rows = min((layer.rows for _, layer in entries(bundle.plan) if isinstance(layer, ReadsIds)), default=0)
        shape = (count, *bundle.shape)
        made = TokenInputs(random.integers(0, rows, shape, np.int32)) if rows else None
        inputs = made or stack_windows(random.normal(size=shape).astype(np.float32))
        return inputs, name_examples(None, count)
    return inputs, name_examples(inputs, len(inputs))


def _write(contents: Mapping[Path, bytes], trial: Trial, difference: float | None, runtime: str) -> ExportResults:
    write_files(contents)
    sizes = sum(map(len, contents.values()))
    return ExportResults([str(path) for path in contents], sizes, trial.examples, difference, runtime)


def _find_examples(predictor: Predictor, model: Path) -> Any:
    """Some test examples of the model's own run; None where its data are gone, have changed or cannot be read."""
    try:
        inputs = read_own_split(predictor.bundle, model, 0).test.inputs
    except SeqconvError:
        return None
    return inputs.take(thin(np.arange(len(inputs)), TRIED))


def check_answers(trial: Trial, found: Arrays, place: Path) -> float:
    """The largest difference between the answers of a file and the model, as a fraction of the largest answer.

    Raises:
        BundleError: it is larger than rounding explains.
    """
    differences = [0.0]
    for name, wanted in trial.answers.items():
        known = ~np.isnan(wanted)
        if found[name].shape != wanted.shape or (np.isnan(found[name]) == known).any():
            raise BundleError(f"{place}: {name!r} must be that of the model; it is not. Nothing was written")
        if known.any():
            largest = max(float(np.abs(wanted[known]).max()), 1e-30)
            differences.append(float(np.abs(found[name][known] - wanted[known]).max()) / largest)
    if not max(differences) <= TOLERANCE:
        must = f"answers must differ by at most {TOLERANCE:g} of the largest from the model's"
        raise BundleError(f"{place}: {must}; got {max(differences):.2g}. Nothing was written")
    return max(differences)


def _encode(table: Json) -> bytes:
    return f"{json.dumps(table, indent=1, ensure_ascii=False)}\n".encode()


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write each file whole or not at all, the model, which is the first, last.

    Raises:
        ConfigError: one cannot be written.
    """
    for path, content in reversed(list(contents.items())):
        try:
            with whole_file(path) as fresh:
                fresh.write_bytes(content)
        except OSError as error:
            raise ConfigError(f"{path}: must be writable; {error.strerror or error}. Choose another name") from error
