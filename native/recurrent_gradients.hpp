// The host side of a recurrent layer's backward pass.
#pragma once

#include "kernels/matmul.hpp"
#include "recurrent_layer.hpp"

namespace seqconv {

inline void RecurrentLayer::take_work(RecurrentPieces& pieces, const RecurrentBackwardCall& call,
                                      RecurrentWeights& weights) {
  weights = {};
  if (call.dx != nullptr) weights.input_back = pieces.take<float>(shape_.input_row * gates_row());
  weights.recurrent_back = pieces.take<float>(shape_.unit_row * gates_row());
  for (RecurrentGradients& sums : sums_) {
    sums.input = kept_.x != nullptr ? pieces.take<float>(shape_.inputs * gates_row()) : nullptr;
    sums.recurrent = pieces.take<float>(shape_.units * gates_row());
    sums.bias = pieces.take<float>(shape_.slot_row);
  }
  shared_dy_ = pieces.take<float>(ptrdiff_t{partition_.shared} * shape_.units);
  shared_dcells_ = pieces.take<float>(partition_.shared * shape_.unit_row);
  for (size_t i = 0; partition_.shared > 0 && i < partition_.spans.size(); ++i) {
    dstates_[i] = pieces.take<float>(blocks_[i].rows * shape_.unit_row);
    dcells_[i] = pieces.take<float>(blocks_[i].rows * shape_.unit_row);
  }
}

// Rows of slots in order of their id, and where each id's begin
inline void RecurrentLayer::list_places() {
  const int32_t* ids = blocks_[0].used_ids;
  const ptrdiff_t size = kept_.table_rows;
  std::fill(offsets_.begin(), offsets_.end(), 0);
  for (ptrdiff_t n = 0; n < kept_rows_; ++n) ++offsets_[ids[n] + 1];
  for (ptrdiff_t u = 0; u < size; ++u) offsets_[u + 1] += offsets_[u];
  for (ptrdiff_t n = 0; n < kept_rows_; ++n) places_[offsets_[ids[n]]++] = static_cast<int32_t>(n);
  for (ptrdiff_t u = size; u > 0; --u) offsets_[u] = offsets_[u - 1];
  offsets_[0] = 0;
}

inline void RecurrentLayer::run_group(const RecurrentBackwardCall& call, const RecurrentWeights& weights,
                                      int group) {
  RecurrentGradients& sums = sums_[group];
  if (sums.input != nullptr) std::fill_n(sums.input, shape_.inputs * gates_row(), 0.0f);
  std::fill_n(sums.recurrent, shape_.units * gates_row(), 0.0f);
  std::fill_n(sums.bias, shape_.slot_row, 0.0f);
  for (int i = group_begin(group); i < group_begin(group + 1); ++i) {
    blocks_[i].weights = weights;
    RecurrentBackward back{};
    back.dy = call.dy;
    back.dx = call.dx;
    back.dstates = dstates_[i];
    back.dcells_start = dcells_[i];
    back.sums = sums;
    recurrent_kernels().backward(blocks_[i], back);
  }
}

// Backward is linear in the incoming gradient, so the gradients of all examples that leave the shared steps
// are added where they leave and go back together.
inline void RecurrentLayer::run_shared(const RecurrentBackwardCall& call, const RecurrentWeights& weights) {
  const int units = shape_.units;
  std::fill_n(shared_dy_, ptrdiff_t{partition_.shared} * units, 0.0f);
  std::fill_n(shared_dcells_, partition_.shared * shape_.unit_row, 0.0f);
  for (size_t i = 0; i < partition_.spans.size(); ++i) {
    const RecurrentBlock& block = blocks_[i];
    for (int e = 0; block.start > 0 && e < block.rows; ++e) {
      float* dy = shared_dy_ + ptrdiff_t{block.start - 1} * units;
      float* dcells = shared_dcells_ + (block.start - 1) * shape_.unit_row;
      for (int j = 0; j < units; ++j) dy[j] += dstates_[i][e * shape_.unit_row + j];
      for (int j = 0; j < units; ++j) dcells[j] += dcells_[i][e * shape_.unit_row + j];
      const float* above = call.dy + ptrdiff_t{block.examples[e]} * kept_.length * units;
      for (ptrdiff_t j = 0; block.all_states && j < ptrdiff_t{block.start} * units; ++j)
        shared_dy_[j] += above[j];
    }
  }
  const int32_t first = 0;
  RecurrentBlock block = blocks_.back();
  block.weights = weights;
  block.examples = &first;
  block.all_states = true;
  RecurrentBackward back{};
  back.dy = shared_dy_;
  back.dcells = shared_dcells_;
  back.sums = sums_.back();
  std::fill_n(back.sums.recurrent, units * gates_row(), 0.0f);
  std::fill_n(back.sums.bias, shape_.slot_row, 0.0f);
  recurrent_kernels().backward(block, back);
}

inline void RecurrentLayer::write_table(const RecurrentBackwardCall& call, int threads) const {
  const RecurrentScatter scatter{shape_, blocks_[0].slots, offsets_.data(), places_.data(), call.dtable};
  const ptrdiff_t rows = kept_.table_rows;
  // a task is a range of ids with its share of the places; a place or an empty row counts one
  const auto boundary = [&](int task) {
    const ptrdiff_t share = (kept_rows_ + rows) * task / kScatterTasks;
    ptrdiff_t low = 0, high = rows;
    while (low < high) {
      const ptrdiff_t middle = (low + high) / 2;
      if (offsets_[middle] + middle < share)
        low = middle + 1;
      else
        high = middle;
    }
    return static_cast<int>(low);
  };
  parallel_for(kScatterTasks, threads, [&](int task) {
    const int end = task + 1 == kScatterTasks ? static_cast<int>(rows) : boundary(task + 1);
    recurrent_kernels().scatter(scatter, boundary(task), end);
  });
  if (partition_.shared == 0) return;
  // all shared steps look up one row: its gradient there is the sum over the steps, as a bias's is
  float* row = call.dtable + ptrdiff_t{blocks_.back().used_ids[0]} * shape_.gates * shape_.units;
  for (int g = 0; g < shape_.gates; ++g)
    for (int j = 0; j < shape_.units; ++j)
      row[g * shape_.units + j] += sums_.back().bias[input_slot(g) * shape_.unit_row + j];
}

inline void RecurrentLayer::write_sums(const RecurrentBackwardCall& call) const {
  const RecurrentGradients& first = sums_[0];
  if (sums_.size() > 1) {  // the groups' sums lie one behind the other: added in order, onto the first
    const ptrdiff_t size = sums_[1].recurrent - first.recurrent;
    float* total = first.input != nullptr ? first.input : first.recurrent;
    matmul_kernels().add_parts(total, static_cast<int64_t>(sums_.size()), size, 0, size, total);
  }
  for (int g = 0; g < shape_.gates; ++g) {
    const ptrdiff_t at = g * shape_.unit_row, width = ptrdiff_t{shape_.gates} * shape_.units;
    for (int k = 0; call.dkernel != nullptr && k < shape_.inputs; ++k)
      std::copy_n(first.input + k * gates_row() + at, shape_.units,
                  call.dkernel + k * width + g * shape_.units);
    for (int k = 0; k < shape_.units; ++k)
      std::copy_n(first.recurrent + k * gates_row() + at, shape_.units,
                  call.drecurrent_kernel + k * width + g * shape_.units);
    const ptrdiff_t slot = input_slot(g) * shape_.unit_row;
    std::copy_n(first.bias + slot, shape_.units, call.dbias + g * shape_.units);
    if (shape_.cell == Cell::gru_reset_after)
      std::copy_n(first.bias + at, shape_.units, call.dbias + (shape_.gates + g) * shape_.units);
  }
}

inline void RecurrentLayer::backward(const RecurrentBackwardCall& call, int threads) {
  const bool tokens = kept_.ids != nullptr;
  sums_.assign(groups() + (partition_.shared > 0 ? 1 : 0), {});
  dstates_.assign(partition_.spans.size(), nullptr);
  dcells_.assign(partition_.spans.size(), nullptr);
  if (tokens) {
    offsets_.resize(kept_.table_rows + 1);
    places_.assign(kept_rows_ + SCATTER_AHEAD, 0);
  }
  RecurrentWeights weights;
  lay_out(work_memory_, [&](RecurrentPieces& pieces) { take_work(pieces, call, weights); });
  recurrent_kernels().pack(shape_, call.kernel, call.recurrent_kernel, nullptr, weights);
  const int lists = tokens ? 1 : 0;  // listing the places needs no gradient: one more task
  parallel_for(groups() + lists, threads, [&](int task) {
    if (task < lists)
      list_places();
    else
      run_group(call, weights, task - lists);
  });
  if (partition_.shared > 0) run_shared(call, weights);
  if (tokens) write_table(call, threads);
  write_sums(call);
  kept_.batch = 0;  // the gradients overwrote what was kept
}

}  // namespace seqconv
