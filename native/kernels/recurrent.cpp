// The kernels of GRU and LSTM over x [B, L, C] or token ids [B, L], to states [B, L, H]; recurrent.hpp has the
// formulas. Here are the packing of weights and the gradient of a table of input products [U, gates * H], which adds up
// U rows out of B * L; the passes over time are in recurrent_forward.hpp and recurrent_backward.hpp. Forward takes
// B * L * gates * H * (C + H) multiply-adds, without C for tokens, and backward twice as many.
#include "kernels/recurrent.hpp"

#include "kernels/recurrent_backward.hpp"
#include "kernels/recurrent_forward.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

// Strips of a matrix [depth][gates * units]: for each gate and vector of its units, that vector in every row
void pack_strips(const RecurrentShape& shape, const float* matrix, int depth, float* to) {
  const float* end = matrix + ptrdiff_t{depth} * shape.gates * shape.units;
  for (int g = 0; g < shape.gates; ++g)
    for (int i = 0; i < shape.units; i += LANES)
      for (int k = 0; k < depth; ++k, to += LANES)
        store(to,
              load_part(matrix + (ptrdiff_t{k} * shape.gates + g) * shape.units + i, shape.units - i, end));
}

// The same of the transposed matrix: for each vector of its `width` rows, that vector in every gate and
// padded unit
void pack_transposed(const RecurrentShape& shape, const float* matrix, int width, float* to) {
  const ptrdiff_t row = ptrdiff_t{shape.gates} * shape.units;
  for (int i = 0; i < width; i += LANES)
    for (int g = 0; g < shape.gates; ++g)
      for (int j = 0; j < shape.unit_row; ++j, to += LANES) {
        vf column{};
        for (int k = 0; k < LANES && i + k < width && j < shape.units; ++k)
          column[k] = matrix[(i + k) * row + g * shape.units + j];
        store(to, column);
      }
}

// Bias by slot. A reset_after GRU has an input row and a recurrent row: their sum for z and r, separate for the
// candidate.
void pack_bias(const RecurrentShape& shape, const float* bias, float* to) {
  const int units = shape.units;
  const bool apart = shape.cell == Cell::gru_reset_after;
  for (int g = 0; g < shape.gates; ++g) {
    const float* recurrent = bias + (shape.gates + g) * units;
    float* slot = to + g * shape.unit_row;
    for (int i = 0; i < shape.unit_row; ++i) slot[i] = i < units ? bias[g * units + i] : 0.0f;
    if (!apart) continue;
    for (int i = 0; i < shape.unit_row; ++i) {
      if (g == 2) slot[shape.unit_row + i] = slot[i];
      slot[i] = (g == 2 ? 0.0f : slot[i]) + (i < units ? recurrent[i] : 0.0f);
    }
  }
}

void pack(const RecurrentShape& shape, const float* kernel, const float* recurrent_kernel, const float* bias,
          const RecurrentWeights& weights) {
  if (kernel != nullptr && weights.input != nullptr) pack_strips(shape, kernel, shape.inputs, weights.input);
  if (kernel != nullptr && weights.input_back != nullptr)
    pack_transposed(shape, kernel, shape.inputs, weights.input_back);
  if (weights.recurrent != nullptr) pack_strips(shape, recurrent_kernel, shape.units, weights.recurrent);
  if (weights.recurrent_back != nullptr)
    pack_transposed(shape, recurrent_kernel, shape.units, weights.recurrent_back);
  if (weights.bias != nullptr) pack_bias(shape, bias, weights.bias);
}

// `Width` vectors of one gate of one row of the table's gradient
template <int Width>
inline void gather_sums(const RecurrentScatter& s, int begin, int end, ptrdiff_t slot, float* out,
                        int count) {
  vf sums[Width] = {};
  for (int n = begin; n < end; ++n) {
    const float* slots = s.slots + s.places[n] * s.shape.slot_row + slot;
    if (slot == 0) prefetch(s.slots + s.places[n + SCATTER_AHEAD] * s.shape.slot_row, s.shape.slot_row);
#pragma GCC unroll 4
    for (int v = 0; v < Width; ++v) sums[v] += load(slots + v * LANES);
  }
#pragma GCC unroll 4
  for (int v = 0; v < Width; ++v) store_part(out + v * LANES, sums[v], count - v * LANES);
}

void scatter(const RecurrentScatter& s, int first, int last) {
  const RecurrentShape& shape = s.shape;
  for (int u = first; u < last; ++u)
    for (int g = 0; g < shape.gates; ++g) {
      const ptrdiff_t slot = (shape.cell == Cell::gru_reset_after && g == 2 ? 3 : g) * shape.unit_row;
      float* out = s.dtable + (ptrdiff_t{u} * shape.gates + g) * shape.units;
      int i = 0;
      for (; i + 4 * LANES <= shape.unit_row; i += 4 * LANES)
        gather_sums<4>(s, s.offsets[u], s.offsets[u + 1], slot + i, out + i, shape.units - i);
      for (; i < shape.unit_row; i += LANES)
        gather_sums<1>(s, s.offsets[u], s.offsets[u + 1], slot + i, out + i, shape.units - i);
    }
}

}  // namespace

extern const RecurrentKernels recurrent_kernels_table;
const RecurrentKernels recurrent_kernels_table = {LANES, pack, forward, backward, scatter};

}  // namespace seqconv::SEQCONV_ISA
