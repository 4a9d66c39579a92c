#include "text/tokens.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>
#include <stdexcept>

#include "host/parallel.hpp"
#include "text/words.hpp"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read as eight bytes, lowest first");

namespace seqconv {
namespace {

// A byte that needs a second look: < and all outside ASCII.
constexpr uint8_t SPECIAL = 1;
// Threads take texts in chunks of about this size.
constexpr size_t CHUNK_BYTES = 1 << 18;
// Words that are split before the first of them is looked up: their places in the table come from memory together.
constexpr size_t WAITING = 32;

uint64_t first_bytes(const char* at, size_t count) {
  const uint64_t bytes = load_bytes(at);
  return count >= 8 ? bytes : bytes & ((uint64_t{1} << (8 * count)) - 1);
}

// Multiplicative hashing: the highest bits are the good ones.
uint64_t hash_bytes(const char* start, size_t size, uint64_t head) {
  constexpr uint64_t FACTOR = 0x9E3779B97F4A7C15u;  // 2^64 over the golden ratio
  uint64_t hash = head * FACTOR;
  for (size_t at = 8; at < size; at += 8)
    hash = (((hash << 29) | (hash >> 35)) ^ first_bytes(start + at, size - at)) * FACTOR;
  return hash;
}

// Neighbouring texts, and one number for each of their words, as given by worker `worker`.
struct Chunk {
  size_t first, last;
  int worker = 0;
  std::vector<int32_t> numbers;
};

std::vector<Chunk> cut(const Texts& texts) {
  std::vector<Chunk> chunks;
  size_t bytes = CHUNK_BYTES;
  for (size_t text = 0; text < texts.size(); ++text) {
    if (bytes >= CHUNK_BYTES) {
      chunks.push_back({text, text, 0, {}});
      bytes = 0;
    }
    bytes += texts[text].size() + 1;
    chunks.back().last = text + 1;
  }
  return chunks;
}

// Fills one chunk with number(word), fetch(word) before; lengths[text] is the number of ids of a text, the start id
// included.
template <class Fetch, class Number>
void split_chunk(const Separators& separators, const Texts& texts, Chunk& chunk, std::vector<char>& scratch,
                 int64_t* lengths, Fetch&& fetch, Number&& number) {
  std::vector<int32_t> numbers;  // not the chunk's own: the chunks of other workers share its cache line
  Word waiting[WAITING];
  size_t waits = 0;
  const auto number_waiting = [&] {
    for (size_t at = 0; at < waits; ++at) numbers.push_back(number(waiting[at]));
    waits = 0;
  };
  for (size_t text = chunk.first; text < chunk.last; ++text) {
    if (scratch.size() < texts[text].size() + PADDING) scratch.resize(2 * texts[text].size() + PADDING);
    char* const end = separators.clean(texts[text], scratch.data());
    std::memset(end, 0, PADDING);
    const size_t before = numbers.size();
    for_each_word(scratch.data(), end, [&](const char* start, size_t size) {
      // in place: a copy would read in one go what has just been written in parts, and wait for it
      fetch(*new (waiting + waits) Word(start, size));
      if (++waits == WAITING) number_waiting();
    });
    number_waiting();
    lengths[text] = static_cast<int64_t>(numbers.size() - before) + 1;
  }
  chunk.numbers = std::move(numbers);
}

// Splits all chunks; number(worker, word) numbers the words, with table(worker). Returns the offsets of the texts.
template <class Table, class Number>
std::unique_ptr<int64_t[]> split_chunks(const Separators& separators, const Texts& texts,
                                        std::vector<Chunk>& chunks, int workers, Table&& table, Number&& number) {
  std::unique_ptr<int64_t[]> offsets(new int64_t[texts.size() + 1]);
  parallel_for_workers(static_cast<int>(chunks.size()), workers, [&](int at, int worker) {
    // kept from call to call: a short text costs less than allocating
    static thread_local std::vector<char> scratch;
    chunks[at].worker = worker;
    split_chunk(
        separators, texts, chunks[at], scratch, offsets.get() + 1,
        [&](const Word& word) { table(worker).fetch(word); },
        [&](const Word& word) { return number(worker, word); });
    if (scratch.size() > CHUNK_BYTES) scratch = {};
  });
  offsets[0] = 0;
  std::partial_sum(offsets.get() + 1, offsets.get() + 1 + texts.size(), offsets.get() + 1);
  return offsets;
}

// Puts the chunks' numbers in their places after the start ids; id(worker, number) is what is written.
template <class Id>
Encoded join_chunks(const std::vector<Chunk>& chunks, std::unique_ptr<int64_t[]> offsets, size_t texts,
                    int threads, Id&& id) {
  Encoded encoded{nullptr, std::move(offsets), texts};
  encoded.ids.reset(new int32_t[encoded.size()]);
  parallel_for(static_cast<int>(chunks.size()), threads, [&](int at) {
    const Chunk& chunk = chunks[at];
    const int32_t* number = chunk.numbers.data();
    for (size_t text = chunk.first; text < chunk.last; ++text) {
      int32_t* out = encoded.ids.get() + encoded.offsets[text];
      int32_t* const end = encoded.ids.get() + encoded.offsets[text + 1];
      *out++ = START_ID;
      while (out < end) *out++ = id(chunk.worker, *number++);
    }
  });
  return encoded;
}

// What one worker has seen: its own numbers for the words, and how often each came. Aligned, so that no two
// workers write to one cache line.
struct alignas(64) Tally {
  WordTable table;
  std::vector<int64_t> counts;

