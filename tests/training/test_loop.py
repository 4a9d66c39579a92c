"""The training loop, on a stand-in network whose losses are chosen by the test."""

import numpy as np
import pytest

from seqconv.errors import TrainingError
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.kinds import Dense, Embed, GlobalMaxPool, LastStep
from seqconv.networks.network import StepResult
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks.classes import Classes
from seqconv.tasks.examples import Part, Split, TrainingData, merge_validation
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.windows import WindowSpec
from seqconv.tasks.text.features import TextFeatures
from seqconv.training.loop import Listener, calibrate, fit_network


class Scripted:
    """Its validation logits follow a script; it records the batches that it is given."""

    plan = (Embed(5, 2), GlobalMaxPool(), Dense(2, 1))
    threads = 1
    learning_rate = 1e-3

    def __init__(self, validation_logits, train_loss=0.5):
        self.script = list(validation_logits)
        self.train_loss = train_loss
        self.batches = []
        self.epoch = 0

    def weights(self):
        return {"epoch": np.array(self.epoch)}

    def set_weights(self, weights):
        self.kept = int(weights["epoch"])

    def predict(self, inputs):
        return np.full((len(inputs), 1), self.script[self.epoch - 1], np.float32)

    def train_batches(self, inputs, targets, batches, draw, weights=None):
        self.epoch += 1
        self.batches.append([])
        for index in batches:
            self.batches[-1].append(index)
            assert draw(len(index)) == {}
            yield StepResult(self.train_loss, np.full((len(index), 1), 0.1, np.float32))


def split(train: int = 10) -> Split:
    def part(count):
        return Part(TokenInputs(np.ones((count, 4), np.int32)), np.ones((count, 1), np.float32))

    return Split(part(train), part(6), part(3), TextFeatures(Classes(("neg", "pos")), None, 4), {})


def config(**settings):
    return TrainingConfig(**{"batch_size": 4, "epochs": 5, **settings})


def test_every_example_is_seen_once_an_epoch_in_a_new_order():
    network = Scripted([1] * 5)
    fit_network(network, split().training, config(), Listener())
    assert [[len(index) for index in epoch] for epoch in network.batches] == [[4, 4, 2]] * 5
    orders = [np.concatenate(epoch).tolist() for epoch in network.batches]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5


def test_random_batches_are_drawn_as_often_as_asked_and_the_same_for_the_same_seed():
    first, again, other = Scripted([1] * 5), Scripted([1] * 5), Scripted([1] * 5)
    for network, seed in ((first, 3), (again, 3), (other, 4)):
        fit_network(network, split().training, config(steps_per_epoch=7, seed=seed), Listener())
    assert np.shape(first.batches) == (5, 7, 4)
    np.testing.assert_array_equal(first.batches, again.batches)
    assert not np.array_equal(first.batches, other.batches)


def test_the_best_epoch_is_kept_and_patience_ends_training():
    network = Scripted([1, 2, 3, 2, 2.5, 4])
    trained = fit_network(network, split().training, config(epochs=6, patience=2), Listener())
    assert trained.best_epoch == network.kept == 3
    assert len(trained.history) == 5
    assert trained.history[0].validation_loss == pytest.approx(np.log1p(np.exp(-1)), rel=1e-6)
    assert trained.history[0].validation_metric == 1


@pytest.mark.parametrize(
    ("outputs", "patience", "said"),
    [
        ([1, 2, 3, 2, 2.5, 4], 2, ["stopped: no better for 2 epochs"]),
        ([1, 2, 3, 2, 2.5, 4], 1, ["stopped: no better for 1 epoch"]),
        ([1, 2, 3, 4, 5, 6], 2, []),
    ],
)
def test_an_early_end_is_announced(outputs, patience, said):
    heard = []
    listener = Listener()
    listener.say = heard.append
    fit_network(Scripted(outputs), split().training, config(epochs=6, patience=patience), listener)
    assert heard == said


def test_without_patience_all_epochs_are_run():
    trained = fit_network(Scripted([3, 2, 1, 0, -1]), split().training, config(), Listener())
    assert (len(trained.history), trained.best_epoch) == (5, 1)


def test_averaged_weights_are_judged_and_kept_while_training_goes_on_with_its_own():
    """Each epoch moves the one weight by 1; its mean is 1, then 0.75 * 1 + 0.25 * 2, then 0.75 * 1.25 + 0.25 * 3."""

    class Climbing(Scripted):
        weight = np.zeros(1, np.float32)

        def weights(self):
            return {"w": self.weight.copy()}

        def set_weights(self, weights):
            self.weight = weights["w"]

        def predict(self, inputs):
            return np.repeat(self.weight[None], len(inputs), axis=0)

        def train_batches(self, inputs, targets, batches, draw, weights=None):
            self.weight = self.weight + 1
            yield from super().train_batches(inputs, targets, batches, draw, weights)

    for keep_best in (True, False):
        network = Climbing([])
        trained = fit_network(network, split().training, config(epochs=3, averaging=0.75), Listener(), keep_best)
        expected = np.log1p(np.exp(-np.array([1, 1.25, 1.6875])))
        np.testing.assert_allclose([epoch.validation_loss for epoch in trained.history], expected, rtol=1e-6)
        assert network.weight == 1.6875


