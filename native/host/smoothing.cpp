#include "host/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "host/checks.hpp"
#include "host/normal.hpp"
#include "host/parallel.hpp"
#include "host/seasons.hpp"

namespace seqconv {
namespace {

constexpr int64_t SERIES_OF_TASK = 8;
constexpr int NAIVE = -1;         // form of a fit that repeats the last value
constexpr int THETA_NUMBER = 18;  // form of the first variant of Theta
constexpr double LARGEST = std::numeric_limits<double>::max();

// The letters of a form, such as "MAdM"; Z stands for all of them
class Letters {
 public:
  explicit Letters(const std::string& name) : name_(name) {}

  ExponentialForms read() {
    const ExponentialForms errors = take("AM"), trends = take("NA"), seasons = take("NAM");
    if (place_ != name_.size()) wrong_ = true;
    if (wrong_) return 0;
    ExponentialForms forms = 0;
    for (int error = 0; error < 2; ++error)
      for (int trend = 0; trend < 3; ++trend)
        for (int season = 0; season < 3; ++season)
          if ((errors >> error & 1) && (trends >> trend & 1) && (seasons >> season & 1) && is_sound(error, season))
            forms |= 1u << form_number({error == 1, TrendForm(trend), SeasonForm(season)});
    return forms;
  }

 private:
  ExponentialForms take(const std::string& letters) {
    const char letter = place_ < name_.size() ? name_[place_++] : ' ';
    if (letter == 'Z') return any_ = true, 7;
    const size_t found = letters.find(letter);
    wrong_ |= found == std::string::npos;
    if (letters == "NA" && letter == 'A' && place_ < name_.size() && name_[place_] == 'd') return ++place_, 4;
    return 1u << (wrong_ ? 0 : found);
  }
  // Additive errors on multiplicative seasons have infinite variance: taken only where they are asked for
  bool is_sound(int error, int season) const { return !any_ || error == 1 || season != 2; }

  const std::string& name_;
  size_t place_ = 0;
  bool wrong_ = false, any_ = false;
};

ExponentialForms forms_of(const std::string& name) { return Letters(name).read(); }

// The same forms for a series whose seasons have been taken out
ExponentialForms without_seasons(ExponentialForms forms) {
  constexpr ExponentialForms NONE = 0111111;  // every third bit
  return (forms | forms >> 1 | forms >> 2) & NONE;
}

// One worker's memory
struct Memory {
  std::vector<double> scaled, filled, scratch, indices, normals;
  std::vector<ExponentialFit> fits;
  ThetaLines lines;
  Moments moments;
  std::vector<double> forecasts, quantiles;  // of a scaled series, weighted sums
};

struct Extent {
  int64_t observed = 0;
  double low = LARGEST, high = -LARGEST;
};

Extent measure(const double* y, int64_t rows) {
  Extent extent;
  for (int64_t row = 0; row < rows; ++row) {
    if (std::isnan(y[row])) continue;
    ++extent.observed;
    extent.low = std::min(extent.low, y[row]);
    extent.high = std::max(extent.high, y[row]);
  }
  return extent;
}

class Fitter {
 public:
  Fitter(const SmoothingJob& job, Memory& memory) : job_(job), memory_(memory) {}

  void fit(int64_t number) {
    const double* y = job_.values + job_.offsets[number];
    const int64_t rows = job_.offsets[number + 1] - job_.offsets[number];
    const Extent extent = measure(y, rows);
    scale_ = std::max({std::fabs(extent.low), std::fabs(extent.high), std::numeric_limits<double>::min()});
    positive_ = extent.low > 0;
    adjusted_ = false;
    weights_ = 0;
    memory_.forecasts.assign(job_.horizon, 0.0);
    memory_.quantiles.assign(job_.horizon * job_.level_count, 0.0);
    bring_to_size(y, rows);
    ScaledSeries series = {memory_.scaled.data(), memory_.filled.data(), rows, extent.observed, job_.season, positive_};
    if (job_.model.adjusted || job_.season > MOST_SEASON) adjust(series);
    if (extent.low < extent.high) {
      if (job_.model.theta != 0 && series.observed >= LEAST_THETA_ROWS) fit_line(series, number);
      else fit_forms(series, number);
    }
    if (weights_ == 0) fit_naive(series, number);
    write(number);
  }

