"""Networks that a user brings along as files of Keras: trained further, kept as they are, and used like any other."""

import json
from pathlib import Path

import numpy as np
import pytest

import seqconv
from helpers.keras import KerasLayer, draw, input_layer, write_keras
from helpers.networks import native
from helpers.runs import write_data
from seqconv.errors import BundleError, DataError, OptionError, SeqconvError
from seqconv.networks.inputs import TokenInputs, stack_windows
from seqconv.tasks import guessing
from seqconv.tasks.given import read_given
from seqconv.tasks.text.word_lists import read_word_list
from seqconv.training import run as runs
from seqconv.training.export import export_keras, export_onnx
from seqconv.training.finished import Run
from seqconv.training.folder import Options

pytest.importorskip("h5py")
WORDS = ("", "[UNK]", "the", "good", "bad", "film", "two words", "plot", "dull")
AS_IS = "training.epochs=0"


def write_text_network(folder: Path, outputs: int = 1, rows: int = len(WORDS), ending: str = "sigmoid") -> Path:
    random = np.random.default_rng(0)
    (folder / "words.txt").write_text("\n".join([*WORDS, ""]))
    return write_keras(
        folder / "text.keras",
        [
            input_layer(20),
            KerasLayer("Embedding", {"input_dim": rows, "output_dim": 4}, draw(random, (rows, 4))),
            _conv(random, 4, 6, 3),
            KerasLayer("GlobalMaxPooling1D"),
            KerasLayer("Dense", {"units": outputs, "activation": ending}, draw(random, (6, outputs), (outputs,))),
        ],
    )


def _conv(random: np.random.Generator, inputs: int, filters: int, kernel: int) -> KerasLayer:
    sizes = {"filters": filters, "kernel_size": [kernel], "strides": [1], "dilation_rate": [1], "activation": "relu"}
    return KerasLayer("Conv1D", sizes, draw(random, (kernel, inputs, filters), (filters,)))


def write_step_network(folder: Path, length: int, channels: int, outputs: int, ending: str = "linear") -> Path:
    random = np.random.default_rng(0)
    cell = {"/cell": draw(random, (5, 12), (4, 12), (2, 12))[""]}
    return write_keras(
        folder / "steps.keras",
        [
            input_layer(length, channels),
            _conv(random, channels, 5, 3),
            KerasLayer("GRU", {"units": 4}, cell),
            KerasLayer("Dense", {"units": outputs, "activation": ending}, draw(random, (4, outputs), (outputs,))),
        ],
    )


def train(folder: Path, source: Path, network: Path, *settings: str) -> Run:
    suggested = guessing.suggest_recipe(str(source), settings, str(network))
    return runs.train(suggested.recipe, Options(out=folder / "run", baselines=False), data=suggested.data)


def outputs_of(network: Path, x: np.ndarray) -> np.ndarray:
    found = read_given(str(network))
    return native(found.plan, found.weights).predict(TokenInputs(x) if x.ndim == 2 else stack_windows(x))


def to_rows(text: str, length: int = 20) -> list[int]:
    """As TextVectorization and pad_sequences do it."""
    rows = [WORDS.index(word) if word in WORDS else 1 for word in text.split()]
    return [0] * (length - len(rows)) + rows


@pytest.mark.parametrize(("outputs", "ending"), [(1, "sigmoid"), (2, "softmax")])
def test_a_network_of_texts_answers_as_it_did(outputs, ending, tmp_path):
    network = write_text_network(tmp_path, outputs, ending=ending)
    words = f"text.words={tmp_path / 'words.txt'}"
    run = train(tmp_path, write_data(tmp_path)["text"], network, words, AS_IS)
    texts = ["the film good", "bad plot dull unheard", "", "fine"]
    logits = outputs_of(network, np.array([to_rows(text) for text in texts], np.int32)).astype(np.float64)
    logits = logits if outputs == 1 else np.diff(logits)
    predictor = seqconv.load(run.folder)
    found = predictor.predict(texts)
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-logits[:, 0])), rtol=1e-5)
    assert run.results.epochs == run.results.best_epoch == 0
    assert predictor.bundle.features.vocabulary.words == ("the", "good", "bad", "film", "plot", "dull")
    assert predictor.bundle.features.max_len == 20


