// Batches gathered from a table, a set of texts or a series, and the distinct ids of a batch.
#include "host/gathering.hpp"

#include <string>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

constexpr int64_t MAX_VOCABULARY = int64_t{1} << 28;  // a table of so many places is 1 GiB

void gather_table_rows(const FloatsIn<2>& table, const IntsIn<1>& rows, const Floats<2>& out, int threads) {
  const int64_t width = size_of(table, 1), count = size_of(rows, 0);
  check_at_least("threads", threads, 1);
  check_shape("out", out, {count, width});
  check_apart("rows", rows, out);
  check_indices("rows", rows.data(), count, size_of(table, 0));
  const Rows<float, int32_t> job = {table.data(), width, count, rows.data(), out.data()};
  const nb::gil_scoped_release unlocked;
  gather_rows(job, threads);
}

void gather_ids(const IntsIn<2>& ids, const LongsIn<1>& index, const Ints<2>& out, int threads) {
  const int64_t length = size_of(ids, 1), count = size_of(index, 0);
  check_at_least("threads", threads, 1);
  check_shape("out", out, {count, length});
  check_apart("index", index, out);
  check_indices("index", index.data(), count, size_of(ids, 0));
  const Rows<int32_t, int64_t> job = {ids.data(), length, count, index.data(), out.data()};
  const nb::gil_scoped_release unlocked;
  gather_rows(job, threads);
}

void gather_series_windows(const FloatsIn<2>& values, const LongsIn<1>& anchors, int64_t lookback, int64_t step,
                           const Floats<3>& out, int threads) {
  check_at_least("threads", threads, 1);
  if (step < 1 || lookback < step)
    refuse("lookback: must be at least step, and step at least 1; got " + std::to_string(lookback) + " and " +
           std::to_string(step));
  const Windows windows = {values.data(),       size_of(values, 0), size_of(values, 1), anchors.data(),
                           size_of(anchors, 0), lookback,           step,               lookback / step};
  check_shape("out", out, {windows.count, windows.steps, windows.channels});
  check_apart("anchors", anchors, out);
  check_anchors(windows);
  const nb::gil_scoped_release unlocked;
  gather_windows(windows, out.data(), threads);
}

NewArray<int32_t, 1> distinct_ids(const IntsIn<2>& ids, int64_t vocabulary, const Ints<2>& compact) {
  check_shape("compact", compact, {size_of(ids, 0), size_of(ids, 1)});
  check_apart("ids", ids, compact);
  if (vocabulary < 0 || vocabulary > MAX_VOCABULARY)
    refuse("vocabulary: must be in [0, 2^28]; got " + std::to_string(vocabulary));
  DistinctIds distinct;
  {
    const nb::gil_scoped_release unlocked;
    check_ids(ids, vocabulary);
    distinct = find_distinct(ids.data(), static_cast<int64_t>(ids.size()), vocabulary, compact.data());
  }
  return to_array(std::move(distinct.ids), {static_cast<size_t>(distinct.count)});
}

}  // namespace

void bind_gathering(nb::module_& m) {
  using nb::arg;
  m.def("gather_rows", &gather_table_rows, array("table"), array("rows"), array("out"), arg("threads"),
        "out[U, W] = table[rows].");
  m.def("gather_ids", &gather_ids, array("ids"), array("index"), array("out"), arg("threads"),
        "out[B, L] = ids[index].");
  m.def("gather_windows", &gather_series_windows, array("values"), array("anchors"), arg("lookback"), arg("step"),
        array("out"), arg("threads"), "out[b, l] = values[anchors[b] - lookback + l * step], [B, L, C].");
  m.def("distinct_ids", &distinct_ids, array("ids"), arg("vocabulary"), array("compact"),
        "The distinct ids, ascending, [U]; compact[b, l] becomes the place of ids[b, l] among them.");
}

}  // namespace seqconv
