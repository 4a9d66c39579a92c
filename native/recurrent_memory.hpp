// Memory, arguments and partition of a recurrent layer's call. For the binding: kernel sources must not
// include this file, because the standard library's inline functions would be compiled for one instruction
// set and used by all.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "kernels/recurrent.hpp"

namespace seqconv {

// Memory that grows and is kept, on cache-line boundaries: a vector that straddles two lines loads at half
// speed. Large memory asks for large pages, since backward walks through more than the small ones' addresses
// that a processor remembers.
class AlignedMemory {
 public:
  char* reserve(size_t bytes) {
    if (bytes > size_) {
      memory_.reset();
      size_ = 0;
      memory_.reset(static_cast<char*>(::operator new(bytes, std::align_val_t{64})));
      size_ = bytes;
      ask_for_large_pages();
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(char* p) const { ::operator delete(p, std::align_val_t{64}); }
  };
  void ask_for_large_pages() {
#ifdef MADV_HUGEPAGE
    constexpr size_t page = size_t{1} << 21;
    const size_t begin = (reinterpret_cast<uintptr_t>(memory_.get()) + page - 1) / page * page;
    const size_t end = (reinterpret_cast<uintptr_t>(memory_.get()) + size_) / page * page;
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a wish: may fail
#endif
  }

  std::unique_ptr<char, Free> memory_;
  size_t size_ = 0;
};

// Hands out pieces of one memory: a first pass over nothing only counts, a second gives the pieces.
class RecurrentPieces {
 public:
  explicit RecurrentPieces(char* base) : base_(base) {}

  template <class T>
  T* take(ptrdiff_t count) {
    char* piece = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(piece);
  }
  size_t used() const { return used_; }

 private:
  char* base_;
  size_t used_ = 0;
};

template <class Take>
void lay_out(AlignedMemory& memory, Take&& take) {
  RecurrentPieces counted(nullptr);
  take(counted);
  RecurrentPieces pieces(memory.reserve(counted.used()));
  take(pieces);
}

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

// Which examples run together. Examples that begin with the same repeated id (padding) have their first
// states in common: those are computed once. In order of padding, a block begins where the padding of its
// first example ends.
struct RecurrentPartition {
  struct Span {
    int first, rows, start;
  };
  std::vector<int32_t> order;  // [B]
  std::vector<Span> spans;
  int shared = 0;  // steps that are computed once; the last example in `order` has them all
};

// How many steps each example repeats the id that begins the longest such run
inline std::vector<int32_t> count_padding(const RecurrentCall& call) {
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

inline RecurrentPartition partition_batch(const RecurrentCall& call, int block_rows) {
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
