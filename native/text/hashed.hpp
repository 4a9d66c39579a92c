// How often each word, or each n-gram of characters, occurs in texts: as buckets that their bytes hash to.
#pragma once

#include <cstdint>
#include <memory>

#include "text/tokens.hpp"

namespace seqconv {

// Text i has the distinct buckets offsets[i] to offsets[i + 1] - 1, ascending, each with how often it occurs
struct BucketCounts {
  std::unique_ptr<int32_t[]> buckets, times;
  std::unique_ptr<int64_t[]> offsets;  // [texts + 1]
};

// The words of each text, in 2^bits buckets; bits are at most 30
BucketCounts count_words(const Separators& separators, const Texts& texts, int bits, int threads);

// The n-grams of 1 to `longest` characters, of each text between spaces and with a single space for white space within;
// a space alone is none
BucketCounts count_characters(const Texts& texts, int longest, int bits, int threads);

}  // namespace seqconv
