// 1D convolution over time with bias, relu and max pooling in one pass, and its gradients.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

// Sizes of one layer; the caller has checked them. Token convolutions use them too (channels 0).
struct ConvShape {
  int examples, length, channels;  // x [B, T, C]
  int kernel, filters;             // kernel [K, C, O]
  int dilation, left_pad;          // left_pad zeros stand before step 0
  int pool;                        // steps in a pooled group; 1: no pooling, 0: all steps are one group
  int group;                       // the same with the number of steps for 0
  int steps, groups;               // before pooling: T + left_pad - (K - 1) * dilation; after it
  bool relu;
};

// How the kernels cut and pack a layer; all counts are floats except the first three.
struct ConvLayout {
  bool minimal;  // fewer products, and wrong where a value is not finite
  int block;     // groups in a unit of work: units are numbered through the batch, tasks own ranges of units
  int row;       // from one step to the next in scratch copies of x and dx: C, or C padded to whole vectors
  int quantum;   // filters can be cut between tasks at its multiples
  ptrdiff_t weights, bias, scratch;  // of the forward pass; scratch for one task
  ptrdiff_t copied;                  // of the scratch, for a copy of a unit's input
  ptrdiff_t gradient_weights, input_scratch, kernel_scratch, partial;  // of the backward pass
};

struct ConvForward {
  ConvShape shape;
  ConvLayout layout;
  const float *x, *weights, *bias;  // weights and bias as packed by pack_forward
  const float* gate;                // as x: x counts as 0 where it is not above 0; or null
  float* y;
  int32_t* arg;  // winning step inside its group, or null
};

struct ConvBackward {
  ConvShape shape;
  ConvLayout layout;
  const float *x, *weights, *y;  // weights as packed by pack_backward
  const int32_t* arg;
  const float* dy;
  float* dx;
};

// A task's share of the kernel gradient: the units and filters that it sums over, and where
struct ConvShare {
  int64_t first_unit, last_unit;
  int first_filter, last_filter;
  float *kernel, *bias, *scratch;
};

// Sums of all shares: `chunks` kernel gradients of layout.partial floats, and as many bias gradients of
// bias_size
struct ConvPartials {
  int chunks;
  ptrdiff_t bias_size;
  float *kernel, *bias;
};

struct ConvKernels {
  // `minimal` where the shape allows it and the caller does
  ConvLayout (*plan)(const ConvShape&, bool minimal);
  void (*pack_forward)(const ConvShape&, const ConvLayout&, const float* kernel, const float* bias,
                       float* weights, float* padded_bias);
  // False, from a minimal layout alone: an output is not finite, and the result is not right
  bool (*forward)(const ConvForward&, int64_t first_unit, int64_t last_unit, float* scratch);
};

// Gradients: dense products where nothing is pooled, else over the winner of each group alone.
// False: an arg is outside its group, and the result is not complete.
struct ConvGradients {
  // of pooled layers alone: the input's gradient of others is a convolution itself
  void (*pack_backward)(const ConvShape&, const ConvLayout&, const float* kernel, float* weights);
  bool (*input)(const ConvBackward&, int first_example, int last_example, float* scratch);
  bool (*kernel)(const ConvBackward&, const ConvShare&);
  // one tap of dkernel [K, C, O] from the partial sums, in a minimal layout all taps of one channel; dbias [O] with
  // the first
  void (*add_up)(const ConvBackward&, const ConvPartials&, int part, float* dkernel, float* dbias);
};

SEQCONV_KERNELS(ConvKernels, conv_kernels)
SEQCONV_KERNELS(ConvGradients, conv_gradients)

}  // namespace seqconv
