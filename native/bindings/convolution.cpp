// Convolution over values, and the sliding maximum.
#include "host/convolution.hpp"

#include "bindings/bindings.hpp"
#include "bindings/convolution_arguments.hpp"
#include "host/sliding.hpp"

namespace seqconv {
namespace {

ConvWeights weights_of(const FloatsIn<3>& kernel, const float* bias) {
  return {kernel.data(), bias, size_of(kernel, 0), size_of(kernel, 1), size_of(kernel, 2)};
}

void conv_forward(const FloatsIn<3>& x, const FloatsIn<3>& kernel, const FloatsIn<1>& bias, const AnyFloats& y,
                  const AnyInts& arg, int dilation, int left_pad, bool relu, int pool, int threads) {
  check_at_least("threads", threads, 1);
  const ConvWeights weights = weights_of(kernel, bias.data());
  const ConvShape shape = value_shape(extent_of(x), weights, {dilation, left_pad, pool, relu});
  check_shape("bias", bias, {shape.filters});
  check_output("y", y, shape);
  const ConvForward job = {shape, {}, x.data(), nullptr, nullptr, nullptr, y.data(), forward_arg(arg, shape)};
  const nb::gil_scoped_release unlocked;
  run_convolution(job, weights, threads);
}

void conv_backward(const FloatsIn<3>& x, const FloatsIn<3>& kernel, const AnyFloatsIn& y, const AnyIntsIn& arg,
                   const AnyFloatsIn& dy, const AnyFloats& dx, const Floats<3>& dkernel, const Floats<1>& dbias,
                   int dilation, int left_pad, bool relu, int pool, int threads) {
  check_at_least("threads", threads, 1);
  const ConvShape shape =
      value_shape(extent_of(x), weights_of(kernel, nullptr), {dilation, left_pad, pool, relu});
  check_output("y", y, shape);
  check_output("dy", dy, shape);
  if (dx.is_valid()) check_shape("dx", dx, {shape.examples, shape.length, shape.channels});
  check_shape("dkernel", dkernel, {shape.kernel, shape.channels, shape.filters});
  check_shape("dbias", dbias, {shape.filters});
  check_apart("arg", arg, dx, dkernel, dbias);
  const ConvBackward job = {shape,     {},
                            x.data(),  nullptr,
                            y.data(),  backward_arg(arg, shape),
                            dy.data(), dx.is_valid() ? dx.data() : nullptr};
  bool valid;
  {
    const nb::gil_scoped_release unlocked;
    valid = run_convolution_backward(job, kernel.data(), dkernel.data(), dbias.data(), threads);
  }
  if (!valid) refuse_arg(shape);
}

void slide_maximum(const FloatsIn<2>& x, int steps, int stride, const Floats<2>& y, int threads) {
  const int64_t rows = size_of(x, 0), channels = size_of(x, 1);
  check_at_least("channels", channels, 1);
  check_at_least("steps", steps, 1);
  check_at_least("stride", stride, 1);
  check_at_least("threads", threads, 1);
  const int64_t kept = rows - (int64_t{steps} - 1) * stride;
  check_at_least("rows kept (rows - (steps - 1) * stride)", kept, 1);
  check_shape("y", y, {kept, channels});
  const nb::gil_scoped_release unlocked;
  run_sliding_maximum({x.data(), channels, steps, stride, kept, y.data()}, threads);
}

}  // namespace

void bind_convolution(nb::module_& m) {
  using nb::arg;
  m.def("conv_forward", &conv_forward, array("x"), array("kernel"), array("bias"), array("y"), array("arg").none(),
        arg("dilation"), arg("left_pad"), arg("relu"), arg("pool"), arg("threads"),
        "y, arg = max over groups of `pool` steps (0: all, 1: none) of relu(x * kernel + bias); arg may be None.");
  m.def("conv_backward", &conv_backward, array("x"), array("kernel"), array("y"), array("arg").none(), array("dy"),
        array("dx").none(), array("dkernel"), array("dbias"), arg("dilation"), arg("left_pad"), arg("relu"),
        arg("pool"), arg("threads"),
        "Overwrites dx (unless None), dkernel and dbias with the gradients of conv_forward.");
  m.def("slide_maximum", &slide_maximum, array("x"), arg("steps"), arg("stride"), array("y"), arg("threads"),
        "y[i] = max of x[i + j * stride] for j < steps, [rows - (steps - 1) * stride, C].");
}

}  // namespace seqconv
