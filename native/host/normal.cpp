#include "host/normal.hpp"

#include <cmath>

namespace seqconv {
namespace {

constexpr double DENSITY_AT_0 = 0.39894228040143268, HALF_ROOT = 0.70710678118654752;

// Reference: Abramowitz, Stegun, Handbook of Mathematical Functions, 26.2.23; error below 4.5e-4
double rough_quantile(double level) {
  const double t = std::sqrt(-2 * std::log(level));
  return (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
}

}  // namespace

double normal_quantile(double level) {
  if (level > 0.5) return -normal_quantile(1 - level);
  double z = rough_quantile(level);
  for (int step = 0; step < 3; ++step) {  // Halley's steps
    const double excess = 0.5 * std::erfc(-z * HALF_ROOT) - level;
    const double newton = excess / (DENSITY_AT_0 * std::exp(-0.5 * z * z));
    z -= newton / (1 + 0.5 * z * newton);
  }
  return z;
}

}  // namespace seqconv
