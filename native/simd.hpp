// Vectors of LANES floats, one width per instruction set. Only kernel sources include this file: everything in it has
// internal linkage, so that code for one instruction set can never be linked in place of another's.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef SEQCONV_ISA
#error "compile kernel sources with -DSEQCONV_ISA=<name> -DSEQCONV_LANES=<floats per vector>"
#endif

namespace seqconv::SEQCONV_ISA {
namespace {

constexpr int LANES = SEQCONV_LANES;
typedef float vf __attribute__((vector_size(4 * SEQCONV_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * SEQCONV_LANES)));
// the same, at any address of a float or an int
typedef float vf_at __attribute__((vector_size(4 * SEQCONV_LANES), aligned(4), may_alias));
typedef int32_t vi_at __attribute__((vector_size(4 * SEQCONV_LANES), aligned(4), may_alias));

[[maybe_unused]] inline vf load(const float* p) { return *reinterpret_cast<const vf_at*>(p); }
[[maybe_unused]] inline vi load(const int32_t* p) { return *reinterpret_cast<const vi_at*>(p); }
[[maybe_unused]] inline void store(float* p, vf v) { *reinterpret_cast<vf_at*>(p) = v; }
[[maybe_unused]] inline void store(int32_t* p, vi v) { *reinterpret_cast<vi_at*>(p) = v; }
[[maybe_unused]] inline vf splat(float s) { return s - vf{}; }
[[maybe_unused]] inline vi splat(int32_t s) { return s - vi{}; }
[[maybe_unused]] inline vf select(vi mask, vf yes, vf no) { return mask ? yes : no; }
[[maybe_unused]] inline vi select(vi mask, vi yes, vi no) { return mask ? yes : no; }
// NaN in `a` is kept, so that it reaches the output instead of vanishing in a maximum
[[maybe_unused]] inline vf larger(vf a, vf b) { return select(a < b, b, a); }

[[maybe_unused]] inline float sum(vf v) {
  float total = 0;
  for (int i = 0; i < LANES; ++i) total += v[i];
  return total;
}

// One bit for each lane that is not zero; NaN is not
[[maybe_unused]] inline uint32_t nonzero(vf v) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
#elif defined(__AVX2__)
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps((__m256)v, _mm256_setzero_ps(), _CMP_NEQ_UQ)));
#elif defined(__x86_64__)
  return static_cast<uint32_t>(_mm_movemask_ps(_mm_cmpneq_ps((__m128)v, _mm_setzero_ps())));
#else
  uint32_t bits = 0;
  for (int i = 0; i < LANES; ++i) bits |= static_cast<uint32_t>(v[i] != 0) << i;
  return bits;
#endif
}

[[maybe_unused]] inline bool any(vi mask) {
  int32_t bits = 0;
  for (int i = 0; i < LANES; ++i) bits |= mask[i];
  return bits != 0;
}

// x within [low, high]; NaN is kept: the instructions return their second operand where one is NaN
[[maybe_unused]] inline vf clamp(vf x, float low, float high) {
#if defined(__AVX512F__)  // masked forms with a full mask: the plain ones warn in GCC 12's own header
  const __m512 above = _mm512_maskz_max_ps((__mmask16)-1, _mm512_set1_ps(low), (__m512)x);
  return (vf)_mm512_maskz_min_ps((__mmask16)-1, _mm512_set1_ps(high), above);
#elif defined(__AVX2__)
  return (vf)_mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), (__m256)x));
#elif defined(__x86_64__)
  return (vf)_mm_min_ps(_mm_set1_ps(high), _mm_max_ps(_mm_set1_ps(low), (__m128)x));
#else
  x = select(x < splat(low), splat(low), x);
  return select(x > splat(high), splat(high), x);
#endif
}

// e^x, relative error about 1e-7: 2^n times a polynomial on [-ln2/2, ln2/2]; x is first brought into [-87, 88].
// Adding 1.5 * 2^23 rounds to a whole number n and leaves n in the low bits, ready to become an exponent.
// Reference: Moshier, Cephes Mathematical Library, expf.c (constants).
[[maybe_unused]] inline vf exponential(vf x) {
  x = clamp(x, -87.0f, 88.0f);
  const vf shifted = x * 1.44269504088896341f + 12582912.0f;
  const vf whole = shifted - 12582912.0f;
  const vf r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  vf p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * reinterpret_cast<vf>((reinterpret_cast<vi>(shifted) << 23) + (127 << 23));
}

[[maybe_unused]] inline vf sigmoid(vf x) { return 1.0f / (1.0f + exponential(-x)); }
[[maybe_unused]] inline vf tanh(vf x) { return 2.0f * sigmoid(x + x) - 1.0f; }

}  // namespace
}  // namespace seqconv::SEQCONV_ISA
