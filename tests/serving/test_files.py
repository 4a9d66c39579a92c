"""Answers for whole files: every row keeps its columns, pieces do not show, and what does not fit is refused."""

import json
from pathlib import Path

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.data.readers.tables import write_table
from seqconv.errors import DataError
from seqconv.serving.files import predict_file
from seqconv.tasks import guessing
from seqconv.tasks.classes import Classes
from seqconv.tasks.label_sets import Labels
from seqconv.training import run as runs
from seqconv.training.folder import Options

pytestmark = pytest.mark.usefixtures("quick")

HOUR = np.timedelta64(3600, "s")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a text model, a series model and a sequence model, and the files they were trained on."""
    folder = tmp_path_factory.mktemp("prediction")
    random = np.random.default_rng(0)
    words = random.choice(["fine", "good", "bad", "dull", "film", "plot", "the"], (300, 6))
    labels = np.where((words == "good").sum(axis=1) > (words == "bad").sum(axis=1), "yes", "no")
    texts = polars.DataFrame({"id": np.arange(300), "review": [" ".join(row) for row in words], "liked": labels})
    write_table(texts, folder / "texts.csv")
    times = np.datetime64("2020-01-01T00:00:00") + np.arange(600) * HOUR
    wave = np.sin(2 * np.pi * np.arange(600) / 24) + random.normal(0, 0.1, 600)
    series = polars.DataFrame({"when": times.astype("datetime64[ms]"), "a": wave, "b": random.normal(size=600)})
    write_table(series, folder / "series.csv")
    rows = [",".join(f"{v:.3f}" for v in random.normal(label, 1, 12)) + f":{label}" for label in (0, 1) * 20]
    (folder / "waves_TRAIN.ts").write_text("\n".join(["@univariate true", "@classLabel true 0 1", "@data", *rows]))
    short = ["training.epochs=2", "training.patience=0"]
    for name in ("texts.csv", "series.csv", "waves_TRAIN.ts"):
        flags = [
            *short,
            *(["data.target=a", "data.calendar=false", 'windows.leads=["1h", "5h"]'] if name == "series.csv" else []),
        ]
        suggested = guessing.suggest_recipe(str(folder / name), flags)
        target = folder / name.partition(".")[0].removesuffix("_TRAIN")
        runs.train(suggested.recipe, Options(out=target, baselines=False), data=suggested.data)
    return folder


def predict(folder: Path, model: str, source: object, **settings: object) -> polars.DataFrame:
    return polars.concat(predict_file(seqconv.load(folder / model), source, **settings))


@pytest.mark.parametrize(("model", "source", "size"), [("texts", "texts.csv", 77), ("series", "series.csv", 1000)])
def test_arrow_batches_get_the_answers_of_the_file(folder, model, source, size):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow makes the batches")
    given = polars.read_csv(folder / source, try_parse_dates=True).to_arrow().combine_chunks()
    first = given.schema.field(0).with_type(pyarrow.int16()) if model == "texts" else given.schema.field(0)
    given = given.cast(given.schema.set(0, first))
    empty = given[:0].to_batches() or [pyarrow.RecordBatch.from_pylist([], given.schema)]
    batches = [*empty, *given.to_batches(max_chunksize=size)]
    answers = pyarrow.Table.from_batches(seqconv.predict_batches(folder / model, iter(batches)))
    wanted = predict(folder, model, folder / source)
    assert answers.column_names == wanted.columns
    assert answers.schema.field(0).type == given.schema.field(0).type
    found = polars.from_arrow(answers)
    new = wanted.columns[given.num_columns :]
    assert len(found) == len(wanted) == given.num_rows
    assert found[new].equals(wanted[new])
    again = pyarrow.Table.from_batches(seqconv.predict_batches(seqconv.load(folder / model), batches[::-1]))
    assert again.num_rows == answers.num_rows


def test_a_batch_without_the_models_columns_is_refused(folder):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow makes the batches")
    batch = pyarrow.RecordBatch.from_pydict({"x": [1.5, 2.5], "y": [2.5, 3.5]})
    with pytest.raises(DataError, match=r"^the data: "):
        list(seqconv.predict_batches(folder / "texts", [batch]))
    for other in (batch, pyarrow.table(batch), [{"review": "good"}]):
        with pytest.raises(DataError, match=r"^batches: each must be a pyarrow\.RecordBatch; got .*to_batches"):
            list(seqconv.predict_batches(folder / "texts", other))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_texts_keep_their_columns_and_get_answers(folder, tmp_path, ending):
    wanted = polars.read_csv(folder / "texts.csv")
    write_table(wanted, tmp_path / f"in{ending}")
    found = predict(folder, "texts", tmp_path / f"in{ending}", piece=77)
    assert found.columns == ["id", "review", "liked", "prediction", "probability of no", "probability of yes"]
    assert found["review"].to_list() == wanted["review"].to_list()
    shares = seqconv.load(folder / "texts").predict(wanted["review"].to_list())
    np.testing.assert_array_equal(found["probability of yes"], shares[:, 1])
    assert found["prediction"].to_list() == [("no", "yes")[place] for place in shares.argmax(axis=1)]


def test_lines_of_a_file_or_stream_are_texts(folder, tmp_path):
    (tmp_path / "lines.txt").write_text("good good\nbad, dull\n\n", "utf-8")
    found = predict(folder, "texts", tmp_path / "lines.txt", piece=2)
    assert found["text"].to_list() == ["good good", "bad, dull", ""]
    with (tmp_path / "lines.txt").open("rb") as stream:
        assert predict(folder, "texts", stream).equals(found)


@pytest.mark.parametrize("piece", [7, 50, 10_000])
def test_forecasts_stand_beside_the_row_they_are_made_at(folder, piece):
    model = seqconv.load(folder / "series")
    spec = model.bundle.features.spec
    rows = polars.read_csv(folder / "series.csv")
    found = predict(folder, "series", folder / "series.csv", piece=piece)
    names = [f"a in {lead} h{end}" for lead in (1, 5) for end in ("", " low", " high")]
    assert found.columns == ["when", "a", "b", *names]
    whole = model.forecast(rows.select("a", "b").to_numpy(), np.array(rows["when"].to_list(), "datetime64[s]"))
    assert found["a in 1 h"].null_count() == spec.lookback - spec.step
    first = spec.lookback - spec.step
    np.testing.assert_allclose(found["a in 5 h"][first:], whole[:, 1, 0], rtol=1e-5, atol=1e-6)
    # a network that learns the change of a smooth wave cannot be far from the value an hour later
    error = np.abs(found["a in 1 h"][first:-1].to_numpy() - rows["a"][first + 1 :].to_numpy())
    assert error.mean() < 0.5


def test_no_forecast_is_made_across_a_hole_or_from_a_missing_value(folder, tmp_path):
    rows = polars.read_csv(folder / "series.csv")
    lookback = seqconv.load(folder / "series").bundle.features.spec.lookback
    holed = polars.concat([rows[:200], rows[201:]])
    write_table(holed, tmp_path / "holed.csv")
    found = predict(folder, "series", tmp_path / "holed.csv", piece=90)["a in 1 h"]
    missing = np.flatnonzero(found.is_null().to_numpy())
    assert missing.tolist() == [*range(lookback - 1), *range(200, 200 + lookback - 1)]
    write_table(
        rows.with_columns(polars.when(polars.int_range(600) == 300).then(None).otherwise("a").alias("a")),
        tmp_path / "gap.csv",
    )
    found = predict(folder, "series", tmp_path / "gap.csv")["a in 1 h"]
    assert np.flatnonzero(found.is_null().to_numpy())[lookback - 1 :].tolist() == list(range(300, 300 + lookback))


def test_sequences_get_a_row_each(folder):
    found = predict(folder, "waves", folder / "waves_TRAIN.ts")
    assert found.columns == ["sequence", "prediction", "probability of 0", "probability of 1"]
    assert found["sequence"].to_list() == list(range(1, 41))


def test_what_is_wrong_is_refused_in_one_line(folder, tmp_path):
    rows = polars.read_csv(folder / "series.csv", try_parse_dates=True)
    texts = polars.read_csv(folder / "texts.csv")
    write_table(rows.drop("b"), tmp_path / "column.csv")
    write_table(rows[::2], tmp_path / "interval.csv")
    write_table(polars.concat([rows[300:], rows[:300]]), tmp_path / "order.csv")
    write_table(texts.with_columns(prediction=polars.lit("x")), tmp_path / "taken.csv")
    write_table(texts.with_columns(review=polars.Series([None, *texts["review"][1:]])), tmp_path / "null.parquet")
    for model, name, says in (
        ("series", "column.csv", "must have the column 'b'"),
        ("series", "interval.csv", "a row every 1 h as in training; it has one every 2 h"),
        ("series", "order.csv", "order.csv, line 302"),
        ("texts", "taken.csv", "must not have a column 'prediction'"),
        ("texts", "null.parquet", "null.parquet, row 1"),
        ("texts", "nowhere.csv", "nowhere.csv"),
        ("series", "texts.csv", "texts.csv"),
    ):
        place = folder if name == "texts.csv" else tmp_path
        for piece in (70, 10_000):
            with pytest.raises(DataError) as caught:
                predict(folder, model, place / name, piece=piece)
            assert says in str(caught.value)
            assert "\n" not in str(caught.value)


def test_the_command_writes_files_csv_and_json(folder):
    done = seqconv_command("predict", "texts", "texts.csv", "-o", "out.parquet", cwd=folder)
    assert done.stdout == "300 rows: out.parquet\n"
    assert polars.read_parquet(folder / "out.parquet").height == 300
    done = seqconv_command("predict", "series", "series.csv", "--json", cwd=folder)
    rows = json.loads(done.stdout)
    assert rows["n"] == 600
    assert rows["predictions"][0]["a in 1 h"] is None
    done = seqconv_command("predict", "waves", "waves_TRAIN.ts", cwd=folder)
    assert done.stdout.splitlines()[0] == "sequence,prediction,probability of 0,probability of 1"
    done = seqconv_command("predict", "texts", "texts.csv", "-o", "out.xlsx", cwd=folder, code=2)
    assert done.stderr.count("\n") == 1
    assert not (folder / "out.xlsx").exists()


def test_a_failing_input_leaves_no_output(folder, tmp_path):
    whole = (folder / "texts.csv").read_text()
    (tmp_path / "broken.csv").write_text(whole + '301,"never closed,yes\n')
    target = tmp_path / "out.csv"
    with pytest.raises(DataError, match=r"broken.csv, line 302"):
        write_table(predict_file(seqconv.load(folder / "texts"), tmp_path / "broken.csv", piece=100), target)
    assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["broken.csv"]


def test_many_classes_get_the_probability_of_the_answer_alone():

    classes = tuple(f"c{n}" for n in range(30))
    shares = np.random.default_rng(0).dirichlet(np.ones(30), 4).astype(np.float32)
    found = Classes(tuple(classes)).to_columns(shares)
    assert list(found) == ["prediction", "probability"]
    several = Labels(("a", "b")).to_columns(np.array([[0.9, 0.8], [0.1, 0.2]]))
    assert several["prediction"] == ["a|b", ""]
