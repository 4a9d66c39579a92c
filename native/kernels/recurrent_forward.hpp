// One block of examples from its first step to its last.
#pragma once

#include "kernels/recurrent_steps.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// slots = bias + inputs W + states U for some gates; from tokens, the slots already hold bias + inputs W
inline void add_gates(const RecurrentBlock& b, const Step& step, Gates gates, bool with_input,
                      bool with_state) {
  const RecurrentShape& shape = b.shape;
  if (gates.count > 1 && (b.input_mask != nullptr || b.recurrent_mask != nullptr)) {
    for (int i = 0; i < gates.count; ++i)
      add_gates(b, step, {gates.first + i, 1, gates.slot + i}, with_input, with_state);
    return;
  }
  const int vectors = unit_vectors(shape);
  const ptrdiff_t strip = gates.first * vectors;
  Product p{};
  p.out = step.slots + gates.slot * shape.unit_row;
  p.out_stride = shape.slot_row;
  p.from = b.x != nullptr ? b.weights.bias + gates.slot * shape.unit_row : p.out;
  p.from_stride = b.x != nullptr ? 0 : shape.slot_row;
  p.rows = b.rows;
  p.vectors = gates.count * vectors;
  const ptrdiff_t input_strip = ptrdiff_t{LANES} * shape.inputs, state_strip = ptrdiff_t{LANES} * shape.units;
  if (with_input && b.x != nullptr)
    p.terms[p.count++] = {step.inputs[gates.first], shape.input_row, b.weights.input + strip * input_strip,
                          input_strip, shape.inputs};
  if (with_state)
    p.terms[p.count++] = {step.states[gates.first], shape.unit_row, b.weights.recurrent + strip * state_strip,
                          state_strip, shape.units};
  if (p.count > 0) multiply(p);
}

// Steps whose x is asked for ahead of its use: each example reads from a place of its own
constexpr int READ_AHEAD = 4;

// The second halves below are loops of their own: a tanh that waits for a sigmoid would leave the processor
// idle.

// state' = z state + (1 - z) c, with c the tanh of slot `candidate`
inline void mix_states(const RecurrentBlock& b, const Step& step, int candidate) {
  const ptrdiff_t row = b.shape.unit_row;
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      const vf c = tanh(load(slots + candidate * row + i));
      store(slots + candidate * row + i, c);
      store(step.next_state + e * row + i, c + load(slots + i) * (load(step.state + e * row + i) - c));
    }
  }
}

inline void step_gru(const RecurrentBlock& b, Step& step) {
  const ptrdiff_t row = b.shape.unit_row;
  add_gates(b, step, {0, 2, 0}, true, true);
  float* reset = b.scratch.reset_states;
  const float* mask = b.recurrent_mask != nullptr ? b.state_masks + 2 * b.rows * row : nullptr;
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      store(slots + i, sigmoid(load(slots + i)));
      const vf r = sigmoid(load(slots + row + i));
      store(slots + row + i, r);
      const vf state = r * load(step.state + e * row + i);
      store(reset + e * row + i, mask != nullptr ? state * load(mask + e * row + i) : state);
    }
  }
  step.states[2] = reset;
  add_gates(b, step, {2, 1, 2}, true, true);
  mix_states(b, step, 2);
}

inline void step_gru_reset_after(const RecurrentBlock& b, Step& step) {
  const ptrdiff_t row = b.shape.unit_row;
  add_gates(b, step, {0, 2, 0}, true, true);
  add_gates(b, step, {2, 1, 2}, false, true);
  add_gates(b, step, {2, 1, 3}, true, false);
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      store(slots + i, sigmoid(load(slots + i)));
      const vf r = sigmoid(load(slots + row + i));
      store(slots + row + i, r);
      store(slots + 3 * row + i, load(slots + 3 * row + i) + r * load(slots + 2 * row + i));
    }
  }
  mix_states(b, step, 3);
}

inline void step_lstm(const RecurrentBlock& b, Step& step) {
  const ptrdiff_t row = b.shape.unit_row;
  add_gates(b, step, {0, 4, 0}, true, true);
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      const vf in = sigmoid(load(slots + i)), forget = sigmoid(load(slots + row + i));
      const vf candidate = tanh(load(slots + 2 * row + i));
      store(slots + i, in);
      store(slots + row + i, forget);
      store(slots + 2 * row + i, candidate);
      store(step.next_cell + e * row + i, forget * load(step.cell + e * row + i) + in * candidate);
    }
  }
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      const vf out = sigmoid(load(slots + 3 * row + i)), squashed = tanh(load(step.next_cell + e * row + i));
      store(slots + 3 * row + i, out);
      store(slots + 4 * row + i, squashed);
      store(step.next_state + e * row + i, out * squashed);
    }
  }
}

