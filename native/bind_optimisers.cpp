// Optimiser steps, in place.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "bindings.hpp"
#include "kernels/optimisers.hpp"
#include "parallel.hpp"

namespace seqconv {
namespace {

using Longs = nb::ndarray<nb::numpy, int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Flags = nb::ndarray<nb::numpy, uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr int64_t TASK_SIZE = 1 << 16;  // weights of one task
constexpr int64_t ELEMENT_COST = 16;    // of a single weight that may lie anywhere, in weights of a row

template <class Array>
std::string shape_text(const Array& array) {
  std::string text;
  for (size_t axis = 0; axis < array.ndim(); ++axis)
    text += (axis ? ", " : "") + std::to_string(array.shape(axis));
  return "[" + text + "]";
}

template <class First, class Second>
void check_same_shape(const char* what, const First& first, const Second& second) {
  bool same = first.ndim() == second.ndim();
  for (size_t axis = 0; same && axis < first.ndim(); ++axis) same = first.shape(axis) == second.shape(axis);
  if (!same)
    refuse(std::string(what) + " must be of one shape; got " + shape_text(first) + " and " +
           shape_text(second));
}

void check_step(const char* what, int64_t now) {
  if (now < 1) refuse(std::string(what) + ": now must be at least 1; got " + std::to_string(now));
}

// A row for each gradient, ascending, each once, inside the table
void check_rows(const std::string& what, const Floats<2>& w, const FloatsIn<2>& g, const IntsIn<1>& rows) {
  const int64_t count = rows.shape(0), height = w.shape(0);
  if (static_cast<int64_t>(g.shape(0)) != count || g.shape(1) != w.shape(1))
    refuse(what + ": g must be [" + std::to_string(count) + ", " + std::to_string(w.shape(1)) + "]; got " +
           shape_text(g));
  int64_t before = -1;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t row = rows.data()[i];
    if (row <= before || row >= height)
      refuse(what + ": rows must ascend, each once, in [0, " + std::to_string(height) + "); got " +
             std::to_string(row) + " at " + std::to_string(i));
    before = row;
  }
}

// body(begin, end) over blocks of [0, count), each of about TASK_SIZE weights
template <class Body>
void for_blocks(int64_t count, int64_t width, int threads, Body&& body) {
  const int64_t block = std::max<int64_t>(1, TASK_SIZE / std::max<int64_t>(1, width));
  parallel_for(static_cast<int>((count + block - 1) / block), threads,
               [&](int task) { body(task * block, std::min(count, (task + 1) * block)); });
}

double squared_sum(AnyFloatsIn g, int threads) {
  const int64_t count = g.size();
  const float* const from = g.data();
  nb::gil_scoped_release release;
  std::unique_ptr<double[]> sums(new double[count / TASK_SIZE + 1]());
  for_blocks(count, 1, threads, [&](int64_t begin, int64_t end) {
    sums[begin / TASK_SIZE] = optimiser_kernels().sum_squares(from + begin, end - begin);
  });
  double total = 0;
  for (int64_t i = 0; i <= count / TASK_SIZE; ++i) total += sums[i];
  return total;
}

Rmsprop rmsprop_rule(double learning_rate, double rho, double epsilon, double scale) {
  check_fraction("rmsprop: rho", rho);
  return {static_cast<float>(learning_rate), static_cast<float>(epsilon), static_cast<float>(rho),
          static_cast<float>(1 - rho), static_cast<float>(scale)};
}

void rmsprop(AnyFloats w, AnyFloatsIn g, AnyFloats v, double learning_rate, double rho, double epsilon,
             double scale, int threads) {
  check_same_shape("rmsprop: w and g", w, g);
  check_same_shape("rmsprop: w and v", w, v);
  const Rmsprop rule = rmsprop_rule(learning_rate, rho, epsilon, scale);
  float *const weights = w.data(), *const squares = v.data();
  const float* const gradients = g.data();
  const int64_t count = w.size();
  nb::gil_scoped_release release;
  for_blocks(count, 1, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_rmsprop(rule, end - begin, weights + begin, gradients + begin, squares + begin);
  });
}

void check_last(const std::string& what, const Longs& last, int64_t height, int64_t limit) {
  if (static_cast<int64_t>(last.shape(0)) != height)
    refuse(what + ": last must be [" + std::to_string(height) + "]; got " + shape_text(last));
  for (int64_t row = 0; row < height; ++row)
    if (last.data()[row] < 0 || last.data()[row] > limit)
      refuse(what + ": last must be in [0, " + std::to_string(limit) + "]; got " +
             std::to_string(last.data()[row]) + " at " + std::to_string(row));
}

void rmsprop_rows(Floats<2> w, FloatsIn<2> g, IntsIn<1> rows, Floats<2> v, Longs last, int64_t now,
                  double learning_rate, double rho, double epsilon, double scale, int threads) {
  check_step("rmsprop_rows", now);
  check_rows("rmsprop_rows", w, g, rows);
  check_same_shape("rmsprop_rows: w and v", w, v);
  check_last("rmsprop_rows", last, w.shape(0), now - 1);
  const Rmsprop rule = rmsprop_rule(learning_rate, rho, epsilon, scale);
  const RmspropRows table = {w.data(), g.data(),    rows.data(),
                             v.data(), last.data(), static_cast<int64_t>(w.shape(1))};
  const int64_t count = rows.shape(0);
  nb::gil_scoped_release release;
  for_blocks(count, table.width, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_rmsprop_rows(rule, rho, table, now, begin, end);
  });
}

