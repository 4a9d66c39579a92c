"""The most probable classes with their probabilities: in files, in requests and on the command line."""

import json

import numpy as np
import polars
import pytest

from helpers.command import seqconv_command
from helpers.predictors import THREE, series_predictor, text_predictor
from helpers.serving import create_networks, write_networks
from seqconv.errors import DataError, OptionError
from seqconv.serving import requests
from seqconv.serving.files import predict_file
from seqconv.tasks.bundle import Listing
from seqconv.tasks.classes import Classes
from seqconv.tasks.label_sets import Labels

TEXTS = ["a good film", "not bad", "bad film not good"]
MODEL = text_predictor(THREE, classes=("a", "b", "c"))


def ask(model, **body):
    return [each for piece in requests.predict(model, json.dumps(body).encode()) for each in piece]


def test_files_list_the_most_probable_classes_in_order(tmp_path):
    (tmp_path / "new.csv").write_text("\n".join(["text", *TEXTS]))
    (found,) = predict_file(Listing.of(MODEL, 2), tmp_path / "new.csv")
    assert found.columns == ["text", "prediction", "class 1", "probability 1", "class 2", "probability 2"]
    shares = MODEL.predict(TEXTS)
    for row, each in zip(found.to_dicts(), shares, strict=True):
        order = np.argsort(-each)
        assert [row["class 1"], row["class 2"]] == ["abc"[place] for place in order[:2]]
        assert [row["probability 1"], row["probability 2"]] == sorted(each.tolist(), reverse=True)[:2]
        assert row["prediction"] == row["class 1"]


def test_requests_list_them_as_objects():
    found = ask(MODEL, texts=TEXTS, top=2)
    for each, row in zip(found, MODEL.predict(TEXTS), strict=True):
        order = np.argsort(-row)[:2]
        assert each["top"] == [{"class": "abc"[place], "probability": float(row[place])} for place in order]
        assert set(each) == {"prediction", "top"}
    assert len(ask(MODEL, texts=TEXTS, top=99)[0]["top"]) == 3
    assert ask(MODEL, texts=TEXTS, top=2.0) == found  # JSON has one kind of number
    assert "top" not in ask(MODEL, texts=TEXTS)[0]
    sequences = [[[0.5, 1.0]] * 30]
    assert len(ask(create_networks()["sequence"], sequences=sequences, top=1)[0]["top"]) == 1


def test_with_a_threshold_the_answer_need_not_be_the_most_probable():
    shares = np.array([[0.7, 0.3]])
    (found,) = Classes(("ham", "spam"), (("spam", 0.2),)).list_top(1).to_json(shares)
    assert found == {"prediction": "spam", "top": [{"class": "ham", "probability": 0.7}]}
    (several,) = Labels(("x", "y", "z")).list_top(2).to_json(np.array([[0.1, 0.9, 0.8]]))
    assert several["prediction"] == ["y", "z"]
    assert [each["class"] for each in several["top"]] == ["y", "z"]


def test_of_many_classes_those_asked_for_are_listed():
    names = tuple(f"c{number}" for number in range(3000))
    shares = np.random.default_rng(0).dirichlet(np.ones(3000), 2)
    found = Classes(names).list_top(5).to_columns(shares)
    assert len(found) == 11
    assert found["class 5"] == [names[place] for place in np.argsort(-shares)[:, 4]]


@pytest.mark.parametrize(
    ("top", "got"), [(0, "got 0"), (-1, "got -1"), (1.5, "got 1.5"), ("3", "got text"), (True, "got true or false")]
)
def test_a_wrong_count_is_refused(top, got):
    with pytest.raises(DataError, match=f"top: must be a whole number of at least 1; {got}"):
        ask(MODEL, texts=TEXTS, top=top)


def test_forecasts_have_no_classes_to_list(tmp_path):
    with pytest.raises(OptionError, match="top needs a model of classes"):
        ask(series_predictor(), rows=[{"T": 1.0, "p": 1.0}], top=2)
    with pytest.raises(OptionError, match="top needs a model of classes"):
        predict_file(Listing.of(series_predictor(), 2), tmp_path / "none.csv")


def test_the_command_line_lists_them(tmp_path):
    write_networks(tmp_path)
    (tmp_path / "new.txt").write_text("\n".join(TEXTS))
    found = seqconv_command("predict", "labels", "new.txt", "--top", "3", cwd=tmp_path).stdout
    frame = polars.read_csv(found.encode())
    assert frame.columns[-2:] == ["class 3", "probability 3"]
    rows = json.loads(seqconv_command("predict", "labels", "new.txt", "--top", "3", "--json", cwd=tmp_path).stdout)
    assert [each["class 2"] for each in rows["predictions"]] == frame["class 2"].to_list()
    assert "whole number" in seqconv_command("predict", "labels", "new.txt", "--top", "x", cwd=tmp_path, code=2).stderr
