// Gradients of table = used kernel, [U, C] times [C, W], where much of the table's gradient is zero: a word
// that occurs once has one only for the steps that won their pool. Rows of which much is zero are multiplied
// element by element, zeros left out.
#pragma once

#include <cstdint>

#include "isa.hpp"

namespace seqconv {

constexpr int TABLE_BLOCK = 64;   // rows at once: their embeddings stay near, and each is a bit of a word
constexpr int TABLE_VECTOR = 16;  // C must be a multiple of it: no instruction set has wider vectors

// `rows` (at most TABLE_BLOCK) of used, dtable and dused; weights and dweights are [W, C]
struct TableBlock {
  int rows, inputs, columns;  // C and W
  const float *used, *dtable, *weights;
  float *dused, *dweights;
};

struct TableGradients {
  int64_t (*count)(const float* values, int64_t size);  // that are not zero
  // dused = dtable weights, dweights += dtable^T used
  void (*sparse)(const TableBlock&);
};

SEQCONV_KERNELS(TableGradients, table_gradients)

}  // namespace seqconv
