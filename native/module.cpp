// The Python module seqconv._native: checks shapes, releases the interpreter lock, calls kernels.
#include <nanobind/nanobind.h>

#include "bindings.hpp"
#include "isa.hpp"

NB_MODULE(_native, m) {
  seqconv::chosen_isa();  // refuse an unknown SEQCONV_ISA at import, not in the middle of a run
  m.def("instruction_set", &seqconv::isa_name, "Name of the instruction set whose kernels are in use.");
  seqconv::bind_channels(m);
  seqconv::bind_convolution(m);
  seqconv::bind_dense(m);
  seqconv::bind_layers(m);
  seqconv::bind_masks(m);
  seqconv::bind_optimisers(m);
  seqconv::bind_recurrent(m);
  seqconv::bind_table_gradients(m);
  seqconv::bind_text_filters(m);
  seqconv::bind_tokens(m);
}
