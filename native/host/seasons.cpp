#include "host/seasons.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace seqconv {
namespace {

constexpr double NOT_KNOWN = std::numeric_limits<double>::quiet_NaN();

// Means over a whole season around each row; of an even season the two ends count half. NaN near the ends of y.
void moving_average(const double* y, int64_t rows, int64_t season, double* trend) {
  std::fill_n(trend, rows, NOT_KNOWN);
  const int64_t half = season / 2;
  for (int64_t row = half; row + half < rows; ++row) {
    double sum = std::accumulate(y + row - half, y + row + half + 1, 0.0);
    if (season % 2 == 0) sum -= 0.5 * (y[row - half] + y[row + half]);
    trend[row] = sum / static_cast<double>(season);
  }
}

// Reference: Fiorucci et al., International Journal of Forecasting 32, 2016, section 4 (Bartlett's standard error).
bool correlates(const double* y, int64_t rows, int64_t season) {
  const double mean = std::accumulate(y, y + rows, 0.0) / static_cast<double>(rows);
  double variance = 0, squares = 0, correlation = 0;
  for (int64_t row = 0; row < rows; ++row) variance += (y[row] - mean) * (y[row] - mean);
  for (int64_t lag = 1; lag <= season; ++lag) {
    squares += correlation * correlation;
    correlation = 0;
    for (int64_t row = lag; row < rows; ++row) correlation += (y[row] - mean) * (y[row - lag] - mean);
    correlation /= variance;
  }
  constexpr double LIMIT = 1.6448536269514722;  // quantile 0.95 of the standard normal distribution
  return correlation > LIMIT * std::sqrt((1 + 2 * squares) / static_cast<double>(rows));
}

// A wave that changes slowly correlates with itself at every lag, which hides it from the test; its strength does not.
// Reference: Wang, Smith, Hyndman, Data Mining and Knowledge Discovery 13, 2006; the limit is that of R's `nsdiffs`.
bool is_strong(const double* y, int64_t rows, int64_t season, bool multiplicative, const double* trend,
               const double* indices) {
  constexpr double LIMIT = 0.64;
  double count = 0, sum = 0, squares = 0, remaining = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const double part = multiplicative ? y[row] / trend[row] : y[row] - trend[row];
    if (!std::isfinite(part)) continue;
    const double rest = part - indices[row % season];
    count += 1, sum += part, squares += part * part, remaining += rest * rest;
  }
  return count > 0 && remaining < (1 - LIMIT) * (squares - sum * sum / count);
}

}  // namespace

void fill_holes(const double* y, int64_t rows, double* filled) {
  int64_t before = -1;  // the newest observed row
  for (int64_t row = 0; row < rows; ++row) {
    if (std::isnan(y[row])) continue;
    filled[row] = y[row];
    for (int64_t hole = before + 1; hole < row; ++hole) {
      const double way = static_cast<double>(hole - before) / static_cast<double>(row - before);
      filled[hole] = before < 0 ? y[row] : y[before] + way * (y[row] - y[before]);
    }
    before = row;
  }
  std::fill(filled + before + 1, filled + rows, y[before]);
}

void seasonal_indices(const double* y, int64_t rows, int64_t season, bool multiplicative, double* trend,
                      double* indices) {
  moving_average(y, rows, season, trend);
  double total = 0;
  for (int64_t place = 0; place < season; ++place) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t row = place; row < rows; row += season) {
      const double part = multiplicative ? y[row] / trend[row] : y[row] - trend[row];
      if (!std::isfinite(part)) continue;
      sum += part;
      ++count;
    }
    indices[place] = count > 0 ? sum / static_cast<double>(count) : multiplicative ? 1 : 0;
    total += indices[place];
  }
  const double mean = total / static_cast<double>(season);
  for (int64_t place = 0; place < season; ++place) {
    if (multiplicative) indices[place] /= mean;
    else indices[place] -= mean;
  }
}

bool find_seasons(const double* y, int64_t rows, int64_t season, bool multiplicative, double* trend, double* indices) {
  seasonal_indices(y, rows, season, multiplicative, trend, indices);
  return correlates(y, rows, season) ||
         (rows >= 3 * season && is_strong(y, rows, season, multiplicative, trend, indices));
}

void adjust_seasons(const double* y, int64_t rows, int64_t season, bool multiplicative, const double* indices,
                    double* adjusted) {
  for (int64_t row = 0; row < rows; ++row) {
    const double index = indices[row % season];
    adjusted[row] = multiplicative ? y[row] / index : y[row] - index;
  }
}

}  // namespace seqconv
