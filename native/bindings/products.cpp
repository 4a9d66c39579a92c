// Matrix products, and the gradients of a table of products.
#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "host/matmul.hpp"
#include "host/table_gradients.hpp"

namespace seqconv {
namespace {

void matmul(const FloatsIn<2>& a, const FloatsIn<2>& b, const Floats<2>& out, bool transpose_a, bool transpose_b,
            int threads) {
  const int64_t rows = size_of(a, transpose_a), depth = size_of(a, !transpose_a);
  const int64_t columns = size_of(b, !transpose_b), b_depth = size_of(b, transpose_b);
  check_at_least("threads", threads, 1);
  if (depth != b_depth)
    refuse("matmul: op(a) and op(b) must agree on the inner dimension; got " + shape_text({rows, depth}) + " and " +
           shape_text({b_depth, columns}));
  check_shape("out", out, {rows, columns});
  const Operand left = {a.data(), static_cast<ptrdiff_t>(a.shape(1)), transpose_a};
  const Operand right = {b.data(), static_cast<ptrdiff_t>(b.shape(1)), transpose_b};
  const nb::gil_scoped_release unlocked;
  multiply({left, right, rows, columns}, depth, out.data(), threads);
}

void table_backward(const FloatsIn<2>& used, const FloatsIn<2>& dtable, const FloatsIn<3>& kernel,
                    const Floats<2>& dused, const Floats<3>& dkernel, int threads) {
  const TableBackward job = {size_of(used, 0), size_of(kernel, 0), size_of(kernel, 1), size_of(kernel, 2),
                             used.data(),      dtable.data(),      kernel.data(),      dused.data(),
                             dkernel.data()};
  check_at_least("threads", threads, 1);
  for (const int64_t value : {job.rows, job.taps, job.inputs, job.filters})
    check_at_least("used and kernel: every size", value, 1);
  check_shape("used", used, {job.rows, job.inputs});
  check_shape("dtable", dtable, {job.rows, job.columns()});
  check_shape("dused", dused, {job.rows, job.inputs});
  check_shape("dkernel", dkernel, {job.taps, job.inputs, job.filters});
  const nb::gil_scoped_release unlocked;
  run_table_backward(job, threads);
}

}  // namespace

void bind_products(nb::module_& m) {
  using nb::arg;
  m.def("matmul", &matmul, array("a"), array("b"), array("out"), arg("transpose_a"), arg("transpose_b"),
        arg("threads"), "out[M, N] = op(a) op(b), where op transposes if asked to.");
  m.def("table_backward", &table_backward, array("used"), array("dtable"), array("kernel"), array("dused"),
        array("dkernel"), arg("threads"),
        "Overwrites dused and dkernel with the gradients of table[u, k * O + o] = used[u] @ kernel[k, :, o].");
}

}  // namespace seqconv
