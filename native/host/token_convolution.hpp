// Convolution over tokens as a look-up in a table [U, K, O], one row for each distinct id.
#pragma once

#include "host/convolution_shape.hpp"
#include "host/layers.hpp"
#include "kernels/token_convolution.hpp"

namespace seqconv {

// Sizes of a table [U, K, O]
struct TableSizes {
  int64_t rows, taps, filters;
};

// Refuses sizes that do not fit
ConvShape token_shape(const Extent& ids, const TableSizes& table, const Movement& movement);

// y and, unless null, arg of the job, whose runs are measured here; refuses ids that are no rows of the table
void run_token_convolution(TokenForward job, int threads);

// dtable and dbias of the job, overwritten; its runs and memory are found here. False: an arg outside its group
bool run_token_convolution_backward(TokenGradient job, int threads);

// For prediction
class TokenConvolution : public Layer {
 public:
  TokenConvolution(const float* table, const float* bias, const TableSizes& sizes, const Movement& movement)
      : table_(table), bias_(bias), sizes_(sizes), movement_(movement) {}
  Extent output(const Extent& input) const override;
  void run(const LayerInput& x, const Extent& input, float* y, int threads) override;

 private:
  const float *table_, *bias_;
  TableSizes sizes_;
  Movement movement_;
};

}  // namespace seqconv
