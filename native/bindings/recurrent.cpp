// GRU and LSTM for Python: checks every shape, then runs the layer without the interpreter lock.
#include <nanobind/stl/optional.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "host/recurrent_layer.hpp"

namespace seqconv {
namespace {

using Held = nb::ndarray<>;  // an array that lives on
using OptionalMasks = std::optional<FloatsIn<3>>;

void check_batch(const char* name, int64_t batch, int64_t length) {
  const bool empty = batch == 0 || length == 0;
  if (!empty && batch < (int64_t{1} << 31) / length) return;
  refuse(std::string(name) + ": must have at least one example and step, and fewer than 2^31 in all; got " +
         shape_text({batch, length}));
}

// The Python class: one recurrent layer and its memory
class RecurrentBinding {
 public:
  RecurrentBinding(Cell cell, int64_t inputs, int64_t units)
      : layer_(cell, checked(inputs), checked(units)) {}

  void forward(const FloatsIn<3>& x, const FloatsIn<2>& kernel, const FloatsIn<2>& recurrent_kernel,
               const AnyFloatsIn& bias, const OptionalMasks& input_mask, const OptionalMasks& recurrent_mask,
               const AnyFloats& y, int threads) {
    RecurrentCall call = values_call(x, kernel, recurrent_kernel, bias, y);
    const int64_t batch = call.batch, gates = layer_.shape().gates;
    if (input_mask) check_shape("input_mask", *input_mask, {batch, gates, layer_.shape().inputs});
    if (recurrent_mask) check_shape("recurrent_mask", *recurrent_mask, {batch, gates, layer_.shape().units});
    call.input_mask = input_mask ? input_mask->data() : nullptr;
    call.recurrent_mask = recurrent_mask ? recurrent_mask->data() : nullptr;
    std::vector<Held> read = {Held(x), Held(kernel), Held(recurrent_kernel), Held(bias)};
    if (input_mask) read.emplace_back(*input_mask);
    if (recurrent_mask) read.emplace_back(*recurrent_mask);
    run([&] {
      layer_.forward(call, threads);
      held_ = std::move(read);
    });
  }

  void predict(const FloatsIn<3>& x, const FloatsIn<2>& kernel, const FloatsIn<2>& recurrent_kernel,
               const AnyFloatsIn& bias, const AnyFloats& y, int threads) const {
    const RecurrentCall call = values_call(x, kernel, recurrent_kernel, bias, y);
    const nb::gil_scoped_release unlocked;
    layer_.predict(call, threads);
  }

  void forward_tokens(const IntsIn<2>& ids, const FloatsIn<2>& table, const FloatsIn<2>& recurrent_kernel,
                      const AnyFloatsIn& bias, const AnyFloats& y, int threads) {
    const RecurrentCall call = tokens_call(ids, table, recurrent_kernel, bias, y);
    std::vector<Held> read = {Held(ids), Held(table), Held(recurrent_kernel), Held(bias)};
    run([&] {
      layer_.forward(call, threads);
      held_ = std::move(read);
    });
  }

  void predict_tokens(const IntsIn<2>& ids, const FloatsIn<2>& table, const FloatsIn<2>& recurrent_kernel,
                      const AnyFloatsIn& bias, const AnyFloats& y, int threads) const {
    const RecurrentCall call = tokens_call(ids, table, recurrent_kernel, bias, y);
    const nb::gil_scoped_release unlocked;
    layer_.predict(call, threads);
  }

  void backward(const FloatsIn<2>& kernel, const FloatsIn<2>& recurrent_kernel, const AnyFloatsIn& dy,
                const std::optional<Floats<3>>& dx, const Floats<2>& dkernel,
                const Floats<2>& drecurrent_kernel, const AnyFloats& dbias, int threads) {
    const RecurrentShape& shape = layer_.shape();
    check_shape("kernel", kernel, {shape.inputs, width()});
    check_shape("dkernel", dkernel, {shape.inputs, width()});
    RecurrentBackwardCall call = backward_call(recurrent_kernel, dy, drecurrent_kernel, dbias);
    call.kernel = kernel.data();
    call.dkernel = dkernel.data();
    call.dx = dx ? dx->data() : nullptr;
    run([&] {
      check_kept(dy, false);
      if (dx) check_shape("dx", *dx, {layer_.kept().batch, layer_.kept().length, shape.inputs});
      layer_.backward(call, threads);
    });
  }

