// Convolution of embedded tokens as a lookup: the table holds, for every distinct id and tap, the id's
// embedding times that tap's weights, so that a step is the sum of K rows. With bias, relu and max pooling in
// the same pass.
#pragma once

#include "kernels/convolution.hpp"

namespace seqconv {

constexpr int TOKEN_FILTERS = 16;  // of a task in the backward pass by winners: a cache line
constexpr int TOKEN_GROUP = 64;    // up to this many steps in a group, gradients go by steps, else by winners

struct TokenConv {
  ConvShape shape;
  int rows;             // U, of the table
  const int32_t* ids;   // [B, L]
  const int32_t* runs;  // [B]: leading ids that are equal, the padding of most texts
};

struct TokenForward {
  TokenConv layer;
  const float *table, *bias;  // [U, K, O], [O]
  float* y;
  int32_t* arg;  // or null
};

// Backward by steps: `spread` writes the gradient of every step, the last one first, so that what a token
// adds to its row of the table, [K, O], is a window of neighbouring steps. `number` lists the windows, and
// once they are sorted by id, `gather` adds up each id's. Groups in an example's constant part share one
// window of their sum.
struct TokenGradient {
  TokenConv layer;
  const float* y;
  const int32_t* arg;
  const float* dy;
  float *dtable, *dbias;
  float *steps, *bias_sums;  // [B, token_window_rows, O], [B, O]
};

// Windows of id u: starts[u] to starts[u + 1] in `windows`, each the number of its first row in `steps`
struct TokenWindows {
  const int32_t *starts, *windows;
};

// Backward by winners: some filters (at most TOKEN_FILTERS) and taps of every row of the table
struct TokenShare {
  int first_filter, last_filter, first_tap, last_tap;
};

struct TokenKernels {
  // length of the leading run of equal ids, or -1 if an id is not in [0, rows)
  int (*measure_run)(const int32_t* ids, int length, int rows);
  void (*forward)(const TokenForward&, int first_example, int last_example);
};

// False: an arg is outside its group, and the result is not complete
struct TokenGradients {
  int64_t (*window_rows)(const ConvShape&);  // of one example
  bool (*spread)(const TokenGradient&, int first_example, int last_example);
  // id and window of each of an example's tokens that has a gradient; returns how many
  int (*number)(const TokenConv&, int example, int32_t* ids, int32_t* windows);
  void (*gather)(const TokenGradient&, const TokenWindows&, int first_id, int last_id);
  bool (*winners)(const TokenGradient&, const TokenShare&);
};

SEQCONV_KERNELS(TokenKernels, token_kernels)
SEQCONV_KERNELS(TokenGradients, token_gradients)

}  // namespace seqconv
