#include "host/channels.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASKS = 64;

// to[j, i] = from[i, j], rows of `from` that are `row_size` floats long; in squares, so that both sides stay in cache
void transpose(const float* from, int64_t row_size, int64_t rows, int64_t columns, float* to) {
  constexpr int64_t SIDE = 16;
  for (int64_t i = 0; i < rows; i += SIDE)
    for (int64_t j = 0; j < columns; j += SIDE)
      for (int64_t column = j; column < std::min(j + SIDE, columns); ++column)
        for (int64_t row = i; row < std::min(i + SIDE, rows); ++row)
          to[column * rows + row] = from[row * row_size + column];
}

// Mean and variance of each channel of a window [L, inputs]
void find_moments(const Standardisation& job, const float* from, double* mean, double* variance) {
  const int64_t length = job.length, inputs = job.inputs, channels = job.channels;
  std::fill_n(mean, channels, 0.0);
  std::fill_n(variance, channels, 0.0);
  for (int64_t step = 0; step < length; ++step)
    for (int64_t c = 0; c < channels; ++c) mean[c] += from[step * inputs + c];
  for (int64_t c = 0; c < channels; ++c) mean[c] /= static_cast<double>(length);
  for (int64_t step = 0; step < length; ++step)
    for (int64_t c = 0; c < channels; ++c) {
      const double away = from[step * inputs + c] - mean[c];
      variance[c] += away * away;
    }
  for (int64_t c = 0; c < channels; ++c) variance[c] /= static_cast<double>(length);
}

void standardise_window(const Standardisation& job, int64_t example, double* mean, double* factor) {
  const int64_t size = job.length * job.inputs, channels = job.channels;
  const float* from = job.x + example * size;
  float* to = job.y + example * size;
  find_moments(job, from, mean, factor);
  for (int64_t c = 0; c < channels; ++c) {
    const double deviation = std::sqrt(factor[c] + job.floor);
    job.mean[example * channels + c] = static_cast<float>(mean[c]);
    job.deviation[example * channels + c] = static_cast<float>(deviation);
    factor[c] = 1 / deviation;
  }
  for (int64_t step = 0; step < job.length; ++step, from += job.inputs, to += job.inputs) {
    for (int64_t c = 0; c < channels; ++c) to[c] = static_cast<float>((from[c] - mean[c]) * factor[c]);
    std::copy(from + channels, from + job.inputs, to + channels);
  }
}

}  // namespace

void swap_axes(const AxisSwap& job, int threads) {
  parallel_parts(job.examples, TASKS, threads, [&](int64_t first, int64_t last) {
    for (int64_t example = first; example < last; ++example)
      transpose(job.x + example * job.rows * job.row_size, job.row_size, job.rows, job.columns,
                job.y + example * job.columns * job.rows);
  });
}

void standardise(const Standardisation& job, int threads) {
  if (job.inputs == 0) return;  // there may be no end of steps without values
  parallel_parts(job.examples, TASKS, threads, [&](int64_t first, int64_t last) {
    std::vector<double> moments(2 * job.channels);
    for (int64_t example = first; example < last; ++example)
      standardise_window(job, example, moments.data(), moments.data() + job.channels);
  });
}

}  // namespace seqconv
