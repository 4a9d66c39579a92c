// Dropout masks for Python.
#include "host/masks.hpp"

#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

void draw(const Array<uint64_t, 1>& generator, const std::vector<double>& rates, const std::vector<AnyFloats>& masks,
          int threads) {
  check_at_least("threads", threads, 1);
  check_shape("generator", generator, {6});
  if (generator(4) > 1 || generator(5) > UINT32_MAX)
    refuse("generator: must end in 0 or 1 and 32 bits; got " + std::to_string(generator(4)) + " and " +
           std::to_string(generator(5)));
  if (rates.size() != masks.size())
    refuse("rates: must be as many as masks, " + std::to_string(masks.size()) + "; got " +
           std::to_string(rates.size()));
  std::vector<Mask> jobs;
  for (size_t i = 0; i < masks.size(); ++i) {
    check_fraction("rates", rates[i]);
    jobs.push_back({rates[i], masks[i].data(), static_cast<int64_t>(masks[i].size())});
  }
  const nb::gil_scoped_release unlocked;
  draw_masks(generator.data(), jobs, threads);
}

}  // namespace

void bind_masks(nb::module_& m) {
  m.def("draw_masks", &draw, array("generator"), nb::arg("rates"), array("masks"), nb::arg("threads"),
        "Each value of a mask 0 with probability `rate`, else 1 / (1 - rate), as the numbers of numpy's PCG64 fall. "
        "`generator` [6] is its state and goes on: state and increment, the higher word of each first, whether half an "
        "output is left over, and that half.");
}

}  // namespace seqconv
