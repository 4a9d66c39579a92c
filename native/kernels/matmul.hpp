// The matrix product out = op(left) op(right) in float32, one tile of the output at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

// A stored matrix, rows `stride` floats apart; the product takes it as it is, or transposed.
struct Operand {
  const float* data;
  ptrdiff_t stride;
  bool transposed;
};

struct Product {
  Operand left;   // op(left) is [rows, depth]
  Operand right;  // op(right) is [depth, columns]
  int64_t rows;
  int64_t columns;
};

// A block of the output, and the part of the sum that goes into it
struct Tile {
  int64_t row, rows;
  int64_t column, columns;
  int64_t depth, depths;
};

// Where a tile goes: element (i, j) at data[i * row_stride + j * column_stride]
struct TileOut {
  float* data;
  ptrdiff_t row_stride;
  ptrdiff_t column_stride;
};

constexpr int64_t MATMUL_TILE_ROWS = 336;  // the packed left block stays in a level-2 cache of 512 KB
constexpr int64_t MATMUL_TILE_COLUMNS = 512;
constexpr int64_t MATMUL_DEPTH = 256;  // of one packed block: a panel of the right one fills most of level 1
constexpr int64_t MATMUL_LEFT_STRIDE =
    MATMUL_DEPTH + 16;                // keeps the rows of a panel out of each other's cache sets
constexpr int64_t MATMUL_LANES = 16;  // no instruction set has wider vectors
constexpr int64_t MATMUL_SCRATCH = MATMUL_TILE_ROWS * MATMUL_LEFT_STRIDE + MATMUL_LANES +
                                   MATMUL_DEPTH * (MATMUL_TILE_COLUMNS + 2 * MATMUL_LANES);

struct MatmulKernels {
  int lanes;
  // Overwrites `out` with the tile. `scratch` holds MATMUL_SCRATCH floats and starts at a multiple of 64
  // bytes; the tile has at most MATMUL_TILE_ROWS rows and MATMUL_TILE_COLUMNS columns.
  void (*multiply_tile)(const Product& product, const Tile& tile, const TileOut& out, float* scratch);
  // out[i] = the sum of parts[p * size + i] over p, in ascending order, for i in [begin, end)
  void (*add_parts)(const float* parts, int64_t count, int64_t size, int64_t begin, int64_t end, float* out);
};

SEQCONV_KERNELS(MatmulKernels, matmul_kernels)

}  // namespace seqconv
