#include "host/matmul.hpp"

#include <algorithm>
#include <memory>

#include "host/memory.hpp"
#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASKS = 16;  // of a large product
// Smaller tasks spend too much of their time on packing (rows, columns) or on adding up parts (depth)
constexpr int64_t LEAST_ROWS = 96;
constexpr int64_t LEAST_COLUMNS = 128;
constexpr int64_t LEAST_DEPTH = 512;
constexpr int64_t ONE_THREAD = 1 << 20;  // multiply-adds, about 10 us: not worth waking a thread
constexpr int64_t SLICE = 8192;  // floats of a task that adds parts up

// How a product is cut into tasks: by its shape alone, so that sums do not depend on the number of threads
struct Grid {
  int64_t row_blocks, column_blocks, depth_blocks;
  int64_t tasks() const { return row_blocks * column_blocks * depth_blocks; }
};

Grid cut_product(int64_t rows, int64_t columns, int64_t depth) {
  Grid grid = {ceil_divide(rows, MATMUL_TILE_ROWS), ceil_divide(columns, MATMUL_TILE_COLUMNS), 1};
  const auto halve = [&](int64_t& blocks, int64_t length, int64_t least) {
    while (grid.tasks() < TASKS && length / (2 * blocks) >= least) blocks *= 2;
  };
  halve(grid.row_blocks, rows, LEAST_ROWS);
  halve(grid.depth_blocks, depth, LEAST_DEPTH);
  halve(grid.column_blocks, columns, LEAST_COLUMNS);
  return grid;
}

// One of `parts` parts of [0, length), in whole steps
struct Range {
  int64_t begin, size;
  Range(int64_t length, int64_t part, int64_t parts, int64_t step) {
    const int64_t steps = ceil_divide(length, step);
    begin = std::min(part * steps / parts * step, length);
    size = std::min((part + 1) * steps / parts * step, length) - begin;
  }
};

void multiply_tiles(const Product& product, int64_t depth, const TileOut& out, int threads) {
  const MatmulKernels& kernels = matmul_kernels();
  const Grid grid = cut_product(product.rows, product.columns, depth);
  const int64_t size = product.rows * product.columns;
  if (size * depth < ONE_THREAD) threads = 1;
  std::unique_ptr<float[]> parts(grid.depth_blocks > 1 ? new float[size * grid.depth_blocks] : nullptr);
  parallel_for(static_cast<int>(grid.tasks()), threads, [&](int task) {
    const int64_t part = task % grid.depth_blocks, block = task / grid.depth_blocks;
    const Range rows(product.rows, block / grid.column_blocks, grid.row_blocks, 1);
    const Range columns(product.columns, block % grid.column_blocks, grid.column_blocks, 2 * kernels.lanes);
    const Range depths(depth, part, grid.depth_blocks, 1);
    TileOut place = out;
    if (parts) place.data = parts.get() + part * size;
    place.data += rows.begin * out.row_stride + columns.begin * out.column_stride;
    const Tile tile = {rows.begin, rows.size, columns.begin, columns.size, depths.begin, depths.size};
    if (rows.size > 0 && columns.size > 0) kernels.multiply_tile(product, tile, place, matmul_scratch());
  });
  if (!parts) return;
  parallel_blocks(size, SLICE, threads, [&](int64_t begin, int64_t end) {
    kernels.add_parts(parts.get(), grid.depth_blocks, size, begin, end, out.data);
  });
}

}  // namespace

float* matmul_scratch() {
  static thread_local AlignedFloats scratch = allocate_floats(MATMUL_SCRATCH);
  return scratch.get();
}

void multiply(const Product& product, int64_t depth, float* out, int threads) {
  const int64_t rows = product.rows, columns = product.columns;
  if (rows == 0 || columns == 0) return;
  if (depth == 0) {
    std::fill_n(out, rows * columns, 0.0f);
  } else if (2 * columns <= matmul_kernels().lanes && rows > columns) {
    // few columns leave most of a vector empty: compute the transpose, out^T = op(b)^T op(a)^T
    const Operand &left = product.left, &right = product.right;
    const Operand first = {right.data, right.stride, !right.transposed};
    const Operand second = {left.data, left.stride, !left.transposed};
    multiply_tiles({first, second, columns, rows}, depth, {out, 1, columns}, threads);
  } else {
    multiply_tiles(product, depth, {out, columns, 1}, threads);
  }
}

}  // namespace seqconv
