// Filters on ids: n-gram features with a linear layer on them, and the gradient of a pooled token convolution.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <vector>

#include "bindings.hpp"
#include "ngrams.hpp"
#include "parallel.hpp"
#include "token_winners.hpp"

namespace seqconv {
namespace {

using Longs = nb::ndarray<nb::numpy, int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr int64_t TASKS = 64;  // fixed, so that nothing depends on the machine
constexpr int64_t INT_LIMIT = std::numeric_limits<int32_t>::max();

void check_equal(const char* what, int64_t got, int64_t wanted) {
  if (got != wanted)
    refuse(std::string(what) + " must be " + std::to_string(wanted) + "; got " + std::to_string(got));
}

void check_ids(const char* name, const IntsIn<2>& ids, int64_t rows) {
  const int64_t length = ids.shape(1), count = ids.size();
  const int32_t* const id = ids.data();
  uint32_t highest = 0;  // a negative id becomes larger than any row
  for (int64_t i = 0; i < count; ++i) highest = std::max(highest, static_cast<uint32_t>(id[i]));
  if (count == 0 || highest < static_cast<uint64_t>(rows)) return;
  const int64_t i = std::find_if(id, id + count, [=](int32_t each) { return each < 0 || each >= rows; }) - id;
  refuse(std::string(name) + ": ids must be in [0, " + std::to_string(rows) + "); got " + std::to_string(id[i]) +
         " at [" + std::to_string(i / length) + ", " + std::to_string(i % length) + "]");
}

// body(first, last) for shares of [0, count)
template <class Body>
void share(int64_t count, int threads, Body&& body) {
  const int64_t tasks = std::min(count, TASKS);
  parallel_for(static_cast<int>(tasks), threads,
               [&](int task) { body(count * task / tasks, count * (task + 1) / tasks); });
}

nb::tuple ngram_features(IntsIn<2> ids, int64_t words, int64_t buckets, int longest, int threads) {
  if (words < 1 || buckets < 1 || longest < 1 || words > INT_LIMIT - buckets)
    refuse("ngram_features: words, buckets and longest must be at least 1 and rows below 2^31; got " +
           std::to_string(words) + ", " + std::to_string(buckets) + ", " + std::to_string(longest));
  const int64_t texts = ids.shape(0), length = ids.shape(1);
  const int32_t* const id = ids.data();
  std::unique_ptr<int32_t[]> rows;
  std::unique_ptr<int64_t[]> offsets(new int64_t[texts + 1]());
  {
    nb::gil_scoped_release release;
    check_ids("ngram_features", ids, words);
    // texts fill their part of the ids from the right, so most of them need little room
    std::vector<int64_t> starts(texts + 1);
    for (int64_t text = 0; text < texts; ++text) {
      const int64_t padding = std::count(id + text * length, id + (text + 1) * length, 0);
      starts[text + 1] = starts[text] + (length - padding) * longest;
    }
    std::unique_ptr<int32_t[]> found(new int32_t[starts[texts] + 1]);
    share(texts, threads, [&](int64_t first, int64_t last) {
      for (int64_t text = first; text < last; ++text)
        offsets[text + 1] =
            list_features({words, buckets, longest}, id + text * length, length, found.get() + starts[text]);
    });
    for (int64_t text = 0; text < texts; ++text) offsets[text + 1] += offsets[text];
    rows.reset(new int32_t[offsets[texts] + 1]);
    for (int64_t text = 0; text < texts; ++text)
      std::copy_n(found.get() + starts[text], offsets[text + 1] - offsets[text], rows.get() + offsets[text]);
  }
  const size_t count = offsets[texts];
  return nb::make_tuple(to_array(std::move(rows), {count}), to_array(std::move(offsets), {static_cast<size_t>(texts) + 1}));
}

// Features that lie inside a table of `height` rows
TextFeatures check_features(const IntsIn<1>& rows, const LongsIn<1>& offsets, int64_t height) {
  const int64_t texts = static_cast<int64_t>(offsets.shape(0)) - 1;
  if (texts < 0 || offsets.data()[0] != 0 || offsets.data()[texts] != static_cast<int64_t>(rows.shape(0)))
    refuse("ngrams: offsets must go from 0 to the number of rows, " + std::to_string(rows.shape(0)));
  for (int64_t text = 0; text < texts; ++text)
    if (offsets.data()[text] > offsets.data()[text + 1]) refuse("ngrams: offsets must not fall");
  for (size_t i = 0; i < rows.shape(0); ++i)
    if (rows.data()[i] < 0 || rows.data()[i] >= height)
      refuse("ngrams: rows must be in [0, " + std::to_string(height) + "); got " + std::to_string(rows.data()[i]));
  return {rows.data(), offsets.data(), texts};
}

void ngram_forward(IntsIn<1> rows, LongsIn<1> offsets, FloatsIn<2> table, FloatsIn<2> scale, float gain, Floats<2> y,
                   Floats<2> factors, int threads) {
  const TextFeatures features = check_features(rows, offsets, table.shape(0));
  const int64_t outputs = table.shape(1);
  check_equal("ngram_forward: rows of scale", scale.shape(0), table.shape(0));
  check_equal("ngram_forward: outputs of scale", scale.shape(1), outputs);
  for (const Floats<2>* array : {&y, &factors}) {
    check_equal("ngram_forward: texts of y and factors", array->shape(0), features.texts);
    check_equal("ngram_forward: outputs of y and factors", array->shape(1), outputs);
  }
  const BagForward job = {features, table.data(), scale.data(), gain, outputs, y.data(), factors.data()};
  nb::gil_scoped_release release;
  share(features.texts, threads, [&](int64_t first, int64_t last) { run_bag(job, first, last); });
}

nb::tuple ngram_backward(IntsIn<1> rows, LongsIn<1> offsets, FloatsIn<2> scale, FloatsIn<2> factors,
                         FloatsIn<2> dy) {
  const TextFeatures features = check_features(rows, offsets, scale.shape(0));
  const size_t outputs = scale.shape(1);
  for (const FloatsIn<2>* array : {&factors, &dy}) {
    check_equal("ngram_backward: texts of factors and dy", array->shape(0), features.texts);
    check_equal("ngram_backward: outputs of factors and dy", array->shape(1), outputs);
  }
  const BagBackward job = {features, scale.data(), factors.data(), dy.data(), static_cast<int64_t>(outputs)};
  BagGradient gradient;
  {
    nb::gil_scoped_release release;
    gradient = bag_gradient(job);
  }
  const size_t found = gradient.found;
  return nb::make_tuple(to_array(std::move(gradient.rows), {found}), to_array(std::move(gradient.values), {found, outputs}));
}

int64_t token_winners(IntsIn<2> ids, FloatsIn<2> y, IntsIn<2> arg, FloatsIn<2> dy, int64_t rows, int64_t taps,
                      bool relu, Longs places, Floats<1> values, Floats<1> dbias, int threads) {
  const int64_t texts = ids.shape(0), filters = dbias.shape(0), most = texts * filters * taps;
  if (taps < 1 || taps > static_cast<int64_t>(ids.shape(1)))
    refuse("token_winners: taps must be from 1 to the length of the ids; got " + std::to_string(taps));
  for (const FloatsIn<2>* array : {&y, &dy}) {
    check_equal("token_winners: texts of y and dy", array->shape(0), texts);
    check_equal("token_winners: filters of y and dy", array->shape(1), filters);
  }
  check_equal("token_winners: texts of arg", arg.shape(0), texts);
  check_equal("token_winners: filters of arg", arg.shape(1), filters);
  check_equal("token_winners: places", places.shape(0), most);
  check_equal("token_winners: values", values.shape(0), most);
  check_ids("token_winners", ids, rows);
  const int64_t length = ids.shape(1), steps = length - taps + 1;
  for (size_t i = 0; i < arg.size(); ++i)
    if (arg.data()[i] < 0 || arg.data()[i] >= steps)
      refuse("arg: must hold steps from 0 to " + std::to_string(steps - 1) + "; got " +
             std::to_string(arg.data()[i]) + ". Give the arg that the forward pass wrote");
  const WinnersJob job = {ids.data(), arg.data(), y.data(), dy.data(),      texts,         length,
                          filters,    taps,       relu,     places.data(), values.data(), dbias.data()};
  nb::gil_scoped_release release;
  const int64_t blocks = (filters + WINNER_FILTERS - 1) / WINNER_FILTERS;
  std::vector<int64_t> counts(blocks);
  parallel_for(static_cast<int>(blocks), threads, [&](int block) {
    const int64_t first = block * WINNER_FILTERS;
    counts[block] = sum_winners(job, first, std::min(first + WINNER_FILTERS, filters));
  });
  int64_t total = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t from = block * WINNER_FILTERS * texts * taps;
    std::memmove(places.data() + total, places.data() + from, counts[block] * sizeof(int64_t));
    std::memmove(values.data() + total, values.data() + from, counts[block] * sizeof(float));
    total += counts[block];
  }
  return total;
}

}  // namespace