 private:
  void bring_to_size(const double* y, int64_t rows) {
    memory_.scaled.resize(rows);
    memory_.filled.resize(rows);
    for (int64_t row = 0; row < rows; ++row) memory_.scaled[row] = y[row] / scale_;
    fill_holes(memory_.scaled.data(), rows, memory_.filled.data());
  }

  // Take the seasons out, if there are any
  void adjust(ScaledSeries& series) {
    const int64_t season = series.season;
    series.season = 1;
    if (season < 2 || series.rows <= 2 * season) return;
    memory_.indices.resize(season);
    memory_.scratch.resize(series.rows);
    double *const indices = memory_.indices.data(), *const trend = memory_.scratch.data();
    adjusted_ = find_seasons(series.filled, series.rows, season, positive_, trend, indices);
    if (!adjusted_) return;
    adjust_seasons(series.y, series.rows, season, positive_, indices, memory_.scaled.data());
    adjust_seasons(series.filled, series.rows, season, positive_, indices, memory_.filled.data());
  }

  void fit_forms(const ScaledSeries& series, int64_t number) {
    const ExponentialForms asked = job_.model.exponential;
    std::vector<ExponentialFit>& fits = memory_.fits;
    const bool quick = job_.model.quick;
    fit_exponential(series, series.season > 1 ? asked : asked | without_seasons(asked), quick, memory_.scratch, fits);
    if (fits.empty()) fit_exponential(series, forms_of("ZZZ"), quick, memory_.scratch, fits);
    if (fits.empty()) return;
    const auto better = [](const ExponentialFit& a, const ExponentialFit& b) { return a.criterion < b.criterion; };
    const ExponentialFit best = *std::min_element(fits.begin(), fits.end(), better);
    if (!job_.model.averaged) fits.assign(1, best);
    report(best, series.season, number);
    for (const ExponentialFit& fit : fits) {
      constexpr double LEAST_WEIGHT = 1e-3;  // of that of the best
      const double weight = std::exp(0.5 * (best.criterion - fit.criterion));
      if (weight < LEAST_WEIGHT) continue;
      forecast_exponential(series, fit, memory_.moments);
      add(weight, fit.form.relative, series.rows);
    }
  }

  void report(const ExponentialFit& fit, int64_t season, int64_t number) const {
    const double spread = fit.form.relative ? 1 : scale_;
    double* const seasons = report(number, {double(form_number(fit.form)), fit.criterion,
                                            std::sqrt(fit.variance) * spread, fit.alpha, fit.beta, fit.gamma, fit.phi,
                                            fit.level * scale_, fit.trend * scale_});
    const double unit = fit.form.season == SeasonForm::additive ? scale_ : 1;
    if (fit.form.season != SeasonForm::none)
      for (int64_t at = 0; at < season; ++at) seasons[at] = fit.seasons[at] * unit;
  }

  // Returns the place of the seasonal states, which are 0
  double* report(int64_t number, const double (&numbers)[FIT_NUMBERS]) const {
    double* const fit = job_.fits + number * (FIT_NUMBERS + job_.states);
    std::fill_n(std::copy_n(numbers, FIT_NUMBERS, fit), job_.states, 0.0);
    return fit + FIT_NUMBERS;
  }

  void fit_line(const ScaledSeries& series, int64_t number) {
    const ThetaFit fit = fit_theta(series, job_.model.theta, memory_.lines);
    if (!std::isfinite(fit.criterion)) return;
    forecast_theta(series, fit, memory_.lines, memory_.moments);
    report(number, {double(THETA_NUMBER + form_number(fit.form)), fit.criterion, std::sqrt(fit.variance) * scale_,
                    fit.alpha, fit.theta, 0, 0, fit.level * scale_, 0});
    add(1, false, series.rows);
  }

  // The last value again and again, with the variance of a random walk
  void fit_naive(const ScaledSeries& series, int64_t number) {
    double squares = 0, steps = 0;
    int64_t before = -1;
    for (int64_t row = 0; row < series.rows; ++row) {
      if (std::isnan(series.y[row])) continue;
      const double change = before < 0 ? 0 : series.y[row] - series.y[before];
      if (before >= 0) squares += change * change / static_cast<double>(row - before), steps += 1;
      before = row;
    }
    const double variance = steps > 0 ? squares / steps : 0, since = static_cast<double>(series.rows - 1 - before);
    for (size_t step = 0; step < memory_.moments.mean.size(); ++step) {
      memory_.moments.mean[step] = series.filled[series.rows - 1];
      memory_.moments.variance[step] = variance * (since + static_cast<double>(step + 1));
    }
    report(number, {NAIVE, 0, std::sqrt(variance) * scale_, 1, 0, 0, 1, 0, 0});
    add(1, false, series.rows);
  }

