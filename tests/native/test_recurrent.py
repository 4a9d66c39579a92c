"""The native GRU and LSTM against a plain float64 definition, PyTorch, and hand-worked values."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv import _native

CELLS = ("gru", "gru_reset_after", "lstm")
Arrays = dict[str, np.ndarray]


class Case(NamedTuple):
    """One layer with its arrays; float32, as the kernels take them."""

    cell: str
    arrays: Arrays  # x, kernel, recurrent_kernel, bias, input_mask, recurrent_mask (the masks may be missing)
    dy: np.ndarray

    @property
    def gates(self) -> int:
        return 4 if self.cell == "lstm" else 3

    def layer(self) -> Any:
        inputs, width = self.arrays["kernel"].shape
        units = width // self.gates
        if self.cell == "lstm":
            return _native.Lstm(inputs, units)
        return _native.Gru(inputs, units, self.cell == "gru_reset_after")


def draw_case(
    cell: str, batch: int, length: int, inputs: int, units: int, masks: str = "", all_states: bool = True
) -> Case:
    """Random arrays; `masks` holds "i" for an input mask and "r" for a recurrent mask."""
    random = np.random.default_rng(0)
    gates = 4 if cell == "lstm" else 3
    width = gates * units

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (random.normal(size=shape) * scale).astype(np.float32)

    arrays = {
        "x": normal(batch, length, inputs),
        "kernel": normal(inputs, width, scale=inputs**-0.5),
        "recurrent_kernel": normal(units, width, scale=units**-0.5),
        "bias": normal(*((2, width) if cell == "gru_reset_after" else (width,)), scale=0.3),
    }
    if "i" in masks:
        arrays["input_mask"] = (random.random((batch, gates, inputs)) < 0.8).astype(np.float32) / np.float32(0.8)
    if "r" in masks:
        arrays["recurrent_mask"] = (random.random((batch, gates, units)) < 0.5).astype(np.float32) * 2
    for name in {"input_mask", "recurrent_mask"} & arrays.keys():
        arrays[name][0, 0], arrays[name][0, 1] = 0, 1  # a mask may leave nothing, or everything
    dy = normal(batch, length, units) if all_states else normal(batch, units)
    return Case(cell, arrays, dy)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def run_reference(cell: str, a: Arrays) -> np.ndarray:
    """All states [B, L, H], step by step as the layers' docstrings say; any float or complex type."""
    units = a["recurrent_kernel"].shape[0]
    gates = a["kernel"].shape[1] // units
    state = cell_state = np.zeros((a["x"].shape[0], units), a["kernel"].dtype)
    bias, recurrent_bias = a["bias"] if a["bias"].ndim == 2 else (a["bias"], np.zeros_like(a["bias"]))

    def of_input(t: int, gate: int) -> np.ndarray:
        x = a["x"][:, t] * a["input_mask"][:, gate] if "input_mask" in a else a["x"][:, t]
        return x @ a["kernel"][:, gate * units : (gate + 1) * units] + bias[gate * units : (gate + 1) * units]

    def of_state(values: np.ndarray, gate: int) -> np.ndarray:
        values = values * a["recurrent_mask"][:, gate] if "recurrent_mask" in a else values
        columns = slice(gate * units, (gate + 1) * units)
        return values @ a["recurrent_kernel"][:, columns] + recurrent_bias[columns]

    states = []
    for t in range(a["x"].shape[1]):
        if gates == 4:
            i, f, c, o = (of_input(t, g) + of_state(state, g) for g in range(4))
            cell_state = sigmoid(f) * cell_state + sigmoid(i) * np.tanh(c)
            state = sigmoid(o) * np.tanh(cell_state)
        else:
            z, r = (sigmoid(of_input(t, g) + of_state(state, g)) for g in range(2))
            recurrent = r * of_state(state, 2) if cell == "gru_reset_after" else of_state(r * state, 2)
            state = z * state + (1 - z) * np.tanh(of_input(t, 2) + recurrent)
        states.append(state)
    return np.stack(states, axis=1)


