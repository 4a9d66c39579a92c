// The Python module seqconv._native. README.md says how a call goes through its layers.
#include <nanobind/nanobind.h>

#include "bindings/bindings.hpp"
#include "isa.hpp"

NB_MODULE(_native, m) {
  seqconv::chosen_isa();  // refuse an unknown SEQCONV_ISA at import, not in the middle of a run
  m.def("instruction_set", &seqconv::isa_name, "Name of the instruction set whose kernels are in use.");
  seqconv::bind_channels(m);
  seqconv::bind_convolution(m);
  seqconv::bind_gathering(m);
  seqconv::bind_layers(m);
  seqconv::bind_linear(m);
  seqconv::bind_masks(m);
  seqconv::bind_ngrams(m);
  seqconv::bind_optimisers(m);
  seqconv::bind_probabilities(m);
  seqconv::bind_products(m);
  seqconv::bind_recurrent(m);
  seqconv::bind_rocket(m);
  seqconv::bind_rows(m);
  seqconv::bind_smoothing(m);
  seqconv::bind_token_convolution(m);
  seqconv::bind_tokens(m);
}
