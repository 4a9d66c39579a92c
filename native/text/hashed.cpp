#include "text/hashed.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "host/parallel.hpp"
#include "text/words.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASKS = 64;
constexpr uint64_t MULTIPLIER = 0x9E3779B97F4A7C15;  // networks.layers.tokens.MULTIPLIER

uint64_t add_byte(uint64_t hash, char byte) { return (hash + static_cast<uint8_t>(byte) + 1) * MULTIPLIER; }

int32_t find_bucket(uint64_t hash, int bits) {
  return static_cast<int32_t>((hash ^ hash >> 32) & ((uint64_t{1} << bits) - 1));
}

bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte; }

bool begins_character(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) != 0x80; }

// A text between spaces, with single spaces within; `starts` gets the place of each character and of the end
void tidy(std::string_view text, std::string& out, std::vector<size_t>& starts) {
  out = " ";
  for (const char byte : text) {
    if (!is_space(byte))
      out += lower(byte);
    else if (out.back() != ' ')
      out += ' ';
  }
  if (out.back() != ' ') out += ' ';
  starts.clear();
  for (size_t place = 0; place < out.size(); ++place)
    if (begins_character(out[place])) starts.push_back(place);
  starts.push_back(out.size());
}

struct Part {
  std::vector<int32_t> buckets, times;
  std::vector<int64_t> sizes;  // of each text
};

// Distinct values of `found`, ascending, and how often each occurs, at the end of the part
void close_text(std::vector<int32_t>& found, Part& part) {
  std::sort(found.begin(), found.end());
  const size_t before = part.buckets.size();
  for (const int32_t bucket : found) {
    if (part.buckets.size() > before && part.buckets.back() == bucket) {
      ++part.times.back();
      continue;
    }
    part.buckets.push_back(bucket);
    part.times.push_back(1);
  }
  part.sizes.push_back(static_cast<int64_t>(part.buckets.size() - before));
  found.clear();
}

// list(text, found) gives the buckets of a text, with memory of its own for each part
template <class List>
BucketCounts count_texts(const Texts& texts, int threads, List&& list) {
  const auto count = static_cast<int64_t>(texts.size());
  std::vector<Part> parts(static_cast<size_t>(std::min(count, TASKS)));
  parallel_for(static_cast<int>(parts.size()), threads, [&](int task) {
    const auto tasks = static_cast<int64_t>(parts.size());
    std::vector<int32_t> found;
    auto own = list();
    for (int64_t text = count * task / tasks; text < count * (task + 1) / tasks; ++text) {
      own(texts[static_cast<size_t>(text)], found);
      close_text(found, parts[static_cast<size_t>(task)]);
    }
  });
  BucketCounts whole = {nullptr, nullptr, std::unique_ptr<int64_t[]>(new int64_t[count + 1]())};
  int64_t* offset = whole.offsets.get();
  for (const Part& part : parts)
    for (const int64_t size : part.sizes) offset[1] = offset[0] + size, ++offset;
  whole.buckets.reset(new int32_t[*offset + 1]);
  whole.times.reset(new int32_t[*offset + 1]);
  int64_t place = 0;
  for (Part& part : parts) {
    std::copy(part.buckets.begin(), part.buckets.end(), whole.buckets.get() + place);
    std::copy(part.times.begin(), part.times.end(), whole.times.get() + place);
    place += static_cast<int64_t>(part.buckets.size());
    part = Part();
  }
  return whole;
}

}  // namespace

BucketCounts count_words(const Separators& separators, const Texts& texts, int bits, int threads) {
  return count_texts(texts, threads, [&] {
    return [&separators, bits, cleaned = std::vector<char>()](std::string_view text,
                                                              std::vector<int32_t>& found) mutable {
      cleaned.resize(text.size() + PADDING);
      char* const end = separators.clean(text, cleaned.data());
      std::memset(end, 0, PADDING);
      for_each_word(cleaned.data(), end, [&](const char* start, size_t size) {
        uint64_t hash = 0;
        for (size_t at = 0; at < size; ++at) hash = add_byte(hash, start[at]);
        found.push_back(find_bucket(hash, bits));
      });
    };
  });
}

BucketCounts count_characters(const Texts& texts, int longest, int bits, int threads) {
  return count_texts(texts, threads, [longest, bits] {
    return [longest, bits, tidied = std::string(), starts = std::vector<size_t>()](
               std::string_view text, std::vector<int32_t>& found) mutable {
      tidy(text, tidied, starts);
      const size_t characters = starts.size() - 1;
      for (size_t first = 0; first < characters; ++first) {
        uint64_t hash = 0;
        const size_t last = std::min(characters, first + static_cast<size_t>(longest));
        for (size_t next = first; next < last; ++next) {
          for (size_t byte = starts[next]; byte < starts[next + 1]; ++byte) hash = add_byte(hash, tidied[byte]);
          if (next > first || tidied[starts[next]] != ' ') found.push_back(find_bucket(hash, bits));
        }
      }
    };
  });
}

}  // namespace seqconv
