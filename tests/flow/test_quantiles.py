"""Any set of quantiles, from training to a served answer: of one series, and of numbers of texts and sequences."""

import json

import numpy as np
import polars
import pytest
from sklearn.metrics import mean_pinball_loss

from helpers.command import seqconv_command
from helpers.sequences import write_waves
from seqconv import SeriesForecaster, TextRegressor, load
from seqconv.errors import ConfigError, DataError, SeqconvError
from seqconv.models.format import read_bundle
from seqconv.serving.requests import describe_model, explain, predict
from seqconv.tasks.series.answers import read_example_rows
from seqconv.tasks.task import Source

pytestmark = pytest.mark.usefixtures("quick")

LEVELS = (0.1, 0.5, 0.95)
NAMES = ["q0.1", "q0.5", "q0.95"]
GIVEN = ("--quantiles", "0.1,0.5,0.95", "-q")
FAST = ("--epochs", "3", "--set", "training.patience=0", "--lead", "1h,3h")


def draw_items(count: int, seed: int) -> polars.DataFrame:
    """Descriptions, prices that are sums over their words and skewed noise, and stars of two to four words."""
    random = np.random.default_rng(seed)
    worth = {"cheap": -10, "old": -5, "plain": 0, "large": 4, "new": 6, "gold": 20}
    chosen = [random.choice(list(worth), random.integers(3, 8)) for _ in range(count)]
    prices = [60 + sum(worth[word] for word in words) + 5 * random.exponential() for words in chosen]
    stars = 1 + (np.array(prices) // 20).clip(0, 4).astype(int)
    return polars.DataFrame({"text": [" ".join(words) for words in chosen], "price": prices, "stars": stars})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantiles")
    random = np.random.default_rng(0)
    steps = np.arange(1500)
    times = np.datetime64("2020-01-01T00:00:00", "ms") + steps * np.timedelta64(3_600_000, "ms")
    load_ = np.sin(2 * np.pi * steps / 24) + random.exponential(0.4, 1500)
    polars.DataFrame({"when": times, "load": load_}).write_csv(folder / "load.csv")
    draw_items(1000, 0).write_csv(folder / "items.csv")
    draw_items(200, 1).write_csv(folder / "more.csv")
    write_waves(folder, 50)
    write_waves(folder, 40, 1, "new")
    seqconv_command("train", "load.csv", "--target", "load", *GIVEN, *FAST, "-o", "series", cwd=folder)
    seqconv_command("train", "items.csv", "--target", "price", *GIVEN, "-o", "texts", cwd=folder)
    return folder


def results(folder, run):
    return json.loads((folder / run / "metrics.json").read_text())


@pytest.mark.parametrize("run", ["series", "texts"])
def test_what_is_reported_of_each_level_is_what_the_test_rows_show(folder, run):
    with np.load(folder / run / "predictions.npz") as stored:
        point, truth, quantiles = stored["outputs"], stored["targets"], np.stack([stored[name] for name in NAMES])
    assert (np.diff(quantiles, axis=0) >= 0).all()
    found = results(folder, run)["intervals"]
    assert found["nominal"] == 0.85
    for level, each, values in zip(LEVELS, found["quantiles"], quantiles, strict=True):
        assert each["level"] == level
        assert each["coverage"]["value"] == pytest.approx((truth <= values).mean(), abs=3 / truth.size)
        assert each["coverage"]["low"] < each["coverage"]["value"] < each["coverage"]["high"]
        assert each["coverage"]["value"] == pytest.approx(level, abs=0.09)
        assert each["width"] == pytest.approx((values - point).mean(), rel=1e-3, abs=1e-4)
        loss = mean_pinball_loss(truth.ravel(), values.ravel(), alpha=level)
        assert each["pinball"] == pytest.approx(loss, rel=1e-4)
    page = (folder / run / "report.html").read_text()
    assert "truth at or below" in page


def test_each_step_of_the_horizon_is_calibrated_by_itself(folder):
    bundle = read_bundle(folder / "series")
    assert bundle.recipe.training.quantiles == bundle.features.levels == LEVELS
    with np.load(folder / "series" / "predictions.npz") as stored:
        truth, quantiles = stored["targets"][..., 0], np.stack([stored[name][..., 0] for name in NAMES])
    below = (truth <= quantiles).mean(axis=1)
    np.testing.assert_allclose(below, np.array(LEVELS)[:, None] * [1, 1], atol=0.09)


def test_answers_of_a_series_in_file_memory_and_server(folder):
    seqconv_command("predict", "series", "load.csv", "-q", "-o", "out.csv", cwd=folder)
    found, model = polars.read_csv(folder / "out.csv"), load(folder / "series")
    names = [f"load in {lead}{end}" for lead in ("1 h", "3 h") for end in ("", " q0.1", " q0.5", " q0.95")]
    assert found.columns == ["when", "load", *names]
    series = read_example_rows(model.bundle, Source(file=folder / "load.csv"))
    quantiles = model.forecast_quantiles(series.values, series.times)
    made = found.select(names[5:]).to_numpy()[-len(quantiles) :]
    np.testing.assert_allclose(made, quantiles[:, 1, 0], rtol=1e-5)
    with pytest.raises(DataError, match="no intervals"):
        model.forecast_interval(series.values, series.times)
    rows = polars.read_csv(folder / "load.csv").tail(model.bundle.features.spec.span).to_dicts()
    (answers,) = predict(model, json.dumps({"rows": rows}).encode())
    assert list(answers[0]) == ["target", "lead", "time", "prediction", *NAMES]
    assert [answers[1][name] for name in NAMES] == pytest.approx(quantiles[-1, 1, 0].tolist(), rel=1e-5)
    assert describe_model(model, folder / "series")["quantiles"] == list(LEVELS)
    why = explain(model, json.dumps({"rows": rows}).encode())
    assert (why["low"], why["high"]) == pytest.approx((answers[0]["q0.1"], answers[0]["q0.95"]), rel=1e-4)
    said = seqconv_command("evaluate", "series", cwd=folder).stdout
    assert "truth at or below" in said


def test_answers_of_texts_in_file_memory_and_server(folder):
    seqconv_command("predict", "texts", "more.csv", "-q", "-o", "answers.csv", cwd=folder)
    found, model = polars.read_csv(folder / "answers.csv"), load(folder / "texts")
    assert found.columns == ["text", "price", "stars", "prediction", *NAMES]
    stated = found.select("prediction", *NAMES).to_numpy()
    np.testing.assert_allclose((found["price"].to_numpy()[:, None] <= stated[:, 1:]).mean(axis=0), LEVELS, atol=0.1)
    np.testing.assert_allclose(model.regress(found["text"].to_list()), stated, rtol=1e-6)
    (answers,) = predict(model, json.dumps({"texts": found["text"].to_list()[:3]}).encode())
    np.testing.assert_allclose([list(answer.values()) for answer in answers], stated[:3], rtol=1e-6)
    said = json.loads(seqconv_command("evaluate", "texts", "more.csv", "--json", cwd=folder).stdout)
    assert [each["level"] for each in said["intervals"]["quantiles"]] == list(LEVELS)


@pytest.mark.parametrize(
    ("file", "new", "options"),
    [
        ("load.csv", "load.csv", ("--target", "load", "--model", "ridge", "--lead", "1h")),
        ("load.csv", "load.csv", ("--target", "load", "--model", "best", *FAST, "--lead", "1h")),
        ("load.csv", "load.csv", ("--target", "load", "--network", "jena-tcn", "--epochs", "1", "--lead", "1h")),
        ("items.csv", "more.csv", ("--target", "stars")),
        ("items.csv", "more.csv", ("--target", "price", "--model", "words")),
        ("waves-speeds.ts", "new-speeds.ts", ("--model", "minirocket")),
        ("waves-speeds.ts", "new-speeds.ts", ("--model", "network", "--epochs", "2")),
    ],
)
def test_every_model_of_numbers_has_quantiles(folder, tmp_path, file, new, options):
    seqconv_command("train", file, *GIVEN, *options, "-o", str(tmp_path / "run"), cwd=folder)
    found = results(tmp_path, "run")["intervals"]["quantiles"]
    assert [each["level"] for each in found] == list(LEVELS)
    seqconv_command("predict", str(tmp_path / "run"), new, "-q", "-o", str(tmp_path / "out.csv"), cwd=folder)
    table = polars.read_csv(tmp_path / "out.csv").drop_nulls()
    names = [name for name in table.columns if name.endswith(tuple(NAMES))]
    assert len(names) == 3
    values = table.select(names).to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values[:, 0] < values[:, 2]).any()


