#include "host/exponential.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/minimising.hpp"
#include "host/seasons.hpp"

namespace seqconv {
namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();
constexpr double TOLERANCE = 1e-4, QUICK_TOLERANCE = 1e-2;  // of the log likelihood
constexpr double LEAST_SQUARE = 1e-20;    // of an error: below lies what rounding leaves
constexpr double LEAST_FORECAST = 1e-12;  // with relative errors
// Bounds of the smoothing parameters, as R's `ets` has them; beta lies below alpha, gamma below 1 - alpha
constexpr double LEAST = 1e-4, LEAST_PHI = 0.8, MOST_PHI = 0.98;

// Where the search for the states begins, and how far it reaches at first
struct StartStates {
  double mean, level, trend, unit;  // level without and with a trend
  double seasons[MOST_SEASON];
};

// Reference: Hyndman, Koehler, Snyder, Grose, International Journal of Forecasting 18, 2002, section 4.
StartStates start_states(const ScaledSeries& series, SeasonForm form, std::vector<double>& scratch) {
  const int64_t season = form == SeasonForm::none ? 1 : series.season;
  scratch.resize(series.rows);
  const int64_t rows = std::min(series.rows, std::max<int64_t>(10, 2 * season));
  StartStates start = {};
  if (form == SeasonForm::none) {
    std::copy_n(series.filled, series.rows, scratch.data());
  } else {
    const bool multiplicative = form == SeasonForm::multiplicative;
    seasonal_indices(series.filled, std::min(series.rows, 3 * season), season, multiplicative, scratch.data(),
                     start.seasons);
    if (multiplicative)
      for (int64_t place = 0; place < season; ++place) start.seasons[place] = std::max(start.seasons[place], 0.01);
    adjust_seasons(series.filled, series.rows, season, multiplicative, start.seasons, scratch.data());
  }
  const double middle = 0.5 * static_cast<double>(rows + 1), count = static_cast<double>(rows);
  double slope = 0, changes = 0;
  for (int64_t row = 0; row < rows; ++row) {
    start.mean += scratch[row] / count;
    slope += scratch[row] * (static_cast<double>(row + 1) - middle);
  }
  for (int64_t row = 1; row < series.rows; ++row) changes += std::fabs(scratch[row] - scratch[row - 1]);
  start.trend = rows > 1 ? slope / (count * (count * count - 1) / 12) : 0;
  start.level = start.mean - middle * start.trend;
  start.unit = std::max(1e-9, changes / static_cast<double>(series.rows));
  return start;
}

// Minus the log likelihood, up to a constant of the series
class Likelihood : public Objective {
 public:
  Likelihood(const ScaledSeries& series, const ExponentialForm& form, const StartStates& start)
      : Objective(count_unknowns(form, series.season)), series_(series), form_(form), start_(start),
        season_(form.season == SeasonForm::none ? 1 : series.season) {
    points_.seasons = seasons_;
  }

  static int count_unknowns(const ExponentialForm& form, int64_t season) {
    const int trend = form.trend == TrendForm::none ? 0 : form.trend == TrendForm::additive ? 2 : 3;
    return 2 + trend + (form.season == SeasonForm::none ? 0 : static_cast<int>(season));
  }

  void evaluate(const double* places, int count, double* values) override {
    for (int lane = 0; lane < SMOOTHING_POINTS; ++lane) read(places + std::min(lane, count - 1) * size, lane);
    run();
    for (int lane = 0; lane < count; ++lane) values[lane] = value(lane);
  }

  // The best of a few smoothing parameters with the states of the start: large ones forget `soon`
  void begin(bool soon, double* place) {
    constexpr double LEVELS[2][2] = {{0.05, 0.25}, {0.55, 0.9}}, OTHERS[] = {0.001, 0.03, 0.15, 0.4};
    double places[SMOOTHING_POINTS * MOST_UNKNOWNS] = {}, values[SMOOTHING_POINTS];
    for (int lane = 0; lane < SMOOTHING_POINTS; ++lane)
      propose(LEVELS[soon][lane / 4], OTHERS[lane % 4], places + lane * size);
    evaluate(places, SMOOTHING_POINTS, values);
    std::copy_n(places + (std::min_element(values, values + SMOOTHING_POINTS) - values) * size, size, place);
  }

