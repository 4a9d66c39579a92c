// Seasons of a series that is given without holes: whether there are any, and what they look like.
#pragma once

#include <cstdint>

namespace seqconv {

// y with NaN replaced by straight lines between neighbours, and by the nearest value at the ends; one value is needed
void fill_holes(const double* y, int64_t rows, double* filled);

// What each place in the season adds to the trend (mean 0), or what it multiplies it by (mean 1). Row t has place
// t % season; at least two seasons are needed. `trend` [rows] becomes the trend, NaN near the ends.
void seasonal_indices(const double* y, int64_t rows, int64_t season, bool multiplicative, double* trend,
                      double* indices);

// The same, if y has seasons: if its autocorrelation at the season is above 0 with 90 % confidence, or if of three or
// more seasons the indices explain most of what is not trend. More than two seasons are needed.
bool find_seasons(const double* y, int64_t rows, int64_t season, bool multiplicative, double* trend, double* indices);

// y without its seasons: less the indices, or divided by them
void adjust_seasons(const double* y, int64_t rows, int64_t season, bool multiplicative, const double* indices,
                    double* adjusted);

}  // namespace seqconv