  void backward_tokens(const FloatsIn<2>& recurrent_kernel, const AnyFloatsIn& dy, const Floats<2>& dtable,
                       const Floats<2>& drecurrent_kernel, const AnyFloats& dbias, int threads) {
    RecurrentBackwardCall call = backward_call(recurrent_kernel, dy, drecurrent_kernel, dbias);
    call.dtable = dtable.data();
    run([&] {
      check_kept(dy, true);
      check_shape("dtable", dtable, {layer_.kept().table_rows, width()});
      layer_.backward(call, threads);
    });
  }

 private:
  static int checked(int64_t size) {
    if (size >= 1 && size <= 65536) return static_cast<int>(size);
    refuse("inputs and units: must be 1 to 65536; got " + std::to_string(size));
  }

  int64_t width() const { return int64_t{layer_.shape().gates} * layer_.shape().units; }

  template <class Work>
  void run(Work&& work) {
    const nb::gil_scoped_release unlocked;
    const std::lock_guard<std::mutex> alone(layer_.busy());
    work();
  }

  template <class Array>
  void check_bias(const char* name, const Array& bias) const {
    if (layer_.shape().cell == Cell::gru_reset_after)
      check_shape(name, bias, {2, width()});
    else
      check_shape(name, bias, {width()});
  }

  RecurrentCall any_call(int64_t batch, int64_t length, const FloatsIn<2>& recurrent_kernel,
                         const AnyFloatsIn& bias, const AnyFloats& y) const {
    const int64_t units = layer_.shape().units;
    check_shape("recurrent_kernel", recurrent_kernel, {units, width()});
    check_bias("bias", bias);
    if (y.ndim() == 3)
      check_shape("y", y, {batch, length, units});
    else
      check_shape("y", y, {batch, units});
    RecurrentCall call;
    call.batch = static_cast<int>(batch);
    call.length = static_cast<int>(length);
    call.recurrent_kernel = recurrent_kernel.data();
    call.bias = bias.data();
    call.y = y.data();
    call.all_states = y.ndim() == 3;
    return call;
  }

  RecurrentCall values_call(const FloatsIn<3>& x, const FloatsIn<2>& kernel,
                            const FloatsIn<2>& recurrent_kernel, const AnyFloatsIn& bias,
                            const AnyFloats& y) const {
    const int64_t batch = size_of(x, 0), length = size_of(x, 1), inputs = layer_.shape().inputs;
    check_batch("x", batch, length);
    check_shape("x", x, {batch, length, inputs});
    check_shape("kernel", kernel, {inputs, width()});
    RecurrentCall call = any_call(batch, length, recurrent_kernel, bias, y);
    call.x = x.data();
    call.kernel = kernel.data();
    return call;
  }

  RecurrentCall tokens_call(const IntsIn<2>& ids, const FloatsIn<2>& table,
                            const FloatsIn<2>& recurrent_kernel, const AnyFloatsIn& bias,
                            const AnyFloats& y) const {
    const int64_t rows = size_of(table, 0);
    check_batch("ids", size_of(ids, 0), size_of(ids, 1));
    check_batch("table", rows, size_of(table, 1));
    check_shape("table", table, {rows, width()});
    check_apart("ids", ids, y);
    check_ids(ids, rows);
    RecurrentCall call = any_call(size_of(ids, 0), size_of(ids, 1), recurrent_kernel, bias, y);
    call.ids = ids.data();
    call.table = table.data();
    call.table_rows = rows;
    return call;
  }

