"""Models written as ONNX answer as they do here, in the units of the data."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqconv
from helpers.runs import write_data, write_numbers
from seqconv import SequenceClassifier
from seqconv.data.records import Sequences
from seqconv.errors import BundleError, ConfigError, MissingExtra
from seqconv.models.exchange.onnx import answer_onnx
from seqconv.models.format import write_bundle
from seqconv.tasks import guessing
from seqconv.tasks.task import Trial
from seqconv.training import run as runs
from seqconv.training.compression import shrink
from seqconv.training.export import check_answers, export_keras, export_onnx, export_torch
from seqconv.training.folder import Options

pytestmark = pytest.mark.usefixtures("quick")

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
GOLDEN, READERS = Path(__file__).parents[1] / "golden", Path(__file__).parents[2] / "docs" / "export"
FEW = "training.epochs=2"
SERIES = ['data.target=["a", "b"]', 'windows.leads=["1h", "6h"]', "windows.lookback=48h", FEW]


def train(folder: Path, source: Path, *settings: str) -> Path:
    suggested = guessing.suggest_recipe(str(source), [*settings])
    options = Options(out=folder / "run", baselines=False)
    return runs.train(suggested.recipe, options, data=suggested.data).folder


def export(run: Path, folder: Path) -> tuple[Any, bytes]:
    """What was found, and the file's content."""
    results = export_onnx(run, folder / "model.onnx")
    assert results.difference <= 1e-5
    assert results.runtime.startswith("onnxruntime")
    assert results.bytes == sum(Path(each).stat().st_size for each in results.files)
    return results, Path(results.files[0]).read_bytes()


@pytest.mark.parametrize(
    "name", [path.parent.name for path in sorted(GOLDEN.glob("*/bundle.json")) if path.parent.name != "panel"]
)
def test_models_of_every_version_are_exported(name, tmp_path):
    results, _ = export(GOLDEN / name, tmp_path)
    assert results.examples == "16 made-up examples"


@pytest.mark.parametrize(
    "settings",
    [
        ("training.model=blend", FEW),
        ("training.model=words",),
        ("training.model=characters",),
        ("training.model=tf-idf",),
        ("training.model=nb-svm",),
        ("training.model=majority",),
    ],
)
def test_models_of_texts_are_exported(settings, tmp_path):
    results, content = export(train(tmp_path, write_data(tmp_path)["text"], *settings), tmp_path)
    assert results.examples.endswith("test examples")
    tokenizer = load_reader().Tokenizer(results.files[1])
    assert tokenizer.check() == 5
    texts = ["a good film", "", "Dull, DULL plot \U0001f44d"]
    found, _ = answer_onnx(content, tokenizer(texts))
    wanted = seqconv.load(tmp_path / "run").predict(texts)
    np.testing.assert_allclose(found["probabilities"], wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "settings", [("training.loss=mae", "training.model=blend", FEW), (FEW,), ("training.model=median",)]
)
@pytest.mark.parametrize("task", ["text", "sequence"])
def test_numbers_and_their_bounds_are_exported(task, settings, tmp_path):
    if task == "sequence":
        settings = tuple(each for each in settings if "blend" not in each)
    source = write_data(tmp_path)[task]
    run = train(tmp_path, source, *write_numbers(source), "training.coverage=0.8", *settings)
    _, content = export(run, tmp_path)
    assert b"low" in content
    assert b"high" in content


@pytest.mark.parametrize("settings", [("training.loss=mae", FEW), (FEW,), ("training.model=median",)])
@pytest.mark.parametrize("task", ["text", "sequence"])
def test_quantiles_of_numbers_are_exported(task, settings, tmp_path):
    source = write_data(tmp_path)[task]
    run = train(tmp_path, source, *write_numbers(source), "training.quantiles=[0.1, 0.5, 0.8]", *settings)
    _, content = export(run, tmp_path)
    assert all(name in content for name in (b"q0.1", b"q0.5", b"q0.8"))


@pytest.mark.parametrize(
    "settings",
    [
        ("training.model=network",),
        ("training.model=network", "windows.change=true", "training.coverage=0.8"),
        ("training.model=network", "windows.change=true", "training.quantiles=[0.1, 0.5, 0.8]"),
        ("training.model=blend", "training.quantiles=[0.05, 0.5]"),
        ("training.model=ridge", "training.quantiles=[0.9]"),
        ("training.model=blend", "training.coverage=0.8", "data.zone=Europe/Berlin"),
        ("training.model=network", "data.calendar=true", "data.zone=Asia/Kolkata"),
        ("training.model=network", "windows.step=2h", 'windows.leads=["2h", "6h"]'),
        ("training.model=boosting",),
        ("training.model=ridge", "data.zone=Europe/Berlin"),
        ("training.model=seasonal",),
    ],
)
def test_models_of_series_are_exported(settings, tmp_path):
    run = train(tmp_path, write_data(tmp_path)["series"], *SERIES, *settings)
    results, content = export(run, tmp_path)
    assert results.examples == "64 test examples"
    assert (b"target_calendar" in content) == any(each in str(settings) for each in ("blend", "boosting", "ridge"))


