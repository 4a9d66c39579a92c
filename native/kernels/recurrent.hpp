// GRU and LSTM over whole sequences, for x [B, L, C] and states h [B, L, H], h = 0 before the first step. Gates lie
// side by side in kernel W [C, gates * H], recurrent kernel U [H, gates * H] and bias b, in Keras's order. At each
// step, with * element by element and s the logistic function:
//
//   gru              z = s(x W_z + h U_z + b_z)                     b [3 H], gates z, r, c
//                    r = s(x W_r + h U_r + b_r)
//                    c = tanh(x W_c + (r * h) U_c + b_c)
//                    h = z * h + (1 - z) * c
//   gru_reset_after  z and r the same, b_z and b_r sums of b's rows  b [2, 3 H]: input bias, recurrent bias
//                    c = tanh(x W_c + b[0]_c + r * (h U_c + b[1]_c))
//                    h = z * h + (1 - z) * c
//   lstm             i = s(x W_i + h U_i + b_i), f and o likewise    b [4 H], gates i, f, c, o
//                    c = tanh(x W_c + h U_c + b_c)
//                    cell = f * cell + i * c
//                    h = o * tanh(cell)
//
// Dropout masks hold for all steps of an example, one for each gate: an input mask [B, gates, C] multiplies x before W,
// a recurrent mask [B, gates, H] multiplies h before U, in a gru's candidate r * h. Over tokens, x W is a row of a
// table [U, gates * H]. For the backward pass all states are kept, an LSTM's cells, the masks, and the slots below; it
// reads the caller's x again.
//
// A task is a block of a few examples; lanes are units, so rows of a block, batches of one example and table look-ups
// need no transposing, and any number of examples runs without idle lanes.
//
// Reference: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation,
// 2014; Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Gal and Ghahramani, A Theoretically Grounded
// Application of Dropout in Recurrent Neural Networks, 2016 (masks).
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"

namespace seqconv {

enum class Cell { gru, gru_reset_after, lstm };

// What is kept of each step and example, in slots of `unit_row` floats; backward overwrites them with the gradients of
// the sums inside s and tanh.
//   gru               z | r | c                c: the candidate
//   gru_reset_after   z | r | u | c            u = h U_c + b[1]_c
//   lstm              i | f | c | o | tanh     tanh: of the new cell
// Sizes with `row` are padded to whole vectors.
struct RecurrentShape {
  Cell cell;
  int inputs, units, gates, slots;
  ptrdiff_t input_row, unit_row, slot_row;
};

// Weights as the products read them: one vector of outputs, for all inputs in turn; then the next vector.
struct RecurrentWeights {
  float* input;      // [gates * unit vectors][inputs][lanes]
  float* recurrent;  // [gates * unit vectors][units][lanes]
  float* bias;       // one row of slots
  // transposed, for backward
  float* input_back;      // [input vectors][gates * unit_row][lanes]; null if no gradient of x is wanted
  float* recurrent_back;  // [unit vectors][gates * unit_row][lanes]
};

// Working memory of one task at a time, from the caller
struct RecurrentScratch {
  float* inputs;           // [gates][rows][input_row]: x times its masks; gradient of x
  float* states;           // [gates][rows][unit_row]: state times its masks
  float* reset_states;     // [RECURRENT_CHUNK][rows][unit_row]: r * state
  float* grad_states;      // [rows][unit_row]
  float* grad_cells;       // [rows][unit_row]
  float* grad_candidates;  // [rows][unit_row]
  // where masks are not zero: for each gate and row how many places, and then which
  int32_t* live_inputs;  // [gates][rows][1 + input_row]
  int32_t* live_states;  // [gates][rows][1 + unit_row]
};

// Sums of one group of blocks
struct RecurrentGradients {
  float* input;      // [inputs][gates * unit_row]; null for tokens
  float* recurrent;  // [units][gates * unit_row]
  float* bias;       // one row of slots
};

// Steps whose gradients wait in cache for the weight gradients
constexpr int RECURRENT_CHUNK = 32;

// Rows of slots that the table's gradient asks for ahead of their use
constexpr int SCATTER_AHEAD = 8;

struct RecurrentBlock {
  RecurrentShape shape;
  RecurrentWeights weights;
  RecurrentScratch scratch;
  bool keep;        // training: all steps are kept for backward; prediction: two states, one step of slots
  bool all_states;  // y and dy are [B, L, H], else [B, H]
  int length;       // L
  int start, steps, rows;   // this block runs steps start to start + steps - 1 of its rows
  const int32_t* examples;  // [rows]: places in the batch
  const float* x;           // [B, L, C], or null and then
  const float* x_end;
  const int32_t* ids;  // [B, L]
  const float* table;  // [U, gates * H]
  const float* table_end;
  const float* input_mask;      // [B, gates, C] or null
  const float* recurrent_mask;  // [B, gates, H] or null
  const float* first_state;     // [unit_row], the state before `start`; null for zero
  const float* first_cell;
  float* y;  // null: not wanted
  // kept
  float* states;       // [steps + 1][rows][unit_row]
  float* cells;        // the same for an LSTM
  float* slots;        // [steps][rows][slot_row]
  float* input_masks;  // [gates][rows][input_row]
  float* state_masks;  // [gates][rows][unit_row]
  int32_t* used_ids;   // [steps][rows]
};

struct RecurrentBackward {
  const float* dy;
  const float*
      dcells;      // [steps][unit_row]: more gradient of one example's cell state after each step; or null
  float* dx;       // [B, L, C] or null
  float* dstates;  // [rows][unit_row]: gradient of the state before `start`; null: not wanted
  float* dcells_start;
  RecurrentGradients sums;
};

// Gradient of the table: row u is the sum over places[offsets[u]] .. of rows of slots
struct RecurrentScatter {
  RecurrentShape shape;
  const float* slots;
  const int32_t* offsets;  // [U + 1]
  const int32_t* places;   // and SCATTER_AHEAD more, of any row
  float* dtable;           // [U, gates * H]
};

struct RecurrentKernels {
  int lanes;
  void (*pack)(const RecurrentShape&, const float* kernel, const float* recurrent_kernel, const float* bias,
               const RecurrentWeights&);
  void (*forward)(const RecurrentBlock&);
  void (*backward)(const RecurrentBlock&, const RecurrentBackward&);
  void (*scatter)(const RecurrentScatter&, int first, int last);
};
SEQCONV_KERNELS(RecurrentKernels, recurrent_kernels)

}  // namespace seqconv
