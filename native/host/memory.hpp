// Working memory of a call, on cache-line boundaries: a vector that straddles two lines loads at half speed.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace seqconv {

constexpr int64_t LINE = 16;  // floats of a cache line

struct AlignedFree {
  void operator()(void* memory) const { ::operator delete(memory, std::align_val_t{64}); }
};
using AlignedFloats = std::unique_ptr<float, AlignedFree>;

inline AlignedFloats allocate_floats(int64_t size) {
  return AlignedFloats(static_cast<float*>(::operator new(sizeof(float) * size, std::align_val_t{64})));
}

// One block of memory, handed out in pieces that begin on cache lines. A small block is the thread's own and kept from
// call to call, because predicting one example costs less than allocating.
class Pieces {
 public:
  static int64_t rounded(int64_t size) { return (size + LINE - 1) / LINE * LINE; }
  // one line more than asked for: vectors that reach past the end of their piece read it, and never use it
  static AlignedFloats allocate(int64_t size) { return allocate_floats(size + LINE); }

  explicit Pieces(int64_t size) : borrows_(size <= KEPT && !kept().lent) {
    if (borrows_) kept().lent = true;
    else memory_ = allocate(size);
    next_ = borrows_ ? kept().memory.get() : memory_.get();
  }
  Pieces(const Pieces&) = delete;
  ~Pieces() {
    if (borrows_) kept().lent = false;
  }
  float* take(int64_t size) {
    float* piece = next_;
    next_ += rounded(size);
    return piece;
  }

 private:
  static constexpr int64_t KEPT = 1 << 16;
  struct Kept {
    AlignedFloats memory = allocate(KEPT);
    bool lent = false;
  };
  static Kept& kept() {
    static thread_local Kept own;
    return own;
  }
  bool borrows_;
  AlignedFloats memory_;
  float* next_;
};

}  // namespace seqconv
