// One block of examples from its last step back to its first; weight gradients follow a chunk of steps at a
// time.
#pragma once

#include "kernels/recurrent_steps.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// Steps between asking for kept memory and its use
constexpr int BACK_AHEAD = 4;

struct BackStep {
  float* slots;
  const float* state;  // before the step
  const float* cell;
  float* reset;  // [rows][unit_row]: r * state, for the weight gradient of a GRU that resets first
  float* bias;   // sums of a row of slots
  int ahead;     // a step whose memory is asked for
};

// One of `parts` parts of what a step reads, between two products: all at once, loads would wait for it
inline void prefetch_part(const RecurrentBlock& b, const BackStep& step, int part, int parts) {
  if (step.ahead < 0) return;
  const auto ask = [&](const float* from, ptrdiff_t row) {
    const ptrdiff_t begin = b.rows * part / parts, end = b.rows * (part + 1) / parts;
    prefetch(from + begin * row, (end - begin) * row);
  };
  ask(slots_at(b, step.ahead), b.shape.slot_row);
  ask(state_at(b, b.states, step.ahead), b.shape.unit_row);
  if (b.shape.cell == Cell::lstm) ask(state_at(b, b.cells, step.ahead), b.shape.unit_row);
}

inline void add(float* sum, vf more) { store(sum, load(sum) + more); }

// Gradients of the sums of four gates into their slots, and onto the bias's
inline void store_gradients(float* slots, ptrdiff_t row, const vf (&found)[4], vf (&sums)[4]) {
#pragma GCC unroll 4
  for (int g = 0; g < 4; ++g) {
    store(slots + g * row, found[g]);
    sums[g] += found[g];
  }
}
inline void add_sums(float* bias, ptrdiff_t row, const vf (&sums)[4]) {
#pragma GCC unroll 4
  for (int g = 0; g < 4; ++g) add(bias + g * row, sums[g]);
}

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

// With d the gradient of the new state h': the sums inside z and c get dz = d (h - c) z (1 - z) and
// dc = d (1 - z) (1 - c^2); r * h gets e = dc U_c^T, so that the sum inside r gets dr = e h r (1 - r); the old
// state h gets d z + e r + dz U_z^T + dr U_r^T. What comes back through U is multiplied by the mask, if there is one.
inline void back_gru(const RecurrentBlock& b, const BackStep& step) {
  const ptrdiff_t row = b.shape.unit_row;
  float* dstates = b.scratch.grad_states;
  prefetch_part(b, step, 0, 2);
  for (ptrdiff_t i = 0; i < row; i += LANES) {
    vf zs{}, cs{};
    for (int e = 0; e < b.rows; ++e) {
      float* slots = step.slots + e * b.shape.slot_row + i;
      const vf z = load(slots), c = load(slots + 2 * row), d = load(dstates + e * row + i);
      const vf dz = d * (load(step.state + e * row + i) - c) * z * (1.0f - z);
      const vf dc = d * (1.0f - z) * (1.0f - c * c);
      store(slots, dz);
      store(slots + 2 * row, dc);
      store(dstates + e * row + i, d * z);
      zs += dz;
      cs += dc;
    }
    add(step.bias + i, zs);
    add(step.bias + 2 * row + i, cs);
  }
  candidate_gradient(b, step);
  prefetch_part(b, step, 1, 2);
  const float* mask = b.recurrent_mask != nullptr ? b.state_masks + 2 * b.rows * row : nullptr;
  for (ptrdiff_t i = 0; i < row; i += LANES) {
    vf rs{};
    for (int e = 0; e < b.rows; ++e) {
      const ptrdiff_t at = e * row + i;
      float* slot = step.slots + e * b.shape.slot_row + row + i;
      const vf r = load(slot), state = load(step.state + at), d = load(b.scratch.grad_candidates + at);
      const vf through = mask != nullptr ? d * load(mask + at) : d;
      const vf dr = through * state * r * (1.0f - r);
      store(slot, dr);
      store(dstates + at, load(dstates + at) + through * r);
      store(step.reset + at, r * state);
      rs += dr;
    }
    add(step.bias + row + i, rs);
  }
  add_state_gradient(b, step, {0, 2, 0});
}

// z and c as above; with u the candidate's recurrent sum, the sum inside r gets dc u r (1 - r), and u gets dc r.
inline void back_gru_reset_after(const RecurrentBlock& b, const BackStep& step) {
  const ptrdiff_t row = b.shape.unit_row;
  float* dstates = b.scratch.grad_states;
  prefetch_part(b, step, 0, 1);
  for (ptrdiff_t i = 0; i < row; i += LANES) {
    vf sums[4] = {};
    for (int e = 0; e < b.rows; ++e) {
      float* slots = step.slots + e * b.shape.slot_row + i;
      const vf z = load(slots), r = load(slots + row), u = load(slots + 2 * row), c = load(slots + 3 * row);
      const vf d = load(dstates + e * row + i), candidate = d * (1.0f - z) * (1.0f - c * c);
      const vf found[4] = {d * (load(step.state + e * row + i) - c) * z * (1.0f - z),
                           candidate * u * r * (1.0f - r), candidate * r, candidate};
      store_gradients(slots, row, found, sums);
      store(dstates + e * row + i, d * z);
    }
    add_sums(step.bias + i, row, sums);
  }
  add_state_gradient(b, step, {0, 3, 0});
}

