// Batches gathered from a table, a set of texts or a series, and the distinct ids of a batch.
#pragma once

#include <cstdint>
#include <memory>

namespace seqconv {

// Rows [height, width] of which `count` are copied to `to` [count, width]; the indices have been checked
template <class Item, class Index>
struct Rows {
  const Item* from;
  int64_t width, count;
  const Index* index;
  Item* to;
};

void gather_rows(const Rows<float, int32_t>& rows, int threads);
void gather_rows(const Rows<int32_t, int64_t>& rows, int threads);

// Windows of a series [T, C]: out[b, l] = values[anchors[b] - lookback + l * step], [count, steps, C]
struct Windows {
  const float* values;
  int64_t rows, channels;
  const int64_t* anchors;
  int64_t count, lookback, step, steps;
};

void check_anchors(const Windows& windows);  // every row of every window is one of the series
void gather_windows(const Windows& windows, float* out, int threads);

// The distinct ids, ascending; compact[i] becomes the place of ids[i] among them. The ids have been checked.
struct DistinctIds {
  std::unique_ptr<int32_t[]> ids;
  int64_t count;
};

DistinctIds find_distinct(const int32_t* ids, int64_t count, int64_t vocabulary, int32_t* compact);

}  // namespace seqconv
