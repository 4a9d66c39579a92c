#include "convolution.hpp"

#include "convolution_tiles.hpp"
#include "convolution_winners.hpp"
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

ConvLayout plan(const ConvShape& shape) {
  ConvLayout layout = {};
  layout.row = scratch_row(shape);
  layout.block = least(most(unit_steps(shape, layout.row) / shape.group, 1), shape.groups);
  const bool dense = shape.pool == 1;
  const ptrdiff_t inputs = ptrdiff_t{shape.kernel} * shape.channels, filters = shape.filters;
  const ptrdiff_t rows = ptrdiff_t{layout.block} * shape.group + ptrdiff_t{shape.kernel - 1} * shape.dilation;
  const ptrdiff_t window = round_up(shape.kernel * layout.row),
                  winners = ptrdiff_t{layout.block} * filters * 2;
  layout.quantum = PANEL;
  layout.bias = round_up(shape.filters);
  layout.weights = inputs * layout.bias;
  layout.scratch = shape.left_pad > 0 ? rows * shape.channels : 0;
  layout.partial = dense ? inputs * layout.bias : filters * window;
  layout.gradient_weights = dense ? shape.kernel * filters * round_up(shape.channels) : filters * window;
  if (dense) {
    layout.input_scratch = round_up(shape.channels) + rows * filters;
    layout.kernel_scratch = ptrdiff_t{layout.block} * PANEL + rows * shape.channels;
  } else {
    layout.input_scratch = scratch_floats(shape.left_pad + ptrdiff_t{shape.length}, layout.row) + winners +
                           ptrdiff_t{least(shape.group, BY_STEP)} * filters * 2;
    layout.kernel_scratch = scratch_floats(rows, layout.row) + winners;
  }
  return layout;
}

void pack_forward(const ConvShape& shape, const float* kernel, const float* bias, float* weights,
                  float* padded_bias) {
  const ptrdiff_t tap = ptrdiff_t{shape.channels} * shape.filters;
  pack_panels({kernel, shape.kernel, shape.channels, shape.filters, tap, shape.filters, 1}, weights);
  for (int o = 0; o < round_up(shape.filters); ++o) padded_bias[o] = o < shape.filters ? bias[o] : 0;
}

void forward(const ConvForward& job, int64_t first_unit, int64_t last_unit, float* scratch) {
  const ConvShape& shape = job.shape;
  const Layer layer = {shape.channels, shape.kernel, shape.filters, shape.dilation,
                       shape.group,    shape.relu,   job.weights,   job.bias};
  const int reach = (shape.kernel - 1) * shape.dilation;
  for (int64_t number = first_unit; number < last_unit; ++number) {
    const Unit unit(shape, job.layout.block, number);
    const int first = unit.first * shape.group - shape.left_pad;
    const float* x = job.x + (ptrdiff_t{unit.example} * shape.length + first) * shape.channels;
    if (first < 0) {
      copy_steps(shape, unit.example, job.x, first, unit.groups * shape.group + reach, shape.channels,
                 scratch);
      x = scratch;
    }
    const ptrdiff_t out = (ptrdiff_t{unit.example} * shape.groups + unit.first) * shape.filters;
    convolve(layer, x, unit.groups, job.y + out, job.arg == nullptr ? nullptr : job.arg + out);
  }
}

}  // namespace

extern const ConvKernels conv_kernels_table;
const ConvKernels conv_kernels_table = {plan, pack_forward, forward};

}  // namespace seqconv::SEQCONV_ISA
