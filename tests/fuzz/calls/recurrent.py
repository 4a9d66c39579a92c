"""GRU and LSTM."""

from functools import partial

import numpy as np

from fuzz.calls.draw import Call, Draw
from seqconv import _native


class Recurrent:
    """One layer of chance sizes, and the arguments of its methods."""

    def __init__(self, draw: Draw, cell: str) -> None:
        self.draw = draw
        self.inputs, self.units = (draw.chance.choice((1, 2, 5, 17)) for _ in range(2))
        after = cell == "Gru" and draw.flag()
        self.width = self.units * (3 if cell == "Gru" else 4)
        self.bias = (2, self.width) if after else (self.width,)
        self.gates = self.width // self.units
        sizes = (self.inputs, self.units)
        self.layer = _native.Gru(*sizes, after) if cell == "Gru" else _native.Lstm(*sizes)

    def weights(self) -> dict[str, object]:
        return {"recurrent_kernel": self.draw.floats(self.units, self.width), "bias": self.draw.floats(*self.bias)}

    def states(self, b: int, n: int, all_states: bool) -> np.ndarray:
        return self.draw.floats(*((b, n, self.units) if all_states else (b, self.units)))

    def values(self, b: int, n: int, all_states: bool, masks: bool) -> dict[str, object]:
        kernel = {"x": self.draw.floats(b, n, self.inputs), "kernel": self.draw.floats(self.inputs, self.width)}
        drops: dict[str, object] = {}
        if masks:
            on = self.draw.flag()
            drops["input_mask"] = self.draw.floats(b, self.gates, self.inputs) if on else None
            drops["recurrent_mask"] = self.draw.floats(b, self.gates, self.units) if on else None
        return {**kernel, **self.weights(), **drops, "y": self.states(b, n, all_states), "threads": self.draw.threads()}

    def tokens(self, b: int, n: int, all_states: bool, rows: int) -> dict[str, object]:
        table = {"ids": self.draw.ints(rows, b, n), "table": self.draw.floats(rows, self.width)}
        return {**table, **self.weights(), "y": self.states(b, n, all_states), "threads": self.draw.threads()}

    def gradients(self, b: int, n: int, all_states: bool) -> dict[str, object]:
        given = {"recurrent_kernel": self.draw.floats(self.units, self.width), "dy": self.states(b, n, all_states)}
        made = {"drecurrent_kernel": self.draw.floats(self.units, self.width), "dbias": self.draw.floats(*self.bias)}
        return {**given, **made, "threads": self.draw.threads()}


def recurrent_call(draw: Draw, cell: str, method: str) -> Call:
    """A method of a GRU or LSTM; before backward a forward call, all of whose arrays are gone."""
    own = Recurrent(draw, cell)
    b, n, rows = draw.sizes(3)
    every, tokens = draw.flag(), method.endswith("_tokens")
    if not method.startswith("backward"):
        masks = method == "forward"
        values = own.tokens(b, n, every, rows) if tokens else own.values(b, n, every, masks)
        return getattr(own.layer, method), values
    if tokens:
        own.layer.forward_tokens(**own.tokens(b, n, every, rows))
        return own.layer.backward_tokens, {**own.gradients(b, n, every), "dtable": draw.floats(rows, own.width)}
    own.layer.forward(**own.values(b, n, every, masks=True))
    kernels = {name: draw.floats(own.inputs, own.width) for name in ("kernel", "dkernel")}
    dx = draw.floats(b, n, own.inputs) if draw.flag() else None
    return own.layer.backward, {**kernels, **own.gradients(b, n, every), "dx": dx}


def make_recurrent(draw: Draw, cell: str) -> Call:
    inputs, units = draw.sizes(2)
    after = {"reset_after": draw.flag()} if cell == "Gru" else {}
    return getattr(_native, cell), {"inputs": inputs, "units": units, **after}


METHODS = ("forward", "predict", "backward", "forward_tokens", "predict_tokens", "backward_tokens")
CALLS = {f"{cell}.__init__": partial(make_recurrent, cell=cell) for cell in ("Gru", "Lstm")}
CALLS |= {f"{c}.{name}": partial(recurrent_call, cell=c, method=name) for c in ("Gru", "Lstm") for name in METHODS}
