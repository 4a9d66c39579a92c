// The gradients of a convolution: dkernel [K, C, O], dbias [O] and, where steps are pooled, dx [B, T, C], from
// dy [B, groups, O]. Without pooling dkernel is one dense product x^T dy, with as many multiply-adds as the forward
// pass, and dx is a forward pass itself, which the host runs. With pooling only each group's winner has a gradient:
// B * groups * O * K * C multiply-adds for each of dkernel and dx, and none where relu stopped the winner.
#include "kernels/convolution.hpp"
#include "kernels/convolution_minimal_gradients.hpp"
#include "kernels/convolution_tiles.hpp"
#include "kernels/convolution_winners.hpp"
#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

bool is_dense(const ConvShape& shape) { return shape.pool == 1; }

// ---- Nothing pooled: dense products

// One panel of dy, masked by relu, as the columns of a product over steps; its sums go to the bias
void pack_gradient(const ConvBackward& job, const Unit& unit, int filter, int width, float* panel,
                   float* dbias) {
  const int filters = job.shape.filters, used = least(width, filters - filter);
  ptrdiff_t from = (ptrdiff_t{unit.example} * job.shape.steps + unit.first) * filters + filter;
  vf sum[2] = {};
  for (int t = 0; t < unit.groups; ++t, panel += width, from += filters)
    for (int v = 0; v < width / LANES; ++v) {
      vf dy = load_part(job.dy + from + v * LANES, used - v * LANES);
      if (job.shape.relu)
        dy = select(load_part(job.y + from + v * LANES, used - v * LANES) <= vf{}, vf{}, dy);
      store(panel + v * LANES, dy);
      sum[v] += dy;
    }
  for (int i = 0; i < used; ++i) dbias[filter + i] += sum[i / LANES][i % LANES];
}

// sums += x^T dy: rows are inputs (tap and channel), columns filters, and the sum goes over steps
template <int V>
void add_products(const ConvBackward& job, const Unit& unit, const float* x, const float* panel,
                  float* sums) {
  const Runs runs(job.shape, job.shape.channels);
  for (int run = 0; run < runs.count; ++run)
    for (int i = 0; i < runs.width;) {
      const int count = tile_rows(runs.width - i);
      const Rows rows = {x + run * runs.next + i, 1, job.shape.channels, 0, unit.groups, 1};
      multiply_rows<V>(count, rows, panel, sums, V * LANES, sums);
      sums += count * V * LANES;
      i += count;
    }
}

void dense_kernel(const ConvBackward& job, const ConvShare& share) {
  const ConvShape& shape = job.shape;
  const int reach = (shape.kernel - 1) * shape.dilation;
  float *panel = share.scratch, *copy = share.scratch + ptrdiff_t{job.layout.block} * PANEL;
  for (int64_t number = share.first_unit; number < share.last_unit; ++number) {
    const Unit unit(shape, job.layout.block, number);
    const float* x = find_input(shape, job.x, nullptr, unit, unit.groups + reach, 0, copy);
    for (int filter = share.first_filter; filter < share.last_filter; filter += PANEL) {
      const int width = least(round_up(shape.filters - filter), PANEL);
      pack_gradient(job, unit, filter, width, panel, share.bias);
      float* sums = share.kernel + ptrdiff_t{shape.kernel} * shape.channels * filter;
      (width == PANEL ? add_products<2> : add_products<1>)(job, unit, x, panel, sums);
    }
  }
}

// ---- Pooled: the winners alone

// dx of a unit, filter by filter: every winner adds the filter's weights to its window
void add_by_filter(const ConvBackward& job, const Winners& winners, float* dx) {
  const Runs runs(job.shape, job.layout.row);
  const ptrdiff_t window = round_up(job.shape.kernel * job.layout.row);
  for (int o = 0; o < job.shape.filters; ++o)
    for (int run = 0; run < runs.count; ++run)
      for_pieces(runs.width, [&](int i, int vectors) {
        const float* weights = job.weights + o * window + run * job.layout.row + i;
        add_weights(vectors, of_filter(winners, o), weights, dx + run * runs.next + i);
      });
}

// The filters with a gradient at one step of a group, of up to WORD from `first` on: one bit each
inline uint32_t find_filters(const Winners& group, int step, int first, int filters) {
  uint32_t bits = 0;
  for (int i = 0; i < least(WORD, filters - first); i += LANES) {
    const int o = first + i;
    const vi won = load_part<vi>(group.arg + o, filters - o) == splat(step);
    bits |= nonzero(select(won, load_part(group.value + o, filters - o), vf{})) << i;
  }
  return bits;
}

