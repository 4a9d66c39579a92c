#include "host/convolution.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "host/checks.hpp"
#include "host/memory.hpp"
#include "host/parallel.hpp"

namespace seqconv {
namespace {

// Fixed numbers, so that the order of sums does not depend on the machine
constexpr int64_t FORWARD_TASKS = 64, INPUT_TASKS = 32, KERNEL_TASKS = 16;
constexpr int64_t PARTIAL_FLOATS = 4 << 20;  // at most 16 MB of partial kernel gradients

int64_t units_of(const ConvShape& shape, int block) {
  return int64_t{shape.examples} * ceil_divide(shape.groups, block);
}

int64_t count_tasks(const ConvForward& job) {
  return std::min(units_of(job.shape, job.layout.block), FORWARD_TASKS);
}

int64_t scratch_size(const ConvForward& job, int threads) {
  return count_workers(count_tasks(job), threads) * Pieces::rounded(job.layout.scratch);
}

// With packed weights. False: the layout is a minimal one, and an output is not finite
bool run_packed(const ConvForward& job, int threads, float* scratch) {
  const int64_t units = units_of(job.shape, job.layout.block), tasks = count_tasks(job);
  std::atomic<bool> right{true};
  parallel_for_workers(static_cast<int>(tasks), threads, [&](int task, int worker) {
    const int64_t first = units * task / tasks, last = units * (task + 1) / tasks;
    float* const own = scratch + worker * Pieces::rounded(job.layout.scratch);
    if (!conv_kernels().forward(job, first, last, own)) right = false;
  });
  return right;
}

// False: as run_packed
bool run_layout(ConvForward job, const ConvWeights& weights, int threads) {
  const ConvLayout& layout = job.layout;
  const int64_t scratches = scratch_size(job, threads);
  Pieces pieces(Pieces::rounded(layout.weights) + Pieces::rounded(layout.bias) + scratches);
  float *packed = pieces.take(layout.weights), *padded_bias = pieces.take(layout.bias);
  conv_kernels().pack_forward(job.shape, layout, weights.kernel, weights.bias, packed, padded_bias);
  job.weights = packed;
  job.bias = padded_bias;
  return run_packed(job, threads, pieces.take(scratches));
}

// How the sum over units that makes the kernel gradient is cut: into chunks of units, and, where there are
// few chunks (a long kernel: bounded memory; few units), into parts of the filters
struct Cut {
  int64_t units, chunks, parts, columns;  // columns: quanta of filters
  Cut(const ConvShape& shape, const ConvLayout& layout) {
    units = units_of(shape, layout.block);
    chunks = std::max<int64_t>(1, std::min({units, KERNEL_TASKS, PARTIAL_FLOATS / int64_t{layout.partial}}));
    columns = (shape.filters + layout.quantum - 1) / layout.quantum;
    parts = std::min(columns, (KERNEL_TASKS + chunks - 1) / chunks);
  }
  ConvShare share(const ConvBackward& job, const ConvPartials& partials, int64_t task) const {
    const int64_t chunk = task / parts, part = task % parts, quantum = job.layout.quantum;
    ConvShare share = {};
    share.first_unit = units * chunk / chunks;
    share.last_unit = units * (chunk + 1) / chunks;
    share.first_filter = static_cast<int>(columns * part / parts * quantum);
    share.last_filter =
        static_cast<int>(std::min<int64_t>(columns * (part + 1) / parts * quantum, job.shape.filters));
    share.kernel = partials.kernel + chunk * job.layout.partial;
    share.bias = partials.bias + chunk * partials.bias_size;
    return share;
  }
};

// dx where nothing is pooled: the convolution of dy, zero where relu stopped it, with the taps in reverse
void run_input(const ConvBackward& job, const float* kernel, int threads) {
  const ConvShape& shape = job.shape;
  ConvShape turned = shape;
  turned.length = shape.steps;
  turned.steps = turned.groups = shape.length;
  turned.channels = shape.filters;
  turned.filters = shape.channels;
  turned.left_pad = (shape.kernel - 1) * shape.dilation - shape.left_pad;
  turned.relu = false;
  const size_t tap = size_t(shape.channels) * shape.filters;
  std::vector<float> taps(shape.kernel * tap), zeros(shape.channels);
  float* to = taps.data();
  for (int k = shape.kernel; k-- > 0;)
    for (int o = 0; o < shape.filters; ++o)
      for (int c = 0; c < shape.channels; ++c) *to++ = kernel[k * tap + size_t(c) * shape.filters + o];
  const ConvForward forward = {turned,  {},     job.dy, nullptr, nullptr, shape.relu ? job.y : nullptr,
                               job.dx, nullptr};
  run_convolution(forward, {taps.data(), zeros.data(), turned.kernel, turned.channels, turned.filters}, threads);
}

// The gradients of kernel and bias, and dx where steps are pooled. False: an arg outside its group
bool run_layout(ConvBackward job, const float* kernel, float* dkernel, float* dbias, int threads) {
  const ConvGradients& kernels = conv_gradients();
  const ConvLayout& layout = job.layout;
  const Cut cut(job.shape, layout);
  const int64_t examples = job.shape.examples;
  const bool winners = job.dx != nullptr && job.shape.pool != 1;
  const int64_t inputs = winners ? std::min(examples, INPUT_TASKS) : 0, shares = cut.chunks * cut.parts;
  const int64_t own_size = Pieces::rounded(std::max(layout.input_scratch, layout.kernel_scratch)),
                scratches = count_workers(inputs + shares, threads) * own_size;
  const int64_t bias_size = Pieces::rounded(job.shape.filters), partial_size = cut.chunks * layout.partial;
  const int64_t weights_size = winners ? layout.gradient_weights : 0;
  Pieces pieces(Pieces::rounded(weights_size) + scratches + Pieces::rounded(partial_size) +
                cut.chunks * bias_size);
  float *weights = pieces.take(weights_size), *scratch = pieces.take(scratches);
  const ConvPartials partials = {static_cast<int>(cut.chunks), bias_size, pieces.take(partial_size),
                                 pieces.take(cut.chunks * bias_size)};
  if (winners) kernels.pack_backward(job.shape, layout, kernel, weights);
  job.weights = weights;
  std::atomic<bool> right{true};
  parallel_for_workers(static_cast<int>(inputs + shares), threads, [&](int task, int worker) {
    float* const own = scratch + worker * own_size;
    bool done;
    if (task < inputs) {
      const int first = static_cast<int>(examples * task / inputs);
      done = kernels.input(job, first, static_cast<int>(examples * (task + 1) / inputs), own);
    } else {
      ConvShare share = cut.share(job, partials, task - inputs);
      share.scratch = own;
      done = kernels.kernel(job, share);
    }
    if (!done) right = false;
  });
  parallel_for(layout.minimal ? job.shape.channels : job.shape.kernel, threads,
               [&](int part) { kernels.add_up(job, partials, part, dkernel, dbias); });
  return right;
}

bool all_finite(const float* values, int64_t count) {
  float strange = 0;  // becomes NaN for good
  for (int64_t i = 0; i < count; ++i) strange += 0.0f * values[i];
  return strange == 0;
}

}  // namespace

ConvShape value_shape(const Extent& x, const ConvWeights& weights, const Movement& movement) {
  check_at_least("channels", x.channels, 1);
  const ConvShape shape = make_shape(x, weights.taps, weights.filters, movement);
  check_sizes("kernel", {weights.taps, weights.channels, weights.filters},
              {shape.kernel, shape.channels, shape.filters});
  return shape;
}

void run_convolution(ConvForward job, const ConvWeights& weights, int threads) {
  // a value that is not finite would spoil its neighbours' outputs in the minimal form
  for (const bool minimal : {true, false}) {
    job.layout = conv_kernels().plan(job.shape, minimal);
    if (run_layout(job, weights, threads)) return;
  }
}

bool run_convolution_backward(ConvBackward job, const float* kernel, float* dkernel, float* dbias, int threads) {
  const ConvShape& shape = job.shape;
  const bool dense = shape.pool == 1;
  if (dense && job.dx != nullptr) run_input(job, kernel, threads);
  job.layout = conv_kernels().plan(shape, dense);
  if (!run_layout(job, kernel, dkernel, dbias, threads)) return false;
  const int64_t size = int64_t{shape.kernel} * shape.channels * shape.filters;
  if (!job.layout.minimal || all_finite(dkernel, size)) return true;
  job.layout = conv_kernels().plan(shape, false);
  return run_layout(job, kernel, dkernel, dbias, threads);
}

Extent Convolution::output(const Extent& input) const { return pooled_extent(value_shape(input, weights_, movement_)); }

void Convolution::run(const LayerInput& x, const Extent& input, float* y, int threads) {
  ConvForward job = {value_shape(input, weights_, movement_), {}, x.values, nullptr, nullptr, nullptr, y, nullptr};
  for (const bool minimal : {true, false}) {  // as run_convolution
    job.layout = conv_kernels().plan(job.shape, minimal);
    pack(job);
    const int64_t scratches = scratch_size(job, threads);
    Pieces pieces(scratches);
    if (run_packed(job, threads, pieces.take(scratches))) return;
  }
}

// Either form is the same for examples of any length.
void Convolution::pack(ConvForward& job) {
  const ConvLayout& layout = job.layout;
  const int64_t weights_size = Pieces::rounded(layout.weights);
  AlignedFloats& memory = packed_[layout.minimal];
  if (memory == nullptr) {  // kept once it is whole: a fork by another thread copies what stands here
    AlignedFloats fresh = Pieces::allocate(weights_size + layout.bias);
    conv_kernels().pack_forward(job.shape, layout, weights_.kernel, weights_.bias, fresh.get(),
                                fresh.get() + weights_size);
    memory = std::move(fresh);
  }
  job.weights = memory.get();
  job.bias = memory.get() + weights_size;
}

}  // namespace seqconv
