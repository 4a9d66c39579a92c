// Convolution over tokens, as a lookup.
#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "convolution_checks.hpp"
#include "kernels/token_convolution.hpp"
#include "layers.hpp"
#include "parallel.hpp"

namespace seqconv {
namespace {

// Fixed numbers, so that the order of sums does not depend on the machine
constexpr int64_t FORWARD_TASKS = 64, SPREAD_TASKS = 64, GATHER_TASKS = 64;

[[noreturn]] void refuse_id(const int32_t* ids, int length, int64_t example, int rows) {
  for (int step = 0; step < length; ++step)
    if (ids[step] < 0 || ids[step] >= rows)
      refuse("ids: must be in [0, " + std::to_string(rows) + "); got " + std::to_string(ids[step]) + " at [" +
             std::to_string(example) + ", " + std::to_string(step) + "]");
  refuse("ids: changed while they were read");
}

// Leading run of equal ids of each example; refuses ids that are not rows of the table
std::vector<int32_t> measure_runs(const int32_t* ids, const ConvShape& shape, int rows) {
  std::vector<int32_t> runs(shape.examples);
  for (int64_t example = 0; example < shape.examples; ++example) {
    const int32_t* own = ids + example * shape.length;
    runs[example] = token_kernels().measure_run(own, shape.length, rows);
    if (runs[example] < 0) refuse_id(own, shape.length, example, rows);
  }
  return runs;
}

template <class Table>
ConvShape token_shape(const Extent& ids, const Table& table, const Movement& movement) {
  const ConvShape shape = make_shape({ids.examples, ids.steps, 0, static_cast<int64_t>(table.shape(1)),
                                      static_cast<int64_t>(table.shape(2))},
                                     movement);
  const int64_t rows = static_cast<int64_t>(table.shape(0));
  check_at_least("table rows", rows, 1);
  const int64_t steps = int64_t{shape.length} + 2 * (int64_t{shape.kernel} - 1) * shape.dilation + 1;
  if (steps * shape.examples > INT_LIMIT)
    refuse("ids: all examples together must have fewer than 2^31 tokens; got shape [" +
           std::to_string(shape.examples) + ", " + std::to_string(shape.length) + "]");
  if (rows >= INT_LIMIT) refuse("table: must have fewer than 2^31 rows; got " + std::to_string(rows));
  return shape;
}

// Refuses ids that are not rows of the table; the job's runs are measured here
void run_forward(TokenForward job, int threads) {
  const std::vector<int32_t> runs = measure_runs(job.layer.ids, job.layer.shape, job.layer.rows);
  job.layer.runs = runs.data();
  const int64_t examples = job.layer.shape.examples, tasks = std::min(examples, FORWARD_TASKS);
  parallel_for(static_cast<int>(tasks), threads, [&](int task) {
    token_kernels().forward(job, static_cast<int>(examples * task / tasks),
                            static_cast<int>(examples * (task + 1) / tasks));
  });
}

void token_conv_forward(const IntsIn<2>& ids, const FloatsIn<3>& table, const FloatsIn<1>& bias,
                        const AnyFloats& y, const AnyInts& arg, int dilation, int left_pad, bool relu,
                        int pool, int threads) {
  check_at_least("threads", threads, 1);
  const ConvShape shape = token_shape(extent_of(ids), table, {dilation, left_pad, pool, relu});
  check_shape("bias", bias, {shape.filters});
  check_output("y", y, shape);
  int32_t* winners = forward_arg(arg, shape);
  const nb::gil_scoped_release unlocked;
  const int rows = static_cast<int>(table.shape(0));
  run_forward({{shape, rows, ids.data(), nullptr}, table.data(), bias.data(), y.data(), winners}, threads);
}

class TokenConvolution : public Layer {
 public:
  TokenConvolution(FloatsIn<3> table, FloatsIn<1> bias, int dilation, int left_pad, bool relu, int pool)
      : table_(std::move(table)), bias_(std::move(bias)), movement_{dilation, left_pad, pool, relu} {
    check_shape("bias", bias_, {static_cast<int64_t>(table_.shape(2))});
  }

  Extent output(const Extent& input) const override {
    if (input.channels != 0) refuse("token convolution: must get ids; got values");
    return pooled_extent(token_shape(input, table_, movement_));
  }

  void run(const LayerInput& x, const Extent& input, float* y, int threads) override {
    const ConvShape shape = token_shape(input, table_, movement_);
    const int rows = static_cast<int>(table_.shape(0));
    run_forward({{shape, rows, x.ids, nullptr}, table_.data(), bias_.data(), y, nullptr}, threads);
  }