def test_a_single_level_and_a_backtest(folder, tmp_path):
    options = ("--target", "price", "--model", "words", "--quantiles", "0.9", "-q")
    seqconv_command("train", "items.csv", *options, "-o", str(tmp_path / "run"), cwd=folder)
    (found,) = results(tmp_path, "run")["intervals"]["quantiles"]
    assert found["coverage"]["value"] == pytest.approx(0.9, abs=0.08)
    model = load(tmp_path / "run")
    assert model.regress(["gold"]).shape == (1, 2)
    assert "low" not in explain(model, json.dumps({"texts": ["gold"]}).encode())
    done = seqconv_command("backtest", "items.csv", *options, "--folds", "2", "--json", "-o", "folds", cwd=folder)
    assert [len(fold["intervals"]["quantiles"]) for fold in json.loads(done.stdout)["folds"]] == [1, 1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--quantiles", "0.9,0.1"), "--quantiles must be levels above 0 and below 1, ascending; got 0.9, 0.1"),
        (("--quantiles", "0.1,0.1"), "--quantiles must be levels"),
        (("--quantiles", "0,0.5"), "--quantiles must be levels"),
        (("--quantiles", "10,90"), "--quantiles must be levels"),
        (("--quantiles", "low"), "--quantiles must be levels above 0 and below 1, ascending; got low"),
        (("--quantiles", "nan"), "--quantiles must be levels"),
        (("--quantiles", "0.1,0.9", "--coverage", "0.8"), "--quantiles take the place of --coverage; got both"),
    ],
)
def test_levels_that_make_no_sense_are_one_clear_error(folder, options, said):
    done = seqconv_command("train", "items.csv", "--target", "price", *options, "-o", "no", cwd=folder, code=2)
    assert said in done.stderr
    assert not (folder / "no").exists()


