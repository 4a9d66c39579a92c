// The Theta method: smoothing of which the forecast follows a line of the series in part.
#pragma once

#include "host/exponential.hpp"

namespace seqconv {

// A bit for each variant that may be chosen, by the smallest squared error: the line fitted once or again at every row,
// theta 2 or optimised
using ThetaForms = uint32_t;
struct ThetaForm {
  bool dynamic, optimised;
};
inline int form_number(const ThetaForm& form) { return form.dynamic * 2 + form.optimised; }

constexpr int64_t LEAST_THETA_ROWS = 8;  // observed

struct ThetaFit {
  ThetaForm form;
  double criterion;  // mean squared error
  double variance;
  double alpha, theta, level;  // level before the first row
};

// Lines known before each row, [rows] each
struct ThetaLines {
  std::vector<double> intercepts, slopes;
};

ThetaFit fit_theta(const ScaledSeries& series, ThetaForms forms, ThetaLines& lines);
void forecast_theta(const ScaledSeries& series, const ThetaFit& fit, ThetaLines& lines, Moments& moments);

}  // namespace seqconv
