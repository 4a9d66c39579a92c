// Words and hashed n-grams as features of texts, and a linear layer on them: of many rows, each text has few.
#pragma once

#include <cstdint>
#include <memory>

namespace seqconv {

// Rows [0, words) are ids, the following `buckets` hashed n-grams of 2 to `longest` ids
struct Ngrams {
  int64_t words, buckets;
  int longest;
};

// Features of text i are rows[offsets[i]] to rows[offsets[i + 1] - 1], ascending, each once
struct TextFeatures {
  const int32_t* rows;
  const int64_t* offsets;
  int64_t texts;
};

// The same with memory of its own
struct FeatureLists {
  std::unique_ptr<int32_t[]> rows;
  std::unique_ptr<int64_t[]> offsets;  // [texts + 1]
};

// The distinct features of texts of `length` ids. Padding, id 0, is no feature and part of none.
FeatureLists list_features(const Ngrams& layer, const int32_t* ids, int64_t texts, int64_t length, int threads);

// table and scale [rows, outputs]; y and factors [texts, outputs]: factors are gain over the length of the scaled
// features, or 0 for a text without any
struct BagForward {
  TextFeatures features;
  const float *table, *scale;
  float gain;
  int64_t outputs;
  float *y, *factors;
};

void run_bag(const BagForward& job, int threads);

struct BagBackward {
  TextFeatures features;
  const float *scale, *factors, *dy;
  int64_t outputs;
};

// The gradient of the table: its distinct rows, ascending, and values [found, outputs]
struct BagGradient {
  int64_t found;
  std::unique_ptr<int32_t[]> rows;
  std::unique_ptr<float[]> values;
};

BagGradient bag_gradient(const BagBackward& job);

}  // namespace seqconv
