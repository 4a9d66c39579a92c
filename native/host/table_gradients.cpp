// The gradient of a row is mostly zero, the more so the rarer its word. So the first rows, those of frequent words, are
// multiplied densely, and the others element by element.
#include "host/table_gradients.hpp"

#include <algorithm>
#include <vector>

#include "host/matmul.hpp"
#include "host/memory.hpp"
#include "host/parallel.hpp"
#include "kernels/table_gradients.hpp"

namespace seqconv {
namespace {

// Fixed numbers, so that the order of sums does not depend on the machine
constexpr int64_t DENSE_TASKS = 16, DENSE_ROWS = 192, SPARSE_TASKS = 8, SPARSE_BLOCKS = 4;
constexpr int64_t PARTIAL_FLOATS = 8 << 20;  // at most 32 MB of each kind of partial sums, or two of them

struct TableJob : TableBackward {
  float *weights, *partials;  // [K * O, C], and as many for each task
};

// to[j, i] = from[i, j]
void transpose(const float* from, int64_t rows, int64_t columns, float* to) {
  for (int64_t first = 0; first < columns; first += LINE)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = first; j < std::min(first + LINE, columns); ++j)
        to[j * rows + i] = from[i * columns + j];
}

// How many of the first rows are multiplied densely: those up to which at least three quarters of the values are not
// zero. Words are sorted by falling frequency, so the fullest rows come first.
int64_t count_dense(const TableJob& job, int threads) {
  if (job.inputs % TABLE_VECTOR != 0) return job.rows;
  const int64_t blocks = ceil_divide(job.rows, TABLE_BLOCK);
  std::vector<int64_t> found(blocks);
  parallel_for(static_cast<int>(blocks), threads, [&](int block) {
    const int64_t first = block * int64_t{TABLE_BLOCK},
                  rows = std::min<int64_t>(TABLE_BLOCK, job.rows - first);
    const int64_t size = rows * job.columns();
    found[block] = 4 * table_gradients().count(job.dtable + first * job.columns(), size) - 3 * size;
  });
  int64_t dense = 0, sum = 0, best = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    sum += found[block];
    if (sum <= best) continue;
    best = sum;
    dense = std::min((block + 1) * TABLE_BLOCK, job.rows);
  }
  return dense;
}

// out [rows, columns] = op(left) right, over `depth`; right and out have rows of `columns` floats
void multiply_dense(const Operand& left, const float* right, int64_t rows, int64_t columns, int64_t depth,
                    float* out) {
  const Product product = {left, {right, static_cast<ptrdiff_t>(columns), false}, rows, columns};
  for (int64_t i = 0; i < rows; i += MATMUL_TILE_ROWS)
    for (int64_t j = 0; j < columns; j += MATMUL_TILE_COLUMNS) {
      const Tile tile = {i, std::min(MATMUL_TILE_ROWS, rows - i), j, std::min(MATMUL_TILE_COLUMNS, columns - j),
                         0, depth};
      const TileOut place = {out + i * columns + j, static_cast<ptrdiff_t>(columns), 1};
      matmul_kernels().multiply_tile(product, tile, place, matmul_scratch());
    }
}

void run_dense(const TableJob& job, int64_t first, int64_t last, float* dweights) {
  const ptrdiff_t columns = job.columns();
  const float *dtable = job.dtable + first * columns, *used = job.used + first * job.inputs;
  float* dused = job.dused + first * job.inputs;
  multiply_dense({dtable, columns, false}, job.weights, last - first, job.inputs, columns, dused);
  multiply_dense({dtable, columns, true}, used, columns, job.inputs, last - first, dweights);
}

void run_sparse(const TableJob& job, int64_t first, int64_t last, float* dweights) {
  const int64_t columns = job.columns(), inputs = job.inputs;
  std::fill_n(dweights, columns * inputs, 0.0f);
  for (; first < last; first += TABLE_BLOCK) {
    const int rows = static_cast<int>(std::min<int64_t>(TABLE_BLOCK, last - first));
    table_gradients().sparse({rows, static_cast<int>(inputs), static_cast<int>(columns),
                              job.used + first * inputs, job.dtable + first * columns, job.weights,
                              job.dused + first * inputs, dweights});
  }
}

// dkernel from the sums of the tasks
void add_up(const TableJob& job, int64_t tasks, int64_t tap) {
  const int64_t size = job.columns() * job.inputs;
  for (int64_t o = tap * job.filters; o < (tap + 1) * job.filters; ++o) {
    float* sums = job.partials + o * job.inputs;
    for (int64_t task = 1; task < tasks; ++task)
      for (int64_t c = 0; c < job.inputs; ++c) sums[c] += sums[task * size + c];
  }
  const int64_t tap_size = job.filters * job.inputs;
  transpose(job.partials + tap * tap_size, job.filters, job.inputs, job.dkernel + tap * tap_size);
}

}  // namespace

void run_table_backward(const TableBackward& given, int threads) {
  TableJob job = {given, nullptr, nullptr};
  const int64_t dense = count_dense(job, threads), blocks = ceil_divide(job.rows - dense, TABLE_BLOCK);
  const int64_t size = job.columns() * job.inputs, fitting = std::max<int64_t>(2, PARTIAL_FLOATS / size);
  const int64_t dense_tasks = std::min({DENSE_TASKS, fitting, ceil_divide(dense, DENSE_ROWS)}),
                sparse_tasks = std::min({SPARSE_TASKS, fitting, ceil_divide(blocks, SPARSE_BLOCKS)}),
                tasks = dense_tasks + sparse_tasks;
  Pieces pieces(Pieces::rounded(size) + Pieces::rounded(size * tasks));
  job.weights = pieces.take(size);
  job.partials = pieces.take(size * tasks);
  parallel_for(static_cast<int>(job.taps), threads, [&](int tap) {
    const int64_t from = tap * job.inputs * job.filters;
    transpose(job.kernel + from, job.inputs, job.filters, job.weights + from);
  });
  parallel_for(static_cast<int>(tasks), threads, [&](int task) {
    float* dweights = job.partials + task * size;
    const int64_t part = task - dense_tasks;
    if (part < 0)
      run_dense(job, dense * task / dense_tasks, dense * (task + 1) / dense_tasks, dweights);
    else
      run_sparse(job, dense + blocks * part / sparse_tasks * TABLE_BLOCK,
                 std::min(dense + blocks * (part + 1) / sparse_tasks * TABLE_BLOCK, job.rows), dweights);
  });
  parallel_for(static_cast<int>(job.taps), threads, [&](int tap) { add_up(job, tasks, tap); });
}

}  // namespace seqconv
