// The forward pass of a convolution with bias, relu and max pooling, from x [B, T, C] to y [B, groups, O]:
//   y[b, g, o], arg[b, g, o] = max over the steps t of group g of
//       relu(bias[o] + sum over k, c of x[b, t + k * dilation - left_pad, c] * kernel[k, c, o]),
// where x is 0 before its first step. A group's maximum is taken while its steps are in registers: what is not pooled
// is never written. B * steps * K * C * O multiply-adds, by minimal filtering (K + 3) / 4 K of them.
#include "kernels/convolution.hpp"

#include "kernels/convolution_minimal.hpp"
#include "kernels/convolution_minimal_gradients.hpp"
#include "kernels/convolution_tiles.hpp"
#include "kernels/convolution_winners.hpp"
#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// Padding rows to whole vectors lets every load fall on one cache line, but makes more of them
int scratch_row(const ConvShape& shape) {
  const int padded = round_up(shape.channels), window = round_up(shape.kernel * shape.channels);
  const bool apart = shape.dilation > 1;  // then each tap takes its own vectors anyway
  return apart || ptrdiff_t{16} * shape.kernel * padded <= ptrdiff_t{16 + LANES} * window ? padded
                                                                                          : shape.channels;
}

// Steps of a unit: its rows in half the first-level cache, but enough to pay for their K - 1 neighbours
int unit_steps(const ConvShape& shape, int row) {
  const int fitting = least(most(4096 / row, 96), 256), reach = (shape.kernel - 1) * shape.dilation;
  return most(fitting, 2 * reach) / TILE * TILE;
}

ConvLayout plan(const ConvShape& shape, bool minimal) {
  ConvLayout layout = {};
  layout.row = scratch_row(shape);
  layout.minimal = minimal && has_minimal(shape);
  layout.block = least(most(unit_steps(shape, layout.row) / shape.group, 1), shape.groups);
  // outputs are cut into tiles at the same steps, whatever the units
  const int wide = layout.minimal ? OUTPUTS * shape.dilation : OUTPUTS;
  if (wide > OUTPUTS) layout.block = least(most(layout.block, wide), shape.groups);
  if (layout.block >= wide && layout.block < shape.groups) layout.block = layout.block / wide * wide;
  const bool dense = shape.pool == 1;
  const ptrdiff_t inputs = ptrdiff_t{shape.kernel} * shape.channels, filters = shape.filters;
  const ptrdiff_t rows = ptrdiff_t{layout.block} * shape.group + ptrdiff_t{shape.kernel - 1} * shape.dilation;
  const ptrdiff_t window = round_up(shape.kernel * layout.row),
                  winners = ptrdiff_t{layout.block} * filters * 2;
  layout.quantum = PANEL;
  layout.bias = round_up(shape.filters);
  if (layout.minimal) {
    const int steps = layout.block * shape.group;
    layout.weights = ptrdiff_t{shape.kernel + OUTPUTS - 1} * shape.channels * layout.bias;
    layout.copied = scratch_floats(minimal_rows(shape, steps), shape.channels);
    layout.scratch = layout.copied + minimal_floats(shape, steps);
  } else {
    layout.weights = inputs * layout.bias;
    layout.scratch = layout.copied = rows * shape.channels;
  }
  layout.gradient_weights = filters * window;
  if (!dense) {
    layout.partial = filters * window;
    layout.input_scratch = scratch_floats(shape.left_pad + ptrdiff_t{shape.length}, layout.row) + winners;
    layout.kernel_scratch = scratch_floats(rows, layout.row) + winners + (layout.block + 1) * 2;
  } else if (layout.minimal) {
    layout.partial = layout.weights;
    layout.kernel_scratch = layout.copied + minimal_gradient_floats(shape);
  } else {
    layout.partial = layout.weights;
    layout.kernel_scratch = ptrdiff_t{layout.block} * PANEL + layout.copied;
  }
  return layout;
}

void pack_forward(const ConvShape& shape, const ConvLayout& layout, const float* kernel, const float* bias,
                  float* weights, float* padded_bias) {
  const ptrdiff_t tap = ptrdiff_t{shape.channels} * shape.filters;
  for (int o = 0; o < round_up(shape.filters); ++o) padded_bias[o] = o < shape.filters ? bias[o] : 0;
  if (layout.minimal) return pack_minimal(shape, kernel, weights);
  pack_panels({kernel, shape.kernel, shape.channels, shape.filters, tap, shape.filters, 1}, weights);
}

bool forward(const ConvForward& job, int64_t first_unit, int64_t last_unit, float* scratch) {
  const ConvShape& shape = job.shape;
  const bool minimal = job.layout.minimal;
  const Layer layer = {shape.channels, shape.kernel, shape.filters, shape.dilation,
                       shape.group,    shape.relu,   job.weights,   job.bias};
  for (int64_t number = first_unit; number < last_unit; ++number) {
    const Unit unit(shape, job.layout.block, number);
    const int steps = unit.groups * shape.group;
    const int rows = minimal ? minimal_rows(shape, steps) : steps + (shape.kernel - 1) * shape.dilation;
    const float* x = find_input(shape, job.x, job.gate, unit, rows, minimal ? LANES : 0, scratch);
    const ptrdiff_t out = (ptrdiff_t{unit.example} * shape.groups + unit.first) * shape.filters;
    float* y = job.y + out;
    int32_t* arg = job.arg == nullptr ? nullptr : job.arg + out;
    if (!minimal) convolve(layer, x, unit.groups, y, arg);
    else if (!convolve_minimal(layer, x, unit.groups, y, arg, scratch + job.layout.copied)) return false;
  }
  return true;
}

}  // namespace

extern const ConvKernels conv_kernels_table;
const ConvKernels conv_kernels_table = {plan, pack_forward, forward};

}  // namespace seqconv::SEQCONV_ISA
