// Kernel gradients by minimal filtering. The forward form is linear in the taps, so that the same points serve: the
// inputs are evaluated there, the outputs' gradients are brought there by the transposed interpolation, K + 3 products
// over all tiles take the place of 4 K, and the transposed evaluation of the taps, once at the end, gives the gradient.
// For kernel sources only.
#pragma once

#include "kernels/convolution_minimal.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

constexpr int GRADIENT_TILES = 32;  // at the points at once: they stay in the second-level cache

inline int points_of(const ConvShape& shape) { return shape.kernel + OUTPUTS - 1; }

// Inputs, then gradients of a panel, at all points
inline ptrdiff_t minimal_gradient_floats(const ConvShape& shape) {
  return ptrdiff_t{points_of(shape)} * GRADIENT_TILES * (round_up(shape.channels) + PANEL);
}

// The gradients of one tile and vector of filters, to the points, `next` floats apart
template <int P>
inline void evaluate_gradients(const vf (&dy)[OUTPUTS], float* out, ptrdiff_t next) {
  constexpr Points<P> points = choose_points<P>();
  store(out, dy[0]);
  store(out + (2 * P + 1) * next, dy[3]);
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    const double a = points.at[p];
    const vf even = dy[0] + dy[2] * static_cast<float>(a * a);
    const vf odd = dy[1] * static_cast<float>(a) + dy[3] * static_cast<float>(a * a * a);
    store(out + (2 * p + 1) * next, even + odd);
    store(out + (2 * p + 2) * next, even - odd);
  }
}

// One panel of dy, masked by relu, at the points: [point][tile][V * LANES]; its sums go to the bias
template <int P, int V>
void pack_gradients(const ConvBackward& job, const Unit& unit, int filter, const Tiles& tiles, float* panel,
                    float* dbias) {
  const ConvShape& shape = job.shape;
  const ptrdiff_t start = (ptrdiff_t{unit.example} * shape.steps + unit.first) * shape.filters + filter;
  const ptrdiff_t next = ptrdiff_t{tiles.count} * V * LANES;
  for (int v = 0; v < V; ++v) {
    const int used = least(LANES, shape.filters - filter - v * LANES);
    vf total = {};
    for (int tile = 0; tile < tiles.count; ++tile) {
      vf dy[OUTPUTS] = {};
      int step = first_step(tiles.first + tile, shape.dilation);
      for (int i = 0; i < OUTPUTS && step < tiles.steps; ++i, step += shape.dilation) {
        const ptrdiff_t from = start + ptrdiff_t{step} * shape.filters + v * LANES;
        dy[i] = load_part(job.dy + from, used);
        if (shape.relu) dy[i] = select(load_part(job.y + from, used) <= vf{}, vf{}, dy[i]);
        total += dy[i];
      }
      evaluate_gradients<P>(dy, panel + (ptrdiff_t{tile} * V + v) * LANES, next);
    }
    for (int i = 0; i < used; ++i) dbias[filter + v * LANES + i] += total[i];
  }
}

// sums [point][channel][V * LANES] += inputs^T gradients, over the tiles
template <int P, int V>
void add_tiles(int channels, const float* inputs, const Tiles& tiles, const float* panel, float* sums) {
  const int row = round_up(channels);
  for (int p = 0; p < 2 * P + 2; ++p, inputs += tiles.count * row, panel += tiles.count * V * LANES)
    for (int c = 0; c < channels;) {
      const int count = tile_rows(channels - c);
      const Rows rows = {inputs + c, 1, row, 0, tiles.count, 1};
      multiply_rows<V>(count, rows, panel, sums, V * LANES, sums);
      sums += count * V * LANES;
      c += count;
    }
}

