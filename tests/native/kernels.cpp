// Kernels without Python, for machines that `make cross` compiles for: products, convolutions and maxima at odd sizes
// against plain loops in float64. Ends with 0 where all agree.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "host/convolution.hpp"
#include "host/matmul.hpp"
#include "host/sliding.hpp"

using namespace seqconv;
using Floats = std::vector<float>;

std::mt19937 engine(0);

Floats draw(int64_t size) {
  Floats values(size);
  for (float& value : values) value = std::normal_distribution<float>()(engine);
  return values;
}

void check_close(const char* what, const Floats& found, const std::vector<double>& expected) {
  for (size_t i = 0; i < found.size(); ++i)
    if (!(std::abs(found[i] - expected[i]) <= 2e-5 * (10 + std::abs(expected[i])))) {
      std::fprintf(stderr, "%s: element %zu must be %g; got %g\n", what, i, expected[i], found[i]);
      std::exit(1);
    }
}

void check_product(int64_t rows, int64_t depth, int64_t columns, bool left_turned, bool right_turned) {
  const Floats a = draw(rows * depth), b = draw(depth * columns);
  std::vector<double> expected(rows * columns);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t j = 0; j < columns; ++j)
        expected[i * columns + j] += double(a[left_turned ? k * rows + i : i * depth + k]) *
                                     b[right_turned ? j * depth + k : k * columns + j];
  Floats found(rows * columns), alone(rows * columns);
  const Product product{{a.data(), left_turned ? rows : depth, left_turned},
                        {b.data(), right_turned ? depth : columns, right_turned}, rows, columns};
  multiply(product, depth, found.data(), 3);
  multiply(product, depth, alone.data(), 1);
  check_close("product", found, expected);
  if (found != alone) std::exit(1);
}

void check_convolution(int64_t steps, int64_t channels, int64_t taps, int64_t filters, Movement movement) {
  const int64_t examples = 5, kept = steps + movement.left_pad - (taps - 1) * movement.dilation;
  const int64_t size = movement.pool == 0 ? kept : movement.pool, groups = kept / size;
  const Floats x = draw(examples * steps * channels), kernel = draw(taps * channels * filters), bias = draw(filters);
  std::vector<double> expected(examples * groups * filters, -INFINITY);
  for (int64_t b = 0; b < examples; ++b)
    for (int64_t t = 0; t < groups * size; ++t)
      for (int64_t o = 0; o < filters; ++o) {
        double sum = bias[o];
        for (int64_t k = 0; k < taps; ++k) {
          const int64_t step = t + k * movement.dilation - movement.left_pad;
          for (int64_t c = 0; step >= 0 && c < channels; ++c)
            sum += double(x[(b * steps + step) * channels + c]) * kernel[(k * channels + c) * filters + o];
        }
        double& best = expected[(b * groups + t / size) * filters + o];
        best = std::max(best, movement.relu ? std::max(sum, 0.0) : sum);
      }
  Convolution layer({kernel.data(), bias.data(), taps, channels, filters}, movement);
  Floats found(expected.size()), alone(expected.size());
  layer.run({x.data(), nullptr}, {examples, steps, channels}, found.data(), 3);
  layer.run({x.data(), nullptr}, {examples, steps, channels}, alone.data(), 1);
  check_close("convolution", found, expected);
  if (found != alone) std::exit(1);
}

void check_maximum() {
  const int64_t rows = 101, channels = 13, steps = 7, stride = 2, kept = rows - (steps - 1) * stride;
  const Floats x = draw(rows * channels);
  Floats found(kept * channels);
  run_sliding_maximum({x.data(), channels, steps, stride, kept, found.data()}, 2);
  for (int64_t i = 0; i < kept; ++i)
    for (int64_t c = 0; c < channels; ++c) {
      float best = x[i * channels + c];
      for (int64_t j = 1; j < steps; ++j) best = std::max(best, x[(i + j * stride) * channels + c]);
      if (found[i * channels + c] != best) std::exit(1);
    }
}

int main() {
  for (bool left : {false, true})
    for (bool right : {false, true}) {
      check_product(1, 1, 1, left, right);
      check_product(37, 300, 53, left, right);
      check_product(340, 70, 517, left, right);
    }
  check_convolution(40, 3, 5, 7, {1, 0, 1, false});
  check_convolution(60, 16, 3, 32, {1, 0, 3, true});
  check_convolution(61, 17, 4, 33, {2, 6, 1, true});
  check_convolution(50, 8, 7, 20, {1, 0, 0, true});
  check_maximum();
}
