// Exponential smoothing models (ETS): fitted by maximum likelihood, the form chosen by AICc.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/smoothing.hpp"

namespace seqconv {

constexpr int64_t MOST_SEASON = 24;  // rows; a longer season is taken out before

enum class TrendForm { none, additive, damped };

struct ExponentialForm {
  bool relative;  // errors are relative to the forecast: "multiplicative"
  TrendForm trend;
  SeasonForm season;
};

// A bit for each form that may be chosen
using ExponentialForms = uint32_t;
inline int form_number(const ExponentialForm& form) {
  return form.relative * 9 + static_cast<int>(form.trend) * 3 + static_cast<int>(form.season);
}

// A series with at least two different values, brought to the size of 1
struct ScaledSeries {
  const double *y, *filled;  // [rows]; y with NaN where not observed, and without
  int64_t rows, observed, season;
  bool positive;
};

// Parameters and the states before the first row
struct ExponentialFit {
  ExponentialForm form;
  double criterion;  // AICc, up to a constant of the series; infinite if the likelihood has no value
  double variance;   // of the errors, relative ones if the form's are
  double alpha, beta, gamma, phi;
  double level, trend, seasons[MOST_SEASON];
};

// Forecasts and their variances for rows after the last, [horizon]
struct Moments {
  std::vector<double> mean, variance;
  std::vector<double> scratch[2];
  void resize(int64_t horizon) {
    for (std::vector<double>* numbers : {&mean, &variance, &scratch[0], &scratch[1]}) numbers->resize(horizon);
  }
};

// Every one of the forms that suits the series: it is long enough, and positive where a part is multiplicative. A quick
// search takes a third of the time and may stop short of the maximum.
void fit_exponential(const ScaledSeries& series, ExponentialForms forms, bool quick, std::vector<double>& scratch,
                     std::vector<ExponentialFit>& fits);
void forecast_exponential(const ScaledSeries& series, const ExponentialFit& fit, Moments& moments);

}  // namespace seqconv
