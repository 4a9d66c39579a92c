// One block of examples from its last step back to its first; weight gradients follow a chunk of steps at a
// time.
#pragma once

#include "recurrent_steps.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

struct BackStep {
  float* slots;
  const float* state;  // before the step
  const float* cell;
  float* reset;  // [rows][unit_row]: r * state, for the weight gradient of a GRU that resets first
};

// dstates += gradients of some gates' sums times U transposed, each gate under its mask
inline void add_state_gradient(const RecurrentBlock& b, const BackStep& step, Gates gates) {
  const RecurrentShape& shape = b.shape;
  if (gates.count > 1 && b.recurrent_mask != nullptr) {
    for (int i = 0; i < gates.count; ++i) add_state_gradient(b, step, {gates.first + i, 1, gates.slot + i});
    return;
  }
  Product p{};
  p.out = b.scratch.grad_states;
  p.from = p.out;
  p.out_stride = p.from_stride = p.scale_stride = shape.unit_row;
  if (b.recurrent_mask != nullptr) p.scale = b.state_masks + gates.first * b.rows * shape.unit_row;
  p.rows = b.rows;
  p.vectors = unit_vectors(shape);
  p.terms[p.count++] = {step.slots + gates.slot * shape.unit_row, shape.slot_row,
                        b.weights.recurrent_back + gates.first * shape.unit_row * LANES,
                        shape.gates * shape.unit_row * LANES, static_cast<int>(gates.count * shape.unit_row)};
  multiply(p);
}

inline void candidate_gradient(const RecurrentBlock& b, const BackStep& step) {
  const RecurrentShape& shape = b.shape;
  Product p{};
  p.out = b.scratch.grad_candidates;
  p.out_stride = shape.unit_row;
  p.rows = b.rows;
  p.vectors = unit_vectors(shape);
  p.terms[p.count++] = {step.slots + 2 * shape.unit_row, shape.slot_row,
                        b.weights.recurrent_back + 2 * shape.unit_row * LANES,
                        shape.gates * shape.unit_row * LANES, static_cast<int>(shape.unit_row)};
  multiply(p);
}

inline void back_gru(const RecurrentBlock& b, const BackStep& step) {
  const ptrdiff_t row = b.shape.unit_row;
  float* dstates = b.scratch.grad_states;
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      const vf z = load(slots + i), c = load(slots + 2 * row + i), d = load(dstates + e * row + i);
      store(slots + i, d * (load(step.state + e * row + i) - c) * z * (1.0f - z));
      store(slots + 2 * row + i, d * (1.0f - z) * (1.0f - c * c));
      store(dstates + e * row + i, d * z);
    }
  }
  candidate_gradient(b, step);
  const float* mask = b.recurrent_mask != nullptr ? b.state_masks + 2 * b.rows * row : nullptr;
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      const ptrdiff_t at = e * row + i;
      const vf r = load(slots + row + i), state = load(step.state + at);
      const vf d = load(b.scratch.grad_candidates + at);
      const vf through = mask != nullptr ? d * load(mask + at) : d;
      store(slots + row + i, through * state * r * (1.0f - r));
      store(dstates + at, load(dstates + at) + through * r);
      store(step.reset + at, r * state);
    }
  }
  add_state_gradient(b, step, {0, 2, 0});
}

inline void back_gru_reset_after(const RecurrentBlock& b, const BackStep& step) {
  const ptrdiff_t row = b.shape.unit_row;
  float* dstates = b.scratch.grad_states;
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      const vf z = load(slots + i), r = load(slots + row + i), u = load(slots + 2 * row + i);
      const vf c = load(slots + 3 * row + i), d = load(dstates + e * row + i);
      const vf candidate = d * (1.0f - z) * (1.0f - c * c);
      store(slots + i, d * (load(step.state + e * row + i) - c) * z * (1.0f - z));
      store(slots + row + i, candidate * u * r * (1.0f - r));
      store(slots + 2 * row + i, candidate * r);
      store(slots + 3 * row + i, candidate);
      store(dstates + e * row + i, d * z);
    }
  }
  add_state_gradient(b, step, {0, 3, 0});
}