// The same step by step, for short groups: the filters that won at one step share its window, which stays in
// registers
template <int N>
void add_filters(const Winners& group, int step, int filters, const float* weights, ptrdiff_t window,
                 float* dx) {
  vf total[N] = {};
  uint32_t found = 0;
  for (int first = 0; first < filters; first += WORD) {
    uint32_t bits = find_filters(group, step, first, filters);
    for (found |= bits; bits != 0; bits &= bits - 1) {
      const int o = first + __builtin_ctz(bits);
      const vf value = splat(group.value[o]);
      const float* from = weights + o * window;
#pragma GCC unroll 16
      for (int n = 0; n < N; ++n) total[n] += value * load(from + n * LANES);
    }
  }
  if (found == 0) return;
#pragma GCC unroll 16
  for (int n = 0; n < N; ++n) store(dx + n * LANES, load(dx + n * LANES) + total[n]);
}

template <int N = SUMS>
void add_filters(int vectors, const Winners& group, int step, int filters, const float* weights,
                 ptrdiff_t window, float* dx) {
  if (vectors == N) return add_filters<N>(group, step, filters, weights, window, dx);
  if constexpr (N > 1) add_filters<N - 1>(vectors, group, step, filters, weights, window, dx);
}

void add_by_step(const ConvBackward& job, const Winners& winners, float* dx) {
  const int filters = job.shape.filters, row = job.layout.row;
  const ptrdiff_t window = round_up(job.shape.kernel * row);
  const Runs runs(job.shape, row);
  Winners group = winners;
  for (int g = 0; g < winners.count; ++g, group.value += filters, group.arg += filters)
    for (int step = 0; step < job.shape.group; ++step, dx += row)
      for (int run = 0; run < runs.count; ++run)
        for_pieces(runs.width, [&](int i, int vectors) {
          const float* weights = job.weights + run * row + i;
          add_filters(vectors, group, step, filters, weights, window, dx + run * runs.next + i);
        });
}

// Whether windows of x and dx end with a whole vector, so that no copy is needed that can be read past them
bool ends_with_vector(const ConvShape& shape, int row) {
  return row == shape.channels && (shape.dilation == 1 ? shape.kernel * row : row) % LANES == 0;
}

bool winners_input(const ConvBackward& job, int first_example, int last_example, float* scratch) {
  const ConvShape& shape = job.shape;
  const int row = job.layout.row, blocks = (shape.groups - 1) / job.layout.block + 1;
  const ptrdiff_t size = scratch_floats(ptrdiff_t{shape.left_pad} + shape.length, row);
  const bool in_place = shape.left_pad == 0 && ends_with_vector(shape, row);
  for (int example = first_example; example < last_example; ++example) {
    float* out = job.dx + ptrdiff_t{example} * shape.length * shape.channels;
    float* dx = in_place ? out : scratch;
    __builtin_memset(dx, 0, sizeof(float) * (in_place ? ptrdiff_t{shape.length} * row : size));
    for (int number = 0; number < blocks; ++number) {
      const Unit unit(shape, job.layout.block, int64_t{example} * blocks + number);
      Winners winners;
      if (!find_winners(job, unit, scratch + size, winners)) return false;
      float* windows = dx + unit.first * winners.step;
      if (shape.group <= BY_STEP) add_by_step(job, winners, windows);
      else add_by_filter(job, winners, windows);
    }
    if (in_place) continue;
    const float* from = dx + ptrdiff_t{shape.left_pad} * row;
    for (int step = 0; step < shape.length; ++step, out += shape.channels, from += row)
      for (int c = 0; c < shape.channels; ++c) out[c] = from[c];
  }
  return true;
}

void add_values(const Winners& winners, const ConvShare& share) {
  for (int o = share.first_filter; o < share.last_filter; o += LANES) {
    vf total = {};
    for (int g = 0; g < winners.count; ++g) total += load(winners.value + ptrdiff_t{g} * winners.stride + o);
    const int width = share.last_filter - o;
    store_part(share.bias + o, load_part(share.bias + o, width) + total, width);
  }
}

