// Axes of a batch swapped, and the channels of windows less their mean and over their standard deviation.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "convolution_checks.hpp"
#include "parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASKS = 64;

// body(example) for every one, in tasks of neighbours
template <class Body>
void each_example(int64_t examples, int threads, Body&& body) {
  const int64_t tasks = std::min(examples, TASKS);
  parallel_for(static_cast<int>(tasks), threads, [&](int task) {
    for (int64_t i = examples * task / tasks; i < examples * (task + 1) / tasks; ++i) body(i);
  });
}

// to[j, i] = from[i, j], rows of `from` that many floats apart; in squares, so that both sides stay in cache
void transpose(const float* from, int64_t apart, int64_t rows, int64_t columns, float* to) {
  constexpr int64_t SIDE = 16;
  for (int64_t i = 0; i < rows; i += SIDE)
    for (int64_t j = 0; j < columns; j += SIDE)
      for (int64_t column = j; column < std::min(j + SIDE, columns); ++column)
        for (int64_t row = i; row < std::min(i + SIDE, rows); ++row)
          to[column * rows + row] = from[row * apart + column];
}

void swap_axes(const FloatsIn<3>& x, const Floats<3>& y, int threads) {
  const int64_t examples = x.shape(0), rows = x.shape(1), columns = y.shape(1), apart = x.shape(2);
  check_at_least("threads", threads, 1);
  check_at_least("columns of x", apart, columns);
  check_shape("y", y, {examples, columns, rows});
  nb::gil_scoped_release unlocked;
  each_example(examples, threads, [&](int64_t example) {
    transpose(x.data() + example * rows * apart, apart, rows, columns, y.data() + example * columns * rows);
  });
}

void normalise(const FloatsIn<3>& x, const Floats<3>& y, const Floats<2>& mean, const Floats<2>& deviation, float floor,
               int threads) {
  const int64_t examples = x.shape(0), length = x.shape(1), inputs = x.shape(2), channels = mean.shape(1);
  check_at_least("threads", threads, 1);
  check_at_least("steps", length, 1);
  check_at_least("channels of x", inputs, channels);
  check_shape("y", y, {examples, length, inputs});
  check_shape("mean", mean, {examples, channels});
  check_shape("deviation", deviation, {examples, channels});
  nb::gil_scoped_release unlocked;
  each_example(examples, threads, [&](int64_t example) {
    const float* from = x.data() + example * length * inputs;
    float* to = y.data() + example * length * inputs;
    float *middle = mean.data() + example * channels, *spread = deviation.data() + example * channels;
    std::vector<double> sums(channels), squares(channels);
    for (int64_t step = 0; step < length; ++step)
      for (int64_t c = 0; c < channels; ++c) sums[c] += from[step * inputs + c];
    for (double& sum : sums) sum /= static_cast<double>(length);
    for (int64_t step = 0; step < length; ++step)
      for (int64_t c = 0; c < channels; ++c) {
        const double away = from[step * inputs + c] - sums[c];
        squares[c] += away * away;
      }
    for (int64_t c = 0; c < channels; ++c) {
      middle[c] = static_cast<float>(sums[c]);
      squares[c] = std::sqrt(squares[c] / static_cast<double>(length) + floor);
      spread[c] = static_cast<float>(squares[c]);
      squares[c] = 1 / squares[c];
    }
    for (int64_t step = 0; step < length; ++step, from += inputs, to += inputs) {
      for (int64_t c = 0; c < channels; ++c) to[c] = static_cast<float>((from[c] - sums[c]) * squares[c]);
      std::copy(from + channels, from + inputs, to + channels);
    }
  });
}

}  // namespace

void bind_channels(nb::module_& m) {
  m.def("swap_axes", &swap_axes, nb::arg("x"), nb::arg("y"), nb::arg("threads"),
        "The first M columns of each example of x [B, N, ...], as rows of y [B, M, N].");
  m.def("normalise", &normalise, nb::arg("x"), nb::arg("y"), nb::arg("mean"), nb::arg("deviation"), nb::arg("floor"),
        nb::arg("threads"),
        "y = the first C channels of x [B, L, ...] less their mean [B, C] and over their deviation [B, C], which is "
        "sqrt(variance + floor); the channels behind those are copied.");
}

}  // namespace seqconv
