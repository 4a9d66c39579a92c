// The line A + B t has t = 1 at the first row. The dynamic variants know before each row the line through the rows
// before it. Errors count from the fourth row: before it a line says little.
//
// Reference: Assimakopoulos, Nikolopoulos, International Journal of Forecasting 16, 2000; Hyndman, Billah, the same 19,
// 2003; Fiorucci et al., the same 32, 2016.
#include "host/theta.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/minimising.hpp"

namespace seqconv {
namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();
constexpr int64_t SKIPPED = 3;
constexpr double TOLERANCE = 1e-4, LEAST_SQUARE = 1e-20;
constexpr double LEAST_ALPHA = 0.1, MOST_ALPHA = 0.99;

// Least squares, one value after the other
class Line {
 public:
  void add(double t, double y) {
    count_ += 1;
    const double from_t = t - mean_t_, from_y = y - mean_y_;
    mean_t_ += from_t / count_;
    mean_y_ += from_y / count_;
    squares_ += from_t * (t - mean_t_);
    products_ += from_t * (y - mean_y_);
  }
  double slope() const { return squares_ > 0 ? products_ / squares_ : 0; }
  double intercept() const { return mean_y_ - slope() * mean_t_; }

 private:
  double count_ = 0, mean_t_ = 0, mean_y_ = 0, squares_ = 0, products_ = 0;
};

// Returns the line through all rows
Line fill_lines(const ScaledSeries& series, bool dynamic, ThetaLines& lines) {
  lines.intercepts.resize(series.rows);
  lines.slopes.resize(series.rows);
  Line line;
  for (int64_t row = 0; row < series.rows; ++row) {
    lines.intercepts[row] = line.intercept();
    lines.slopes[row] = line.slope();
    if (!std::isnan(series.y[row])) line.add(static_cast<double>(row + 1), series.y[row]);
  }
  if (!dynamic) {
    std::fill(lines.intercepts.begin(), lines.intercepts.end(), line.intercept());
    std::fill(lines.slopes.begin(), lines.slopes.end(), line.slope());
  }
  return line;
}

class SquaredError : public Objective {
 public:
  SquaredError(const ScaledSeries& series, const ThetaForm& form, const ThetaLines& lines)
      : Objective(form.optimised ? 3 : 2), series_(series), form_(form), lines_(lines) {
    for (int64_t row = SKIPPED; row < series.rows; ++row) counted_ += !std::isnan(series.y[row]);
  }

  void evaluate(const double* places, int count, double* values) override {
    for (int lane = 0; lane < SMOOTHING_POINTS; ++lane) read(places + std::min(lane, count - 1) * size, lane);
    smoothing_kernels().theta(
        {series_.y, lines_.intercepts.data(), lines_.slopes.data(), series_.rows, SKIPPED}, points_);
    for (int lane = 0; lane < count; ++lane) {
      const double mean = points_.squares[lane] / counted_;
      values[lane] = std::isfinite(mean) ? 0.5 * counted_ * std::log(std::max(mean, LEAST_SQUARE)) : INFINITE;
    }
  }

  // The best of a few smoothing parameters, with a level that makes the first forecast right
  void begin(double* place) {
    double places[SMOOTHING_POINTS * 3] = {}, values[SMOOTHING_POINTS];
    for (int lane = 0; lane < SMOOTHING_POINTS; ++lane) {
      places[lane * size] = -2.1 + 0.6 * lane;
      places[lane * size + 1] = series_.filled[0] - 0.5 * (lines_.intercepts[0] + lines_.slopes[0]);
    }
    evaluate(places, SMOOTHING_POINTS, values);
    std::copy_n(places + (std::min_element(values, values + SMOOTHING_POINTS) - values) * size, size, place);
  }

  ThetaFit finish(const double* place) {
    double value;
    evaluate(place, 1, &value);
    const double squares = points_.squares[0];
    read(place, 0);
    return {form_, std::isfinite(value) ? squares / counted_ : INFINITE, squares / std::max(1.0, counted_ - 1),
            points_.alpha[0], 1 / (1 - points_.weight[0]), points_.level[0]};
  }

 private:
  void read(const double* unknown, int lane) {
    points_.alpha[lane] = between(LEAST_ALPHA, MOST_ALPHA, unknown[0]);
    points_.level[lane] = unknown[1];
    points_.weight[lane] = form_.optimised ? between(0, 1 - 1e-9, unknown[2]) : 0.5;
  }

  const ScaledSeries& series_;
  const ThetaForm form_;
  const ThetaLines& lines_;
  double counted_ = 0;
  ThetaPoints points_;
};

}  // namespace

ThetaFit fit_theta(const ScaledSeries& series, ThetaForms forms, ThetaLines& lines) {
  ThetaFit best = {};
  best.criterion = INFINITE;
  for (const bool dynamic : {false, true}) {
    fill_lines(series, dynamic, lines);
    for (const bool optimised : {false, true}) {
      const ThetaForm form = {dynamic, optimised};
      if (!(forms >> form_number(form) & 1)) continue;
      SquaredError error(series, form, lines);
      double place[MOST_UNKNOWNS];
      error.begin(place);
      minimise(error, place, TOLERANCE);
      const ThetaFit fit = error.finish(place);
      if (fit.criterion < best.criterion) best = fit;
    }
  }
  return best;
}

// The variance is that of simple smoothing with drift, which Theta is (Hyndman and Billah).
void forecast_theta(const ScaledSeries& series, const ThetaFit& fit, ThetaLines& lines, Moments& moments) {
  Line line = fill_lines(series, fit.form.dynamic, lines);
  const double weight = 1 - 1 / fit.theta, kept = 1 - fit.alpha;
  ThetaPoints points = {};
  for (int lane = 0; lane < SMOOTHING_POINTS; ++lane)
    points.alpha[lane] = fit.alpha, points.weight[lane] = weight, points.level[lane] = fit.level;
  smoothing_kernels().theta({series.y, lines.intercepts.data(), lines.slopes.data(), series.rows, SKIPPED}, points);
  double level = points.level[0], decay = points.decay[0];
  for (size_t step = 0; step < moments.mean.size(); ++step, decay *= kept) {
    const double along = line.intercept() * decay + line.slope() / fit.alpha * (1 - decay * kept);
    const double forecast = level + weight * along;
    level += fit.alpha * (forecast - level);
    if (fit.form.dynamic) line.add(static_cast<double>(series.rows + 1) + static_cast<double>(step), forecast);
    moments.mean[step] = forecast;
    moments.variance[step] = fit.variance * (1 + static_cast<double>(step) * fit.alpha * fit.alpha);
  }
}

}  // namespace seqconv
