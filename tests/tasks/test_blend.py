"""Blends of a network and baselines: their logits add up, wherever the model is asked."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import seqconv
from helpers.command import seqconv_command
from helpers.runs import write_data
from seqconv.errors import BundleError, ConfigError
from seqconv.models.format import read_bundle, write_bundle
from seqconv.models.predictor import Predictor
from seqconv.networks.engines.choice import create_network
from seqconv.recipes.recipe import read_recipe, recipe_from_dict
from seqconv.recipes.sections import KINDS, NETWORK
from seqconv.tasks.baselines import restore
from seqconv.tasks.blend import FACTORS, split_parts
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.stacking import weigh_logits
from seqconv.tasks.text.explaining import explain_text
from seqconv.training.folder import Options

TEXTS = ["good film", "bad bad plot", "", "the the fine dull unseen"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blend")
    write_data(folder)
    options = Options(out=folder / "run", threads=1)
    return seqconv.train(suggest_recipe(str(folder / "texts.csv")).recipe, options)


def test_texts_get_a_blend_unless_a_network_is_asked_for(tmp_path):
    write_data(tmp_path)
    path = str(tmp_path / "texts.csv")
    assert suggest_recipe(path).recipe.training.model == "blend"
    assert any("--model network trains it alone" in note for note in suggest_recipe(path).notes)
    assert suggest_recipe(path, network="imdb-conv1d").recipe.training.model == NETWORK
    assert suggest_recipe(path, ["training.model=network"]).recipe.training.model == NETWORK
    assert suggest_recipe(path, ["training.epochs=1"]).recipe.training.model == "blend"


def test_the_logits_of_the_members_add_up(run):
    bundle = read_bundle(run.folder)
    parts, features = split_parts(bundle.weights, "text"), bundle.features
    inputs = features.read_texts(TEXTS)
    network = create_network("native", bundle.plan, parts.network, bundle.recipe.training, 1)
    kinds = TASKS["text"].baselines
    models = {NETWORK: network} | {kind: restore(kinds, kind, features, own) for kind, own in parts.members.items()}
    assert set(parts.factors) == set(models) > {NETWORK}
    expected = sum(factor * models[name].predict(inputs).astype(np.float64) for name, factor in parts.factors.items())
    predictor = seqconv.load(run.folder)
    np.testing.assert_allclose(predictor.model.predict(inputs), expected, rtol=1e-12)
    np.testing.assert_allclose(predictor.predict(TEXTS)[:, 1], 1 / (1 + np.exp(-expected[:, 0])), rtol=1e-6)
    torch = Predictor(bundle, engine="torch").predict(TEXTS)
    np.testing.assert_allclose(torch, predictor.predict(TEXTS), atol=1e-5)


def test_the_leaderboard_has_the_members_and_what_they_make_up(run):
    results = run.results
    weights = {each.kind: each.weight for each in results.baselines}
    assert results.model == "blend"
    assert sum(weight for weight in weights.values() if weight is not None) == pytest.approx(1)
    assert {kind for kind, weight in weights.items() if weight} <= {NETWORK, *KINDS["text"].blended}
    assert weights["majority"] is None
    page = (run.folder / "report.html").read_text()
    assert "weight in the blend" in page
    bundle = read_bundle(run.folder)
    assert bundle.seen is not None


def test_it_is_as_good_as_its_members_on_the_validation_rows(run):
    losses = {each.kind: each.validation["loss"] for each in run.results.baselines}
    assert run.results.validation["loss"] <= min(losses[name] for name in (NETWORK, "words", "characters")) + 0.01


def test_saved_shrunk_explained_and_evaluated(run, tmp_path):
    def ask(*words: object) -> dict:
        return json.loads(seqconv_command(*map(str, words), "--json", cwd=tmp_path).stdout)

    smaller = ask("shrink", run.folder, "-o", "small", "--keep", 0.5)
    assert smaller["bytes"]["after"] < 0.5 * smaller["bytes"]["before"]
    assert smaller["changed"] < 0.1
    before, after = (seqconv.load(folder).predict(TEXTS) for folder in (run.folder, tmp_path / "small"))
    np.testing.assert_allclose(before, after, atol=0.1)
    found = ask("explain", run.folder, "good film")
    words = {each["span"]: each["contribution"] for each in found["parts"]}
    assert found["exact"] is True
    assert max(words, key=words.get) == "good"
    assert ask("evaluate", run.folder, run.folder.parent / "texts.csv")["metrics"]["accuracy"]["value"] > 0.8


@pytest.mark.parametrize("text", [*TEXTS, "GOOD!? :)   bad--bad", "好看 İ goodgood ΟΔΟΣ", "?!", "good " * 30])
def test_explanations_add_up_to_the_logit(run, text):
    (found,) = explain_text(seqconv.load(run.folder), text)
    assert found.constant + sum(each.contribution for each in found.parts) == pytest.approx(found.logit, abs=1e-4)
    for each in found.parts:
        assert each.span == text[each.start : each.end]
    if "good" in text.lower() and "bad" not in text:
        assert max(found.parts, key=lambda each: each.contribution).span.lower().count("good")


def test_no_baselines_fits_the_members_all_the_same(tmp_path):
    write_data(tmp_path)
    done = seqconv_command("train", "texts.csv", "--no-baselines", "--epochs", 2, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert found["model"] == "blend"
    assert {each["kind"] for each in found["baselines"]} == {NETWORK, "words", "characters"}


@pytest.mark.parametrize("broken", ["absent", "negative", "no network", "member without factor", "text"])
def test_damaged_factors_are_refused(run, tmp_path, broken):
    write_bundle(read_bundle(run.folder), tmp_path / "model")
    path = tmp_path / "model" / "weights.safetensors"
    arrays = load_file(path)
    factors = arrays.pop(FACTORS)
    wrong = {
        "negative": -factors,
        "no network": factors * np.array([0, 1, 1]),
        "member without factor": factors * np.array([1, 0, 0]),
        "text": factors.astype(np.float32)[:1],
    }
    save_file(arrays | ({} if broken == "absent" else {FACTORS: wrong[broken]}), path)
    header = json.loads((tmp_path / "model" / "bundle.json").read_text())
    header["files"]["weights.safetensors"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "model" / "bundle.json").write_text(json.dumps(header))
    with pytest.raises(BundleError, match=r"weights\.safetensors: (factors|arrays)"):
        read_bundle(tmp_path / "model")


def test_the_printed_loss_has_no_blend():
    table = read_recipe("imdb-conv1d-as-printed").to_dict()
    table["training"]["model"] = "blend"
    with pytest.raises(ConfigError, match=r"blend adds logits.*Use --model network"):
        recipe_from_dict(table)


def test_weights_are_parts_of_the_size():
    outputs = [np.array([[2.0], [-2.0]]), np.array([[1.0], [1.0]])]
    np.testing.assert_array_equal(weigh_logits(outputs, np.array([1.0, 2.0])), [0.5, 0.5])
