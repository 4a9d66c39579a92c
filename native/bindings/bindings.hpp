// What each file of this folder adds to the module.
#pragma once

#include <nanobind/nanobind.h>

namespace seqconv {

void bind_channels(nanobind::module_& m);
void bind_convolution(nanobind::module_& m);
void bind_gathering(nanobind::module_& m);
void bind_layers(nanobind::module_& m);
void bind_linear(nanobind::module_& m);
void bind_masks(nanobind::module_& m);
void bind_ngrams(nanobind::module_& m);
void bind_optimisers(nanobind::module_& m);
void bind_probabilities(nanobind::module_& m);
void bind_products(nanobind::module_& m);
void bind_recurrent(nanobind::module_& m);
void bind_rocket(nanobind::module_& m);
void bind_rows(nanobind::module_& m);
void bind_smoothing(nanobind::module_& m);
void bind_token_convolution(nanobind::module_& m);
void bind_tokens(nanobind::module_& m);

}  // namespace seqconv
