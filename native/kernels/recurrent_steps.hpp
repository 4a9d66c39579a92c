// What forward and backward share: rows of arrays that are not padded, and a view of one block's step.
#pragma once

#include "kernels/recurrent.hpp"
#include "kernels/recurrent_products.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

inline vf lane_numbers() {
  vf lanes{};
  for (int i = 0; i < LANES; ++i) lanes[i] = static_cast<float>(i);
  return lanes;
}

// The first `count` floats at p, then zeros. Reads a whole vector where the array, up to `end`, allows it.
inline vf load_part(const float* p, ptrdiff_t count, const float* end) {
  if (count >= LANES) return load(p);
  if (end - p >= LANES) return select(lane_numbers() < splat(static_cast<float>(count)), load(p), vf{});
  vf part{};
  for (int i = 0; i < count; ++i) part[i] = p[i];
  return part;
}

inline void store_part(float* p, vf v, ptrdiff_t count) {
  if (count >= LANES) return store(p, v);
  for (int i = 0; i < count; ++i) p[i] = v[i];
}

// rows [rows][row] of a block from or to an array whose rows have `width` floats
inline void read_row(float* to, const float* from, int width, const float* end) {
  for (int i = 0; i < width; i += LANES) store(to + i, load_part(from + i, width - i, end));
}
inline void write_row(float* to, const float* from, int width) {
  for (int i = 0; i < width; i += LANES) store_part(to + i, load(from + i), width - i);
}

inline void fill(float* out, float value, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += LANES) store(out + i, splat(value));
}

// Ask for memory ahead of its use: going back in time, or from id to id, is no pattern that the processor
// foresees
inline void prefetch(const float* p, ptrdiff_t count) {
  constexpr ptrdiff_t line = 16;
  for (ptrdiff_t i = 0; i < count; i += line) __builtin_prefetch(p + i, 0, 2);
}

// Neighbouring gates that one product can take together, and the slot of the first
struct Gates {
  int first, count, slot;
};

struct Step {
  const float* inputs[4];  // [rows][input_row] for each gate: masked if there are masks
  const float* states[4];  // [rows][unit_row] for each gate
  const float* state;      // before the step
  const float* cell;
  float* next_state;
  float* next_cell;
  float* slots;
};

inline int unit_vectors(const RecurrentShape& shape) {
  return static_cast<int>(shape.unit_row / LANES);
}

inline float* state_at(const RecurrentBlock& b, float* states, int step) {
  return states + (b.keep ? step : step & 1) * b.rows * b.shape.unit_row;
}
inline float* slots_at(const RecurrentBlock& b, int step) {
  return b.slots + (b.keep ? step : 0) * b.rows * b.shape.slot_row;
}
inline const float* inputs_at(const RecurrentBlock& b, int row, int step) {
  return b.x + (ptrdiff_t{b.examples[row]} * b.length + b.start + step) * b.shape.inputs;
}

// Where row `row` of step `step` (counted from the block's start) stands in y or dy
inline ptrdiff_t output_place(const RecurrentBlock& b, int row, int step) {
  const ptrdiff_t example = b.examples[row];
  return (b.all_states ? example * b.length + b.start + step : example) * b.shape.units;
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
