// Words of a cleaned text, see Separators::clean: what lies between zero bytes, without ' at its ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace seqconv {

// Zero bytes after a cleaned text, so that eight bytes can be read anywhere in it.
constexpr size_t PADDING = 16;

inline uint64_t load_bytes(const char* at) {
  uint64_t bytes;
  std::memcpy(&bytes, at, 8);
  return bytes;
}

// The highest bit of each zero byte; bits above the lowest one set may be wrong.
inline uint64_t zero_bytes(uint64_t bytes) {
  return (bytes - 0x0101010101010101u) & ~bytes & 0x8080808080808080u;
}

// Calls use(start, size) for each word of a cleaned text, which has zero bytes from `end` on.
template <class Use>
void for_each_word(const char* at, const char* end, Use&& use) {
  while (true) {
    while (at < end && (*at == 0 || *at == '\'')) ++at;
    if (at >= end) return;
    const char* stop = at;
    uint64_t zeros = zero_bytes(load_bytes(stop));
    while (zeros == 0) zeros = zero_bytes(load_bytes(stop += 8));
    stop += __builtin_ctzll(zeros) / 8;
    const char* const next = stop;
    while (stop[-1] == '\'') --stop;
    use(at, static_cast<size_t>(stop - at));
    at = next;
  }
}

}  // namespace seqconv
