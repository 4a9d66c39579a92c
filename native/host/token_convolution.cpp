#include "host/token_convolution.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "host/checks.hpp"
#include "host/memory.hpp"
#include "host/parallel.hpp"

namespace seqconv {
namespace {

// Fixed numbers, so that the order of sums does not depend on the machine
constexpr int64_t FORWARD_TASKS = 64, SPREAD_TASKS = 64, GATHER_TASKS = 64;

// Leading run of equal ids of each example; refuses ids that are not rows of the table
std::vector<int32_t> measure_runs(const int32_t* ids, const ConvShape& shape, int rows) {
  std::vector<int32_t> runs(shape.examples);
  for (int64_t example = 0; example < shape.examples; ++example) {
    const int32_t* own = ids + example * shape.length;
    runs[example] = token_kernels().measure_run(own, shape.length, rows);
    if (runs[example] >= 0) continue;
    check_ids(ids, int64_t{shape.examples} * shape.length, shape.length, rows);
    refuse("ids: must stay as they are during the call; got ids that changed");
  }
  return runs;
}

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
  // the id at which a task's part of the work begins: writing a row and adding a window cost about the same
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
  // the second task sorts, which takes one thread about as long as spreading takes two; the first is a usual one,
  // because it decides whether the rest is worth waking other threads
  parallel_for(static_cast<int>(spreads) + 1, threads, [&](int task) {
    if (task == 1) return sorted.sort(job.layer);
    const int64_t part = task == 0 ? 0 : task - 1;
    if (!kernels.spread(job, static_cast<int>(examples * part / spreads),
                        static_cast<int>(examples * (part + 1) / spreads)))
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

}  // namespace

ConvShape token_shape(const Extent& ids, const TableSizes& table, const Movement& movement) {
  const ConvShape shape = make_shape({ids.examples, ids.steps, 0}, table.taps, table.filters, movement);
  check_at_least("table rows", table.rows, 1);
  const int64_t steps = int64_t{shape.length} + 2 * (int64_t{shape.kernel} - 1) * shape.dilation + 1;
  if (steps * shape.examples > INT_LIMIT)
    refuse("ids: all examples together must have fewer than 2^31 tokens; got shape " +
           shape_text({shape.examples, shape.length}));
  if (table.rows >= INT_LIMIT) refuse("table: must have fewer than 2^31 rows; got " + std::to_string(table.rows));
  return shape;
}

void run_token_convolution(TokenForward job, int threads) {
  const std::vector<int32_t> runs = measure_runs(job.layer.ids, job.layer.shape, job.layer.rows);
  job.layer.runs = runs.data();
  parallel_parts(job.layer.shape.examples, FORWARD_TASKS, threads, [&](int64_t first, int64_t last) {
    token_kernels().forward(job, static_cast<int>(first), static_cast<int>(last));
  });
}

bool run_token_convolution_backward(TokenGradient job, int threads) {
  const ConvShape& shape = job.layer.shape;
  const std::vector<int32_t> runs = measure_runs(job.layer.ids, shape, job.layer.rows);
  job.layer.runs = runs.data();
  return shape.group <= TOKEN_GROUP ? run_steps(job, threads) : run_winners(job, threads);
}

Extent TokenConvolution::output(const Extent& input) const {
  if (input.channels != 0) refuse("token convolution: must get ids; got values");
  return pooled_extent(token_shape(input, sizes_, movement_));
}

void TokenConvolution::run(const LayerInput& x, const Extent& input, float* y, int threads) {
  const ConvShape shape = token_shape(input, sizes_, movement_);
  const TokenConv layer = {shape, static_cast<int>(sizes_.rows), x.ids, nullptr};
  run_token_convolution({layer, table_, bias_, y, nullptr}, threads);
}

}  // namespace seqconv
