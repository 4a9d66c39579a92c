// Minimal filtering: four neighbouring outputs of K taps from K + 3 products instead of 4 K. Inputs and taps
// are taken for polynomials and evaluated at K + 3 points (0, infinity, and pairs +a, -a), multiplied there,
// and brought back. A dilated layer is `dilation` plain ones, one for each remainder of the step: a tile's outputs and
// inputs are that many steps apart. For kernel sources only.
//
// Reference: Winograd, Arithmetic Complexity of Computations, 1980; choice of points: Barabasz et al., Error
// Analysis and Improving the Accuracy of Winograd Convolution, ACM TOMS 46(4), 2020.
#pragma once

#include "kernels/convolution_tiles.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

constexpr int OUTPUTS = 4;

// What the points give: M(x) = x (x^2 - a^2) (x^2 - b^2) ... and its parts. P pairs make 2 P + 2 points.
template <int P>
struct Points {
  double at[P] = {};          // a of each pair
  double all[P + 1] = {};     // M(x) / x in powers of x^2
  double rest[P][P] = {};     // the same without the factor of one pair
  double weight[P + 1] = {};  // 1 / M'(a) for each pair, and at last for 0

  constexpr explicit Points(const double (&a)[P]) {
    for (int p = 0; p < P; ++p) at[p] = a[p];
    multiply_out(P, all);
    for (int p = 0; p < P; ++p) {
      multiply_out(p, rest[p]);
      double value = 0;  // of the rest at a^2
      for (int j = P; j-- > 0;) value = value * a[p] * a[p] + rest[p][j];
      weight[p] = 1 / (2 * a[p] * a[p] * value);
    }
    weight[P] = 1 / all[0];
  }

 private:
  constexpr void multiply_out(int without, double* powers) {
    powers[0] = 1;
    for (int p = 0, degree = 0; p < P; ++p) {
      if (p == without) continue;
      powers[++degree] = 0;
      for (int j = degree; j > 0; --j) powers[j] = powers[j - 1] - at[p] * at[p] * powers[j];
      powers[0] *= -at[p] * at[p];
    }
  }
};

// Of points tried on random layers these give the least error, 3 to 6 times that of the plain sum
template <int P>
constexpr Points<P> choose_points() {
  if constexpr (P == 2) return Points<P>({0.5, 1});
  else if constexpr (P == 3) return Points<P>({0.5, 1, 2});
  else return Points<P>({0.4, 0.8, 1.25, 2.5});
}

// Tiles lie side by side: `dilation` of them cover OUTPUTS * dilation steps
inline int tiles_of(int steps, int dilation) {
  const int wide = OUTPUTS * dilation;
  return steps / wide * dilation + least(steps % wide, dilation);
}
inline int first_step(int tile, int dilation) {
  return tile / dilation * OUTPUTS * dilation + tile % dilation;
}

// Whether a layer has a minimal form here, and is large enough for it to pay
inline bool has_minimal(const ConvShape& shape) {
  const bool odd = shape.kernel == 3 || shape.kernel == 5 || shape.kernel == 7;
  const bool large = shape.channels >= 8 && shape.filters >= LANES && shape.steps >= OUTPUTS;
  if (!odd || !large) return false;
  // steps that see padding alone are equal, and the first of them is to win: rounding would turn that
  if (shape.dilation == 1) return shape.left_pad < shape.kernel;
  const int64_t products = int64_t{tiles_of(shape.steps, shape.dilation)} * (shape.kernel + OUTPUTS - 1);
  return shape.group == 1 && 4 * products <= 3 * int64_t{shape.steps} * shape.kernel;
}

// Rows of x that the tiles of `steps` steps read
inline int minimal_rows(const ConvShape& shape, int steps) {
  const int wide = OUTPUTS * shape.dilation;
  return (steps + wide - 1) / wide * wide + (shape.kernel - 1) * shape.dilation;
}
// Tiles that are brought to the points at once: all of a unit, whose groups may begin in one tile and end in the next
inline int tiles_at_once(int tiles, int dilation) { return dilation == 1 ? tiles : least(tiles, 2 * TILE); }
// Inputs at all points for a unit of `steps` steps, then the products of a register tile
inline ptrdiff_t minimal_floats(const ConvShape& shape, int steps) {
  const int tiles = tiles_at_once(tiles_of(steps, shape.dilation), shape.dilation);
  return ptrdiff_t{shape.kernel + OUTPUTS - 1} * (tiles * round_up(shape.channels) + TILE * PANEL);
}

