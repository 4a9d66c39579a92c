// Maxima over windows that slide by one row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

// y[i] = the largest of x[i + j * next] for j < steps, in floats; NaN if one of them is
struct Slide {
  const float* x;
  float* y;
  ptrdiff_t next, size;  // size of y; x has (steps - 1) * next more
  int steps;
};

struct SlidingKernels {
  // y of one block of steps * next floats, the last one shorter; scratch of `next` floats
  void (*block)(const Slide&, int64_t block, float* scratch);
};

SEQCONV_KERNELS(SlidingKernels, sliding_kernels)

}  // namespace seqconv
