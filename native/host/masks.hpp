// Dropout masks from the very numbers that numpy's generator would draw.
#pragma once

#include <cstdint>
#include <vector>

namespace seqconv {

// `size` values, each 0 with probability `rate`, else 1 / (1 - rate)
struct Mask {
  double rate;
  float* values;
  int64_t size;
};

// Fills all masks in order and moves the generator on. `generator` is the state of numpy's PCG64: state and increment,
// the higher word of each first, whether half an output is left over, and that half.
void draw_masks(uint64_t* generator, const std::vector<Mask>& masks, int threads);

}  // namespace seqconv
