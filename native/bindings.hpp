// What each bind_*.cpp adds to the module, and the array types and the refusal that they share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>
#include <string>

namespace seqconv {

namespace nb = nanobind;

// C-contiguous numpy arrays; a wrong type, rank or layout is a TypeError before any kernel runs
template <int Rank>
using FloatsIn = nb::ndarray<nb::numpy, const float, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;
template <int Rank>
using Floats = nb::ndarray<nb::numpy, float, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;
template <int Rank>
using IntsIn = nb::ndarray<nb::numpy, const int32_t, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;
template <int Rank>
using Ints = nb::ndarray<nb::numpy, int32_t, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;
template <int Rank>
using LongsIn = nb::ndarray<nb::numpy, const int64_t, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;

// of any rank
using AnyFloatsIn = nb::ndarray<nb::numpy, const float, nb::c_contig, nb::device::cpu>;
using AnyFloats = nb::ndarray<nb::numpy, float, nb::c_contig, nb::device::cpu>;

// A ValueError, in one line that names the shape or value that came
[[noreturn]] inline void refuse(const std::string& message) { throw nb::value_error(message.c_str()); }

inline void check_fraction(const char* what, double value) {
  if (!(value >= 0 && value < 1)) refuse(std::string(what) + " must be in [0, 1); got " + std::to_string(value));
}

// An array that Python owns from now on
template <class Item, size_t Rank>
nb::ndarray<nb::numpy, Item, nb::ndim<Rank>> to_array(std::unique_ptr<Item[]> items, const size_t (&shape)[Rank]) {
  nb::capsule owner(items.get(), [](void* memory) noexcept { delete[] static_cast<Item*>(memory); });
  return nb::ndarray<nb::numpy, Item, nb::ndim<Rank>>(items.release(), Rank, shape, owner);
}

// For a tile of a matrix product; kept by each thread from call to call, because a small product costs less than
// allocating
float* matmul_scratch();

void bind_channels(nb::module_& m);
void bind_convolution(nb::module_& m);
void bind_dense(nb::module_& m);
void bind_layers(nb::module_& m);
void bind_masks(nb::module_& m);
void bind_optimisers(nb::module_& m);
void bind_recurrent(nb::module_& m);
void bind_table_gradients(nb::module_& m);
void bind_text_filters(nb::module_& m);
void bind_tokens(nb::module_& m);

}  // namespace seqconv