def test_it_can_do_what_every_model_can(tmp_path):
    network = write_text_network(tmp_path)
    words = f"text.words={tmp_path / 'words.txt'}"
    run = train(tmp_path, write_data(tmp_path)["text"], network, words, "training.epochs=4", "training.patience=0")
    assert run.results.epochs == 4
    assert run.results.best_epoch > 0
    assert seqconv.evaluate(run.folder).test["accuracy"] > 0.6
    seqconv.shrink(run.folder, tmp_path / "small")
    pytest.importorskip("onnx")
    assert export_onnx(run.folder, tmp_path / "model.onnx").difference < 1e-5
    assert seqconv.read_recipe(str(run.folder / "recipe.toml")).network.weights == str(network)


def test_training_that_makes_it_no_better_keeps_it(tmp_path):
    network = write_text_network(tmp_path)
    words = f"text.words={tmp_path / 'words.txt'}"
    settings = ("training.epochs=1", "training.learning_rate=10")
    run = train(tmp_path, write_data(tmp_path)["text"], network, words, *settings)
    assert run.results.best_epoch == 0
    weights = seqconv.load(run.folder).bundle.weights
    np.testing.assert_array_equal(weights["1.kernel"], read_given(str(network)).weights["1.kernel"])


@pytest.mark.parametrize("unscaled", [False, True])
def test_a_network_of_a_series_forecasts_as_it_did(unscaled, tmp_path):
    network = write_step_network(tmp_path, 24, 3, 2)
    settings = ('data.target=["a", "b"]', "windows.leads=6h", AS_IS, f"network.unscaled={str(unscaled).lower()}")
    run = train(tmp_path, write_data(tmp_path)["series"], network, *settings)
    predictor = seqconv.load(run.folder)
    scaler, spec = predictor.bundle.features.scaler, predictor.bundle.features.spec
    assert (spec.length, spec.leads) == (24, (6,))
    assert not predictor.bundle.features.calendar
    rows = scaler.make_rows(24)
    wanted = outputs_of(network, ((rows - scaler.mean) / scaler.std).astype(np.float32)[None])[0]
    wanted = wanted if unscaled else wanted * scaler.std[:2] + scaler.mean[:2]
    np.testing.assert_allclose(predictor.forecast(rows)[0, 0], wanted, rtol=1e-4, atol=1e-5)


def test_a_network_of_sequences_answers_as_it_did(tmp_path):
    network = write_step_network(tmp_path, 30, 1, 3, "softmax")
    run = train(tmp_path, write_data(tmp_path)["sequence"], network, AS_IS)
    assert seqconv.load(run.folder).bundle.features.shape == (30, 1)
    assert run.results.best_epoch == 0


def test_what_does_not_fit_is_named(tmp_path):
    data = write_data(tmp_path)
    network = write_text_network(tmp_path)
    with pytest.raises(OptionError, match=r"the words of its Embedding must be known.*text\.words=FILE"):
        train(tmp_path, data["text"], network, AS_IS)
    (tmp_path / "few.txt").write_text("\n".join([*WORDS, "more", ""]))
    with pytest.raises(DataError, match="must have a line for each of the 9 rows of the Embedding"):
        train(tmp_path, data["text"], network, f"text.words={tmp_path / 'few.txt'}", AS_IS)
    (tmp_path / "bare.txt").write_text("the\ngood\n")
    with pytest.raises(DataError, match=r"bare\.txt: must have a line for padding"):
        train(tmp_path, data["text"], network, f"text.words={tmp_path / 'bare.txt'}", AS_IS)
    with pytest.raises(OptionError, match=r"answers 2 value\(s\); the data need 3"):
        train(tmp_path, data["sequence"], write_step_network(tmp_path, 30, 1, 2), AS_IS)
    with pytest.raises(SeqconvError, match="channels"):
        train(tmp_path, data["sequence"], write_step_network(tmp_path, 30, 2, 3), AS_IS)
    with pytest.raises(BundleError, match="there is none"):
        train(tmp_path, data["text"], tmp_path / "none.keras")
    with pytest.raises(SeqconvError, match=r"training\.epochs must be at least 1; got 0"):
        guessing.suggest_recipe(str(data["text"]), [AS_IS])
    assert not list(tmp_path.glob("run*"))


