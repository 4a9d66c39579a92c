"""The classifiers keep scikit-learn's contract, with texts and sequences as their inputs."""

import pickle

import numpy as np
import pandas
import polars
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

import seqconv
from seqconv.data.frames import to_sequences
from seqconv.errors import DataError
from seqconv.estimators.classifiers import SequenceClassifier, TextClassifier
from seqconv.estimators.forecaster import SeriesForecaster
from seqconv.models.format import write_bundle

SHUFFLED = "batches are drawn at random: a weight of 2 is two visits in one step, a repeated row is one in each of two"
REASONS = {
    SequenceClassifier: {"check_sample_weight_equivalence_on_dense_data": SHUFFLED},
    SeriesForecaster: {
        "check_methods_sample_order_invariance": "the order of the rows is what a series is",
        "check_methods_subset_invariance": "a row alone has no past to forecast it from",
    },
}
WORDS = {"yes": ["good", "fun", "great"], "no": ["bad", "dull", "awful"]}


@parametrize_with_checks(
    [
        SequenceClassifier(epochs=20, n_jobs=1),
        SeriesForecaster(lookback=4, epochs=1, n_jobs=1),
    ],
    expected_failed_checks=lambda estimator: REASONS.get(type(estimator), {}),
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


class RowClassifier(TextClassifier):
    """Rows of numbers written as texts, so that scikit-learn's checks, which know numbers alone, can be applied."""

    def _read_texts(self, X):
        return super()._read_texts(self.write(X, True))

    def _read_rows(self, X):
        return super()._read_rows(self.write(X, False))

    def write(self, X, reset):
        from sklearn.utils.validation import validate_data

        rows = validate_data(self, X, reset=reset)
        return [" ".join(f"c{i}{'m' if x < 0 else 'p'}{abs(x):.0f}" for i, x in enumerate(row)) for row in rows]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = True, False, False
        tags.classifier_tags.poor_score = True
        return tags


def test_scikit_learn_checks_of_texts():
    with pytest.warns(match="Can't test estimator TextClassifier"):
        assert check_estimator(TextClassifier(), on_skip=None)[0]["status"] == "passed"
    expected = REASONS[SequenceClassifier]
    rows = RowClassifier(epochs=3, n_jobs=1)
    results = check_estimator(rows, on_fail=None, on_skip=None, expected_failed_checks=expected)
    assert len(results) > 40
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []


def make_texts(count=60, seed=0):
    random = np.random.default_rng(seed)
    labels = np.array(["yes", "no"] * (count // 2))
    filler = [f"word{number}" for number in range(20)]
    texts = [" ".join(random.permutation([*random.choice(filler, 5), random.choice(WORDS[each])])) for each in labels]
    return texts, labels


def make_waves(count=40, length=24, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    steps = np.arange(length)
    waves = np.sin((0.5 + labels[:, None]) * steps + random.uniform(0, 6, (count, 1)))
    return (waves + random.normal(0, 0.1, waves.shape))[..., None], labels


def tiny(kind, **settings):
    return kind(epochs=15 if kind is TextClassifier else 20, n_jobs=1, random_state=0, **settings)


DATA = {TextClassifier: make_texts, SequenceClassifier: make_waves}
both = pytest.mark.parametrize("kind", DATA)


@both
def test_learns_and_scores(kind):
    model = tiny(kind).fit(*DATA[kind]())
    X, y = DATA[kind](seed=1)
    assert model.score(X, y) > 0.9
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(X)).all()
    np.testing.assert_allclose(1 / (1 + np.exp(-model.decision_function(X))), probabilities[:, 1], rtol=1e-9)


@pytest.mark.parametrize("wrap", [list, pandas.Series, polars.Series, lambda y: pandas.Categorical(y)])
def test_labels_of_any_kind(wrap):
    X, y = make_waves()
    names = np.where(y == 1, "fast", "slow").tolist()
    model = tiny(SequenceClassifier).fit(X, wrap(names))
    assert model.classes_.tolist() == ["fast", "slow"]
    assert model.score(X, wrap(names)) > 0.9


@both
def test_one_seed_one_result_on_any_number_of_threads(kind):
    X, y = DATA[kind]()
    first, again, threads, other = (
        kind(epochs=3, random_state=seed, n_jobs=jobs).fit(X, y).decision_function(X)
        for seed, jobs in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    assert (first == again).all()
    assert (first == threads).all()
    assert (first != other).any()


@both
def test_a_pickle_answers_the_same_and_holds_no_code(kind):
    X, y = DATA[kind]()
    model = tiny(kind).fit(X, y)
    expected = model.predict_proba(X)
    data = pickle.dumps(model)
    assert b"_native" not in data.replace(b"seqconv._native.WordIds", b"")
    assert b"Lock" not in data
    assert (pickle.loads(data).predict_proba(X) == expected).all()
    assert (model.predict_proba(X) == expected).all()


@both
def test_cross_validation_and_grid_search(kind):
    X, y = DATA[kind]()
    assert cross_val_score(tiny(kind), X, y, cv=3).mean() > 0.8
    values = {"learning_rate": np.array([1e-6, 0.02]), "batch_size": np.array([8, 16])}
    network = tiny(kind, **({"model": "network"} if kind is TextClassifier else {}))
    search = GridSearchCV(network, values, cv=2).fit(X, y)
    assert search.best_params_["learning_rate"] == 0.02


@both
def test_a_clone_is_unfitted_and_alike(kind):
    model = tiny(kind, validation=0.2).fit(*DATA[kind]())
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "classes_")
    assert not hasattr(copied, "bundle_")


@both
def test_history_tells_what_was_held_out(kind):
    X, y = DATA[kind]()
    model = kind(epochs=3, validation=0.25, random_state=0).fit(X, y)
    assert list(model.history_) == ["loss", "accuracy", "validation_loss", "validation_accuracy"]
    assert len(model.history_["loss"]) == 3
    assert model.n_iter_ == 1 + int(np.argmin(model.history_["validation_loss"]))
    whole = kind(epochs=3, validation=0.0, random_state=0).fit(X, y)
    assert list(whole.history_) == ["loss", "accuracy"]
    assert whole.n_iter_ == 3


@both
def test_the_bundle_is_what_the_rest_of_the_package_reads(kind, tmp_path):
    X, y = DATA[kind]()
    model = tiny(kind).fit(X, y)
    write_bundle(model.bundle_, tmp_path / "model")
    predictor = seqconv.load(tmp_path / "model")
    answers = predictor.predict(X) if kind is TextClassifier else predictor.classify(to_sequences(X))
    np.testing.assert_allclose(answers, model.predict_proba(X), atol=1e-6)
    assert predictor.bundle.features.classes == tuple(map(str, model.classes_))


@both
@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"epochs": 0}, "training.epochs must be at least 1; got 0"),
        ({"learning_rate": "fast"}, "training.learning_rate must be a number; got 'fast'"),
        ({"validation": 1.0}, "validation must be from 0 to below 1; got 1.0"),
        ({"network": "jena-conv1d"}, "got 'jena-conv1d', for time-series forecasting"),
        ({"network": "no"}, "unknown recipe 'no'"),
    ],
)
def test_wrong_parameters(kind, settings, problem):
    with pytest.raises(seqconv.SeqconvError, match=problem) as caught:
        kind(**settings).fit(*DATA[kind]())
    assert "\n" not in str(caught.value)