Adam adam_rule(int64_t now, double learning_rate, double beta1, double beta2, double epsilon, double scale) {
  check_step("adam", now);
  check_fraction("adam: beta1", beta1);
  check_fraction("adam: beta2", beta2);
  Adam rule;
  rule.rate = static_cast<float>(learning_rate / (1 - std::pow(beta1, now)));
  rule.unbiasing = static_cast<float>(1 / (1 - std::pow(beta2, now)));
  rule.epsilon = static_cast<float>(epsilon);
  rule.kept1 = static_cast<float>(beta1);
  rule.added1 = static_cast<float>(1 - beta1);
  rule.kept2 = static_cast<float>(beta2);
  rule.added2 = static_cast<float>(1 - beta2);
  rule.scale = static_cast<float>(scale);
  return rule;
}

void adam(AnyFloats w, AnyFloatsIn g, AnyFloats m, AnyFloats v, int64_t now, double learning_rate,
          double beta1, double beta2, double epsilon, double scale, int threads) {
  check_same_shape("adam: w and g", w, g);
  check_same_shape("adam: w and m", w, m);
  check_same_shape("adam: w and v", w, v);
  const Adam rule = adam_rule(now, learning_rate, beta1, beta2, epsilon, scale);
  float *const weights = w.data(), *const means = m.data(), *const squares = v.data();
  const float* const gradients = g.data();
  const int64_t count = w.size();
  nb::gil_scoped_release release;
  for_blocks(count, 1, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_adam(rule, end - begin, weights + begin, gradients + begin, means + begin,
                                  squares + begin);
  });
}

void adam_rows(Floats<2> w, FloatsIn<2> g, IntsIn<1> rows, Floats<2> m, Floats<2> v, Flags seen, int64_t now,
               double learning_rate, double beta1, double beta2, double epsilon, double scale, int threads) {
  check_rows("adam_rows", w, g, rows);
  check_same_shape("adam_rows: w and m", w, m);
  check_same_shape("adam_rows: w and v", w, v);
  if (seen.shape(0) != w.shape(0))
    refuse("adam_rows: seen must be [" + std::to_string(w.shape(0)) + "]; got " + shape_text(seen));
  const Adam rule = adam_rule(now, learning_rate, beta1, beta2, epsilon, scale);
  const AdamRows table = {
      w.data(), g.data(), rows.data(), m.data(), v.data(), seen.data(), static_cast<int64_t>(w.shape(1))};
  const int64_t height = w.shape(0), count = rows.shape(0);
  nb::gil_scoped_release release;
  for_blocks(height, table.width, threads, [&](int64_t begin, int64_t end) {
    const int64_t next = std::lower_bound(table.row, table.row + count, begin) - table.row;
    optimiser_kernels().step_adam_rows(rule, table, begin, end, next, count);
  });
}

Adagrad adagrad_rule(double learning_rate, double epsilon, double scale) {
  return {static_cast<float>(learning_rate), static_cast<float>(epsilon), static_cast<float>(scale)};
}

void adagrad(AnyFloats w, AnyFloatsIn g, AnyFloats v, double learning_rate, double epsilon, double scale,
             int threads) {
  check_same_shape("adagrad: w and g", w, g);
  check_same_shape("adagrad: w and v", w, v);
  const Adagrad rule = adagrad_rule(learning_rate, epsilon, scale);
  float *const weights = w.data(), *const squares = v.data();
  const float* const gradients = g.data();
  const int64_t count = w.size();
  nb::gil_scoped_release release;
  for_blocks(count, 1, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_adagrad(rule, end - begin, weights + begin, gradients + begin, squares + begin);
  });
}

void adagrad_rows(Floats<2> w, FloatsIn<2> g, IntsIn<1> rows, Floats<2> v, double learning_rate, double epsilon,
                  double scale, int threads) {
  check_rows("adagrad_rows", w, g, rows);
  check_same_shape("adagrad_rows: w and v", w, v);
  const Adagrad rule = adagrad_rule(learning_rate, epsilon, scale);
  const int64_t count = rows.shape(0), width = w.shape(1);
  float *const weights = w.data(), *const squares = v.data();
  const float* const gradients = g.data();
  const int32_t* const row = rows.data();
  nb::gil_scoped_release release;
  for_blocks(count, width, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t place = row[i] * width;
      optimiser_kernels().step_adagrad(rule, width, weights + place, gradients + i * width, squares + place);
    }
  });
}

void adagrad_elements(AnyFloats w, FloatsIn<1> g, LongsIn<1> places, AnyFloats v, double learning_rate,
                      double epsilon, double scale, int threads) {
  check_same_shape("adagrad_elements: w and v", w, v);
  check_same_shape("adagrad_elements: g and places", g, places);
  const int64_t count = places.shape(0), size = w.size();
  const int64_t* const place = places.data();
  for (int64_t i = 0; i < count; ++i)
    if (place[i] < 0 || place[i] >= size)
      refuse("adagrad_elements: places must be in [0, " + std::to_string(size) + "); got " +
             std::to_string(place[i]) + " at " + std::to_string(i));
  const Adagrad rule = adagrad_rule(learning_rate, epsilon, scale);
  float *const weights = w.data(), *const squares = v.data();
  const float* const gradients = g.data();
  nb::gil_scoped_release release;
  for_blocks(count, ELEMENT_COST, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_adagrad_at(rule, end - begin, place + begin, weights, gradients + begin, squares);
  });
}

}  // namespace

void bind_optimisers(nb::module_& m) {
  using nb::arg;
  const auto array = [](const char* name) { return arg(name).noconvert(); };
  m.def("squared_sum", &squared_sum, array("g"), arg("threads"),
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
