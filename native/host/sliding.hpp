// The maximum of every window that slides over rows.
#pragma once

#include <cstdint>

namespace seqconv {

// y[i] = max of x[i + j * stride] for j < steps, rows of `channels` floats; y has `kept` rows
struct SlidingMaximum {
  const float* x;
  int64_t channels, steps, stride, kept;
  float* y;
};

void run_sliding_maximum(const SlidingMaximum& job, int threads);

}  // namespace seqconv
