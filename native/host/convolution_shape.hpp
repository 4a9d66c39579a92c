// The sizes of a convolution, checked: what layers over values and over tokens have in common.
#pragma once

#include "host/layers.hpp"
#include "kernels/convolution.hpp"

namespace seqconv {

constexpr int64_t INT_LIMIT = INT32_MAX;  // kernels count within an example in 32 bits

// How a layer moves over its input
struct Movement {
  int dilation, left_pad, pool;
  bool relu;
};

// x is [B, T, C], or ids [B, T] with C 0; a kernel has `taps` taps of `filters` filters
ConvShape make_shape(const Extent& x, int64_t taps, int64_t filters, const Movement& movement);

// y [B, groups, O], or [B, O] when all steps are pooled
inline Extent pooled_extent(const ConvShape& shape) {
  return {shape.examples, shape.pool == 0 ? 0 : shape.groups, shape.filters};
}

}  // namespace seqconv
