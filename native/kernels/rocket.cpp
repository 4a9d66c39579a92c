// MultiRocket: each kernel has 9 taps, three of them 2 and the others -1, so y = 3 (a + b + c) - s with a, b, c the
// values under the three and s the sum of all nine, which the 84 kernels share. For each bias, of the values y > bias:
// their fraction, their mean less the bias, the mean of their places, and the longest run of them. Three additions and
// about four vector operations a bias for each vector of steps; the runs are found on bits, 64 steps a word. MiniRocket
// keeps the fractions alone: two operations a bias.
//
// Hydra: at each step the kernel of a group with the largest value adds it to its count, and the kernel with the
// smallest adds 1: 72 multiply-adds and about 40 other vector operations for each vector of steps of a group.
//
// Reference: Dempster, Schmidt, Webb, MiniRocket, KDD 2021, arXiv:2012.08791; Tan et al., MultiRocket, DMKD 36, 2022,
// arXiv:2102.00457; Dempster, Schmidt, Webb, Hydra, DMKD 37, 2023, arXiv:2203.13652.
#include "kernels/rocket.hpp"

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

#if defined(__AVX512F__)
typedef __mmask16 Lanes;
inline Lanes above(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ); }
inline Lanes first_lanes(ptrdiff_t count) { return static_cast<Lanes>(count >= LANES ? 0xffff : (1u << count) - 1); }
inline Lanes both(Lanes a, Lanes b) { return static_cast<Lanes>(a & b); }
inline Lanes equal(vi a, vi b) { return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b); }
inline vf add_where(Lanes where, vf a, vf b) { return (vf)_mm512_mask_add_ps((__m512)a, where, (__m512)a, (__m512)b); }
inline vf choose(Lanes where, vf yes, vf no) { return (vf)_mm512_mask_blend_ps(where, (__m512)no, (__m512)yes); }
inline vi choose(Lanes where, vi yes, vi no) { return (vi)_mm512_mask_blend_epi32(where, (__m512i)no, (__m512i)yes); }
inline uint64_t bits(Lanes lanes) { return lanes; }
inline vi count_where(Lanes where, vi a) {
  return (vi)_mm512_mask_add_epi32((__m512i)a, where, (__m512i)a, (__m512i)splat(1));
}
#else
typedef vi Lanes;  // all bits set, or none
inline Lanes above(vf a, vf b) { return a > b; }
inline Lanes first_lanes(ptrdiff_t count) {
  Lanes lanes{};
  for (int i = 0; i < LANES; ++i) lanes[i] = i < count ? -1 : 0;
  return lanes;
}
inline Lanes both(Lanes a, Lanes b) { return a & b; }
inline Lanes equal(vi a, vi b) { return a == b; }
inline vf add_where(Lanes where, vf a, vf b) { return a + reinterpret_cast<vf>(where & reinterpret_cast<vi>(b)); }
inline vf choose(Lanes where, vf yes, vf no) { return select(where, yes, no); }
inline vi choose(Lanes where, vi yes, vi no) { return select(where, yes, no); }
inline vi count_where(Lanes where, vi a) { return a - where; }
inline uint64_t bits(Lanes lanes) {
#if defined(__AVX2__)
  return static_cast<uint32_t>(_mm256_movemask_ps((__m256)lanes));
#elif defined(__x86_64__)
  return static_cast<uint32_t>(_mm_movemask_ps((__m128)lanes));
#else
  uint64_t found = 0;
  for (int i = 0; i < LANES; ++i) found |= static_cast<uint64_t>(lanes[i] & 1) << i;
  return found;
#endif
}
#endif

constexpr int WORD = 64;

inline vf count_lanes() {
  vf places{};
  for (int i = 0; i < LANES; ++i) places[i] = static_cast<float>(i);
  return places;
}

// Whether a word has `length` ones in a row
inline bool has_run(uint64_t word, int length) {
  int reached = 1;
  for (; 2 * reached <= length; reached *= 2) word &= word >> reached;
  return (length > reached ? word & (word >> (length - reached)) : word) != 0;
}

// The longest run of ones over words that are read one after the other
struct Runs {
  int64_t open = 0, longest = 0;

