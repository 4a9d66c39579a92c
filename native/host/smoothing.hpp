// Statistical forecasts of many series, each fitted by itself: exponential smoothing and Theta.
#pragma once

#include <cstdint>
#include <string>

#include "host/exponential.hpp"
#include "host/theta.hpp"

namespace seqconv {

// What is fitted: one of the forms of either family
struct SmoothingModel {
  ExponentialForms exponential;
  ThetaForms theta;
  bool adjusted;  // seasons are taken out first, where there are any
  bool averaged;  // all forms, by their Akaike weights, instead of the one of least AICc
  bool quick = false;  // a shorter search for the parameters
};

// By name: "ets", "average", "quick" (the same, with a shorter search), a form such as "AAdA" or with Z for "choose",
// "ses", "holt", "damped"; "theta", "otm", "dstm", "dotm", "autotheta". Refuses another.
SmoothingModel smoothing_model(const std::string& name);

constexpr int64_t FIT_NUMBERS = 9;  // before the seasonal states

struct SmoothingJob {
  const double* values;    // [T]; NaN: not observed
  const int64_t* offsets;  // [S + 1]
  int64_t series, season, horizon;
  SmoothingModel model;
  const double* levels;  // [Q], of the quantiles
  int64_t level_count;
  double* forecasts;  // [S, H]
  double* quantiles;  // [S, H, Q]
  double* fits;       // [S, FIT_NUMBERS + states]
  int64_t states;     // seasonal ones of a fit: at most the season
};

void fit_smoothing(const SmoothingJob& job, int threads);

}  // namespace seqconv