// One vector of channels of one tile, from rows of x to the points, `next` floats apart
template <int P>
inline void evaluate_inputs(const float* x, ptrdiff_t row, float* out, ptrdiff_t next) {
  constexpr Points<P> points = choose_points<P>();
  vf d[2 * P + 2];
#pragma GCC unroll 10
  for (int i = 0; i < 2 * P + 2; ++i) d[i] = load(x + i * row);
  vf zero = d[2 * P], infinity = d[2 * P + 1];
#pragma GCC unroll 4
  for (int j = 0; j < P; ++j) {
    zero += d[2 * j] * static_cast<float>(points.all[j]);
    infinity += d[2 * j + 1] * static_cast<float>(points.all[j]);
  }
  store(out, zero);
  store(out + (2 * P + 1) * next, infinity);
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    vf even = d[2 * P], odd = d[2 * P - 1];
#pragma GCC unroll 4
    for (int j = 0; j < P - 1; ++j) {
      even += d[2 * j + 2] * static_cast<float>(points.rest[p][j]);
      odd += d[2 * j + 1] * static_cast<float>(points.rest[p][j]);
    }
    store(out + (2 * p + 1) * next, even + odd * static_cast<float>(points.at[p]));
    store(out + (2 * p + 2) * next, even - odd * static_cast<float>(points.at[p]));
  }
}

// Some tiles of a unit, and the unit's steps
struct Tiles {
  int first, count, steps;
};

// The inputs of some tiles, from rows of x to the points: [point][tile][channels, to whole vectors]
template <int P>
inline void evaluate_tiles(int channels, int dilation, const float* x, const Tiles& tiles, float* inputs) {
  const int row = round_up(channels);
  const ptrdiff_t next = ptrdiff_t{tiles.count} * row, across = ptrdiff_t{dilation} * channels;
  for (int tile = 0; tile < tiles.count; ++tile) {
    const float* from = x + ptrdiff_t{first_step(tiles.first + tile, dilation)} * channels;
    for (int c = 0; c < channels; c += LANES)
      evaluate_inputs<P>(from + c, across, inputs + ptrdiff_t{tile} * row + c, next);
  }
}

// The taps at all points, packed in panels over all points: [filters / PANEL][point][channel][PANEL]
template <int P>
void pack_points(const ConvShape& shape, const float* kernel, float* out) {
  constexpr Points<P> points = choose_points<P>();
  constexpr int TAPS = 2 * P - 1;
  const ptrdiff_t tap = ptrdiff_t{shape.channels} * shape.filters;
  for (int first = 0; first < shape.filters; first += PANEL) {
    const int width = least(round_up(shape.filters - first), PANEL);
    const ptrdiff_t next = ptrdiff_t{shape.channels} * width;
    for (int c = 0; c < shape.channels; ++c)
      for (int o = 0; o < width; o += LANES) {
        const float* from = kernel + ptrdiff_t{c} * shape.filters + first + o;
        float* to = out + c * width + o;
        vf w[TAPS];
#pragma GCC unroll 8
        for (int k = 0; k < TAPS; ++k) w[k] = load_part(from + k * tap, shape.filters - first - o);
        store(to, w[0] * static_cast<float>(points.weight[P]));
        store(to + (2 * P + 1) * next, w[TAPS - 1]);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
          const float a = static_cast<float>(points.at[p]), weight = static_cast<float>(points.weight[p]);
          vf even = w[TAPS - 1], odd = w[TAPS - 2];
#pragma GCC unroll 4
          for (int k = TAPS - 3; k >= 0; k -= 2) even = even * (a * a) + w[k];
#pragma GCC unroll 4
          for (int k = TAPS - 4; k > 0; k -= 2) odd = odd * (a * a) + w[k];
          store(to + (2 * p + 1) * next, (even + odd * a) * weight);
          store(to + (2 * p + 2) * next, (even - odd * a) * weight);
        }
      }
    out += (2 * P + 2) * next;
  }
}

