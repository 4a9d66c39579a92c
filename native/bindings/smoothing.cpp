// Exponential smoothing and Theta for many series.
#include "host/smoothing.hpp"

#include <nanobind/stl/string.h>

#include <cmath>
#include <limits>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

using DoublesIn = Array<const double, 1>;
constexpr int64_t MOST_ROWS = std::numeric_limits<int32_t>::max();

// Every series has rows, and at least one that is observed
void check_series(const DoublesIn& values, const LongsIn<1>& offsets) {
  const int64_t* at = offsets.data();
  const int64_t series = size_of(offsets, 0) - 1, rows = size_of(values, 0);
  check_at_least("offsets", series, 0);
  if (at[0] != 0 || at[series] != rows)
    refuse("offsets: must go from 0 to the number of values, " + std::to_string(rows));
  for (int64_t number = 0; number < series; ++number) {
    bool known = false;
    if (at[number + 1] < at[number] || at[number + 1] > rows) refuse("offsets: must not fall");
    for (int64_t row = at[number]; row < at[number + 1]; ++row) {
      if (std::isinf(values.data()[row]))
        refuse("values: must be finite or NaN; got an infinite one in series " + std::to_string(number));
      known |= !std::isnan(values.data()[row]);
    }
    if (!known) refuse("values: each series must have at least one; got none in series " + std::to_string(number));
  }
}

void smoothing(const DoublesIn& values, const LongsIn<1>& offsets, int64_t season, const std::string& model,
               const DoublesIn& levels, const Array<double, 2>& forecasts, const Array<double, 3>& quantiles,
               const Array<double, 2>& fits, int threads) {
  check_at_least("threads", threads, 1);
  check_at_least("season", season, 1);
  check_at_least("series of offsets", size_of(offsets, 0), 1);
  const int64_t series = size_of(offsets, 0) - 1, horizon = size_of(forecasts, 1), count = size_of(levels, 0);
  check_indices("season", &season, 1, MOST_ROWS);
  check_indices("horizon", &horizon, 1, MOST_ROWS);
  const int64_t states = season > 1 && season <= MOST_SEASON ? season : 0;
  check_shape("forecasts", forecasts, {series, horizon});
  check_shape("quantiles", quantiles, {series, horizon, count});
  check_shape("fits", fits, {series, FIT_NUMBERS + states});
  check_apart("values", values, forecasts, quantiles, fits);
  check_apart("offsets", offsets, forecasts, quantiles, fits);
  check_apart("levels", levels, forecasts, quantiles, fits);
  for (int64_t level = 0; level < count; ++level)
    if (!(levels.data()[level] > 0 && levels.data()[level] < 1)) refuse("levels: must lie between 0 and 1");
  const SmoothingJob job = {values.data(), offsets.data(), series, season, horizon, smoothing_model(model),
                            levels.data(), count, forecasts.data(), quantiles.data(), fits.data(), states};
  const nb::gil_scoped_release unlocked;
  check_series(values, offsets);
  fit_smoothing(job, threads);
}

}  // namespace

void bind_smoothing(nb::module_& m) {
  m.def("smoothing", &smoothing, array("values"), array("offsets"), nb::arg("season"), nb::arg("model"),
        array("levels"), array("forecasts"), array("quantiles"), array("fits"), nb::arg("threads"),
        "Forecasts [S, H] and their quantiles [S, H, Q] at levels [Q], for each series of values [T] from offsets [s] "
        "to [s + 1], NaN: not observed. fits [S, 9 + season]: form, criterion, deviation of the errors, alpha, beta "
        "(theta), gamma, phi, level, trend and seasons before the first row; no seasons if season is 1 or above 24.");
}

}  // namespace seqconv
