// Matrix products, gathering of batches, and numbering of the ids in a batch.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "kernels/matmul.hpp"
#include "layers.hpp"
#include "parallel.hpp"

namespace seqconv {

float* matmul_scratch() {
  struct Free {
    void operator()(float* p) const { ::operator delete(p, std::align_val_t(64)); }
  };
  static thread_local std::unique_ptr<float, Free> scratch(
      static_cast<float*>(::operator new(MATMUL_SCRATCH * sizeof(float), std::align_val_t(64))));
  return scratch.get();
}

namespace {

std::string shape_text(int64_t rows, int64_t columns) {
  return "[" + std::to_string(rows) + ", " + std::to_string(columns) + "]";
}

std::string shape_text(int64_t depth, int64_t rows, int64_t columns) {
  return "[" + std::to_string(depth) + ", " + std::to_string(rows) + ", " + std::to_string(columns) + "]";
}

[[noreturn]] void refuse_value(const std::string& where, int64_t limit, int64_t value,
                               const std::string& place) {
  refuse(where + " must be in [0, " + std::to_string(limit) + "); got " + std::to_string(value) + " at " +
         place);
}

template <class Array>
bool has_shape(const Array& array, int64_t rows, int64_t columns) {
  return static_cast<int64_t>(array.shape(0)) == rows && static_cast<int64_t>(array.shape(1)) == columns;
}

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- matrix product

constexpr int64_t MATMUL_TASKS = 16;  // wanted of a large product, for the threads to share
// Smaller tasks spend too much of their time on packing (rows, columns) or on adding up parts (depth)
constexpr int64_t MATMUL_LEAST_ROWS = 96;
constexpr int64_t MATMUL_LEAST_COLUMNS = 128;
constexpr int64_t MATMUL_LEAST_DEPTH = 512;
constexpr int64_t MATMUL_ONE_THREAD = 1 << 20;  // multiply-adds, about 10 us: not worth waking a thread

// How a product is cut into tasks: by its shape alone, so that sums do not depend on the number of threads
struct Grid {
  int64_t row_blocks, column_blocks, depth_blocks;
  int64_t tasks() const { return row_blocks * column_blocks * depth_blocks; }
};

Grid cut_product(int64_t rows, int64_t columns, int64_t depth) {
  Grid grid = {ceil_divide(rows, MATMUL_TILE_ROWS), ceil_divide(columns, MATMUL_TILE_COLUMNS), 1};
  const auto halve = [&](int64_t& blocks, int64_t length, int64_t least) {
    while (grid.tasks() < MATMUL_TASKS && length / (2 * blocks) >= least) blocks *= 2;
  };
  halve(grid.row_blocks, rows, MATMUL_LEAST_ROWS);
  halve(grid.depth_blocks, depth, MATMUL_LEAST_DEPTH);
  halve(grid.column_blocks, columns, MATMUL_LEAST_COLUMNS);
  return grid;
}

// The task's share of [0, length), in whole steps
struct Share {
  int64_t begin, size;
  Share(int64_t length, int64_t part, int64_t parts, int64_t step) {
    const int64_t steps = ceil_divide(length, step);
    begin = std::min(part * steps / parts * step, length);
    size = std::min((part + 1) * steps / parts * step, length) - begin;
  }
};

void multiply_tiles(const Product& product, int64_t depth, const TileOut& out, int threads) {
  const MatmulKernels& kernels = matmul_kernels();
  const Grid grid = cut_product(product.rows, product.columns, depth);
  const int64_t size = product.rows * product.columns;
  if (size * depth < MATMUL_ONE_THREAD) threads = 1;
  std::unique_ptr<float[]> parts(grid.depth_blocks > 1 ? new float[size * grid.depth_blocks] : nullptr);
  parallel_for(static_cast<int>(grid.tasks()), threads, [&](int task) {
    const int64_t part = task % grid.depth_blocks, block = task / grid.depth_blocks;
    const Share rows(product.rows, block / grid.column_blocks, grid.row_blocks, 1);
    const Share columns(product.columns, block % grid.column_blocks, grid.column_blocks, 2 * kernels.lanes);
    const Share depths(depth, part, grid.depth_blocks, 1);
    TileOut place = out;
    if (parts) place.data = parts.get() + part * size;
    place.data += rows.begin * out.row_stride + columns.begin * out.column_stride;
    const Tile tile = {rows.begin, rows.size, columns.begin, columns.size, depths.begin, depths.size};
    if (rows.size > 0 && columns.size > 0) kernels.multiply_tile(product, tile, place, matmul_scratch());
  });
  if (!parts) return;
  const int64_t slices = ceil_divide(size, 8192);
  parallel_for(static_cast<int>(slices), threads, [&](int slice) {
    kernels.add_parts(parts.get(), grid.depth_blocks, size, slice * 8192,
                      std::min<int64_t>((slice + 1) * 8192, size), out.data);
  });
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

void matmul(FloatsIn<2> a, FloatsIn<2> b, Floats<2> out, bool transpose_a, bool transpose_b, int threads) {
  const int64_t rows = a.shape(transpose_a), depth = a.shape(!transpose_a);
  const int64_t columns = b.shape(!transpose_b), b_depth = b.shape(transpose_b);
  if (depth != b_depth)
    refuse("matmul: op(a) and op(b) must agree on the inner dimension; got " + shape_text(rows, depth) +
           " and " + shape_text(b_depth, columns));
  if (!has_shape(out, rows, columns))
    refuse("matmul: out must be " + shape_text(rows, columns) + "; got " +
           shape_text(out.shape(0), out.shape(1)));
  const Operand left = {a.data(), static_cast<ptrdiff_t>(a.shape(1)), transpose_a};
  const Operand right = {b.data(), static_cast<ptrdiff_t>(b.shape(1)), transpose_b};
  const nb::gil_scoped_release release;
  multiply({left, right, rows, columns}, depth, out.data(), threads);
}

// x W + b
class Dense : public Layer {
 public:
  Dense(FloatsIn<2> kernel, FloatsIn<1> bias) : kernel_(std::move(kernel)), bias_(std::move(bias)) {
    if (bias_.shape(0) != kernel_.shape(1))
      refuse("dense: bias must have " + std::to_string(kernel_.shape(1)) + " values; got " +
             std::to_string(bias_.shape(0)));
  }

  Extent output(const Extent& input) const override {
    const int64_t inputs = static_cast<int64_t>(kernel_.shape(0));
    if (input.steps != 0 || input.channels != inputs)
      refuse("dense: must get [B, " + std::to_string(inputs) + "]; got " + std::to_string(input.channels) +
             " channels and " + std::to_string(input.steps) + " steps");
    return {input.examples, 0, static_cast<int64_t>(kernel_.shape(1))};
  }

  void run(const LayerInput& x, const Extent& input, float* y, int threads) override {
    const int64_t inputs = input.channels, outputs = static_cast<int64_t>(kernel_.shape(1));
    const Operand left = {x.values, static_cast<ptrdiff_t>(inputs), false};
    const Operand right = {kernel_.data(), static_cast<ptrdiff_t>(outputs), false};
    multiply({left, right, input.examples, outputs}, inputs, y, threads);
    for (int64_t example = 0; example < input.examples; ++example)
      for (int64_t i = 0; i < outputs; ++i) y[example * outputs + i] += bias_.data()[i];
  }

 private:
  FloatsIn<2> kernel_;
  FloatsIn<1> bias_;
};

// ---- gathering

// Copies of 4 to 64 bytes inline: a call to memcpy costs more than a row of a few channels
inline void copy_row(const float* from, int64_t width, float* to) {
  if (width < 4) {
    for (int64_t c = 0; c < width; ++c) to[c] = from[c];
    return;
  }
  for (int64_t c = 0; c + 4 <= width; c += 4) std::memcpy(to + c, from + c, 16);
  std::memcpy(to + width - 4, from + width - 4, 16);
}

constexpr int64_t GATHER_TASK_BYTES = 1 << 17;

// body(first, end) over blocks of `rows` rows, each about GATHER_TASK_BYTES
template <class Body>
void for_row_blocks(int64_t rows, int64_t row_bytes, int threads, Body&& body) {
  const int64_t block = std::max<int64_t>(1, GATHER_TASK_BYTES / std::max<int64_t>(1, row_bytes));
  parallel_for(static_cast<int>(ceil_divide(rows, block)), threads,
               [&](int task) { body(task * block, std::min(rows, (task + 1) * block)); });
}

void gather_rows(FloatsIn<2> table, IntsIn<1> rows, Floats<2> out, int threads) {
  const int64_t height = table.shape(0), width = table.shape(1), count = rows.shape(0);
  if (!has_shape(out, count, width))
    refuse("gather_rows: out must be " + shape_text(count, width) + "; got " +
           shape_text(out.shape(0), out.shape(1)));
  const int32_t* const row = rows.data();
  for (int64_t i = 0; i < count; ++i)
    if (row[i] < 0 || row[i] >= height) refuse_value("gather_rows: rows", height, row[i], std::to_string(i));
  const float* const from = table.data();
  float* const to = out.data();
  nb::gil_scoped_release release;
  for_row_blocks(count, width * sizeof(float), threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + i * width, from + row[i] * width, width * sizeof(float));
  });
}

void gather_ids(IntsIn<2> ids, LongsIn<1> index, Ints<2> out, int threads) {
  const int64_t length = ids.shape(1), count = index.shape(0);
  if (!has_shape(out, count, length))
    refuse("gather_ids: out must be " + shape_text(count, length) + "; got " +
           shape_text(out.shape(0), out.shape(1)));
  const int64_t* const row = index.data();
  const int64_t height = ids.shape(0);
  for (int64_t i = 0; i < count; ++i)
    if (row[i] < 0 || row[i] >= height)
      refuse_value("gather_ids: the index", height, row[i], std::to_string(i));
  const int32_t* const from = ids.data();
  int32_t* const to = out.data();
  nb::gil_scoped_release release;
  for_row_blocks(count, length * sizeof(int32_t), threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + i * length, from + row[i] * length, length * sizeof(int32_t));
  });
}