@both
def test_labels_must_be_two_classes_for_as_many_examples(kind):
    X, y = DATA[kind]()
    with pytest.raises(ValueError, match="at least two classes; got one class, 'a'"):
        kind().fit(X, ["a"] * len(X))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        kind().fit(X, y[:-1])
    with pytest.raises(ValueError, match="requires y to be passed"):
        kind().fit(X, None)
    with pytest.raises(ValueError, match="contains NaN"):
        kind().fit(X, [np.nan, *[1.0] * (len(X) - 1)])


# Texts


@pytest.mark.parametrize(
    "wrap",
    [
        tuple,
        np.array,
        lambda texts: np.array(texts, object),
        lambda texts: np.array(texts, object)[:, None],
        pandas.Series,
        lambda texts: pandas.DataFrame({"text": texts}),
        polars.Series,
        lambda texts: polars.DataFrame({"text": texts}),
    ],
)
def test_texts_of_any_kind_mean_the_same(wrap):
    X, y = make_texts()
    expected = tiny(TextClassifier).fit(X, y).predict_proba(X)
    assert (tiny(TextClassifier).fit(wrap(X), y).predict_proba(wrap(X)) == expected).all()


def test_a_pipeline_cleans_texts_first():
    X, y = make_texts()
    noisy = [text.replace("o", "o#") for text in X]
    cleaner = FunctionTransformer(lambda texts: [text.replace("#", "") for text in texts])
    model = make_pipeline(cleaner, tiny(TextClassifier)).fit(noisy, y)
    assert (model.predict_proba(noisy) == tiny(TextClassifier).fit(X, y).predict_proba(X)).all()
    search = GridSearchCV(model, {"textclassifier__epochs": [1, 6]}, cv=2).fit(noisy, y)
    assert search.best_score_ > 0.8


