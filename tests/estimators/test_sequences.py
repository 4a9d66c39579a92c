"""Models of sequences by scikit-learn's interface: every model by its name, weights, numbers and frames."""

import pickle

import numpy as np
import polars
import pyarrow
import pytest
from sklearn.base import clone

from seqconv import SequenceClassifier, SequenceRegressor, load
from seqconv.errors import ConfigError, DataError
from seqconv.models.format import write_bundle


def draw(count=40, seed=0):
    random = np.random.default_rng(seed)
    speeds = 0.3 + 0.6 * random.random(count)
    X = np.sin(speeds[:, None] * np.arange(30) + 6 * random.random((count, 1))) + random.normal(0, 0.05, (count, 30))
    return X, speeds


X, SPEEDS = draw()
OTHERS, OTHER_SPEEDS = draw(30, 1)
KINDS = np.where(SPEEDS > 0.6, "fast", "slow")


@pytest.mark.parametrize(
    "model", ["", "minirocket", "multirocket", "hydra", "multirocket-hydra", "quant", "rocket", "dtw"]
)
def test_a_classifier_of_each_name(model):
    found = SequenceClassifier(model=model, random_state=0).fit(X, KINDS)
    assert found.score(OTHERS, np.where(OTHER_SPEEDS > 0.6, "fast", "slow")) > 0.8
    assert found.bundle_.recipe.training.model == (model or "blend")
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict_proba(OTHERS), found.predict_proba(OTHERS))


def test_a_setting_of_a_network_asks_for_one():
    assert SequenceClassifier(epochs=2, random_state=0).fit(X, KINDS).bundle_.recipe.training.model == "network"
    assert SequenceRegressor(epochs=2, random_state=0).fit(X, SPEEDS).bundle_.recipe.training.model == "network"


def test_weights_of_rows_and_classes_count_in_the_default_model():
    rare = np.arange(40) % 8 == 0
    noise = np.random.default_rng(0).normal(size=(40, 30)) + 0.5 * rare[:, None] * np.sin(np.arange(30))
    plain = SequenceClassifier(random_state=0).fit(noise, rare).predict_proba(X)[:, 1].mean()
    balanced = SequenceClassifier(class_weight="balanced", random_state=0).fit(noise, rare)
    assert balanced.predict_proba(X)[:, 1].mean() > 1.5 * plain
    weights = np.where(rare, 7.0, 1.0)
    weighed = SequenceClassifier(random_state=0).fit(noise, rare, sample_weight=weights)
    np.testing.assert_allclose(weighed.predict_proba(X), balanced.predict_proba(X), atol=1e-3)
    kept = SequenceClassifier(model="minirocket", random_state=0).fit(
        noise, rare, sample_weight=1.0 * (np.arange(40) > 7)
    )
    assert np.isfinite(kept.predict_proba(X)).all()


@pytest.mark.parametrize("model", ["", "multirocket", "quant", "rocket", "dtw", "median"])
def test_a_regressor_of_each_name(model, tmp_path):
    found = SequenceRegressor(model=model, random_state=0).fit(X, SPEEDS)
    assert (found.score(OTHERS, OTHER_SPEEDS) > 0.7) == (model != "median")
    write_bundle(clone(found).fit(X, SPEEDS).bundle_, tmp_path / "model")
    from seqconv.data.frames import to_sequences

    np.testing.assert_allclose(load(tmp_path / "model").regress(to_sequences(OTHERS))[:, 0], found.predict(OTHERS))
    with pytest.raises(ConfigError, match="interval must be given"):
        found.predict_interval(OTHERS)


@pytest.mark.parametrize("settings", [{}, {"epochs": 40}])
def test_intervals_are_calibrated_on_rows_held_out(settings):
    many, speeds = draw(120, 2)
    found = SequenceRegressor(interval=0.8, random_state=0, **settings).fit(many, speeds)
    low, high = found.predict_interval(OTHERS).T
    assert 0.5 <= ((low <= OTHER_SPEEDS) & (high >= OTHER_SPEEDS)).mean() <= 1
    assert (low <= found.predict(OTHERS)).all()
    with pytest.raises(ConfigError, match="calibrated on rows held out"):
        SequenceRegressor(interval=0.8, validation=0).fit(many, speeds)


def test_frames_of_every_library():
    expected = SequenceClassifier(model="minirocket", random_state=0).fit(X, KINDS).predict_proba(OTHERS)

    def frame(values):
        return polars.DataFrame({f"t{step}": column for step, column in enumerate(values.T)})

    def lists(values):
        return polars.DataFrame({"x": values.tolist()})

    for make in (frame, lists, lambda values: lists(values).to_arrow(), lambda values: values[..., None]):
        found = SequenceClassifier(model="minirocket", random_state=0).fit(make(X), KINDS)
        np.testing.assert_allclose(found.predict_proba(make(OTHERS)), expected, rtol=1e-5)
    assert isinstance(lists(X).to_arrow(), pyarrow.Table)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="must have a target that varies"):
        SequenceRegressor(model="minirocket").fit(X, np.ones(40))
    with pytest.raises(ConfigError, match=r"majority class does not: .* Choose mean, median, dtw, .* or blend$"):
        SequenceRegressor(model="majority").fit(X, SPEEDS)
    with pytest.raises(ConfigError, match="unknown model 'minirockets'"):
        SequenceClassifier(model="minirockets").fit(X, KINDS)