def test_rows_of_the_file_are_forecast_in_their_units(tmp_path):
    source = write_data(tmp_path)["series"]
    run = train(tmp_path, source, *SERIES, "training.model=network", "windows.change=true", "data.calendar=false")
    _, content = export(run, tmp_path)
    rows = np.loadtxt(source, delimiter=",", skiprows=1, usecols=(1, 2, 3))
    windows = np.stack([rows[at : at + 48] for at in range(0, 800, 37)])
    found = answer_onnx(content, {"rows": windows})[0]["forecast"]
    wanted = np.concatenate([seqconv.load(run).forecast(window) for window in windows])
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    longer = answer_onnx(content, {"rows": rows[None, :200]})[0]["forecast"]
    np.testing.assert_allclose(longer, seqconv.load(run).forecast(rows[:200])[-1:], rtol=1e-6, atol=1e-6)
    windows[0, -1, 2] = np.nan
    found = answer_onnx(content, {"rows": windows[:2]})[0]["forecast"]
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()
    with pytest.raises(Exception, match=r"(?i)reshape"):
        answer_onnx(content, {"rows": windows[:, 1:]})


@pytest.mark.parametrize("shorter", [False, True])
def test_sequences_of_any_length_are_answered(shorter, tmp_path):
    source = write_data(tmp_path)["sequence"]
    if shorter:
        lines = source.read_text().splitlines()
        cut = [line.split(",", 2 * (n % 3))[-1] for n, line in enumerate(lines[3:])]
        source.write_text("\n".join([*lines[:3], *cut]))
    run = train(tmp_path, source, FEW)
    _, content = export(run, tmp_path)
    predictor, random = seqconv.load(run), np.random.default_rng(0)
    for length in (30, 11, 47):
        values = random.normal(size=(3, length, 1)).astype(np.float32).astype(np.float64)
        values[0, -2] = np.nan
        offsets, channels = np.arange(4) * length, predictor.bundle.features.channels
        made = Sequences(values.reshape(-1, 1), offsets, np.zeros(0, np.int32), (), channels, "made")
        found = answer_onnx(content, {"sequences": values})[0]["probabilities"]
        np.testing.assert_allclose(found, predictor.classify(made), rtol=1e-5)


def test_the_file_says_what_it_reads_and_answers(tmp_path):
    import onnx

    _, content = export(GOLDEN / "series-intervals", tmp_path)
    model = onnx.load_model_from_string(content)
    about = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
    features = seqconv.load(GOLDEN / "series-intervals").bundle.features
    assert about["task"] == "series"
    assert about["columns"] == list(features.columns)
    assert about["rows_needed"] == features.spec.span
    assert (model.producer_name, model.opset_import[0].version, model.ir_version) == ("seqconv", 18, 8)
    assert [port.name for port in model.graph.output] == ["forecast", "low", "high"]
    assert all(port.doc_string for port in [*model.graph.input, *model.graph.output])


def write_parcels(folder: Path) -> Path:
    """Texts with columns of each kind next to them."""
    random = np.random.default_rng(0)
    lines = ["body,label,price,size,bought,note"]
    for number in range(160):
        word, label = (("fine", "pos"), ("dull", "neg"))[number % 2]
        price = "" if number % 9 == 0 else f"{random.normal(20, 5) + 3 * (number % 2):.2f}"
        size, time = ("S", "M", "L", "")[number % 4], f"2024-0{1 + number % 5}-1{number % 9} 0{number % 8}:30"
        lines.append(f"it was {word} or not {number % 7},{label},{price},{size},{time},{word} and some more words here")
    path = folder / "parcels.csv"
    path.write_text("\n".join([*lines, ""]))
    return path


