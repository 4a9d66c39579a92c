"""Convolutions over values and tokens, and layers for prediction."""

import numpy as np

from fuzz.calls.draw import Call, Draw
from seqconv import _native


def movement(draw: Draw, length: int, taps: int) -> tuple[dict[str, object], int]:
    """Dilation, left_pad, relu and pool, and the number of groups (0: all steps in one)."""
    dilation = draw.chance.choice((1, 1, 2))
    left_pad = max(0, (taps - 1) * dilation + 1 - length) + draw.chance.choice((0, 0, 1, 4))
    steps = length + left_pad - (taps - 1) * dilation
    pool = draw.chance.choice((0, 0, 1, 1, 2))
    pool = min(pool, max(1, steps))
    return {"dilation": dilation, "left_pad": left_pad, "relu": draw.flag(), "pool": pool}, steps // pool if pool else 0


def pooled(examples: int, groups: int, filters: int) -> tuple[int, ...]:
    return (examples, groups, filters) if groups else (examples, filters)


def conv_forward(draw: Draw) -> Call:
    b, n, c, taps, filters = draw.sizes(5)
    move, groups = movement(draw, n, taps)
    shape = pooled(b, groups, filters)
    arg = draw.ints(1, *shape) if draw.flag() else None
    arrays = {"x": draw.floats(b, n, c), "kernel": draw.floats(taps, c, filters), "bias": draw.floats(filters)}
    return _native.conv_forward, {**arrays, "y": draw.floats(*shape), "arg": arg, **move, "threads": draw.threads()}


def conv_backward(draw: Draw) -> Call:
    b, n, c, taps, filters = draw.sizes(5)
    move, groups = movement(draw, n, taps)
    shape = pooled(b, groups, filters)
    given = {"x": draw.floats(b, n, c), "kernel": draw.floats(taps, c, filters), "y": draw.floats(*shape)}
    given |= {"arg": draw.ints(1, *shape), "dy": draw.floats(*shape)}
    made = {"dx": draw.floats(b, n, c) if draw.flag() else None, "dkernel": draw.floats(taps, c, filters)}
    return _native.conv_backward, {**given, **made, "dbias": draw.floats(filters), **move, "threads": draw.threads()}


def make_convolution(draw: Draw) -> Call:
    c, taps, filters = draw.sizes(3)
    move, _ = movement(draw, 5, taps)
    return _native.Convolution, {"kernel": draw.floats(taps, c, filters), "bias": draw.floats(filters), **move}


def make_token_convolution(draw: Draw) -> Call:
    rows, taps, filters = draw.sizes(3)
    move, _ = movement(draw, 5, taps)
    return _native.TokenConvolution, {"table": draw.floats(rows, taps, filters), "bias": draw.floats(filters), **move}


def make_dense(draw: Draw) -> Call:
    inputs, outputs = draw.sizes(2)
    return _native.Dense, {"kernel": draw.floats(inputs, outputs), "bias": draw.floats(outputs)}


def make_chain(draw: Draw) -> Call:
    layers = []
    for _ in range(draw.chance.randint(1, 3)):
        make, values = draw.chance.choice((make_dense, make_convolution, make_token_convolution))(draw)
        layers.append(make(**values))
    return _native.Chain, {"layers": layers}


def layer_forward(draw: Draw) -> Call:
    """A convolution, alone or with a dense layer after it; what made it is gone when it is called."""
    b, n, c, taps, filters = draw.sizes(5)
    move, groups = movement(draw, n, taps)
    layer = _native.Convolution(draw.floats(taps, c, filters), draw.floats(filters), **move)
    shape = pooled(b, groups, filters)
    if groups == 0 and draw.flag():
        shape = (b, 3)
        layer = _native.Chain([layer, _native.Dense(draw.floats(filters, 3), draw.floats(3))])
    return layer.forward, {"x": draw.floats(b, n, c), "y": draw.floats(*shape), "threads": draw.threads()}


def layer_forward_ids(draw: Draw) -> Call:
    b, n, rows, taps, filters = draw.sizes(5)
    move, groups = movement(draw, n, taps)
    layer = _native.TokenConvolution(draw.floats(rows, taps, filters), draw.floats(filters), **move)
    shape = pooled(b, groups, filters)
    return layer.forward_ids, {"ids": draw.ints(rows, b, n), "y": draw.floats(*shape), "threads": draw.threads()}


def token_conv_forward(draw: Draw) -> Call:
    b, n, rows, taps, filters = draw.sizes(5)
    move, groups = movement(draw, n, taps)
    shape = pooled(b, groups, filters)
    arrays = {"ids": draw.ints(rows, b, n), "table": draw.floats(rows, taps, filters), "bias": draw.floats(filters)}
    own = {"y": draw.floats(*shape), "arg": draw.ints(1, *shape) if draw.flag() else None}
    return _native.token_conv_forward, {**arrays, **own, **move, "threads": draw.threads()}


def token_conv_backward(draw: Draw) -> Call:
    b, n, rows, taps, filters = draw.sizes(5)
    move, groups = movement(draw, n, taps)
    shape = pooled(b, groups, filters)
    arrays = {"ids": draw.ints(rows, b, n), "y": draw.floats(*shape), "arg": draw.ints(1, *shape)}
    own = {"dy": draw.floats(*shape), "dtable": draw.floats(rows, taps, filters), "dbias": draw.floats(filters)}
    return _native.token_conv_backward, {**arrays, **own, **move, "threads": draw.threads()}


def token_winners(draw: Draw) -> Call:
    b, n, rows, filters = draw.sizes(4)
    taps = draw.chance.randint(1, max(1, min(n, 4)))
    shape, size = (b, filters), b * filters * taps
    arrays = {"ids": draw.ints(rows, b, n), "y": draw.floats(*shape), "arg": draw.ints(n - taps + 1, *shape)}
    own = {"places": draw.ints(1, size, kind=np.int64), "values": draw.floats(size), "dbias": draw.floats(filters)}
    numbers = {"rows": rows, "taps": taps, "relu": draw.flag(), "threads": draw.threads()}
    return _native.token_winners, {**arrays, "dy": draw.floats(*shape), **own, **numbers}


CALLS = {
    "conv_forward": conv_forward,
    "conv_backward": conv_backward,
    "token_conv_forward": token_conv_forward,
    "token_conv_backward": token_conv_backward,
    "token_winners": token_winners,
    "Convolution.__init__": make_convolution,
    "TokenConvolution.__init__": make_token_convolution,
    "Dense.__init__": make_dense,
    "Chain.__init__": make_chain,
    "Layer.forward": layer_forward,
    "Layer.forward_ids": layer_forward_ids,
}
