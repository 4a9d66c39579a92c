// Quantiles of the normal distribution.
#pragma once

namespace seqconv {

double normal_quantile(double level);  // of a level in (0, 1), to the precision of a double

}  // namespace seqconv
