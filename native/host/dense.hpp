// x W + b for prediction, [B, inputs] to [B, outputs].
#pragma once

#include "host/layers.hpp"

namespace seqconv {

class Dense : public Layer {
 public:
  // kernel [inputs, outputs], bias [outputs]
  Dense(const float* kernel, const float* bias, int64_t inputs, int64_t outputs)
      : kernel_(kernel), bias_(bias), inputs_(inputs), outputs_(outputs) {}
  Extent output(const Extent& input) const override;
  void run(const LayerInput& x, const Extent& input, float* y, int threads) override;

 private:
  const float *kernel_, *bias_;
  int64_t inputs_, outputs_;
};

}  // namespace seqconv
