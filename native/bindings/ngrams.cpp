// N-grams as features of texts, and a linear layer on them.
#include "text/ngrams.hpp"

#include <algorithm>
#include <string>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

using Features = nb::typed<nb::tuple, NewArray<int32_t, 1>, NewArray<int64_t, 1>>;
using Gradient = nb::typed<nb::tuple, NewArray<int32_t, 1>, NewArray<float, 2>>;

constexpr int MAX_WORDS = 64;  // of an n-gram
constexpr int64_t MAX_TEXTS = int64_t{1} << 28;  // offsets of so many are 2 GiB

Features ngram_features(const IntsIn<2>& ids, int64_t words, int64_t buckets, int longest, int threads) {
  if (words < 1 || buckets < 1 || longest < 1 || words > INT32_MAX - buckets)
    refuse("ngram_features: words, buckets and longest must be at least 1 and rows below 2^31; got " +
           std::to_string(words) + ", " + std::to_string(buckets) + ", " + std::to_string(longest));
  const int64_t texts = size_of(ids, 0);
  if (longest > MAX_WORDS || texts * size_of(ids, 1) > INT32_MAX / longest)
    refuse("ngram_features: longest must be at most " + std::to_string(MAX_WORDS) +
           ", and ids times longest below 2^31; got " + std::to_string(longest) + " for " + shape_text(sizes_of(ids)));
  if (texts > MAX_TEXTS) refuse("ids: must have at most 2^28 texts; got " + std::to_string(texts));
  FeatureLists found;
  {
    const nb::gil_scoped_release unlocked;
    check_ids(ids, words);
    found = list_features({words, buckets, longest}, ids.data(), texts, size_of(ids, 1), threads);
  }
  const size_t count = found.offsets[texts];
  return nb::make_tuple(to_array(std::move(found.rows), {count}),
                        to_array(std::move(found.offsets), {static_cast<size_t>(texts) + 1}));
}

// Features that lie inside a table of `height` rows
TextFeatures check_features(const IntsIn<1>& rows, const LongsIn<1>& offsets, int64_t height) {
  const int64_t texts = size_of(offsets, 0) - 1;
  if (texts < 0 || offsets.data()[0] != 0 || offsets.data()[texts] != size_of(rows, 0))
    refuse("offsets: must go from 0 to the number of rows, " + std::to_string(rows.shape(0)));
  for (int64_t text = 0; text < texts; ++text)
    if (offsets.data()[text] > offsets.data()[text + 1])
      refuse("offsets: must not fall; got " + std::to_string(offsets.data()[text + 1]) + " after " +
             std::to_string(offsets.data()[text]));
  check_indices("rows", rows.data(), size_of(rows, 0), height);
  return {rows.data(), offsets.data(), texts};
}

void ngram_forward(const IntsIn<1>& rows, const LongsIn<1>& offsets, const FloatsIn<2>& table,
                   const FloatsIn<2>& scale, float gain, const Floats<2>& y, const Floats<2>& factors, int threads) {
  const TextFeatures features = check_features(rows, offsets, size_of(table, 0));
  const int64_t outputs = size_of(table, 1);
  check_shape("scale", scale, {size_of(table, 0), outputs});
  check_shape("y", y, {features.texts, outputs});
  check_shape("factors", factors, {features.texts, outputs});
  check_apart("rows", rows, y, factors);
  check_apart("offsets", offsets, y, factors);
  const BagForward job = {features, table.data(), scale.data(), gain, outputs, y.data(), factors.data()};
  const nb::gil_scoped_release unlocked;
  run_bag(job, threads);
}

Gradient ngram_backward(const IntsIn<1>& rows, const LongsIn<1>& offsets, const FloatsIn<2>& scale,
                        const FloatsIn<2>& factors, const FloatsIn<2>& dy) {
  const TextFeatures features = check_features(rows, offsets, size_of(scale, 0));
  const int64_t outputs = size_of(scale, 1);
  check_shape("factors", factors, {features.texts, outputs});
  check_shape("dy", dy, {features.texts, outputs});
  const BagBackward job = {features, scale.data(), factors.data(), dy.data(), outputs};
  BagGradient gradient;
  {
    const nb::gil_scoped_release unlocked;
    gradient = bag_gradient(job);
  }
  const size_t found = gradient.found;
  return nb::make_tuple(to_array(std::move(gradient.rows), {found}),
                        to_array(std::move(gradient.values), {found, static_cast<size_t>(outputs)}));
}

}  // namespace

void bind_ngrams(nb::module_& m) {
  using nb::arg;
  m.def("ngram_features", &ngram_features, array("ids"), arg("words"), arg("buckets"), arg("longest"), arg("threads"),
        "The distinct features of each text, ascending, and where each text's begin, [B + 1].");
  m.def("ngram_forward", &ngram_forward, array("rows"), array("offsets"), array("table"), array("scale"), arg("gain"),
        array("y"), array("factors"), arg("threads"),
        "y = factors * sum of scale * table over each text's rows; factors = gain / length of the scale.");
  m.def("ngram_backward", &ngram_backward, array("rows"), array("offsets"), array("scale"), array("factors"),
        array("dy"), "The distinct rows, ascending, and the gradient of the table there, [U, outputs].");
}

}  // namespace seqconv
