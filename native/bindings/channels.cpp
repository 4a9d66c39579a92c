// Axes of a batch swapped, and the channels of windows standardised.
#include "host/channels.hpp"

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

void swap_columns(const FloatsIn<3>& x, const Floats<3>& y, int threads) {
  const AxisSwap job = {x.data(), size_of(x, 0), size_of(x, 1), size_of(x, 2), size_of(y, 1), y.data()};
  check_at_least("threads", threads, 1);
  check_at_least("columns of x", job.row_size, job.columns);
  check_shape("y", y, {job.examples, job.columns, job.rows});
  const nb::gil_scoped_release unlocked;
  swap_axes(job, threads);
}

void normalise(const FloatsIn<3>& x, const Floats<3>& y, const Floats<2>& mean, const Floats<2>& deviation, float floor,
               int threads) {
  const Standardisation job = {x.data(), size_of(x, 0), size_of(x, 1), size_of(x, 2),   size_of(mean, 1),
                               floor,    y.data(),      mean.data(),   deviation.data()};
  check_at_least("threads", threads, 1);
  check_at_least("steps", job.length, 1);
  check_at_least("channels of x", job.inputs, job.channels);
  check_shape("y", y, {job.examples, job.length, job.inputs});
  check_shape("mean", mean, {job.examples, job.channels});
  check_shape("deviation", deviation, {job.examples, job.channels});
  const nb::gil_scoped_release unlocked;
  standardise(job, threads);
}

}  // namespace

void bind_channels(nb::module_& m) {
  m.def("swap_axes", &swap_columns, array("x"), array("y"), nb::arg("threads"),
        "The first M columns of each example of x [B, N, ...], as rows of y [B, M, N].");
  m.def("normalise", &normalise, array("x"), array("y"), array("mean"), array("deviation"), nb::arg("floor"),
        nb::arg("threads"),
        "y = (x - mean) / deviation for the first C channels of x [B, L, ...], with the mean [B, C] and the deviation "
        "sqrt(variance + floor) [B, C] of each window; the channels after those are copied.");
}

}  // namespace seqconv