def test_classes_have_no_quantiles(folder):
    done = seqconv_command("train", "items.csv", "--label", "stars", *GIVEN, "-o", "no", cwd=folder, code=2)
    assert "--quantiles is for numbers that are predicted; the labels are classes" in done.stderr


def test_quantiles_in_python(folder):
    items = polars.read_csv(folder / "items.csv")
    texts, prices = items["text"].to_list(), items["price"].to_numpy()
    model = TextRegressor(quantiles=[0.2, 0.8], epochs=2, random_state=0).fit(texts, prices)
    found = model.predict_quantiles(texts)
    assert found.shape == (1000, 2)
    assert (found[:, 0] <= found[:, 1]).all()
    with pytest.raises(ConfigError, match=r"Fit with interval=0\.9"):
        model.predict_interval(texts)
    with pytest.raises(ConfigError, match="quantiles take the place of an interval"):
        TextRegressor(quantiles=[0.2], interval=0.8).fit(texts, prices)
    values = polars.read_csv(folder / "load.csv")["load"].to_numpy()[:, None]
    for validation, name in ((0.2, "network"), (0.2, "blend"), (0, "network")):
        forecaster = SeriesForecaster(
            lookback=24, lead=(1, 2), quantiles=LEVELS, epochs=2, validation=validation, model=name, random_state=0
        ).fit(values)
        quantiles = forecaster.predict_quantiles(values)
        assert quantiles.shape == (3, *forecaster.predict(values).shape)
        assert (np.diff(quantiles[:, 30:], axis=0) >= 0).all()
    with pytest.raises(DataError, match=r"Fit with interval=0\.8"):
        forecaster.predict_interval(values)
    with pytest.raises(SeqconvError, match=r"training.quantiles must be levels"):
        SeriesForecaster(quantiles=[0.9, 0.1]).fit(values)


