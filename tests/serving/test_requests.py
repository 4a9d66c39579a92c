"""Requests in JSON and their answers, for every kind of model, without the web around them."""

import json

import numpy as np
import pytest

import seqconv
from helpers.runs import BASELINES, train_baselines
from helpers.serving import create_networks, make_rows, write_networks
from seqconv.data.readers.tables import read_table
from seqconv.data.records import Sequences
from seqconv.errors import ConfigError, DataError
from seqconv.models.format import FORMAT
from seqconv.serving import requests as answers
from seqconv.serving.files import predict_file
from seqconv.tasks import guessing
from seqconv.tasks.explanation import describe_grid
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.sequence.explaining import explain_sequence
from seqconv.tasks.series.answers import read_example_rows
from seqconv.tasks.series.explaining import explain_series
from seqconv.tasks.task import Source
from seqconv.tasks.text.explaining import explain_text
from seqconv.tasks.text_explanation import describe_texts
from seqconv.training import run as runs
from seqconv.training.folder import Options

pytestmark = pytest.mark.usefixtures("quick")

PIECE = TASKS["text"].piece
TEXTS = ["a good film", "not bad", "", "\N{GRINNING FACE} \x00 unheard"]
NETWORKS = create_networks()


def ask(predictor, body):
    """All predictions; what is sent and comes back is JSON."""
    found = [each for piece in answers.predict(predictor, json.dumps(body).encode()) for each in piece]
    return json.loads(json.dumps(found, allow_nan=False))


def explain(predictor, **body):
    return json.loads(json.dumps(answers.explain(predictor, json.dumps(body).encode()), allow_nan=False))


def test_texts_get_their_class_and_every_probability():
    found = ask(NETWORKS["text"], {"texts": TEXTS})
    shares = NETWORKS["text"].predict(TEXTS)
    assert [list(each["probabilities"].values()) for each in found] == shares.tolist()
    assert [each["prediction"] for each in found] == [("neg", "pos")[place] for place in shares.argmax(axis=1)]


def test_several_labels_are_a_list_and_of_many_classes_only_the_likeliest_counts():
    found = ask(NETWORKS["labels"], {"texts": TEXTS})
    for each, row in zip(found, NETWORKS["labels"].predict(TEXTS), strict=True):
        assert each["prediction"] == [name for name, share in zip("abc", row, strict=True) if share > 0.5]
        assert each["probabilities"] == dict(zip("abc", row.tolist(), strict=True))
    found = ask(NETWORKS["many"], {"texts": TEXTS})
    for each, row in zip(found, NETWORKS["many"].predict(TEXTS), strict=True):
        assert each == {"prediction": f"c{row.argmax()}", "probability": row.max()}


def test_many_texts_come_in_pieces_with_the_same_answers():
    texts = [f"good {'film ' * (number % 7)} bad not" for number in range(3 * PIECE - 1)]
    pieces = list(answers.predict(NETWORKS["text"], json.dumps({"texts": texts}).encode()))
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, PIECE - 1]
    shares = NETWORKS["text"].predict(texts)
    assert [each["probabilities"]["pos"] for piece in pieces for each in piece] == shares[:, 1].tolist()


def test_sequences_of_any_length_with_missing_values():
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(length, 2)).astype(np.float32) for length in (30, 1, 50)]
    arrays[2][40, 1] = np.nan
    asked = [[[None if np.isnan(v) else float(v) for v in step] for step in array] for array in arrays]
    given = Sequences(np.concatenate(arrays), np.array([0, 30, 31, 81]), np.zeros(0, np.int32), (), ("x", "y"), "")
    shares = NETWORKS["sequence"].classify(given)
    found = ask(NETWORKS["sequence"], {"sequences": asked})
    assert [list(each["probabilities"].values()) for each in found] == shares.tolist()
    assert explain(NETWORKS["sequence"], sequences=asked[1:2], **{"class": "a"}) == describe_grid(
        explain_sequence(NETWORKS["sequence"], given.take(np.array([1])), "a")
    )