def pick(states: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """What a layer with this dy returns: all states or the last."""
    return states if dy.ndim == 3 else states[:, -1]


def slope(case: Case, name: str, direction: np.ndarray) -> float:
    """Derivative of sum(y dy) along `direction` in one array, to float64 rounding.

    Reference: Squire and Trapp 1998, "Using complex variables to estimate derivatives of real functions".
    """
    arrays = {key: value.astype(np.complex128) for key, value in case.arrays.items()}
    arrays[name] = arrays[name] + 1e-30j * direction
    return float((pick(run_reference(case.cell, arrays), case.dy) * case.dy).sum().imag / 1e-30)


def run_forward(case: Case, layer: Any, threads: int = 2) -> np.ndarray:
    a = case.arrays
    y = np.full(case.dy.shape, np.nan, np.float32)
    layer.forward(
        a["x"], a["kernel"], a["recurrent_kernel"], a["bias"], a.get("input_mask"), a.get("recurrent_mask"), y, threads
    )
    return y


def run_backward(case: Case, layer: Any, threads: int = 2) -> Arrays:
    a = case.arrays
    found = {name: np.full_like(a[name], np.nan) for name in ("x", "kernel", "recurrent_kernel", "bias")}
    layer.backward(a["kernel"], a["recurrent_kernel"], case.dy, *found.values(), threads)
    return found


def assert_near(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> None:
    """Near to the largest value; states and gradients here are of order 1, and a tiny one is a difference of such."""
    scale = max(float(np.abs(wanted).max()), 0.1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale)


def check_case(case: Case) -> None:
    """Outputs against the definition; gradients along a random direction of every array."""
    layer = case.layer()
    wanted = pick(run_reference(case.cell, {k: v.astype(np.float64) for k, v in case.arrays.items()}), case.dy)
    assert_near(run_forward(case, layer), wanted, 1e-5)
    random = np.random.default_rng(1)
    for name, gradient in run_backward(case, layer).items():
        direction = random.normal(size=gradient.shape)
        scale = max(float(np.linalg.norm(gradient.astype(np.float64))), 0.1)
        assert abs((gradient * direction).sum() - slope(case, name, direction)) < 1e-4 * scale, name


@pytest.mark.parametrize("masks", ["", "i", "r", "ir"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_gradient_of_a_small_layer(cell: str, masks: str) -> None:
    case = draw_case(cell, batch=3, length=4, inputs=2, units=3, masks=masks)
    layer = case.layer()
    run_forward(case, layer)
    for name, gradient in run_backward(case, layer).items():
        wanted = np.empty(gradient.shape)
        for place in np.ndindex(gradient.shape):
            direction = np.zeros(gradient.shape)
            direction[place] = 1
            wanted[place] = slope(case, name, direction)
        assert_near(gradient, wanted, 1e-5)


@settings(max_examples=40, deadline=None)
@given(
    cell=st.sampled_from(CELLS),
    batch=st.integers(1, 21),
    length=st.integers(1, 40),
    inputs=st.integers(1, 35),
    units=st.integers(1, 40),
    masks=st.sampled_from(["", "i", "r", "ir"]),
    all_states=st.booleans(),
)
def test_any_shape_equals_the_definition(
    cell: str, batch: int, length: int, inputs: int, units: int, masks: str, all_states: bool
) -> None:
    check_case(draw_case(cell, batch, length, inputs, units, masks, all_states))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("batch", "length", "inputs", "units"), [(1, 1, 1, 1), (128, 35, 14, 32), (9, 3, 300, 33), (17, 5, 7, 150)]
)
def test_shapes_that_matter(cell: str, batch: int, length: int, inputs: int, units: int) -> None:
    check_case(draw_case(cell, batch, length, inputs, units, masks="ir", all_states=False))


def test_a_step_worked_by_hand() -> None:
    """One unit, one step from a zero state: h = (1 - z) c."""
    x, kernel = np.ones((1, 1, 1), np.float32), np.array([[0.0, 0.0, 1.0]], np.float32)
    y = np.empty((1, 1), np.float32)
    _native.Gru(1, 1, False).predict(x, kernel, np.zeros((1, 3), np.float32), np.zeros(3, np.float32), y, 1)
    assert y[0, 0] == pytest.approx(0.5 * np.tanh(1), rel=1e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch", [1, 3, 40])
def test_predict_is_forward_without_masks(cell: str, batch: int) -> None:
    for all_states in (True, False):
        case = draw_case(cell, batch, 37, 5, 18, all_states=all_states)
        y = np.full(case.dy.shape, np.nan, np.float32)
        a = case.arrays
        case.layer().predict(a["x"], a["kernel"], a["recurrent_kernel"], a["bias"], y, 2)
        np.testing.assert_array_equal(y, run_forward(case, case.layer()))


@pytest.mark.parametrize("cell", CELLS)
def test_same_bits_on_any_number_of_threads(cell: str) -> None:
    case = draw_case(cell, batch=150, length=9, inputs=6, units=20, masks="ir")
    results = []
    for threads in (1, 2, 5, 300):
        layer = case.layer()
        results.append({"y": run_forward(case, layer, threads), **run_backward(case, layer, threads)})
    for other in results[1:]:
        for name, value in other.items():
            np.testing.assert_array_equal(value, results[0][name])


def test_a_layer_may_be_used_again_with_other_sizes() -> None:
    layer = _native.Lstm(3, 8)
    for batch, length in ((2, 3), (40, 50), (1, 7), (40, 50)):
        case = draw_case("lstm", batch, length, 3, 8, masks="r" if batch > 1 else "")
        fresh = case.layer()
        np.testing.assert_array_equal(run_forward(case, layer), run_forward(case, fresh))
        for name, gradient in run_backward(case, layer).items():
            if name == "x":
                fresh_gradients = run_backward(case, fresh)
            np.testing.assert_array_equal(gradient, fresh_gradients[name])


def test_backward_without_a_gradient_of_x() -> None:
    case = draw_case("gru_reset_after", 11, 6, 5, 7, masks="ir")
    layer = case.layer()
    run_forward(case, layer)
    with_x = run_backward(case, layer)
    run_forward(case, layer)
    found = {name: np.empty_like(case.arrays[name]) for name in ("kernel", "recurrent_kernel", "bias")}
    layer.backward(case.arrays["kernel"], case.arrays["recurrent_kernel"], case.dy, None, *found.values(), 1)
    for name, gradient in found.items():
        np.testing.assert_array_equal(gradient, with_x[name])


@pytest.mark.parametrize("cell", CELLS)
def test_nan_reaches_the_output(cell: str) -> None:
    for name in ("x", "kernel", "recurrent_kernel", "bias"):
        case = draw_case(cell, 2, 3, 2, 5)
        case.arrays[name].reshape(-1)[0] = np.nan
        y = run_forward(case, case.layer())
        assert np.isnan(y[0, -1]).all()
    case = draw_case(cell, 2, 3, 2, 5)
    case.arrays["x"][0, 1, 0] = np.nan
    y = run_forward(case, case.layer())
    assert np.isnan(y[0, 1:]).all()
    assert np.isfinite(y[0, 0]).all()
    assert np.isfinite(y[1]).all()


@pytest.mark.parametrize("cell", CELLS)
def test_huge_inputs_saturate(cell: str) -> None:
    case = draw_case(cell, 3, 5, 2, 4)
    case.arrays["x"] *= np.float32(1e6)
    layer = case.layer()
    assert (np.abs(run_forward(case, layer)) <= 1).all()
    assert all(np.isfinite(gradient).all() for gradient in run_backward(case, layer).values())


def draw_ids(batch: int, length: int, rows: int, paddings: list[int]) -> np.ndarray:
    """Random ids 1 to rows - 1 behind as many zeros as `paddings` says, in turn."""
    random = np.random.default_rng(0)
    ids = random.integers(min(1, rows - 1), rows, size=(batch, length)).astype(np.int32)
    for b in range(batch):
        ids[b, : min(paddings[b % len(paddings)], length)] = 0
    return ids


def draw_token_case(cell: str, ids: np.ndarray, rows: int, units: int, all_states: bool) -> Case:
    """x is one-hot, so that the kernel is the table of input products and its gradient the table's."""
    case = draw_case(cell, *ids.shape, rows, units, all_states=all_states)
    case.arrays["x"] = np.eye(rows, dtype=np.float32)[ids]
    return case


def run_tokens(case: Case, layer: Any, ids: np.ndarray, threads: int = 2) -> tuple[np.ndarray, Arrays]:
    a = case.arrays
    y = np.full(case.dy.shape, np.nan, np.float32)
    layer.forward_tokens(ids, a["kernel"], a["recurrent_kernel"], a["bias"], y, threads)
    found = {name: np.full_like(a[name], np.nan) for name in ("kernel", "recurrent_kernel", "bias")}
    layer.backward_tokens(a["recurrent_kernel"], case.dy, *found.values(), threads)
    return y, found


@settings(max_examples=40, deadline=None)
@given(
    cell=st.sampled_from(CELLS),
    batch=st.integers(1, 30),
    length=st.integers(1, 45),
    rows=st.integers(1, 12),
    units=st.integers(1, 35),
    paddings=st.lists(st.integers(0, 45), min_size=1, max_size=30),
    all_states=st.booleans(),
)
def test_tokens_equal_one_hot_inputs(
    cell: str, batch: int, length: int, rows: int, units: int, paddings: list[int], all_states: bool
) -> None:
    ids = draw_ids(batch, length, rows, paddings)
    case = draw_token_case(cell, ids, rows, units, all_states)
    y, gradients = run_tokens(case, case.layer(), ids)
    layer = case.layer()
    assert_near(y, run_forward(case, layer), 1e-5)
    wanted = run_backward(case, layer)
    for name, gradient in gradients.items():
        assert_near(gradient, wanted[name], 1e-4)
    predicted = np.full_like(y, np.nan)
    a = case.arrays
    case.layer().predict_tokens(ids, a["kernel"], a["recurrent_kernel"], a["bias"], predicted, 2)
    np.testing.assert_array_equal(predicted, y)


@pytest.mark.parametrize("cell", CELLS)
def test_tokens_give_the_same_bits_on_any_number_of_threads(cell: str) -> None:
    ids = draw_ids(150, 30, 50, [0, 3, 25, 7, 30])
    case = draw_token_case(cell, ids, 50, 20, all_states=False)
    first_y, first = run_tokens(case, case.layer(), ids, threads=1)
    for threads in (2, 7):
        y, gradients = run_tokens(case, case.layer(), ids, threads)
        np.testing.assert_array_equal(y, first_y)
        for name, gradient in gradients.items():
            np.testing.assert_array_equal(gradient, first[name])


def test_rows_that_no_id_names_have_no_gradient() -> None:
    ids = np.array([[0, 0, 3], [0, 3, 3]], np.int32)
    case = draw_token_case("lstm", ids, 5, 4, all_states=False)
    _, gradients = run_tokens(case, case.layer(), ids)
    assert np.abs(gradients["kernel"]).sum(axis=1).astype(bool).tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("cell", ["gru_reset_after", "lstm"])
def test_equals_torch(cell: str) -> None:
    torch = pytest.importorskip("torch")
    case = draw_case(cell, 10, 13, 6, 9)
    a = case.arrays
    peer = (torch.nn.LSTM if cell == "lstm" else torch.nn.GRU)(6, 9, batch_first=True, dtype=torch.float64)
    order = [0, 1, 2, 3] if cell == "lstm" else [1, 0, 2]  # torch has r before z

    def reorder(array: np.ndarray) -> Any:
        parts = np.split(array, case.gates, axis=-1)
        return torch.from_numpy(np.concatenate([parts[g] for g in order], axis=-1).T.astype(np.float64).copy())

    bias, recurrent_bias = a["bias"] if a["bias"].ndim == 2 else (a["bias"], np.zeros_like(a["bias"]))
    values = [reorder(v) for v in (a["kernel"], a["recurrent_kernel"], bias, recurrent_bias)]
    with torch.no_grad():
        for parameter, value in zip(peer.parameters(), values, strict=True):
            parameter.copy_(value)
    x = torch.from_numpy(a["x"].astype(np.float64)).requires_grad_()
    wanted = peer(x)[0]
    wanted.backward(torch.from_numpy(case.dy.astype(np.float64)))
    layer = case.layer()
    assert_near(run_forward(case, layer), wanted.detach().numpy(), 1e-5)
    gradients = run_backward(case, layer)
    assert_near(gradients["x"], x.grad.numpy(), 1e-4)
    bias_gradient = gradients["bias"] if cell == "gru_reset_after" else np.stack([gradients["bias"]] * 2)
    found = (gradients["kernel"], gradients["recurrent_kernel"], *bias_gradient)
    for gradient, parameter in zip(found, peer.parameters(), strict=True):
        assert_near(reorder(gradient).numpy(), parameter.grad.numpy(), 1e-4)


@pytest.mark.parametrize("name", ["x", "kernel", "recurrent_kernel", "bias", "input_mask", "recurrent_mask"])
def test_wrong_shapes_are_named(name: str) -> None:
    case = draw_case("lstm", 4, 3, 2, 5, masks="ir")
    array = case.arrays[name]
    case.arrays[name] = np.zeros((*array.shape[:-1], array.shape[-1] + 1), np.float32)
    with pytest.raises(ValueError, match=rf"^{name}: must have shape \[.*\]; got \[.*\]$"):
        run_forward(case, case.layer())


def test_empty_batches_and_bad_ids_are_refused() -> None:
    layer = _native.Gru(2, 4, False)
    weights = (np.zeros((2, 12), np.float32), np.zeros((4, 12), np.float32), np.zeros(12, np.float32))
    for shape in ((0, 3, 2), (3, 0, 2)):
        with pytest.raises(ValueError, match="at least one example and step"):
            layer.predict(np.zeros(shape, np.float32), *weights, np.zeros((shape[0], 4), np.float32), 1)
    for bad in (-1, 2):
        ids = np.array([[0, 1, 0], [0, bad, 1]], np.int32)
        with pytest.raises(ValueError, match=rf"got {bad} at \[1, 1\]"):
            layer.predict_tokens(ids, *weights, np.zeros((2, 4), np.float32), 1)
    with pytest.raises(ValueError, match="got 0"):
        _native.Lstm(3, 0)


def test_backward_needs_its_own_forward() -> None:
    case = draw_case("gru", 4, 3, 2, 5)
    layer = case.layer()
    with pytest.raises(ValueError, match="call forward first"):
        run_backward(case, layer)
    run_forward(case, layer)
    with pytest.raises(ValueError, match="dy: must have shape"):
        run_backward(case._replace(dy=case.dy[:, -1].copy()), layer)
    run_backward(case, layer)
    with pytest.raises(ValueError, match="call forward first"):
        run_backward(case, layer)