struct Window {
  int64_t lookback, step, steps, channels;
};

void copy_window(const float* from, const Window& window, float* to) {
  if (window.step == 1) {
    std::memcpy(to, from, window.steps * window.channels * sizeof(float));
    return;
  }
  constexpr int64_t AHEAD = 16;  // rows; the processor's own prefetching stops at every page
  for (int64_t l = 0; l < window.steps; ++l) {
    const float* const row = from + l * window.step * window.channels;
    if (l + AHEAD < window.steps) {
      const float* const later = row + AHEAD * window.step * window.channels;
      __builtin_prefetch(later);
      __builtin_prefetch(later + window.channels - 1);
    }
    copy_row(row, window.channels, to + l * window.channels);
  }
}

void check_windows(const Window& window, int64_t rows, const int64_t* anchor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    if (anchor[i] < window.lookback || anchor[i] - window.lookback + (window.steps - 1) * window.step >= rows)
      refuse("gather_windows: every row must be in [0, " + std::to_string(rows) + "); got anchor " +
             std::to_string(anchor[i]) + " at " + std::to_string(i) + " with lookback " +
             std::to_string(window.lookback));
}

void gather_windows(FloatsIn<2> values, LongsIn<1> anchors, int64_t lookback, int64_t step, Floats<3> out,
                    int threads) {
  if (step < 1 || lookback < step)
    refuse("gather_windows: lookback must be at least step, and step at least 1; got " +
           std::to_string(lookback) + " and " + std::to_string(step));
  const Window window = {lookback, step, lookback / step, static_cast<int64_t>(values.shape(1))};
  const int64_t count = anchors.shape(0);
  if (!has_shape(out, count, window.steps) || static_cast<int64_t>(out.shape(2)) != window.channels)
    refuse("gather_windows: out must be " + shape_text(count, window.steps, window.channels) + "; got " +
           shape_text(out.shape(0), out.shape(1), out.shape(2)));
  const int64_t* const anchor = anchors.data();
  check_windows(window, values.shape(0), anchor, count);
  const float* const from = values.data();
  float* const to = out.data();
  const int64_t size = window.steps * window.channels;
  nb::gil_scoped_release release;
  for_row_blocks(count, size * sizeof(float), threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      copy_window(from + (anchor[i] - lookback) * window.channels, window, to + i * size);
  });
}

