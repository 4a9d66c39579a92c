// Steps of RMSprop, Adam and Adagrad on n weights, in place; g is the gradient times `scale`:
//   RMSprop  v = rho v + (1 - rho) g^2, w -= rate g / (sqrt(v) + epsilon)
//   Adam     m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
//            w -= rate / (1 - beta1^now) m / (sqrt(v / (1 - beta2^now)) + epsilon)
//   Adagrad  v += g^2, w -= rate g / (sqrt(v) + epsilon)
// Each is one pass over its arrays, bound by memory: plain loops, which the compiler vectorises.
#include "kernels/optimisers.hpp"

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// ---- sums

constexpr int HALF = LANES / 2;  // a vector of floats becomes two of doubles
typedef float half_vf_at __attribute__((vector_size(4 * HALF), aligned(4), may_alias));
typedef double vd __attribute__((vector_size(8 * HALF)));

double sum_squares(const float* values, int64_t count) {
  constexpr int CHAINS = 4;  // independent sums, to hide the latency of the additions
  vd totals[CHAINS] = {};
  int64_t i = 0;
  for (; i + CHAINS * HALF <= count; i += CHAINS * HALF) {
    for (int chain = 0; chain < CHAINS; ++chain) {
      const half_vf_at part = *reinterpret_cast<const half_vf_at*>(values + i + chain * HALF);
      const vd wide = __builtin_convertvector(part, vd);
      totals[chain] += wide * wide;
    }
  }
  const vd sums = (totals[0] + totals[1]) + (totals[2] + totals[3]);
  double total = 0;
  for (int lane = 0; lane < HALF; ++lane) total += sums[lane];
  for (; i < count; ++i) total += static_cast<double>(values[i]) * values[i];
  return total;
}

// base^exponent by repeated squaring: exponents are counts of steps, small
double power(double base, int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base)
    if (exponent % 2 == 1) result *= base;
  return result;
}

// ---- RMSprop

// `decay` is what v is multiplied by: rho, and more if the row missed steps
void step_rmsprop_by(const Rmsprop& given, float decay, int64_t count, float* __restrict w,
                     const float* __restrict g, float* __restrict v) {
  const Rmsprop rule = given;  // a copy that no store can change
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] * rule.scale;
    const float square = decay * v[i] + rule.added * (gradient * gradient);
    v[i] = square;
    w[i] -= rule.learning_rate * gradient / (__builtin_sqrtf(square) + rule.epsilon);
  }
}

void step_rmsprop(const Rmsprop& rule, int64_t count, float* w, const float* g, float* v) {
  step_rmsprop_by(rule, rule.kept, count, w, g, v);
}

void step_rmsprop_rows(const Rmsprop& rule, double rho, const RmspropRows& table, int64_t now, int64_t begin,
                       int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = table.row[i], place = row * table.width;
    const float decay = static_cast<float>(power(rho, now - table.last[row]));
    step_rmsprop_by(rule, decay, table.width, table.weights + place, table.gradients + i * table.width,
                    table.squares + place);
    table.last[row] = now;
  }
}

// ---- Adam

struct Moments {
  float mean, square;
};

inline float adam_move(const Adam& rule, Moments next) {
  return rule.rate * next.mean / (__builtin_sqrtf(next.square * rule.unbiasing) + rule.epsilon);
}

void step_adam(const Adam& given, int64_t count, float* __restrict w, const float* __restrict g,
               float* __restrict m, float* __restrict v) {
  const Adam rule = given;  // a copy that no store can change
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] * rule.scale;
    const Moments next = {rule.kept1 * m[i] + rule.added1 * gradient,
                          rule.kept2 * v[i] + rule.added2 * (gradient * gradient)};
    m[i] = next.mean;
    v[i] = next.square;
    w[i] -= adam_move(rule, next);
  }
}

// step_adam with a gradient of zeros
void coast_adam(const Adam& given, int64_t count, float* __restrict w, float* __restrict m,
                float* __restrict v) {
  const Adam rule = given;
  for (int64_t i = 0; i < count; ++i) {
    const Moments next = {rule.kept1 * m[i], rule.kept2 * v[i]};
    m[i] = next.mean;
    v[i] = next.square;
    w[i] -= adam_move(rule, next);
  }
}

void step_adam_rows(const Adam& rule, const AdamRows& table, int64_t begin, int64_t end, int64_t next,
                    int64_t count) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t place = row * table.width;
    float *w = table.weights + place, *m = table.means + place, *v = table.squares + place;
    if (next < count && table.row[next] == row) {
      step_adam(rule, table.width, w, table.gradients + next * table.width, m, v);
      table.seen[row] = 1;
      ++next;
    } else if (table.seen[row]) {
      coast_adam(rule, table.width, w, m, v);
    }
  }
}

// ---- Adagrad

void step_adagrad(const Adagrad& given, int64_t count, float* __restrict w, const float* __restrict g,
                  float* __restrict v) {
  const Adagrad rule = given;
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] * rule.scale, square = v[i] + gradient * gradient;
    v[i] = square;
    w[i] -= rule.learning_rate * gradient / (__builtin_sqrtf(square) + rule.epsilon);
  }
}

void step_adagrad_at(const Adagrad& given, int64_t count, const int64_t* __restrict places, float* __restrict w,
                     const float* __restrict g, float* __restrict v) {
  constexpr int64_t AHEAD = 24;  // places between fetching into cache and moving
  const Adagrad rule = given;
  for (int64_t i = 0; i < count; ++i) {
    if (i + AHEAD < count) {
      __builtin_prefetch(w + places[i + AHEAD], 1);
      __builtin_prefetch(v + places[i + AHEAD], 1);
    }
    const int64_t place = places[i];
    const float gradient = g[i] * rule.scale, square = v[place] + gradient * gradient;
    v[place] = square;
    w[place] -= rule.learning_rate * gradient / (__builtin_sqrtf(square) + rule.epsilon);
  }
}

}  // namespace

extern const OptimiserKernels optimiser_kernels_table;
const OptimiserKernels optimiser_kernels_table = {sum_squares, step_rmsprop,      step_rmsprop_rows, step_adam,
                                                  step_adam_rows, step_adagrad, step_adagrad_at};

}  // namespace seqconv::SEQCONV_ISA
