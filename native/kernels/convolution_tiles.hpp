// The product of register tiles that all dense convolution work comes down to, and the fused forward pass
// over it. For kernel sources only.
#pragma once

#include "kernels/convolution.hpp"
#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

#if SEQCONV_LANES == 16 || defined(__aarch64__)
constexpr int TILE = 12;  // rows of sums held in registers, two vectors each: 24 of 32 registers
#else
constexpr int TILE = 6;  // 12 of 16
#endif
constexpr int PANEL = 2 * LANES;  // columns of a packed panel; the last panel may be one vector narrower

inline int round_up(int n) { return (n + LANES - 1) / LANES * LANES; }
inline int least(int a, int b) { return a < b ? a : b; }
inline int most(int a, int b) { return a > b ? a : b; }

// The first n lanes; the others are zero, and memory past them is not touched
template <class Vector = vf, class Number>
inline Vector load_part(const Number* p, int n) {
  if (n >= LANES) return load(p);
  Vector v = {};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
}

template <class Vector, class Number>
inline void store_part(Number* p, Vector v, int n) {
  if (n >= LANES) return store(p, v);
  for (int i = 0; i < n; ++i) p[i] = v[i];
}

// Rows `row` floats apart; each is the values x[tap * dilated + i * next] for every tap and every i < count
struct Rows {
  const float* x;
  ptrdiff_t row, next, dilated;
  int count, taps;
};

// out[s] = start[s] + row s times the panel, for S rows and V vectors of columns.
// Four rows share a pointer, so that 12 rows need no more registers for addresses than there are.
template <int S, int V>
void multiply(const Rows& rows, const float* panel, const float* start, int start_next, float* out) {
  vf sum[S][V];
#pragma GCC unroll 16
  for (int s = 0; s < S; ++s)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[s][v] = load(start + s * start_next + v * LANES);
  const ptrdiff_t row = rows.row, next = rows.next;
  for (int tap = 0; tap < rows.taps; ++tap) {
    const float* four[(S + 3) / 4];
#pragma GCC unroll 4
    for (int q = 0; q < (S + 3) / 4; ++q) four[q] = rows.x + tap * rows.dilated + 4 * q * row;
    for (int i = 0; i < rows.count; ++i, panel += V * LANES) {
      vf weight[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) weight[v] = load(panel + v * LANES);
#pragma GCC unroll 16
      for (int s = 0; s < S; ++s) {
        const vf value = splat(four[s / 4][s % 4 * row]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sum[s][v] += value * weight[v];
      }
#pragma GCC unroll 4
      for (int q = 0; q < (S + 3) / 4; ++q) four[q] += next;
    }
  }
#pragma GCC unroll 16
  for (int s = 0; s < S; ++s)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store(out + (s * V + v) * LANES, sum[s][v]);
}

template <int V, int S = TILE>
void multiply_rows(int count, const Rows& rows, const float* panel, const float* start, int start_next,
                   float* out) {
  if (count == S) return multiply<S, V>(rows, panel, start, start_next, out);
  if constexpr (S > 1) multiply_rows<V, S - 1>(count, rows, panel, start, start_next, out);
}

// Rows of the next tile: the rest in equal tiles, none much shorter than TILE
inline int tile_rows(int left) {
  const int tiles = (left + TILE - 1) / TILE;
  return (left + tiles - 1) / tiles;
}

// One layer without its batch; weights packed in panels over all taps
struct Layer {
  int channels, kernel, filters, dilation, group;
  bool relu;
  const float *weights, *bias;
};

// Running maximum of V vectors of filters over the steps of a group, written out at its end
template <int V>
struct Pooling {
  float* y;
  int32_t* arg;  // or null
  int filters;   // distance of two groups in y and arg
  int width;     // of the filters held here
  bool relu;
  vf best[V] = {};
  vi winner[V] = {};

  // `Finite`: no value is a NaN
  template <bool Finite = false>
  inline void add(const vf (&values)[V], int place) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      if (place == 0) {
        best[v] = values[v];
        winner[v] = vi{};
        continue;
      }
      // a NaN wins over everything, and nothing but another NaN wins over it; the first of equals stays
      vi wins = values[v] > best[v];
      if constexpr (!Finite) wins |= values[v] != values[v];
      best[v] = select(wins, values[v], best[v]);
      winner[v] = select(wins, splat(place), winner[v]);
    }
  }

  inline void write(int group) {
    const ptrdiff_t out = ptrdiff_t{group} * filters;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      if (relu) best[v] = select(best[v] < vf{}, vf{}, best[v]);
      store_part(y + out + v * LANES, best[v], width - v * LANES);
      if (arg != nullptr) store_part(arg + out + v * LANES, winner[v], width - v * LANES);
    }
  }
};