void bind_text_filters(nb::module_& m) {
  using nb::arg;
  const auto array = [](const char* name) { return arg(name).noconvert(); };
  m.def("ngram_features", &ngram_features, array("ids"), arg("words"), arg("buckets"), arg("longest"),
        arg("threads"),
        nb::sig("def ngram_features(ids: numpy.typing.NDArray[numpy.int32], words: int, buckets: int, longest: int, "
                "threads: int) -> tuple[numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.int64]]"),
        "The distinct features of each text, ascending, int32, and where each text's begin, int64 [B + 1].");
  m.def("ngram_forward", &ngram_forward, array("rows"), array("offsets"), array("table"), array("scale"),
        arg("gain"), array("y"), array("factors"), arg("threads"),
        "y = factors * sum of scale * table over each text's rows; factors = gain / length of the scale.");
  m.def("ngram_backward", &ngram_backward, array("rows"), array("offsets"), array("scale"), array("factors"),
        array("dy"),
        nb::sig("def ngram_backward(rows: numpy.typing.NDArray[numpy.int32], offsets: "
                "numpy.typing.NDArray[numpy.int64], scale: numpy.typing.NDArray[numpy.float32], factors: "
                "numpy.typing.NDArray[numpy.float32], dy: numpy.typing.NDArray[numpy.float32]) -> "
                "tuple[numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.float32]]"),
        "The distinct rows, ascending, and the gradient of the table there, [U, outputs].");
  m.def("token_winners", &token_winners, array("ids"), array("y"), array("arg"), array("dy"), arg("rows"),
        arg("taps"), arg("relu"), array("places"), array("values"), array("dbias"), arg("threads"),
        "The gradient of a table [rows, taps, O] after token_conv_forward with pool 0: distinct flat places and "
        "their values fill the front of both arrays [B * O * taps]; returns how many. Overwrites dbias.");
}

}  // namespace seqconv
