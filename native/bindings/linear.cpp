// Linear classifiers and regressions of sparse rows.
#include "host/linear.hpp"

#include <cmath>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

// Rows whose columns are below `width`
SparseRows check_rows(const IntsIn<1>& columns, const FloatsIn<1>& values, const LongsIn<1>& offsets, int64_t width) {
  const int64_t rows = size_of(offsets, 0) - 1, count = size_of(columns, 0);
  check_shape("values", values, {count});
  if (rows < 0 || offsets.data()[0] != 0 || offsets.data()[rows] != count)
    refuse("offsets: must go from 0 to the number of values, " + std::to_string(count));
  for (int64_t row = 0; row < rows; ++row)
    if (offsets.data()[row] > offsets.data()[row + 1]) refuse("offsets: must not fall");
  check_indices("columns", columns.data(), count, width);
  return {columns.data(), values.data(), offsets.data(), rows, width};
}

// What both kinds of machine are fitted to, but the members or targets
MachinesJob check_job(const IntsIn<1>& columns, const FloatsIn<1>& values, const LongsIn<1>& offsets,
                      const FloatsIn<2>& costs, double tolerance, int passes, int64_t seed, const Floats<2>& weights,
                      const Floats<1>& bias) {
  check_at_least("passes", passes, 1);
  const int64_t outputs = size_of(weights, 1);
  const SparseRows x = check_rows(columns, values, offsets, size_of(weights, 0));
  if (size_of(costs, 0) != 1) check_shape("costs", costs, {outputs, x.rows});
  check_shape("costs", costs, {size_of(costs, 0), x.rows});
  check_shape("bias", bias, {outputs});
  check_apart("columns", columns, weights, bias);
  check_apart("offsets", offsets, weights, bias);
  for (size_t place = 0; place < costs.size(); ++place)
    if (!(costs.data()[place] >= 0) || std::isinf(costs.data()[place])) refuse("costs: must be from 0 on and finite");
  const auto start = static_cast<uint64_t>(seed);
  return {x, nullptr, nullptr, costs.data(), size_of(costs, 0) > 1, outputs, tolerance, passes, start,
          weights.data(), bias.data()};
}

void linear_machines(const IntsIn<1>& columns, const FloatsIn<1>& values, const LongsIn<1>& offsets,
                     const Array<const uint8_t, 2>& members, const FloatsIn<2>& costs, double tolerance, int passes,
                     int64_t seed, const Floats<2>& weights, const Floats<1>& bias, int threads) {
  MachinesJob job = check_job(columns, values, offsets, costs, tolerance, passes, seed, weights, bias);
  check_shape("members", members, {job.outputs, job.x.rows});
  job.members = members.data();
  const nb::gil_scoped_release unlocked;
  fit_machines(job, threads);
}

void linear_regressions(const IntsIn<1>& columns, const FloatsIn<1>& values, const LongsIn<1>& offsets,
                        const FloatsIn<2>& targets, const FloatsIn<2>& costs, double tolerance, int passes,
                        int64_t seed, const Floats<2>& weights, const Floats<1>& bias, int threads) {
  MachinesJob job = check_job(columns, values, offsets, costs, tolerance, passes, seed, weights, bias);
  check_shape("targets", targets, {job.outputs, job.x.rows});
  job.targets = targets.data();
  const nb::gil_scoped_release unlocked;
  fit_machines(job, threads);
}

void sparse_product(const IntsIn<1>& columns, const FloatsIn<1>& values, const LongsIn<1>& offsets,
                    const FloatsIn<2>& weights, const Floats<2>& y, int threads) {
  const SparseRows x = check_rows(columns, values, offsets, size_of(weights, 0));
  check_shape("y", y, {x.rows, size_of(weights, 1)});
  check_apart("columns", columns, y);
  check_apart("offsets", offsets, y);
  const nb::gil_scoped_release unlocked;
  multiply_rows(x, weights.data(), size_of(weights, 1), y.data(), threads);
}

}  // namespace

void bind_linear(nb::module_& m) {
  m.def("linear_machines", &linear_machines, array("columns"), array("values"), array("offsets"), array("members"),
        array("costs"), nb::arg("tolerance"), nb::arg("passes"), nb::arg("seed"), array("weights"), array("bias"),
        nb::arg("threads"), "Weights and bias of a linear support vector machine for each output, drawn to those given.");
  m.def("linear_regressions", &linear_regressions, array("columns"), array("values"), array("offsets"),
        array("targets"), array("costs"), nb::arg("tolerance"), nb::arg("passes"), nb::arg("seed"), array("weights"),
        array("bias"), nb::arg("threads"), "Weights and bias of a ridge regression for each output.");
  m.def("sparse_product", &sparse_product, array("columns"), array("values"), array("offsets"), array("weights"),
        array("y"), nb::arg("threads"), "Sparse rows times weights [width, outputs].");
}

}  // namespace seqconv
