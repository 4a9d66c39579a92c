// Optimiser steps, in place.
#include "host/optimisers.hpp"

#include <string>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

template <class First, class Second>
void check_same_shape(const char* names, const First& first, const Second& second) {
  const Sizes sizes = sizes_of(first), others = sizes_of(second);
  if (sizes != others)
    refuse(std::string(names) + " must be of one shape; got " + shape_text(sizes) + " and " + shape_text(others));
}

void check_now(int64_t now) {
  if (now < 1) refuse("now must be at least 1; got " + std::to_string(now));
}

// A row for each gradient, ascending, each once, inside the table
void check_rows(const Floats<2>& w, const FloatsIn<2>& g, const IntsIn<1>& rows) {
  const int64_t count = size_of(rows, 0), height = size_of(w, 0);
  check_shape("g", g, {count, size_of(w, 1)});
  int64_t before = -1;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t row = rows.data()[i];
    if (row <= before || row >= height)
      refuse("rows: must ascend, each once, in [0, " + std::to_string(height) + "); got " + std::to_string(row) +
             " at " + std::to_string(i));
    before = row;
  }
}

// The step up to which each row is decayed
void check_last(const Longs<1>& last, int64_t height, int64_t limit) {
  check_shape("last", last, {height});
  for (int64_t row = 0; row < height; ++row)
    if (last.data()[row] < 0 || last.data()[row] > limit)
      refuse("last: must be in [0, " + std::to_string(limit) + "]; got " + std::to_string(last.data()[row]) + " at " +
             std::to_string(row));
}

double sum_of_squares(const AnyFloatsIn& g, int threads) {
  const nb::gil_scoped_release unlocked;
  return squared_sum(g.data(), static_cast<int64_t>(g.size()), threads);
}

void rmsprop(const AnyFloats& w, const AnyFloatsIn& g, const AnyFloats& v, double learning_rate, double rho,
             double epsilon, double scale, int threads) {
  check_same_shape("w and g", w, g);
  check_same_shape("w and v", w, v);
  const Rmsprop rule = rmsprop_rule(learning_rate, rho, epsilon, scale);
  const nb::gil_scoped_release unlocked;
  step_rmsprop(rule, static_cast<int64_t>(w.size()), w.data(), g.data(), v.data(), threads);
}

void rmsprop_rows(const Floats<2>& w, const FloatsIn<2>& g, const IntsIn<1>& rows, const Floats<2>& v,
                  const Longs<1>& last, int64_t now, double learning_rate, double rho, double epsilon, double scale,
                  int threads) {
  check_now(now);
  check_rows(w, g, rows);
  check_same_shape("w and v", w, v);
  check_apart("rows", rows, w, v, last);
  check_apart("last", last, w, v);
  check_last(last, size_of(w, 0), now - 1);
  const Rmsprop rule = rmsprop_rule(learning_rate, rho, epsilon, scale);
  const RmspropRows table = {w.data(), g.data(), rows.data(), v.data(), last.data(), size_of(w, 1)};
  const nb::gil_scoped_release unlocked;
  step_rmsprop_rows(rule, rho, table, now, size_of(rows, 0), threads);
}

void adam(const AnyFloats& w, const AnyFloatsIn& g, const AnyFloats& m, const AnyFloats& v, int64_t now,
          double learning_rate, double beta1, double beta2, double epsilon, double scale, int threads) {
  check_now(now);
  check_same_shape("w and g", w, g);
  check_same_shape("w and m", w, m);
  check_same_shape("w and v", w, v);
  const Adam rule = adam_rule(now, learning_rate, beta1, beta2, epsilon, scale);
  const nb::gil_scoped_release unlocked;
  step_adam(rule, static_cast<int64_t>(w.size()), w.data(), g.data(), m.data(), v.data(), threads);
}

void adam_rows(const Floats<2>& w, const FloatsIn<2>& g, const IntsIn<1>& rows, const Floats<2>& m, const Floats<2>& v,
               const Array<uint8_t, 1>& seen, int64_t now, double learning_rate, double beta1, double beta2,
               double epsilon, double scale, int threads) {
  const int64_t height = size_of(w, 0);
  check_now(now);
  check_rows(w, g, rows);
  check_same_shape("w and m", w, m);
  check_same_shape("w and v", w, v);
  check_shape("seen", seen, {height});
  check_apart("rows", rows, w, m, v, seen);
  const Adam rule = adam_rule(now, learning_rate, beta1, beta2, epsilon, scale);
  const AdamRows table = {w.data(), g.data(), rows.data(), m.data(), v.data(), seen.data(), size_of(w, 1)};
  const nb::gil_scoped_release unlocked;
  step_adam_rows(rule, table, height, size_of(rows, 0), threads);
}

