// out [M, N] = op(left) [M, D] op(right) [D, N], M * N * D multiply-adds. Both operands are copied into panels that the
// innermost loop reads in order, and a tile of the output stays in registers while the loop runs over the depth D.
//
// Reference: Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34(3), 2008.
#include "kernels/matmul.hpp"

#include <utility>

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// Register tile: PANEL_ROWS x VECTORS accumulators, VECTORS of the right operand and one broadcast must fit
// into 32 registers (AVX-512, 64-bit Arm) or 16 (AVX2, SSE).
#if defined(__aarch64__)
constexpr int PANEL_ROWS = 12;
#else
constexpr int PANEL_ROWS = LANES == 16 ? 14 : 6;
#endif
constexpr int VECTORS = 2;
constexpr int PANEL_COLUMNS = VECTORS * LANES;

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// `length` cut into the fewest parts of at most `limit`, as equal as can be
struct Cut {
  int64_t length;
  int64_t parts;
  Cut(int64_t length_, int64_t limit) : length(length_), parts(ceil_divide(length_, limit)) {}
  int64_t begin(int64_t part) const { return part * length / parts; }
  int64_t size(int64_t part) const { return begin(part + 1) - begin(part); }
};

// ---- register tiles

// out[Rows, Vectors * LANES] = (or +=) left panel [Rows, depth] times right panel [depth, Vectors * LANES].
// The left panel is stored by depth if it was transposed (a copy of what was there), else by rows.
template <int Rows, int Vectors, bool ByDepth>
void multiply_panels(int64_t depth, const float* left, const float* right, float* out, ptrdiff_t stride,
                     bool add) {
  constexpr ptrdiff_t row_step = ByDepth ? 1 : MATMUL_LEFT_STRIDE;
  constexpr ptrdiff_t depth_step = ByDepth ? Rows : 1;
  // every loop over it is unrolled by order: one that is not would keep the totals in memory
  vf total[Rows][Vectors] = {};
  for (int64_t k = 0; k < depth; ++k) {
    vf across[Vectors];
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) across[j] = load(right + j * LANES);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const vf down = splat(left[i * row_step]);
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) total[i][j] += down * across[j];
    }
    left += depth_step;
    right += Vectors * LANES;
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) {
      if (add) total[i][j] += load(out + j * LANES);
      store(out + j * LANES, total[i][j]);
    }
    out += stride;
  }
}

using PanelKernel = void (*)(int64_t, const float*, const float*, float*, ptrdiff_t, bool);
struct PanelKernels {
  PanelKernel by_rows[PANEL_ROWS];
};

template <int Vectors, bool ByDepth, int... Before>
constexpr PanelKernels list_kernels(std::integer_sequence<int, Before...>) {
  return {{&multiply_panels<Before + 1, Vectors, ByDepth>...}};
}

using AllRows = std::make_integer_sequence<int, PANEL_ROWS>;
// [vectors - 1][left panel by depth]
constexpr PanelKernels panel_kernels[VECTORS][2] = {
    {list_kernels<1, false>(AllRows{}), list_kernels<1, true>(AllRows{})},
    {list_kernels<2, false>(AllRows{}), list_kernels<2, true>(AllRows{})},
};

// ---- packing

// May write up to LANES - 1 floats past the end of the last panel; `end` is the end of the stored matrix.
void pack_left_by_depth(const Operand& left, int64_t row, int64_t rows, int64_t depth, int64_t depths,
                        const float* end, float* panel) {
  for (int64_t k = 0; k < depths; ++k, panel += rows) {
    const float* from = left.data + (depth + k) * left.stride + row;
    for (int64_t i = 0; i < rows; i += LANES) {
      if (end - from >= i + LANES) {
        store(panel + i, load(from + i));
      } else {
        for (int64_t rest = i; rest < smaller(i + LANES, rows); ++rest) panel[rest] = from[rest];
      }
    }
  }
}