  int32_t add(const Word& word, int64_t count = 1) {
    const uint32_t number = table.add(word);
    if (number == counts.size()) counts.push_back(0);
    counts[number] += count;
    return static_cast<int32_t>(number);
  }
};

// Adds every tally to the first. Returns, for each tally, the number there of each of its words.
std::vector<std::vector<int32_t>> merge(std::vector<Tally>& tallies) {
  std::vector<std::vector<int32_t>> numbers(tallies.size());
  numbers[0].resize(tallies[0].table.size());
  std::iota(numbers[0].begin(), numbers[0].end(), 0);
  for (size_t at = 1; at < tallies.size(); ++at) {
    const Tally& tally = tallies[at];
    numbers[at].reserve(tally.table.size());
    for (uint32_t word = 0; word < tally.table.size(); ++word)
      numbers[at].push_back(tallies[0].add(tally.table.word(word), tally.counts[word]));
  }
  return numbers;
}

// The numbers of the `limit` most frequent words, the most frequent first.
std::vector<uint32_t> rank(const Tally& tally, size_t limit) {
  std::vector<uint32_t> order(tally.table.size());
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](uint32_t a, uint32_t b) {
    if (tally.counts[a] != tally.counts[b]) return tally.counts[a] > tally.counts[b];
    return tally.table.text(a) < tally.table.text(b);
  };
  if (limit < order.size()) {
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(limit), order.end(), before);
    order.resize(limit);
  }
  std::sort(order.begin(), order.end(), before);
  return order;
}

}  // namespace

Word::Word(const char* start, size_t size)
    : start(start),
      size(static_cast<uint32_t>(size)),
      head(first_bytes(start, size)),
      hash(hash_bytes(start, size, head)) {}

Separators::Separators(const std::vector<std::pair<uint32_t, uint32_t>>& ranges) : bits_(LIMIT / 64) {
  for (const auto& [first, last] : ranges) {
    if (last >= LIMIT) throw std::invalid_argument("ranges: must end at 65535; got " + std::to_string(last));
    for (uint32_t point = first; point <= last; ++point) bits_[point / 64] |= uint64_t{1} << (point % 64);
  }
  for (uint32_t needed : {0, 1, static_cast<int>('<')})  // clean() gives these three a meaning of its own
    if (!contains(needed)) throw std::invalid_argument("ranges: must hold " + std::to_string(needed));
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool upper = byte >= 'A' && byte <= 'Z';
    bytes_[byte] = static_cast<uint8_t>(upper ? byte + ('a' - 'A') : byte);
    if (byte < 128 && contains(byte)) bytes_[byte] = 0;
    if (byte >= 128 || byte == '<') bytes_[byte] = SPECIAL;
  }
}

char* Separators::clean(std::string_view text, char* out) const {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const uint8_t byte = bytes_[static_cast<uint8_t>(*at)];
    if (byte == SPECIAL) {
      at = clean_special(at, end, out);
    } else {
      *out++ = static_cast<char>(byte);
      ++at;
    }
  }
  return out;
}

