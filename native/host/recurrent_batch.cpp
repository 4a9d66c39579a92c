#include "host/recurrent_batch.hpp"

#include <algorithm>
#include <numeric>

namespace seqconv {
namespace {

// How many steps each example repeats the id that begins the longest such run
std::vector<int32_t> count_padding(const RecurrentCall& call) {
  std::vector<int32_t> runs(call.batch, 0);
  if (call.ids == nullptr) return runs;
  for (int b = 0; b < call.batch; ++b) {
    const int32_t* ids = call.ids + ptrdiff_t{b} * call.length;
    while (runs[b] < call.length && ids[runs[b]] == ids[0]) ++runs[b];
  }
  const ptrdiff_t longest = std::max_element(runs.begin(), runs.end()) - runs.begin();
  const int32_t padding = call.ids[longest * call.length];
  for (int b = 0; b < call.batch; ++b)
    if (call.ids[ptrdiff_t{b} * call.length] != padding) runs[b] = 0;
  return runs;
}

}  // namespace

RecurrentPartition partition_batch(const RecurrentCall& call, int block_rows) {
  const std::vector<int32_t> padding = count_padding(call);
  RecurrentPartition partition;
  partition.order.resize(call.batch);
  std::iota(partition.order.begin(), partition.order.end(), 0);
  if (call.ids != nullptr)
    std::stable_sort(partition.order.begin(), partition.order.end(),
                     [&](int32_t a, int32_t b) { return padding[a] < padding[b]; });
  for (int first = 0; first < call.batch; first += block_rows) {
    const int start = padding[partition.order[first]];
    partition.spans.push_back({first, std::min(block_rows, call.batch - first), start});
    partition.shared = start;
  }
  return partition;
}

}  // namespace seqconv
