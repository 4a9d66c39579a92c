"""Functions of arrays: axes, rows, masks, optimisers, products and features of random kernels."""

from functools import partial

import numpy as np

from fuzz.calls.draw import Call, Draw
from seqconv import _native


def swap_axes(draw: Draw) -> Call:
    b, n, c = draw.sizes(3)
    columns = draw.chance.randint(0, min(c, 9))
    return _native.swap_axes, {"x": draw.floats(b, n, c), "y": draw.floats(b, columns, n), "threads": draw.threads()}


def normalise(draw: Draw) -> Call:
    b, n, c = draw.sizes(3)
    own = draw.chance.randint(0, min(c, 9))
    arrays = {"x": draw.floats(b, n, c), "y": draw.floats(b, n, c)}
    moments = {"mean": draw.floats(b, own), "deviation": draw.floats(b, own)}
    return _native.normalise, {**arrays, **moments, "floor": 1e-5, "threads": draw.threads()}


def slide_maximum(draw: Draw) -> Call:
    rows, channels = draw.sizes(2)
    steps, stride = draw.chance.randint(1, max(1, min(rows, 4))), 1
    if rows > 2 * steps:
        stride = draw.chance.choice((1, 2))
    y = draw.floats(max(0, rows - (steps - 1) * stride), channels)
    own = {"steps": steps, "stride": stride, "y": y}
    return _native.slide_maximum, {"x": draw.floats(rows, channels), **own, "threads": draw.threads()}


def gather_rows(draw: Draw) -> Call:
    height, width, count = draw.sizes(3)
    arrays = {"table": draw.floats(height, width), "rows": draw.ints(height, count), "out": draw.floats(count, width)}
    return _native.gather_rows, {**arrays, "threads": draw.threads()}


def gather_ids(draw: Draw) -> Call:
    height, width, count = draw.sizes(3)
    index = draw.ints(height, count, kind=np.int64)
    arrays = {"ids": draw.ints(9, height, width), "index": index, "out": draw.ints(9, count, width)}
    return _native.gather_ids, {**arrays, "threads": draw.threads()}


