// Convolution over values: cut into tasks by its shape alone, and its partial sums added in a fixed order.
#pragma once

#include "host/convolution_shape.hpp"
#include "host/layers.hpp"
#include "host/memory.hpp"
#include "kernels/convolution.hpp"

namespace seqconv {

// kernel [K, C, O] and bias [O]
struct ConvWeights {
  const float *kernel, *bias;
  int64_t taps, channels, filters;
};

// Refuses an input or sizes that do not fit
ConvShape value_shape(const Extent& x, const ConvWeights& weights, const Movement& movement);

// y and, unless null, arg of the job; layout and packed weights are found here
void run_convolution(ConvForward job, const ConvWeights& weights, int threads);

// dx of the job, unless null, dkernel and dbias, all overwritten. False: an arg outside its group
bool run_convolution_backward(ConvBackward job, const float* kernel, float* dkernel, float* dbias, int threads);

// For prediction. Its weights are packed once, in each form that is needed.
class Convolution : public Layer {
 public:
  Convolution(const ConvWeights& weights, const Movement& movement) : weights_(weights), movement_(movement) {}
  Extent output(const Extent& input) const override;
  void run(const LayerInput& x, const Extent& input, float* y, int threads) override;

 private:
  void pack(ConvForward& job);

  ConvWeights weights_;
  Movement movement_;
  AlignedFloats packed_[2];  // plain, minimal
};

}  // namespace seqconv
