#include "host/rocket.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASKS = 256;

// Rows of zeros with a sequence in the middle of each
class Padded {
 public:
  Padded(int64_t rows, int64_t length, int64_t dilation)
      : row_(length + 8 * dilation + ROCKET_SLACK), memory_(rows * row_) {}

  // Row `row` = the sum of steps [start, L) of these channels of x [C, L]; returns it
  const float* fill(int64_t row, const float* x, int64_t length, int64_t start, int64_t dilation,
                    const int32_t* channels, int channel_count) {
    float* to = memory_.data() + row * row_;
    std::fill_n(to, row_, 0.0f);
    for (int number = 0; number < channel_count; ++number) {
      const float* from = x + channels[number] * length;
      for (int64_t step = start; step < length; ++step) to[4 * dilation + step - start] += from[step];
    }
    return to;
  }
  const float* data() const { return memory_.data(); }
  int64_t row() const { return row_; }

 private:
  int64_t row_;
  std::vector<float> memory_;
};

int64_t largest_dilation(const RocketInputs& inputs) {
  return *std::max_element(inputs.dilations, inputs.dilations + inputs.dilation_count);
}

// Where the channels of each dilation begin
std::vector<int64_t> begin_channels(const int32_t* counts, int64_t dilations, int64_t kernels) {
  std::vector<int64_t> begins(dilations + 1, 0);
  for (int64_t d = 0; d < dilations; ++d)
    begins[d + 1] = std::accumulate(counts + d * kernels, counts + (d + 1) * kernels, begins[d]);
  return begins;
}

// The value below which a fraction of sorted values lies, between two neighbours if need be
float find_quantile(const float* sorted, int64_t count, double fraction) {
  const double place = fraction * static_cast<double>(count - 1);
  const int64_t below = static_cast<int64_t>(place), above = std::min(below + 1, count - 1);
  const double part = place - static_cast<double>(below);
  return static_cast<float>(sorted[below] + part * (static_cast<double>(sorted[above]) - sorted[below]));
}

}  // namespace

void run_rocket(const RocketFeatures& job, int threads) {
  const RocketInputs& in = job.inputs;
  const auto begins = begin_channels(job.channel_counts, in.dilation_count, ROCKET_KERNELS);
  const int64_t longest = largest_dilation(in);
  parallel_parts(in.count, TASKS, threads, [&](int64_t first, int64_t last) {
    Padded padded(in.channels, in.length, longest);
    std::vector<float> sums(in.channels * (in.length + ROCKET_SLACK)), y(in.length + 2 * ROCKET_SLACK);
    for (int64_t n = first; n < last; ++n) {
      const float* biases = job.biases;
      float* features = job.features + n * job.feature_count;
      for (int64_t d = 0; d < in.dilation_count; ++d) {
        const int64_t dilation = in.dilations[d];
        for (int32_t channel = 0; channel < in.channels; ++channel)
          padded.fill(channel, in.x + n * in.channels * in.length, in.length, in.starts[n], dilation, &channel, 1);
        const DilatedSequence x = {padded.data(), padded.row(), in.length - in.starts[n], dilation};
        const int bias_count = static_cast<int>(job.bias_counts[d]);
        rocket_kernels().pool({x, job.channels + begins[d], job.channel_counts + d * ROCKET_KERNELS, biases, bias_count,
                               job.pool_count, static_cast<int>(d % 2), sums.data(), y.data(), features},
                              static_cast<int>(in.channels));
        biases += ROCKET_KERNELS * bias_count;
        features += ROCKET_KERNELS * job.pool_count * bias_count;
      }
    }
  });
}

void fit_rocket(const RocketBiases& job, int threads) {
  const RocketInputs& in = job.inputs;
  const auto begins = begin_channels(job.channel_counts, in.dilation_count, ROCKET_KERNELS);
  std::vector<int64_t> firsts(in.dilation_count + 1, 0);  // the first bias of each dilation
  for (int64_t d = 0; d < in.dilation_count; ++d) firsts[d + 1] = firsts[d] + ROCKET_KERNELS * job.bias_counts[d];
  parallel_for(static_cast<int>(in.dilation_count), threads, [&](int d) {
    const int64_t dilation = in.dilations[d];
    Padded padded(1, in.length, dilation);
    std::vector<float> sums(in.length + ROCKET_SLACK), y(in.length + 2 * ROCKET_SLACK);
    const int32_t* channels = job.channels + begins[d];
    for (int kernel = 0; kernel < ROCKET_KERNELS; ++kernel) {
      const int64_t place = d * ROCKET_KERNELS + kernel, n = job.rows[place], start = in.starts[n];
      const int read = job.channel_counts[place];
      const float* row = padded.fill(0, in.x + n * in.channels * in.length, in.length, start, dilation, channels, read);
      const int64_t count = rocket_kernels().list_values(
          {{row, padded.row(), in.length - start, dilation}, kernel, (kernel + d) % 2 == 0, sums.data(), y.data()});
      std::sort(y.begin(), y.begin() + count);
      for (int64_t bias = 0; bias < job.bias_counts[d]; ++bias) {
        const int64_t at = firsts[d] + kernel * job.bias_counts[d] + bias;
        job.biases[at] = find_quantile(y.data(), count, job.quantiles[at]);
      }
      channels += read;
    }
  });
}

void run_hydra(const HydraFeatures& job, int threads) {
  const RocketInputs& in = job.inputs;
  const auto begins = begin_channels(job.channel_counts, in.dilation_count, job.groups);
  const int64_t longest = largest_dilation(in), made = in.dilation_count * job.groups;
  parallel_parts(in.count, TASKS, threads, [&](int64_t first, int64_t last) {
    Padded padded(1, in.length, longest);
    for (int64_t n = first; n < last; ++n) {
      const float* x = in.x + n * in.channels * in.length;
      for (int64_t d = 0; d < in.dilation_count; ++d) {
        const int64_t dilation = in.dilations[d], length = in.length - in.starts[n];
        const int32_t* channels = job.channels + begins[d];
        for (int64_t group = 0; group < job.groups; ++group) {
          const int64_t place = d * job.groups + group;
          const int read = job.channel_counts[place];
          // with one channel all groups read the same
          const float* row = group == 0 || in.channels > 1
                                 ? padded.fill(0, x, in.length, in.starts[n], dilation, channels, read)
                                 : padded.data();
          float* counts = job.features + (n * made + place) * 2 * HYDRA_GROUP;
          const float* weights = job.weights + place * ROCKET_WIDTH * HYDRA_GROUP;
          rocket_kernels().compete({row, length, dilation, weights, counts, counts + HYDRA_GROUP});
          channels += read;
        }
      }
    }
  });
}

}  // namespace seqconv
