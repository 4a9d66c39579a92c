// What both kinds of convolution check before a kernel runs, and the array types that they share.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "kernels/convolution.hpp"
#include "layers.hpp"

namespace seqconv {

// Winners have a step axis, or, pooled over all steps, none
using AnyIntsIn = nb::ndarray<nb::numpy, const int32_t, nb::c_contig, nb::device::cpu>;
using AnyInts = nb::ndarray<nb::numpy, int32_t, nb::c_contig, nb::device::cpu>;

constexpr int64_t LINE = 16;  // floats of a cache line
constexpr int64_t INT_LIMIT = std::numeric_limits<int32_t>::max();

inline std::string shape_text(const int64_t* begin, const int64_t* end) {
  std::string text = "[";
  for (const int64_t* size = begin; size != end; ++size)
    text += (size == begin ? "" : ", ") + std::to_string(*size);
  return text + "]";
}

template <class Array>
void check_shape(const char* name, const Array& array, std::initializer_list<int64_t> wanted) {
  std::vector<int64_t> shape;
  for (size_t i = 0; i < array.ndim(); ++i) shape.push_back(static_cast<int64_t>(array.shape(i)));
  if (!std::equal(shape.begin(), shape.end(), wanted.begin(), wanted.end()))
    refuse(std::string(name) + ": must have shape " + shape_text(wanted.begin(), wanted.end()) + "; got " +
           shape_text(shape.data(), shape.data() + shape.size()));
}

// How a layer moves over its input
struct Movement {
  int dilation, left_pad, pool;
  bool relu;
};

inline void check_at_least(const char* name, int64_t value, int64_t minimum) {
  if (value < minimum)
    refuse(std::string(name) + ": must be at least " + std::to_string(minimum) + "; got " +
           std::to_string(value));
}

// Shapes are [B, T, C] and [K, C, O]; C is 0 for tokens
inline ConvShape make_shape(std::initializer_list<int64_t> sizes, const Movement& movement) {
  const int64_t* size = sizes.begin();
  const int64_t examples = size[0], length = size[1], channels = size[2], kernel = size[3], filters = size[4];
  check_at_least("examples", examples, 1);
  check_at_least("length", length, 1);
  check_at_least("kernel width", kernel, 1);
  check_at_least("filters", filters, 1);
  check_at_least("dilation", movement.dilation, 1);
  check_at_least("left_pad", movement.left_pad, 0);
  check_at_least("pool", movement.pool, 0);
  const int64_t steps = length + movement.left_pad - (kernel - 1) * movement.dilation;
  check_at_least("steps (length + left_pad - (kernel width - 1) * dilation)", steps, 1);
  const int64_t group = movement.pool == 0 ? steps : movement.pool, groups = steps / group;
  check_at_least(("steps of a pool of " + std::to_string(group)).c_str(), steps, group);
  // offsets inside one example and inside the kernel are 32-bit; the slack covers padding to whole vectors
  const int64_t rows = length + movement.left_pad, widest = std::max(channels, filters) + LINE;
  if (rows * widest > INT_LIMIT || kernel * (channels + LINE) * filters > INT_LIMIT ||
      groups * filters > INT_LIMIT || examples > INT_LIMIT)
    refuse("convolution: an example or the kernel has more than 2^31 - 1 values; got length " +
           std::to_string(length) + ", " + std::to_string(channels) + " channels, " +
           std::to_string(filters) + " filters");
  const auto as_int = [](int64_t value) { return static_cast<int>(value); };
  return {as_int(examples), as_int(length),    as_int(channels),  as_int(kernel),
          as_int(filters),  movement.dilation, movement.left_pad, movement.pool,
          as_int(group),    as_int(steps),     as_int(groups),    movement.relu};
}

// y, arg and dy: [B, groups, O], or [B, O] when all steps are pooled
template <class Array>
void check_output(const char* name, const Array& array, const ConvShape& shape) {
  if (shape.pool == 0) return check_shape(name, array, {shape.examples, shape.filters});
  check_shape(name, array, {shape.examples, shape.groups, shape.filters});
}

inline Extent pooled_extent(const ConvShape& shape) {
  return {shape.examples, shape.pool == 0 ? 0 : shape.groups, shape.filters};
}

template <class Array>
int32_t* forward_arg(const Array& arg, const ConvShape& shape) {
  if (!arg.is_valid()) return nullptr;
  check_output("arg", arg, shape);
  return arg.data();
}

inline const int32_t* backward_arg(const AnyIntsIn& arg, const ConvShape& shape) {
  if (shape.pool == 1) return nullptr;
  if (!arg.is_valid()) refuse("arg: must be given when steps are pooled; got None");
  check_output("arg", arg, shape);
  return arg.data();
}

[[noreturn]] inline void refuse_arg(const ConvShape& shape) {
  refuse("arg: must hold steps inside a group, 0 to " + std::to_string(shape.group - 1) +
         "; got one outside. Give the arg that the forward pass wrote");
}

// One block of memory, handed out in pieces that begin on cache lines. A small one is the thread's own and kept from
// call to call, because one example costs less than allocating.
class Pieces {
  struct Free {
    void operator()(float* p) const { ::operator delete(p, std::align_val_t(64)); }
  };

 public:
  using Memory = std::unique_ptr<float, Free>;
  static Memory allocate(int64_t size) {
    return Memory(static_cast<float*>(::operator new(sizeof(float) * (size + LINE), std::align_val_t(64))));
  }
  static int64_t rounded(int64_t size) { return (size + LINE - 1) / LINE * LINE; }
  // the last line is read, never used, by vectors that reach behind their piece
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
    Memory memory = allocate(KEPT);
    bool lent = false;
  };
  static Kept& kept() {
    static thread_local Kept own;
    return own;
  }
  bool borrows_;
  Memory memory_;
  float* next_;
};

void bind_token_convolution(nb::module_& m);

}  // namespace seqconv