 private:
  FloatsIn<3> table_;
  FloatsIn<1> bias_;
  Movement movement_;
};

// Windows of all tokens, sorted by id with the order of examples kept
struct SortedWindows {
  std::vector<int32_t> starts, windows, ids, places, next;
  explicit SortedWindows(const TokenConv& layer)
      : starts(layer.rows + 1),
        windows((int64_t{layer.shape.length} + 1) * layer.shape.examples),
        ids(windows.size()),
        places(windows.size()),
        next(layer.rows) {}
  // allocates nothing, so that it cannot throw
  void sort(const TokenConv& layer) {
    const ConvShape& shape = layer.shape;
    int64_t count = 0;
    for (int example = 0; example < shape.examples; ++example)
      count += token_gradients().number(layer, example, ids.data() + count, places.data() + count);
    for (int64_t i = 0; i < count; ++i) ++starts[ids[i] + 1];
    for (int id = 0; id < layer.rows; ++id) starts[id + 1] += starts[id];
    std::copy(starts.begin(), starts.end() - 1, next.begin());
    for (int64_t i = 0; i < count; ++i) windows[next[ids[i]]++] = places[i];
  }
  // the id at which a share of the work begins: rows to write and windows to add are about as dear
  int boundary(int64_t task, int64_t tasks) const {
    const int64_t rows = static_cast<int64_t>(starts.size()) - 1,
                  work = (rows + starts.back()) * task / tasks;
    int64_t low = 0, high = rows;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (starts[middle] + middle < work) low = middle + 1;
      else high = middle;
    }
    return static_cast<int>(low);
  }
};

bool run_steps(TokenGradient job, int threads) {
  const ConvShape& shape = job.layer.shape;
  const TokenGradients& kernels = token_gradients();
  const int64_t steps_size = kernels.window_rows(shape) * shape.examples * shape.filters,
                examples = shape.examples;
  const int64_t sums_size = examples * shape.filters;
  Pieces pieces(Pieces::rounded(steps_size) + Pieces::rounded(sums_size));
  job.steps = pieces.take(steps_size);
  job.bias_sums = pieces.take(sums_size);
  const int64_t spreads = std::min(examples, SPREAD_TASKS);
  std::atomic<bool> right{true};
  SortedWindows sorted(job.layer);
  // the first task sorts, which takes one thread about as long as spreading takes two
  parallel_for(static_cast<int>(spreads) + 1, threads, [&](int task) {
    if (task == 0) return sorted.sort(job.layer);
    if (!kernels.spread(job, static_cast<int>(examples * (task - 1) / spreads),
                        static_cast<int>(examples * task / spreads)))
      right = false;
  });
  const TokenWindows windows = {sorted.starts.data(), sorted.windows.data()};
  const int64_t gathers = std::min<int64_t>(job.layer.rows, GATHER_TASKS);
  parallel_for(static_cast<int>(gathers), threads, [&](int task) {
    kernels.gather(job, windows, sorted.boundary(task, gathers), sorted.boundary(task + 1, gathers));
  });
  return right;
}

// Tasks own filters and taps of every row of the table, so that each element is added to in one fixed order
bool run_winners(const TokenGradient& job, int threads) {
  const int filters = job.layer.shape.filters, taps = job.layer.shape.kernel;
  const int blocks = (filters + TOKEN_FILTERS - 1) / TOKEN_FILTERS;
  std::atomic<bool> right{true};
  parallel_for(blocks * taps, threads, [&](int task) {
    const int first = task % blocks * TOKEN_FILTERS, tap = task / blocks;
    if (!token_gradients().winners(job, {first, std::min(first + TOKEN_FILTERS, filters), tap, tap + 1}))
      right = false;
  });
  return right;
}

void token_conv_backward(const IntsIn<2>& ids, const AnyFloatsIn& y, const AnyIntsIn& arg,
                         const AnyFloatsIn& dy, const Floats<3>& dtable, const Floats<1>& dbias, int dilation,
                         int left_pad, bool relu, int pool, int threads) {
  check_at_least("threads", threads, 1);
  const ConvShape shape = token_shape(extent_of(ids), dtable, {dilation, left_pad, pool, relu});
  check_shape("dbias", dbias, {shape.filters});
  check_output("y", y, shape);
  check_output("dy", dy, shape);
  const int32_t* winners = backward_arg(arg, shape);
  bool right;
  {
    nb::gil_scoped_release unlocked;
    const int rows = static_cast<int>(dtable.shape(0));
    const std::vector<int32_t> runs = measure_runs(ids.data(), shape, rows);
    const TokenConv layer = {shape, rows, ids.data(), runs.data()};
    const TokenGradient job = {layer,         y.data(),     winners, dy.data(),
                               dtable.data(), dbias.data(), nullptr, nullptr};
    right = shape.group <= TOKEN_GROUP ? run_steps(job, threads) : run_winners(job, threads);
  }
  if (!right) refuse_arg(shape);
}

}  // namespace

void bind_token_convolution_layer(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<TokenConvolution, Layer>(m, "TokenConvolution", "A layer as token_conv_forward.")
      .def(nb::init<FloatsIn<3>, FloatsIn<1>, int, int, bool, int>(), "table"_a.noconvert(),
           "bias"_a.noconvert(), "dilation"_a, "left_pad"_a, "relu"_a, "pool"_a);
}

void bind_token_convolution(nb::module_& m) {
  using namespace nb::literals;
  m.def("token_conv_forward", &token_conv_forward, "ids"_a.noconvert(), "table"_a.noconvert(),
        "bias"_a.noconvert(), "y"_a.noconvert(), "arg"_a.noconvert().none(), "dilation"_a, "left_pad"_a,
        "relu"_a, "pool"_a, "threads"_a,
        "As conv_forward, over the sums of table[ids[t + k * dilation - left_pad], k] instead of products.");
  m.def("token_conv_backward", &token_conv_backward, "ids"_a.noconvert(), "y"_a.noconvert(),
        "arg"_a.noconvert().none(), "dy"_a.noconvert(), "dtable"_a.noconvert(), "dbias"_a.noconvert(),
        "dilation"_a, "left_pad"_a, "relu"_a, "pool"_a, "threads"_a,
        "Overwrites dtable and dbias with the gradients of token_conv_forward.");
}

}  // namespace seqconv