@pytest.mark.parametrize("model", ["network", "blend", "words", "tf-idf"])
def test_models_that_read_columns_next_to_texts_are_exported(model, tmp_path):
    columns = 'data.columns=["price", "size", "bought", "note"]'
    settings = (columns, "data.text=body", "data.label=label", f"training.model={model}", FEW)
    run = train(tmp_path, write_parcels(tmp_path), *settings)
    results, content = export(run, tmp_path)
    assert results.examples.endswith("test examples")
    reader = load_reader().Tokenizer(results.files[1])
    assert reader.check() == 5 + 5
    cells = {
        "price": ["12.5", 8, None, "1,5", "1,234.5"],
        "size": ["S", "XXL", None, " M ", "NA"],
        "bought": ["2024-02-29 23:59", "2023-12-31T01:30", None, "2024-03-10 05:00:01.5Z", ""],
        "note": ["fine", "", None, "dull and more", " "],
    }
    texts = ["it was fine", "", "dull", "not", "it was"]
    rows = [{"body": text} | {name: own[at] for name, own in cells.items()} for at, text in enumerate(texts)]
    found, _ = answer_onnx(content, reader(texts, cells))
    np.testing.assert_allclose(found["probabilities"], seqconv.load(run).predict(rows), rtol=1e-5, atol=1e-7)
    if shutil.which("node"):
        command = ["node", READERS / "tokenizer.js", results.files[1]]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "10 examples agree\n"


def load_reader() -> Any:
    spec = importlib.util.spec_from_file_location("tokenizer", READERS / "tokenizer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reader_in_javascript_agrees(tmp_path):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    results, _ = export(train(tmp_path, write_data(tmp_path)["text"], "training.model=blend", FEW), tmp_path)
    done = subprocess.run(
        ["node", READERS / "tokenizer.js", results.files[1]], capture_output=True, text=True, check=True
    )
    assert done.stdout == "5 examples agree\n"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["minirocket", "multirocket"])
def test_random_kernels_count_as_they_do_here(kind, channels, tmp_path):
    """Also training rows, of which the biases are quantiles, and shorter sequences."""
    random = np.random.default_rng(0)
    lengths = [40, *random.integers(5, 40, 23)] if channels > 1 else [40] * 24
    waves = [np.sin(np.arange(each)[:, None] * (1 + row % 2) / 3) for row, each in enumerate(lengths)]
    data = [(each + random.normal(0, 0.4, (len(each), channels))).round(3) for each in waves]
    model = SequenceClassifier(model=kind, random_state=0).fit(data, np.arange(24) % 2)
    write_bundle(model.bundle_, tmp_path / "model")
    results = export_onnx(tmp_path / "model", tmp_path / "model.onnx")
    assert results.difference <= 1e-6
    wanted, content = model.predict_proba(data), (tmp_path / "model.onnx").read_bytes()
    for length in {*lengths[:8]}:
        rows = [row for row, each in enumerate(lengths) if each == length]
        found, _ = answer_onnx(content, {"sequences": np.stack([data[row] for row in rows])})
        np.testing.assert_allclose(found["probabilities"], wanted[rows], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["dtw", "rocket", "hydra"])
