// The gradient of a token convolution that is pooled over all steps: one window of ids for each filter and text.
#pragma once

#include <cstdint>

namespace seqconv {

struct WinnersJob {
  const int32_t *ids, *arg;  // [B, L], [B, O]
  const float *y, *dy;       // [B, O]
  int64_t texts, length, filters, taps;
  bool relu;
  int64_t* places;  // in the table [V, K, O], flat; room for B * K * O
  float* values;
  float* dbias;  // [O]
};

// Distinct places and their gradients, at the front of both arrays; returns how many. The ids and winners have been
// checked.
int64_t run_winners(const WinnersJob& job, int threads);

}  // namespace seqconv
