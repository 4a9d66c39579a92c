// Exponential smoothing, in the form that corrects states by the error e = y - forecast:
//   base = level + phi * trend
//   none:            forecast = base,           level = base + alpha e,          trend = phi trend + beta e
//   additive:        forecast = base + season,  the same and                     season += gamma e
//   multiplicative:  forecast = base * season,  with e / season instead of e and season += gamma e / base
// Multiplicative errors change nothing in that: alpha * forecast * (e / forecast) is alpha * e. Only the likelihood
// knows them: it needs squares of e / forecast and the product of all forecasts.
//
// A row waits for the one before it (three or four dependent operations), so the time of a pass is that of the waiting:
// eight sets of parameters side by side cost little more than one.
//
// Reference: Hyndman, Koehler, Ord, Snyder, Forecasting with Exponential Smoothing, Springer 2008, chapters 2 and 5;
// Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler, International Journal of Forecasting 32, 2016 (Theta).
#include "kernels/smoothing.hpp"

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

static_assert(SMOOTHING_POINTS == 8, "a lane of points is one vector of 64 bytes");
typedef double vd __attribute__((vector_size(64), may_alias));
typedef int64_t vl __attribute__((vector_size(64), may_alias));

inline vd& lanes(SmoothingLane& lane) { return *reinterpret_cast<vd*>(lane); }

constexpr int64_t EXPONENT = int64_t{0x7ff} << 52, ONE = int64_t{0x3ff} << 52;

// product * factor = mantissa * 2^exponent, again and again: no product of many rows overflows
struct Product {
  vd mantissa = vd{} + 1.0;
  vl exponent = {};

  void multiply(const vd& factor) {
    const vl bits = reinterpret_cast<vl>(mantissa * factor);
    exponent += ((bits & EXPONENT) - ONE) >> 52;
    mantissa = reinterpret_cast<vd>((bits & ~EXPONENT) | ONE);
  }
};

template <bool RELATIVE, SeasonForm FORM>
void smooth_as(const SmoothingRows& job, SmoothingPoints& points) {
  const vd alpha = lanes(points.alpha), beta = lanes(points.beta), gamma = lanes(points.gamma), phi = lanes(points.phi);
  vd level = lanes(points.level), damped = phi * lanes(points.trend), squares = {}, lowest = vd{} + 1e300;
  vd* const seasons = reinterpret_cast<vd*>(points.seasons);
  Product product;
  for (ptrdiff_t row = 0, place = 0; row < job.rows; ++row) {
    vd base = level + damped, forecast = base, season = {};
    if (FORM != SeasonForm::none) season = seasons[place];
    if (FORM == SeasonForm::additive) forecast = base + season;
    if (FORM == SeasonForm::multiplicative) forecast = base * season;
    level = base;
    const double observed = job.y[row];
    if (observed == observed) {
      const vd error = observed - forecast;
      vd step = error;
      if (FORM == SeasonForm::multiplicative) step = error / season;
      if (FORM == SeasonForm::additive) seasons[place] = season + gamma * error;
      if (FORM == SeasonForm::multiplicative) seasons[place] = season + gamma * error / base;
      level = base + alpha * step;
      damped = damped + beta * step;
      if (RELATIVE) {
        const vd relative = error / forecast;
        squares += relative * relative;
        product.multiply(forecast);
        lowest = forecast < lowest ? forecast : lowest;
      } else {
        squares += error * error;
      }
    }
    damped *= phi;
    if (++place >= job.season) place = 0;
  }
  lanes(points.level) = level;
  lanes(points.trend) = damped / phi;
  lanes(points.sums.squares) = squares;
  if (!RELATIVE) return;
  lanes(points.sums.mantissa) = product.mantissa;
  lanes(points.sums.exponent) = __builtin_convertvector(product.exponent, vd);
  lanes(points.sums.lowest) = lowest;
}

template <bool RELATIVE>
void smooth_with(const SmoothingRows& job, SmoothingPoints& points) {
  switch (job.form) {
    case SeasonForm::none: return smooth_as<RELATIVE, SeasonForm::none>(job, points);
    case SeasonForm::additive: return smooth_as<RELATIVE, SeasonForm::additive>(job, points);
    case SeasonForm::multiplicative: return smooth_as<RELATIVE, SeasonForm::multiplicative>(job, points);
  }
}

void smooth(const SmoothingRows& job, SmoothingPoints& points) {
  if (job.relative) smooth_with<true>(job, points);
  else smooth_with<false>(job, points);
}

// Smoothing without trend, of which the forecast follows the line A + B t in part: for row t, counted from 0,
//   forecast = level + weight (A (1 - alpha)^t + B (1 - (1 - alpha)^(t + 1)) / alpha)
void theta(const ThetaRows& job, ThetaPoints& points) {
  const vd alpha = lanes(points.alpha), weight = lanes(points.weight), kept = 1.0 - alpha, inverse = 1.0 / alpha;
  vd level = lanes(points.level), decay = vd{} + 1.0, squares = {};
  for (ptrdiff_t row = 0; row < job.rows; ++row) {
    const vd line = job.intercepts[row] * decay + job.slopes[row] * inverse * (1.0 - decay * kept);
    const double observed = job.y[row];
    if (observed == observed) {
      const vd error = observed - (level + weight * line);
      level = level * kept + alpha * observed;
      if (row >= job.skipped) squares += error * error;
    }
    decay *= kept;
  }
  lanes(points.level) = level;
  lanes(points.decay) = decay;
  lanes(points.squares) = squares;
}

}  // namespace

extern const SmoothingKernels smoothing_kernels_table;
const SmoothingKernels smoothing_kernels_table = {smooth, theta};

}  // namespace seqconv::SEQCONV_ISA