def test_levels_that_a_bundle_contradicts_are_refused(folder, tmp_path):
    for run, features in (("series", "features"), ("texts", "number")):
        header = json.loads((folder / run / "model" / "bundle.json").read_text())
        entry = header["features"] if features == "features" else header["features"]["number"]
        assert entry["quantiles"] == list(LEVELS)
        for levels in ([0.1], [0.5, 0.1, 0.95], [0, 0.5, 0.95], [0.2, 0.5, 0.95], "many"):
            entry["quantiles"] = levels
            target = tmp_path / run
            target.mkdir(exist_ok=True)
            for file in (folder / run / "model").iterdir():
                (target / file.name).write_bytes(file.read_bytes())
            (target / "bundle.json").write_text(json.dumps(header))
            with pytest.raises(SeqconvError) as caught:
                load(target)
            assert "\n" not in str(caught.value)


def draw_sales(folder) -> polars.DataFrame:
    random = np.random.default_rng(4)
    days = polars.date_range(polars.date(2023, 1, 1), polars.date(2023, 12, 31), "1d", eager=True)
    weekly = 20 + 5 * np.sin(2 * np.pi * np.arange(365) / 7)
    table = polars.concat(
        polars.DataFrame({"shop": [shop] * 365, "day": days, "sold": weekly + random.gamma(2, 2, 365)})
        for shop in "abcdef"
    )
    table.write_csv(folder / "sales.csv")
    return table


def test_a_table_of_series(folder, tmp_path):
    table = draw_sales(tmp_path)
    levels = ("--quantiles", "0.025,0.1,0.5,0.975")
    given = ("--id", "shop", "--target", "sold", "--horizon", "7d", "--set", "forecast.origins=12")
    options = (*given, "--set", "training.model=ridge", "-o", "out.csv", "--json", "--run", "run")
    done = seqconv_command("forecast", "sales.csv", *levels, *options, cwd=tmp_path)
    found = polars.read_csv(tmp_path / "out.csv")
    names = ["q0.025", "q0.1", "q0.5", "q0.975"]
    assert found.columns == ["shop", "day", "forecast", *names]
    values = found.select(names).to_numpy()
    assert (np.diff(values, axis=1) > 0).all()
    assert found["q0.5"].to_list() == found["forecast"].to_list()
    intervals = json.loads(done.stdout)["intervals"]
    assert intervals["nominal"] == 0.95
    assert [each["lead"] for each in intervals["leads"]] == list("1234567")
    for each in intervals["quantiles"]:
        assert each["coverage"]["value"] == pytest.approx(each["level"], abs=0.06)
    seqconv_command("predict", "run", "sales.csv", "-q", "-o", "again.csv", cwd=tmp_path)
    assert polars.read_csv(tmp_path / "again.csv").equals(found)
    said = json.loads(seqconv_command("evaluate", "run", "--json", cwd=tmp_path).stdout)
    assert [each["level"] for each in said["intervals"]["quantiles"]] == [0.025, 0.1, 0.5, 0.975]
    usual = ("--run", "usual", "-o", "usual.csv")
    seqconv_command("forecast", "sales.csv", *given, "--set", "training.model=ridge", "-q", *usual, cwd=tmp_path)
    nine = polars.read_csv(tmp_path / "usual.csv")
    assert nine.columns == ["shop", "day", "forecast", *(f"q0.{each}" for each in (1, 2, 3, 4, 6, 7, 8, 9))]
    assert nine["q0.1"].to_list() == found["q0.1"].to_list()
    model = SeriesForecaster(target="sold", id="shop", horizon=7, model="seasonal", quantiles=[0.05, 0.95]).fit(table)
    assert model.forecast().columns == ["shop", "day", "forecast", "q0.05", "q0.95"]