inline void back_lstm(const RecurrentBlock& b, const BackStep& step) {
  const ptrdiff_t row = b.shape.unit_row;
  float* dstates = b.scratch.grad_states;
  float* dcells = b.scratch.grad_cells;
  for (int e = 0; e < b.rows; ++e) {
    float* slots = step.slots + e * b.shape.slot_row;
    for (ptrdiff_t i = 0; i < row; i += LANES) {
      const vf in = load(slots + i), forget = load(slots + row + i), candidate = load(slots + 2 * row + i);
      const vf out = load(slots + 3 * row + i), squashed = load(slots + 4 * row + i);
      const vf d = load(dstates + e * row + i);
      const vf dcell = load(dcells + e * row + i) + d * out * (1.0f - squashed * squashed);
      store(slots + i, dcell * candidate * in * (1.0f - in));
      store(slots + row + i, dcell * load(step.cell + e * row + i) * forget * (1.0f - forget));
      store(slots + 2 * row + i, dcell * in * (1.0f - candidate * candidate));
      store(slots + 3 * row + i, d * squashed * out * (1.0f - out));
      store(dcells + e * row + i, dcell * forget);
      store(dstates + e * row + i, vf{});
    }
  }
  add_state_gradient(b, step, {0, 4, 0});
}

// sums += a^T times gradients of some gates' sums, over `steps` steps; a mask is constant in time, so it
// scales each example's share once, at the end
struct Factor {
  const float* values;  // [steps][rows][row]
  ptrdiff_t row;
  int width;
  const float* masks;  // [gates][rows][row] or null
  float* sums;         // [width][gates * unit_row]
};

inline void add_weight_gradient(const RecurrentBlock& b, const Factor& a, const float* slots, int steps,
                                Gates gates) {
  const RecurrentShape& shape = b.shape;
  Outer p{};
  p.out_stride = shape.gates * shape.unit_row;
  p.rows = a.width;
  if (a.masks == nullptr) {
    p.out = a.sums + gates.first * shape.unit_row;
    p.vectors = gates.count * unit_vectors(shape);
    p.a = a.values;
    p.a_step = a.row;
    p.b = slots + gates.slot * shape.unit_row;
    p.b_step = shape.slot_row;
    p.depth = steps * b.rows;
    return add_outer(p);
  }
  p.vectors = unit_vectors(shape);
  p.a_step = b.rows * a.row;
  p.b_step = b.rows * shape.slot_row;
  p.depth = steps;
  for (int e = 0; e < b.rows; ++e)
    for (int g = 0; g < gates.count; ++g) {
      p.out = a.sums + (gates.first + g) * shape.unit_row;
      p.a = a.values + e * a.row;
      p.b = slots + e * shape.slot_row + (gates.slot + g) * shape.unit_row;
      p.scale = a.masks + ((gates.first + g) * b.rows + e) * a.row;
      add_outer(p);
    }
}

inline void add_bias_gradient(const RecurrentBlock& b, const float* slots, int steps, float* sums) {
  const ptrdiff_t width = (b.shape.cell == Cell::gru ? 3 : 4) * b.shape.unit_row;
  const int count = steps * b.rows;
  for (ptrdiff_t i = 0; i < width; i += LANES) {
    vf even = load(sums + i), odd{};  // one sum would wait for each addition
    int n = 0;
    for (; n + 2 <= count; n += 2) {
      even += load(slots + n * b.shape.slot_row + i);
      odd += load(slots + (n + 1) * b.shape.slot_row + i);
    }
    if (n < count) even += load(slots + n * b.shape.slot_row + i);
    store(sums + i, even + odd);
  }
}

// dx of one step: gradients of the gates' sums times W transposed, each gate under its mask
inline void add_input_gradient(const RecurrentBlock& b, const float* slots, Gates gates, bool first) {
  const RecurrentShape& shape = b.shape;
  const bool masked = b.input_mask != nullptr;
  for (int g = 0; g < gates.count; g += masked ? 1 : gates.count) {
    Product p{};
    p.out = b.scratch.inputs;
    p.from = first && g == 0 ? nullptr : p.out;
    p.out_stride = p.from_stride = p.scale_stride = shape.input_row;
    if (masked) p.scale = b.input_masks + (gates.first + g) * b.rows * shape.input_row;
    p.rows = b.rows;
    p.vectors = static_cast<int>(shape.input_row / LANES);
    const ptrdiff_t depth = masked ? shape.unit_row : gates.count * shape.unit_row;
    p.terms[p.count++] = {slots + (gates.slot + g) * shape.unit_row, shape.slot_row,
                          b.weights.input_back + (gates.first + g) * shape.unit_row * LANES,
                          shape.gates * shape.unit_row * LANES, static_cast<int>(depth)};
    multiply(p);
  }
}

inline void input_gradient(const RecurrentBlock& b, const RecurrentBackward& back, int step) {
  const RecurrentShape& shape = b.shape;
  const float* slots = slots_at(b, step);
  if (shape.cell == Cell::gru_reset_after) {
    add_input_gradient(b, slots, {0, 2, 0}, true);
    add_input_gradient(b, slots, {2, 1, 3}, false);
  } else {
    add_input_gradient(b, slots, {0, shape.gates, 0}, true);
  }
  for (int e = 0; e < b.rows; ++e) {
    float* dx = back.dx + (ptrdiff_t{b.examples[e]} * b.length + b.start + step) * shape.inputs;
    write_row(dx, b.scratch.inputs + e * shape.input_row, shape.inputs);
  }
}

