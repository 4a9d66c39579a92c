// A GRU or LSTM layer: cuts a batch into blocks of examples, owns the memory, runs the kernels on the blocks and adds
// their gradients in a fixed order. kernels/recurrent.hpp has the formulas.
#pragma once

#include <mutex>
#include <vector>

#include "host/recurrent_batch.hpp"
#include "host/recurrent_memory.hpp"
#include "kernels/recurrent.hpp"

namespace seqconv {

class RecurrentLayer {
 public:
  RecurrentLayer(Cell cell, int inputs, int units);

  const RecurrentShape& shape() const { return shape_; }
  std::mutex& busy() { return busy_; }  // forward and backward share memory: one call at a time
  // The last forward call if backward has not used it up, else a batch of 0. Its caller keeps the arrays.
  const RecurrentCall& kept() const { return kept_; }

  void predict(const RecurrentCall& call, int threads) const;
  void forward(const RecurrentCall& call, int threads);
  void backward(const RecurrentBackwardCall& call, int threads);

 private:
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

  int groups() const;
  int group_begin(int group) const;  // its first block
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

}  // namespace seqconv
