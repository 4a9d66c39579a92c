"""Lines of standard input, each answered at once: words, rows and steps, as CSV and as JSON."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars
import pytest

from helpers.command import seqconv_command
from helpers.predictors import GRU, hours, sequence_predictor, series_predictor, text_predictor
from helpers.serving import make_rows, write_networks
from seqconv.errors import DataError
from seqconv.models.format import write_bundle
from seqconv.models.predictor import Predictor
from seqconv.serving.files import predict_file
from seqconv.serving.following import follow


def answers(model, text: str) -> list[dict]:
    return [frame.to_dicts()[0] for frame in follow(model.stream(), io.BytesIO(text.encode()))]


def test_rows_of_csv_get_what_a_file_gets(tmp_path):
    model, series = series_predictor(), hours(120, hole=90)
    frame = polars.DataFrame({"p": series.values[:, 1], "time": [str(each) for each in series.times]})
    frame = frame.with_columns(T=series.values[:, 0], other=polars.lit("x")).fill_nan(None)
    frame.write_csv(tmp_path / "rows.csv")
    whole = polars.concat(predict_file(model, tmp_path / "rows.csv"))
    found = polars.DataFrame(answers(model, (tmp_path / "rows.csv").read_text()), infer_schema_length=None)
    assert found.columns == whole.columns
    names = [name for name in whole.columns if " in " in name]
    for name in names:
        np.testing.assert_allclose(found[name].to_numpy(), whole[name].to_numpy(), rtol=1e-5, atol=1e-6)
    assert whole[names[0]].null_count() == 70 + 15  # every other row is read


def test_numbers_with_a_decimal_comma_are_read_as_in_training():
    model, rows = series_predictor(), make_rows()
    comma = replace(model.bundle.recipe, data=replace(model.bundle.recipe.data, decimal="comma"))
    german = Predictor(replace(model.bundle, recipe=comma), threads=1)
    plain = "time;T;p\n" + "".join(f"{row['time']};{row['T']};{row['p']}\n" for row in rows)
    found = answers(german, plain.replace(".", ","))
    assert [row["T in 2 h"] for row in found] == [row["T in 2 h"] for row in answers(model, plain)]


def test_rows_of_json_and_semicolons_are_read_too():
    model, rows = series_predictor(), make_rows()
    plain = answers(model, "".join(json.dumps(row) + "\n" for row in rows))
    csv = "time;T;p\n" + "".join(f"{row['time']};{row['T']};{row['p']}\n" for row in rows)
    assert [row["T in 2 h"] for row in answers(model, csv)] == [row["T in 2 h"] for row in plain]
    assert plain[-1]["T in 2 h"] is not None


@pytest.mark.parametrize("form", ["plain", "named", "list", "object"])
def test_steps_may_be_named_or_in_order(form):
    model = sequence_predictor(True)
    steps = np.random.default_rng(1).normal(size=(6, 2)).round(3)
    lines = {
        "plain": [f"{x},{y}" for x, y in steps],
        "named": ["y,x", *(f"{y},{x}" for x, y in steps)],
        "list": [json.dumps(list(step)) for step in steps],
        "object": [json.dumps({"x": x, "y": y}) for x, y in steps],
    }
    stream = model.stream()
    wanted = [stream.push(step)[1] for step in steps]
    found = answers(model, "\n".join(lines[form]))
    assert [row["probability of b"] for row in found] == pytest.approx(wanted)
    missing = answers(model, "1.5,\n")
    assert missing[0]["y"] is None
    assert missing[0]["probability of b"] == pytest.approx(model.stream().push([1.5, np.nan])[1])


def test_an_empty_line_begins_a_new_text():
    model = text_predictor(GRU)
    found = answers(model, "not good\nfilm\n\nfilm\n")
    assert [row["text"] for row in found] == ["not good", "film", "film"]
    wanted = model.predict(["not good", "not good film", "film"])[:, 1]
    np.testing.assert_array_equal([row["probability of pos"] for row in found], wanted)


@pytest.mark.parametrize(
    ("model", "text", "match"),
    [
        (series_predictor, "time,T,p\n2020-01-01,1\n", "line 2: must have 3 cells, time, T, p; got 2"),
        (series_predictor, "time,T,T\n", "line 1: must name the columns, each once"),
        (series_predictor, "time,T\n2020-01-01,1\n", "line 2: .*'p'"),
        (series_predictor, '{"time": 1', "line 1: must be JSON on one line"),
        (series_predictor, "[1, 2]\n", "line 1: must be a JSON object"),
        (series_predictor, "time,T,p\n2020-01-02,1,1\n2020-01-01,1,1\n", "line 3: times must not run backwards"),
        (series_predictor, "time,T,p,T in 2 h\n2020-01-01,1,1,1\n", "line 2: must not have a column 'T in 2 h'"),
        (lambda: sequence_predictor(True), "x\n1\n", "line 2: must have the channel 'y'"),
        (lambda: sequence_predictor(True), "1,2\n1,b\n", "line 2: 'y' must be a number; got 'b'"),
        (lambda: text_predictor(GRU), "caf\udce9\n", "line 1: must be UTF-8"),
    ],
)
def test_a_line_that_is_no_row_is_refused_by_its_number(model, text, match):
    stream = model().stream()
    lines = io.BytesIO(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=f"standard input, {match}"):
        list(follow(stream, lines))


def test_the_command_answers_each_line_before_the_next_one_comes(tmp_path):
    write_bundle(text_predictor(GRU).bundle, tmp_path / "model")
    words = [sys.executable, "-m", "seqconv", "predict", "model", "--follow", "--json", "--state", "state.npz"]
    model = text_predictor(GRU)
    with subprocess.Popen(words, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        for text, said in (("not good", "not good"), ("film", "not good film")):
            running.stdin.write(f"{text}\n")
            running.stdin.flush()
            answer = json.loads(running.stdout.readline())
            assert answer["probability of pos"] == pytest.approx(float(model.predict([said])[0, 1]))
        running.stdin.close()
        assert running.wait() == 0
    (tmp_path / "more.txt").write_text("bad\n")
    with (tmp_path / "more.txt").open() as more:
        done = subprocess.run([*words[:-3], "--state", "state.npz"], cwd=tmp_path, stdin=more, capture_output=True)
    row = polars.read_csv(io.BytesIO(done.stdout)).to_dicts()[0]
    assert row["probability of pos"] == pytest.approx(float(model.predict(["not good film bad"])[0, 1]), rel=1e-6)


def test_options_that_do_not_go_with_a_stream_are_refused(tmp_path):
    write_networks(tmp_path)
    for arguments, match in (
        (("--state", "s.npz"), "--state: needs --follow"),
        (("rows.csv", "--follow"), "--follow: reads standard input"),
        (("--follow", "-o", "x.csv"), "--follow: reads standard input"),
        (("--follow", "--time", "when"), "--follow: reads standard input"),
    ):
        done = seqconv_command("predict", "text", *arguments, cwd=tmp_path, code=2)
        assert done.stderr.startswith(f"seqconv: {match}"), done.stderr
        assert done.stderr.count("\n") == 1
