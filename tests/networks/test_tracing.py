"""A trace is held against the engine: its terms sum to the outputs, and what it calls unseen cannot change a winner."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.networks import RECIPES, WIDTHS, batch_for, branched_plans, native, plans, random_weights
from seqconv.networks.inputs import TokenInputs
from seqconv.networks.layers.kinds import (
    Add,
    AveragePool,
    BatchNormalisation,
    Bidirectional,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Elu,
    Embed,
    Gelu,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    Lstm,
    MaxPool,
    NgramBag,
    Relu,
    Residual,
    SeparableConv,
    SimpleRnn,
    Softmax,
    SubtractLast,
    Tanh,
    TokenConv,
)
from seqconv.networks.plan import walk
from seqconv.networks.summary import summarise
from seqconv.networks.tracing import trace

NOT_LOCAL = (
    *(SimpleRnn, Gru, Lstm, Bidirectional, AveragePool, GlobalAveragePool, LastStep, SubtractLast),
    *(Softmax, DepthwiseConv, SeparableConv),
)


def hold_against_engine(plan, shape, seed):
    """Whether there is a trace; if so, its terms must sum to the engine's outputs."""
    weights = random_weights(plan, seed)
    ids = batch_for(plan, shape, 4, seed)
    outputs = native(plan, weights).predict(TokenInputs(ids))
    for row, expected in zip(ids, outputs, strict=True):
        terms = trace(plan, weights, row)
        if terms is None:
            return False
        found = terms.parts.sum(axis=0) + terms.constant
        scale = max(np.abs(terms.parts).sum(axis=0).max(initial=0), np.abs(terms.constant).max(), 1e-3)
        assert np.abs(found - expected).max() <= 2e-5 * scale
        assert (terms.first <= terms.last).all()
        assert (terms.last < shape[0]).all()
    return True


@given(plans(text=True), st.integers(0, 99))
@settings(deadline=None, max_examples=150)
def test_terms_sum_to_the_outputs_of_any_stack_with_a_trace(drawn, seed):
    plan, shape = drawn
    traced = hold_against_engine(plan, shape, seed)
    layers = [layer for _, layer in walk(plan)]
    local = not any(isinstance(layer, NOT_LOCAL) for layer in layers)
    bent = any(isinstance(layer, Dense) for layer in plan[:-1]) and not isinstance(plan[-2], Dropout)
    assert traced == (local and not bent)


@given(branched_plans(text=True), st.integers(0, 99))
@settings(deadline=None, max_examples=100)
def test_terms_sum_to_the_outputs_of_branches(drawn, seed):
    hold_against_engine(*drawn, seed)


@pytest.mark.parametrize("name", ["imdb-conv1d", "imdb-wide"])
def test_the_recipes_for_texts_have_a_trace(name):
    assert hold_against_engine(*RECIPES[name], 1)


def test_batch_normalisation_and_strides_keep_the_trace():
    front = (Embed(20, 4), Conv(4, 6, 3, 1, "same", 2), BatchNormalisation(6), Elu(), Conv(6, 8, 2, stride=2))
    assert hold_against_engine((*front, GlobalMaxPool(), Gelu(), Dense(8, 2)), (30,), 2)


def test_plans_that_are_no_sum_over_filters_have_none():
    ids = np.ones(9, np.int32)
    embed, pool = Embed(5, 4), GlobalMaxPool()
    refused = [
        RECIPES["imdb-lstm"][0],
        (embed, GlobalAveragePool(), Dense(4, 1)),
        (embed, pool, Dense(4, 3), Relu(), Dense(3, 1)),
        (embed, Add(((Conv(4, 2, 2), pool), (Conv(4, 2, 3), pool))), Dense(2, 1)),
        (Concat(((embed, pool), (embed, LastStep()))), Dense(8, 1)),
        (Concat(((embed, pool), (NgramBag(5, 2, 2, 9),))), Dense(6, 1)),
        (embed, Residual((Gru(4, 4),)), pool, Dense(4, 1)),
    ]
    for plan in refused:
        assert trace(plan, random_weights(plan), ids) is None