void pack_left_by_rows(const Operand& left, int64_t row, int64_t rows, int64_t depth, int64_t depths,
                       float* panel) {
  for (int64_t i = 0; i < rows; ++i, panel += MATMUL_LEFT_STRIDE) {
    const float* from = left.data + (row + i) * left.stride + depth;
    int64_t k = 0;
    for (; k + LANES <= depths; k += LANES) store(panel + k, load(from + k));
    for (; k < depths; ++k) panel[k] = from[k];
  }
}

int64_t padded_width(int64_t columns) { return ceil_divide(columns, LANES) * LANES; }

// Panels of PANEL_COLUMNS columns, each [depths, width]; the last is padded with zeros to whole vectors.
void pack_right(const Operand& right, const Tile& tile, int64_t depth, int64_t depths, float* packed) {
  for (int64_t k = 0; k < depths; ++k) {
    const float* from = right.data + (depth + k) * right.stride + tile.column;
    int64_t column = 0;
    for (; column + PANEL_COLUMNS <= tile.columns; column += PANEL_COLUMNS) {
      float* to = packed + column * depths + k * PANEL_COLUMNS;
      for (int j = 0; j < VECTORS; ++j) store(to + j * LANES, load(from + column + j * LANES));
    }
    const int64_t width = padded_width(tile.columns - column);
    float* to = packed + column * depths + k * width;
    for (int64_t j = 0; j < width; ++j) to[j] = column + j < tile.columns ? from[column + j] : 0.0f;
  }
}

// One step of a transposition, between two rows whose index differs in bit `Bit`: the lanes of the first row
// that have the bit set change places with those of the second that have not.
template <int Bit, int... Lane>
void exchange(vf& low, vf& high, std::integer_sequence<int, Lane...>) {
  const vf first = low, second = high;
  low = __builtin_shufflevector(first, second, ((Lane & Bit) ? Lane - Bit + LANES : Lane)...);
  high = __builtin_shufflevector(first, second, ((Lane & Bit) ? Lane + LANES : Lane + Bit)...);
}

template <int Bit>
void transpose(vf (&rows)[LANES]) {
  for (int i = 0; i < LANES; ++i)
    if ((i & Bit) == 0) exchange<Bit>(rows[i], rows[i + Bit], std::make_integer_sequence<int, LANES>{});
  if constexpr (Bit > 1) transpose<Bit / 2>(rows);
}

// LANES columns of op(right), that is rows of what is stored, into a panel of the given width
void pack_right_transposed_vector(const float* from, ptrdiff_t stride, int64_t columns, int64_t depths,
                                  int64_t width, float* panel) {
  int64_t k = 0;
  if (columns >= LANES) {
    for (; k + LANES <= depths; k += LANES) {
      vf rows[LANES];
      for (int j = 0; j < LANES; ++j) rows[j] = load(from + j * stride + k);
      transpose<LANES / 2>(rows);
      for (int j = 0; j < LANES; ++j) store(panel + (k + j) * width, rows[j]);
    }
  }
  for (; k < depths; ++k)
    for (int64_t j = 0; j < LANES; ++j) panel[k * width + j] = j < columns ? from[j * stride + k] : 0.0f;
}

void pack_right_transposed(const Operand& right, const Tile& tile, int64_t depth, int64_t depths,
                           float* packed) {
  for (int64_t column = 0; column < tile.columns; column += PANEL_COLUMNS) {
    const int64_t width = padded_width(smaller(PANEL_COLUMNS, tile.columns - column));
    for (int64_t j = 0; j < width; j += LANES) {
      const float* from = right.data + (tile.column + column + j) * right.stride + depth;
      pack_right_transposed_vector(from, right.stride, tile.columns - column - j, depths, width,
                                   packed + column * depths + j);
    }
  }
}

// ---- one tile

struct Panels {
  const float* left;
  const float* right;
  int64_t rows, columns, depths;
  bool left_by_depth;
};

