// Memory of a recurrent layer: one block that grows and is kept, handed out in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "host/memory.hpp"

namespace seqconv {

// Memory that grows and is kept, on cache-line boundaries. A large block asks for large pages: backward walks through
// more small pages than a processor can keep the addresses of.
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
  void ask_for_large_pages() {
#ifdef MADV_HUGEPAGE
    constexpr size_t page = size_t{1} << 21;
    const size_t begin = (reinterpret_cast<uintptr_t>(memory_.get()) + page - 1) / page * page;
    const size_t end = (reinterpret_cast<uintptr_t>(memory_.get()) + size_) / page * page;
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a request, which may fail
#endif
  }

  std::unique_ptr<char, AlignedFree> memory_;
  size_t size_ = 0;
};

// Hands out pieces of one block: a first pass over no block only counts, a second hands them out.
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

}  // namespace seqconv
