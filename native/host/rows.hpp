// Functions of the channels of a step, over all rows [N, C] of an array.
#pragma once

#include <cstdint>

#include "kernels/rows.hpp"

namespace seqconv {

void run_gelu(const float* x, int64_t count, float* y, int threads);
void run_gelu_gradient(const float* x, const float* dy, int64_t count, float* dx, int threads);

void run_softmax(const float* x, int64_t rows, int64_t channels, float* y, int threads);
void run_softmax_gradient(const float* y, const float* dy, int64_t rows, int64_t channels, float* dx, int threads);

void run_layer_norm(const LayerNorm& job, int64_t rows, int threads);
// dgamma and dbeta [channels] are the sums over all rows
void run_layer_norm_gradient(const LayerNormGradient& job, int64_t rows, float* dgamma, float* dbeta, int threads);

}  // namespace seqconv
