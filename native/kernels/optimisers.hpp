// Optimiser steps on a range of weights, or of the rows of a table of weights of which few have a gradient.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

// Reference: Hinton, Neural Networks for Machine Learning, lecture 6e; as in Keras 2, epsilon stands outside
// the root.
struct Rmsprop {
  float learning_rate, epsilon;
  float kept, added;  // rho and 1 - rho, each rounded once
  float scale;        // of the gradient, to clip its norm
};

// Reference: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1.
struct Adam {
  float rate;       // learning_rate / (1 - beta1^now), which makes m unbiased
  float unbiasing;  // 1 / (1 - beta2^now), which makes v unbiased
  float epsilon;
  float kept1, added1;  // beta1 and 1 - beta1
  float kept2, added2;
  float scale;  // of the gradient, to clip its norm
};

// Reference: Duchi, Hazan and Singer, Adaptive subgradient methods, 2011, with the squares starting at zero.
struct Adagrad {
  float learning_rate, epsilon;  // epsilon stands outside the root
  float scale;                   // of the gradient, to clip its norm
};

// A table of weights [height, width] and the gradients of some of its rows, in ascending order
struct RmspropRows {
  float* weights;
  const float* gradients;  // [rows, width]
  const int32_t* row;
  float* squares;  // v, [height, width]
  int64_t* last;   // [height]: the step up to which v is decayed
  int64_t width;
};

struct AdamRows {
  float* weights;
  const float* gradients;
  const int32_t* row;
  float* means;    // m, [height, width]
  float* squares;  // v
  uint8_t* seen;   // [height]: 1 if the row ever had a gradient
  int64_t width;
};

struct OptimiserKernels {
  double (*sum_squares)(const float* values, int64_t count);
  void (*step_rmsprop)(const Rmsprop& rule, int64_t count, float* w, const float* g, float* v);
  // gradients [begin, end) of the table, which belong to rows row[begin] to row[end - 1]
  void (*step_rmsprop_rows)(const Rmsprop& rule, double rho, const RmspropRows& table, int64_t now,
                            int64_t begin, int64_t end);
  void (*step_adam)(const Adam& rule, int64_t count, float* w, const float* g, float* m, float* v);
  // rows [begin, end) of the table; of `count` gradients, `next` is the first whose row is not before `begin`
  void (*step_adam_rows)(const Adam& rule, const AdamRows& table, int64_t begin, int64_t end, int64_t next,
                         int64_t count);
  void (*step_adagrad)(const Adagrad& rule, int64_t count, float* w, const float* g, float* v);
  // of w and v those at `count` distinct places
  void (*step_adagrad_at)(const Adagrad& rule, int64_t count, const int64_t* places, float* w, const float* g,
                          float* v);
};

SEQCONV_KERNELS(OptimiserKernels, optimiser_kernels)

}  // namespace seqconv
