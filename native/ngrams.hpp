// Features of texts that are words and hashed n-grams, and a linear layer on them: for each text few of many rows.
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

// Distinct features of one text of `length` ids, into `out`, which holds length * longest; returns how many. Padding,
// id 0, is no feature and part of none.
int64_t list_features(const Ngrams& layer, const int32_t* ids, int64_t length, int32_t* out);

// table and scale [rows, outputs]; y and factors [texts, outputs]: factors are gain over the length of the scaled
// features, or 0 for a text without any
struct BagForward {
  TextFeatures features;
  const float *table, *scale;
  float gain;
  int64_t outputs;
  float *y, *factors;
};

void run_bag(const BagForward& job, int64_t first_text, int64_t last_text);

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
