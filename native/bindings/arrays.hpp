// Numpy arrays as arguments and results. Arguments are C-contiguous and never converted: a wrong type, rank or layout
// is a TypeError before anything runs.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "host/checks.hpp"

namespace seqconv {

namespace nb = nanobind;

template <class Item, int Rank>
using Array = nb::ndarray<nb::numpy, Item, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;
template <class Item>
using AnyArray = nb::ndarray<nb::numpy, Item, nb::c_contig, nb::device::cpu>;  // of any rank

// `In`: read only
template <int Rank>
using FloatsIn = Array<const float, Rank>;
template <int Rank>
using Floats = Array<float, Rank>;
template <int Rank>
using IntsIn = Array<const int32_t, Rank>;
template <int Rank>
using Ints = Array<int32_t, Rank>;
template <int Rank>
using LongsIn = Array<const int64_t, Rank>;
template <int Rank>
using Longs = Array<int64_t, Rank>;
using AnyFloatsIn = AnyArray<const float>;
using AnyFloats = AnyArray<float>;
using AnyIntsIn = AnyArray<const int32_t>;
using AnyInts = AnyArray<int32_t>;

// The name of an array that comes as it is: never converted, never copied
inline auto array(const char* name) { return nb::arg(name).noconvert(); }

template <class Any>
int64_t size_of(const Any& array, size_t axis) {
  return static_cast<int64_t>(array.shape(axis));
}

template <class Any>
Sizes sizes_of(const Any& array) {
  Sizes sizes;
  for (size_t axis = 0; axis < array.ndim(); ++axis) sizes.push_back(size_of(array, axis));
  return sizes;
}

template <class Any>
void check_shape(const char* name, const Any& array, std::initializer_list<int64_t> wanted) {
  bool same = array.ndim() == wanted.size();
  for (size_t axis = 0; same && axis < wanted.size(); ++axis) same = size_of(array, axis) == wanted.begin()[axis];
  if (!same) refuse_sizes(name, sizes_of(array), wanted);
}

// Indices are checked before a call and used during it: nothing that the call writes may lie where they do. Arrays that
// are not given pass.
template <class Indices, class... Written>
void check_apart(const char* name, const Indices& indices, const Written&... written) {
  const auto range = [](const auto& array) {
    const auto begin = array.is_valid() ? reinterpret_cast<uintptr_t>(array.data()) : 0;
    return std::pair(begin, begin + (array.is_valid() ? array.nbytes() : 0));
  };
  const auto own = range(indices);
  const auto shares = [&](const std::pair<uintptr_t, uintptr_t>& other) {
    return own.first < other.second && other.first < own.second;
  };
  if ((shares(range(written)) || ...))
    refuse(std::string(name) + ": must not share memory with an array that is written; got one that does. Give a copy");
}

inline void check_ids(const IntsIn<2>& ids, int64_t rows) {
  check_ids(ids.data(), static_cast<int64_t>(ids.size()), size_of(ids, 1), rows);
}

// A new array, whose memory Python owns from now on
template <class Item, size_t Rank>
using NewArray = nb::ndarray<nb::numpy, Item, nb::ndim<Rank>>;

template <class Item, size_t Rank>
NewArray<Item, Rank> to_array(std::unique_ptr<Item[]> items, const size_t (&shape)[Rank]) {
  nb::capsule owner(items.get(), [](void* memory) noexcept { delete[] static_cast<Item*>(memory); });
  return NewArray<Item, Rank>(items.release(), Rank, shape, owner);
}

}  // namespace seqconv
