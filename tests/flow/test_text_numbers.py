"""Numbers that are predicted of texts: from training to a served answer, with honest intervals and baselines."""

import json

import numpy as np
import polars
import pytest

from helpers.command import seqconv_command
from seqconv import TextRegressor, load
from seqconv.data.readers.texts import read_texts
from seqconv.errors import DataError, OptionError
from seqconv.models.format import write_bundle
from seqconv.serving.requests import describe_model, explain, predict

pytestmark = pytest.mark.usefixtures("quick")

WORTH = {"cheap": -10, "old": -5, "plain": 0, "large": 4, "new": 6, "gold": 20}  # what a word adds to a price


def draw_items(count: int, seed: int) -> polars.DataFrame:
    """Descriptions of a few words, and prices that are sums over them, almost."""
    random = np.random.default_rng(seed)
    chosen = [random.choice(list(WORTH), random.integers(3, 8)) for _ in range(count)]
    prices = [60 + sum(WORTH[word] for word in words) + random.normal() for words in chosen]
    frame = {"description": [" ".join(words) for words in chosen], "price": np.round(prices, 2)}
    return polars.DataFrame(frame | {"stars": 1 + (np.array(prices) // 20).clip(0, 4).astype(int)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    draw_items(400, 0).write_csv(folder / "items.csv")
    draw_items(80, 1).write_csv(folder / "new.csv")
    seqconv_command("train", "items.csv", "--target", "price", "-q", "-o", "run", cwd=folder)
    return folder


def results(folder, run):
    return json.loads((folder / run / "metrics.json").read_text())


def test_a_run_is_judged_in_the_unit_of_the_number(folder):
    found = results(folder, "run")
    assert (found["metric"], found["targets"], found["model"]) == ("mae", ["price"], "blend")
    kinds = ["mean", "median", "tf-idf", "words", "characters", "network"]
    assert [each["kind"] for each in found["baselines"]] == kinds
    assert found["test"]["mae"] < 5 < found["baselines"][0]["test"]["mae"]
    with np.load(folder / "run/predictions.npz") as stored:
        error = np.abs(stored["outputs"] - stored["targets"])
        held = (stored["low"] <= stored["targets"]) & (stored["targets"] <= stored["high"])
    assert found["test"]["mae"] == pytest.approx(error.mean(), rel=1e-5)
    assert found["intervals"]["coverage"]["value"] == held.mean() > 0.8
    page = (folder / "run/report.html").read_text()
    assert "Predicted and actual price" in page
    assert "in blocks of" not in page


def test_answers_of_file_memory_and_server_are_the_same(folder):
    seqconv_command("predict", "run", "new.csv", "-q", "-o", "out.csv", cwd=folder)
    found, model = polars.read_csv(folder / "out.csv"), load(folder / "run")
    assert found.columns == ["description", "price", "stars", "prediction", "low", "high"]
    stated = found.select("prediction", "low", "high").to_numpy()
    assert np.abs(stated[:, 0] - found["price"].to_numpy()).mean() < 5
    assert ((stated[:, 1] <= found["price"].to_numpy()) & (found["price"].to_numpy() <= stated[:, 2])).mean() > 0.75
    texts = found["description"].to_list()
    np.testing.assert_allclose(model.regress(texts), stated, rtol=1e-6)
    (answers,) = predict(model, json.dumps({"texts": texts}).encode())
    np.testing.assert_allclose([list(answer.values()) for answer in answers], stated, rtol=1e-6)
    about = describe_model(model, folder / "run")
    assert (about["targets"], about["interval"], "classes" in about) == (["price"], 0.9, False)
    with pytest.raises(DataError, match="predicts numbers, not classes"):
        model.predict(texts)
    with pytest.raises(OptionError, match="top needs a model of classes"):
        [*predict(model, json.dumps({"texts": texts, "top": 2}).encode())]


def test_scores_of_other_rows(folder):
    said = json.loads(seqconv_command("evaluate", "run", "new.csv", "--json", cwd=folder).stdout)
    truth = polars.read_csv(folder / "new.csv")
    error = load(folder / "run").regress(truth["description"].to_list())[:, 0] - truth["price"].to_numpy()
    away = truth["price"].to_numpy() - truth["price"].mean()
    expected = {
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt((error**2).mean()),
        "r2": 1 - (error**2).sum() / (away**2).sum(),
    }
    assert {name: said["metrics"][name]["value"] for name in expected} == pytest.approx(expected, rel=1e-4)
    renamed = truth.rename({"price": "cost"})
    renamed.write_csv(folder / "renamed.csv")
    again = json.loads(
        seqconv_command("evaluate", "run", "renamed.csv", "--label", "cost", "--json", cwd=folder).stdout
    )
    assert again["metrics"]["mae"]["value"] == said["metrics"]["mae"]["value"]
    done = seqconv_command("evaluate", "run", "renamed.csv", cwd=folder, code=2)
    assert "must have the column 'price'" in done.stderr


def test_effects_add_up_to_the_number(folder):
    model, text = load(folder / "run"), "a gold cup, old"
    why = explain(model, json.dumps({"texts": [text]}).encode())
    point, low, high = model.regress([text])[0]
    assert (why["value"], why["low"], why["high"]) == pytest.approx((point, low, high), rel=1e-5)
    assert why["constant"] + sum(part["contribution"] for part in why["parts"]) == pytest.approx(point, rel=1e-5)
    effect = {text[each["start"] : each["end"]]: each["effect"] for each in why["words"]}
    assert effect["gold"] > 10 > 0 > effect["old"]
    said = seqconv_command("explain", "run", text, "-o", "why.html", cwd=folder).stdout
    assert "Mostly because of “gold” (+" in said
    assert "Effect on the predicted price" in (folder / "why.html").read_text()
    assert (
        "class: the model predicts a number"
        in seqconv_command("explain", "run", text, "--class", "a", cwd=folder, code=2).stderr
    )


@pytest.mark.parametrize("model", ["mean", "median", "tf-idf", "words", "characters", "network"])
def test_every_model_of_numbers(folder, model):
    arguments = ("train", "items.csv", "--target", "price", "--model", model, "--no-baselines", "-q", "-o", model)
    seqconv_command(*arguments, cwd=folder)
    learns = model not in ("mean", "median")
    assert (results(folder, model)["test"]["mae_scaled"] < 0.4) == learns
    texts = polars.read_csv(folder / "new.csv")["description"].to_list()
    assert load(folder / model).regress(texts).shape == (80, 3)


def test_few_numbers_are_classes_unless_a_target_is_named(folder):
    frame = polars.read_csv(folder / "items.csv")
    frame.select("description", "stars").write_csv(folder / "stars.csv")
    frame.select("description", "price").write_csv(folder / "prices.csv")
    assert len(read_texts(folder / "stars.csv").classes) == 5
    assert "--target stars predicts a number" in read_texts(folder / "stars.csv").notes[-1]
    stars, prices = read_texts(folder / "stars.csv", target="stars"), read_texts(folder / "prices.csv")
    assert (stars.number, prices.number) == ("stars", "price")
    np.testing.assert_array_equal(stars.labels, frame["stars"].to_numpy())
    np.testing.assert_array_equal(prices.labels, frame["price"].to_numpy())
    assert "--label price makes them classes" in prices.notes[-1]
    assert len(read_texts(folder / "prices.csv", label="price").classes) > 20
    ids = frame.select("description").with_row_index("number", 1)  # rows that are numbered: neither
    ids.write_csv(folder / "ids.csv")
    assert not read_texts(folder / "ids.csv").number
    said = json.loads(seqconv_command("inspect", "prices.csv", "--json", cwd=folder).stdout)
    assert [(each["name"], each["kind"]) for each in said["columns"]] == [("description", "text"), ("price", "target")]


def test_stars_are_answered_by_the_median_of_their_probabilities(folder):
    seqconv_command("train", "items.csv", "--target", "stars", "-q", "-o", "stars", cwd=folder)
    found = results(folder, "stars")
    assert (found["metric"], found["settings"]["training"]["loss"]) == ("mae", "categorical_crossentropy")
    seqconv_command("train", "items.csv", "--label", "stars", "-q", "-o", "classes", cwd=folder)
    with np.load(folder / "classes/predictions.npz") as stored:
        outputs, truth = stored["outputs"], stored["targets"]
    likeliest = np.abs(outputs.argmax(axis=1) - truth).mean()
    below = np.cumsum(np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True), axis=1)
    assert found["test"]["mae"] == pytest.approx(np.abs((below >= 0.5).argmax(axis=1) - truth).mean(), abs=0.05)
    assert found["test"]["mae"] <= likeliest + 0.05
    frame, model = polars.read_csv(folder / "new.csv"), load(folder / "stars")
    answers = model.regress(frame["description"].to_list())
    assert set(answers[:, 0]) <= set(frame["stars"])
    assert answers.min() >= 1
    assert answers.max() <= 5
    assert ((answers[:, 1] <= frame["stars"].to_numpy()) & (frame["stars"].to_numpy() <= answers[:, 2])).mean() > 0.8
    why = explain(model, json.dumps({"texts": ["a gold cup, old"]}).encode())
    assert why["constant"] + sum(part["contribution"] for part in why["parts"]) == pytest.approx(why["score"], rel=1e-5)
    assert why["value"] == model.regress(["a gold cup, old"])[0, 0]
    frame.with_columns(stars=9).write_csv(folder / "nine.csv")
    done = seqconv_command("evaluate", "stars", "nine.csv", cwd=folder, code=2)
    assert "'stars' must be one of its values in training (1, 2, 3, 4, 5); got 9" in done.stderr
    arguments = ("--set", "training.loss=mae", "--model", "words", "--no-baselines", "-q", "-o", "any")
    seqconv_command("train", "items.csv", "--target", "stars", *arguments, cwd=folder)
    assert len(set(load(folder / "any").regress(frame["description"].to_list())[:, 0])) > 5


def test_folds_weights_and_a_smaller_model(folder):
    arguments = ("items.csv", "--target", "price", "--folds", "3", "--model", "words", "-q", "-o", "folds")
    seqconv_command("backtest", *arguments, cwd=folder)
    assert (results(folder, "folds")["n"], results(folder, "folds")["metric"]) == (400, "mae")
    seqconv_command("shrink", "run", "-o", "small", cwd=folder)
    texts = polars.read_csv(folder / "new.csv")["description"].to_list()
    moved = load(folder / "small").regress(texts) - load(folder / "run").regress(texts)
    assert np.abs(moved).max() < 0.2


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--text", "description", "--target", "description"), "texts and labels must be different columns"),
        (("--target", "prize"), "must have the column 'prize'"),
        (("--target", "price", "--label", "stars"), "--label and --target exclude each other"),
        (("--target", "price", "--class-weight", "balanced"), "--class-weight is for classes; numbers are predicted"),
        (("--target", "price", "--model", "nb-svm"), "--model nb-svm: must fit the data"),
        (("--label", "stars", "--model", "mean"), "--model mean: must fit the data"),
        (("--label", "stars", "--coverage", "0.8"), "--coverage is for numbers that are predicted"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, flags, says):
    done = seqconv_command("train", "items.csv", *flags, "-q", "-o", "refused", cwd=folder, code=2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "refused").exists()


def test_an_empty_number_is_refused_with_its_line(folder):
    (folder / "gap.csv").write_text("text,price\na good one,1.5\na bad one,\n")
    done = seqconv_command("train", "gap.csv", "--target", "price", "-q", cwd=folder, code=2)
    assert "line 3: 'price' must be a number to predict; it is empty" in done.stderr


def test_a_regressor(folder, tmp_path):
    train, new = (polars.read_csv(folder / name) for name in ("items.csv", "new.csv"))
    model = TextRegressor(interval=0.8, random_state=0).fit(train["description"].to_list(), train["price"].to_numpy())
    texts, truth = new["description"].to_list(), new["price"].to_numpy()
    assert model.score(texts, truth) > 0.8
    low, high = model.predict_interval(texts).T
    assert 0.65 < ((low <= truth) & (truth <= high)).mean() < 1
    write_bundle(model.bundle_, tmp_path / "model")
    np.testing.assert_allclose(load(tmp_path / "model").regress(texts)[:, 0], model.predict(texts), rtol=1e-6)
    with pytest.raises(DataError, match="must have a target that varies"):
        TextRegressor().fit(texts, np.ones(80))