def test_several_labels_a_text():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, (90, 3))
    words = np.array(["red", "green", "blue"])
    X = [" ".join(["colour", *words[row == 1]]) for row in y]
    model = tiny(TextClassifier).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict(["blue red", "nothing", "green"]).tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert model.predict_proba(X).shape == model.decision_function(X).shape == (90, 3)
    assert model.score(X, y) == 1.0
    two = tiny(TextClassifier).fit(X, y[:, :2])
    assert two.predict(["red"]).tolist() == [[1, 0]]


def test_three_classes_and_the_network_of_a_recipe():
    X, y = make_texts()
    y = np.where(["fun" in text for text in X], 7, np.where(y == "yes", 3, 5))
    model = tiny(TextClassifier, network="demo-text", max_len=12, vocabulary=20).fit(X, y)
    assert model.classes_.tolist() == [3, 5, 7]
    assert model.bundle_.recipe.features.max_len == 12
    assert len(model.bundle_.features.vocabulary) == 20
    assert model.decision_function(X).shape == (60, 3)


def test_copies_of_a_text_are_not_held_out_apart():
    model = TextClassifier(epochs=1, validation=0.3, random_state=0)
    recipe = model._make_recipe()
    groups = np.arange(60) % 20
    train, validation = model._hold_out(np.tile(np.arange(20) % 2, 3), groups, recipe)
    assert len(validation) == 18
    assert not set(groups[train]) & set(groups[validation])


@pytest.mark.parametrize(
    ("X", "problem"),
    [
        ([], "at least one text; got 0 sample"),
        ("one text", "must be a list of texts; got one str"),
        (["a", None], "X, row 2: must be a text; got None"),
        (["a", np.nan], "X, row 2: must be a text; got nan"),
        (np.zeros((2, 3)), "must be one column of texts; got 3"),
        ([1, 2], "X, row 1: must be a text; got 1"),
    ],
)
def test_wrong_texts(X, problem):
    with pytest.raises(ValueError, match=problem):
        TextClassifier().fit(X, ["a", "b"])
    model = tiny(TextClassifier).fit(*make_texts(20))
    with pytest.raises(ValueError, match=problem):
        model.predict(X)


# Sequences


def test_sequences_of_any_kind_mean_the_same():
    X, y = make_waves()
    expected = tiny(SequenceClassifier).fit(X, y).predict_proba(X)
    frame = pandas.DataFrame(X[..., 0]).rename(columns=str)
    kinds = (X[..., 0], X.tolist(), list(X), frame, polars.from_numpy(X[..., 0]), [part[:, 0] for part in X])
    for given in kinds:
        assert (tiny(SequenceClassifier).fit(given, y).predict_proba(given) == expected).all()


