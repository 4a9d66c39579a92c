// Probabilities of classes from a network's outputs.
#include "host/probabilities.hpp"

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"

namespace seqconv {
namespace {

template <class Real>
NewArray<Real, 2> probabilities(const Array<const Real, 2>& logits, bool multi_label) {
  const size_t count = logits.shape(0), columns = logits.shape(1);
  if (columns == 0) refuse("logits: must have a column at least; got none");
  const bool pair = columns == 1 && !multi_label;
  const size_t classes = pair ? 2 : columns;
  std::unique_ptr<Real[]> found(new Real[count * classes]);
  const Real* from = logits.data();
  Real* to = found.get();
  for (size_t i = 0; i < count; ++i, from += columns, to += classes) {
    if (pair) sigmoid_pair(from[0], to);
    else if (multi_label) std::transform(from, from + columns, to, sigmoid<Real>);
    else softmax(from, columns, to);
  }
  return to_array(std::move(found), {count, classes});
}

template <class Real>
void bind(nb::module_& m) {
  m.def("probabilities", &probabilities<Real>, array("logits"), nb::arg("multi_label"),
        "Probability of each class, [N, classes], from logits [N, 1] or [N, classes].");
}

}  // namespace

void bind_probabilities(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace seqconv
