// The gradients of a convolution over tokens: dtable [U, K, O] and dbias [O] from dy [B, groups, O]. Short groups go by
// steps: the gradient of every step is written down, and each id adds up the windows of its tokens, B * L * K * O
// additions. Long groups go by winners: B * groups * K * O additions, scattered over the table.
#include "kernels/convolution_tiles.hpp"
#include "kernels/convolution_winners.hpp"
#include "kernels/token_convolution.hpp"
#include "kernels/token_padding.hpp"
#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// One example's part of the arrays
struct Example {
  const float *y, *dy;
  const int32_t *arg, *ids;
  bool relu;
  Example(const TokenGradient& job, int example) {
    const ConvShape& shape = job.layer.shape;
    const ptrdiff_t from = ptrdiff_t{example} * shape.groups * shape.filters;
    y = job.y + from;
    dy = job.dy + from;
    arg = job.arg == nullptr ? nullptr : job.arg + from;
    ids = job.layer.ids + ptrdiff_t{example} * shape.length;
    relu = shape.relu;
  }
  // `count` gradients from i on; a NaN output passes its gradient on, so that it shows
  vf passed(ptrdiff_t i, int count) const {
    const vf value = load_part(dy + i, count);
    return relu ? select(load_part(y + i, count) <= vf{}, vf{}, value) : value;
  }
};

// ---- By steps

int reach_of(const ConvShape& shape) { return (shape.kernel - 1) * shape.dilation; }

// A token's window is a row for each tap, `dilation` apart; after those of all tokens comes that of the
// constant part
int64_t window_rows(const ConvShape& shape) { return int64_t{shape.length} + 2 * reach_of(shape) + 1; }

// Window of the token at `place`: its first row is the step that saw it with the first tap
int window_of(const ConvShape& shape, int place) { return shape.length - 1 - place; }

// First token that a step outside the constant part saw
int first_token(const ConvShape& shape, const Constant& constant) {
  if (constant.first_group > 0 || constant.first_group == constant.last_group) return 0;
  return least(most(constant.last_group * shape.group - shape.left_pad, 0), shape.length);
}

// The gradients of one group and up to LANES filters, to the rows of its steps; lanes that are not 0: an arg
// is wrong
vi spread_group(const ConvShape& shape, int group, vi place, vf value, float* steps, int count) {
  const int last_row = shape.length - 1 + shape.left_pad - group * shape.group;
  for (int step = 0; step < shape.group; ++step) {
    const int row = last_row - step;
    if (row >= shape.length + reach_of(shape)) continue;  // saw nothing but zeros before the text
    store_part(steps + ptrdiff_t{row} * shape.filters, select(place == step, value, vf{}), count);
  }
  return (place < 0) | (place >= shape.group);
}

void add_part(float* to, vf value, int count) { store_part(to, load_part(to, count) + value, count); }

bool spread_example(const TokenGradient& job, int number) {
  const ConvShape& shape = job.layer.shape;
  const Example example(job, number);
  const Constant constant(shape, job.layer.runs[number]);
  const ptrdiff_t filters = shape.filters,
                  used = shape.length - first_token(shape, constant) + reach_of(shape);
  float *steps = job.steps + window_rows(shape) * number * filters, *sums = job.bias_sums + number * filters;
  float* shared = steps + (shape.length + reach_of(shape)) * filters;
  __builtin_memset(steps, 0, sizeof(float) * used * filters);
  __builtin_memset(shared, 0, sizeof(float) * filters);
  __builtin_memset(sums, 0, sizeof(float) * filters);
  vi wrong = {};
  for (int group = 0; group < shape.groups; ++group) {
    const bool in_constant = group >= constant.first_group && group < constant.last_group;
    for (int filter = 0; filter < filters; filter += LANES) {
      const int count = shape.filters - filter;
      const ptrdiff_t i = group * filters + filter;
      const vf value = example.passed(i, count);
      add_part(sums + filter, value, count);
      if (in_constant) {
        add_part(shared + filter, value, count);
        continue;
      }
      const vi place = example.arg == nullptr ? vi{} : load_part<vi>(example.arg + i, count);
      wrong |= spread_group(shape, group, place, value, steps + filter, count);
    }
  }
  for (int k = 1; k < shape.kernel; ++k)
    __builtin_memcpy(shared + k * shape.dilation * filters, shared, sizeof(float) * filters);
  return !any(wrong);
}

bool spread(const TokenGradient& job, int first_example, int last_example) {
  bool right = true;
  for (int example = first_example; example < last_example; ++example) right &= spread_example(job, example);
  return right;
}

