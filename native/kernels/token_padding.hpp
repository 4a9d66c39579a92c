// Padding of token convolutions: ids that repeat at the start, and zeros before them. For kernel sources
// only.
#pragma once

#include "kernels/convolution_tiles.hpp"
#include "kernels/token_convolution.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// Where an example's leading run makes neighbours equal: steps [first, last), groups [first_group,
// last_group)
struct Constant {
  int first, last, first_group, last_group;
  Constant(const ConvShape& shape, int run) {
    first = shape.left_pad;
    last = most(first + run - (shape.kernel - 1) * shape.dilation, first);
    first_group = least((first + shape.group - 1) / shape.group, shape.groups);
    last_group = most(least(last / shape.group, shape.groups), first_group);
  }
};

// Taps of a step that fall into the left padding: the first ones
inline int padded_taps(const ConvShape& shape, int step) {
  return step >= shape.left_pad ? 0 : least((shape.left_pad - step - 1) / shape.dilation + 1, shape.kernel);
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
