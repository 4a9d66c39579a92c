"""Plans: shapes, counts, receptive field and cost, against values worked out by hand and the book's printed ones."""

import numpy as np
import pytest

from seqconv.errors import ConfigError
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.layers.kinds import (
    Add,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    GlobalMaxPool,
    Gru,
    LastStep,
    Lstm,
    MaxPool,
    NgramBag,
    Relu,
    Residual,
    TokenConv,
)
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import count_parameters, entries, initial_weights, mask_shapes, shapes, weight_shapes
from seqconv.networks.summary import summarise
from seqconv.recipes.recipe import read_recipe

TCN = (
    Residual((Conv(4, 4, 3, 2, "causal"), Relu(), Dropout(0.2), Conv(4, 4, 3, 4, "causal"))),
    LastStep(),
    Dense(4, 1),
)


@pytest.mark.parametrize(
    ("recipe", "parameters"),
    [
        ("imdb-conv1d", 1_315_937),
        ("imdb-conv1d-as-printed", 1_315_937),
        ("imdb-lstm", 328_353),
        ("jena-conv1d", 12_609),
        ("jena-conv1d-gru", 13_697),
        ("jena-gru", 4_545),
    ],
)
def test_the_books_parameter_counts(recipe, parameters):
    read = read_recipe(recipe)
    shape = (500,) if read.task == "text" else (240, 14)
    assert count_parameters(build_plan(read.network.layers, shape, 10_000)) == parameters


def test_reset_after_adds_one_bias():
    read = read_recipe("jena-conv1d-gru", ("network.layers.3.reset_after=true",))
    assert count_parameters(build_plan(read.network.layers, (240, 14))) == 13_793


def test_shapes_follow_each_layer():
    plan = (Embed(10, 4), Conv(4, 8, 3), MaxPool(2), GlobalMaxPool(), Dense(8, 1))
    assert shapes(plan, (21,)) == [(21, 4), (19, 8), (9, 8), (8,), (1,)]
    assert Conv(4, 8, 3, dilation=4).output_shape((9, 4)) == (1, 8)
    assert Conv(4, 8, 3, dilation=4, padding="causal").output_shape((1, 4)) == (1, 8)


@pytest.mark.parametrize(
    ("plan", "shape"),
    [
        ((Conv(4, 8, 3),), (2, 4)),
        ((Conv(4, 8, 3),), (9, 5)),
        ((Conv(4, 8, 3),), (9,)),
        ((MaxPool(5),), (4, 4)),
        ((Dense(4, 1),), (9, 4)),
        ((Embed(10, 4),), (9, 4)),
        ((Residual((Conv(4, 5, 1),)),), (9, 4)),
    ],
)
def test_layers_that_do_not_fit_are_refused(plan, shape):
    with pytest.raises(ConfigError, match="must"):
        shapes(plan, shape)


def test_receptive_field_and_cost_of_the_books_convnet():
    rows = summarise(
        (Conv(14, 32, 5), MaxPool(3), Conv(32, 32, 5), MaxPool(3), Conv(32, 32, 5), GlobalMaxPool()), (240, 14)
    )
    assert [row.receptive_field for row in rows[:5]] == [5, 7, 19, 25, 61]
    assert [row.multiply_adds for row in rows] == [236 * 5 * 14 * 32, 0, 74 * 5 * 32 * 32, 0, 20 * 5 * 32 * 32, 0]


def test_receptive_field_of_dilated_blocks_and_of_recurrent_layers():
    assert summarise(TCN, (50, 4))[0].receptive_field == 1 + 2 * 2 + 2 * 4
    assert summarise((Gru(4, 3), LastStep()), (50, 4))[-1].receptive_field is None


def test_an_output_depends_on_its_receptive_field_and_on_nothing_else():
    # moving one input step changes the outputs that the receptive field says, and no other
    conv = Conv(1, 1, 3, 2)
    kernel = np.array([1.0, 10.0, 100.0])
    x = np.zeros(20)
    x[10] = 1
    outputs = [sum(kernel[k] * x[t + 2 * k] for k in range(3)) for t in range(conv.output_shape((20, 1))[0])]
    assert np.flatnonzero(outputs).tolist() == [6, 8, 10]
    assert summarise((conv,), (20, 1))[0].receptive_field == 5