// The product of two panels, added to the output unless it is the first part of the sum
void multiply_into(const Panels& panels, const TileOut& out, bool add) {
  const int64_t vectors = ceil_divide(panels.columns, LANES);
  const PanelKernel kernel = panel_kernels[vectors - 1][panels.left_by_depth].by_rows[panels.rows - 1];
  if (out.column_stride == 1 && panels.columns == vectors * LANES) {
    kernel(panels.depths, panels.left, panels.right, out.data, out.row_stride, add);
    return;
  }
  float block[PANEL_ROWS * PANEL_COLUMNS];
  kernel(panels.depths, panels.left, panels.right, block, PANEL_COLUMNS, false);
  for (int64_t i = 0; i < panels.rows; ++i) {
    for (int64_t j = 0; j < panels.columns; ++j) {
      float& place = out.data[i * out.row_stride + j * out.column_stride];
      place = (add ? place : 0.0f) + block[i * PANEL_COLUMNS + j];
    }
  }
}

void pack_left(const Product& product, const Tile& tile, const Cut& rows, int64_t depth, int64_t depths,
               float* packed) {
  const Operand& left = product.left;
  for (int64_t p = 0; p < rows.parts; ++p) {
    const int64_t row = tile.row + rows.begin(p);
    if (left.transposed) {
      const float* end = left.data + (tile.depth + tile.depths - 1) * left.stride + product.rows;
      pack_left_by_depth(left, row, rows.size(p), depth, depths, end, packed + rows.begin(p) * depths);
    } else {
      pack_left_by_rows(left, row, rows.size(p), depth, depths, packed + rows.begin(p) * MATMUL_LEFT_STRIDE);
    }
  }
}

// The part of a tile's sum over `depths` steps from `depth`
void multiply_block(const Product& product, const Tile& tile, int64_t depth, int64_t depths,
                    const TileOut& out, float* scratch) {
  const Cut rows(tile.rows, PANEL_ROWS);
  float* const packed_right = scratch;
  float* const packed_left = scratch + MATMUL_DEPTH * (MATMUL_TILE_COLUMNS + 2 * MATMUL_LANES);
  const auto pack = product.right.transposed ? pack_right_transposed : pack_right;
  pack(product.right, tile, depth, depths, packed_right);
  pack_left(product, tile, rows, depth, depths, packed_left);
  const int64_t left_step = product.left.transposed ? depths : MATMUL_LEFT_STRIDE;
  for (int64_t column = 0; column < tile.columns; column += PANEL_COLUMNS) {
    const int64_t columns = smaller(PANEL_COLUMNS, tile.columns - column);
    for (int64_t p = 0; p < rows.parts; ++p) {
      const float* const left = packed_left + rows.begin(p) * left_step;
      const float* const right = packed_right + column * depths;
      const Panels panels = {left, right, rows.size(p), columns, depths, product.left.transposed};
      float* const place = out.data + rows.begin(p) * out.row_stride + column * out.column_stride;
      multiply_into(panels, {place, out.row_stride, out.column_stride}, depth > tile.depth);
    }
  }
}

void multiply_tile(const Product& product, const Tile& tile, const TileOut& out, float* scratch) {
  const Cut depths(tile.depths, MATMUL_DEPTH);
  for (int64_t p = 0; p < depths.parts; ++p)
    multiply_block(product, tile, tile.depth + depths.begin(p), depths.size(p), out, scratch);
}

void add_parts(const float* parts, int64_t count, int64_t size, int64_t begin, int64_t end, float* out) {
  int64_t i = begin;
  for (; i + LANES <= end; i += LANES) {
    vf total = load(parts + i);
    for (int64_t p = 1; p < count; ++p) total += load(parts + p * size + i);
    store(out + i, total);
  }
  for (; i < end; ++i) {
    float total = parts[i];
    for (int64_t p = 1; p < count; ++p) total += parts[p * size + i];
    out[i] = total;
  }
}

}  // namespace

extern const MatmulKernels matmul_kernels_table;
const MatmulKernels matmul_kernels_table = {LANES, multiply_tile, add_parts};

}  // namespace seqconv::SEQCONV_ISA
