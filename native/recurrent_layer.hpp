// The host side of a recurrent layer: cuts a batch into blocks, owns the memory, runs the kernels on the
// blocks and adds their gradients in a fixed order.
#pragma once

#include <mutex>

#include "parallel.hpp"
#include "recurrent_memory.hpp"

namespace seqconv {

class RecurrentLayer {
 public:
  RecurrentLayer(Cell cell, int inputs, int units) {
    const int lanes = recurrent_kernels().lanes;
    shape_.cell = cell;
    shape_.inputs = inputs;
    shape_.units = units;
    shape_.gates = cell == Cell::lstm ? 4 : 3;
    shape_.slots = cell == Cell::gru ? 3 : cell == Cell::gru_reset_after ? 4 : 5;
    shape_.input_row = (ptrdiff_t{inputs} + lanes - 1) / lanes * lanes;
    shape_.unit_row = (ptrdiff_t{units} + lanes - 1) / lanes * lanes;
    shape_.slot_row = shape_.slots * shape_.unit_row;
  }

  const RecurrentShape& shape() const { return shape_; }
  std::mutex& busy() { return busy_; }  // forward and backward share memory: one call at a time
  // The last forward call if backward has not used it up, else a batch of 0. Its arrays may be gone.
  const RecurrentCall& kept() const { return kept_; }

  void predict(const RecurrentCall& call, int threads) const;
  void forward(const RecurrentCall& call, int threads);
  void backward(const RecurrentBackwardCall& call, int threads);

 private:
  static constexpr int kGroups = 16;  // gradients are summed in at most so many places
  static constexpr int kPredictGroups = 64;
  static constexpr int kScatterTasks = 64;

  // wide layers stream their weights from further away: use them for more examples at once
  int block_rows() const { return shape_.units > 128 ? 16 : 8; }
  ptrdiff_t gates_row() const { return shape_.gates * shape_.unit_row; }
  int input_slot(int gate) const { return shape_.cell == Cell::gru_reset_after && gate == 2 ? 3 : gate; }

  void take_weights(RecurrentPieces& pieces, RecurrentWeights& weights, const RecurrentCall& call) const;
  void take_scratch(RecurrentPieces& pieces, RecurrentScratch& scratch, const RecurrentCall& call) const;
  void take_states(RecurrentPieces& pieces, RecurrentBlock& block) const;
  void take_kept(RecurrentPieces& pieces, RecurrentWeights& weights, const RecurrentCall& call);
  void take_work(RecurrentPieces& pieces, const RecurrentBackwardCall& call, RecurrentWeights& weights);
  RecurrentBlock make_block(const RecurrentCall& call, const RecurrentPartition& partition, int index,
                            bool keep) const;
  void attach(RecurrentBlock& block, const RecurrentBlock* shared) const;
  void write_shared(const RecurrentBlock& block, const RecurrentBlock* shared) const;
  void predict_block(RecurrentBlock block, const RecurrentBlock& place, const RecurrentBlock& shared) const;
  void list_places();
  void run_group(const RecurrentBackwardCall& call, const RecurrentWeights& weights, int group);
  void run_shared(const RecurrentBackwardCall& call, const RecurrentWeights& weights);
  void write_table(const RecurrentBackwardCall& call, int threads) const;
  void write_sums(const RecurrentBackwardCall& call) const;

  int groups() const { return std::min(static_cast<int>(partition_.spans.size()), kGroups); }
  int group_begin(int group) const {
    return static_cast<int>(partition_.spans.size() * static_cast<size_t>(group) /
                            static_cast<size_t>(groups()));
  }
  const RecurrentBlock* shared_block() const { return partition_.shared > 0 ? &blocks_.back() : nullptr; }

