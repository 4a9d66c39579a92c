// Refusals: one line that says what must hold and what came. Python sees a ValueError.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

namespace seqconv {

using Sizes = std::vector<int64_t>;  // of an array, axis by axis

[[noreturn]] inline void refuse(const std::string& message) { throw std::invalid_argument(message); }

inline std::string shape_text(const Sizes& sizes) {
  std::string text;
  for (const int64_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

[[noreturn]] inline void refuse_sizes(const char* name, const Sizes& sizes, const Sizes& wanted) {
  refuse(std::string(name) + ": must have shape " + shape_text(wanted) + "; got " + shape_text(sizes));
}

// Allocates nothing: one short example is predicted in microseconds
inline void check_sizes(const char* name, std::initializer_list<int64_t> sizes, std::initializer_list<int64_t> wanted) {
  if (!std::equal(sizes.begin(), sizes.end(), wanted.begin(), wanted.end())) refuse_sizes(name, sizes, wanted);
}

inline void check_at_least(const char* name, int64_t value, int64_t minimum) {
  if (value < minimum)
    refuse(std::string(name) + ": must be at least " + std::to_string(minimum) + "; got " + std::to_string(value));
}

inline void check_fraction(const char* name, double value) {
  if (!(value >= 0 && value < 1)) refuse(std::string(name) + " must be in [0, 1); got " + std::to_string(value));
}

[[noreturn]] inline void refuse_index(const char* name, int64_t limit, int64_t value, const std::string& place) {
  refuse(std::string(name) + ": must be in [0, " + std::to_string(limit) + "); got " + std::to_string(value) + " at " +
         place);
}

// Indices [count] into an axis of `limit`
template <class Index>
void check_indices(const char* name, const Index* index, int64_t count, int64_t limit) {
  for (int64_t i = 0; i < count; ++i)
    if (index[i] < 0 || index[i] >= limit) refuse_index(name, limit, index[i], std::to_string(i));
}

// Ids [B, length], `count` in all, that are rows of a table
inline void check_ids(const int32_t* ids, int64_t count, int64_t length, int64_t rows) {
  const uint32_t largest = static_cast<uint32_t>(std::min(rows, int64_t{1} << 31) - 1);
  uint32_t outside = 0;  // its highest bit is set if an id is negative or too large: no branch in the loop
  for (int64_t i = 0; i < count; ++i)
    outside |= static_cast<uint32_t>(ids[i]) | (largest - static_cast<uint32_t>(ids[i]));
  if (outside >> 31 == 0) return;
  for (int64_t i = 0; i < count; ++i)
    if (ids[i] < 0 || ids[i] >= rows) refuse_index("ids", rows, ids[i], shape_text({i / length, i % length}));
}

}  // namespace seqconv
