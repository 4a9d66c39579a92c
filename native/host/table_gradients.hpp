// Gradients of a table of products: table [U, K * O] = used [U, C] times the taps of a kernel [K, C, O], side by side.
#pragma once

#include <cstdint>

namespace seqconv {

struct TableBackward {
  int64_t rows, taps, inputs, filters;  // U, K, C, O
  const float *used, *dtable, *kernel;
  float *dused, *dkernel;  // overwritten
  int64_t columns() const { return taps * filters; }
};

void run_table_backward(const TableBackward& job, int threads);

}  // namespace seqconv
