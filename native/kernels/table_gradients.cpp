// dused [n, C] = dtable weights and dweights [W, C] += dtable^T used for blocks of rows whose dtable [n, W] is mostly
// zero: a row's values that are not zero are found as bits of words, and each costs 2 C multiply-adds.
#include "kernels/table_gradients.hpp"

#include "kernels/convolution_tiles.hpp"
#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

constexpr int WORD = 32;  // columns at once: their weights stay in the first-level cache
constexpr int AHEAD = 4;  // rows between fetching one into cache and using it
constexpr int PIECE = 8;  // vectors of totals held in registers

int64_t count(const float* values, int64_t size) {
  int64_t found = 0, i = 0;
  for (; i + LANES <= size; i += LANES) found += __builtin_popcount(nonzero(load(values + i)));
  for (; i < size; ++i) found += values[i] != 0;
  return found;
}

// One bit for each of up to WORD values that is not zero
uint32_t find_nonzero(const float* values, int size) {
  uint32_t bits = 0;
  for (int i = 0; i < least(size, WORD); i += LANES) bits |= nonzero(load_part(values + i, size - i)) << i;
  return bits;
}

// N vectors of dused, row by row
template <int N>
void add_rows(const TableBlock& block, int first) {
  const ptrdiff_t inputs = block.inputs;
  for (int column = 0; column < block.columns; column += WORD) {
    const float *values = block.dtable + column, *weights = block.weights + column * inputs + first;
    float* out = block.dused + first;
    for (int row = 0; row < block.rows; ++row, values += block.columns, out += inputs) {
      for (int i = 0; i < WORD; i += TABLE_VECTOR) __builtin_prefetch(values + WORD + i);
      vf total[N] = {};
      if (column == 0) {
        for (int i = 0; i < WORD; i += TABLE_VECTOR) __builtin_prefetch(values + AHEAD * block.columns + i);
        for (int n = 0; n < N * LANES; n += TABLE_VECTOR) {
          __builtin_prefetch(block.used + row * inputs + first + n);
          __builtin_prefetch(out + AHEAD * inputs + n, 1);
        }
      } else {
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) total[n] = load(out + n * LANES);
      }
      for (uint32_t bits = find_nonzero(values, block.columns - column); bits != 0; bits &= bits - 1) {
        const int i = __builtin_ctz(bits);
        const vf value = splat(values[i]);
        const float* from = weights + i * inputs;
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) total[n] += value * load(from + n * LANES);
      }
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) store(out + n * LANES, total[n]);
    }
  }
}

// For each of up to LANES columns, one bit for each row whose value is not zero
void find_nonzero(const TableBlock& block, int column, uint64_t (&bits)[LANES]) {
  vi half[2] = {};
  const float* values = block.dtable + column;
  for (int row = 0; row < block.rows; ++row, values += block.columns) {
    const vi bit = splat(static_cast<int32_t>(1u << row % 32));
    half[row / 32] |= select(load_part(values, block.columns - column) != vf{}, bit, vi{});
  }
  for (int lane = 0; lane < LANES; ++lane)
    bits[lane] = static_cast<uint32_t>(half[0][lane]) | uint64_t{static_cast<uint32_t>(half[1][lane])} << 32;
}

// N vectors of dweights, column by column
template <int N>
void add_columns(const TableBlock& block, int first) {
  const ptrdiff_t inputs = block.inputs;
  for (int begin = 0; begin < block.columns; begin += LANES) {
    uint64_t found[LANES];
    find_nonzero(block, begin, found);
    for (int lane = 0; lane < least(LANES, block.columns - begin); ++lane) {
      const float *values = block.dtable + begin + lane, *used = block.used + first;
      float* out = block.dweights + (begin + lane) * inputs + first;
      vf total[N];
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) total[n] = load(out + n * LANES);
      for (uint64_t bits = found[lane]; bits != 0; bits &= bits - 1) {
        const int row = __builtin_ctzll(bits);
        const vf value = splat(values[ptrdiff_t{row} * block.columns]);
        const float* from = used + row * inputs;
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) total[n] += value * load(from + n * LANES);
      }
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) store(out + n * LANES, total[n]);
    }
  }
}

template <int N = PIECE>
void add_piece(int vectors, const TableBlock& block, int first) {
  if (vectors == N) {
    add_rows<N>(block, first);
    add_columns<N>(block, first);
  } else if constexpr (N > 1) {
    add_piece<N - 1>(vectors, block, first);
  }
}

void sparse(const TableBlock& block) {
  for (int first = 0; first < block.inputs; first += PIECE * LANES)
    add_piece(least((block.inputs - first) / LANES, PIECE), block, first);
}

}  // namespace

extern const TableGradients table_gradients_table;
const TableGradients table_gradients_table = {count, sparse};

}  // namespace seqconv::SEQCONV_ISA
