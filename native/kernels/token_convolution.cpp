// The forward pass of a convolution over token ids [B, L] as a look-up in a table [U, K, O], to y [B, groups, O]:
//   y[b, g, o], arg[b, g, o] = max over the steps t of group g of
//       relu(bias[o] + sum over k of table[ids[b, t + k * dilation - left_pad], k, o])
// B * steps * K * O additions and no product. The steps that see nothing but the run of equal ids with which most texts
// begin (padding) are equal: one of them is computed.
#include "kernels/token_convolution.hpp"

#include "kernels/convolution_tiles.hpp"
#include "kernels/token_padding.hpp"
#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

constexpr int AHEAD = 8;  // steps between fetching a token's rows into cache and adding them

int measure_run(const int32_t* ids, int length, int rows) {
  uint32_t highest = 0;
  for (int i = 0; i < length; ++i) {
    const uint32_t id = static_cast<uint32_t>(ids[i]);  // a negative one becomes larger than any row
    highest = id > highest ? id : highest;
  }
  if (highest >= static_cast<uint32_t>(rows)) return -1;
  int run = 0;
  while (run + LANES <= length) {
    if (any(load(ids + run) != splat(ids[0]))) break;
    run += LANES;
  }
  while (run < length && ids[run] == ids[0]) ++run;
  return run;
}

// Rows of the table, V vectors of each. Narrow: there are fewer filters than a vector has lanes, so that the
// last rows are read from a copy, so as not to read past the table.
template <int V, bool Narrow>
struct Lookup {
  const ConvShape& shape;
  const float* table;
  const float* last_rows = nullptr;
  vf bias[V];
  float copy[2 * LANES] = {};

  Lookup(const TokenForward& job, int filter) : shape(job.layer.shape), table(job.table + filter) {
    for (int v = 0; v < V; ++v)
      bias[v] = load_part(job.bias + filter + v * LANES, shape.filters - filter - v * LANES);
    if (!Narrow) return;
    const ptrdiff_t size = ptrdiff_t{job.layer.rows} * shape.kernel * shape.filters,
                    kept = size < LANES ? size : LANES;
    last_rows = job.table + size - kept;
    for (int i = 0; i < kept; ++i) copy[i] = last_rows[i];
  }

  inline const float* find(ptrdiff_t id, int tap) const {
    const float* row = table + (id * shape.kernel + tap) * shape.filters;
    return Narrow && row >= last_rows ? copy + (row - last_rows) : row;
  }

  inline void add_up(const int32_t* ids, int step, vf (&sum)[V]) const {
    const int first = step - shape.left_pad;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = bias[v];
    for (int k = padded_taps(shape, step); k < shape.kernel; ++k) {
      const float* row = find(ids[first + k * shape.dilation], k);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[v] += load(row + v * LANES);
    }
  }

  // a token is first needed by the last tap, and its rows lie anywhere in the table
  inline void fetch(const int32_t* ids, int step) const {
    const int place = step - shape.left_pad + (shape.kernel - 1) * shape.dilation + AHEAD;
    if (place >= shape.length) return;
    const float* row = table + ptrdiff_t{ids[place]} * shape.kernel * shape.filters;
    for (int k = 0; k < shape.kernel; ++k, row += shape.filters)
      for (int i = 0; i < V * LANES; i += TOKEN_FILTERS) __builtin_prefetch(row + i);
  }
};

template <int V, bool Narrow>
void look_up(const TokenForward& job, int example, int filter) {
  const ConvShape& shape = job.layer.shape;
  const Lookup<V, Narrow> lookup(job, filter);
  const Constant constant(shape, job.layer.runs[example]);
  const int32_t* ids = job.layer.ids + ptrdiff_t{example} * shape.length;
  const ptrdiff_t from = ptrdiff_t{example} * shape.groups * shape.filters + filter;
  int32_t* arg = job.arg == nullptr ? nullptr : job.arg + from;
  Pooling<V> pooling{job.y + from, arg, shape.filters, shape.filters - filter, shape.relu};
  for (int group = 0; group < shape.groups; ++group) {
    // groups inside the constant part repeat its first one, which the running maximum still holds
    const bool repeats = group > constant.first_group && group < constant.last_group;
    const int begin = group * shape.group, end = repeats ? begin : begin + shape.group;
    for (int step = begin; step < end;) {
      vf sum[V];
      lookup.fetch(ids, step);
      lookup.add_up(ids, step, sum);
      pooling.add(sum, step - begin);
      step = step >= constant.first && step < constant.last ? constant.last : step + 1;
    }
    pooling.write(group);
  }
}

void forward(const TokenForward& job, int first_example, int last_example) {
  const int filters = job.layer.shape.filters, whole = filters / LANES * LANES;
  for (int example = first_example; example < last_example; ++example) {
    int filter = 0;
    for (; filter + 4 * LANES <= filters; filter += 4 * LANES) look_up<4, false>(job, example, filter);
    for (; filter + 2 * LANES <= filters; filter += 2 * LANES) look_up<2, false>(job, example, filter);
    for (; filter + LANES <= filters; filter += LANES) look_up<1, false>(job, example, filter);
    if (whole == 0) look_up<1, true>(job, example, 0);
    else if (whole < filters)
      look_up<1, false>(job, example, filters - LANES);  // overlaps: the same values again
  }
}

}  // namespace

extern const TokenKernels token_kernels_table;
const TokenKernels token_kernels_table = {measure_run, forward};

}  // namespace seqconv::SEQCONV_ISA
