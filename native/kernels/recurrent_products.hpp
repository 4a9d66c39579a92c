// Small products of the recurrent layers. Lanes are outputs (units); a tile keeps `Rows` examples times
// `Width` vectors of sums in registers, so that every weight vector feeds `Rows` multiply-adds and every
// broadcast input `Width`.
#pragma once

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int TILE_ROWS = 8;  // 16 of 32 registers hold sums
#else
constexpr int TILE_ROWS = 4;  // 8 of 16
#endif
constexpr int TILE_WIDTH = 2;

// One summand in * weights: row e of `in` starts at in + e * stride; weights hold one vector for each of
// `depth` inputs, then, `strip` floats further, the same for the next vector of outputs.
struct Term {
  const float* in;
  ptrdiff_t stride;
  const float* weights;
  ptrdiff_t strip;
  int depth;
};

// out = from + sum of terms, or out = from + scale * sum where `scale` is given; no `from` is zero, and a
// stride of 0 repeats one row of it
struct Product {
  float* out;
  ptrdiff_t out_stride;
  const float* from;
  ptrdiff_t from_stride;
  const float* scale;
  ptrdiff_t scale_stride;
  int rows, vectors;
  Term terms[2];
  int count;
};

template <int Rows, int Width>
inline void add_term(vf (&sums)[Rows][Width], const Term& term, int row, int vector) {
  const float* in[Rows];
#pragma GCC unroll 8
  for (int e = 0; e < Rows; ++e) in[e] = term.in + (row + e) * term.stride;
  const float* weights = term.weights + vector * term.strip;
  for (int k = 0; k < term.depth; ++k, weights += LANES) {
    vf w[Width];
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v) w[v] = load(weights + v * term.strip);
#pragma GCC unroll 8
    for (int e = 0; e < Rows; ++e) {
      const vf x = splat(in[e][k]);
#pragma GCC unroll 2
      for (int v = 0; v < Width; ++v) sums[e][v] += x * w[v];
    }
  }
}

inline vf load_from(const Product& p, int row, int vector) {
  return p.from != nullptr ? load(p.from + row * p.from_stride + vector * LANES) : vf{};
}

template <int Rows, int Width>
void multiply_tile(const Product& p, int row, int vector) {
  vf sums[Rows][Width];
  const bool scaled = p.scale != nullptr;
#pragma GCC unroll 8
  for (int e = 0; e < Rows; ++e)
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v) sums[e][v] = scaled ? vf{} : load_from(p, row + e, vector + v);
  for (int i = 0; i < p.count; ++i) add_term<Rows, Width>(sums, p.terms[i], row, vector);
#pragma GCC unroll 8
  for (int e = 0; e < Rows; ++e)
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v) {
      const ptrdiff_t at = (vector + v) * LANES;
      vf sum = sums[e][v];
      if (scaled)
        sum = load_from(p, row + e, vector + v) + load(p.scale + (row + e) * p.scale_stride + at) * sum;
      store(p.out + (row + e) * p.out_stride + at, sum);
    }
}

// The last rows of a block, fewer than a full tile
template <int Width, int Rows = TILE_ROWS - 1>
inline void multiply_rest(const Product& p, int row, int vector) {
  if constexpr (Rows > 0) {
    if (p.rows - row == Rows) return multiply_tile<Rows, Width>(p, row, vector);
    multiply_rest<Width, Rows - 1>(p, row, vector);
  }
}

template <int Width>
inline void multiply_rows(const Product& p, int vector) {
  int row = 0;
  for (; row + TILE_ROWS <= p.rows; row += TILE_ROWS) multiply_tile<TILE_ROWS, Width>(p, row, vector);
  multiply_rest<Width>(p, row, vector);
}

inline void multiply(const Product& p) {
  int vector = 0;
  for (; vector + TILE_WIDTH <= p.vectors; vector += TILE_WIDTH) multiply_rows<TILE_WIDTH>(p, vector);
  for (; vector < p.vectors; ++vector) multiply_rows<1>(p, vector);
}

// A weight gradient: out[i] += scale[i] * sum over k of a[k][i] * b[k], with `scale` (of ones if not given)
// along i, for the `rows` places i that are listed (all from 0 on if not given)
struct Outer {
  float* out;
  ptrdiff_t out_stride;
  int rows, vectors;
  const float* a;
  ptrdiff_t a_step;
  const float* b;
  ptrdiff_t b_step;
  int depth;
  const float* scale;
  const int32_t* places;
};

template <int Rows, int Width>
void outer_tile(const Outer& p, int row, int vector) {
  vf sums[Rows][Width] = {};
  ptrdiff_t places[Rows];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) places[i] = p.places != nullptr ? p.places[row + i] : row + i;
  const float* a = p.a;
  const float* b = p.b + vector * LANES;
  for (int k = 0; k < p.depth; ++k, a += p.a_step, b += p.b_step) {
    vf w[Width];
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v) w[v] = load(b + v * LANES);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      const vf x = splat(a[places[i]]);
#pragma GCC unroll 2
      for (int v = 0; v < Width; ++v) sums[i][v] += x * w[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
    float* out = p.out + places[i] * p.out_stride + vector * LANES;
    const vf scale = splat(p.scale != nullptr ? p.scale[places[i]] : 1.0f);
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v) store(out + v * LANES, load(out + v * LANES) + scale * sums[i][v]);
  }
}

template <int Width, int Rows = TILE_ROWS - 1>
inline void outer_rest(const Outer& p, int row, int vector) {
  if constexpr (Rows > 0) {
    if (p.rows - row == Rows) return outer_tile<Rows, Width>(p, row, vector);
    outer_rest<Width, Rows - 1>(p, row, vector);
  }
}

template <int Width>
inline void outer_rows(const Outer& p, int vector) {
  int row = 0;
  for (; row + TILE_ROWS <= p.rows; row += TILE_ROWS) outer_tile<TILE_ROWS, Width>(p, row, vector);
  outer_rest<Width>(p, row, vector);
}

inline void add_outer(const Outer& p) {
  int vector = 0;
  for (; vector + TILE_WIDTH <= p.vectors; vector += TILE_WIDTH) outer_rows<TILE_WIDTH>(p, vector);
  for (; vector < p.vectors; ++vector) outer_rows<1>(p, vector);
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
