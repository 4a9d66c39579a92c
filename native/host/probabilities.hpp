// Logits to probabilities, in the precision of the logits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace seqconv {

template <class Real>
Real sigmoid(Real logit) {
  return Real(0.5) + Real(0.5) * std::tanh(Real(0.5) * logit);
}

template <class Real>
void softmax(const Real* logits, size_t classes, Real* probabilities) {
  const Real highest = *std::max_element(logits, logits + classes);  // so that no exponential overflows
  Real sum = 0;
  for (size_t i = 0; i < classes; ++i) sum += probabilities[i] = std::exp(logits[i] - highest);
  for (size_t i = 0; i < classes; ++i) probabilities[i] /= sum;
}

// Both classes of a single logit
template <class Real>
void sigmoid_pair(Real logit, Real* probabilities) {
  probabilities[0] = sigmoid(-logit);
  probabilities[1] = sigmoid(logit);
}

}  // namespace seqconv