// The four outputs of one tile and V vectors of filters, from the products at the points
template <int P, int V>
inline void interpolate(const float* products, const float* bias, vf (&y)[OUTPUTS][V]) {
  constexpr Points<P> points = choose_points<P>();
  constexpr ptrdiff_t next = TILE * V * LANES;
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v, products += LANES) {
    const vf start = load(bias + v * LANES);
    vf y0 = start + load(products), y1 = start, y2 = start, y3 = start + load(products + (2 * P + 1) * next);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      const double a = points.at[p];
      const vf plus = load(products + (2 * p + 1) * next), minus = load(products + (2 * p + 2) * next);
      const vf even = plus + minus, odd = plus - minus;
      y0 += even;
      y1 += odd * static_cast<float>(a);
      y2 += even * static_cast<float>(a * a);
      y3 += odd * static_cast<float>(a * a * a);
    }
    y[0][v] = y0;
    y[1][v] = y1;
    y[2][v] = y2;
    y[3][v] = y3;
  }
}

// y, arg of one panel of filters; false: an output is not finite, and others may be wrong because of it
template <int P, int V>
bool multiply_points(const Layer& layer, int first, const float* inputs, const Tiles& tiles, float* products,
                     float* y, int32_t* arg) {
  constexpr int POINTS = 2 * P + 2;
  const float zeros[V * LANES] = {};
  const float* panel = layer.weights + ptrdiff_t{POINTS} * layer.channels * first;
  const int row = round_up(layer.channels), dilation = layer.dilation;
  if (arg != nullptr) arg += first;
  Pooling<V> pooling{y + first, arg, layer.filters, layer.filters - first, layer.relu};
  vf strange = {};  // becomes NaN for good
  for (int tile = 0, place = 0, group = 0; tile < tiles.count;) {
    const int count = tile_rows(tiles.count - tile);
    for (int p = 0; p < POINTS; ++p) {
      const Rows rows = {inputs + (ptrdiff_t{p} * tiles.count + tile) * row, row, 1, 0, layer.channels, 1};
      multiply_rows<V>(count, rows, panel + ptrdiff_t{p} * layer.channels * V * LANES, zeros, 0,
                       products + p * TILE * V * LANES);
    }
    for (int t = 0; t < count; ++t, ++tile) {
      vf values[OUTPUTS][V];
      interpolate<P, V>(products + t * V * LANES, layer.bias + first, values);
      // what is not finite at a point shows in the first or the last output
      for (int v = 0; v < V; ++v) strange += 0.0f * (values[0][v] + values[OUTPUTS - 1][v]);
      int step = first_step(tiles.first + tile, dilation);
      for (int i = 0; i < OUTPUTS && step < tiles.steps; ++i, step += dilation) {
        pooling.template add<true>(values[i], place);
        if (++place < layer.group) continue;
        pooling.write(layer.group == 1 ? step : group++);
        place = 0;
      }
    }
  }
  return sum(strange) == 0;
}

// As convolve; x has minimal_rows rows, and a vector can be read anywhere in them
template <int P>
bool convolve_points(const Layer& layer, const float* x, int groups, float* y, int32_t* arg, float* scratch) {
  const int steps = groups * layer.group, dilation = layer.dilation, row = round_up(layer.channels);
  const int all = tiles_of(steps, dilation), most_tiles = tiles_at_once(all, dilation);
  float *inputs = scratch, *products = scratch + (2 * P + 2) * (ptrdiff_t{most_tiles} * row);
  bool finite = true;
  for (int first_tile = 0; first_tile < all; first_tile += most_tiles) {
    const Tiles tiles = {first_tile, least(most_tiles, all - first_tile), steps};
    evaluate_tiles<P>(layer.channels, dilation, x, tiles, inputs);
    for (int first = 0; first < layer.filters; first += PANEL) {
      const bool narrow = layer.filters - first <= LANES;
      const auto multiply = narrow ? multiply_points<P, 1> : multiply_points<P, 2>;
      finite &= multiply(layer, first, inputs, tiles, products, y, arg);
    }
  }
  return finite;
}

inline bool convolve_minimal(const Layer& layer, const float* x, int groups, float* y, int32_t* arg,
                             float* scratch) {
  const auto convolve = layer.kernel == 3 ? convolve_points<2> : layer.kernel == 5 ? convolve_points<3>
                                                                                    : convolve_points<4>;
  return convolve(layer, x, groups, y, arg, scratch);
}

inline void pack_minimal(const ConvShape& shape, const float* kernel, float* weights) {
  const auto pack = shape.kernel == 3 ? pack_points<2> : shape.kernel == 5 ? pack_points<3> : pack_points<4>;
  pack(shape, kernel, weights);
}

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
