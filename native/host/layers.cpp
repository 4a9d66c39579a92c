#include "host/layers.hpp"

#include <utility>

#include "host/checks.hpp"

namespace seqconv {

Chain::Chain(std::vector<std::shared_ptr<Layer>> layers) : layers_(std::move(layers)) {
  if (layers_.empty()) refuse("layers: must hold at least one; got none");
  for (const auto& layer : layers_)
    if (layer == nullptr) refuse("layers: must hold layers alone; got None");
}

Extent Chain::output(const Extent& input) const {
  Extent extent = input;
  for (const auto& layer : layers_) extent = layer->output(extent);
  return extent;
}

void Chain::run(const LayerInput& x, const Extent& input, float* y, int threads) {
  LayerInput from = x;
  Extent extent = input;
  for (size_t place = 0; place < layers_.size(); ++place) {
    const Extent next = layers_[place]->output(extent);
    std::vector<float>& memory = memory_[place % 2];
    const bool last = place + 1 == layers_.size();
    if (!last && static_cast<int64_t>(memory.size()) < next.size()) memory.resize(next.size());
    float* const to = last ? y : memory.data();
    layers_[place]->run(from, extent, to, threads);
    from = {to, nullptr};
    extent = next;
  }
}

}  // namespace seqconv
