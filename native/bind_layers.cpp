// Layers for prediction from Python, chains of them, and probabilities of what comes out.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "convolution_checks.hpp"
#include "layers.hpp"

namespace seqconv {
namespace {

// Layers one after another on memory of its own; a layer itself
class Chain : public Layer {
 public:
  explicit Chain(const nb::list& layers) : held_(layers) {
    if (layers.size() == 0) refuse("layers: must hold at least one; got none");
    for (nb::handle layer : layers) layers_.push_back(nb::cast<Layer*>(layer));
  }

  Extent output(const Extent& input) const override {
    Extent extent = input;
    for (const Layer* layer : layers_) extent = layer->output(extent);
    return extent;
  }

  void run(const LayerInput& x, const Extent& input, float* y, int threads) override {
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

 private:
  nb::list held_;  // keeps the layers alive
  std::vector<Layer*> layers_;
  std::vector<float> memory_[2];
};

void forward(Layer& layer, const LayerInput& x, const Extent& input, const AnyFloats& y, int threads) {
  check_at_least("threads", threads, 1);
  const Extent wanted = layer.output(input);
  if (wanted.steps == 0) check_shape("y", y, {wanted.examples, wanted.channels});
  else check_shape("y", y, {wanted.examples, wanted.steps, wanted.channels});
  const nb::gil_scoped_release unlocked;
  layer.run(x, input, y.data(), threads);
}

void forward_values(Layer& layer, const AnyFloatsIn& x, const AnyFloats& y, int threads) {
  if (x.ndim() != 2 && x.ndim() != 3)
    refuse("x: must have 2 or 3 dimensions; got " + std::to_string(x.ndim()));
  const auto size = [&](size_t axis) { return static_cast<int64_t>(x.shape(axis)); };
  const bool steps = x.ndim() == 3;
  if (steps) check_at_least("length", size(1), 1);
  forward(layer, {x.data(), nullptr}, {size(0), steps ? size(1) : 0, size(x.ndim() - 1)}, y, threads);
}

void forward_ids(Layer& layer, const IntsIn<2>& ids, const AnyFloats& y, int threads) {
  forward(layer, {nullptr, ids.data()}, extent_of(ids), y, threads);
}

// ---- logits to probabilities

template <class Real>
Real sigmoid(Real logit) {
  return Real(0.5) + Real(0.5) * std::tanh(Real(0.5) * logit);
}

template <class Real>
void softmax(const Real* logits, size_t classes, Real* shares) {
  const Real highest = *std::max_element(logits, logits + classes);  // so that no exponential overflows
  Real sum = 0;
  for (size_t i = 0; i < classes; ++i) sum += shares[i] = std::exp(logits[i] - highest);
  for (size_t i = 0; i < classes; ++i) shares[i] /= sum;
}

template <class Real>
using Rows = nb::ndarray<nb::numpy, Real, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class Real>
nb::ndarray<nb::numpy, Real, nb::ndim<2>> probabilities(const Rows<const Real>& logits, bool multi_label) {
  const size_t count = logits.shape(0), columns = logits.shape(1);
  if (columns == 0) refuse("logits: must have a column at least; got none");
  const bool pair = columns == 1 && !multi_label;
  const size_t classes = pair ? 2 : columns;
  std::unique_ptr<Real[]> shares(new Real[count * classes]);
  const Real* from = logits.data();
  Real* to = shares.get();
  for (size_t i = 0; i < count; ++i, from += columns, to += classes) {
    if (pair) to[0] = sigmoid(-from[0]), to[1] = sigmoid(from[0]);
    else if (multi_label) std::transform(from, from + columns, to, sigmoid<Real>);
    else softmax(from, columns, to);
  }
  return to_array(std::move(shares), {count, classes});
}

template <class Real>
void bind_probabilities(nb::module_& m) {
  m.def("probabilities", &probabilities<Real>, nb::arg("logits").noconvert(), nb::arg("multi_label"),
        "Probability of each class, [N, classes], from logits [N, 1] or [N, classes].");
}

}  // namespace

void bind_layers(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<Layer>(m, "Layer", "A layer for prediction, whose weights stay as they are.")
      .def("forward", &forward_values, "x"_a.noconvert(), "y"_a.noconvert(), "threads"_a,
           "y of the values x, [B, L, C] or [B, C].")
      .def("forward_ids", &forward_ids, "ids"_a.noconvert(), "y"_a.noconvert(), "threads"_a,
           "y of ids [B, L].");
  bind_convolution_layer(m);
  bind_dense_layer(m);
  bind_token_convolution_layer(m);
  nb::class_<Chain, Layer>(m, "Chain", "Layers one after another, in one call.")
      .def(nb::init<const nb::list&>(), "layers"_a);
  bind_probabilities<float>(m);
  bind_probabilities<double>(m);
}

}  // namespace seqconv
