// Exponential smoothing and Theta: one series gone through at several sets of parameters at once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

constexpr int SMOOTHING_POINTS = 8;  // sets of parameters of one pass

using SmoothingLane = double[SMOOTHING_POINTS];

// What a pass adds up over the observed rows. The product of the forecasts is mantissa * 2^exponent.
struct alignas(64) SmoothingSums {
  SmoothingLane squares;             // of the errors; relative ones where asked for
  SmoothingLane mantissa, exponent;  // with relative errors only
  SmoothingLane lowest;              // forecast, with relative errors only
};

// States go in as they are before the first row and come out as they are after the last
struct alignas(64) SmoothingPoints {
  SmoothingLane alpha, beta, gamma, phi;
  SmoothingLane level, trend;
  double* seasons;  // [season, POINTS] on a cache line; row t has place t % season
  SmoothingSums sums;
};

enum class SeasonForm { none, additive, multiplicative };

struct SmoothingRows {
  const double* y;  // [rows]; NaN: not observed
  ptrdiff_t rows, season;
  bool relative;  // errors e / forecast instead of e
  SeasonForm form;
};

// `weight` is 1 - 1 / theta. Errors count from row `skipped`.
struct alignas(64) ThetaPoints {
  SmoothingLane alpha, weight, level;
  SmoothingLane decay;    // out: (1 - alpha)^rows
  SmoothingLane squares;  // out
};

struct ThetaRows {
  const double* y;  // [rows]; NaN: not observed
  const double *intercepts, *slopes;  // [rows]: the line that is known before each row
  ptrdiff_t rows, skipped;
};

struct SmoothingKernels {
  void (*smooth)(const SmoothingRows&, SmoothingPoints&);
  void (*theta)(const ThetaRows&, ThetaPoints&);
};

SEQCONV_KERNELS(SmoothingKernels, smoothing_kernels)

}  // namespace seqconv
