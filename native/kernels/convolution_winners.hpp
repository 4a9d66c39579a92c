// Gradients of a pooled convolution: only the winner of each group has one, so a filter's gradient is a sum
// over a list of windows, with the filter's sums (or weights) held in registers. For kernel sources only.
#pragma once

#include "kernels/convolution_tiles.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

constexpr int BY_STEP = 8;                  // longest group whose part of dx is summed step by step
constexpr int WORD = 32;                    // filters whose winners are found at once
constexpr int SUMS = TILE == 12 ? 16 : 12;  // vectors of one filter held in registers

// The winners of one filter in consecutive groups. A group's window begins at x + group * step + offset.
struct Winners {
  const float* value;     // the gradient, or 0 where relu stopped it
  const int32_t* offset;  // of the winning step, in floats
  const int32_t* arg;     // the winning step
  int count, stride;      // groups; distance of two groups in these lists
  ptrdiff_t step;
};

// Scratch for `rows` steps and what a last vector may read or write past them
inline ptrdiff_t scratch_floats(ptrdiff_t rows, int row) { return (rows * row + 2 * LANES) / LANES * LANES; }

// Lists for all filters of the groups [first, first + count) of an example, into `lists`; false: an arg is
// wrong
inline bool find_winners(const ConvBackward& job, const Unit& unit, float* lists, Winners& winners) {
  const ConvShape& shape = job.shape;
  const ptrdiff_t from = (ptrdiff_t{unit.example} * shape.groups + unit.first) * shape.filters;
  const float *dy = job.dy + from, *y = job.y + from;
  const int32_t* arg = job.arg + from;
  const int count = unit.groups * shape.filters, group = shape.group, row = job.layout.row;
  float* value = lists;
  int32_t* offset = reinterpret_cast<int32_t*>(lists + count);
  vi wrong = {};
  for (int i = 0; i < count; i += LANES) {
    const int left = count - i;
    const vi step = load_part<vi>(arg + i, left);
    wrong |= (step < 0) | (step >= group);
    store_part(offset + i, step * row, left);
    // a NaN output passes its gradient on, so that it shows
    const vf slope = load_part(dy + i, left);
    store_part(value + i, shape.relu ? select(load_part(y + i, left) <= vf{}, vf{}, slope) : slope, left);
  }
  if (any(wrong)) return false;
  winners = {value, offset, arg, unit.groups, shape.filters, ptrdiff_t{group} * row};
  return true;
}

inline Winners of_filter(Winners winners, int filter) {
  winners.value += filter;
  winners.offset += filter;
  return winners;
}

// A gradient that is not zero, and where its window begins
struct Kept {
  uint32_t bits;  // of the gradient
  int32_t offset;
};

// Those of a filter, into `kept`, which has a place for each winner and one more; relu stops more than half of them
// in most layers. Without a branch, which would be guessed wrong as often as not.
inline int keep_winners(const Winners& list, Kept* kept) {
  int count = 0, window = 0;
  for (ptrdiff_t i = 0, end = ptrdiff_t{list.count} * list.stride; i < end; i += list.stride) {
    uint32_t bits;
    __builtin_memcpy(&bits, list.value + i, sizeof(float));
    kept[count] = {bits, window + list.offset[i]};
    count += bits << 1 != 0;  // neither 0 nor -0
    window += static_cast<int>(list.step);
  }
  return count;
}

// sum += gradient * window over the list: the filter's kernel gradient
template <int N>
void add_windows(const Kept* list, int count, const float* x, float* sum) {
  // a short window leaves registers free for several sums, whose additions need not wait for one another
  constexpr int CHAINS = N <= SUMS / 4 ? 4 : N <= SUMS / 2 ? 2 : 1;
  vf total[CHAINS][N] = {};
  const auto add = [&](const Kept& winner, int chain) {
    const float* window = x + winner.offset;
    float gradient;
    __builtin_memcpy(&gradient, &winner.bits, sizeof(float));
    const vf value = splat(gradient);
#pragma GCC unroll 16
    for (int n = 0; n < N; ++n) total[chain][n] += value * load(window + n * LANES);
  };
  int i = 0;
  for (; i + CHAINS <= count; i += CHAINS)
#pragma GCC unroll 4
    for (int chain = 0; chain < CHAINS; ++chain) add(list[i + chain], chain);
  for (; i < count; ++i) add(list[i], 0);
#pragma GCC unroll 16
  for (int n = 0; n < N; ++n) {
    vf all = load(sum + n * LANES);
#pragma GCC unroll 4
    for (int chain = 0; chain < CHAINS; ++chain) all += total[chain][n];
    store(sum + n * LANES, all);
  }
}

// window += gradient * weights over the list: the filter's part of dx
template <int N>
void add_weights(const Winners& list, const float* weights, float* dx) {
  vf weight[N];
#pragma GCC unroll 16
  for (int n = 0; n < N; ++n) weight[n] = load(weights + n * LANES);
  for (int group = 0; group < list.count; ++group, dx += list.step) {
    const ptrdiff_t i = ptrdiff_t{group} * list.stride;
    float* window = dx + list.offset[i];
    const vf value = splat(list.value[i]);
#pragma GCC unroll 16
    for (int n = 0; n < N; ++n) store(window + n * LANES, load(window + n * LANES) + value * weight[n]);
  }
}

template <int N = SUMS>
void add_windows(int vectors, const Kept* list, int count, const float* x, float* sum) {
  if (vectors == N) return add_windows<N>(list, count, x, sum);
  if constexpr (N > 1) add_windows<N - 1>(vectors, list, count, x, sum);
}

template <int N = SUMS>
void add_weights(int vectors, const Winners& list, const float* weights, float* dx) {
  if (vectors == N) return add_weights<N>(list, weights, dx);
  if constexpr (N > 1) add_weights<N - 1>(vectors, list, weights, dx);
}

// Taps that are handled in one run: all of them if their values are neighbours, else one at a time
struct Runs {
  int count, width;
  ptrdiff_t next;  // floats from one run's values to the next one's
  Runs(const ConvShape& shape, int row)
      : count(shape.dilation == 1 ? 1 : shape.kernel),
        width(shape.dilation == 1 ? shape.kernel * row : row),
        next(ptrdiff_t{shape.dilation} * row) {}
};

// body(first, vectors) for pieces of `width` floats that fit in registers, none much shorter than another
template <class Body>
void for_pieces(int width, Body&& body) {
  for (int first = 0, left = round_up(width) / LANES; left > 0;) {
    const int pieces = (left + SUMS - 1) / SUMS, vectors = (left + pieces - 1) / pieces;
    body(first, vectors);
    first += vectors * LANES;
    left -= vectors;
  }
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
