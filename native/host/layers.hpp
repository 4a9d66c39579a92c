// Layers for prediction: what follows from their weights alone is computed once, and a whole network is one call. For
// one short example, packing the weights and calling from Python cost more than the outputs do.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace seqconv {

// Sizes of an input or output: values [B, L, C], or [B, C] (steps 0); ids [B, L] (channels 0)
struct Extent {
  int64_t examples, steps, channels;
  int64_t size() const { return examples * (steps == 0 ? 1 : steps) * channels; }
};

struct LayerInput {
  const float* values;
  const int32_t* ids;  // for a layer that reads ids; else null
};

// The weights belong to the caller and must stay as they are while the layer lives; its calls take turns.
class Layer {
 public:
  virtual ~Layer() = default;
  virtual Extent output(const Extent& input) const = 0;  // refuses an input that does not fit
  virtual void run(const LayerInput& x, const Extent& input, float* y, int threads) = 0;
};

// Layers one after another, with memory of their own for what lies between; a layer itself
class Chain : public Layer {
 public:
  explicit Chain(std::vector<std::shared_ptr<Layer>> layers);
  Extent output(const Extent& input) const override;
  void run(const LayerInput& x, const Extent& input, float* y, int threads) override;

 private:
  std::vector<std::shared_ptr<Layer>> layers_;
  std::vector<float> memory_[2];
};

}  // namespace seqconv
