// Optimiser steps in place, on all weights or on those that have a gradient. The kernels hold the formulas.
#pragma once

#include <cstdint>

#include "kernels/optimisers.hpp"

namespace seqconv {

double squared_sum(const float* values, int64_t count, int threads);

Rmsprop rmsprop_rule(double learning_rate, double rho, double epsilon, double scale);
Adam adam_rule(int64_t now, double learning_rate, double beta1, double beta2, double epsilon, double scale);
Adagrad adagrad_rule(double learning_rate, double epsilon, double scale);

// `count` weights and their gradients; v (and m) are the optimiser's averages
void step_rmsprop(const Rmsprop& rule, int64_t count, float* w, const float* g, float* v, int threads);
void step_adam(const Adam& rule, int64_t count, float* w, const float* g, float* m, float* v, int threads);
void step_adagrad(const Adagrad& rule, int64_t count, float* w, const float* g, float* v, int threads);

// `count` rows of a table that have a gradient
void step_rmsprop_rows(const Rmsprop& rule, double rho, const RmspropRows& table, int64_t now, int64_t count,
                       int threads);
void step_adam_rows(const Adam& rule, const AdamRows& table, int64_t height, int64_t count, int threads);

struct AdagradRows {
  float* weights;
  const float* gradients;  // [count, width]
  const int32_t* row;
  float* squares;
  int64_t count, width;
};

void step_adagrad_rows(const Adagrad& rule, const AdagradRows& table, int threads);

// Single weights at distinct flat places
struct AdagradElements {
  float* weights;
  const float* gradients;  // [count]
  const int64_t* places;
  float* squares;
  int64_t count;
};

void step_adagrad_elements(const Adagrad& rule, const AdagradElements& elements, int threads);

}  // namespace seqconv
