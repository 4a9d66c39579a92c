// Convolution over tokens, and the sparse gradient of one that is pooled over all steps.
#include "host/token_convolution.hpp"

#include <string>

#include "bindings/bindings.hpp"
#include "bindings/convolution_arguments.hpp"
#include "text/token_winners.hpp"

namespace seqconv {
namespace {

template <class Table>
TableSizes sizes_of_table(const Table& table) {
  return {size_of(table, 0), size_of(table, 1), size_of(table, 2)};
}

void token_conv_forward(const IntsIn<2>& ids, const FloatsIn<3>& table, const FloatsIn<1>& bias, const AnyFloats& y,
                        const AnyInts& arg, int dilation, int left_pad, bool relu, int pool, int threads) {
  check_at_least("threads", threads, 1);
  const TableSizes sizes = sizes_of_table(table);
  const ConvShape shape = token_shape(extent_of(ids), sizes, {dilation, left_pad, pool, relu});
  check_shape("bias", bias, {shape.filters});
  check_output("y", y, shape);
  check_apart("ids", ids, y, arg);
  const TokenConv layer = {shape, static_cast<int>(sizes.rows), ids.data(), nullptr};
  const TokenForward job = {layer, table.data(), bias.data(), y.data(), forward_arg(arg, shape)};
  const nb::gil_scoped_release unlocked;
  run_token_convolution(job, threads);
}

void token_conv_backward(const IntsIn<2>& ids, const AnyFloatsIn& y, const AnyIntsIn& arg, const AnyFloatsIn& dy,
                         const Floats<3>& dtable, const Floats<1>& dbias, int dilation, int left_pad, bool relu,
                         int pool, int threads) {
  check_at_least("threads", threads, 1);
  const TableSizes sizes = sizes_of_table(dtable);
  const ConvShape shape = token_shape(extent_of(ids), sizes, {dilation, left_pad, pool, relu});
  check_shape("dbias", dbias, {shape.filters});
  check_output("y", y, shape);
  check_output("dy", dy, shape);
  check_apart("ids", ids, dtable, dbias);
  check_apart("arg", arg, dtable, dbias);
  const TokenConv layer = {shape, static_cast<int>(sizes.rows), ids.data(), nullptr};
  const TokenGradient job = {layer,         y.data(),     backward_arg(arg, shape), dy.data(),
                             dtable.data(), dbias.data(), nullptr,                  nullptr};
  bool valid;
  {
    const nb::gil_scoped_release unlocked;
    valid = run_token_convolution_backward(job, threads);
  }
  if (!valid) refuse_arg(shape);
}

int64_t token_winners(const IntsIn<2>& ids, const FloatsIn<2>& y, const IntsIn<2>& arg, const FloatsIn<2>& dy,
                      int64_t rows, int64_t taps, bool relu, const Longs<1>& places, const Floats<1>& values,
                      const Floats<1>& dbias, int threads) {
  const int64_t texts = size_of(ids, 0), length = size_of(ids, 1), filters = size_of(dbias, 0);
  check_at_least("threads", threads, 1);
  if (taps < 1 || taps > length)
    refuse("taps: must be from 1 to the length of the ids, " + std::to_string(length) + "; got " +
           std::to_string(taps));
  check_shape("y", y, {texts, filters});
  check_shape("dy", dy, {texts, filters});
  check_shape("arg", arg, {texts, filters});
  check_shape("places", places, {texts * filters * taps});
  check_shape("values", values, {texts * filters * taps});
  check_apart("ids", ids, places, values, dbias);
  check_apart("arg", arg, places, values, dbias);
  check_ids(ids, rows);
  const int64_t steps = length - taps + 1;
  for (size_t i = 0; i < arg.size(); ++i)
    if (arg.data()[i] < 0 || arg.data()[i] >= steps)
      refuse("arg: must hold steps from 0 to " + std::to_string(steps - 1) + "; got " + std::to_string(arg.data()[i]) +
             ". Give the arg that the forward pass wrote");
  const WinnersJob job = {ids.data(), arg.data(), y.data(), dy.data(),     texts,         length,
                          filters,    taps,       relu,     places.data(), values.data(), dbias.data()};
  const nb::gil_scoped_release unlocked;
  return run_winners(job, threads);
}

}  // namespace

void bind_token_convolution(nb::module_& m) {
  using nb::arg;
  m.def("token_conv_forward", &token_conv_forward, array("ids"), array("table"), array("bias"), array("y"),
        array("arg").none(), arg("dilation"), arg("left_pad"), arg("relu"), arg("pool"), arg("threads"),
        "As conv_forward, over the sums of table[ids[t + k * dilation - left_pad], k] instead of products.");
  m.def("token_conv_backward", &token_conv_backward, array("ids"), array("y"), array("arg").none(), array("dy"),
        array("dtable"), array("dbias"), arg("dilation"), arg("left_pad"), arg("relu"), arg("pool"), arg("threads"),
        "Overwrites dtable and dbias with the gradients of token_conv_forward.");
  m.def("token_winners", &token_winners, array("ids"), array("y"), array("arg"), array("dy"), arg("rows"), arg("taps"),
        arg("relu"), array("places"), array("values"), array("dbias"), arg("threads"),
        "The gradient of a table [rows, taps, O] after token_conv_forward with pool 0: distinct flat places and "
        "their values fill the front of both arrays [B * O * taps]; returns how many. Overwrites dbias.");
}

}  // namespace seqconv