def test_the_last_weights_stay_when_the_best_are_not_asked_for():
    network = Scripted([3, 2])
    fit_network(network, split().training, config(epochs=2), Listener(), keep_best=False)
    assert not hasattr(network, "kept")


def test_a_loss_that_is_no_number_ends_training_in_words():
    with pytest.raises(
        TrainingError, match=r"epoch 1: the loss must be finite; got nan\. Lower training.learning_rate"
    ):
        fit_network(Scripted([1], train_loss=float("nan")), split().training, config(), Listener())


@pytest.mark.parametrize("output", [-0.3, 0.0, 1.0, 1.7])
def test_a_dead_start_of_the_as_printed_loss_is_said(output):
    network = Scripted([output])
    network.epoch = 1
    with pytest.raises(TrainingError, match="dead start: every output"):
        fit_network(network, split().training, config(loss="as_printed"), Listener())
    assert network.batches == []


def test_listeners_hear_running_means():
    heard = []

    class Ears(Listener):
        def end_step(self, loss, metric):
            heard.append((loss, metric))

    fit_network(Scripted([1]), split().training, config(epochs=1), Ears())
    assert heard == [(0.5, 1.0)] * 3


def test_merging_puts_the_validation_examples_behind_the_training_examples():
    merged = merge_validation(split().training)
    assert len(merged.train.inputs) == len(merged.train.targets) == 16
    assert merged.validation is not None
    assert len(merged.validation.inputs) == 6


class StartsAtZero(Scripted):
    """Validation logits before the first epoch come from the end of the script."""

    plan = (Embed(5, 2), GlobalMaxPool(), Dense(2, 1, zeros=True))


@pytest.mark.parametrize(("script", "best", "run"), [([1, 1.5, 0.5, 2], 0, 2), ([1, 2.5, 0.5, 2], 2, 4)])
def test_a_network_that_starts_at_zero_keeps_its_start_unless_training_is_better(script, best, run):
    network = StartsAtZero(script)
    trained = fit_network(network, split().training, config(epochs=4, patience=2), Listener())
    assert (trained.best_epoch, network.kept, len(trained.history)) == (best, best, run)


def test_without_the_best_the_start_is_no_candidate():
    network = StartsAtZero([1, 1.5, 0.5, 2])
    assert fit_network(network, split().training, config(epochs=2), Listener(), keep_best=False).best_epoch == 2


def test_a_network_with_intervals_is_judged_by_its_middles_and_calibrated_on_validation_rows():
    spec = WindowSpec(2, 1, (0,), 3600)
    features = SeriesFeatures(("x",), ("x",), Scaler(np.zeros(1), np.ones(1)), spec)

    def part(count):
        inputs = WindowInputs(np.zeros((count + 2, 1), np.float32), np.arange(2, count + 2), 2, 1)
        targets = np.arange(1, count + 1, dtype=np.float32)[:, None]
        return Part(inputs, targets, None, np.ones((count, 1), np.float32))

    class Three(Scripted):
        plan = (LastStep(), Dense(1, 3))

        def predict(self, inputs):
            return super().predict(inputs) + np.array([0, -2, 5], np.float32)

        def train_batches(self, inputs, targets, batches, draw, weights=None):
            for loss, outputs in super().train_batches(inputs, targets, batches, draw, weights):
                yield StepResult(loss, outputs + np.array([0, 100, -100], np.float32))

    whole = TrainingData(part(4), part(9), features)
    network = Three([3, 4, 9])  # targets less base are 0 to 8
    settings = config(loss="mae", coverage=0.8, epochs=3)
    trained = fit_network(network, whole, settings, Listener())
    assert trained.best_epoch == 2
    np.testing.assert_allclose([epoch.validation_loss for epoch in trained.history], [21 / 9, 20 / 9, 5.0], rtol=1e-5)
    np.testing.assert_allclose(trained.history[0].loss, np.mean(np.abs(0.1 - np.arange(4))), rtol=1e-5)
    network.epoch = 2
    # from 3 to 10: the targets 1 to 9 lie outside by 2, 1, 0, -1, -2, -3, -3, -2, -1; the eighth in order is 1
    assert calibrate(network.predict, whole.validation, features, settings).margins == (1.0,)
    assert calibrate(network.predict, whole.validation, features, config(loss="mae")) is features


def test_a_listener_can_end_the_training_and_the_best_epoch_so_far_is_kept():
    class Enough(Listener):
        said = ""

        def end_epoch(self, epoch):
            return epoch.epoch == 3

        def say(self, text):
            self.said += text

    network, listener = Scripted([1, 3, 2, 4, 5]), Enough()
    trained = fit_network(network, split().training, config(patience=4), listener)
    assert (len(trained.history), trained.best_epoch, network.kept) == (3, 2, 2)
    assert listener.said == "stopped: as asked"
