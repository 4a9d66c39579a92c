// Features of random convolution kernels: MultiRocket and Hydra.
#pragma once

#include <cstdint>

#include "kernels/rocket.hpp"

namespace seqconv {

// N sequences of C channels; sequence n begins at step starts[n]
struct RocketInputs {
  const float* x;  // [N, C, L]
  const int64_t* starts;
  int64_t count, channels, length;
  const int64_t* dilations;  // [D]
  int64_t dilation_count;
};

struct RocketFeatures {
  RocketInputs inputs;
  const int64_t* bias_counts;      // [D]: of each kernel at that dilation
  const float* biases;             // [sum of 84 * bias_counts]
  const int32_t* channels;         // those that each kernel reads, one kernel after the other
  const int32_t* channel_counts;   // [D, 84]
  int64_t feature_count;
  int pool_count;   // features of each bias, see RocketPools
  float* features;  // [N, features]
};

struct RocketBiases {
  RocketInputs inputs;
  const int64_t* rows;             // [D, 84]: the sequence whose values a kernel's biases are quantiles of
  const int64_t* bias_counts;      // [D]
  const double* quantiles;         // [sum of 84 * bias_counts], from 0 to 1
  const int32_t* channels;
  const int32_t* channel_counts;   // [D, 84]
  float* biases;                   // [sum of 84 * bias_counts]
};

struct HydraFeatures {
  RocketInputs inputs;
  int64_t groups;
  const float* weights;           // [D, groups, 9, 8]
  const int32_t* channels;        // those that each group reads, one group after the other
  const int32_t* channel_counts;  // [D, groups]
  float* features;                // [N, D, groups, 2, 8]: counts of the largest values, then of the smallest
};

void run_rocket(const RocketFeatures& job, int threads);
void fit_rocket(const RocketBiases& job, int threads);
void run_hydra(const HydraFeatures& job, int threads);

}  // namespace seqconv
