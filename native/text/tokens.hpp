// Words of texts and their ids: splitting, counting and look-up. Python's Vocabulary defines what a word is and passes
// in the separators; this is the same rule on UTF-8 bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seqconv {

// Ids that stand for no word; the most frequent word follows.
constexpr int32_t PADDING_ID = 0, START_ID = 1, UNKNOWN_ID = 2, FIRST_WORD_ID = 3;

using Texts = std::vector<std::string_view>;  // UTF-8, lower-cased unless pure ASCII

// The ids of all texts in one array: those of text i are ids[offsets[i]] to ids[offsets[i + 1]].
struct Encoded {
  std::unique_ptr<int32_t[]> ids;
  std::unique_ptr<int64_t[]> offsets;
  size_t texts = 0;
  size_t size() const { return static_cast<size_t>(offsets[texts]); }
};

// One word, never empty and without zero bytes; at least 8 bytes after its end can be read.
struct Word {
  Word() = default;
  Word(const char* start, size_t size);
  const char* start;
  uint32_t size;
  uint64_t head;  // its first 8 bytes, zeros after a shorter one
  uint64_t hash;
};

// The code points that end a word.
class Separators {
 public:
  // Ranges of code points below 0x10000, both ends included; the control characters and < are among them.
  explicit Separators(const std::vector<std::pair<uint32_t, uint32_t>>& ranges);

  // Writes the text with ASCII lower-cased, a zero byte for each separator and HTML line break, and ' for the
  // typographic apostrophe. Never longer than the text; returns the end of what was written.
  char* clean(std::string_view text, char* out) const;

 private:
  static constexpr uint32_t LIMIT = 0x10000;  // characters from here on belong to words

  bool contains(uint32_t code_point) const {
    return code_point < LIMIT && (bits_[code_point / 64] >> (code_point % 64) & 1) != 0;
  }
  const char* clean_special(const char* at, const char* end, char*& out) const;

  std::array<uint8_t, 256> bytes_;  // what an ASCII byte becomes, or SPECIAL
  std::vector<uint64_t> bits_;      // one for each code point below LIMIT
};

// Distinct words, numbered from 0 in the order in which they were added. Open addressing on the words' bytes.
class WordTable {
 public:
  static constexpr uint32_t NONE = UINT32_MAX;

  WordTable();
  // Before find or add: asks for the word's place in memory.
  void fetch(const Word& word) const { __builtin_prefetch(&slots_[word.hash >> shift_]); }
  uint32_t find(const Word& word) const { return slots_[probe(word)].number; }  // NONE if absent
  uint32_t add(const Word& word);                                               // its number, new or old
  size_t size() const { return entries_.size(); }
  std::string_view text(uint32_t number) const {
    return {bytes_.data() + entries_[number].start, entries_[number].size};
  }
  Word word(uint32_t number) const { return Word(text(number).data(), text(number).size()); }

 private:
  struct Slot {
    uint64_t head;
    uint32_t size, number;
  };
  struct Entry {
    size_t start;
    uint32_t size;
  };
  size_t probe(const Word& word) const;
  void grow();

  std::vector<Slot> slots_;
  std::vector<Entry> entries_;
  std::vector<char> bytes_;  // all words, each with 8 zero bytes after it
  int shift_;                // a hash's slot is given by its highest bits
};

struct Fitted {
  std::vector<std::string> words;  // by falling frequency, ties in the order of code points
  Encoded encoded;
};

// The most frequent words, for at most `size` ids in all, and the texts in these ids; reads the texts once.
// Equal for any number of threads: counts are whole numbers, and the words themselves break ties.
Fitted fit_words(const Separators& separators, const Texts& texts, size_t size, int threads);

// Ids for the words of `table`: its word 0 has id FIRST_WORD_ID.
Encoded encode_words(const Separators& separators, const WordTable& table, const Texts& texts, int threads);

}  // namespace seqconv