def test_ranks_of_words_are_those_of_keras(tmp_path):
    """In Keras's IMDB data the most frequent word has id 4, here 3."""
    network = write_text_network(tmp_path, rows=30)
    texts = np.empty(40, object)
    random = np.random.default_rng(0)
    texts[:] = [[1, *random.integers(4, 30, 12).tolist()] for _ in range(40)]
    labels = np.arange(40) % 2
    parts = {"x_train": texts, "y_train": labels, "x_test": texts, "y_test": labels}
    np.savez(tmp_path / "imdb.npz", **parts)
    settings = [f"data.source={tmp_path / 'imdb.npz'}", AS_IS]
    suggested = guessing.suggest_recipe("imdb-conv1d", settings, str(network))
    run = runs.train(suggested.recipe, Options(out=tmp_path / "run", baselines=False))
    rows = seqconv.load(run.folder).bundle.weights["0.embeddings"]
    assert len(rows) == 29
    np.testing.assert_array_equal(rows, np.delete(read_given(str(network)).weights["0.embeddings"], 3, axis=0))


def test_a_list_of_words_is_read_as_keras_writes_it(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(b"[PAD]\r\n[START]\r\n[UNK]\r\nwell-made\r\ngood\r\ngood\r\nGreat\r\n")
    found = read_word_list(str(path))
    assert found.words == ("good",)
    assert found.rows.tolist() == [0, 1, 2, 4]


def test_what_was_exported_comes_back_with_its_words(tmp_path):
    network = write_text_network(tmp_path)
    source = write_data(tmp_path)["text"]
    first = train(tmp_path, source, network, f"text.words={tmp_path / 'words.txt'}", "training.epochs=2")
    export_keras(first.folder, tmp_path / "back.keras")
    words = f"text.words={tmp_path / 'back.tokenizer.json'}"
    suggested = guessing.suggest_recipe(str(source), [words, AS_IS], str(tmp_path / "back.keras"))
    second = runs.train(suggested.recipe, Options(out=tmp_path / "second", baselines=False))
    texts = ["the film good", "bad plot dull unheard", ""]
    wanted = seqconv.load(first.folder).predict(texts)
    np.testing.assert_array_equal(seqconv.load(second.folder).predict(texts), wanted)


def test_a_file_in_place_of_a_model_is_told_where_it_goes(tmp_path):
    network = write_text_network(tmp_path)
    with pytest.raises(BundleError, match=r"it is a network of Keras.*Train with --network .*text\.keras"):
        seqconv.load(network)


def test_functions_take_the_file_too(tmp_path):
    network, source = write_text_network(tmp_path), write_data(tmp_path)["text"]
    words = tmp_path / "words.txt"
    run = seqconv.train(source, network=network, words=str(words), epochs=0, baselines=False, out=tmp_path / "run")
    assert (run.results.epochs, run.results.best_epoch) == (0, 0)


def test_the_command_line_takes_the_file(tmp_path, monkeypatch, capsys):
    from seqconv.__main__ import main

    network = write_text_network(tmp_path)
    source = write_data(tmp_path)["text"]
    words = f"text.words={tmp_path / 'words.txt'}"
    arguments = ["--network", str(network), "--set", words, "--epochs", "0", "-o", str(tmp_path / "run")]
    monkeypatch.setattr("sys.argv", ["seqconv", "train", str(source), *arguments, "--no-baselines", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out)["best_epoch"] == 0