def test_models_that_onnx_cannot_say_are_named(kind, tmp_path):
    run = train(tmp_path, write_data(tmp_path)["sequence"], f"training.model={kind}")
    with pytest.raises(ConfigError, match="export: ONNX has no operators for this model"):
        export_onnx(run, tmp_path / "model.onnx")
    with pytest.raises(ConfigError, match="export: forecasting of one or many series has no form in ONNX yet"):
        export_onnx(GOLDEN / "panel", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_files_are_replaced_only_where_that_is_asked_for(tmp_path):
    export(GOLDEN / "text", tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(ConfigError, match=r"model\.tokenizer\.json: already exists"):
        export_onnx(GOLDEN / "text", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
    export_onnx(GOLDEN / "text", tmp_path / "model.onnx", overwrite=True)
    assert (tmp_path / "model.onnx").exists()
    with pytest.raises(ConfigError, match="its folder must exist"):
        export_onnx(GOLDEN / "series", tmp_path / "none" / "model.onnx")


def test_no_file_is_written_over_a_run_or_a_model(tmp_path):
    shutil.copytree(GOLDEN / "text-labels", tmp_path / "run" / "model")
    (tmp_path / "run" / "metrics.json").write_text("{}")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    run = tmp_path / "run"
    for write, out, match in (
        (export_onnx, run, "run: must be a file to write; it is a folder"),
        (export_onnx, run / "model" / "bundle.json", r"bundle\.json: must lie outside the folder of a model"),
        (export_torch, run, "run: holds a run, which a module file does not replace"),
        (export_torch, run / "model", "model: holds a model, which a module file does not replace"),
        (shrink, run, "run: holds a run, which a model does not replace. Choose another folder"),
    ):
        with pytest.raises(ConfigError, match=match):
            write(run, out, overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_a_file_that_answers_otherwise_is_not_written():
    trial = Trial({}, {"y": np.array([1.0, 2.0])}, "2 examples")
    assert check_answers(trial, {"y": np.array([1.0, 2.00001])}, Path("model")) == pytest.approx(5e-6)
    for wrong in ([1.0, 2.1], [1.0, np.nan], [1.0]):
        with pytest.raises(BundleError, match="Nothing was written"):
            check_answers(trial, {"y": np.array(wrong)}, Path("model"))


@pytest.mark.parametrize("name", ["text-labels", "sequence", "sequence-classes", "series"])
def test_networks_are_written_for_keras(name, tmp_path):
    pytest.importorskip("h5py")
    results = export_keras(GOLDEN / name, tmp_path / "model.keras")
    assert results.difference <= 1e-6
    about = json.loads((tmp_path / "model.json").read_text())
    features = seqconv.load(GOLDEN / name).bundle.features
    assert about["task"] == name.partition("-")[0]
    if hasattr(features, "scaler"):
        assert about["mean"] == features.scaler.mean.tolist()
    assert (tmp_path / "model.tokenizer.json").exists() == name.startswith("text")


def test_what_keras_cannot_say_is_named(tmp_path):
    pytest.importorskip("h5py")
    for name, match in (
        ("text", "export: Keras has no layer 'token_conv'"),
        ("series-ridge", "export: this format holds networks alone; the model is ridge"),
        ("series-blend", "export: this format holds networks alone; the model is blend"),
    ):
        with pytest.raises(ConfigError, match=match):
            export_keras(GOLDEN / name, tmp_path / "model.keras")
    with pytest.raises(ConfigError, match=r"keras must be a file that ends in \.keras"):
        export_keras(GOLDEN / "series", tmp_path / "model.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["text", "text-labels", "sequence", "series", "series-intervals"])
def test_networks_are_written_for_pytorch(name, tmp_path):
    torch = pytest.importorskip("torch")
    results = export_torch(GOLDEN / name, tmp_path / "out")
    assert results.difference <= 1e-5
    assert results.runtime.startswith("PyTorch")
    names = {"model.py", "model.safetensors", "model.json", *(["model.tokenizer.json"] if "text" in name else [])}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    bundle = seqconv.load(GOLDEN / name).bundle
    code = (
        "import sys, numpy as np, torch; sys.path.insert(0, sys.argv[1]); from model import load\n"
        "x = torch.zeros(2, *map(int, sys.argv[2].split(',')), dtype=getattr(torch, sys.argv[3]))\n"
        "assert not any(name.startswith('seqconv') for name in sys.modules)\n"
        "np.save(sys.argv[1] + '/out.npy', load()(x).detach().numpy())\n"
    )
    kind = "int64" if len(bundle.shape) == 1 else "float32"
    arguments = [str(tmp_path / "out"), ",".join(map(str, bundle.shape)), kind]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    blank = bundle.features.blank()
    wanted = seqconv.load(GOLDEN / name).model.predict(blank)
    np.testing.assert_allclose(np.load(tmp_path / "out" / "out.npy")[:1], wanted, rtol=1e-4, atol=1e-6)
    assert torch.__version__
    with pytest.raises(ConfigError, match="already exists"):
        export_torch(GOLDEN / name, tmp_path / "out")
    with pytest.raises(ConfigError, match="this format holds networks alone"):
        export_torch(GOLDEN / "series-ridge", tmp_path / "other")
    assert not (tmp_path / "other").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file: already exists"):
        export_torch(GOLDEN / name, tmp_path / "file")


def test_a_module_is_written_where_pytorch_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    results = export_torch(GOLDEN / "series", tmp_path / "out")
    assert (results.difference, results.runtime) == (None, "not tried: PyTorch is not installed")


@pytest.mark.parametrize("name", ["text", "series-blend", "sequence"])
def test_the_reference_implementation_tries_files_where_onnxruntime_is_not(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    results = export_onnx(GOLDEN / name, tmp_path / "model.onnx")
    assert results.runtime == "onnx.reference"
    assert results.difference <= 1e-5


@pytest.mark.parametrize(("module", "write"), [("onnx", export_onnx), ("h5py", export_keras)])
def test_what_is_not_installed_is_named(module, write, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{module} is not installed. Install it with: pip install 'seqconv\["):
        write(GOLDEN / "series", tmp_path / f"model.{'onnx' if module == 'onnx' else 'keras'}")
    assert not list(tmp_path.iterdir())
