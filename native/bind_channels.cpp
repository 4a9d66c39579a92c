// The channels of windows as examples of their own, each less its mean and over its standard deviation, and back.
#include <algorithm>
#include <cmath>
#include <string>

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

// Channels of each example, for arrays that fit each other
template <class Array>
int64_t count_channels(int64_t windows, const Array& moments, int64_t examples, int threads) {
  check_at_least("threads", threads, 1);
  check_at_least("examples", examples, 1);
  check_shape("moments", moments, {windows, 2});
  if (windows % examples)
    refuse("windows: must be a whole number for each of " + std::to_string(examples) + " examples; got " +
           std::to_string(windows));
  return windows / examples;
}

void split_channels(const FloatsIn<3>& x, const Floats<3>& windows, const Floats<2>& moments, float floor,
                    int threads) {
  const int64_t examples = x.shape(0), length = x.shape(1), inputs = x.shape(2);
  const int64_t channels = count_channels(windows.shape(0), moments, examples, threads);
  check_at_least("steps", length, 1);
  if (channels > inputs)
    refuse("windows: must be of at most " + std::to_string(inputs) + " channels; got " + std::to_string(channels));
  check_shape("windows", windows, {examples * channels, length, 1});
  nb::gil_scoped_release unlocked;
  each_example(examples, threads, [&](int64_t example) {
    float* own = windows.data() + example * channels * length;
    transpose(x.data() + example * inputs * length, inputs, length, channels, own);
    for (int64_t channel = 0; channel < channels; ++channel, own += length) {
      double sum = 0, squares = 0;
      for (int64_t step = 0; step < length; ++step) sum += own[step];
      const double mean = sum / static_cast<double>(length);
      for (int64_t step = 0; step < length; ++step) squares += (own[step] - mean) * (own[step] - mean);
      const double deviation = std::sqrt(squares / static_cast<double>(length) + floor);
      for (int64_t step = 0; step < length; ++step)
        own[step] = static_cast<float>((own[step] - mean) / deviation);
      float* kept = moments.data() + (example * channels + channel) * 2;
      kept[0] = static_cast<float>(mean);
      kept[1] = static_cast<float>(deviation);
    }
  });
}

void join_channels(const FloatsIn<2>& inner, const FloatsIn<2>& moments, const Floats<2>& y, int threads) {
  const int64_t windows = inner.shape(0), outputs = inner.shape(1), examples = y.shape(0);
  const int64_t channels = count_channels(windows, moments, examples, threads);
  check_shape("y", y, {examples, outputs * channels});
  nb::gil_scoped_release unlocked;
  each_example(examples, threads, [&](int64_t example) {
    float* own = y.data() + example * outputs * channels;
    transpose(inner.data() + example * channels * outputs, outputs, channels, outputs, own);
    const float* kept = moments.data() + example * channels * 2;
    for (int64_t output = 0; output < outputs; ++output, own += channels)
      for (int64_t channel = 0; channel < channels; ++channel)
        own[channel] = own[channel] * kept[2 * channel + 1] + kept[2 * channel];
  });
}

void split_gradients(const FloatsIn<2>& dy, const FloatsIn<2>& moments, const Floats<2>& inner, int threads) {
  const int64_t windows = inner.shape(0), outputs = inner.shape(1), examples = dy.shape(0);
  const int64_t channels = count_channels(windows, moments, examples, threads);
  check_shape("dy", dy, {examples, outputs * channels});
  nb::gil_scoped_release unlocked;
  each_example(examples, threads, [&](int64_t example) {
    float* own = inner.data() + example * channels * outputs;
    transpose(dy.data() + example * outputs * channels, channels, outputs, channels, own);
    const float* kept = moments.data() + example * channels * 2;
    for (int64_t channel = 0; channel < channels; ++channel, own += outputs)
      for (int64_t output = 0; output < outputs; ++output) own[output] *= kept[2 * channel + 1];
  });
}

}  // namespace

void bind_channels(nb::module_& m) {
  m.def("split_channels", &split_channels, nb::arg("x"), nb::arg("windows"), nb::arg("moments"), nb::arg("floor"),
        nb::arg("threads"),
        "The first C channels of x [B, L, ...] less their mean and over sqrt(variance + floor) -> windows [B * C, L, "
        "1]; moments [B * C, 2] are what was taken out.");
  m.def("join_channels", &join_channels, nb::arg("inner"), nb::arg("moments"), nb::arg("y"), nb::arg("threads"),
        "inner [B * C, H], scaled back by moments -> y [B, H * C], the channels of each output side by side.");
  m.def("split_gradients", &split_gradients, nb::arg("dy"), nb::arg("moments"), nb::arg("inner"), nb::arg("threads"),
        "The gradient of `join_channels`: dy [B, H * C] -> inner [B * C, H].");
}

}  // namespace seqconv
