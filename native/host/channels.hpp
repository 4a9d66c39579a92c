// Axes of a batch swapped, and the channels of windows standardised. Shapes are [B, L, C], row-major.
#pragma once

#include <cstdint>

namespace seqconv {

// The first `columns` columns of each example of x [B, rows, row_size], as rows of y [B, columns, rows]
struct AxisSwap {
  const float* x;
  int64_t examples, rows, row_size, columns;
  float* y;
};

void swap_axes(const AxisSwap& job, int threads);

// y = (x - mean) / deviation for the first `channels` of `inputs` channels, the others copied; x and y are
// [B, L, inputs], mean and deviation = sqrt(variance + floor) of each window [B, channels], in double precision
struct Standardisation {
  const float* x;
  int64_t examples, length, inputs, channels;
  float floor;
  float *y, *mean, *deviation;
};

void standardise(const Standardisation& job, int threads);

}  // namespace seqconv
