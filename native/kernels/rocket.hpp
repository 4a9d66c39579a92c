// Random convolution kernels without training: what MultiRocket and Hydra compute of one sequence at one dilation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

constexpr int ROCKET_WIDTH = 9;     // taps of every kernel
constexpr int ROCKET_KERNELS = 84;  // ways to choose three of them
constexpr int ROCKET_POOLS = 4;     // features of each bias
constexpr int HYDRA_GROUP = 8;      // kernels that compete
constexpr ptrdiff_t ROCKET_SLACK = 64;  // floats after the end of a buffer that may be read or written

// One sequence at one dilation. A row of `padded` holds a channel between 4 * dilation zeros on either side.
struct DilatedSequence {
  const float* padded;  // [C, row]
  ptrdiff_t row, length, dilation;
};

// MultiRocket's 84 kernels, with `biases` of each; with one pool MiniRocket's
struct RocketPools {
  DilatedSequence x;
  const int32_t* channels;        // those that each kernel adds up, one kernel after the other
  const int32_t* channel_counts;  // [84]
  const float* biases;            // [84, biases]
  int bias_count;
  int pool_count;  // features of each bias: 4, or 1, the fraction of values above it
  int phase;       // kernels of this parity read the padding
  float* sums;   // scratch: [C, length + slack]
  float* y;      // scratch: [length + slack]
  float* pools;  // [84, biases, pool_count]
};

// The values of one of MultiRocket's kernels
struct RocketValues {
  DilatedSequence x;  // one row: the sum of the kernel's channels
  int kernel;
  bool whole;   // also those that read the padding
  float* sums;  // scratch: [length + slack]
  float* y;     // [length + slack]
};

// Hydra's groups of 8 kernels
struct HydraCounts {
  const float* x;  // the sum of a group's channels, between zeros as in DilatedSequence
  ptrdiff_t length, dilation;
  const float* weights;   // [9, 8]
  float *highest, *lowest;  // [8]
};

struct RocketKernels {
  void (*pool)(const RocketPools&, int channels);
  ptrdiff_t (*list_values)(const RocketValues&);  // how many there are
  void (*compete)(const HydraCounts&);
};

SEQCONV_KERNELS(RocketKernels, rocket_kernels)

}  // namespace seqconv
