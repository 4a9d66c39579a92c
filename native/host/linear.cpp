#include "host/linear.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASKS = 64;
constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Whole numbers that look random. Reference: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
// generators" (splitmix64)
struct Random {
  uint64_t state;
  uint64_t below(uint64_t count) {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (z ^ z >> 31) % count;
  }
};

// One machine or regression: its dual variables, and w with b at the end
class Machine {
 public:
  Machine(const MachinesJob& job, const std::vector<double>& squares, int64_t output)
      : job_(job), squares_(squares), members_(job.members ? job.members + output * job.x.rows : nullptr),
        targets_(job.targets ? job.targets + output * job.x.rows : nullptr),
        costs_(job.costs + (job.own_costs ? output * job.x.rows : 0)),
        random_{job.seed + static_cast<uint64_t>(output)}, duals_(job.x.rows), w_(job.x.width + 1),
        order_(job.x.rows) {
    std::iota(order_.begin(), order_.end(), 0);
    const auto idle = [this](int64_t row) { return costs_[row] == 0; };
    order_.erase(std::remove_if(order_.begin(), order_.end(), idle), order_.end());
    for (int64_t column = 0; column < job.x.width; ++column) w_[column] = job.weights[column * job.outputs + output];
    w_[job.x.width] = job.bias[output];
  }

  void fit() {
    const size_t rows = order_.size();
    active_ = rows;
    for (int pass = 0; pass < job_.passes; ++pass) {
      highest_ = -INFINITE, lowest_ = INFINITE;
      for (size_t place = 0; place < active_; ++place)
        std::swap(order_[place], order_[place + random_.below(active_ - place)]);
      for (size_t place = 0; place < active_;) place += visit(place);
      if (highest_ - lowest_ <= job_.tolerance) {
        if (active_ == rows) return;
        active_ = rows, bound_ = INFINITE;  // once more with all, in case one was set aside too early
      } else {
        bound_ = highest_ > 0 ? highest_ : INFINITE;
      }
    }
  }

  const std::vector<double>& weights() const { return w_; }

 private:
  // Improve one dual variable; 0 if it was set aside, which puts another in its place
  size_t visit(size_t place) {
    const int64_t row = order_[place];
    const SparseRows& x = job_.x;
    const double sign = targets_ || members_[row] ? 1 : -1, diagonal = 0.5 / costs_[row];
    double sum = w_[x.width];
    for (int64_t i = x.offsets[row]; i < x.offsets[row + 1]; ++i) sum += w_[x.columns[i]] * x.values[i];
    double& dual = duals_[row];
    const double gradient = sign * sum - (targets_ ? targets_[row] : 1) + dual * diagonal;
    if (!targets_ && dual == 0 && gradient > bound_) {
      std::swap(order_[place], order_[--active_]);
      return 0;
    }
    const double projected = !targets_ && dual == 0 ? std::min(gradient, 0.0) : gradient;
    highest_ = std::max(highest_, projected);
    lowest_ = std::min(lowest_, projected);
    if (std::abs(projected) > 1e-12) {
      const double before = dual;
      dual = before - gradient / (squares_[row] + 1 + diagonal);
      if (!targets_) dual = std::max(dual, 0.0);  // those of a regression may have any sign
      const double step = (dual - before) * sign;
      for (int64_t i = x.offsets[row]; i < x.offsets[row + 1]; ++i) w_[x.columns[i]] += step * x.values[i];
      w_[x.width] += step;
    }
    return 1;
  }

  const MachinesJob& job_;
  const std::vector<double>& squares_;  // of the rows' lengths
  const uint8_t* members_;
  const float* targets_;
  const float* costs_;
  Random random_;
  std::vector<double> duals_, w_;
  std::vector<int64_t> order_;
  size_t active_ = 0;
  double highest_ = 0, lowest_ = 0, bound_ = INFINITE;  // gradients of this pass; beyond it a zero is set aside
};

}  // namespace

void fit_machines(const MachinesJob& job, int threads) {
  std::vector<double> squares(job.x.rows);
  for (int64_t row = 0; row < job.x.rows; ++row)
    for (int64_t i = job.x.offsets[row]; i < job.x.offsets[row + 1]; ++i)
      squares[row] += double{job.x.values[i]} * job.x.values[i];
  parallel_for(static_cast<int>(job.outputs), threads, [&](int output) {
    Machine machine(job, squares, output);
    machine.fit();
    const std::vector<double>& w = machine.weights();
    for (int64_t column = 0; column < job.x.width; ++column)
      job.weights[column * job.outputs + output] = static_cast<float>(w[column]);
    job.bias[output] = static_cast<float>(w[job.x.width]);
  });
}

void multiply_rows(const SparseRows& x, const float* weights, int64_t outputs, float* y, int threads) {
  parallel_parts(x.rows, TASKS, threads, [&](int64_t first, int64_t last) {
    std::vector<double> sums(outputs);
    for (int64_t row = first; row < last; ++row) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int64_t i = x.offsets[row]; i < x.offsets[row + 1]; ++i) {
        const float* const own = weights + x.columns[i] * outputs;
        const double value = x.values[i];
        for (int64_t output = 0; output < outputs; ++output) sums[output] += value * own[output];
      }
      for (int64_t output = 0; output < outputs; ++output) y[row * outputs + output] = static_cast<float>(sums[output]);
    }
  });
}

}  // namespace seqconv