  // Forecasts and quantiles from the moments, with the seasons put back; left out if one is not finite
  void add(double weight, bool log_normal, int64_t rows) {
    const Moments& moments = memory_.moments;
    const auto finite = [](double number) { return std::isfinite(number); };
    if (!std::all_of(moments.mean.begin(), moments.mean.end(), finite)) return;
    if (!std::all_of(moments.variance.begin(), moments.variance.end(), finite)) return;
    weights_ += weight;
    for (int64_t step = 0; step < job_.horizon; ++step) {
      double mean = moments.mean[step], deviation = std::sqrt(std::max(0.0, moments.variance[step]));
      if (adjusted_) {
        const double index = memory_.indices[(rows + step) % job_.season];
        mean = positive_ ? mean * index : mean + index;
        if (positive_) deviation *= index;
      }
      memory_.forecasts[step] += weight * mean;
      double* const quantiles = memory_.quantiles.data() + step * job_.level_count;
      for (int64_t level = 0; level < job_.level_count; ++level)
        quantiles[level] += weight * quantile(mean, deviation, memory_.normals[level], log_normal);
    }
  }

  // Forecasts with relative errors have a log-normal distribution of the same mean and variance
  static double quantile(double mean, double deviation, double normal, bool log_normal) {
    if (!log_normal || !(mean > 0)) return mean + deviation * normal;
    const double spread = std::log1p(deviation * deviation / (mean * mean));
    return mean * std::exp(normal * std::sqrt(spread) - 0.5 * spread);
  }

  void write(int64_t number) const {
    const auto sized = [this](double sum) { return std::clamp(sum / weights_ * scale_, -LARGEST, LARGEST); };
    const auto copy = [&](const std::vector<double>& from, double* to) {
      std::transform(from.begin(), from.end(), to + number * static_cast<int64_t>(from.size()), sized);
    };
    copy(memory_.forecasts, job_.forecasts);
    copy(memory_.quantiles, job_.quantiles);
  }

  const SmoothingJob& job_;
  Memory& memory_;
  double scale_ = 1, weights_ = 0;
  bool positive_ = false, adjusted_ = false;
};

}  // namespace

SmoothingModel smoothing_model(const std::string& name) {
  static const std::map<std::string, SmoothingModel> named = {
      {"ets", {forms_of("ZZZ"), 0, false, false}},  {"average", {forms_of("ZZZ"), 0, false, true}},
      {"quick", {forms_of("ZZZ"), 0, false, true, true}},
      {"ses", {forms_of("ANN"), 0, true, false}},   {"holt", {forms_of("AAN"), 0, true, false}},
      {"damped", {forms_of("AAdN"), 0, true, false}},
      {"theta", {forms_of("ZZN"), 1, true, false}}, {"otm", {forms_of("ZZN"), 2, true, false}},
      {"dstm", {forms_of("ZZN"), 4, true, false}},  {"dotm", {forms_of("ZZN"), 8, true, false}},
      {"autotheta", {forms_of("ZZN"), 15, true, false}},
  };
  const auto found = named.find(name);
  if (found != named.end()) return found->second;
  const ExponentialForms forms = forms_of(name);
  if (forms == 0)
    refuse("model: must be ets, average, quick, ses, holt, damped, theta, otm, dstm, dotm, autotheta or letters such "
           "as AAdA; got " + name);
  return {forms, 0, false, false};
}

void fit_smoothing(const SmoothingJob& job, int threads) {
  std::vector<double> normals(job.level_count);
  std::transform(job.levels, job.levels + job.level_count, normals.begin(), normal_quantile);
  const int64_t tasks = ceil_divide(job.series, SERIES_OF_TASK);
  std::vector<Memory> memories(count_workers(tasks, threads));
  parallel_for_workers(static_cast<int>(tasks), threads, [&](int task, int worker) {
    Memory& memory = memories[worker];
    memory.normals = normals;
    memory.moments.resize(job.horizon);
    Fitter fitter(job, memory);
    const int64_t first = task * SERIES_OF_TASK;
    for (int64_t number = first; number < std::min(job.series, first + SERIES_OF_TASK); ++number) fitter.fit(number);
  });
}

}  // namespace seqconv