  ExponentialFit finish(const double* place, double value) {
    read(place, 0);
    ExponentialFit fit = {form_, INFINITE, 0, points_.alpha[0], points_.beta[0], points_.gamma[0], points_.phi[0],
                          points_.level[0], points_.trend[0], {}};
    if (form_.season != SeasonForm::none)
      for (int64_t at = 0; at < season_; ++at) fit.seasons[at] = seasons_[at * SMOOTHING_POINTS];
    double again;
    evaluate(place, 1, &again);
    const double rows = static_cast<double>(series_.observed), parameters = size + 1;
    fit.variance = points_.sums.squares[0] / std::max(1.0, rows - size);
    if (std::isfinite(value) && std::isfinite(again))
      fit.criterion = 2 * value + 2 * parameters + 2 * parameters * (parameters + 1) / (rows - parameters - 1);
    return fit;
  }

 private:
  void propose(double alpha, double other, double* unknown) const {
    *unknown++ = unknown_at(alpha);
    if (form_.trend != TrendForm::none) *unknown++ = unknown_at(other);
    if (form_.season != SeasonForm::none) *unknown++ = unknown_at(other);
    if (form_.trend == TrendForm::damped) *unknown++ = unknown_at(0.9);
  }

  void read(const double* unknown, int lane) {
    const double alpha = points_.alpha[lane] = between(LEAST, 1 - LEAST, *unknown++);
    points_.beta[lane] = form_.trend == TrendForm::none ? 0 : between(LEAST * alpha, alpha, *unknown++);
    points_.gamma[lane] = form_.season == SeasonForm::none ? 0 : between(LEAST * (1 - alpha), 1 - alpha, *unknown++);
    points_.phi[lane] = form_.trend == TrendForm::damped ? between(LEAST_PHI, MOST_PHI, *unknown++) : 1;
    const bool trend = form_.trend != TrendForm::none;
    points_.level[lane] = (trend ? start_.level : start_.mean) + start_.unit * *unknown++;
    points_.trend[lane] = trend ? start_.trend + 0.3 * start_.unit * *unknown++ : 0;
    if (form_.season != SeasonForm::none) read_seasons(unknown, lane);
  }

  // All but one; the last follows from the others
  void read_seasons(const double* unknown, int lane) {
    const bool multiplicative = form_.season == SeasonForm::multiplicative;
    const double unit = multiplicative ? start_.unit / std::max(1e-3, std::fabs(start_.mean)) : start_.unit;
    double left = multiplicative ? static_cast<double>(season_) : 0;
    for (int64_t at = 0; at + 1 < season_; ++at)
      left -= seasons_[at * SMOOTHING_POINTS + lane] = start_.seasons[at] + unit * unknown[at];
    seasons_[(season_ - 1) * SMOOTHING_POINTS + lane] = left;
  }

  void run() { smoothing_kernels().smooth({series_.y, series_.rows, season_, form_.relative, form_.season}, points_); }

  double value(int lane) const {
    const SmoothingSums& sums = points_.sums;
    const double rows = static_cast<double>(series_.observed), squares = sums.squares[lane];
    if (!std::isfinite(squares) || !std::isfinite(points_.level[lane])) return INFINITE;
    const double errors = 0.5 * rows * std::log(std::max(squares / rows, LEAST_SQUARE));
    if (!form_.relative) return errors;
    if (!(sums.lowest[lane] > LEAST_FORECAST)) return INFINITE;
    return errors + std::log(sums.mantissa[lane]) + sums.exponent[lane] * 0.69314718055994531;
  }

