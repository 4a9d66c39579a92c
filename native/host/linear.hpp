// Linear classifiers and regressions of sparse rows, and their scores.
#pragma once

#include <cstdint>

namespace seqconv {

// Row i has the values offsets[i] to offsets[i + 1] - 1, in columns of their own
struct SparseRows {
  const int32_t* columns;
  const float* values;
  const int64_t* offsets;  // [rows + 1]
  int64_t rows, width;     // columns are below `width`
};

// One support vector machine for each output, w and b of the least |w|^2 / 2 + b^2 / 2 + sum_i costs_i loss_i, with
// loss_i = max(0, 1 - sign_i (w x_i + b))^2, by dual coordinate descent until no gradient is beyond `tolerance`, or for
// `passes`. With `targets` a ridge regression instead: loss_i = (target_i - w x_i - b)^2. References: Hsieh et al. 2008,
// "A dual coordinate descent method for large-scale linear SVM", ICML; Ho and Lin 2012, "Large-scale linear support
// vector regression", JMLR 13, section 3.2, with epsilon = 0.
struct MachinesJob {
  SparseRows x;
  const uint8_t* members;  // [outputs, rows]: 1 where the sign is +1
  const float* targets;    // [outputs, rows], in place of `members`
  const float* costs;      // [rows], or [outputs, rows] if `own_costs`; a row that costs nothing has no say
  bool own_costs;
  int64_t outputs;
  double tolerance;
  int passes;
  uint64_t seed;
  float *weights, *bias;  // [width, outputs], [outputs]
};

void fit_machines(const MachinesJob& job, int threads);

// y [rows, outputs] = x weights [width, outputs]
void multiply_rows(const SparseRows& x, const float* weights, int64_t outputs, float* y, int threads);

}  // namespace seqconv
