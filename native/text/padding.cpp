#include "text/padding.hpp"

#include <algorithm>

#include "text/tokens.hpp"

namespace seqconv {

std::unique_ptr<int32_t[]> pad_texts(const int32_t* ids, const int64_t* offsets, size_t texts, int64_t length) {
  std::unique_ptr<int32_t[]> padded(new int32_t[texts * length]);
  for (size_t text = 0; text < texts; ++text) {
    const int64_t kept = std::min(offsets[text + 1] - offsets[text], length);
    int32_t* const row = padded.get() + text * length;
    std::fill_n(row, length - kept, PADDING_ID);
    std::copy_n(ids + offsets[text + 1] - kept, kept, row + length - kept);
  }
  return padded;
}

int64_t count_shared_padding(const int32_t* ids, size_t texts, int64_t length) {
  int64_t shared = length;
  if (length == 0) return 0;  // however many texts there are
  for (size_t text = 0; text < texts; ++text) {
    const int32_t* const row = ids + text * length;
    shared = std::find_if(row, row + shared, [](int32_t id) { return id != PADDING_ID; }) - row;
  }
  return shared;
}

}  // namespace seqconv