// One HTML line break or one character outside ASCII; returns where the text goes on.
const char* Separators::clean_special(const char* at, const char* end, char*& out) const {
  const auto byte = [&](int place) { return static_cast<uint32_t>(static_cast<uint8_t>(at[place])); };
  if (*at == '<') {
    *out++ = 0;
    const auto is = [&](const char* place, char wanted) { return place < end && (*place | 0x20) == wanted; };
    if (!is(at + 1, 'b') || !is(at + 2, 'r')) return at + 1;
    const char* close = at + 3;
    if (close < end && *close == ' ') ++close;
    if (close < end && *close == '/') ++close;
    return close < end && *close == '>' ? close + 1 : at + 1;
  }
  const int size = byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  uint32_t point = byte(0) & (0x7Fu >> size);
  for (int place = 1; place < size; ++place) point = point << 6 | (byte(place) & 0x3F);
  if (point == 0x2019) {
    *out++ = '\'';
  } else if (contains(point)) {
    *out++ = 0;
  } else {
    std::memcpy(out, at, static_cast<size_t>(size));
    out += size;
  }
  return at + size;
}

WordTable::WordTable() : slots_(1 << 10, Slot{0, 0, NONE}), shift_(64 - 10) {}

// The slot of a word, or the free one where it would stand.
size_t WordTable::probe(const Word& word) const {
  size_t at = word.hash >> shift_;
  for (;; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.number == NONE) return at;
    if (slot.head != word.head || slot.size != word.size) continue;
    if (word.size <= 8) return at;
    const char* const same = bytes_.data() + entries_[slot.number].start;
    if (std::memcmp(same + 8, word.start + 8, word.size - 8) == 0) return at;
  }
}

uint32_t WordTable::add(const Word& word) {
  const size_t at = probe(word);
  if (slots_[at].number != NONE) return slots_[at].number;
  constexpr size_t MOST = INT32_MAX - FIRST_WORD_ID;  // ids are int32
  if (entries_.size() >= MOST) throw std::length_error("texts: must hold fewer than 2^31 distinct words");
  const auto number = static_cast<uint32_t>(entries_.size());
  entries_.push_back({bytes_.size(), word.size});
  bytes_.insert(bytes_.end(), word.start, word.start + word.size);
  bytes_.insert(bytes_.end(), 8, 0);
  slots_[at] = {word.head, word.size, number};
  if (2 * entries_.size() > slots_.size()) grow();
  return number;
}

void WordTable::grow() {
  slots_.assign(2 * slots_.size(), Slot{0, 0, NONE});
  --shift_;
  for (uint32_t number = 0; number < entries_.size(); ++number) {
    const Word again = word(number);
    slots_[probe(again)] = {again.head, again.size, number};
  }
}

Fitted fit_words(const Separators& separators, const Texts& texts, size_t size, int threads) {
  std::vector<Chunk> chunks = cut(texts);
  const int workers = count_workers(static_cast<int64_t>(chunks.size()), threads);
  std::vector<Tally> tallies(static_cast<size_t>(workers));
  auto offsets = split_chunks(
      separators, texts, chunks, workers,
      [&](int worker) -> const WordTable& { return tallies[worker].table; },
      [&](int worker, const Word& word) { return tallies[worker].add(word); });
  std::vector<std::vector<int32_t>> ids = merge(tallies);
  const std::vector<uint32_t> order = rank(tallies[0], size - FIRST_WORD_ID);

  Fitted fitted;
  std::vector<int32_t> id_of(tallies[0].table.size(), UNKNOWN_ID);
  for (size_t at = 0; at < order.size(); ++at) {
    id_of[order[at]] = static_cast<int32_t>(at) + FIRST_WORD_ID;
    fitted.words.emplace_back(tallies[0].table.text(order[at]));
  }
  for (auto& numbers : ids)
    for (int32_t& number : numbers) number = id_of[number];
  fitted.encoded = join_chunks(chunks, std::move(offsets), texts.size(), threads,
                               [&](int worker, int32_t number) { return ids[worker][number]; });
  return fitted;
}

Encoded encode_words(const Separators& separators, const WordTable& table, const Texts& texts, int threads) {
  std::vector<Chunk> chunks = cut(texts);
  const auto id = [&](int, const Word& word) {
    const uint32_t number = table.find(word);
    return number == WordTable::NONE ? UNKNOWN_ID : static_cast<int32_t>(number) + FIRST_WORD_ID;
  };
  auto offsets = split_chunks(
      separators, texts, chunks, threads,
      [&](int) -> const WordTable& { return table; }, id);
  return join_chunks(chunks, std::move(offsets), texts.size(), threads,
                     [](int, int32_t number) { return number; });
}

}  // namespace seqconv