  RecurrentShape shape_{};
  std::mutex busy_;
  RecurrentCall kept_;
  RecurrentPartition partition_;
  ptrdiff_t kept_rows_ = 0;             // rows of slots of all blocks but the shared one
  std::vector<RecurrentBlock> blocks_;  // the shared steps last, as a block of one example, if there are any
  std::vector<RecurrentScratch> scratch_;  // a group
  std::vector<RecurrentGradients> sums_;   // a group; the shared block's last
  std::vector<float*> dstates_, dcells_;   // a block
  float* shared_dy_ = nullptr;             // [shared][units]
  float* shared_dcells_ = nullptr;         // [shared][unit_row]
  std::vector<int32_t> offsets_, places_;  // rows of slots by id
  AlignedMemory kept_memory_, work_memory_;
};

inline void RecurrentLayer::take_weights(RecurrentPieces& pieces, RecurrentWeights& weights,
                                         const RecurrentCall& call) const {
  weights = {};
  if (call.x != nullptr) weights.input = pieces.take<float>(gates_row() * shape_.inputs);
  weights.recurrent = pieces.take<float>(gates_row() * shape_.units);
  weights.bias = pieces.take<float>(shape_.slot_row);
}

inline void RecurrentLayer::take_scratch(RecurrentPieces& pieces, RecurrentScratch& scratch,
                                         const RecurrentCall& call) const {
  const ptrdiff_t rows = std::min(block_rows(), call.batch), size = rows * shape_.unit_row;
  scratch = {};
  const ptrdiff_t gate_rows = shape_.gates * rows;
  if (call.x != nullptr) scratch.inputs = pieces.take<float>(gate_rows * shape_.input_row);
  if (call.input_mask != nullptr)
    scratch.live_inputs = pieces.take<int32_t>(gate_rows * (1 + shape_.input_row));
  if (call.recurrent_mask != nullptr) {
    scratch.states = pieces.take<float>(gate_rows * shape_.unit_row);
    scratch.live_states = pieces.take<int32_t>(gate_rows * (1 + shape_.unit_row));
  }
  scratch.reset_states = pieces.take<float>(RECURRENT_CHUNK * size);
  scratch.grad_states = pieces.take<float>(size);
  scratch.grad_cells = pieces.take<float>(size);
  scratch.grad_candidates = pieces.take<float>(size);
}

inline void RecurrentLayer::take_states(RecurrentPieces& pieces, RecurrentBlock& block) const {
  const ptrdiff_t rows = block.rows, states = (block.keep ? block.steps + 1 : 2) * rows * shape_.unit_row;
  block.states = pieces.take<float>(states);
  if (shape_.cell == Cell::lstm) block.cells = pieces.take<float>(states);
  if (block.input_mask != nullptr)
    block.input_masks = pieces.take<float>(shape_.gates * rows * shape_.input_row);
  if (block.recurrent_mask != nullptr)
    block.state_masks = pieces.take<float>(shape_.gates * rows * shape_.unit_row);
}

// A block of the partition, or, past the last, the shared steps
inline RecurrentBlock RecurrentLayer::make_block(const RecurrentCall& call,
                                                 const RecurrentPartition& partition, int index,
                                                 bool keep) const {
  RecurrentBlock block{};
  block.shape = shape_;
  block.all_states = call.all_states;
  block.length = call.length;
  block.x = call.x;
  block.ids = call.ids;
  block.table = call.table;
  if (call.x != nullptr)
    block.x_end = call.x + ptrdiff_t{call.batch} * call.length * shape_.inputs;
  else
    block.table_end = call.table + call.table_rows * shape_.gates * shape_.units;
  block.input_mask = call.input_mask;
  block.recurrent_mask = call.recurrent_mask;
  const bool shared = index == static_cast<int>(partition.spans.size());
  const RecurrentPartition::Span span =
      shared ? RecurrentPartition::Span{call.batch - 1, 1, 0} : partition.spans[index];
  block.examples = partition.order.data() + span.first;
  block.rows = span.rows;
  block.start = span.start;
  block.steps = shared ? partition.shared : call.length - span.start;
  block.keep = keep || shared;
  block.y = shared ? nullptr : call.y;
  return block;
}

inline void RecurrentLayer::attach(RecurrentBlock& block, const RecurrentBlock* shared) const {
  if (shared == nullptr || block.start == 0) return;
  block.first_state = shared->states + block.start * shape_.unit_row;
  if (shape_.cell == Cell::lstm) block.first_cell = shared->cells + block.start * shape_.unit_row;
}

inline void RecurrentLayer::write_shared(const RecurrentBlock& block, const RecurrentBlock* shared) const {
  if (shared == nullptr || !block.all_states) return;
  for (int e = 0; e < block.rows; ++e)
    for (int t = 0; t < block.start; ++t) {
      const float* state = shared->states + (t + 1) * shape_.unit_row;
      std::copy_n(state, shape_.units,
                  block.y + (ptrdiff_t{block.examples[e]} * block.length + t) * shape_.units);
    }
}

// One block of a prediction, in the memory of `place`
inline void RecurrentLayer::predict_block(RecurrentBlock block, const RecurrentBlock& place,
                                          const RecurrentBlock& shared) const {
  block.weights = place.weights;
  block.scratch = place.scratch;
  block.states = place.states;
  block.cells = place.cells;
  block.slots = place.slots;
  attach(block, &shared);
  write_shared(block, &shared);
  recurrent_kernels().forward(block);
}

inline void RecurrentLayer::predict(const RecurrentCall& call, int threads) const {
  const RecurrentPartition partition = partition_batch(call, block_rows());
  const int spans = static_cast<int>(partition.spans.size()), tasks = std::min(spans, kPredictGroups);
  AlignedMemory memory;
  RecurrentWeights weights;
  RecurrentBlock shared = make_block(call, partition, spans, true);
  std::vector<RecurrentBlock> places(tasks, make_block(call, partition, 0, false));
  lay_out(memory, [&](RecurrentPieces& pieces) {
    take_weights(pieces, weights, call);
    take_states(pieces, shared);
    shared.slots = pieces.take<float>(shared.steps * shape_.slot_row);
    shared.used_ids = pieces.take<int32_t>(shared.steps);
    for (RecurrentBlock& place : places) {
      take_states(pieces, place);
      place.slots = pieces.take<float>(place.rows * shape_.slot_row);
      take_scratch(pieces, place.scratch, call);
    }
  });
  recurrent_kernels().pack(shape_, call.kernel, call.recurrent_kernel, call.bias, weights);
  for (RecurrentBlock& place : places) place.weights = weights;
  shared.weights = weights;
  shared.scratch = places[0].scratch;
  if (partition.shared > 0) recurrent_kernels().forward(shared);
  parallel_for(tasks, threads, [&](int task) {
    const int64_t begin = int64_t{task} * spans / tasks, end = int64_t{task + 1} * spans / tasks;
    for (int64_t i = begin; i < end; ++i)
      predict_block(make_block(call, partition, static_cast<int>(i), false), places[task], shared);
  });
}

inline void RecurrentLayer::take_kept(RecurrentPieces& pieces, RecurrentWeights& weights, const RecurrentCall& call) {
  take_weights(pieces, weights, call);
  for (RecurrentScratch& scratch : scratch_) take_scratch(pieces, scratch, call);
  ptrdiff_t rows = 0;
  for (RecurrentBlock& block : blocks_) {
    take_states(pieces, block);
    rows += ptrdiff_t{block.steps} * block.rows;
  }
  float* slots = pieces.take<float>(rows * shape_.slot_row);
  int32_t* used_ids = pieces.take<int32_t>(call.ids != nullptr ? rows : 0);
  kept_rows_ = rows - partition_.shared;
  for (RecurrentBlock& block : blocks_) {
    block.slots = slots;
    block.used_ids = used_ids;
    if (slots == nullptr) continue;  // only counting
    slots += ptrdiff_t{block.steps} * block.rows * shape_.slot_row;
    used_ids += ptrdiff_t{block.steps} * block.rows;
  }
}

inline void RecurrentLayer::forward(const RecurrentCall& call, int threads) {
  kept_ = {};  // nothing to go back over if this call fails
  partition_ = partition_batch(call, block_rows());
  const int spans = static_cast<int>(partition_.spans.size());
  blocks_.clear();
  for (int i = 0; i < spans + (partition_.shared > 0 ? 1 : 0); ++i)
    blocks_.push_back(make_block(call, partition_, i, true));
  scratch_.assign(groups(), {});
  RecurrentWeights weights;
  lay_out(kept_memory_, [&](RecurrentPieces& pieces) { take_kept(pieces, weights, call); });
  recurrent_kernels().pack(shape_, call.kernel, call.recurrent_kernel, call.bias, weights);
  for (RecurrentBlock& block : blocks_) block.weights = weights;
  if (partition_.shared > 0) {
    blocks_.back().scratch = scratch_[0];
    recurrent_kernels().forward(blocks_.back());
  }
  parallel_for(groups(), threads, [&](int group) {
    for (int i = group_begin(group); i < group_begin(group + 1); ++i) {
      blocks_[i].scratch = scratch_[group];
      attach(blocks_[i], shared_block());
      write_shared(blocks_[i], shared_block());
      recurrent_kernels().forward(blocks_[i]);
    }
  });
  kept_ = call;
}

}  // namespace seqconv
