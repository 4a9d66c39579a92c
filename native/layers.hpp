// Layers for prediction: what is derived from their weights is made once, and a whole network is one call. For one short
// example, packing weights and calls from Python cost more than the outputs do.
#pragma once

#include <cstdint>
#include <vector>

#include "bindings.hpp"

namespace seqconv {

// Sizes of an input or output: values [B, L, C], or [B, C] (steps 0); ids [B, L] (channels 0)
struct Extent {
  int64_t examples, steps, channels;
  int64_t size() const { return examples * (steps == 0 ? 1 : steps) * channels; }
};

inline Extent extent_of(const IntsIn<2>& ids) {
  return {static_cast<int64_t>(ids.shape(0)), static_cast<int64_t>(ids.shape(1)), 0};
}

inline Extent extent_of(const FloatsIn<3>& x) {
  return {static_cast<int64_t>(x.shape(0)), static_cast<int64_t>(x.shape(1)), static_cast<int64_t>(x.shape(2))};
}

struct LayerInput {
  const float* values;
  const int32_t* ids;  // for a layer that reads ids; else null
};

// The weights must not change while a layer lives, and its calls take turns
class Layer {
 public:
  virtual ~Layer() = default;
  virtual Extent output(const Extent& input) const = 0;  // refuses an input that does not fit
  virtual void run(const LayerInput& x, const Extent& input, float* y, int threads) = 0;
};

void bind_convolution_layer(nb::module_& m);
void bind_dense_layer(nb::module_& m);
void bind_token_convolution_layer(nb::module_& m);

}  // namespace seqconv
