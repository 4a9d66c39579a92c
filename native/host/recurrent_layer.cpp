#include "host/recurrent_layer.hpp"

#include <algorithm>

#include "host/parallel.hpp"
#include "kernels/matmul.hpp"

namespace seqconv {
namespace {

// Fixed numbers, so that the order of sums does not depend on the machine
constexpr int GROUPS = 16;  // of blocks: each adds up gradients of its own
constexpr int PREDICT_GROUPS = 64;
constexpr int SCATTER_TASKS = 64;

}  // namespace

RecurrentLayer::RecurrentLayer(Cell cell, int inputs, int units) {
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

int RecurrentLayer::groups() const { return std::min(static_cast<int>(partition_.spans.size()), GROUPS); }

int RecurrentLayer::group_begin(int group) const {
  return static_cast<int>(partition_.spans.size() * static_cast<size_t>(group) / static_cast<size_t>(groups()));
}

void RecurrentLayer::take_weights(RecurrentPieces& pieces, RecurrentWeights& weights,
                                  const RecurrentCall& call) const {
  weights = {};
  if (call.x != nullptr) weights.input = pieces.take<float>(gates_row() * shape_.inputs);
  weights.recurrent = pieces.take<float>(gates_row() * shape_.units);
  weights.bias = pieces.take<float>(shape_.slot_row);
}

void RecurrentLayer::take_scratch(RecurrentPieces& pieces, RecurrentScratch& scratch,
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

void RecurrentLayer::take_states(RecurrentPieces& pieces, RecurrentBlock& block) const {
  const ptrdiff_t rows = block.rows, states = (block.keep ? block.steps + 1 : 2) * rows * shape_.unit_row;
  block.states = pieces.take<float>(states);
  if (shape_.cell == Cell::lstm) block.cells = pieces.take<float>(states);
  if (block.input_mask != nullptr)
    block.input_masks = pieces.take<float>(shape_.gates * rows * shape_.input_row);
  if (block.recurrent_mask != nullptr)
    block.state_masks = pieces.take<float>(shape_.gates * rows * shape_.unit_row);
}

// A block of the partition, or, past the last, the shared steps
RecurrentBlock RecurrentLayer::make_block(const RecurrentCall& call,
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

void RecurrentLayer::attach(RecurrentBlock& block, const RecurrentBlock* shared) const {
  if (shared == nullptr || block.start == 0) return;
  block.first_state = shared->states + block.start * shape_.unit_row;
  if (shape_.cell == Cell::lstm) block.first_cell = shared->cells + block.start * shape_.unit_row;
}

void RecurrentLayer::write_shared(const RecurrentBlock& block, const RecurrentBlock* shared) const {
  if (shared == nullptr || !block.all_states) return;
  for (int e = 0; e < block.rows; ++e)
    for (int t = 0; t < block.start; ++t) {
      const float* state = shared->states + (t + 1) * shape_.unit_row;
      std::copy_n(state, shape_.units,
                  block.y + (ptrdiff_t{block.examples[e]} * block.length + t) * shape_.units);
    }
}

// One block of a prediction, in the memory of `place`
void RecurrentLayer::predict_block(RecurrentBlock block, const RecurrentBlock& place,
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

void RecurrentLayer::predict(const RecurrentCall& call, int threads) const {
  const RecurrentPartition partition = partition_batch(call, block_rows());
  const int spans = static_cast<int>(partition.spans.size()), tasks = std::min(spans, PREDICT_GROUPS);
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

void RecurrentLayer::take_kept(RecurrentPieces& pieces, RecurrentWeights& weights, const RecurrentCall& call) {
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

void RecurrentLayer::forward(const RecurrentCall& call, int threads) {
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

// ---- backward

void RecurrentLayer::take_work(RecurrentPieces& pieces, const RecurrentBackwardCall& call,
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
void RecurrentLayer::list_places() {
  const int32_t* ids = blocks_[0].used_ids;
  const ptrdiff_t size = kept_.table_rows;
  std::fill(offsets_.begin(), offsets_.end(), 0);
  for (ptrdiff_t n = 0; n < kept_rows_; ++n) ++offsets_[ids[n] + 1];
  for (ptrdiff_t u = 0; u < size; ++u) offsets_[u + 1] += offsets_[u];
  for (ptrdiff_t n = 0; n < kept_rows_; ++n) places_[offsets_[ids[n]]++] = static_cast<int32_t>(n);
  for (ptrdiff_t u = size; u > 0; --u) offsets_[u] = offsets_[u - 1];
  offsets_[0] = 0;
}

void RecurrentLayer::run_group(const RecurrentBackwardCall& call, const RecurrentWeights& weights,
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
void RecurrentLayer::run_shared(const RecurrentBackwardCall& call, const RecurrentWeights& weights) {
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

void RecurrentLayer::write_table(const RecurrentBackwardCall& call, int threads) const {
  const RecurrentScatter scatter{shape_, blocks_[0].slots, offsets_.data(), places_.data(), call.dtable};
  const ptrdiff_t rows = kept_.table_rows;
  // a task is a range of ids with its share of the places; a place or an empty row counts one
  const auto boundary = [&](int task) {
    const ptrdiff_t share = (kept_rows_ + rows) * task / SCATTER_TASKS;
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
  parallel_for(SCATTER_TASKS, threads, [&](int task) {
    const int end = task + 1 == SCATTER_TASKS ? static_cast<int>(rows) : boundary(task + 1);
    recurrent_kernels().scatter(scatter, boundary(task), end);
  });
  if (partition_.shared == 0) return;
  // all shared steps look up one row: its gradient there is the sum over the steps, as a bias's is
  float* row = call.dtable + ptrdiff_t{blocks_.back().used_ids[0]} * shape_.gates * shape_.units;
  for (int g = 0; g < shape_.gates; ++g)
    for (int j = 0; j < shape_.units; ++j)
      row[g * shape_.units + j] += sums_.back().bias[input_slot(g) * shape_.unit_row + j];
}

void RecurrentLayer::write_sums(const RecurrentBackwardCall& call) const {
  const RecurrentGradients& first = sums_[0];
  if (sums_.size() > 1) {  // the groups' sums lie one after the other: added in order, onto the first
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

void RecurrentLayer::backward(const RecurrentBackwardCall& call, int threads) {
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
  // listing the places needs no gradient: one more task, the second, because the first decides whether the rest is
  // worth waking other threads
  const int lists = tokens ? 1 : 0;
  parallel_for(groups() + lists, threads, [&](int task) {
    if (tokens && task == 1)
      list_places();
    else
      run_group(call, weights, task == 0 ? 0 : task - lists);
  });
  if (partition_.shared > 0) run_shared(call, weights);
  if (tokens) write_table(call, threads);
  write_sums(call);
  kept_.batch = 0;  // the gradients overwrote what was kept
}

}  // namespace seqconv
