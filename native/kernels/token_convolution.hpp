// Convolution of embedded tokens as a lookup: the table holds, for every distinct id and tap, the id's embedding
// times that tap's weights, so that a step is the sum of K rows. With bias, relu and max pooling in the same pass.
#pragma once

#include "convolution.hpp"

namespace seqconv {

constexpr int TOKEN_FILTERS = 16;  // of a task in the backward pass: a cache line, whatever the instruction set

constexpr int TOKEN_WHOLE_GROUP = 8;  // up to this pool, adding all steps as vectors beats adding single winners
constexpr int TOKEN_STEPS = 512;      // handled at a time, so that their gradients stay in the first-level cache

struct TokenConv {
  ConvShape shape;
  int rows;              // U, of the table
  const int32_t* ids;    // [B, L]
  const int32_t* runs;   // [B]: leading ids that are equal, the padding of most texts
};

struct TokenForward {
  TokenConv layer;
  const float *table, *bias;  // [U, K, O], [O]
  float* y;
  int32_t* arg;  // or null
};

struct TokenGradient {
  TokenConv layer;
  const float* y;
  const int32_t* arg;
  const float* dy;
  float *dtable, *dbias;
};

// Filters (at most TOKEN_FILTERS) and taps of every row, and scratch for (TOKEN_STEPS + 2 * reach) * TOKEN_FILTERS
struct TokenShare {
  int first_filter, last_filter, first_tap, last_tap;
  float* scratch;
};

struct TokenKernels {
  // length of the leading run of equal ids, or -1 if an id is not in [0, rows)
  int (*measure_run)(const int32_t* ids, int length, int rows);
  void (*forward)(const TokenForward&, int first_example, int last_example);
  // the share's part of dtable, and of dbias with tap 0; false: an arg is outside its group
  bool (*gradient)(const TokenGradient&, const TokenShare&);
};

SEQCONV_KERNELS(TokenKernels, token_kernels)

}  // namespace seqconv