@pytest.mark.parametrize("name", ["series", "bounded"])
def test_the_newest_rows_get_a_forecast_for_each_lead(name):
    predictor, rows = NETWORKS[name], make_rows()
    values = np.array([[row["T"], row["p"]] for row in rows])
    times = np.array([row["time"] for row in rows], "datetime64[s]")
    wanted = predictor.forecast(values, times)[-1, :, 0].tolist()
    found = ask(predictor, {"rows": rows})
    assert [(each["target"], each["lead"], each["time"]) for each in found] == [
        ("T", "2 h", "2016-12-04T09:00:00"),
        ("T", "6 h", "2016-12-04T13:00:00"),
    ]
    assert [each["prediction"] for each in found] == wanted
    if name == "bounded":
        bounds = predictor.forecast_interval(values, times)
        assert [(each["low"], each["high"]) for each in found] == list(
            zip(bounds.low[-1, :, 0].tolist(), bounds.high[-1, :, 0].tolist(), strict=True)
        )
    # rows before the window and columns that the model does not read make no difference
    assert ask(predictor, {"rows": [row | {"other": "x"} for row in rows[9:]]}) == found
    # nor do the rows between the steps
    rows[-2]["p"] = None
    assert ask(predictor, {"rows": rows}) == found


@pytest.mark.parametrize(
    ("start", "zone", "shown"),
    [
        ("2016-12-01T00:00:00", "", "2016-12-04T09:00:00"),
        ("2016-12-01T00:00:00", "Z", "2016-12-04T09:00:00+00:00"),
        ("2016-12-01T00:00:00", "+05:30", "2016-12-04T03:30:00+00:00"),
    ],
)
def test_times_come_back_as_sure_as_they_were(start, zone, shown):
    assert ask(NETWORKS["bounded"], {"rows": make_rows(start=start, zone=zone)})[0]["time"] == shown


