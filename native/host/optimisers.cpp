#include "host/optimisers.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "host/checks.hpp"
#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASK_SIZE = 1 << 16;  // weights of one task
constexpr int64_t ELEMENT_COST = 16;    // of a single weight that may lie anywhere, in weights of a row

int64_t rows_of_task(int64_t width) { return TASK_SIZE / std::max<int64_t>(1, width); }

}  // namespace

double squared_sum(const float* values, int64_t count, int threads) {
  std::vector<double> sums(count / TASK_SIZE + 1);
  parallel_blocks(count, TASK_SIZE, threads, [&](int64_t begin, int64_t end) {
    sums[begin / TASK_SIZE] = optimiser_kernels().sum_squares(values + begin, end - begin);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

Rmsprop rmsprop_rule(double learning_rate, double rho, double epsilon, double scale) {
  check_fraction("rho", rho);
  return {static_cast<float>(learning_rate), static_cast<float>(epsilon), static_cast<float>(rho),
          static_cast<float>(1 - rho), static_cast<float>(scale)};
}

Adam adam_rule(int64_t now, double learning_rate, double beta1, double beta2, double epsilon, double scale) {
  check_fraction("beta1", beta1);
  check_fraction("beta2", beta2);
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

Adagrad adagrad_rule(double learning_rate, double epsilon, double scale) {
  return {static_cast<float>(learning_rate), static_cast<float>(epsilon), static_cast<float>(scale)};
}

void step_rmsprop(const Rmsprop& rule, int64_t count, float* w, const float* g, float* v, int threads) {
  parallel_blocks(count, TASK_SIZE, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_rmsprop(rule, end - begin, w + begin, g + begin, v + begin);
  });
}

void step_adam(const Adam& rule, int64_t count, float* w, const float* g, float* m, float* v, int threads) {
  parallel_blocks(count, TASK_SIZE, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_adam(rule, end - begin, w + begin, g + begin, m + begin, v + begin);
  });
}

void step_adagrad(const Adagrad& rule, int64_t count, float* w, const float* g, float* v, int threads) {
  parallel_blocks(count, TASK_SIZE, threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_adagrad(rule, end - begin, w + begin, g + begin, v + begin);
  });
}

void step_rmsprop_rows(const Rmsprop& rule, double rho, const RmspropRows& table, int64_t now, int64_t count,
                       int threads) {
  parallel_blocks(count, rows_of_task(table.width), threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_rmsprop_rows(rule, rho, table, now, begin, end);
  });
}

void step_adam_rows(const Adam& rule, const AdamRows& table, int64_t height, int64_t count, int threads) {
  parallel_blocks(height, rows_of_task(table.width), threads, [&](int64_t begin, int64_t end) {
    const int64_t next = std::lower_bound(table.row, table.row + count, begin) - table.row;
    optimiser_kernels().step_adam_rows(rule, table, begin, end, next, count);
  });
}

void step_adagrad_rows(const Adagrad& rule, const AdagradRows& table, int threads) {
  const int64_t width = table.width;
  parallel_blocks(table.count, rows_of_task(width), threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t place = table.row[i] * width;
      optimiser_kernels().step_adagrad(rule, width, table.weights + place, table.gradients + i * width,
                                       table.squares + place);
    }
  });
}

void step_adagrad_elements(const Adagrad& rule, const AdagradElements& elements, int threads) {
  parallel_blocks(elements.count, rows_of_task(ELEMENT_COST), threads, [&](int64_t begin, int64_t end) {
    optimiser_kernels().step_adagrad_at(rule, end - begin, elements.places + begin, elements.weights,
                                        elements.gradients + begin, elements.squares);
  });
}

}  // namespace seqconv