// ---- distinct ids

void check_ids(const int32_t* id, int64_t count, int64_t length, int64_t vocabulary) {
  const uint32_t largest = static_cast<uint32_t>(vocabulary) - 1;
  uint32_t outside = 0;  // its highest bit is set if an id is negative or too large: no branch in the loop
  for (int64_t i = 0; i < count; ++i)
    outside |= static_cast<uint32_t>(id[i]) | (largest - static_cast<uint32_t>(id[i]));
  if (outside >> 31 == 0) return;
  int64_t i = 0;
  while (id[i] >= 0 && id[i] < vocabulary) ++i;
  refuse_value("distinct_ids: ids", vocabulary, id[i], shape_text(i / length, i % length));
}

nb::object distinct_ids(IntsIn<2> ids, int64_t vocabulary, Ints<2> compact) {
  if (!has_shape(compact, ids.shape(0), ids.shape(1)))
    refuse("distinct_ids: compact must be " + shape_text(ids.shape(0), ids.shape(1)) + "; got " +
           shape_text(compact.shape(0), compact.shape(1)));
  if (vocabulary < 0 || vocabulary > INT32_MAX)
    refuse("distinct_ids: vocabulary must be in [0, 2^31); got " + std::to_string(vocabulary));
  const int64_t count = ids.size();
  const int32_t* const id = ids.data();
  int32_t* const to = compact.data();
  std::unique_ptr<int32_t[]> distinct;
  int32_t found = 0;
  {
    nb::gil_scoped_release release;
    check_ids(id, count, ids.shape(1), vocabulary);
    std::vector<int32_t> position(vocabulary);
    for (int64_t i = 0; i < count; ++i) position[id[i]] = 1;
    distinct.reset(new int32_t[std::min(count, vocabulary) + 1]);
    for (int64_t v = 0; v < vocabulary; ++v) {
      // written always, kept only if the id occurs: no branch to miss
      const int32_t occurs = position[v];
      distinct[found] = static_cast<int32_t>(v);
      position[v] = found;
      found += occurs;
    }
    for (int64_t i = 0; i < count; ++i) to[i] = position[id[i]];
  }
  return nb::cast(to_array(std::move(distinct), {static_cast<size_t>(found)}));
}

}  // namespace

