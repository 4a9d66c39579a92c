#include "host/rows.hpp"

#include <algorithm>

#include "host/memory.hpp"
#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASK_SIZE = 1 << 15;  // values of one task

int64_t rows_of_task(int64_t channels) { return std::max<int64_t>(1, TASK_SIZE / channels); }

}  // namespace

void run_gelu(const float* x, int64_t count, float* y, int threads) {
  parallel_blocks(count, TASK_SIZE, threads,
                  [&](int64_t begin, int64_t end) { row_kernels().gelu(x + begin, end - begin, y + begin); });
}

void run_gelu_gradient(const float* x, const float* dy, int64_t count, float* dx, int threads) {
  parallel_blocks(count, TASK_SIZE, threads, [&](int64_t begin, int64_t end) {
    row_kernels().gelu_gradient(x + begin, dy + begin, end - begin, dx + begin);
  });
}

void run_softmax(const float* x, int64_t rows, int64_t channels, float* y, int threads) {
  parallel_blocks(rows, rows_of_task(channels), threads,
                  [&](int64_t begin, int64_t end) { row_kernels().softmax(x, channels, begin, end, y); });
}

void run_softmax_gradient(const float* y, const float* dy, int64_t rows, int64_t channels, float* dx, int threads) {
  parallel_blocks(rows, rows_of_task(channels), threads, [&](int64_t begin, int64_t end) {
    row_kernels().softmax_gradient(y, dy, channels, begin, end, dx);
  });
}

void run_layer_norm(const LayerNorm& job, int64_t rows, int threads) {
  parallel_blocks(rows, rows_of_task(job.channels), threads,
                  [&](int64_t begin, int64_t end) { row_kernels().normalise(job, begin, end); });
}

void run_layer_norm_gradient(const LayerNormGradient& job, int64_t rows, float* dgamma, float* dbeta, int threads) {
  const int64_t block = rows_of_task(job.channels), tasks = ceil_divide(rows, block);
  const int64_t size = Pieces::rounded(job.channels);
  Pieces pieces(2 * tasks * size);
  float* const sums = pieces.take(2 * tasks * size);  // [tasks, dgamma and dbeta, channels]
  std::fill_n(sums, 2 * tasks * size, 0.0f);
  parallel_blocks(rows, block, threads, [&](int64_t begin, int64_t end) {
    float* const own = sums + begin / block * 2 * size;
    row_kernels().normalise_gradient(job, begin, end, own, own + size);
  });
  for (int64_t channel = 0; channel < job.channels; ++channel) {
    dgamma[channel] = dbeta[channel] = 0;
    for (int64_t task = 0; task < tasks; ++task) {
      dgamma[channel] += sums[task * 2 * size + channel];
      dbeta[channel] += sums[task * 2 * size + size + channel];
    }
  }
}

}  // namespace seqconv
