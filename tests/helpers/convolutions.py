"""The definition of a convolution in float64, and the kernels as its tests run them."""

import numpy as np

from seqconv import _native as native

THREADS = 2


@np.errstate(invalid="ignore")  # infinities less infinities
def convolve(x, kernel, bias, dilation, left_pad):
    """The plain definition in float64: [B, steps, O]."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (left_pad, 0), (0, 0)))
    steps = padded.shape[1] - (len(kernel) - 1) * dilation
    y = np.tile(bias.astype(np.float64), (len(x), steps, 1))
    for k, tap in enumerate(kernel.astype(np.float64)):
        y += padded[:, k * dilation : k * dilation + steps] @ tap
    return y


def pool_groups(y, relu, pool):
    """Winners and their values; the groups keep their axis unless all steps are one group."""
    size = pool or y.shape[1]
    grouped = y[:, : y.shape[1] // size * size].reshape(len(y), -1, size, y.shape[2])
    arg, best = grouped.argmax(2), grouped.max(2)
    best = np.maximum(best, 0) if relu else best
    return (best[:, 0], arg[:, 0]) if pool == 0 else (best, arg)


def spread(dy, y, arg, relu, pool, steps):
    """The gradient of every step, before pooling: [B, steps, O] in float64."""
    size = pool or steps
    dy, y, arg = (a.reshape(len(a), -1, a.shape[-1]) for a in (np.where(y > 0, dy, 0) if relu else dy, y, arg))
    out = np.zeros((len(dy), steps, dy.shape[2]))
    b, g, o = np.indices(dy.shape)
    out[b, g * size + arg, o] = dy
    return out


@np.errstate(invalid="ignore")
def gradients(x, kernel, dy, dilation, left_pad):
    """dx, dkernel, dbias in float64 from the gradient of every step."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (left_pad, 0), (0, 0)))
    dx, dkernel, steps = np.zeros_like(padded), np.zeros(kernel.shape), dy.shape[1]
    for k, tap in enumerate(kernel.astype(np.float64)):
        rows = slice(k * dilation, k * dilation + steps)
        dx[:, rows] += dy @ tap.T
        dkernel[k] = np.einsum("btc,bto->co", padded[:, rows], dy)
    return dx[:, left_pad:], dkernel, dy.sum((0, 1))


def assert_close(got, expected, tolerance):
    """Within `tolerance` of the largest value, everywhere; inputs are of order 1, so what is below 0.1 cancelled."""
    scale = max(np.nanmax(np.abs(expected), initial=0), 0.1)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)


def output_arrays(examples, steps, filters, pool):
    size = pool or steps
    shape = (examples, filters) if pool == 0 else (examples, steps // size, filters)
    return np.full(shape, np.nan, np.float32), None if pool == 1 else np.full(shape, -1, np.int32)


def run_forward(x, kernel, bias, dilation=1, left_pad=0, relu=True, pool=1, threads=THREADS):
    steps = x.shape[1] + left_pad - (len(kernel) - 1) * dilation
    y, arg = output_arrays(len(x), steps, kernel.shape[2], pool)
    native.conv_forward(x, kernel, bias, y, arg, dilation, left_pad, relu, pool, threads)
    return y, arg


def run_backward(x, kernel, y, arg, dy, dilation=1, left_pad=0, relu=True, pool=1, threads=THREADS):
    dx, dkernel, dbias = np.full_like(x, np.nan), np.full_like(kernel, np.nan), np.full_like(kernel[0, 0], np.nan)
    native.conv_backward(x, kernel, y, arg, dy, dx, dkernel, dbias, dilation, left_pad, relu, pool, threads)
    return dx, dkernel, dbias


def run_tokens(ids, table, bias, dilation=1, left_pad=0, relu=True, pool=1, threads=THREADS):
    steps = ids.shape[1] + left_pad - (table.shape[1] - 1) * dilation
    y, arg = output_arrays(len(ids), steps, table.shape[2], pool)
    native.token_conv_forward(ids, table, bias, y, arg, dilation, left_pad, relu, pool, threads)
    return y, arg


def run_tokens_backward(ids, table, y, arg, dy, dilation=1, left_pad=0, relu=True, pool=1, threads=THREADS):
    dtable, dbias = np.full_like(table, np.nan), np.full_like(table[0, 0], np.nan)
    native.token_conv_backward(ids, y, arg, dy, dtable, dbias, dilation, left_pad, relu, pool, threads)
    return dtable, dbias


def draw_floats(seed, *shapes):
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape, np.float32) for shape in shapes]
