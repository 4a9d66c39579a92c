// Features of random convolution kernels.
#include "host/rocket.hpp"

#include <limits>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

template <class Features>
RocketInputs read_inputs(const FloatsIn<3>& x, const LongsIn<1>& starts, const LongsIn<1>& dilations,
                         const Features& features) {
  const RocketInputs inputs = {x.data(),      starts.data(),    size_of(x, 0),        size_of(x, 1),
                               size_of(x, 2), dilations.data(), size_of(dilations, 0)};
  check_shape("starts", starts, {inputs.count});
  check_apart("starts", starts, features);
  check_apart("dilations", dilations, features);
  check_at_least("channels of x", inputs.channels, 1);
  check_at_least("steps of x", inputs.length, 1);
  check_at_least("dilations", inputs.dilation_count, 1);
  check_indices("starts", inputs.starts, inputs.count, inputs.length);
  for (int64_t d = 0; d < inputs.dilation_count; ++d) check_at_least("dilations", inputs.dilations[d], 1);
  check_indices("dilations", inputs.dilations, inputs.dilation_count, inputs.length + 1);
  return inputs;
}

// Every kernel reads channels that exist
template <class Features>
void check_channels(const RocketInputs& inputs, const IntsIn<1>& channels, const IntsIn<2>& counts, int64_t kernels,
                    const Features& features) {
  check_apart("channels", channels, features);
  check_apart("channel_counts", counts, features);
  check_shape("channel_counts", counts, {inputs.dilation_count, kernels});
  int64_t total = 0;
  for (size_t place = 0; place < counts.size(); ++place) {
    check_at_least("channel_counts", counts.data()[place], 1);
    total += counts.data()[place];
  }
  check_shape("channels", channels, {total});
  check_indices("channels", channels.data(), total, inputs.channels);
}

// The number of biases of all kernels
int64_t count_biases(const RocketInputs& inputs, const LongsIn<1>& counts) {
  check_shape("bias_counts", counts, {inputs.dilation_count});
  int64_t total = 0;
  for (int64_t d = 0; d < inputs.dilation_count; ++d) {
    check_at_least("bias_counts", counts.data()[d], 0);
    check_indices("bias_counts", counts.data() + d, 1, std::numeric_limits<int32_t>::max());
    total += ROCKET_KERNELS * counts.data()[d];
  }
  return total;
}

void multirocket(const FloatsIn<3>& x, const LongsIn<1>& starts, const LongsIn<1>& dilations,
                 const LongsIn<1>& bias_counts, const FloatsIn<1>& biases, const IntsIn<1>& channels,
                 const IntsIn<2>& channel_counts, const Floats<2>& features, int threads) {
  const RocketInputs inputs = read_inputs(x, starts, dilations, features);
  check_at_least("threads", threads, 1);
  check_apart("bias_counts", bias_counts, features);
  const int64_t total = count_biases(inputs, bias_counts);
  check_shape("biases", biases, {total});
  check_channels(inputs, channels, channel_counts, ROCKET_KERNELS, features);
  const int pools = size_of(features, 1) == total ? 1 : ROCKET_POOLS;
  check_shape("features", features, {inputs.count, pools * total});
  const RocketFeatures job = {inputs,           bias_counts.data(),    biases.data(), channels.data(),
                              channel_counts.data(), pools * total, pools,         features.data()};
  const nb::gil_scoped_release unlocked;
  run_rocket(job, threads);
}

void multirocket_biases(const FloatsIn<3>& x, const LongsIn<1>& starts, const LongsIn<1>& dilations,
                        const LongsIn<1>& bias_counts, const LongsIn<2>& rows, const Array<const double, 1>& quantiles,
                        const IntsIn<1>& channels, const IntsIn<2>& channel_counts, const Floats<1>& biases,
                        int threads) {
  const RocketInputs inputs = read_inputs(x, starts, dilations, biases);
  check_at_least("threads", threads, 1);
  check_apart("bias_counts", bias_counts, biases);
  check_apart("rows", rows, biases);
  check_apart("quantiles", quantiles, biases);
  const int64_t total = count_biases(inputs, bias_counts);
  check_shape("rows", rows, {inputs.dilation_count, ROCKET_KERNELS});
  check_indices("rows", rows.data(), static_cast<int64_t>(rows.size()), inputs.count);
  check_shape("quantiles", quantiles, {total});
  for (int64_t place = 0; place < total; ++place)
    if (!(quantiles.data()[place] >= 0 && quantiles.data()[place] <= 1))
      refuse("quantiles: must be from 0 to 1; got another number. Give fractions");
  check_channels(inputs, channels, channel_counts, ROCKET_KERNELS, biases);
  check_shape("biases", biases, {total});
  const RocketBiases job = {inputs,          rows.data(),           bias_counts.data(), quantiles.data(),
                            channels.data(), channel_counts.data(), biases.data()};
  const nb::gil_scoped_release unlocked;
  fit_rocket(job, threads);
}

void hydra(const FloatsIn<3>& x, const LongsIn<1>& starts, const LongsIn<1>& dilations, const Array<const float, 4>& weights,
           const IntsIn<1>& channels, const IntsIn<2>& channel_counts, const Array<float, 5>& features, int threads) {
  const RocketInputs inputs = read_inputs(x, starts, dilations, features);
  const int64_t groups = size_of(weights, 1);
  check_at_least("threads", threads, 1);
  check_shape("weights", weights, {inputs.dilation_count, groups, ROCKET_WIDTH, HYDRA_GROUP});
  check_channels(inputs, channels, channel_counts, groups, features);
  check_shape("features", features, {inputs.count, inputs.dilation_count, groups, 2, HYDRA_GROUP});
  const HydraFeatures job = {inputs, groups, weights.data(), channels.data(), channel_counts.data(), features.data()};
  const nb::gil_scoped_release unlocked;
  run_hydra(job, threads);
}

}  // namespace

void bind_rocket(nb::module_& m) {
  m.def("multirocket", &multirocket, array("x"), array("starts"), array("dilations"), array("bias_counts"),
        array("biases"), array("channels"), array("channel_counts"), array("features"), nb::arg("threads"),
        "Features [N, 4 * biases] of x [N, C, L], sequence n from step starts[n]: for each dilation, each of 84 kernels "
        "and each of its biases, of the values above the bias the fraction, the mean less the bias, the mean place "
        "(as a fraction of the length; -1: none) and the longest run (likewise). With features [N, biases] the fraction "
        "alone.");
  m.def("multirocket_biases", &multirocket_biases, array("x"), array("starts"), array("dilations"),
        array("bias_counts"), array("rows"), array("quantiles"), array("channels"), array("channel_counts"),
        array("biases"), nb::arg("threads"),
        "Biases of kernels, for each dilation and each of 84 kernels: those quantiles of the kernel's values on the "
        "sequence rows[d, kernel] of x [N, C, L].");
  m.def("hydra", &hydra, array("x"), array("starts"), array("dilations"), array("weights"), array("channels"),
        array("channel_counts"), array("features"), nb::arg("threads"),
        "Counts [N, D, G, 2, 8] of x [N, C, L] for groups of 8 kernels [D, G, 9, 8]: the sum of a kernel's values over "
        "the steps where it has the largest of its group, and the number of steps where it has the smallest.");
}

}  // namespace seqconv
