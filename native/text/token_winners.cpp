#include "text/token_winners.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t FILTERS = 16;  // of a task: a cache line of the table

// The ids seen so far and their places in a list, found by open addressing
class Found {
 public:
  explicit Found(int64_t most) {
    while (size_ < 2 * most) size_ *= 2;
    slots_.resize(size_);
  }
  void clear() { ++round_; }
  // the place of an id, or `next` if it is new
  int32_t find(int32_t id, int32_t next) {
    uint32_t slot = static_cast<uint32_t>(id) * 2654435769u >> 16 & (size_ - 1);
    while (slots_[slot].round == round_ && slots_[slot].id != id) slot = (slot + 1) & (size_ - 1);
    if (slots_[slot].round != round_) slots_[slot] = {round_, id, next};
    return slots_[slot].place;
  }

 private:
  struct Slot {
    int64_t round = 0;
    int32_t id, place;
  };
  int64_t size_ = 16, round_ = 1;
  std::vector<Slot> slots_;
};

// Gradients of some filters, equal places added up; filter f's begin at f * B * K. Returns how many.
int64_t sum_winners(const WinnersJob& job, int64_t first_filter, int64_t last_filter) {
  int64_t* places = job.places + first_filter * job.texts * job.taps;
  float* values = job.values + first_filter * job.texts * job.taps;
  Found found(job.texts);
  int64_t count = 0;
  for (int64_t filter = first_filter; filter < last_filter; ++filter) {
    float total = 0;
    for (int64_t tap = 0; tap < job.taps; ++tap) {
      found.clear();
      int32_t own = 0;
      for (int64_t text = 0; text < job.texts; ++text) {
        const int64_t i = text * job.filters + filter;
        // a NaN output passes its gradient on, so that it shows
        const float value = job.relu && job.y[i] <= 0 ? 0 : job.dy[i];
        if (value == 0) continue;
        if (tap == 0) total += value;
        const int32_t id = job.ids[text * job.length + job.arg[i] + tap], place = found.find(id, own);
        if (place == own) {
          ++own;
          places[count + place] = (id * job.taps + tap) * job.filters + filter;
          values[count + place] = 0;
        }
        values[count + place] += value;
      }
      count += own;
    }
    job.dbias[filter] = total;
  }
  return count;
}

}  // namespace

int64_t run_winners(const WinnersJob& job, int threads) {
  const int64_t blocks = ceil_divide(job.filters, FILTERS);
  std::vector<int64_t> counts(blocks);
  parallel_blocks(job.filters, FILTERS, threads,
                  [&](int64_t first, int64_t last) { counts[first / FILTERS] = sum_winners(job, first, last); });
  int64_t total = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t from = block * FILTERS * job.texts * job.taps;
    std::memmove(job.places + total, job.places + from, counts[block] * sizeof(int64_t));
    std::memmove(job.values + total, job.values + from, counts[block] * sizeof(float));
    total += counts[block];
  }
  return total;
}

}  // namespace seqconv
