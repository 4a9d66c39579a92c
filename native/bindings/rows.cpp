// GELU, softmax and layer normalisation for Python.
#include "host/rows.hpp"

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

// How many values an array holds, and another that must be of its shape
template <class Any>
int64_t check_like(const char* name, const Any& array, const AnyFloatsIn& x, int threads) {
  check_at_least("threads", threads, 1);
  if (sizes_of(array) != sizes_of(x)) refuse_sizes(name, sizes_of(array), sizes_of(x));
  return static_cast<int64_t>(x.size());
}

void gelu(const AnyFloatsIn& x, const AnyFloats& y, int threads) {
  const int64_t count = check_like("y", y, x, threads);
  const nb::gil_scoped_release unlocked;
  run_gelu(x.data(), count, y.data(), threads);
}

void gelu_backward(const AnyFloatsIn& x, const AnyFloatsIn& dy, const AnyFloats& dx, int threads) {
  check_like("dy", dy, x, threads);
  const int64_t count = check_like("dx", dx, x, threads);
  const nb::gil_scoped_release unlocked;
  run_gelu_gradient(x.data(), dy.data(), count, dx.data(), threads);
}

void softmax(const FloatsIn<2>& x, const Floats<2>& y, int threads) {
  check_at_least("threads", threads, 1);
  check_at_least("channels", size_of(x, 1), 1);
  check_shape("y", y, {size_of(x, 0), size_of(x, 1)});
  const nb::gil_scoped_release unlocked;
  run_softmax(x.data(), size_of(x, 0), size_of(x, 1), y.data(), threads);
}

void softmax_backward(const FloatsIn<2>& y, const FloatsIn<2>& dy, const Floats<2>& dx, int threads) {
  check_at_least("threads", threads, 1);
  check_at_least("channels", size_of(y, 1), 1);
  check_shape("dy", dy, {size_of(y, 0), size_of(y, 1)});
  check_shape("dx", dx, {size_of(y, 0), size_of(y, 1)});
  const nb::gil_scoped_release unlocked;
  run_softmax_gradient(y.data(), dy.data(), size_of(y, 0), size_of(y, 1), dx.data(), threads);
}

void layer_norm(const FloatsIn<2>& x, const FloatsIn<1>& gamma, const FloatsIn<1>& beta, float epsilon,
                const Floats<2>& normal, const Floats<1>& scale, const Floats<2>& y, int threads) {
  const int64_t rows = size_of(x, 0), channels = size_of(x, 1);
  check_at_least("threads", threads, 1);
  check_at_least("channels", channels, 1);
  check_shape("gamma", gamma, {channels});
  check_shape("beta", beta, {channels});
  check_shape("normal", normal, {rows, channels});
  check_shape("scale", scale, {rows});
  check_shape("y", y, {rows, channels});
  const nb::gil_scoped_release unlocked;
  run_layer_norm({x.data(), channels, gamma.data(), beta.data(), epsilon, normal.data(), scale.data(), y.data()}, rows,
                 threads);
}

void layer_norm_backward(const FloatsIn<2>& dy, const FloatsIn<2>& normal, const FloatsIn<1>& scale,
                         const FloatsIn<1>& gamma, const Floats<2>& dx, const Floats<1>& dgamma,
                         const Floats<1>& dbeta, int threads) {
  const int64_t rows = size_of(dy, 0), channels = size_of(dy, 1);
  check_at_least("threads", threads, 1);
  check_at_least("channels", channels, 1);
  check_shape("normal", normal, {rows, channels});
  check_shape("scale", scale, {rows});
  check_shape("gamma", gamma, {channels});
  check_shape("dx", dx, {rows, channels});
  check_shape("dgamma", dgamma, {channels});
  check_shape("dbeta", dbeta, {channels});
  const nb::gil_scoped_release unlocked;
  run_layer_norm_gradient({dy.data(), normal.data(), scale.data(), channels, gamma.data(), dx.data()}, rows,
                          dgamma.data(), dbeta.data(), threads);
}

}  // namespace

void bind_rows(nb::module_& m) {
  using nb::arg;
  m.def("gelu", &gelu, array("x"), array("y"), arg("threads"),
        "y = x P(X <= x) for a standard normal X; arrays of one shape.");
  m.def("gelu_backward", &gelu_backward, array("x"), array("dy"), array("dx"), arg("threads"),
        "dx = dy times the derivative of `gelu` at x.");
  m.def("softmax", &softmax, array("x"), array("y"), arg("threads"),
        "y = exp(x) / sum(exp(x)) of each row of x [N, C].");
  m.def("softmax_backward", &softmax_backward, array("y"), array("dy"), array("dx"), arg("threads"),
        "dx = y (dy - sum(dy y)) of each row, for the y of `softmax`.");
  m.def("layer_norm", &layer_norm, array("x"), array("gamma"), array("beta"), arg("epsilon"), array("normal"),
        array("scale"), array("y"), arg("threads"),
        "normal = (x - mean) scale and y = normal gamma + beta for each row of x [N, C], with scale [N] = "
        "1 / sqrt(variance + epsilon).");
  m.def("layer_norm_backward", &layer_norm_backward, array("dy"), array("normal"), array("scale"), array("gamma"),
        array("dx"), array("dgamma"), array("dbeta"), arg("threads"),
        "With g = dy gamma: dx = scale (g - mean(g) - normal mean(g normal)) of each row; dgamma = sum of dy normal and "
        "dbeta = sum of dy over the rows.");
}

}  // namespace seqconv
