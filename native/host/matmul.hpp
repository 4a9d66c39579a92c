// Matrix products, cut into tasks by their shape alone.
#pragma once

#include <cstdint>

#include "kernels/matmul.hpp"

namespace seqconv {

// out [rows, columns] = op(left) op(right) over `depth`
void multiply(const Product& product, int64_t depth, float* out, int threads);

// Working memory for one tile; each thread keeps its own, because a small product costs less than allocating
float* matmul_scratch();

}  // namespace seqconv
