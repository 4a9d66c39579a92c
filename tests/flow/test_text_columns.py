"""Columns next to texts: learned with them, explained with them, and asked for wherever a model is."""

import json
import pickle

import numpy as np
import pandas
import polars
import pytest

from helpers.command import seqconv_command
from seqconv import TextClassifier, TextRegressor, load
from seqconv.errors import DataError
from seqconv.models.format import write_bundle
from seqconv.serving.requests import describe_model, explain, predict
from seqconv.tasks.text.task import TEXT

pytestmark = pytest.mark.usefixtures("quick")

NAMES = ["subject", "price", "brand", "sold"]


def draw_offers(count: int, seed: int) -> polars.DataFrame:
    """What is bought: what is praised, cheap, of a good brand and sold on a weekday, all together."""
    random = np.random.default_rng(seed)
    good, brand = random.integers(0, 2, count), random.choice(["acme", "bolt", "core"], count)
    price, day = random.uniform(1, 100, count).round(2), random.integers(0, 300, count)
    noise = random.choice(["film", "plot", "one", "two", "three"], (count, 6))
    verdict = np.where(good == 1, random.choice(["fine", "nice"], count), random.choice(["dull", "poor"], count))
    worth = 2.0 * good - 1 + (50 - price) / 25 + 0.8 * (brand == "acme")
    sold = np.datetime64("2024-01-01") + day
    return polars.DataFrame(
        {
            "subject": [" ".join(random.choice(["about", "the", "order"], 4)) for _ in range(count)],
            "body": [" ".join([*words, word]) for words, word in zip(noise, verdict, strict=True)],
            "price": [
                None if missing else str(each) for each, missing in zip(price, random.random(count) < 0.03, strict=True)
            ],
            "brand": brand,
            "sold": [str(each) for each in sold],
            "label": np.where(worth > 0.2, "buy", "skip"),
            "worth": worth.round(3),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    draw_offers(500, 0).drop("worth").write_csv(folder / "offers.csv")
    draw_offers(100, 1).drop("worth").write_csv(folder / "new.csv")
    named = ("train", "offers.csv", "--text", "body", "--label", "label")
    seqconv_command(*named, "--columns", "all", "-q", "-o", "run", cwd=folder)
    seqconv_command(*named, "--no-baselines", "-q", "-o", "alone", cwd=folder)
    return folder


def results(folder, run):
    return json.loads((folder / run / "metrics.json").read_text())


def list_objects(folder):
    return polars.read_csv(folder / "new.csv").select("body", *NAMES).to_dicts()


def test_what_depends_on_text_and_columns_is_learned_from_both(folder):
    both, alone = (results(folder, run)["test"]["accuracy"] for run in ("run", "alone"))
    assert both > 0.9 > 0.82 > alone
    assert results(folder, "run")["settings"]["data"]["columns"] == NAMES
    assert all(each["test"]["accuracy"] > 0.88 for each in results(folder, "run")["baselines"][1:])


def test_file_memory_server_and_frame_agree(folder):
    seqconv_command("predict", "run", "new.csv", "-q", "-o", "out.csv", cwd=folder)
    found, model, objects = polars.read_csv(folder / "out.csv"), load(folder / "run"), list_objects(folder)
    stated = found.select("probability of buy", "probability of skip").to_numpy()
    assert (found["prediction"] == found["label"]).mean() > 0.85
    np.testing.assert_allclose(model.predict(objects), stated, rtol=1e-5)
    np.testing.assert_allclose(model.predict(polars.read_csv(folder / "new.csv")), stated, rtol=1e-5)
    np.testing.assert_allclose(model.predict(pandas.read_csv(folder / "new.csv")), stated, rtol=1e-5)
    (answers,) = predict(model, json.dumps({"texts": objects}).encode())
    np.testing.assert_allclose([[*each["probabilities"].values()] for each in answers], stated, rtol=1e-5)
    about, form = describe_model(model, folder / "run"), TEXT.form
    assert (about["text_column"], about["columns"]) == ("body", NAMES)
    for asked in (json.loads(form.request(about))["texts"], [json.loads(form.example(model.bundle))]):
        assert model.predict(asked).shape == (1, 2)
    polars.read_csv(folder / "new.csv").write_parquet(folder / "new.parquet")
    seqconv_command("predict", "run", "new.parquet", "-q", "-o", "again.csv", cwd=folder)
    np.testing.assert_allclose(polars.read_csv(folder / "again.csv")["probability of buy"], stated[:, 0], rtol=1e-5)


def test_cells_that_are_missing_or_new_are_answered(folder):
    model, (first, *_) = load(folder / "run"), list_objects(folder)
    for changed in ({"brand": "never seen"}, {"brand": None, "price": None, "sold": None, "subject": None}):
        assert np.isfinite(model.predict([first | changed])).all()
    cheap, dear, far = (model.predict([first | {"price": price}])[0, 0] for price in (1, 99, 1e9))
    assert cheap > dear >= far - 0.2
    for price in ("5", "5.0", 5, 5.0, "5,0"):
        assert model.predict([first | {"price": price}]) == pytest.approx(model.predict([first | {"price": 5}]))


def test_effects_of_words_and_columns_add_up(folder):
    model, (first, *_) = load(folder / "run"), list_objects(folder)
    why = explain(model, json.dumps({"texts": [first | {"price": 1, "brand": "core"}]}).encode())
    parts = sum(part["contribution"] for part in (*why["parts"], *why["columns"]))
    assert why["constant"] + parts == pytest.approx(why["logit"], rel=1e-4)
    assert {each["column"].partition(" = ")[0] for each in why["columns"]} == {"price", "brand", "sold"}
    strongest = max(why["columns"], key=lambda each: abs(each["contribution"]))
    assert strongest["column"] == "price = 1"
    said = seqconv_command("explain", "run", "--file", "new.csv", "--row", "2", "-o", "why.html", cwd=folder).stdout
    assert "“price = " in said
    assert "price = " in (folder / "why.html").read_text()


def test_scores_of_other_rows_and_a_smaller_model(folder):
    said = json.loads(seqconv_command("evaluate", "run", "new.csv", "--json", cwd=folder).stdout)
    right = load(folder / "run").predict(list_objects(folder)).argmax(axis=1)
    truth = polars.read_csv(folder / "new.csv")["label"].to_numpy() == "skip"
    assert said["metrics"]["accuracy"]["value"] == (right == truth).mean()
    own = json.loads(seqconv_command("evaluate", "run", "--json", cwd=folder).stdout)
    assert own["metrics"]["accuracy"]["value"] == results(folder, "run")["test"]["accuracy"]
    shuffled = own["order_probe"]["shuffled"]["accuracy"]  # of the words alone: columns have no order
    assert shuffled > 0.9
    seqconv_command("shrink", "run", "-o", "small", cwd=folder)
    change = load(folder / "small").predict(list_objects(folder)) - load(folder / "run").predict(list_objects(folder))
    assert np.abs(change).max() < 0.05


@pytest.mark.parametrize("model", ["network", "words", "tf-idf"])
def test_every_kind_of_model_reads_columns(folder, model):
    named = ("train", "offers.csv", "--text", "body", "--label", "label", "--columns", "price,brand")
    seqconv_command(*named, "--model", model, "--no-baselines", "-q", "-o", model, cwd=folder)
    assert results(folder, model)["test"]["accuracy"] > 0.85
    objects = [{name: each[name] for name in ("body", "price", "brand")} for each in list_objects(folder)]
    assert load(folder / model).predict(objects).shape == (100, 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("predict", "run", "lacking.csv"), "must have the column 'brand', which the model reads next to the text"),
        (("predict", "run", "lines.txt"), "must be a table with the columns subject, price, brand, sold"),
        (("predict", "run", "wrong.csv"), "column 'price', row 1: must be a number, as in training; got 'dear'"),
        (("explain", "run", "a text"), "the model reads the columns subject, price, brand, sold next to a text"),
        (("train", "offers.csv", "--columns", "prize", "--text", "body"), "must have the column 'prize'"),
        (
            ("train", "offers.csv", "--columns", "label", "--text", "body", "--label", "label"),
            "--columns must be other",
        ),
        (("train", "lines.txt", "--columns", "price"), "--columns needs a table"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, arguments, says):
    frame = polars.read_csv(folder / "new.csv")
    frame.drop("brand").write_csv(folder / "lacking.csv")
    frame.with_columns(price=polars.lit("dear")).write_csv(folder / "wrong.csv")
    (folder / "lines.txt").write_text("__label__a one\n__label__b two\n" if arguments[0] == "train" else "one\ntwo\n")
    done = seqconv_command(*arguments, cwd=folder, code=2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("a text", "must be an object with the keys 'body', 'subject'"),
        ({"body": "a text"}, "'subject' is absent"),
        ({"body": "a", "subject": "b", "price": 1, "brand": "c", "sold": None, "x": 1}, "'x' is no column"),
        ({"body": 1, "subject": "b", "price": 1, "brand": "c", "sold": None}, "'body' must be a text"),
        ({"body": "a", "subject": "b", "price": [1], "brand": "c", "sold": None}, "'price' must be a text, a number"),
    ],
)
def test_a_request_of_another_form_is_refused(folder, item, says):
    with pytest.raises(DataError, match=says):
        [*predict(load(folder / "run"), json.dumps({"texts": [item]}).encode())]


def test_rows_that_differ_in_their_columns_are_no_copies(tmp_path):
    frame = draw_offers(200, 2).with_columns(body=polars.lit("the same words"))
    frame.drop("worth", "sold", "subject").write_csv(tmp_path / "same.csv")
    named = ("--text", "body", "--label", "label", "--columns", "price,brand", "--model", "words", "--no-baselines")
    seqconv_command("train", "same.csv", *named, "-q", "-o", "run", cwd=tmp_path)
    assert results(tmp_path, "run")["test"]["accuracy"] > 0.6
    said = json.loads(seqconv_command("inspect", "same.csv", *named[:6], "--json", cwd=tmp_path).stdout)
    assert not [each for each in said["findings"] if each["weight"] == "blocks"]


def test_estimators_read_frames(tmp_path):
    train, new = draw_offers(500, 0), draw_offers(100, 1)
    columns = {"text": "body", "columns": ["price", "brand"], "random_state": 0}
    model = TextClassifier(**columns).fit(train, train["label"].to_numpy())
    assert model.score(new, new["label"].to_numpy()) > 0.85
    expected = model.predict_proba(new)
    np.testing.assert_allclose(model.predict_proba(new.to_pandas()), expected, rtol=1e-5)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(model)).predict_proba(new), expected)
    write_bundle(model.bundle_, tmp_path / "model")
    np.testing.assert_allclose(load(tmp_path / "model").predict(new), expected, rtol=1e-5)
    worth = TextRegressor(**columns).fit(train, train["worth"].to_numpy())
    assert worth.score(new, new["worth"].to_numpy()) > 0.85
    write_bundle(worth.bundle_, tmp_path / "worth")
    np.testing.assert_allclose(load(tmp_path / "worth").regress(new)[:, 0], worth.predict(new), rtol=1e-5)
    with pytest.raises(DataError, match="must have the column 'brand'"):
        model.predict(new.drop("brand"))
    whole = TextClassifier(text="body", columns="all", epochs=2, random_state=0)
    assert whole.fit(train.drop("label"), train["label"].to_numpy()).bundle_.features.columns.names[-1] == "worth"