bool winners_kernel(const ConvBackward& job, const ConvShare& share) {
  const ConvShape& shape = job.shape;
  const int row = job.layout.row, window = round_up(shape.kernel * row),
            reach = (shape.kernel - 1) * shape.dilation;
  const Runs runs(shape, row);
  float* copy = share.scratch;
  float* lists = copy + scratch_floats(ptrdiff_t{job.layout.block} * shape.group + reach, row);
  Kept* kept = reinterpret_cast<Kept*>(lists + ptrdiff_t{job.layout.block} * shape.filters * 2);
  for (int64_t number = share.first_unit; number < share.last_unit; ++number) {
    const Unit unit(shape, job.layout.block, number);
    Winners winners;
    if (!find_winners(job, unit, lists, winners)) return false;
    const int first = unit.first * shape.group - shape.left_pad, steps = unit.groups * shape.group + reach;
    const float* x = job.x + (ptrdiff_t{unit.example} * shape.length + first) * shape.channels;
    if (first < 0 || !ends_with_vector(shape, row)) {
      copy_steps(shape, unit.example, job.x, first, steps, row, copy);
      x = copy;
    }
    add_values(winners, share);
    for (int o = share.first_filter; o < share.last_filter; ++o) {
      const int count = keep_winners(of_filter(winners, o), kept);
      for (int run = 0; run < runs.count; ++run)
        for_pieces(runs.width, [&](int i, int vectors) {
          float* sums = share.kernel + ptrdiff_t{o} * window + run * row + i;
          add_windows(vectors, kept, count, x + run * runs.next + i, sums);
        });
    }
  }
  return true;
}

// ---- Both

void pack_backward(const ConvShape& shape, const ConvLayout& layout, const float* kernel, float* weights) {
  const ptrdiff_t tap = ptrdiff_t{shape.channels} * shape.filters;
  const int row = layout.row, window = round_up(shape.kernel * row);
  for (int o = 0; o < shape.filters; ++o, weights += window) {
    for (int i = 0; i < window; ++i) weights[i] = 0;
    for (int k = 0; k < shape.kernel; ++k)
      for (int c = 0; c < shape.channels; ++c)
        weights[k * row + c] = kernel[k * tap + ptrdiff_t{c} * shape.filters + o];
  }
}

// Sums that one filter has in a partial kernel gradient
ptrdiff_t sums_of(const ConvBackward& job) {
  const ConvShape& shape = job.shape;
  if (!is_dense(shape)) return round_up(shape.kernel * job.layout.row);
  return ptrdiff_t{job.layout.minimal ? points_of(shape) : shape.kernel} * shape.channels;
}

bool kernel_gradient(const ConvBackward& job, const ConvShare& share) {
  const int filters = share.last_filter - share.first_filter;
  const ptrdiff_t sums = sums_of(job), columns = is_dense(job.shape) ? round_up(filters) : filters;
  __builtin_memset(share.kernel + sums * share.first_filter, 0, sizeof(float) * sums * columns);
  __builtin_memset(share.bias + share.first_filter, 0, sizeof(float) * filters);
  if (!is_dense(job.shape)) return winners_kernel(job, share);
  (job.layout.minimal ? minimal_kernel : dense_kernel)(job, share);
  return true;
}

void add_up_dense(const ConvBackward& job, const ConvPartials& partials, int tap, float* dkernel) {
  const int filters = job.shape.filters, channels = job.shape.channels;
  const ptrdiff_t inputs = ptrdiff_t{job.shape.kernel} * channels;
  for (int first = 0; first < filters; first += PANEL) {
    const int width = least(round_up(filters - first), PANEL);
    for (ptrdiff_t i = ptrdiff_t{tap} * channels; i < ptrdiff_t{tap + 1} * channels; ++i)
      for (int v = 0; v < width; v += LANES) {
        const vf total =
            sum_chunks(partials, job.layout.partial, partials.kernel + inputs * first + i * width + v);
        store_part(dkernel + i * filters + first + v, total, filters - first - v);
      }
  }
}

void add_up_winners(const ConvBackward& job, const ConvPartials& partials, int tap, float* dkernel) {
  const int filters = job.shape.filters, channels = job.shape.channels, row = job.layout.row;
  const ptrdiff_t window = round_up(job.shape.kernel * row);
  for (int first = 0; first < channels; first += LANES)
    for (int o = 0; o < filters; ++o) {
      const vf total =
          sum_chunks(partials, job.layout.partial, partials.kernel + o * window + tap * row + first);
      float* out = dkernel + (ptrdiff_t{tap} * channels + first) * filters + o;
      for (int c = 0; c < least(LANES, channels - first); ++c) out[ptrdiff_t{c} * filters] = total[c];
    }
}

void add_up(const ConvBackward& job, const ConvPartials& partials, int part, float* dkernel, float* dbias) {
  const auto sum = job.layout.minimal ? add_up_minimal : is_dense(job.shape) ? add_up_dense : add_up_winners;
  sum(job, partials, part, dkernel);
  if (part > 0) return;
  const int filters = job.shape.filters;
  for (int o = 0; o < filters; ++o) {
    dbias[o] = 0;
    for (int chunk = 0; chunk < partials.chunks; ++chunk)
      dbias[o] += partials.bias[chunk * partials.bias_size + o];
  }
}

}  // namespace

extern const ConvGradients conv_gradients_table;
const ConvGradients conv_gradients_table = {pack_backward, winners_input, kernel_gradient, add_up};

}  // namespace seqconv::SEQCONV_ISA
