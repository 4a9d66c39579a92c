// Functions of the channels of a step: GELU of each value; softmax and layer normalisation of rows [N, C].
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

// normal = (x - mean) / sqrt(variance + epsilon) of each row, y = normal gamma + beta
struct LayerNorm {
  const float* x;  // [N, channels]
  int64_t channels;
  const float *gamma, *beta;  // [channels]
  float epsilon;
  float *normal, *scale, *y;  // [N, channels], [N]: 1 / sqrt(variance + epsilon), [N, channels]
};

// With g = dy gamma: dx = scale (g - mean(g) - normal mean(g normal)) of each row
struct LayerNormGradient {
  const float *dy, *normal, *scale;  // [N, channels], [N, channels], [N]
  int64_t channels;
  const float* gamma;  // [channels]
  float* dx;           // [N, channels]
};

struct RowKernels {
  // y = x P(X <= x) for a standard normal X, and dx = dy times its derivative
  void (*gelu)(const float* x, int64_t count, float* y);
  void (*gelu_gradient)(const float* x, const float* dy, int64_t count, float* dx);
  // y = exp(x) / sum(exp(x)) of each row, and dx = y (dy - sum(dy y)), of rows from `begin` to `end`
  void (*softmax)(const float* x, int64_t channels, int64_t begin, int64_t end, float* y);
  void (*softmax_gradient)(const float* y, const float* dy, int64_t channels, int64_t begin, int64_t end, float* dx);
  // rows from `begin` to `end`; the gradient adds those of gamma and beta, dy normal and dy, to `dgamma` and `dbeta`
  void (*normalise)(const LayerNorm&, int64_t begin, int64_t end);
  void (*normalise_gradient)(const LayerNormGradient&, int64_t begin, int64_t end, float* dgamma, float* dbeta);
};

SEQCONV_KERNELS(RowKernels, row_kernels)

}  // namespace seqconv