// The new cell gets dcell += d o (1 - tanh(cell)^2); the sums inside the gates get dcell c i (1 - i),
// dcell cell f (1 - f), with the old cell, dcell i (1 - c^2) and d tanh(cell) o (1 - o); the old cell gets dcell f.
inline void back_lstm(const RecurrentBlock& b, const BackStep& step) {
  const ptrdiff_t row = b.shape.unit_row;
  float* dstates = b.scratch.grad_states;
  float* dcells = b.scratch.grad_cells;
  prefetch_part(b, step, 0, 1);
  for (ptrdiff_t i = 0; i < row; i += LANES) {
    vf sums[4] = {};
    for (int e = 0; e < b.rows; ++e) {
      float* slots = step.slots + e * b.shape.slot_row + i;
      const vf in = load(slots), forget = load(slots + row), candidate = load(slots + 2 * row);
      const vf out = load(slots + 3 * row), squashed = load(slots + 4 * row), d = load(dstates + e * row + i);
      const vf dcell = load(dcells + e * row + i) + d * out * (1.0f - squashed * squashed);
      const vf found[4] = {dcell * candidate * in * (1.0f - in),
                           dcell * load(step.cell + e * row + i) * forget * (1.0f - forget),
                           dcell * in * (1.0f - candidate * candidate), d * squashed * out * (1.0f - out)};
      store_gradients(slots, row, found, sums);
      store(dcells + e * row + i, dcell * forget);
      store(dstates + e * row + i, vf{});
    }
    add_sums(step.bias + i, row, sums);
  }
  add_state_gradient(b, step, {0, 4, 0});
}

// sums += a^T times gradients of some gates' sums, over `steps` steps; a mask is constant in time, so it
// scales each example's share once, at the end, and what it leaves out is not multiplied at all
struct Factor {
  const float* values;
  ptrdiff_t example, step;  // floats from one example and one step to the next
  int width;
  const float* masks;   // [gates][rows][row] or null
  const int32_t* live;  // [gates][rows][1 + row]
  ptrdiff_t row;
  float* sums;  // [width][gates * unit_row]
};

inline void add_weight_gradient(const RecurrentBlock& b, const Factor& a, const float* slots, int steps,
                                Gates gates) {
  const RecurrentShape& shape = b.shape;
  const bool masked = a.masks != nullptr, at_once = !masked && a.step == b.rows * a.example;
  Outer p{};
  p.out_stride = shape.gates * shape.unit_row;
  p.rows = a.width;
  p.vectors = (masked ? 1 : gates.count) * unit_vectors(shape);
  p.a_step = at_once ? a.example : a.step;
  p.b_step = (at_once ? 1 : b.rows) * shape.slot_row;
  p.depth = (at_once ? b.rows : 1) * steps;
  for (int e = 0; e < (at_once ? 1 : b.rows); ++e)
    for (int g = 0; g < gates.count; g += masked ? 1 : gates.count) {
      const int gate = gates.first + g;
      p.out = a.sums + gate * shape.unit_row;
      p.a = a.values + e * a.example;
      p.b = slots + e * shape.slot_row + (gates.slot + g) * shape.unit_row;
      if (masked) {
        const int32_t* live = a.live + (gate * b.rows + e) * (1 + a.row);
        p.scale = a.masks + (gate * b.rows + e) * a.row;
        p.rows = live[0];
        p.places = live + 1;
      }
      add_outer(p);
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
  const Factor states{state_at(b, b.states, begin), shape.unit_row, b.rows * shape.unit_row, shape.units,
                      state_masks, b.scratch.live_states, shape.unit_row, back.sums.recurrent};
  if (shape.cell == Cell::gru) {
    Factor reset = states;
    reset.values = b.scratch.reset_states;
    add_weight_gradient(b, states, slots, steps, {0, 2, 0});
    add_weight_gradient(b, reset, slots, steps, {2, 1, 2});
  } else {
    add_weight_gradient(b, states, slots, steps, {0, shape.gates, 0});
  }
  if (b.x == nullptr) return;
  const float* input_masks = b.input_mask != nullptr ? b.input_masks : nullptr;
  const Factor inputs{inputs_at(b, 0, begin), ptrdiff_t{b.length} * shape.inputs, shape.inputs, shape.inputs,
                      input_masks, b.scratch.live_inputs, shape.input_row, back.sums.input};
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

// For each gate and row, how many masks are not zero, and where
inline void list_live(const float* masks, const RecurrentBlock& b, int width, ptrdiff_t row, int32_t* live) {
  for (int n = 0; n < b.shape.gates * b.rows; ++n, masks += row, live += 1 + row) {
    int32_t found = 0;
    for (int i = 0; i < width; ++i) {
      live[1 + found] = i;
      found += masks[i] != 0.0f;
    }
    live[0] = found;
  }
}

template <void (*retreat)(const RecurrentBlock&, const BackStep&)>
void run_backward(const RecurrentBlock& b, const RecurrentBackward& back) {
  const ptrdiff_t size = b.rows * b.shape.unit_row;
  const bool lstm = b.shape.cell == Cell::lstm;
  fill(b.scratch.grad_states, 0.0f, size);
  fill(b.scratch.grad_cells, 0.0f, size);
  if (b.input_mask != nullptr)
    list_live(b.input_masks, b, b.shape.inputs, b.shape.input_row, b.scratch.live_inputs);
  if (b.recurrent_mask != nullptr)
    list_live(b.state_masks, b, b.shape.units, b.shape.unit_row, b.scratch.live_states);
  if (!b.all_states) add_output_gradient(b, back, b.steps);
  for (int end = b.steps; end > 0; end -= RECURRENT_CHUNK) {
    const int begin = end > RECURRENT_CHUNK ? end - RECURRENT_CHUNK : 0;
    for (int t = end - 1; t >= begin; --t) {
      if (b.all_states) add_output_gradient(b, back, t);
      retreat(b, {slots_at(b, t), state_at(b, b.states, t), lstm ? state_at(b, b.cells, t) : nullptr,
                  b.scratch.reset_states + (t - begin) * size, back.sums.bias, t - BACK_AHEAD});
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