void adagrad(const AnyFloats& w, const AnyFloatsIn& g, const AnyFloats& v, double learning_rate, double epsilon,
             double scale, int threads) {
  check_same_shape("w and g", w, g);
  check_same_shape("w and v", w, v);
  const Adagrad rule = adagrad_rule(learning_rate, epsilon, scale);
  const nb::gil_scoped_release unlocked;
  step_adagrad(rule, static_cast<int64_t>(w.size()), w.data(), g.data(), v.data(), threads);
}

void adagrad_rows(const Floats<2>& w, const FloatsIn<2>& g, const IntsIn<1>& rows, const Floats<2>& v,
                  double learning_rate, double epsilon, double scale, int threads) {
  check_rows(w, g, rows);
  check_same_shape("w and v", w, v);
  const Adagrad rule = adagrad_rule(learning_rate, epsilon, scale);
  check_apart("rows", rows, w, v);
  const AdagradRows table = {w.data(), g.data(), rows.data(), v.data(), size_of(rows, 0), size_of(w, 1)};
  const nb::gil_scoped_release unlocked;
  step_adagrad_rows(rule, table, threads);
}

void adagrad_elements(const AnyFloats& w, const FloatsIn<1>& g, const LongsIn<1>& places, const AnyFloats& v,
                      double learning_rate, double epsilon, double scale, int threads) {
  check_same_shape("w and v", w, v);
  check_same_shape("g and places", g, places);
  check_indices("places", places.data(), size_of(places, 0), static_cast<int64_t>(w.size()));
  const Adagrad rule = adagrad_rule(learning_rate, epsilon, scale);
  check_apart("places", places, w, v);
  const AdagradElements elements = {w.data(), g.data(), places.data(), v.data(), size_of(places, 0)};
  const nb::gil_scoped_release unlocked;
  step_adagrad_elements(rule, elements, threads);
}

}  // namespace

void bind_optimisers(nb::module_& m) {
  using nb::arg;
  m.def("squared_sum", &sum_of_squares, array("g"), arg("threads"),
        "The sum of the squares, added up in double precision.");
  m.def("rmsprop", &rmsprop, array("w"), array("g"), array("v"), arg("learning_rate"), arg("rho"),
        arg("epsilon"), arg("scale"), arg("threads"), "One step on w and v; g is multiplied by scale first.");
  m.def("rmsprop_rows", &rmsprop_rows, array("w"), array("g"), array("rows"), array("v"), array("last"),
        arg("now"), arg("learning_rate"), arg("rho"), arg("epsilon"), arg("scale"), arg("threads"),
        "Step `now` (from 1) on the rows with a gradient; last[row] is the step up to which v[row] is "
        "decayed.");
  m.def("adam", &adam, array("w"), array("g"), array("m"), array("v"), arg("now"), arg("learning_rate"),
        arg("beta1"), arg("beta2"), arg("epsilon"), arg("scale"), arg("threads"),
        "Step `now` (from 1) on w, m and v; g is multiplied by scale first.");
  m.def("adam_rows", &adam_rows, array("w"), array("g"), array("rows"), array("m"), array("v"), array("seen"),
        arg("now"), arg("learning_rate"), arg("beta1"), arg("beta2"), arg("epsilon"), arg("scale"),
        arg("threads"),
        "Step `now` on a table of which only `rows` have a gradient; sets seen[row], uint8, for those.");
  m.def("adagrad", &adagrad, array("w"), array("g"), array("v"), arg("learning_rate"), arg("epsilon"),
        arg("scale"), arg("threads"), "One step on w and v; g is multiplied by scale first.");
  m.def("adagrad_rows", &adagrad_rows, array("w"), array("g"), array("rows"), array("v"), arg("learning_rate"),
        arg("epsilon"), arg("scale"), arg("threads"), "One step on the rows with a gradient.");
  m.def("adagrad_elements", &adagrad_elements, array("w"), array("g"), array("places"), array("v"),
        arg("learning_rate"), arg("epsilon"), arg("scale"), arg("threads"),
        "One step on the single weights at flat places, int64, each once.");
}

}  // namespace seqconv