template <int V>
void convolve_panel(const Layer& layer, int first, const float* x, int groups, float* y, int32_t* arg) {
  alignas(64) float tile[TILE * V * LANES];
  const float* panel = layer.weights + ptrdiff_t{layer.kernel} * layer.channels * first;
  if (arg != nullptr) arg += first;
  Pooling<V> pooling{y + first, arg, layer.filters, layer.filters - first, layer.relu};
  const bool merged = layer.dilation == 1;  // the values of all taps are neighbours
  Rows rows = {x,
               layer.channels,
               1,
               ptrdiff_t{layer.dilation} * layer.channels,
               merged ? layer.kernel * layer.channels : layer.channels,
               merged ? 1 : layer.kernel};
  for (int left = groups * layer.group, place = 0, group = 0; left > 0;) {
    const int count = tile_rows(left);
    multiply_rows<V>(count, rows, panel, layer.bias + first, 0, tile);
    for (int s = 0; s < count; ++s) {
      vf values[V];
      for (int v = 0; v < V; ++v) values[v] = load(tile + (s * V + v) * LANES);
      pooling.add(values, place);
      if (++place < layer.group) continue;
      pooling.write(group++);
      place = 0;
    }
    rows.x += ptrdiff_t{count} * layer.channels;
    left -= count;
  }
}

// y, arg of `groups` groups; x points at the first tap of the first step, and all taps lie in memory
inline void convolve(const Layer& layer, const float* x, int groups, float* y, int32_t* arg) {
  for (int first = 0; first < layer.filters; first += PANEL) {
    const bool narrow = layer.filters - first <= LANES;
    (narrow ? convolve_panel<1> : convolve_panel<2>)(layer, first, x, groups, y, arg);
  }
}

// A matrix to be packed: `taps` times `count` rows, `columns` columns, and the distances between them in
// memory
struct Packing {
  const float* from;
  int taps, count, columns;
  ptrdiff_t tap, next, column;
};

inline void pack_panels(const Packing& p, float* out) {
  for (int first = 0; first < p.columns; first += PANEL) {
    const int width = least(round_up(p.columns - first), PANEL), used = least(p.columns - first, width);
    for (int tap = 0; tap < p.taps; ++tap)
      for (int i = 0; i < p.count; ++i, out += width) {
        const float* from = p.from + tap * p.tap + i * p.next + first * p.column;
        for (int j = 0; j < width; ++j) out[j] = j < used ? from[j * p.column] : 0;
      }
  }
}

// Copy steps [first, first + count) of an example to rows of `row` floats; steps before 0 are zeros
inline void copy_steps(const ConvShape& shape, int example, const float* x, int first, int count, int row,
                       float* out) {
  const int before = first < 0 ? least(-first, count) : 0, channels = shape.channels;
  const ptrdiff_t size = ptrdiff_t{shape.length} * channels;
  const float *from = x + size * example + ptrdiff_t{first + before} * channels,
              *end = x + size * shape.examples;
  __builtin_memset(out, 0, sizeof(float) * before * row);
  out += ptrdiff_t{before} * row;
  count -= before;
  if (row == channels) {
    __builtin_memcpy(out, from, sizeof(float) * count * row);
    return;
  }
  vi lane;
  for (int i = 0; i < LANES; ++i) lane[i] = i;
  // reading on into the next step is faster than reading lane by lane, where there is a next step
  const ptrdiff_t inside = (end - from - row + channels) / channels;
  const int fast = inside < count ? most(static_cast<int>(inside), 0) : count;
  for (int step = 0; step < fast; ++step, from += channels)
    for (int c = 0; c < row; c += LANES, out += LANES)
      store(out, select(lane < channels - c, load(from + c), vf{}));
  for (int step = fast; step < count; ++step, from += channels)
    for (int c = 0; c < row; c += LANES, out += LANES) store(out, load_part(from + c, channels - c));
}

// The vectors at `from` in all partial kernel gradients, `size` floats apart
inline vf sum_chunks(const ConvPartials& partials, ptrdiff_t size, const float* from) {
  vf total = load(from);
  for (int chunk = 1; chunk < partials.chunks; ++chunk) total += load(from + chunk * size);
  return total;
}

// A unit's place in its batch
struct Unit {
  int example, first, groups;  // groups [first, first + groups) of the example
  Unit(const ConvShape& shape, int block, int64_t number) {
    const int blocks = (shape.groups + block - 1) / block;
    example = static_cast<int>(number / blocks);
    first = static_cast<int>(number % blocks) * block;
    groups = least(block, shape.groups - first);
  }
};

// What a unit reads: `rows` steps of x, zeros outside the example and where `gate`, if there is one, is not above 0.
// Behind them `slack` floats can be read. In place, or copied where that is not so.
inline const float* find_input(const ConvShape& shape, const float* x, const float* gate, const Unit& unit, int rows,
                               int slack, float* copy) {
  const int first = unit.first * shape.group - shape.left_pad, channels = shape.channels;
  const int before = first < 0 ? least(-first, rows) : 0, behind = most(first + rows - shape.length, 0);
  const ptrdiff_t example = ptrdiff_t{unit.example} * shape.length, end = ptrdiff_t{shape.examples} * shape.length;
  if (gate == nullptr && before == 0 && behind == 0 &&
      (example + first + rows) * channels + slack <= end * channels)
    return x + (example + first) * channels;
  const ptrdiff_t from = (example + first + before) * channels, size = ptrdiff_t{rows - before - behind} * channels;
  float* out = copy + ptrdiff_t{before} * channels;
  __builtin_memset(copy, 0, sizeof(float) * before * channels);
  if (gate == nullptr) __builtin_memcpy(out, x + from, sizeof(float) * size);
  else  // what is not a number passes, so that it shows
    for (ptrdiff_t i = 0; i < size; ++i) out[i] = gate[from + i] <= 0 ? 0 : x[from + i];
  __builtin_memset(out + size, 0, sizeof(float) * behind * channels);
  return copy;
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
