// The least value of a function of a few numbers that is cheaper at several places at once than one after the other.
#pragma once

#include "kernels/smoothing.hpp"

namespace seqconv {

constexpr int MOST_UNKNOWNS = 32;

// A function of `size` numbers, without bounds. Where it has no value it may be NaN or infinite.
class Objective {
 public:
  explicit Objective(int size) : size(size) {}
  virtual ~Objective() = default;
  // values[i] of the places[i, size], `count` of them, at most SMOOTHING_POINTS
  virtual void evaluate(const double* places, int count, double* values) = 0;
  const int size;
};

// An unbounded number for one between bounds, and the fraction of the way between them back to the unbounded number
double between(double low, double high, double unknown);
double unknown_at(double fraction);

// Move `place` downhill until a step gains less than `tolerance` twice; returns the value there. Quasi-Newton steps
// (BFGS) with gradients from forward differences; eight lengths of each step are tried at once.
double minimise(Objective& objective, double* place, double tolerance);

}  // namespace seqconv