def gather_windows(draw: Draw) -> Call:
    steps, channels, count = draw.sizes(3)
    lookback = max(1, min(steps, draw.chance.choice((1, 2, 4))))
    step = draw.chance.randint(1, lookback)
    anchors = draw.ints(steps - lookback + 1, count, kind=np.int64) + lookback
    arrays = {"values": draw.floats(steps, channels), "anchors": anchors}
    sizes = {"lookback": lookback, "step": step, "out": draw.floats(count, lookback // step, channels)}
    return _native.gather_windows, {**arrays, **sizes, "threads": draw.threads()}


def distinct_ids(draw: Draw) -> Call:
    b, n, words = draw.sizes(3)
    ids = draw.ints(words, b, n)
    return _native.distinct_ids, {"ids": ids, "vocabulary": min(words, 2**20), "compact": np.empty_like(ids)}


def draw_masks(draw: Draw) -> Call:
    generator = np.array([1, 2, 3, 5, 0, 0], np.uint64)
    masks = [draw.floats(*draw.sizes(2)) for _ in range(draw.chance.randint(0, 3))]
    rates = [draw.chance.choice((0.0, 0.25, 0.9)) for _ in masks]
    return _native.draw_masks, {"generator": generator, "rates": rates, "masks": masks, "threads": draw.threads()}


STATES = {"rmsprop": ("v",), "adam": ("m", "v"), "adagrad": ("v",)}
RULES = {
    "rmsprop": {"learning_rate": 0.1, "rho": 0.9, "epsilon": 1e-7, "scale": 1.0},
    "adam": {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-7, "scale": 1.0},
    "adagrad": {"learning_rate": 0.1, "epsilon": 1e-7, "scale": 1.0},
}


def step_whole(draw: Draw, rule: str) -> Call:
    shape = draw.sizes(draw.chance.randint(1, 3))
    arrays = {name: draw.floats(*shape) for name in ("w", "g", *STATES[rule])}
    now = {"now": 3} if rule == "adam" else {}
    return getattr(_native, rule), {**arrays, **now, **RULES[rule], "threads": draw.threads()}


def step_rows(draw: Draw, rule: str) -> Call:
    height, width = draw.sizes(2)
    rows = np.unique(draw.ints(height, draw.chance.randint(0, 5) if height else 0))
    arrays = {name: draw.floats(height, width) for name in ("w", *STATES[rule])}
    values: dict[str, object] = {"g": draw.floats(len(rows), width), "rows": rows, **arrays}
    if rule == "rmsprop":
        values |= {"last": draw.ints(3, height, kind=np.int64), "now": 3}
    if rule == "adam":
        values |= {"seen": draw.ints(2, height, kind=np.uint8), "now": 3}
    return getattr(_native, f"{rule}_rows"), {**values, **RULES[rule], "threads": draw.threads()}


def adagrad_elements(draw: Draw) -> Call:
    w = draw.floats(*draw.sizes(2))
    places = np.unique(draw.ints(w.size, 4 if w.size else 0, kind=np.int64))
    arrays = {"w": w, "g": draw.floats(len(places)), "places": places, "v": np.ones_like(w)}
    return _native.adagrad_elements, {**arrays, **RULES["adagrad"], "threads": draw.threads()}


def probabilities(draw: Draw) -> Call:
    logits = draw.floats(*draw.sizes(2))
    kind = draw.chance.choice((np.float32, np.float64))
    return _native.probabilities, {"logits": logits.astype(kind), "multi_label": draw.flag()}


def matmul(draw: Draw) -> Call:
    m, k, n = draw.sizes(3)
    a, b = draw.flag(), draw.flag()
    arrays = {"a": draw.floats(*((k, m) if a else (m, k))), "b": draw.floats(*((n, k) if b else (k, n)))}
    flags = {"transpose_a": a, "transpose_b": b}
    return _native.matmul, {**arrays, "out": draw.floats(m, n), **flags, "threads": draw.threads()}


def table_backward(draw: Draw) -> Call:
    rows, taps, inputs, filters = draw.sizes(4)
    arrays = {"used": draw.floats(rows, inputs), "dtable": draw.floats(rows, taps * filters)}
    kernels = {name: draw.floats(taps, inputs, filters) for name in ("kernel", "dkernel")}
    return _native.table_backward, {**arrays, **kernels, "dused": draw.floats(rows, inputs), "threads": draw.threads()}


def squared_sum(draw: Draw) -> Call:
    return _native.squared_sum, {"g": draw.floats(*draw.sizes(2)), "threads": draw.threads()}


def rocket_inputs(draw: Draw, kernels: int) -> tuple[dict[str, object], int, int]:
    count, channels, length, dilations = draw.sizes(4)
    counts = draw.ints(2, dilations, kernels) + np.int32(1)
    arrays = {"x": draw.floats(count, channels, length), "starts": draw.ints(length, count, kind=np.int64)}
    arrays["dilations"] = draw.ints(min(length, 3), dilations, kind=np.int64) + 1
    arrays |= {"channels": draw.ints(channels, int(counts.sum())), "channel_counts": counts}
    return arrays, count, dilations


def multirocket(draw: Draw) -> Call:
    arrays, count, dilations = rocket_inputs(draw, 84)
    counts = draw.ints(3, dilations, kind=np.int64)
    total = 84 * int(counts.sum())
    features = draw.floats(count, draw.chance.choice((1, 4)) * total)
    own = {"bias_counts": counts, "biases": draw.floats(total), "features": features}
    return _native.multirocket, {**arrays, **own, "threads": draw.threads()}


def multirocket_biases(draw: Draw) -> Call:
    arrays, count, dilations = rocket_inputs(draw, 84)
    counts = draw.ints(3, dilations, kind=np.int64)
    total = 84 * int(counts.sum())
    quantiles = np.array([draw.chance.random() for _ in range(total)], np.float64)
    own = {"bias_counts": counts, "rows": draw.ints(count, dilations, 84, kind=np.int64), "quantiles": quantiles}
    return _native.multirocket_biases, {**arrays, **own, "biases": draw.floats(total), "threads": draw.threads()}


def hydra(draw: Draw) -> Call:
    groups = draw.chance.choice((0, 1, 2, 3))
    arrays, count, dilations = rocket_inputs(draw, groups)
    own = {"weights": draw.floats(dilations, groups, 9, 8), "features": draw.floats(count, dilations, groups, 2, 8)}
    return _native.hydra, {**arrays, **own, "threads": draw.threads()}


def instruction_set(draw: Draw) -> Call:
    return _native.instruction_set, {}


def smoothing(draw: Draw) -> Call:
    series, rows, horizon, quantiles = draw.sizes(4)
    season = draw.chance.choice((1, 2, 4, 24, 25))
    values = draw.floats(series, rows * 5).reshape(-1).astype(np.float64)
    offsets = np.arange(series + 1, dtype=np.int64) * rows * 5
    model = draw.chance.choice(("ets", "AAdA", "MZZ", "ses", "damped", "autotheta"))
    levels = np.linspace(0, 1, quantiles + 2)[1:-1]
    shapes = {"forecasts": (series, horizon), "quantiles": (series, horizon, quantiles)}
    shapes["fits"] = (series, 9 + (season if 1 < season < 25 else 0))
    made = {name: draw.floats(*shape).astype(np.float64) for name, shape in shapes.items()}
    known = {"values": values, "offsets": offsets, "season": season, "model": model, "levels": levels}
    return _native.smoothing, {**known, **made, "threads": draw.threads()}


def change_values(draw: Draw, name: str) -> Call:
    """A function of values or rows: of `x` or `y`, or a gradient to those of `dx`."""
    shape = draw.sizes(2)
    names = {"gelu": "x y", "gelu_backward": "x dy dx", "softmax": "x y", "softmax_backward": "y dy dx"}[name].split()
    return getattr(_native, name), {each: draw.floats(*shape) for each in names} | {"threads": draw.threads()}


def layer_norm(draw: Draw) -> Call:
    count, channels = draw.sizes(2)
    arrays = {"x": draw.floats(count, channels), "gamma": draw.floats(channels), "beta": draw.floats(channels)}
    made = {"normal": draw.floats(count, channels), "scale": draw.floats(count), "y": draw.floats(count, channels)}
    return _native.layer_norm, {**arrays, "epsilon": 1e-3, **made, "threads": draw.threads()}


def layer_norm_backward(draw: Draw) -> Call:
    count, channels = draw.sizes(2)
    arrays = {"dy": draw.floats(count, channels), "normal": draw.floats(count, channels), "scale": draw.floats(count)}
    made = {"dx": draw.floats(count, channels), "dgamma": draw.floats(channels), "dbeta": draw.floats(channels)}
    return _native.layer_norm_backward, {**arrays, "gamma": draw.floats(channels), **made, "threads": draw.threads()}


CALLS = {
    **{name: partial(change_values, name=name) for name in ("gelu", "gelu_backward", "softmax", "softmax_backward")},
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
    "instruction_set": instruction_set,
    "smoothing": smoothing,
    "swap_axes": swap_axes,
    "normalise": normalise,
    "slide_maximum": slide_maximum,
    "gather_rows": gather_rows,
    "gather_ids": gather_ids,
    "gather_windows": gather_windows,
    "distinct_ids": distinct_ids,
    "draw_masks": draw_masks,
    **{rule: partial(step_whole, rule=rule) for rule in RULES},
    **{f"{rule}_rows": partial(step_rows, rule=rule) for rule in RULES},
    "adagrad_elements": adagrad_elements,
    "probabilities": probabilities,
    "matmul": matmul,
    "table_backward": table_backward,
    "squared_sum": squared_sum,
    "multirocket": multirocket,
    "multirocket_biases": multirocket_biases,
    "hydra": hydra,
}