// Everything that does not wait for earlier steps, for the steps [begin, end)
inline void finish_chunk(const RecurrentBlock& b, const RecurrentBackward& back, int begin, int end) {
  const RecurrentShape& shape = b.shape;
  const int steps = end - begin;
  const float* slots = slots_at(b, begin);
  const float* state_masks = b.recurrent_mask != nullptr ? b.state_masks : nullptr;
  const Factor states{state_at(b, b.states, begin), shape.unit_row, shape.units, state_masks,
                      back.sums.recurrent};
  if (shape.cell == Cell::gru) {
    Factor reset = states;
    reset.values = b.scratch.reset_states;
    add_weight_gradient(b, states, slots, steps, {0, 2, 0});
    add_weight_gradient(b, reset, slots, steps, {2, 1, 2});
  } else {
    add_weight_gradient(b, states, slots, steps, {0, shape.gates, 0});
  }
  add_bias_gradient(b, slots, steps, back.sums.bias);
  if (b.x == nullptr) return;
  const float* input_masks = b.input_mask != nullptr ? b.input_masks : nullptr;
  const Factor inputs{inputs_at(b, begin), shape.input_row, shape.inputs, input_masks, back.sums.input};
  const bool apart = shape.cell == Cell::gru_reset_after;
  add_weight_gradient(b, inputs, slots, steps, {0, apart ? 2 : shape.gates, 0});
  if (apart) add_weight_gradient(b, inputs, slots, steps, {2, 1, 3});
  if (back.dx != nullptr)
    for (int t = begin; t < end; ++t) input_gradient(b, back, t);
}

inline void add_output_gradient(const RecurrentBlock& b, const RecurrentBackward& back, int step) {
  for (int e = 0; e < b.rows; ++e) {
    const float* dy = back.dy + output_place(b, e, step);
    float* dstates = b.scratch.grad_states + e * b.shape.unit_row;
    for (int i = 0; i < b.shape.units; i += LANES)
      store(dstates + i, load(dstates + i) + load_part(dy + i, b.shape.units - i, dy + b.shape.units));
  }
  if (back.dcells == nullptr) return;
  float* dcells = b.scratch.grad_cells;
  for (ptrdiff_t i = 0; i < b.shape.unit_row; i += LANES)
    store(dcells + i, load(dcells + i) + load(back.dcells + step * b.shape.unit_row + i));
}

inline void prefetch_step(const RecurrentBlock& b, int step) {
  if (step < 0) return;
  prefetch(slots_at(b, step), b.rows * b.shape.slot_row);
  prefetch(state_at(b, b.states, step), b.rows * b.shape.unit_row);
  if (b.shape.cell == Cell::lstm) prefetch(state_at(b, b.cells, step), b.rows * b.shape.unit_row);
}

template <void (*retreat)(const RecurrentBlock&, const BackStep&)>
void run_backward(const RecurrentBlock& b, const RecurrentBackward& back) {
  const ptrdiff_t size = b.rows * b.shape.unit_row;
  const bool lstm = b.shape.cell == Cell::lstm;
  fill(b.scratch.grad_states, 0.0f, size);
  fill(b.scratch.grad_cells, 0.0f, size);
  if (!b.all_states) add_output_gradient(b, back, b.steps);
  for (int end = b.steps; end > 0; end -= RECURRENT_CHUNK) {
    const int begin = end > RECURRENT_CHUNK ? end - RECURRENT_CHUNK : 0;
    for (int t = end - 1; t >= begin; --t) {
      prefetch_step(b, t - 3);
      if (b.all_states) add_output_gradient(b, back, t);
      retreat(b, {slots_at(b, t), state_at(b, b.states, t), lstm ? state_at(b, b.cells, t) : nullptr,
                  b.scratch.reset_states + (t - begin) * size});
    }
    finish_chunk(b, back, begin, end);
  }
  if (back.dstates == nullptr) return;
  for (ptrdiff_t i = 0; i < size; i += LANES) {
    store(back.dstates + i, load(b.scratch.grad_states + i));
    store(back.dcells_start + i, load(b.scratch.grad_cells + i));
  }
}

void backward(const RecurrentBlock& b, const RecurrentBackward& back) {
  switch (b.shape.cell) {
    case Cell::gru: return run_backward<back_gru>(b, back);
    case Cell::gru_reset_after: return run_backward<back_gru_reset_after>(b, back);
    case Cell::lstm: return run_backward<back_lstm>(b, back);
  }
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
