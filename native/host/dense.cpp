#include "host/dense.hpp"

#include <string>

#include "host/checks.hpp"
#include "host/matmul.hpp"

namespace seqconv {

Extent Dense::output(const Extent& input) const {
  if (input.steps != 0 || input.channels != inputs_)
    refuse("dense: must get [B, " + std::to_string(inputs_) + "]; got " + std::to_string(input.channels) +
           " channels and " + std::to_string(input.steps) + " steps");
  return {input.examples, 0, outputs_};
}

void Dense::run(const LayerInput& x, const Extent& input, float* y, int threads) {
  const Operand left = {x.values, static_cast<ptrdiff_t>(inputs_), false};
  const Operand right = {kernel_, static_cast<ptrdiff_t>(outputs_), false};
  multiply({left, right, input.examples, outputs_}, inputs_, y, threads);
  for (int64_t example = 0; example < input.examples; ++example)
    for (int64_t i = 0; i < outputs_; ++i) y[example * outputs_ + i] += bias_[i];
}

}  // namespace seqconv
