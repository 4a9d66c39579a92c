// The gradient of a token convolution that is pooled over all steps: one window of ids for each filter and text.
#pragma once

#include <cstdint>

namespace seqconv {

constexpr int64_t WINNER_FILTERS = 16;  // of a task: a cache line of the table

struct WinnersJob {
  const int32_t *ids, *arg;  // [B, L], [B, O]
  const float *y, *dy;       // [B, O]
  int64_t texts, length, filters, taps;
  bool relu;
  int64_t* places;  // in the table [V, K, O], flat; a filter's begin at filter * B * K
  float* values;
  float* dbias;  // [O]
};

// Gradients of some filters, equal places added up, from the first filter's begin on; returns how many. The ids and
// winners have been checked.
int64_t sum_winners(const WinnersJob& job, int64_t first_filter, int64_t last_filter);

}  // namespace seqconv