  const ScaledSeries& series_;
  const ExponentialForm form_;
  const StartStates& start_;
  const int64_t season_;
  SmoothingPoints points_;
  alignas(64) double seasons_[MOST_SEASON * SMOOTHING_POINTS];
};

bool can_fit(const ScaledSeries& series, const ExponentialForm& form) {
  const bool multiplicative = form.relative || form.season == SeasonForm::multiplicative;
  if (multiplicative && !series.positive) return false;
  if (form.season != SeasonForm::none && (series.season < 2 || series.rows < 2 * series.season)) return false;
  return series.observed - Likelihood::count_unknowns(form, series.season) - 2 > 0;  // AICc divides by it
}

// The likelihood has several maxima: the search begins twice, a quick one only where the likelihood is larger
ExponentialFit fit_form(const ScaledSeries& series, const ExponentialForm& form, const StartStates& start, bool quick) {
  Likelihood likelihood(series, form, start);
  if (quick) {
    double places[2][MOST_UNKNOWNS], values[2];
    for (const bool soon : {false, true}) {
      likelihood.begin(soon, places[soon]);
      likelihood.evaluate(places[soon], 1, &values[soon]);
    }
    double* const place = places[values[1] < values[0]];
    return likelihood.finish(place, minimise(likelihood, place, QUICK_TOLERANCE));
  }
  ExponentialFit best = {};
  best.criterion = INFINITE;
  for (const bool soon : {false, true}) {
    double place[MOST_UNKNOWNS];
    likelihood.begin(soon, place);
    const ExponentialFit fit = likelihood.finish(place, minimise(likelihood, place, TOLERANCE));
    if (fit.criterion < best.criterion) best = fit;
  }
  return best;
}

// The states after the last row
void step_to_the_end(const ScaledSeries& series, ExponentialFit& fit) {
  alignas(64) double seasons[MOST_SEASON * SMOOTHING_POINTS];
  SmoothingPoints points = {};
  points.seasons = seasons;
  for (int lane = 0; lane < SMOOTHING_POINTS; ++lane) {
    points.alpha[lane] = fit.alpha, points.beta[lane] = fit.beta, points.gamma[lane] = fit.gamma;
    points.phi[lane] = fit.phi, points.level[lane] = fit.level, points.trend[lane] = fit.trend;
    for (int64_t at = 0; at < MOST_SEASON; ++at) seasons[at * SMOOTHING_POINTS + lane] = fit.seasons[at];
  }
  const int64_t season = fit.form.season == SeasonForm::none ? 1 : series.season;
  smoothing_kernels().smooth({series.y, series.rows, season, fit.form.relative, fit.form.season}, points);
  fit.level = points.level[0], fit.trend = points.trend[0];
  for (int64_t at = 0; at < MOST_SEASON; ++at) fit.seasons[at] = seasons[at * SMOOTHING_POINTS];
}

}  // namespace

void fit_exponential(const ScaledSeries& series, ExponentialForms forms, bool quick, std::vector<double>& scratch,
                     std::vector<ExponentialFit>& fits) {
  fits.clear();
  for (const SeasonForm season : {SeasonForm::none, SeasonForm::additive, SeasonForm::multiplicative}) {
    StartStates start;
    bool started = false;
    for (const TrendForm trend : {TrendForm::none, TrendForm::additive, TrendForm::damped}) {
      for (const bool relative : {false, true}) {
        const ExponentialForm form = {relative, trend, season};
        if (!(forms >> form_number(form) & 1) || !can_fit(series, form)) continue;
        if (!started) start = start_states(series, season, scratch);
        started = true;
        const ExponentialFit fit = fit_form(series, form, start, quick);
        if (std::isfinite(fit.criterion)) fits.push_back(fit);
      }
    }
  }
}

// What an error does to the forecast `lead` rows later is c[lead]; relative errors multiply, so that their variances
// feed on the forecasts. With multiplicative seasons the last formula is an approximation for small errors.
// Reference: Hyndman, Koehler, Ord, Snyder, Journal of Forecasting 24, 2005, classes 1 to 3.
void forecast_exponential(const ScaledSeries& series, const ExponentialFit& fitted, Moments& moments) {
  ExponentialFit fit = fitted;
  step_to_the_end(series, fit);
  const int64_t horizon = static_cast<int64_t>(moments.mean.size()), season = series.season;
  const bool multiplicative = fit.form.season == SeasonForm::multiplicative, relative = fit.form.relative;
  std::vector<double>&c = moments.scratch[0], &squares = moments.scratch[1];
  double damping = 0, factor = 1, sum = 0;
  for (int64_t lead = 1; lead <= horizon; ++lead) {
    const double index = fit.form.season == SeasonForm::none ? 0 : fit.seasons[(series.rows + lead - 1) % season];
    damping += factor *= fit.phi;
    const double base = fit.level + damping * fit.trend;
    const double additive = fit.form.season == SeasonForm::additive ? base + index : base;
    moments.mean[lead - 1] = multiplicative ? base * index : additive;
    c[lead - 1] = fit.alpha + fit.beta * damping;
    if (fit.form.season == SeasonForm::additive && lead % season == 0) c[lead - 1] += fit.gamma;
    if (!relative) {
      moments.variance[lead - 1] = fit.variance * (1 + sum);
      sum += c[lead - 1] * c[lead - 1];
      continue;
    }
    squares[lead - 1] = additive * additive;
    for (int64_t back = 1; back < lead; ++back)
      squares[lead - 1] += fit.variance * c[back - 1] * c[back - 1] * squares[lead - 1 - back];
    double spread = (1 + fit.variance) * squares[lead - 1];
    if (multiplicative) spread *= std::pow(1 + fit.gamma * fit.gamma * fit.variance, (lead - 1) / season);
    moments.variance[lead - 1] = (spread - additive * additive) * (multiplicative ? index * index : 1);
  }
}

}  // namespace seqconv