  void read(uint64_t word) {
    if (word == ~uint64_t{0}) {
      open += WORD;
      return;
    }
    const int64_t joined = open + __builtin_ctzll(~word);
    if (joined > longest) longest = joined;
    while (longest < WORD && has_run(word, static_cast<int>(longest) + 1)) ++longest;
    open = __builtin_clzll(~word);
  }
  int64_t finish() const { return open > longest ? open : longest; }
};

// The four features of the values y [count] above a bias; -infinity follows them up to a whole word
inline void pool_values(const float* y, ptrdiff_t count, float bias, float* pools) {
  vf total{}, places{}, place = count_lanes();
  const vf limit = splat(bias);
  int64_t found = 0;
  Runs runs;
  for (ptrdiff_t first = 0; first < count; first += WORD) {
    uint64_t word = 0;
    for (int i = 0; i < WORD; i += LANES) {
      const vf value = load(y + first + i);
      const Lanes over = above(value, limit);
      total = add_where(over, total, value);
      places = add_where(over, places, place);
      place += static_cast<float>(LANES);
      word |= bits(over) << i;
    }
    found += __builtin_popcountll(word);
    runs.read(word);
  }
  const float several = static_cast<float>(found > 0 ? found : 1);
  pools[0] = static_cast<float>(found) / static_cast<float>(count);
  pools[1] = found ? sum(total) / several - bias : 0.0f;
  pools[2] = found ? sum(places) / several / static_cast<float>(count) : -1.0f;
  pools[3] = static_cast<float>(runs.finish()) / static_cast<float>(count);
}

// The fraction of the values y [count] above each of COUNT biases; -infinity follows them up to a whole word
template <int COUNT>
inline void count_values(const float* y, ptrdiff_t count, const float* biases, float* fractions) {
  vf limits[COUNT];
  vi found[COUNT] = {};
  for (int bias = 0; bias < COUNT; ++bias) limits[bias] = splat(biases[bias]);
  for (ptrdiff_t t = 0; t < count; t += LANES) {
    const vf value = load(y + t);
    for (int bias = 0; bias < COUNT; ++bias) found[bias] = count_where(above(value, limits[bias]), found[bias]);
  }
  for (int bias = 0; bias < COUNT; ++bias) {
    int32_t total = 0;
    for (int i = 0; i < LANES; ++i) total += found[bias][i];
    fractions[bias] = static_cast<float>(total) / static_cast<float>(count);
  }
}

// Likewise of any number of biases: four share a load
inline void count_values(const float* y, ptrdiff_t count, const float* biases, int bias_count, float* fractions) {
  int bias = 0;
  for (; bias + 4 <= bias_count; bias += 4) count_values<4>(y, count, biases + bias, fractions + bias);
  if (bias + 2 <= bias_count) {
    count_values<2>(y, count, biases + bias, fractions + bias);
    bias += 2;
  }
  if (bias < bias_count) count_values<1>(y, count, biases + bias, fractions + bias);
}

// sums[t] = the nine values under a kernel at step t
void add_taps(const DilatedSequence& x, const float* padded, float* sums) {
  for (ptrdiff_t t = 0; t < x.length; t += LANES) {
    vf total{};
    for (int tap = 0; tap < ROCKET_WIDTH; ++tap) total += load(padded + t + tap * x.dilation);
    store(sums + t, total);
  }
}

// The part of a sequence where a kernel's values count: everywhere, or where the kernel fits
struct Steps {
  ptrdiff_t first, count;
};

Steps find_steps(const DilatedSequence& x, bool whole) {
  const ptrdiff_t edge = 4 * x.dilation;
  return whole || x.length <= 2 * edge ? Steps{0, x.length} : Steps{edge, x.length - 2 * edge};
}

// y [steps.count] of one kernel, then -infinity to the end of the word; row `rows[n]` of `padded` and `sums` is a channel
void convolve(const DilatedSequence& x, const int* taps, const int32_t* rows, int row_count, const float* row_sums,
              Steps steps, float* y) {
  for (int number = 0; number < row_count; ++number) {
    const float* padded = x.padded + rows[number] * x.row + steps.first;
    const float* sums = row_sums + rows[number] * (x.length + ROCKET_SLACK) + steps.first;
    const float *a = padded + taps[0] * x.dilation, *b = padded + taps[1] * x.dilation,
                *c = padded + taps[2] * x.dilation;
    for (ptrdiff_t t = 0; t < steps.count; t += LANES) {
      const vf value = 3.0f * (load(a + t) + load(b + t) + load(c + t)) - load(sums + t);
      store(y + t, number ? load(y + t) + value : value);
    }
  }
  for (ptrdiff_t t = steps.count; t % WORD; ++t) y[t] = -__builtin_inff();
}