def test_initial_weights_are_keras_defaults():
    plan = (Embed(1000, 16), Conv(16, 32, 7), Relu(), Lstm(32, 24), LastStep(), Dense(24, 3))
    weights = initial_weights(plan, 7)
    assert {name: array.shape for name, array in weights.items()} == weight_shapes(plan)
    assert all(array.dtype == np.float32 for array in weights.values())
    embeddings = weights["0.embeddings"]
    assert np.abs(embeddings).max() <= 0.05
    assert embeddings.std() == pytest.approx(0.1 / np.sqrt(12), rel=0.02)
    limit = np.sqrt(6 / (7 * (16 + 32)))
    assert limit * 0.99 < np.abs(weights["1.kernel"]).max() <= limit
    recurrent = weights["3.recurrent_kernel"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(24), atol=1e-5)
    assert weights["3.bias"].tolist() == [0] * 24 + [1] * 24 + [0] * 48
    np.testing.assert_array_equal(weights["1.kernel"], initial_weights(plan, 7)["1.kernel"])
    assert not np.array_equal(weights["1.kernel"], initial_weights(plan, 8)["1.kernel"])


def test_masks_have_one_value_per_sequence_and_keep_the_mean():
    plan = (Gru(14, 32, 0.1, 0.5), LastStep(), Dropout(0.25), Dense(32, 1))
    needed = mask_shapes(plan, (240, 14))
    assert {name: shape for name, (shape, _) in needed.items()} == {
        "0.input_mask": (3, 14),
        "0.recurrent_mask": (3, 32),
        "2.mask": (32,),
    }
    masks = DropoutMasks(plan, (240, 14), np.random.default_rng(0), 2).draw(4000)
    assert masks["0.recurrent_mask"].shape == (4000, 3, 32)
    assert set(np.unique(masks["0.recurrent_mask"])) == {0.0, 2.0}
    for mask in masks.values():
        assert mask.dtype == np.float32
        assert mask.mean() == pytest.approx(1, abs=0.02)


WIDE = (
    Add(
        (
            (
                Concat(((TokenConv(90, 6, 1), Relu(), GlobalMaxPool()), (TokenConv(90, 4, 3), GlobalMaxPool()))),
                Dropout(0.5),
                Dense(10, 2),
            ),
            (NgramBag(90, 2, 2, 50),),
        )
    ),
)


def test_branches_by_hand():
    assert shapes(WIDE, (20,)) == [(2,)]
    assert shapes((Concat(((Conv(5, 3, 2),), (Conv(5, 4, 2),))),), (20, 5)) == [(19, 7)]
    assert TokenConv(90, 6, 3).output_shape((2,)) == (1, 6)
    assert weight_shapes(WIDE) == {
        "0.0.0.0.0.table": (90, 1, 6),
        "0.0.0.0.0.bias": (6,),
        "0.0.0.1.0.table": (90, 3, 4),
        "0.0.0.1.0.bias": (4,),
        "0.0.2.kernel": (10, 2),
        "0.0.2.bias": (2,),
        "0.1.0.table": (140, 2),
        "0.1.0.scale": (140, 2),
    }
    assert [at for at, _ in entries(WIDE)] == ["0.0.0.0.0", "0.0.0.1.0", "0.1.0"]
    assert mask_shapes(WIDE, (20,)) == {"0.0.1.mask": ((10,), 0.5)}
    assert initial_weights(WIDE, 0)["0.1.0.scale"].min() == 1
    assert not initial_weights(WIDE, 0)["0.1.0.table"].any()
    row = summarise(WIDE, (20,))[0]
    assert (row.receptive_field, row.multiply_adds) == (20, 20 * 6 + 18 * 3 * 4 + 10 * 2 + 20 * 2 * 2)
    assert row.name == (
        "Add(Concat(TokenConv(6, 1), Relu, GlobalMaxPool | TokenConv(4, 3), GlobalMaxPool), Dropout(0.5), Dense(2)"
        " | NgramBag(2, 50 buckets))"
    )


def test_masks_inside_residual_blocks_are_named_by_their_place():
    assert mask_shapes(TCN, (50, 4)) == {"0.2.mask": ((50, 4), 0.2)}
    assert list(weight_shapes(TCN))[:2] == ["0.0.kernel", "0.0.bias"]
