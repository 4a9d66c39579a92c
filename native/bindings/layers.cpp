// Layers for prediction, and chains of them. A layer reads its weights in place and keeps their arrays alive.
#include "host/layers.hpp"

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include <new>
#include <string>

#include "bindings/bindings.hpp"
#include "bindings/convolution_arguments.hpp"
#include "host/convolution.hpp"
#include "host/dense.hpp"
#include "host/token_convolution.hpp"

namespace seqconv {
namespace {

void forward(Layer& layer, const LayerInput& x, const Extent& input, const AnyFloats& y, int threads) {
  check_at_least("threads", threads, 1);
  const Extent wanted = layer.output(input);
  if (wanted.steps == 0) check_shape("y", y, {wanted.examples, wanted.channels});
  else check_shape("y", y, {wanted.examples, wanted.steps, wanted.channels});
  const nb::gil_scoped_release unlocked;
  layer.run(x, input, y.data(), threads);
}

void forward_values(Layer& layer, const AnyFloatsIn& x, const AnyFloats& y, int threads) {
  if (x.ndim() != 2 && x.ndim() != 3) refuse("x: must have 2 or 3 dimensions; got " + std::to_string(x.ndim()));
  const bool steps = x.ndim() == 3;
  if (steps) check_at_least("length", size_of(x, 1), 1);
  forward(layer, {x.data(), nullptr}, {size_of(x, 0), steps ? size_of(x, 1) : 0, size_of(x, x.ndim() - 1)}, y, threads);
}

void forward_ids(Layer& layer, const IntsIn<2>& ids, const AnyFloats& y, int threads) {
  check_apart("ids", ids, y);
  forward(layer, {nullptr, ids.data()}, extent_of(ids), y, threads);
}

void make_convolution(Convolution* self, const FloatsIn<3>& kernel, const FloatsIn<1>& bias, int dilation,
                      int left_pad, bool relu, int pool) {
  const ConvWeights weights = {kernel.data(), bias.data(), size_of(kernel, 0), size_of(kernel, 1), size_of(kernel, 2)};
  check_shape("bias", bias, {weights.filters});
  new (self) Convolution(weights, {dilation, left_pad, pool, relu});
}

void make_token_convolution(TokenConvolution* self, const FloatsIn<3>& table, const FloatsIn<1>& bias, int dilation,
                            int left_pad, bool relu, int pool) {
  const TableSizes sizes = {size_of(table, 0), size_of(table, 1), size_of(table, 2)};
  check_shape("bias", bias, {sizes.filters});
  new (self) TokenConvolution(table.data(), bias.data(), sizes, {dilation, left_pad, pool, relu});
}

void make_dense(Dense* self, const FloatsIn<2>& kernel, const FloatsIn<1>& bias) {
  check_shape("bias", bias, {size_of(kernel, 1)});
  new (self) Dense(kernel.data(), bias.data(), size_of(kernel, 0), size_of(kernel, 1));
}

}  // namespace

void bind_layers(nb::module_& m) {
  using nb::arg, nb::keep_alive;
  nb::class_<Layer>(m, "Layer", "A layer for prediction, whose weights stay as they are.")
      .def("forward", &forward_values, array("x"), array("y"), arg("threads"),
           "y of the values x, [B, L, C] or [B, C].")
      .def("forward_ids", &forward_ids, array("ids"), array("y"), arg("threads"), "y of ids [B, L].");
  nb::class_<Convolution, Layer>(m, "Convolution", "A layer that computes conv_forward.")
      .def("__init__", &make_convolution, array("kernel"), array("bias"), arg("dilation"), arg("left_pad"),
           arg("relu"), arg("pool"), keep_alive<1, 2>(), keep_alive<1, 3>());
  nb::class_<TokenConvolution, Layer>(m, "TokenConvolution", "A layer that computes token_conv_forward.")
      .def("__init__", &make_token_convolution, array("table"), array("bias"), arg("dilation"), arg("left_pad"),
           arg("relu"), arg("pool"), keep_alive<1, 2>(), keep_alive<1, 3>());
  nb::class_<Dense, Layer>(m, "Dense", "x W + b, [B, inputs] to [B, outputs].")
      .def("__init__", &make_dense, array("kernel"), array("bias"), keep_alive<1, 2>(), keep_alive<1, 3>());
  nb::class_<Chain, Layer>(m, "Chain", "Layers one after another, in one call.")
      .def(nb::init<std::vector<std::shared_ptr<Layer>>>(), arg("layers"));
}

}  // namespace seqconv
