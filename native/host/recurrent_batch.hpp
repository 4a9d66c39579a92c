// One call of a recurrent layer: its arrays, and how its batch is cut into blocks of examples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seqconv {

// The arrays of one forward call: x and kernel, or ids and table
struct RecurrentCall {
  int batch = 0, length = 0;
  const float* x = nullptr;
  const int32_t* ids = nullptr;
  const float* table = nullptr;
  ptrdiff_t table_rows = 0;
  const float* kernel = nullptr;
  const float* recurrent_kernel = nullptr;
  const float* bias = nullptr;
  const float* input_mask = nullptr;
  const float* recurrent_mask = nullptr;
  float* y = nullptr;
  bool all_states = false;
};

struct RecurrentBackwardCall {
  const float* kernel = nullptr;
  const float* recurrent_kernel = nullptr;
  const float* dy = nullptr;
  float* dx = nullptr;
  float* dtable = nullptr;
  float* dkernel = nullptr;
  float* drecurrent_kernel = nullptr;
  float* dbias = nullptr;
};

// Which examples run together. Examples that begin with the same repeated id (padding) have their first states in
// common, which are computed once. Examples are sorted by padding, and a block begins where the padding of its first
// example ends.
struct RecurrentPartition {
  struct Span {
    int first, rows, start;
  };
  std::vector<int32_t> order;  // [B]
  std::vector<Span> spans;
  int shared = 0;  // steps that are computed once; the last example in `order` has them all
};

// Blocks of `block_rows` examples, the last one smaller
RecurrentPartition partition_batch(const RecurrentCall& call, int block_rows);

}  // namespace seqconv