void bind_dense_layer(nb::module_& m) {
  nb::class_<Dense, Layer>(m, "Dense", "x W + b, [B, inputs] to [B, outputs].")
      .def(nb::init<FloatsIn<2>, FloatsIn<1>>(), nb::arg("kernel").noconvert(), nb::arg("bias").noconvert());
}

void bind_dense(nb::module_& m) {
  using nb::arg;
  const auto array = [](const char* name) { return arg(name).noconvert(); };
  m.def("matmul", &matmul, array("a"), array("b"), array("out"), arg("transpose_a"), arg("transpose_b"),
        arg("threads"), "out[M, N] = op(a) op(b), where op transposes if asked to.");
  m.def("gather_rows", &gather_rows, array("table"), array("rows"), array("out"), arg("threads"),
        "out[U, W] = table[rows].");
  m.def("gather_ids", &gather_ids, array("ids"), array("index"), array("out"), arg("threads"),
        "out[B, L] = ids[index].");
  m.def("gather_windows", &gather_windows, array("values"), array("anchors"), arg("lookback"), arg("step"),
        array("out"), arg("threads"), "out[b, l] = values[anchors[b] - lookback + l * step], [B, L, C].");
  m.def("distinct_ids", &distinct_ids, array("ids"), arg("vocabulary"), array("compact"),
        "The distinct ids, ascending, int32 [U]; compact[b, l] becomes the place of ids[b, l] in them.");
}

}  // namespace seqconv
