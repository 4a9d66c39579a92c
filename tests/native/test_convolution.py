"""The convolution kernels against float64 numpy, over random shapes, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.convolutions import (
    THREADS,
    assert_close,
    convolve,
    draw_floats,
    gradients,
    pool_groups,
    run_backward,
    run_forward,
    run_tokens,
    run_tokens_backward,
    spread,
)
from seqconv import _native as native

SIZES = st.sampled_from([1, 2, 3, 4, 7, 8, 14, 15, 16, 17, 31, 32, 33, 40, 65])


@st.composite
def layers(draw):
    """Sizes and settings of a layer that has at least one step and one group."""
    kernel, dilation = draw(st.integers(1, 7)), draw(st.sampled_from([1, 1, 1, 2, 3, 8]))
    reach = (kernel - 1) * dilation
    left_pad = draw(st.sampled_from([0, 0, reach, reach // 2, reach + 2]))
    steps = draw(st.one_of(st.integers(1, 40), st.integers(1, 300)))
    length = max(steps + reach - left_pad, 1)
    steps = length + left_pad - reach
    pool = draw(st.sampled_from([p for p in (0, 1, 1, 2, 3, 5, 17, 70) if p <= steps]))
    settings = {"dilation": dilation, "left_pad": left_pad, "relu": draw(st.booleans()), "pool": pool}
    return draw(st.sampled_from([1, 2, 3, 5])), length, kernel, draw(SIZES), settings


@given(layers(), SIZES, st.integers(0, 99))
@settings(max_examples=120, deadline=None)
def test_values_match_the_definition(layer, channels, seed):
    examples, length, width, filters, how = layer
    x, kernel, bias = draw_floats(seed, (examples, length, channels), (width, channels, filters), filters)
    plain = convolve(x, kernel, bias, how["dilation"], how["left_pad"])
    y, arg = run_forward(x, kernel, bias, **how)
    expected, winners = pool_groups(plain, how["relu"], how["pool"])
    assert_close(y, expected, 1e-5)
    if arg is not None:
        assert np.mean(arg == winners) > 0.99  # rounding may turn a close race
        size = how["pool"] or plain.shape[1]
        grouped = plain[:, : plain.shape[1] // size * size].reshape(examples, -1, size, filters)
        won = np.take_along_axis(grouped, arg.reshape(examples, -1, 1, filters), 2)
        assert_close(won, grouped.max(2, keepdims=True), 1e-5)

    (dy,) = draw_floats(seed + 1, y.shape)
    steps = spread(dy, y, np.zeros(y.shape, int) if arg is None else arg, how["relu"], how["pool"], plain.shape[1])
    found = run_backward(x, kernel, y, arg, dy, **how)
    for got, exact in zip(found, gradients(x, kernel, steps, how["dilation"], how["left_pad"]), strict=True):
        assert_close(got, exact, 2e-5)


@given(layers(), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=120, deadline=None)
def test_tokens_match_the_convolution_of_their_embeddings(layer, rows, seed):
    examples, length, width, filters, how = layer
    table, bias = draw_floats(seed, (rows, width, filters), filters)
    random = np.random.default_rng(seed)
    ids = random.integers(0, rows, (examples, length)).astype(np.int32)
    for row in ids:  # most texts begin with padding, some are nothing else
        row[: random.integers(0, length + 1)] = random.integers(0, rows)
    one_hot = np.eye(rows, dtype=np.float32)[ids]
    by_tap = np.ascontiguousarray(table.transpose(1, 0, 2))  # [K, rows, O]
    plain = convolve(one_hot, by_tap, bias, how["dilation"], how["left_pad"])
    y, arg = run_tokens(ids, table, bias, **how)
    expected, _ = pool_groups(plain, how["relu"], how["pool"])
    assert_close(y, expected, 1e-5)

    (dy,) = draw_floats(seed + 1, y.shape)
    steps = spread(dy, y, np.zeros(y.shape, int) if arg is None else arg, how["relu"], how["pool"], plain.shape[1])
    _, exact, exact_bias = gradients(one_hot, by_tap, steps, how["dilation"], how["left_pad"])
    dtable, dbias = run_tokens_backward(ids, table, y, arg, dy, **how)
    assert_close(dtable, exact.transpose(1, 0, 2), 2e-5)
    assert_close(dbias, exact_bias, 2e-5)


def test_the_first_of_equal_steps_wins():
    x, kernel, bias = np.ones((2, 13, 3), np.float32), np.ones((2, 3, 5), np.float32), np.zeros(5, np.float32)
    for pool in (0, 3, 4):
        assert not run_forward(x, kernel, bias, pool=pool)[1].any()
        assert not run_tokens(np.zeros((2, 13), np.int32), kernel[:1], bias, pool=pool)[1].any()


def test_winners_of_tokens_in_padding_are_counted_from_the_groups_start():
    table = np.array([[[-1.0]], [[5.0]], [[3.0]]], np.float32)  # [U 3, K 1, O 1]
    ids = np.array([[0, 0, 0, 0, 2, 1, 2, 2]], np.int32)
    y, arg = run_tokens(ids, table, np.zeros(1, np.float32), relu=False, pool=3)
    assert y.ravel().tolist() == [-1, 5]
    assert arg.ravel().tolist() == [0, 2]
    y, arg = run_tokens(ids, table, np.zeros(1, np.float32), relu=False, pool=0)
    assert y.tolist() == [[5]]
    assert arg.tolist() == [[5]]


@pytest.mark.parametrize("pool", [0, 1, 3])
def test_a_nan_shows_in_every_output_that_saw_it(pool):
    x, kernel, bias = draw_floats(0, (1, 20, 4), (3, 4, 18), 18)
    x[0, 7, 2] = np.nan
    y, _ = run_forward(x, kernel, bias, pool=pool)
    expected, _ = pool_groups(convolve(x, kernel, bias, 1, 0), True, pool)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    table = draw_floats(0, (20, 3, 18))[0]
    table[7, 1] = np.nan
    y, _ = run_tokens(np.arange(20, dtype=np.int32)[None], table, bias, pool=pool)
    assert np.isnan(y).any()
    assert np.isnan(y).all() == (pool == 0)


@pytest.mark.parametrize("stopped", [0.0, 0.6, 1.0])
def test_gradients_that_relu_stopped_are_left_out(stopped):
    x, kernel, dy = draw_floats(7, (3, 62, 9), (5, 9, 33), (3, 19, 33))
    random = np.random.default_rng(7)
    y = np.where(random.random(dy.shape) < stopped, 0, 1).astype(np.float32)
    dy[0, 3] = -0.0
    arg = random.integers(0, 3, dy.shape, dtype=np.int32)
    exact = gradients(x, kernel, spread(dy, y, arg, True, 3, 58), 1, 0)
    for got, expected in zip(run_backward(x, kernel, y, arg, dy, pool=3), exact, strict=True):
        assert_close(got, expected, 2e-5)


def test_infinities_are_values_like_others():
    x, kernel, bias = np.full((1, 9, 1), -np.inf, np.float32), np.ones((1, 1, 3), np.float32), np.zeros(3, np.float32)
    y, arg = run_forward(x, kernel, bias, relu=False, pool=3)
    assert np.isneginf(y).all()
    assert not arg.any()
    x[0, 4] = np.inf
    y, arg = run_forward(x, kernel, bias, pool=0)
    assert np.isposinf(y).all()
    assert (arg == 4).all()


@pytest.mark.parametrize("pool", [0, 1, 2, 3])
def test_any_number_of_threads_gives_the_same_bits(pool):
    x, kernel, bias = draw_floats(1, (19, 300, 9), (5, 9, 33), 33)
    ids = np.random.default_rng(1).integers(0, 50, (19, 300)).astype(np.int32)
    table = draw_floats(2, (50, 5, 33))[0]

    def run(threads):
        y, arg = run_forward(x, kernel, bias, pool=pool, threads=threads)
        seen, won = run_tokens(ids, table, bias, pool=pool, threads=threads)
        back = run_backward(x, kernel, y, arg, np.cos(y), pool=pool, threads=threads)
        return y, seen, *back, *run_tokens_backward(ids, table, seen, won, np.cos(seen), pool=pool, threads=threads)

    one = run(1)
    for threads in (2, 3, 64):
        for a, b in zip(one, run(threads), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_long_series_and_a_large_kernel_are_cut_into_parts():
    for shape, (width, filters), how in [
        ((1, 5000, 3), (5, 4), {"dilation": 54, "left_pad": 216}),
        ((1, 5000, 3), (5, 4), {"dilation": 54, "pool": 7}),
        ((3, 40, 300), (6, 520), {"pool": 2}),
        ((3, 40, 300), (6, 520), {}),
    ]:
        x, kernel, bias = draw_floats(3, shape, (width, shape[2], filters), filters)
        dilation, left_pad, pool = how.get("dilation", 1), how.get("left_pad", 0), how.get("pool", 1)
        plain = convolve(x, kernel, bias, dilation, left_pad)
        y, arg = run_forward(x, kernel, bias, **how)
        assert_close(y, pool_groups(plain, True, pool)[0], 1e-5)
        dy = np.cos(y)
        steps = spread(dy, y, np.zeros(y.shape, int) if arg is None else arg, True, pool, plain.shape[1])
        exact = gradients(x, kernel, steps, dilation, left_pad)
        for got, expected in zip(run_backward(x, kernel, y, arg, dy, **how), exact, strict=True):
            assert_close(got, expected, 2e-5)


def test_prediction_needs_no_arg_and_the_first_layer_no_dx():
    x, kernel, bias = draw_floats(4, (2, 30, 5), (3, 5, 6), 6)
    y, arg = run_forward(x, kernel, bias, pool=2)
    alone = np.empty_like(y)
    native.conv_forward(x, kernel, bias, alone, None, 1, 0, True, 2, THREADS)
    np.testing.assert_array_equal(alone, y)
    dkernel, dbias = np.empty_like(kernel), np.empty_like(bias)
    native.conv_backward(x, kernel, y, arg, y, None, dkernel, dbias, 1, 0, True, 2, THREADS)
    np.testing.assert_array_equal(dkernel, run_backward(x, kernel, y, arg, y, pool=2)[1])


def test_a_conv_alone_matches_finite_differences():
    x, kernel, bias, dy = draw_floats(5, (1, 9, 2), (3, 2, 2), 2, (1, 3, 2))
    how = {"dilation": 1, "left_pad": 2, "relu": True, "pool": 3}
    y, arg = run_forward(x, kernel, bias, **how)
    found = run_backward(x, kernel, y, arg, dy, **how)
    values = [a.astype(np.float64) for a in (x, kernel, bias)]

    def loss():
        return (pool_groups(convolve(*values, 1, 2), True, 3)[0] * dy).sum()

    for value, gradient in zip(values, found, strict=True):
        for place in np.ndindex(value.shape):
            before = value[place]
            value[place] = before + 1e-6
            up = loss()
            value[place] = before - 1e-6
            assert (up - loss()) / 2e-6 == pytest.approx(gradient[place], abs=1e-4)
            value[place] = before


FLOAT, INT = np.float32, np.int32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((0, 8, 2), FLOAT)}, r"examples: must be at least 1; got 0"),
        ({"x": np.zeros((2, 8, 0), FLOAT)}, r"channels: must be at least 1; got 0"),
        ({"x": np.zeros((2, 2, 2), FLOAT)}, r"steps .*: must be at least 1; got 0"),
        ({"kernel": np.zeros((0, 2, 4), FLOAT)}, r"kernel width: must be at least 1; got 0"),
        ({"kernel": np.zeros((3, 2, 0), FLOAT)}, r"filters: must be at least 1; got 0"),
        ({"kernel": np.zeros((3, 5, 4), FLOAT)}, r"kernel: must have shape \[3, 2, 4\]; got \[3, 5, 4\]"),
        ({"bias": np.zeros(5, FLOAT)}, r"bias: must have shape \[4\]; got \[5\]"),
        ({"y": np.zeros((2, 3, 5), FLOAT)}, r"y: must have shape \[2, 3, 4\]; got \[2, 3, 5\]"),
        ({"y": np.zeros((2, 4), FLOAT)}, r"y: must have shape \[2, 3, 4\]; got \[2, 4\]"),
        ({"arg": np.zeros((2, 6, 4), INT)}, r"arg: must have shape \[2, 3, 4\]; got \[2, 6, 4\]"),
        ({"dilation": 0}, r"dilation: must be at least 1; got 0"),
        ({"left_pad": -1}, r"left_pad: must be at least 0; got -1"),
        ({"pool": -2}, r"pool: must be at least 0; got -2"),
        ({"pool": 7}, r"steps of a pool of 7: must be at least 7; got 6"),
        ({"threads": 0}, r"threads: must be at least 1; got 0"),
    ],
)
def test_a_wrong_forward_call_is_refused(change, message):
    call = {"x": np.zeros((2, 8, 2), FLOAT), "kernel": np.zeros((3, 2, 4), FLOAT), "bias": np.zeros(4, FLOAT)}
    call |= {"y": np.zeros((2, 3, 4), FLOAT), "arg": np.zeros((2, 3, 4), INT)}
    call |= {"dilation": 1, "left_pad": 0, "relu": True, "pool": 2, "threads": 1} | change
    with pytest.raises(ValueError, match=message):
        native.conv_forward(**call)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arg": None}, r"arg: must be given when steps are pooled; got None"),
        ({"arg": np.full((2, 3, 4), 2, INT)}, r"arg: must hold steps inside a group, 0 to 1; got one outside"),
        ({"arg": np.full((2, 3, 4), -1, INT)}, r"arg: must hold steps inside a group, 0 to 1; got one outside"),
        ({"dy": np.zeros((2, 6, 4), FLOAT)}, r"dy: must have shape \[2, 3, 4\]; got \[2, 6, 4\]"),
        ({"dx": np.zeros((2, 8, 3), FLOAT)}, r"dx: must have shape \[2, 8, 2\]; got \[2, 8, 3\]"),
        ({"dkernel": np.zeros((3, 2, 5), FLOAT)}, r"dkernel: must have shape \[3, 2, 4\]; got \[3, 2, 5\]"),
        ({"dbias": np.zeros(3, FLOAT)}, r"dbias: must have shape \[4\]; got \[3\]"),
    ],
)
def test_a_wrong_backward_call_is_refused(change, message):
    kernel, y = np.zeros((3, 2, 4), FLOAT), np.zeros((2, 3, 4), FLOAT)
    call = {"x": np.zeros((2, 8, 2), FLOAT), "kernel": kernel, "y": y, "arg": np.zeros((2, 3, 4), INT), "dy": y.copy()}
    call |= {"dx": np.zeros((2, 8, 2), FLOAT), "dkernel": kernel.copy(), "dbias": np.zeros(4, FLOAT)}
    call |= {"dilation": 1, "left_pad": 0, "relu": True, "pool": 2, "threads": 1} | change
    with pytest.raises(ValueError, match=message):
        native.conv_backward(**call)


@pytest.mark.parametrize("value", [-1, 6, 2**31 - 1])
def test_an_id_outside_the_table_is_refused_with_its_place(value):
    ids = np.zeros((3, 9), INT)
    ids[2, 5] = value
    message = rf"ids: must be in \[0, 6\); got {value} at \[2, 5\]"
    y, dy = np.zeros((3, 7, 4), FLOAT), np.zeros((3, 7, 4), FLOAT)
    with pytest.raises(ValueError, match=message):
        native.token_conv_forward(ids, np.zeros((6, 3, 4), FLOAT), np.zeros(4, FLOAT), y, None, 1, 0, True, 1, 1)
    with pytest.raises(ValueError, match=message):
        native.token_conv_backward(ids, y, None, dy, np.zeros((6, 3, 4), FLOAT), np.zeros(4, FLOAT), 1, 0, True, 1, 1)


@pytest.mark.parametrize("filters", [3, 16, 17])
def test_a_token_winner_outside_its_group_is_refused(filters):
    y = np.ones((1, 2, filters), FLOAT)
    arg, dtable = np.full(y.shape, 4, INT), np.zeros((2, 2, filters), FLOAT)
    ids = np.array([[0, 1, 0, 1, 0, 1, 0, 1, 0]], INT)
    with pytest.raises(ValueError, match="arg: must hold steps inside a group, 0 to 3; got one outside"):
        native.token_conv_backward(ids, y, arg, y, dtable, np.zeros(filters, FLOAT), 1, 0, True, 4, 1)


def test_arrays_of_another_type_or_layout_are_refused():
    x, kernel, bias = draw_floats(6, (2, 8, 2), (3, 2, 4), 4)
    y = np.zeros((2, 6, 4), FLOAT)
    for wrong in (x.astype(np.float64), x.transpose(0, 2, 1), x[0], x[:, ::2]):
        with pytest.raises(TypeError):
            native.conv_forward(wrong, kernel, bias, y, None, 1, 0, True, 1, 1)
    with pytest.raises(TypeError):
        native.conv_forward(x, kernel, bias, y.astype(np.float64), None, 1, 0, True, 1, 1)
