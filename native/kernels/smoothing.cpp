// Exponential smoothing, in the form that corrects states by the error e = y - forecast:
//   base = level + phi * trend
//   none:            forecast = base,           level = base + alpha e,          trend = phi trend + beta e
//   additive:        forecast = base + season,  the same and                     season += gamma e
//   multiplicative:  forecast = base * season,  with e / season instead of e and season += gamma e / base
// Multiplicative errors change nothing in that: alpha * forecast * (e / forecast) is alpha * e. Only the likelihood
// knows them: it needs squares of e / forecast and the product of all forecasts.
//
// A row waits for the one before it (three or four dependent operations), so the time of a pass is that of the waiting:
// several sets of parameters side by side cost little more than one.
//
// Reference: Hyndman, Koehler, Ord, Snyder, Forecasting with Exponential Smoothing, Springer 2008, chapters 2 and 5;
// Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler, International Journal of Forecasting 32, 2016 (Theta).
#include "kernels/smoothing.hpp"

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// A group of points: one vector, or two where vectors are short, whose waiting overlaps
typedef double Part __attribute__((vector_size(4 * SEQCONV_LANES), may_alias));
typedef uint64_t Bits __attribute__((vector_size(4 * SEQCONV_LANES), may_alias));
constexpr int PARTS = LANES < 16 ? 2 : 1, GROUP = PARTS * LANES / 2;
static_assert(SMOOTHING_POINTS % GROUP == 0, "points are whole groups");

struct Group {
  Part part[PARTS];
};

template <class Change>
inline Group each(Change change) {
  Group made;
  for (int p = 0; p < PARTS; ++p) made.part[p] = change(p);
  return made;
}

inline Group same(double value) {
  return each([&](int) { return Part{} + value; });
}
inline Group operator+(const Group& a, const Group& b) {
  return each([&](int p) { return a.part[p] + b.part[p]; });
}
inline Group operator-(const Group& a, const Group& b) {
  return each([&](int p) { return a.part[p] - b.part[p]; });
}
inline Group operator*(const Group& a, const Group& b) {
  return each([&](int p) { return a.part[p] * b.part[p]; });
}
inline Group operator/(const Group& a, const Group& b) {
  return each([&](int p) { return a.part[p] / b.part[p]; });
}
inline Group least(const Group& a, const Group& b) {
  return each([&](int p) { return a.part[p] < b.part[p] ? a.part[p] : b.part[p]; });
}

inline Group read(const double* lane) {
  return each([&](int p) { return reinterpret_cast<const Part*>(lane)[p]; });
}
inline void write(double* lane, const Group& group) {
  for (int p = 0; p < PARTS; ++p) reinterpret_cast<Part*>(lane)[p] = group.part[p];
}

// The product of many factors, of which none overflows: 2^(exponent - 1023 * factors) times the mantissa
struct Product {
  Group mantissa = same(1);
  Bits exponent[PARTS] = {};

  void multiply(const Group& factor) {
    constexpr uint64_t EXPONENT = uint64_t{0x7ff} << 52, ONE = uint64_t{0x3ff} << 52;
    for (int p = 0; p < PARTS; ++p) {
      const Bits bits = reinterpret_cast<Bits>(mantissa.part[p] * factor.part[p]);
      exponent[p] += (bits & EXPONENT) >> 52;
      mantissa.part[p] = reinterpret_cast<Part>((bits & ~EXPONENT) | ONE);
    }
  }
};

template <bool RELATIVE, SeasonForm FORM>
void smooth_group(const SmoothingRows& job, SmoothingPoints& points, int at) {
  const Group alpha = read(points.alpha + at), beta = read(points.beta + at), gamma = read(points.gamma + at);
  const Group phi = read(points.phi + at);
  Group level = read(points.level + at), damped = phi * read(points.trend + at), squares = same(0);
  Group lowest = same(1e300);
  Product product;
  double factors = 0;
  for (ptrdiff_t row = 0, place = 0; row < job.rows; ++row) {
    const Group base = level + damped;
    Group forecast = base, season;
    double* const seasons = FORM == SeasonForm::none ? nullptr : points.seasons + place * SMOOTHING_POINTS + at;
    if (FORM != SeasonForm::none) season = read(seasons);
    if (FORM == SeasonForm::additive) forecast = base + season;
    if (FORM == SeasonForm::multiplicative) forecast = base * season;
    level = base;
    const double observed = job.y[row];
    if (observed == observed) {
      const Group error = same(observed) - forecast;
      const Group step = FORM == SeasonForm::multiplicative ? error / season : error;
      if (FORM == SeasonForm::additive) write(seasons, season + gamma * error);
      if (FORM == SeasonForm::multiplicative) write(seasons, season + gamma * error / base);
      level = base + alpha * step;
      damped = damped + beta * step;
      const Group counted = RELATIVE ? error / forecast : error;
      squares = squares + counted * counted;
      if (RELATIVE) {
        product.multiply(forecast);
        lowest = least(lowest, forecast);
        factors += 1;
      }
    }
    damped = damped * phi;
    if (++place >= job.season) place = 0;
  }
  write(points.level + at, level);
  write(points.trend + at, damped / phi);
  write(points.sums.squares + at, squares);
  if (!RELATIVE) return;
  write(points.sums.mantissa + at, product.mantissa);
  write(points.sums.lowest + at, lowest);
  for (int lane = 0; lane < GROUP; ++lane)
    points.sums.exponent[at + lane] =
        static_cast<double>(product.exponent[lane / (LANES / 2)][lane % (LANES / 2)]) - 1023 * factors;
}

template <bool RELATIVE, SeasonForm FORM>
void smooth_as(const SmoothingRows& job, SmoothingPoints& points) {
  for (int at = 0; at < SMOOTHING_POINTS; at += GROUP) smooth_group<RELATIVE, FORM>(job, points, at);
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
void theta_group(const ThetaRows& job, ThetaPoints& points, int at) {
  const Group alpha = read(points.alpha + at), weight = read(points.weight + at), one = same(1);
  const Group kept = one - alpha, inverse = one / alpha;
  Group level = read(points.level + at), decay = one, squares = same(0);
  for (ptrdiff_t row = 0; row < job.rows; ++row) {
    const double observed = job.y[row];
    const Group left = decay * kept;
    if (observed == observed) {
      const Group line = same(job.intercepts[row]) * decay + same(job.slopes[row]) * inverse * (one - left);
      const Group error = same(observed) - (level + weight * line);
      level = level * kept + alpha * same(observed);
      if (row >= job.skipped) squares = squares + error * error;
    }
    decay = left;
  }
  write(points.level + at, level);
  write(points.decay + at, decay);
  write(points.squares + at, squares);
}

void theta(const ThetaRows& job, ThetaPoints& points) {
  for (int at = 0; at < SMOOTHING_POINTS; at += GROUP) theta_group(job, points, at);
}

}  // namespace

extern const SmoothingKernels smoothing_kernels_table;
const SmoothingKernels smoothing_kernels_table = {smooth, theta};

}  // namespace seqconv::SEQCONV_ISA