@st.composite
def fronts(draw):
    """Layers up to global max pooling, and the length of a text."""
    steps = draw(st.integers(4, 24))
    plan = draw(st.sampled_from([(Embed(30, 5),), (TokenConv(30, 5, 2), Relu())]))
    shape = (steps, 5) if len(plan) == 1 else (steps - 1, 5)
    for _ in range(draw(st.integers(0, 4))):
        channels, dilation = shape[1], draw(st.integers(1, 2))
        options = [MaxPool(draw(st.integers(1, min(shape[0], 3)))), Relu(), Tanh(), Dropout(0.5)]
        options += [Conv(channels, draw(WIDTHS), 3, dilation, "causal")]
        options += [Residual((Conv(channels, channels, 2, dilation, "causal"), Relu()))]
        options += [Conv(channels, draw(WIDTHS), 2, dilation)] if shape[0] > dilation else []
        plan = (*plan, draw(st.sampled_from(options)))
        shape = plan[-1].output_shape(shape)
    return (*plan, GlobalMaxPool()), (steps,), shape[1]


@given(fronts(), st.integers(0, 99))
@settings(deadline=None, max_examples=150)
def test_nothing_outside_a_winners_span_can_lower_its_filter(drawn, seed):
    """With everything else changed the winning step gives the same value, so the filter cannot fall below it."""
    front, shape, filters = drawn
    plan = (*front, Dense(filters, filters))
    at = len(front)
    weights = random_weights(plan, seed)
    weights |= {f"{at}.kernel": np.eye(filters, dtype=np.float32), f"{at}.bias": np.zeros(filters, np.float32)}
    random = np.random.default_rng(seed)
    ids = random.integers(0, 30, shape[0], dtype=np.int32)
    terms = trace(plan, weights, ids)
    widest = summarise(front[:-1], shape)[-1].receptive_field
    assert (terms.last - terms.first + 1 <= widest).all()
    places = np.arange(shape[0])
    changed = random.integers(0, 30, (filters, shape[0]), dtype=np.int32)
    kept = (places >= terms.first[:, None]) & (places <= terms.last[:, None])
    outputs = native(plan, weights).predict(TokenInputs(np.where(kept, ids, changed)))
    values = np.diag(terms.parts)
    assert (np.diag(outputs) >= values - 1e-4 * max(np.abs(values).max(), 1)).all()


def test_pooling_below_widens_the_span_to_what_the_winner_sees():
    # a pooled step sees two positions, two pooled steps four: the winner is the conv step over pooled steps 1 and 2
    plan = (Embed(3, 1), MaxPool(2), Conv(1, 1, 2), GlobalMaxPool(), Dense(1, 1))
    weights = {
        "0.embeddings": np.array([[0.0], [1.0], [5.0]], np.float32),
        "2.kernel": np.array([[[1.0]], [[2.0]]], np.float32),
        "2.bias": np.zeros(1, np.float32),
        "4.kernel": np.full((1, 1), 0.5, np.float32),
        "4.bias": np.ones(1, np.float32),
    }
    terms = trace(plan, weights, np.array([0, 0, 1, 0, 0, 2, 0, 0, 1]))
    assert (terms.first.tolist(), terms.last.tolist()) == ([2], [5])
    assert terms.parts.tolist() == [[0.5 * (1 + 2 * 5)]]
    assert terms.constant.tolist() == [1]


def test_an_ngram_that_occurs_twice_is_shared_by_its_places():
    plan = (NgramBag(4, 1, 2, 10, 2.0),)
    table, scale = np.zeros((14, 1), np.float32), np.ones((14, 1), np.float32)
    table[3] = 6
    terms = trace(plan, {"0.table": table, "0.scale": scale}, np.array([0, 3, 2, 3]))
    # features: 2, 3, (3 2), (2 3): four of scale 1, so each counts 2 / sqrt(4) times its row
    shares = {(f, t): p for f, t, p in zip(terms.first, terms.last, terms.parts[:, 0], strict=True)}
    assert shares == {(1, 1): 3, (2, 2): 0, (3, 3): 3, (1, 2): 0, (2, 3): 0}