// x of step `t` as rows, for each gate where there are masks
inline void read_inputs(const RecurrentBlock& b, Step& step, int t) {
  const RecurrentShape& shape = b.shape;
  const bool masked = b.input_mask != nullptr;
  const ptrdiff_t size = b.rows * shape.input_row;
  for (int g = 0; g < shape.gates; ++g) step.inputs[g] = b.scratch.inputs + (masked ? g * size : 0);
  for (int e = 0; e < b.rows; ++e) {
    const float* x = inputs_at(b, e, t);
    if (t + READ_AHEAD < b.steps) prefetch(x + READ_AHEAD * shape.inputs, shape.inputs);
    for (int i = 0; i < shape.inputs; i += LANES) {
      const ptrdiff_t at = e * shape.input_row + i;
      const vf part = load_part(x + i, shape.inputs - i, b.x_end);
      if (!masked) store(b.scratch.inputs + at, part);
      for (int g = 0; masked && g < shape.gates; ++g)
        store(b.scratch.inputs + g * size + at, part * load(b.input_masks + g * size + at));
    }
  }
}

// bias + the table's row of each id of step `t`, into the slots
inline void look_up(const RecurrentBlock& b, Step& step, int t) {
  const RecurrentShape& shape = b.shape;
  const ptrdiff_t width = ptrdiff_t{shape.gates} * shape.units;
  for (int e = 0; e < b.rows; ++e) {
    const int32_t* ids = b.ids + ptrdiff_t{b.examples[e]} * b.length + b.start + t;
    if (t + 1 < b.steps) prefetch(b.table + ids[1] * width, width);
    if (b.keep) b.used_ids[ptrdiff_t{t} * b.rows + e] = ids[0];
    const float* found = b.table + ids[0] * width;
    float* slots = step.slots + e * shape.slot_row;
    for (int g = 0; g < shape.gates; ++g, found += shape.units) {
      const ptrdiff_t slot = (shape.cell == Cell::gru_reset_after && g == 2 ? 3 : g) * shape.unit_row;
      for (int i = 0; i < shape.units; i += LANES)
        store(slots + slot + i,
              load(b.weights.bias + slot + i) + load_part(found + i, shape.units - i, b.table_end));
    }
    if (shape.cell == Cell::gru_reset_after)
      for (ptrdiff_t i = 2 * shape.unit_row; i < 3 * shape.unit_row; i += LANES)
        store(slots + i, load(b.weights.bias + i));
  }
}

inline void mask_states(const RecurrentBlock& b, Step& step) {
  const bool masked = b.recurrent_mask != nullptr;
  const ptrdiff_t size = b.rows * b.shape.unit_row;
  for (int g = 0; g < b.shape.gates; ++g) step.states[g] = masked ? b.scratch.states + g * size : step.state;
  if (!masked) return;
  const int gates = b.shape.cell == Cell::gru ? 2 : b.shape.gates;  // its candidate multiplies r * state
  for (ptrdiff_t i = 0; i < size; i += LANES) {
    const vf state = load(step.state + i);
    for (int g = 0; g < gates; ++g)
      store(b.scratch.states + g * size + i, state * load(b.state_masks + g * size + i));
  }
}

// Masks [B, gates, width] of this block's examples as [gates][rows][row]
inline void read_masks(const RecurrentBlock& b, const float* masks, float* to, int width, ptrdiff_t row) {
  if (masks == nullptr) return;
  for (int g = 0; g < b.shape.gates; ++g)
    for (int e = 0; e < b.rows; ++e, to += row) {
      const float* mask = masks + (ptrdiff_t{b.examples[e]} * b.shape.gates + g) * width;
      read_row(to, mask, width, mask + width);
    }
}

inline void start_states(const RecurrentBlock& b, float* states, const float* first) {
  const ptrdiff_t row = b.shape.unit_row;
  for (int e = 0; e < b.rows; ++e)
    for (ptrdiff_t i = 0; i < row; i += LANES)
      store(states + e * row + i, first != nullptr ? load(first + i) : vf{});
}

inline void write_states(const RecurrentBlock& b, const float* states, int step) {
  for (int e = 0; e < b.rows; ++e)
    write_row(b.y + output_place(b, e, step), states + e * b.shape.unit_row, b.shape.units);
}

template <void (*advance)(const RecurrentBlock&, Step&)>
void run_forward(const RecurrentBlock& b) {
  const bool lstm = b.shape.cell == Cell::lstm;
  read_masks(b, b.input_mask, b.input_masks, b.shape.inputs, b.shape.input_row);
  read_masks(b, b.recurrent_mask, b.state_masks, b.shape.units, b.shape.unit_row);
  start_states(b, b.states, b.first_state);
  if (lstm) start_states(b, b.cells, b.first_cell);
  for (int t = 0; t < b.steps; ++t) {
    Step step{};
    step.slots = slots_at(b, t);
    step.state = state_at(b, b.states, t);
    step.next_state = state_at(b, b.states, t + 1);
    if (lstm) step.cell = state_at(b, b.cells, t);
    if (lstm) step.next_cell = state_at(b, b.cells, t + 1);
    if (b.x != nullptr)
      read_inputs(b, step, t);
    else
      look_up(b, step, t);
    mask_states(b, step);
    advance(b, step);
    if (b.all_states && b.y != nullptr) write_states(b, step.next_state, t);
  }
  if (!b.all_states && b.y != nullptr) write_states(b, state_at(b, b.states, b.steps), b.steps);
}

void forward(const RecurrentBlock& b) {
  switch (b.shape.cell) {
    case Cell::gru: return run_forward<step_gru>(b);
    case Cell::gru_reset_after: return run_forward<step_gru_reset_after>(b);
    case Cell::lstm: return run_forward<step_lstm>(b);
  }
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
