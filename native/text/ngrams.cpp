#include "text/ngrams.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "host/parallel.hpp"

namespace seqconv {
namespace {

constexpr int64_t TASKS = 64;
constexpr uint64_t MULTIPLIER = 0x9E3779B97F4A7C15;  // models.MULTIPLIER

int32_t find_row(const Ngrams& layer, uint64_t hash) {
  hash ^= hash >> 32;
  return static_cast<int32_t>(layer.words + static_cast<int64_t>((hash & INT64_MAX) % layer.buckets));
}

// A feature of one text
struct Entry {
  int32_t row, text;
};

// Stable sort by row, by its digits, the lowest first
void sort_by_row(std::vector<Entry>& entries) {
  constexpr int DIGIT = 11, VALUES = 1 << DIGIT;
  uint32_t highest = 0;
  for (const Entry& entry : entries) highest |= static_cast<uint32_t>(entry.row);
  std::vector<Entry> other(entries.size());
  for (int shift = 0; shift < 32 && highest >> shift != 0; shift += DIGIT) {
    int64_t next[VALUES + 1] = {};
    const auto digit = [shift](const Entry& entry) { return entry.row >> shift & (VALUES - 1); };
    for (const Entry& entry : entries) ++next[digit(entry) + 1];
    for (int value = 0; value < VALUES; ++value) next[value + 1] += next[value];
    for (const Entry& entry : entries) other[next[digit(entry)]++] = entry;
    entries.swap(other);
  }
}

// Distinct features of one text, into `out`, which holds length * longest; returns how many
int64_t list_text(const Ngrams& layer, const int32_t* ids, int64_t length, int32_t* out) {
  int64_t count = 0;
  for (int64_t step = 0; step < length; ++step) {
    if (ids[step] == 0) continue;
    out[count++] = ids[step];
    uint64_t hash = ids[step];
    const int64_t end = std::min(length, step + layer.longest);
    for (int64_t next = step + 1; next < end && ids[next] != 0; ++next) {
      hash = hash * MULTIPLIER + ids[next];
      out[count++] = find_row(layer, hash);
    }
  }
  std::sort(out, out + count);
  return std::unique(out, out + count) - out;
}

void run_texts(const BagForward& job, int64_t first_text, int64_t last_text) {
  const int64_t outputs = job.outputs;
  std::vector<double> squares(outputs), sums(outputs);
  for (int64_t text = first_text; text < last_text; ++text) {
    std::fill(squares.begin(), squares.end(), 0);
    std::fill(sums.begin(), sums.end(), 0);
    for (int64_t i = job.features.offsets[text]; i < job.features.offsets[text + 1]; ++i) {
      const int64_t row = job.features.rows[i] * outputs;
      for (int64_t o = 0; o < outputs; ++o) {
        const double scale = job.scale[row + o];
        sums[o] += scale * job.table[row + o];
        squares[o] += scale * scale;
      }
    }
    for (int64_t o = 0; o < outputs; ++o) {
      // not `> 0`: a length that is NaN has to show
      const double factor = squares[o] == 0 ? 0 : job.gain / std::sqrt(squares[o]);
      job.factors[text * outputs + o] = static_cast<float>(factor);
      job.y[text * outputs + o] = static_cast<float>(factor * sums[o]);
    }
  }
}

}  // namespace

FeatureLists list_features(const Ngrams& layer, const int32_t* ids, int64_t texts, int64_t length, int threads) {
  FeatureLists lists = {nullptr, std::unique_ptr<int64_t[]>(new int64_t[texts + 1]())};
  int64_t* const offsets = lists.offsets.get();
  // texts fill their part of the ids from the right, so most of them need little room
  std::vector<int64_t> starts(texts + 1);
  for (int64_t text = 0; text < texts; ++text) {
    const int64_t padding = std::count(ids + text * length, ids + (text + 1) * length, 0);
    starts[text + 1] = starts[text] + (length - padding) * layer.longest;
  }
  std::unique_ptr<int32_t[]> found(new int32_t[starts[texts] + 1]);
  parallel_parts(texts, TASKS, threads, [&](int64_t first, int64_t last) {
    for (int64_t text = first; text < last; ++text)
      offsets[text + 1] = list_text(layer, ids + text * length, length, found.get() + starts[text]);
  });
  for (int64_t text = 0; text < texts; ++text) offsets[text + 1] += offsets[text];
  lists.rows.reset(new int32_t[offsets[texts] + 1]);
  for (int64_t text = 0; text < texts; ++text)
    std::copy_n(found.get() + starts[text], offsets[text + 1] - offsets[text], lists.rows.get() + offsets[text]);
  return lists;
}

void run_bag(const BagForward& job, int threads) {
  parallel_parts(job.features.texts, TASKS, threads,
                 [&](int64_t first, int64_t last) { run_texts(job, first, last); });
}

BagGradient bag_gradient(const BagBackward& job) {
  const TextFeatures& features = job.features;
  std::vector<Entry> entries(features.offsets[features.texts]);
  for (int64_t text = 0; text < features.texts; ++text)
    for (int64_t i = features.offsets[text]; i < features.offsets[text + 1]; ++i)
      entries[i] = {features.rows[i], static_cast<int32_t>(text)};
  sort_by_row(entries);
  int64_t found = 0;
  for (size_t i = 0; i < entries.size(); ++i) found += i == 0 || entries[i].row != entries[i - 1].row;
  BagGradient gradient = {found, std::unique_ptr<int32_t[]>(new int32_t[found + 1]),
                          std::unique_ptr<float[]>(new float[found * job.outputs + 1]())};
  int64_t place = -1;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto [row, text] = entries[i];
    if (i == 0 || row != entries[i - 1].row) gradient.rows[++place] = row;
    for (int64_t o = 0; o < job.outputs; ++o)
      gradient.values[place * job.outputs + o] += job.dy[text * job.outputs + o] *
                                                  job.factors[text * job.outputs + o] *
                                                  job.scale[row * job.outputs + o];
  }
  return gradient;
}

}  // namespace seqconv