// Calls body(kernel, taps) for each way to choose three of nine taps
template <class Body>
void for_each_kernel(Body&& body) {
  int kernel = 0;
  for (int a = 0; a < ROCKET_WIDTH; ++a)
    for (int b = a + 1; b < ROCKET_WIDTH; ++b)
      for (int c = b + 1; c < ROCKET_WIDTH; ++c, ++kernel) {
        const int taps[3] = {a, b, c};
        body(kernel, taps);
      }
}

void add_channels(const DilatedSequence& x, int channels, float* sums) {
  for (int channel = 0; channel < channels; ++channel)
    add_taps(x, x.padded + channel * x.row, sums + channel * (x.length + ROCKET_SLACK));
}

void pool_kernels(const RocketPools& job, int channels) {
  add_channels(job.x, channels, job.sums);
  const int32_t* read = job.channels;
  float* pools = job.pools;
  for_each_kernel([&](int kernel, const int* taps) {
    const Steps steps = find_steps(job.x, (kernel + job.phase) % 2 == 0);
    convolve(job.x, taps, read, job.channel_counts[kernel], job.sums, steps, job.y);
    read += job.channel_counts[kernel];
    const float* biases = job.biases + kernel * job.bias_count;
    if (job.pool_count == 1) count_values(job.y, steps.count, biases, job.bias_count, pools);
    else
      for (int bias = 0; bias < job.bias_count; ++bias)
        pool_values(job.y, steps.count, biases[bias], pools + bias * ROCKET_POOLS);
    pools += job.bias_count * job.pool_count;
  });
}

ptrdiff_t list_values(const RocketValues& job) {
  const int32_t row = 0;
  const Steps steps = find_steps(job.x, job.whole);
  add_channels(job.x, 1, job.sums);
  for_each_kernel([&](int kernel, const int* taps) {
    if (kernel == job.kernel) convolve(job.x, taps, &row, 1, job.sums, steps, job.y);
  });
  return steps.count;
}

void compete(const HydraCounts& job) {
  vf highest[HYDRA_GROUP] = {};
  int64_t lowest[HYDRA_GROUP] = {};
  for (ptrdiff_t t = 0; t < job.length; t += LANES) {
    vf y[HYDRA_GROUP] = {};
    for (int tap = 0; tap < ROCKET_WIDTH; ++tap) {
      const vf value = load(job.x + t + tap * job.dilation);
      for (int kernel = 0; kernel < HYDRA_GROUP; ++kernel) y[kernel] += value * job.weights[tap * HYDRA_GROUP + kernel];
    }
    vf top = y[0], bottom = y[0];
    vi winner{}, loser{};
    for (int kernel = 1; kernel < HYDRA_GROUP; ++kernel) {
      const Lanes larger = above(y[kernel], top), smaller = above(bottom, y[kernel]);
      top = choose(larger, y[kernel], top);
      winner = choose(larger, splat(kernel), winner);
      bottom = choose(smaller, y[kernel], bottom);
      loser = choose(smaller, splat(kernel), loser);
    }
    const Lanes real = first_lanes(job.length - t);
    for (int kernel = 0; kernel < HYDRA_GROUP; ++kernel) {
      highest[kernel] = add_where(both(real, equal(winner, splat(kernel))), highest[kernel], top);
      lowest[kernel] += __builtin_popcountll(bits(both(real, equal(loser, splat(kernel)))));
    }
  }
  for (int kernel = 0; kernel < HYDRA_GROUP; ++kernel) {
    job.highest[kernel] = sum(highest[kernel]);
    job.lowest[kernel] = static_cast<float>(lowest[kernel]);
  }
}

}  // namespace

extern const RocketKernels rocket_kernels_table;
const RocketKernels rocket_kernels_table = {pool_kernels, list_values, compete};

}  // namespace seqconv::SEQCONV_ISA