def test_a_text_or_window_is_explained_as_on_the_command_line(tmp_path):
    assert explain(NETWORKS["text"], texts=["not bad"]) == describe_texts(explain_text(NETWORKS["text"], "not bad"))
    several = explain(NETWORKS["labels"], texts=["good"])
    assert [label["class"] for label in several["labels"]] == ["a", "b", "c"]
    assert explain(NETWORKS["labels"], texts=["good"], **{"class": "b"})["class"] == "b"
    rows = make_rows(90)
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    series = read_example_rows(NETWORKS["series"].bundle, Source(file=tmp_path / "rows.jsonl"))
    wanted = describe_grid(explain_series(NETWORKS["series"], series, lead="6h"))
    assert explain(NETWORKS["series"], rows=rows, lead="6 h", target="T") == wanted


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of every baseline but the slow ones, and the files behind them."""
    return train_baselines(tmp_path_factory.mktemp("baselines"), BASELINES)


@pytest.mark.parametrize("kind", BASELINES["text"])
def test_baselines_of_texts(folder, kind):
    predictor = seqconv.load(folder / f"text-{kind}")
    found = ask(predictor, {"texts": TEXTS})
    assert [list(each["probabilities"].values()) for each in found] == predictor.predict(TEXTS).tolist()
    assert explain(predictor, texts=["good film"])["method"] == "occlusion"


@pytest.mark.parametrize("kind", BASELINES["sequence"])
def test_baselines_of_sequences(folder, kind):
    predictor = seqconv.load(folder / f"sequence-{kind}")
    lines = (folder / "waves.ts").read_text().splitlines()[3:23]
    asked = [[[float(v)] for v in line.partition(":")[0].split(",")] for line in lines]
    (wanted,) = predict_file(predictor, folder / "waves.ts")
    found = ask(predictor, {"sequences": asked})
    assert [each["prediction"] for each in found] == wanted["prediction"].to_list()[:20]
    np.testing.assert_allclose([each["probabilities"]["1"] for each in found], wanted["probability of 1"][:20], 1e-6)


@pytest.mark.parametrize("kind", BASELINES["series"])
def test_baselines_of_series_read_the_clock_of_their_zone(folder, kind):
    predictor = seqconv.load(folder / f"series-{kind}")
    rows = read_table(folder / "series.csv").frame.tail(60).to_dicts()
    (wanted,) = predict_file(predictor, folder / "series.csv")
    found = ask(predictor, {"rows": rows})
    assert {f"{each['target']} in {each['lead']}": each["prediction"] for each in found} == {
        name: wanted[name][-1] for name in wanted.columns[-4:]
    }
    # as written: local times of Asia/Tokyo, the last 2020-02-07 11:00
    assert [each["time"] for each in found] == ["2020-02-07T12:00:00+09:00"] * 2 + ["2020-02-07T17:00:00+09:00"] * 2
    assert explain(predictor, rows=rows, target="b")["newest row"] == "2020-02-07 11:00"


def test_rows_without_times_of_their_own_get_none_back(folder, tmp_path):
    lines = (folder / "series.csv").read_text().splitlines()
    (tmp_path / "counted.csv").write_text("\n".join(line.partition(",")[2] for line in lines))
    months = [f"{1900 + n // 12}-{n % 12 + 1:02d}-01,{line.partition(',')[2]}" for n, line in enumerate(lines[1:])]
    (tmp_path / "months.csv").write_text("\n".join([lines[0], *months]))
    for name, interval in (("counted", "1h"), ("months", "30d")):
        leads = [f"data.interval={interval}", "data.target=a", f"windows.leads={interval}", "data.calendar=false"]
        suggested = guessing.suggest_recipe(str(tmp_path / f"{name}.csv"), ["training.model=naive", *leads])
        run = runs.train(suggested.recipe, Options(out=tmp_path / name, baselines=False), data=suggested.data)
        rows = read_table(tmp_path / f"{name}.csv").frame.tail(400).to_dicts()
        (found,) = ask(seqconv.load(run.folder), {"rows": rows})
        assert found["time"] is None
        assert found["prediction"] == pytest.approx(rows[-1]["a"], rel=1e-5)


def test_a_model_tells_what_it_takes_and_how_well_it_did(folder, tmp_path):
    run = folder / "series-ridge"
    found = answers.describe_model(seqconv.load(run), run)
    assert found["columns"] == ["a", "b", "c"]
    assert (found["targets"], found["leads"]) == (["a", "b"], ["1 h", "6 h"])
    assert (found["rows_needed"], found["rows_every"], found["zone"]) == (48, "1 h", "Asia/Tokyo")
    assert (found["model"], found["task"], found["takes"], found["format"]) == ("ridge", "series", "rows", FORMAT)
    results = json.loads((run / "metrics.json").read_text())
    assert found["scores"] == {name: results[name] for name in ("metric", "validation", "test", "verdict")}
    alone = answers.describe_model(seqconv.load(run), run / "model")
    assert alone == found | {"scores": None}
    for name, predictor in write_networks(tmp_path).items():
        about = answers.describe_model(predictor, tmp_path / name)
        assert about["scores"] is None
        assert about["model"] == "network"
        json.dumps(about, allow_nan=False)
    assert answers.describe_model(NETWORKS["bounded"], tmp_path / "bounded")["interval"] == 0.8
    (tmp_path / "text" / "metrics.json").write_text("{}")
    with pytest.raises(seqconv.SeqconvError, match=r"metrics.json: must be as seqconv writes it"):
        answers.describe_model(NETWORKS["text"], tmp_path / "text")


def test_a_broken_model_answers_null(tmp_path):
    from dataclasses import replace

    bundle = NETWORKS["series"].bundle
    broken = replace(bundle, weights={name: array * np.nan for name, array in bundle.weights.items()})
    found = ask(seqconv.Predictor(broken), {"rows": make_rows()})
    assert [each["prediction"] for each in found] == [None, None]


def test_what_cannot_be_explained_is_named_as_in_the_request():
    with pytest.raises(ConfigError, match=r"^class: unknown class 'poss'\. Did you mean 'pos'"):
        explain(NETWORKS["text"], texts=["good"], **{"class": "poss"})
    with pytest.raises(ConfigError, match=r"^lead must be one of 2 h, 6 h; got '3h'"):
        explain(NETWORKS["series"], rows=make_rows(), lead="3h")
    with pytest.raises(ConfigError, match=r"^target: unknown target 't'"):
        explain(NETWORKS["series"], rows=make_rows(), target="t")
    with pytest.raises(DataError, match="must hold one to explain; got 2"):
        explain(NETWORKS["text"], texts=["good", "bad"])
    with pytest.raises(DataError, match="class: must be a text; got a number"):
        explain(NETWORKS["text"], texts=["good"], **{"class": 1})
