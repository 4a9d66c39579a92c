#include "host/gathering.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "host/checks.hpp"
#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASK_BYTES = 1 << 17;

int64_t rows_of_task(int64_t row_bytes) { return TASK_BYTES / std::max<int64_t>(1, row_bytes); }

template <class Item, class Index>
void copy_rows(const Rows<Item, Index>& rows, int threads) {
  const int64_t width = rows.width, bytes = width * sizeof(Item);
  parallel_blocks(rows.count, rows_of_task(bytes), threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(rows.to + i * width, rows.from + rows.index[i] * width, bytes);
  });
}

// Copies of 4 to 64 bytes inline: a call to memcpy costs more than a row of a few channels
inline void copy_row(const float* from, int64_t width, float* to) {
  if (width < 4) {
    for (int64_t c = 0; c < width; ++c) to[c] = from[c];
    return;
  }
  for (int64_t c = 0; c + 4 <= width; c += 4) std::memcpy(to + c, from + c, 16);
  std::memcpy(to + width - 4, from + width - 4, 16);
}

void copy_window(const Windows& windows, const float* from, float* to) {
  const int64_t channels = windows.channels, steps = windows.steps;
  if (windows.step == 1) {
    std::memcpy(to, from, steps * channels * sizeof(float));
    return;
  }
  constexpr int64_t AHEAD = 16;  // rows; the processor's own prefetching stops at every page
  for (int64_t l = 0; l < steps; ++l) {
    const float* const row = from + l * windows.step * channels;
    if (l + AHEAD < steps) {
      const float* const later = row + AHEAD * windows.step * channels;
      __builtin_prefetch(later);
      __builtin_prefetch(later + channels - 1);
    }
    copy_row(row, channels, to + l * channels);
  }
}

}  // namespace

void gather_rows(const Rows<float, int32_t>& rows, int threads) { copy_rows(rows, threads); }
void gather_rows(const Rows<int32_t, int64_t>& rows, int threads) { copy_rows(rows, threads); }

void check_anchors(const Windows& windows) {
  const int64_t lookback = windows.lookback, reach = (windows.steps - 1) * windows.step;
  for (int64_t i = 0; i < windows.count; ++i) {
    const int64_t anchor = windows.anchors[i];
    if (anchor < lookback || anchor - lookback + reach >= windows.rows)
      refuse("anchors: every row of a window must be in [0, " + std::to_string(windows.rows) + "); got anchor " +
             std::to_string(anchor) + " at " + std::to_string(i) + " with lookback " + std::to_string(lookback));
  }
}

void gather_windows(const Windows& windows, float* out, int threads) {
  const int64_t size = windows.steps * windows.channels;
  parallel_blocks(windows.count, rows_of_task(size * sizeof(float)), threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = windows.anchors[i] - windows.lookback;
      copy_window(windows, windows.values + first * windows.channels, out + i * size);
    }
  });
}

DistinctIds find_distinct(const int32_t* ids, int64_t count, int64_t vocabulary, int32_t* compact) {
  std::vector<int32_t> position(vocabulary);
  for (int64_t i = 0; i < count; ++i) position[ids[i]] = 1;
  DistinctIds distinct = {std::unique_ptr<int32_t[]>(new int32_t[std::min(count, vocabulary) + 1]), 0};
  int32_t found = 0;
  for (int64_t id = 0; id < vocabulary; ++id) {
    // written always, kept only if the id occurs: no branch to miss
    const int32_t occurs = position[id];
    distinct.ids[found] = static_cast<int32_t>(id);
    position[id] = found;
    found += occurs;
  }
  for (int64_t i = 0; i < count; ++i) compact[i] = position[ids[i]];
  distinct.count = found;
  return distinct;
}

}  // namespace seqconv
