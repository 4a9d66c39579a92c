#include "host/minimising.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace seqconv {
namespace {

constexpr int MOST_STEPS = 100;
constexpr double DIFFERENCE = 1e-6;  // between places whose values give a derivative
constexpr double LENGTHS[SMOOTHING_POINTS] = {1, 0.5, 2, 0.2, 5, 0.05, 0.005, 0.0002};

using Numbers = double[MOST_UNKNOWNS];

double dot(const double* a, const double* b, int size) {
  double sum = 0;
  for (int i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

class Search {
 public:
  Search(Objective& objective, double* place) : objective_(objective), size_(objective.size), place_(place) {
    evaluate_gradient(gradient_);
    forget();
  }

  double run(double tolerance) {
    int small = 0;
    for (int step = 0; step < MOST_STEPS && small < 2 && std::isfinite(value_); ++step) {
      const double gain = move();
      if (gain > 0) evaluate_gradient(next_gradient_);
      if (gain > 0 && step + 1 < MOST_STEPS) learn();
      else if (!fresh_) forget();
      else break;
      small = gain < tolerance ? small + 1 : 0;
    }
    return value_;
  }

 private:
  // Value and gradient where we stand
  void evaluate_gradient(double* gradient) {
    double places[SMOOTHING_POINTS * MOST_UNKNOWNS], values[SMOOTHING_POINTS];
    for (int first = -1; first < size_; first += SMOOTHING_POINTS) {  // number -1: the place itself
      const int count = std::min(SMOOTHING_POINTS, size_ - first);
      for (int i = 0; i < count; ++i) {
        std::copy_n(place_, size_, places + i * size_);
        if (first + i >= 0) places[i * size_ + first + i] += DIFFERENCE;
      }
      objective_.evaluate(places, count, values);
      if (first < 0) value_ = values[0];
      for (int i = 0; i < count; ++i)
        if (first + i >= 0) gradient[first + i] = (values[i] - value_) / DIFFERENCE;
    }
    for (int i = 0; i < size_; ++i)
      if (!std::isfinite(gradient[i])) gradient[i] = 0;
  }

  // Along the direction of the last gradient, to the best of a few lengths; returns what that gains
  double move() {
    for (int i = 0; i < size_; ++i) direction_[i] = -dot(inverse_ + i * size_, gradient_, size_);
    double places[SMOOTHING_POINTS * MOST_UNKNOWNS], values[SMOOTHING_POINTS];
    for (int trial = 0; trial < SMOOTHING_POINTS; ++trial)
      for (int i = 0; i < size_; ++i) places[trial * size_ + i] = place_[i] + LENGTHS[trial] * direction_[i];
    objective_.evaluate(places, SMOOTHING_POINTS, values);
    int best = 0;
    for (int trial = 1; trial < SMOOTHING_POINTS; ++trial)
      if (!(values[best] <= values[trial])) best = trial;
    if (!(values[best] < value_)) return 0;
    for (int i = 0; i < size_; ++i) step_[i] = LENGTHS[best] * direction_[i];
    std::copy_n(places + best * size_, size_, place_);
    return value_ - values[best];
  }

  // The inverse Hessian from the last step and how the gradient changed on it
  // Reference: Nocedal, Wright, Numerical Optimization, 2nd edition, Springer 2006, equations 6.17 and 6.20.
  void learn() {
    Numbers change, image;
    for (int i = 0; i < size_; ++i) change[i] = next_gradient_[i] - gradient_[i];
    std::copy_n(next_gradient_, size_, gradient_);
    const double along = dot(change, step_, size_), length = dot(change, change, size_);
    if (!(along > 1e-12 * std::sqrt(length * dot(step_, step_, size_)))) return;
    if (fresh_) fill_diagonal(along / length);
    fresh_ = false;
    for (int i = 0; i < size_; ++i) image[i] = dot(inverse_ + i * size_, change, size_);
    const double factor = (1 + dot(change, image, size_) / along) / along;
    for (int i = 0; i < size_; ++i)
      for (int j = 0; j < size_; ++j)
        inverse_[i * size_ + j] += factor * step_[i] * step_[j] - (image[i] * step_[j] + step_[i] * image[j]) / along;
  }

  // Downhill again: a first step of half a unit
  void forget() {
    double largest = 1e-12;
    for (int i = 0; i < size_; ++i) largest = std::max(largest, std::fabs(gradient_[i]));
    fill_diagonal(0.5 / largest);
    fresh_ = true;
  }

  void fill_diagonal(double value) {
    std::fill_n(inverse_, size_ * size_, 0.0);
    for (int i = 0; i < size_; ++i) inverse_[i * size_ + i] = value;
  }

  Objective& objective_;
  const int size_;
  double* const place_;
  double value_ = std::numeric_limits<double>::infinity();
  bool fresh_ = true;
  Numbers gradient_, next_gradient_, direction_, step_;
  double inverse_[MOST_UNKNOWNS * MOST_UNKNOWNS];
};

}  // namespace

double between(double low, double high, double unknown) { return low + (high - low) / (1 + std::exp(-unknown)); }
double unknown_at(double fraction) { return std::log(fraction / (1 - fraction)); }

double minimise(Objective& objective, double* place, double tolerance) {
  return Search(objective, place).run(tolerance);
}

}  // namespace seqconv