  RecurrentBackwardCall backward_call(const FloatsIn<2>& recurrent_kernel, const AnyFloatsIn& dy,
                                      const Floats<2>& drecurrent_kernel, const AnyFloats& dbias) const {
    check_shape("recurrent_kernel", recurrent_kernel, {layer_.shape().units, width()});
    check_shape("drecurrent_kernel", drecurrent_kernel, {layer_.shape().units, width()});
    check_bias("dbias", dbias);
    RecurrentBackwardCall call;
    call.recurrent_kernel = recurrent_kernel.data();
    call.dy = dy.data();
    call.drecurrent_kernel = drecurrent_kernel.data();
    call.dbias = dbias.data();
    return call;
  }

  void check_kept(const AnyFloatsIn& dy, bool tokens) const {
    const RecurrentCall& kept = layer_.kept();
    if (kept.batch == 0 || (kept.ids != nullptr) != tokens)
      refuse(tokens ? "backward_tokens: must follow forward_tokens, once; call forward_tokens first"
                    : "backward: must follow forward, once; call forward first");
    if (kept.all_states)
      check_shape("dy", dy, {kept.batch, kept.length, layer_.shape().units});
    else
      check_shape("dy", dy, {kept.batch, layer_.shape().units});
  }

  RecurrentLayer layer_;
  std::vector<Held> held_;  // what the last forward call read, for backward
};

struct Gru : RecurrentBinding {
  Gru(int64_t inputs, int64_t units, bool reset_after)
      : RecurrentBinding(reset_after ? Cell::gru_reset_after : Cell::gru, inputs, units) {}
};

struct Lstm : RecurrentBinding {
  Lstm(int64_t inputs, int64_t units) : RecurrentBinding(Cell::lstm, inputs, units) {}
};

template <class Layer>
void bind_methods(nb::class_<Layer>& layer) {
  using nb::arg;
  layer.def("forward", &Layer::forward, array("x"), array("kernel"), array("recurrent_kernel"), array("bias"),
            array("input_mask").none(), array("recurrent_mask").none(), array("y"), arg("threads"),
            "All states, or the last, of x [B, L, C] into y [B, L, H] or [B, H]; keeps what backward needs.");
  layer.def("predict", &Layer::predict, array("x"), array("kernel"), array("recurrent_kernel"), array("bias"),
            array("y"), arg("threads"), "The same without masks, keeping nothing; safe from several threads.");
  layer.def("backward", &Layer::backward, array("kernel"), array("recurrent_kernel"), array("dy"),
            array("dx").none(), array("dkernel"), array("drecurrent_kernel"), array("dbias"), arg("threads"),
            "Gradients of the last forward, overwriting; dx may be None. Once for each forward.");
  layer.def("forward_tokens", &Layer::forward_tokens, array("ids"), array("table"), array("recurrent_kernel"),
            array("bias"), array("y"), arg("threads"),
            "forward where the input products are rows of table [U, gates * H], without bias.");
  layer.def("predict_tokens", &Layer::predict_tokens, array("ids"), array("table"), array("recurrent_kernel"),
            array("bias"), array("y"), arg("threads"),
            "predict where the input products are rows of table [U, gates * H].");
  layer.def("backward_tokens", &Layer::backward_tokens, array("recurrent_kernel"), array("dy"), array("dtable"),
            array("drecurrent_kernel"), array("dbias"), arg("threads"),
            "Gradients of the last forward_tokens, overwriting. Once for each forward_tokens.");
}

}  // namespace

void bind_recurrent(nb::module_& m) {
  nb::class_<Gru> gru(m, "Gru", "A GRU layer; gate order z, r, candidate.");
  gru.def(nb::init<int64_t, int64_t, bool>(), nb::arg("inputs"), nb::arg("units"), nb::arg("reset_after"));
  bind_methods(gru);
  nb::class_<Lstm> lstm(m, "Lstm", "An LSTM layer; gate order i, f, candidate, o.");
  lstm.def(nb::init<int64_t, int64_t>(), nb::arg("inputs"), nb::arg("units"));
  bind_methods(lstm);
}

}  // namespace seqconv