template <int P>
void add_unit(const ConvBackward& job, const ConvShare& share, const Unit& unit, const float* x, float* scratch) {
  const ConvShape& shape = job.shape;
  const int all = tiles_of(unit.groups, shape.dilation), row = round_up(shape.channels);
  float *inputs = scratch, *panel = scratch + ptrdiff_t{points_of(shape)} * GRADIENT_TILES * row;
  for (int first = 0; first < all; first += GRADIENT_TILES) {
    const Tiles tiles = {first, least(GRADIENT_TILES, all - first), unit.groups};
    evaluate_tiles<P>(shape.channels, shape.dilation, x, tiles, inputs);
    for (int filter = share.first_filter; filter < share.last_filter; filter += PANEL) {
      float* sums = share.kernel + ptrdiff_t{points_of(shape)} * shape.channels * filter;
      if (shape.filters - filter <= LANES) {
        pack_gradients<P, 1>(job, unit, filter, tiles, panel, share.bias);
        add_tiles<P, 1>(shape.channels, inputs, tiles, panel, sums);
      } else {
        pack_gradients<P, 2>(job, unit, filter, tiles, panel, share.bias);
        add_tiles<P, 2>(shape.channels, inputs, tiles, panel, sums);
      }
    }
  }
}

inline void minimal_kernel(const ConvBackward& job, const ConvShare& share) {
  const ConvShape& shape = job.shape;
  const auto add = shape.kernel == 3 ? add_unit<2> : shape.kernel == 5 ? add_unit<3> : add_unit<4>;
  for (int64_t number = share.first_unit; number < share.last_unit; ++number) {
    const Unit unit(shape, job.layout.block, number);
    const float* x =
        find_input(shape, job.x, nullptr, unit, minimal_rows(shape, unit.groups), LANES, share.scratch);
    add(job, share, unit, x, share.scratch + job.layout.copied);
  }
}

// The taps' gradients from the sums at the points
template <int P>
inline void evaluate_taps(const vf (&sums)[2 * P + 2], vf (&taps)[2 * P - 1]) {
  constexpr Points<P> points = choose_points<P>();
#pragma GCC unroll 8
  for (int k = 0; k < 2 * P - 1; ++k) taps[k] = vf{};
  taps[0] = sums[0] * static_cast<float>(points.weight[P]);
  taps[2 * P - 2] = sums[2 * P + 1];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    const vf even = sums[2 * p + 1] + sums[2 * p + 2], odd = sums[2 * p + 1] - sums[2 * p + 2];
    double power = points.weight[p];
#pragma GCC unroll 8
    for (int k = 0; k < 2 * P - 1; ++k, power *= points.at[p])
      taps[k] += (k % 2 == 0 ? even : odd) * static_cast<float>(power);
  }
}

template <int P>
void add_up_points(const ConvBackward& job, const ConvPartials& partials, int channel, float* dkernel) {
  const ConvShape& shape = job.shape;
  for (int first = 0; first < shape.filters; first += PANEL) {
    const int width = least(round_up(shape.filters - first), PANEL);
    const float* panel = partials.kernel + ptrdiff_t{points_of(shape)} * shape.channels * first + channel * width;
    for (int o = 0; o < width; o += LANES) {
      vf sums[2 * P + 2], taps[2 * P - 1];
      for (int p = 0; p < 2 * P + 2; ++p)
        sums[p] = sum_chunks(partials, job.layout.partial, panel + ptrdiff_t{p} * shape.channels * width + o);
      evaluate_taps<P>(sums, taps);
      float* out = dkernel + ptrdiff_t{channel} * shape.filters + first + o;
      for (int k = 0; k < 2 * P - 1; ++k, out += ptrdiff_t{shape.channels} * shape.filters)
        store_part(out, taps[k], shape.filters - first - o);
    }
  }
}

inline void add_up_minimal(const ConvBackward& job, const ConvPartials& partials, int channel, float* dkernel) {
  const int kernel = job.shape.kernel;
  (kernel == 3 ? add_up_points<2> : kernel == 5 ? add_up_points<3> : add_up_points<4>)(job, partials, channel, dkernel);
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
