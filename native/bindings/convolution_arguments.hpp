// The arrays that convolutions over values and over tokens have in common, checked.
#pragma once

#include "bindings/arrays.hpp"
#include "host/convolution_shape.hpp"

namespace seqconv {

inline Extent extent_of(const IntsIn<2>& ids) { return {size_of(ids, 0), size_of(ids, 1), 0}; }
inline Extent extent_of(const FloatsIn<3>& x) { return {size_of(x, 0), size_of(x, 1), size_of(x, 2)}; }

// y, arg and dy: [B, groups, O], or [B, O] when all steps are pooled
template <class Any>
void check_output(const char* name, const Any& array, const ConvShape& shape) {
  if (shape.pool == 0) return check_shape(name, array, {shape.examples, shape.filters});
  check_shape(name, array, {shape.examples, shape.groups, shape.filters});
}

// The winning steps to write, or null where they are not wanted
inline int32_t* forward_arg(const AnyInts& arg, const ConvShape& shape) {
  if (!arg.is_valid()) return nullptr;
  check_output("arg", arg, shape);
  return arg.data();
}

// The winning steps that the forward pass wrote; null where nothing is pooled
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

}  // namespace seqconv
