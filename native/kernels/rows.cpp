// One pass over a row for each sum or maximum, in vectors along the channels; what is left of a row is one more vector,
// filled up. The normal distribution function has a relative error of 1.2e-7, the precision of a float.
//
// Reference: Press et al. 1992, "Numerical Recipes in C", second edition, section 6.2 (erfcc); softmax and layer
// normalisation: seqconv/networks/layers.
#include "kernels/rows.hpp"

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

inline vf load_some(const float* p, ptrdiff_t count, float fill = 0.0f) {
  vf v = splat(fill);
  __builtin_memcpy(&v, p, sizeof(float) * static_cast<size_t>(count));
  return v;
}
inline void store_some(float* p, vf v, ptrdiff_t count) {
  __builtin_memcpy(p, &v, sizeof(float) * static_cast<size_t>(count));
}

// All lanes taken together in pairs: a few steps instead of one for each lane
template <int Lanes>
struct Part {
  typedef float type __attribute__((vector_size(4 * Lanes)));
};
template <int Lanes, class Both>
inline float fold(typename Part<Lanes>::type v, Both both) {
  if constexpr (Lanes == 2) {
    return both(v[0], v[1]);
  } else {
    typename Part<Lanes / 2>::type low, high;
    __builtin_memcpy(&low, &v, sizeof(low));
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof(low), sizeof(high));
    return fold<Lanes / 2>(both(low, high), both);
  }
}
inline float sum_lanes(vf v) {
  return fold<LANES>(v, [](auto a, auto b) { return a + b; });
}

// body(at, load, store) for each vector of a row, the last one with what is left of it
template <class Body>
inline void for_each(ptrdiff_t count, Body&& body) {
  ptrdiff_t at = 0;
  for (; at + LANES <= count; at += LANES)
    body(at, [](const float* p) { return load(p); }, [](float* p, vf v) { store(p, v); });
  const ptrdiff_t left = count - at;
  if (left > 0)
    body(at, [left](const float* p) { return load_some(p, left); },
         [left](float* p, vf v) { store_some(p, v, left); });
}

// ---- GELU

inline vf normal_cdf(vf x) {
  const vf z = select(x < vf{}, -x, x) * 0.70710678118654752f;
  const vf t = 1.0f / (1.0f + 0.5f * z);
  vf p = splat(0.17087277f);
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  const vf tail = 0.5f * t * exponential(p - z * z);
  return select(x < vf{}, tail, 1.0f - tail);
}

void gelu(const float* x, int64_t count, float* y) {
  for_each(count, [&](ptrdiff_t at, auto read, auto write) {
    const vf value = read(x + at);
    write(y + at, value * normal_cdf(value));
  });
}

void gelu_gradient(const float* x, const float* dy, int64_t count, float* dx) {
  constexpr float density = 0.39894228040143268f;  // 1 / sqrt(2 pi)
  for_each(count, [&](ptrdiff_t at, auto read, auto write) {
    const vf value = read(x + at);
    write(dx + at, read(dy + at) * (normal_cdf(value) + value * density * exponential(-0.5f * value * value)));
  });
}

// ---- softmax

inline float largest(const float* x, ptrdiff_t count) {
  float most = x[0];
  ptrdiff_t at = 0;
  if (count >= LANES) {
    vf found = load(x);
    for (at = LANES; at + LANES <= count; at += LANES) found = larger(found, load(x + at));
    most = fold<LANES>(found, [](auto a, auto b) { return a < b ? b : a; });
  }
  for (; at < count; ++at) most = most < x[at] ? x[at] : most;
  return most;
}

void softmax(const float* x, int64_t channels, int64_t begin, int64_t end, float* y) {
  for (int64_t row = begin; row < end; ++row) {
    const float *from = x + row * channels, most = largest(from, channels);
    float* to = y + row * channels;
    ptrdiff_t at = 0;
    vf total{};
    for (; at + LANES <= channels; at += LANES) {
      const vf each = exponential(load(from + at) - most);
      store(to + at, each);
      total += each;
    }
    if (at < channels) {
      const ptrdiff_t left = channels - at;
      store_some(to + at, exponential(load_some(from + at, left, most) - most), left);
      total += load_some(to + at, left);
    }
    const float scale = 1.0f / sum_lanes(total);
    for_each(channels, [&](ptrdiff_t place, auto read, auto write) { write(to + place, read(to + place) * scale); });
  }
}

void softmax_gradient(const float* y, const float* dy, int64_t channels, int64_t begin, int64_t end, float* dx) {
  for (int64_t row = begin; row < end; ++row) {
    const ptrdiff_t place = row * channels;
    vf products{};
    for_each(channels, [&](ptrdiff_t at, auto read, auto) { products += read(y + place + at) * read(dy + place + at); });
    const float total = sum_lanes(products);
    for_each(channels, [&](ptrdiff_t at, auto read, auto write) {
      write(dx + place + at, read(y + place + at) * (read(dy + place + at) - total));
    });
  }
}

// ---- layer normalisation

void normalise(const LayerNorm& given, int64_t begin, int64_t end) {
  const LayerNorm job = given;  // a copy that no store can change
  const float part = 1.0f / static_cast<float>(job.channels);
  for (int64_t row = begin; row < end; ++row) {
    const float* x = job.x + row * job.channels;
    float *normal = job.normal + row * job.channels, *y = job.y + row * job.channels;
    vf total{}, squares{};
    for_each(job.channels, [&](ptrdiff_t at, auto read, auto) { total += read(x + at); });
    const float mean = sum_lanes(total) * part;
    for_each(job.channels, [&](ptrdiff_t at, auto read, auto write) {
      write(normal + at, read(x + at) - mean);
      const vf centred = read(normal + at);  // what fills up the last vector is 0 again
      squares += centred * centred;
    });
    const float scale = 1.0f / __builtin_sqrtf(sum_lanes(squares) * part + job.epsilon);
    job.scale[row] = scale;
    for_each(job.channels, [&](ptrdiff_t at, auto read, auto write) {
      const vf each = read(normal + at) * scale;
      write(normal + at, each);
      write(y + at, each * read(job.gamma + at) + read(job.beta + at));
    });
  }
}

void normalise_gradient(const LayerNormGradient& given, int64_t begin, int64_t end, float* dgamma, float* dbeta) {
  const LayerNormGradient job = given;
  const float part = 1.0f / static_cast<float>(job.channels);
  for (int64_t row = begin; row < end; ++row) {
    const float *dy = job.dy + row * job.channels, *normal = job.normal + row * job.channels, scale = job.scale[row];
    float* dx = job.dx + row * job.channels;
    vf total{}, products{};
    for_each(job.channels, [&](ptrdiff_t at, auto read, auto write) {
      const vf own = read(dy + at), along = own * read(normal + at), g = own * read(job.gamma + at);
      write(dbeta + at, read(dbeta + at) + own);
      write(dgamma + at, read(dgamma + at) + along);
      total += g;
      products += g * read(normal + at);
    });
    const float level = sum_lanes(total) * part, slope = sum_lanes(products) * part;
    for_each(job.channels, [&](ptrdiff_t at, auto read, auto write) {
      write(dx + at, (read(dy + at) * read(job.gamma + at) - level - read(normal + at) * slope) * scale);
    });
  }
}

}  // namespace

extern const RowKernels row_kernels_table;
const RowKernels row_kernels_table = {gelu, gelu_gradient, softmax, softmax_gradient, normalise, normalise_gradient};

}  // namespace seqconv::SEQCONV_ISA