def test_lengths_that_differ():
    X, y = make_waves()
    ragged = [part[: 24 - place % 5] for place, part in enumerate(X)]
    model = tiny(SequenceClassifier).fit(ragged, y)
    assert model.score(ragged, y) > 0.9
    arrays = np.empty(40, object)
    arrays[:] = ragged
    assert (model.predict_proba(arrays) == model.predict_proba(ragged)).all()
    assert model.predict(X[:3, :10]).shape == (3,)  # another length than in training


def test_missing_values_are_taken():
    X, y = make_waves()
    X[::3, 5] = np.nan
    assert tiny(SequenceClassifier).fit(X, y).score(X, y) > 0.9


def test_wrong_sequences():
    X, y = make_waves()
    model = tiny(SequenceClassifier).fit(X[..., 0], y)
    with pytest.raises(ValueError, match="X has 20 features, but SequenceClassifier is expecting 24 features"):
        model.predict(X[:, :20, 0])
    with pytest.raises(ValueError, match="X has 2 channels, but SequenceClassifier is expecting 1 channels"):
        model.predict(np.tile(X, 2))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        model.predict(X[0, :, 0])
    with pytest.raises(ValueError, match="X contains infinity"):
        model.fit(np.where(X > 0, np.inf, X), y)
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        model.fit(X[:0], y[:0])
    with pytest.raises(ValueError, match="row 2: must be steps"):
        model.fit([X[0], X[1][None, :4]], [0, 1])
    with pytest.raises(ValueError, match="the same number of channels; got 1 and 2"):
        model.fit([X[0], np.tile(X[1], 2)], [0, 1])


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["a", None, "b", "b"], "row 2: the label must not be missing"),
        (pandas.Series(["a", "b", pandas.NA, "b"]), "row 3: the label must not be missing"),
        (pandas.Series(["a", "b", pandas.NA, "b"], dtype="string"), "missing"),
        ([["a", "b"], ["a"], ["b"], ["a"]], "MultiLabelBinarizer"),
        ([{"a"}, {"b"}, {"a"}, {"b"}], "MultiLabelBinarizer"),
        (scipy.sparse.csr_matrix(np.eye(4)), "toarray"),
    ],
)
@pytest.mark.parametrize("estimator", [TextClassifier(epochs=1), SequenceClassifier(epochs=1)])
def test_labels_that_are_none(estimator, labels, says):
    X = ["a b", "c d", "e f", "g h"] if isinstance(estimator, TextClassifier) else np.arange(12.0).reshape(4, 3)
    with pytest.raises(ValueError, match=says) as caught:
        estimator.fit(X, labels)
    assert "\n" not in str(caught.value)


WAVES = np.sin(np.arange(20)[:, None] * np.repeat([0.5, 1.5], 12) + np.arange(24)).T[..., None]  # [24, 20, 1]


def test_frames_and_columns_of_arrays_are_sequences():
    labels = ["slow"] * 12 + ["fast"] * 12
    model = SequenceClassifier(epochs=3, n_jobs=1, random_state=0)
    two = np.concatenate([WAVES, WAVES[:, ::-1]], axis=2)
    column = pandas.Series([pandas.Series(row[:, 0]) for row in WAVES])
    frame = pandas.DataFrame({name: [pandas.Series(row[:, i]) for row in two] for i, name in enumerate("xy")})
    for nested, plain in ((column, WAVES), (column.to_frame(), WAVES), (frame, two)):
        expected = clone(model).fit(plain, labels).predict_proba(plain)
        np.testing.assert_array_equal(clone(model).fit(nested, labels).predict_proba(nested), expected)
    frame.iloc[1, 1] = pandas.Series([1.0])
    with pytest.raises(DataError, match="X, row 2: all channels must have the same length"):
        model.fit(frame, labels)