int number(const TokenConv& layer, int example, int32_t* ids, int32_t* windows) {
  const ConvShape& shape = layer.shape;
  const Constant constant(shape, layer.runs[example]);
  const int32_t* own = layer.ids + ptrdiff_t{example} * shape.length;
  const int32_t base = static_cast<int32_t>(window_rows(shape) * example);
  int count = 0;
  if (constant.first_group < constant.last_group) {
    ids[count] = own[0];
    windows[count++] = base + shape.length + reach_of(shape);
  }
  for (int place = first_token(shape, constant); place < shape.length; ++place) {
    ids[count] = own[place];
    windows[count++] = base + window_of(shape, place);
  }
  return count;
}

// out = the sum of N vectors of each window
template <int N>
void add_up(const float* steps, int row, const int32_t* windows, int count, float* out, int width) {
  vf total[N] = {};
  for (int i = 0; i < count; ++i) {
    const float* window = steps + ptrdiff_t{windows[i]} * row;
#pragma GCC unroll 16
    for (int n = 0; n < N; ++n) total[n] += load(window + n * LANES);
  }
#pragma GCC unroll 16
  for (int n = 0; n < N; ++n) store_part(out + n * LANES, total[n], width - n * LANES);
}

template <int N = SUMS>
void add_up(int vectors, const float* steps, int row, const int32_t* windows, int count, float* out,
            int width) {
  if (vectors == N) return add_up<N>(steps, row, windows, count, out, width);
  if constexpr (N > 1) add_up<N - 1>(vectors, steps, row, windows, count, out, width);
}

void gather(const TokenGradient& job, const TokenWindows& all, int first_id, int last_id) {
  const ConvShape& shape = job.layer.shape;
  const Runs runs(shape, shape.filters);
  for (int id = first_id; id < last_id; ++id) {
    const int32_t* windows = all.windows + all.starts[id];
    const int count = all.starts[id + 1] - all.starts[id];
    float* out = job.dtable + ptrdiff_t{id} * shape.kernel * shape.filters;
    for (int run = 0; run < runs.count; ++run, out += runs.width)
      for_pieces(runs.width, [&](int i, int vectors) {
        add_up(vectors, job.steps + run * runs.next + i, shape.filters, windows, count, out + i,
               runs.width - i);
      });
  }
  if (first_id > 0) return;
  for (int o = 0; o < shape.filters; ++o) {
    job.dbias[o] = 0;
    for (int example = 0; example < shape.examples; ++example)
      job.dbias[o] += job.bias_sums[ptrdiff_t{example} * shape.filters + o];
  }
}

// ---- By winners

// What one group adds: to the rows of the tokens that its winners saw
bool add_group(const TokenGradient& job, const TokenShare& share, const Example& example, int group,
               float* totals) {
  const ConvShape& shape = job.layer.shape;
  for (int o = share.first_filter; o < share.last_filter; ++o) {
    const ptrdiff_t i = ptrdiff_t{group} * shape.filters + o;
    const int place = example.arg == nullptr ? 0 : example.arg[i];
    if (place < 0 || place >= shape.group) return false;
    const float value = example.relu && example.y[i] <= 0 ? 0 : example.dy[i];
    const int step = group * shape.group + place;
    totals[o - share.first_filter] += value;
    for (int k = most(share.first_tap, padded_taps(shape, step)); k < share.last_tap; ++k) {
      const ptrdiff_t id = example.ids[step - shape.left_pad + k * shape.dilation];
      job.dtable[(id * shape.kernel + k) * shape.filters + o] += value;
    }
  }
  return true;
}

bool winners(const TokenGradient& job, const TokenShare& share) {
  const ConvShape& shape = job.layer.shape;
  for (ptrdiff_t id = 0; id < job.layer.rows; ++id)
    for (int k = share.first_tap; k < share.last_tap; ++k) {
      float* row = job.dtable + (id * shape.kernel + k) * shape.filters;
      for (int o = share.first_filter; o < share.last_filter; ++o) row[o] = 0;
    }
  float totals[TOKEN_FILTERS] = {};
  for (int number = 0; number < shape.examples; ++number) {
    const Example example(job, number);
    for (int group = 0; group < shape.groups; ++group)
      if (!add_group(job, share, example, group, totals)) return false;
  }
  if (share.first_tap == 0)
    for (int o = share.first_filter; o < share.last_filter; ++o)
      job.dbias[o] = totals[o - share.first_filter];
  return true;
}

}  // namespace

extern const TokenGradients token_gradients_table;
const TokenGradients token_gradients_table = {window_rows, spread, number, gather, winners};

}  // namespace seqconv::SEQCONV_ISA
