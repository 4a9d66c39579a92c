// Texts of different lengths as one array of ids: zeros before those of a shorter text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace seqconv {

// The last `length` ids of each text, [texts, length]; text i is ids[offsets[i]] to ids[offsets[i + 1]]
std::unique_ptr<int32_t[]> pad_texts(const int32_t* ids, const int64_t* offsets, size_t texts, int64_t length);

// Leading padding that all rows [texts, length] share
int64_t count_shared_padding(const int32_t* ids, size_t texts, int64_t length);

}  // namespace seqconv
