// Convolution over values: the cut into tasks, and the order in which partial sums are added.
#include <algorithm>
#include <atomic>

#include "bindings.hpp"
#include "convolution_checks.hpp"
#include "kernels/convolution.hpp"
#include "kernels/sliding.hpp"
#include "layers.hpp"
#include "parallel.hpp"

namespace seqconv {
namespace {

// Fixed numbers, so that the order of sums does not depend on the machine
constexpr int64_t FORWARD_TASKS = 64, INPUT_TASKS = 32, KERNEL_TASKS = 16;
constexpr int64_t PARTIAL_FLOATS = 4 << 20;  // at most 16 MB of partial kernel gradients

int64_t units_of(const ConvShape& shape, int block) {
  return int64_t{shape.examples} * ((shape.groups + block - 1) / block);
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
bool run_layout(ConvForward job, const float* kernel, const float* bias, int threads) {
  const ConvLayout& layout = job.layout;
  const int64_t scratches = scratch_size(job, threads);
  Pieces pieces(Pieces::rounded(layout.weights) + Pieces::rounded(layout.bias) + scratches);
  float *weights = pieces.take(layout.weights), *padded_bias = pieces.take(layout.bias);
  conv_kernels().pack_forward(job.shape, layout, kernel, bias, weights, padded_bias);
  job.weights = weights;
  job.bias = padded_bias;
  return run_packed(job, threads, pieces.take(scratches));
}

void run_forward(ConvForward job, const float* kernel, const float* bias, int threads) {
  // a value that is not finite would spoil its neighbours' outputs in the minimal form
  for (const bool minimal : {true, false}) {
    job.layout = conv_kernels().plan(job.shape, minimal);
    if (run_layout(job, kernel, bias, threads)) return;
  }
}

ConvShape value_shape(const Extent& x, const FloatsIn<3>& kernel, const Movement& movement) {
  check_at_least("channels", x.channels, 1);
  const ConvShape shape = make_shape({x.examples, x.steps, x.channels, static_cast<int64_t>(kernel.shape(0)),
                                      static_cast<int64_t>(kernel.shape(2))},
                                     movement);
  check_shape("kernel", kernel, {shape.kernel, shape.channels, shape.filters});
  return shape;
}

void conv_forward(const FloatsIn<3>& x, const FloatsIn<3>& kernel, const FloatsIn<1>& bias,
                  const AnyFloats& y, const AnyInts& arg, int dilation, int left_pad, bool relu, int pool,
                  int threads) {
  check_at_least("threads", threads, 1);
  const ConvShape shape = value_shape(extent_of(x), kernel, {dilation, left_pad, pool, relu});
  check_shape("bias", bias, {shape.filters});
  check_output("y", y, shape);
  const ConvForward job = {shape,   {},      x.data(), nullptr,
                           nullptr, nullptr, y.data(), forward_arg(arg, shape)};
  nb::gil_scoped_release unlocked;
  run_forward(job, kernel.data(), bias.data(), threads);
}

// Its weights are packed once, in each form that comes up
class Convolution : public Layer {
 public:
  Convolution(FloatsIn<3> kernel, FloatsIn<1> bias, int dilation, int left_pad, bool relu, int pool)
      : kernel_(std::move(kernel)), bias_(std::move(bias)), movement_{dilation, left_pad, pool, relu} {
    check_shape("bias", bias_, {static_cast<int64_t>(kernel_.shape(2))});
  }

  Extent output(const Extent& input) const override {
    return pooled_extent(value_shape(input, kernel_, movement_));
  }

  void run(const LayerInput& x, const Extent& input, float* y, int threads) override {
    ConvForward job = {value_shape(input, kernel_, movement_), {}, x.values, nullptr, nullptr, nullptr, y, nullptr};
    for (const bool minimal : {true, false}) {  // as run_forward
      job.layout = conv_kernels().plan(job.shape, minimal);
      pack(job);
      const int64_t scratches = scratch_size(job, threads);
      Pieces pieces(scratches);
      if (run_packed(job, threads, pieces.take(scratches))) return;
    }
  }

 private:
  // either form is the same for examples of any length
  void pack(ConvForward& job) {
    const ConvLayout& layout = job.layout;
    Pieces::Memory& memory = packed_[layout.minimal];
    const bool fresh = memory == nullptr;
    if (fresh) memory = Pieces::allocate(Pieces::rounded(layout.weights) + layout.bias);
    float *weights = memory.get(), *bias = weights + Pieces::rounded(layout.weights);
    if (fresh) conv_kernels().pack_forward(job.shape, layout, kernel_.data(), bias_.data(), weights, bias);
    job.weights = weights;
    job.bias = bias;
  }

  FloatsIn<3> kernel_;
  FloatsIn<1> bias_;
  Movement movement_;
  Pieces::Memory packed_[2];  // plain, minimal
};

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
  run_forward(forward, taps.data(), zeros.data(), threads);
}

// The gradients of kernel and bias, and dx where steps are pooled. False: an arg outside its group
bool run_layout(ConvBackward job, const float* kernel, float* dkernel, float* dbias, int threads) {
  const ConvGradients& kernels = conv_gradients();
  const ConvLayout& layout = job.layout;
  const Cut cut(job.shape, layout);
  const int64_t examples = job.shape.examples;
  const bool winners = job.dx != nullptr && job.shape.pool != 1;
  const int64_t inputs = winners ? std::min(examples, INPUT_TASKS) : 0, shares = cut.chunks * cut.parts;
  const int64_t scratch_size = Pieces::rounded(std::max(layout.input_scratch, layout.kernel_scratch)),
                scratches = count_workers(inputs + shares, threads) * scratch_size;
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
    float* const own = scratch + worker * scratch_size;
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

// False: an arg outside its group
bool run_backward(ConvBackward job, const float* kernel, float* dkernel, float* dbias, int threads) {
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

void conv_backward(const FloatsIn<3>& x, const FloatsIn<3>& kernel, const AnyFloatsIn& y,
                   const AnyIntsIn& arg, const AnyFloatsIn& dy, const AnyFloats& dx, const Floats<3>& dkernel,
                   const Floats<1>& dbias, int dilation, int left_pad, bool relu, int pool, int threads) {
  check_at_least("threads", threads, 1);
  const ConvShape shape = value_shape(extent_of(x), kernel, {dilation, left_pad, pool, relu});
  check_output("y", y, shape);
  check_output("dy", dy, shape);
  if (dx.is_valid()) check_shape("dx", dx, {shape.examples, shape.length, shape.channels});
  check_shape("dkernel", dkernel, {shape.kernel, shape.channels, shape.filters});
  check_shape("dbias", dbias, {shape.filters});
  const ConvBackward job = {shape,     {},
                            x.data(),  nullptr,
                            y.data(),  backward_arg(arg, shape),
                            dy.data(), dx.is_valid() ? dx.data() : nullptr};
  bool right;
  {
    nb::gil_scoped_release unlocked;
    right = run_backward(job, kernel.data(), dkernel.data(), dbias.data(), threads);
  }
  if (!right) refuse_arg(shape);
}

// ---- maxima that slide

void slide_maximum(const FloatsIn<2>& x, int steps, int stride, const Floats<2>& y, int threads) {
  const int64_t rows = static_cast<int64_t>(x.shape(0)), channels = static_cast<int64_t>(x.shape(1));
  check_at_least("channels", channels, 1);
  check_at_least("steps", steps, 1);
  check_at_least("stride", stride, 1);
  check_at_least("threads", threads, 1);
  const int64_t kept = rows - (int64_t{steps} - 1) * stride;
  check_at_least("rows kept (rows - (steps - 1) * stride)", kept, 1);
  check_shape("y", y, {kept, channels});
  const Slide slide = {x.data(), y.data(), stride * channels, kept * channels, steps};
  const int64_t size = Pieces::rounded(slide.next), blocks = (kept - 1) / (int64_t{steps} * stride) + 1;
  nb::gil_scoped_release unlocked;
  Pieces pieces(count_workers(blocks, threads) * size);
  float* scratch = pieces.take(count_workers(blocks, threads) * size);
  parallel_for_workers(static_cast<int>(blocks), threads, [&](int block, int worker) {
    sliding_kernels().block(slide, block, scratch + worker * size);
  });
}

}  // namespace

void bind_convolution_layer(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<Convolution, Layer>(m, "Convolution", "A layer as conv_forward.")
      .def(nb::init<FloatsIn<3>, FloatsIn<1>, int, int, bool, int>(), "kernel"_a.noconvert(),
           "bias"_a.noconvert(), "dilation"_a, "left_pad"_a, "relu"_a, "pool"_a);
}

void bind_convolution(nb::module_& m) {
  using namespace nb::literals;
  m.def("conv_forward", &conv_forward, "x"_a.noconvert(), "kernel"_a.noconvert(), "bias"_a.noconvert(),
        "y"_a.noconvert(), "arg"_a.noconvert().none(), "dilation"_a, "left_pad"_a, "relu"_a, "pool"_a,
        "threads"_a,
        "y, arg = max over groups of `pool` steps (0: all, 1: none) of relu(x * kernel + bias); arg may be "
        "None.");
  m.def("conv_backward", &conv_backward, "x"_a.noconvert(), "kernel"_a.noconvert(), "y"_a.noconvert(),
        "arg"_a.noconvert().none(), "dy"_a.noconvert(), "dx"_a.noconvert().none(), "dkernel"_a.noconvert(),
        "dbias"_a.noconvert(), "dilation"_a, "left_pad"_a, "relu"_a, "pool"_a, "threads"_a,
        "Overwrites dx (unless None), dkernel and dbias with the gradients of conv_forward.");
  m.def("slide_maximum", &slide_maximum, "x"_a.noconvert(), "steps"_a, "stride"_a, "y"_a.noconvert(),
        "threads"_a, "y[i] = max of x[i + j * stride] for j < steps, [rows - (steps - 1) * stride, C].");
  bind_token_convolution(m);
}

}  // namespace seqconv
