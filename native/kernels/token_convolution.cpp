#include "token_convolution.hpp"

#include "convolution_tiles.hpp"
#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

constexpr int AHEAD = 8;         // steps between fetching a token's rows into cache and adding them

int measure_run(const int32_t* ids, int length, int rows) {
  uint32_t highest = 0;
  for (int i = 0; i < length; ++i) {
    const uint32_t id = static_cast<uint32_t>(ids[i]);  // a negative one becomes larger than any row
    highest = id > highest ? id : highest;
  }
  if (highest >= static_cast<uint32_t>(rows)) return -1;
  int run = 0;
  while (run + LANES <= length) {
    const vi differs = load(ids + run) != splat(ids[0]);
    int32_t any = 0;
    for (int i = 0; i < LANES; ++i) any |= differs[i];
    if (any != 0) break;
    run += LANES;
  }
  while (run < length && ids[run] == ids[0]) ++run;
  return run;
}

// Where an example's leading run makes neighbours equal: steps [first, last), groups [first_group, last_group)
struct Constant {
  int first, last, first_group, last_group;
  Constant(const ConvShape& shape, int run) {
    first = shape.left_pad;
    last = most(first + run - (shape.kernel - 1) * shape.dilation, first);
    first_group = least((first + shape.group - 1) / shape.group, shape.groups);
    last_group = most(least(last / shape.group, shape.groups), first_group);
  }
};

// Taps of a step that fall into the left padding: the first ones
int padded_taps(const ConvShape& shape, int step) {
  return step >= shape.left_pad ? 0 : least((shape.left_pad - step - 1) / shape.dilation + 1, shape.kernel);
}

// Rows of the table, V vectors of each. Narrow: there are fewer filters than a vector has lanes, so that the last rows
// are read from a copy, not to reach behind the table.
template <int V, bool Narrow>
struct Lookup {
  const ConvShape& shape;
  const float* table;
  const float* last_rows = nullptr;
  vf bias[V];
  float copy[2 * LANES] = {};

  Lookup(const TokenForward& job, int filter) : shape(job.layer.shape), table(job.table + filter) {
    for (int v = 0; v < V; ++v) bias[v] = load_part(job.bias + filter + v * LANES, shape.filters - filter - v * LANES);
    if (!Narrow) return;
    const ptrdiff_t size = ptrdiff_t{job.layer.rows} * shape.kernel * shape.filters, kept = size < LANES ? size : LANES;
    last_rows = job.table + size - kept;
    for (int i = 0; i < kept; ++i) copy[i] = last_rows[i];
  }

  inline const float* find(ptrdiff_t id, int tap) const {
    const float* row = table + (id * shape.kernel + tap) * shape.filters;
    return Narrow && row >= last_rows ? copy + (row - last_rows) : row;
  }

  inline void add_up(const int32_t* ids, int step, vf (&sum)[V]) const {
    const int first = step - shape.left_pad;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = bias[v];
    for (int k = padded_taps(shape, step); k < shape.kernel; ++k) {
      const float* row = find(ids[first + k * shape.dilation], k);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[v] += load(row + v * LANES);
    }
  }

  // a token is first needed by the last tap, and its rows lie anywhere in the table
  inline void fetch(const int32_t* ids, int step) const {
    const int place = step - shape.left_pad + (shape.kernel - 1) * shape.dilation + AHEAD;
    if (place >= shape.length) return;
    const float* row = table + ptrdiff_t{ids[place]} * shape.kernel * shape.filters;
    for (int k = 0; k < shape.kernel; ++k, row += shape.filters)
      for (int i = 0; i < V * LANES; i += TOKEN_FILTERS) __builtin_prefetch(row + i);
  }
};

template <int V, bool Narrow>
void look_up(const TokenForward& job, int example, int filter) {
  const ConvShape& shape = job.layer.shape;
  const Lookup<V, Narrow> lookup(job, filter);
  const Constant constant(shape, job.layer.runs[example]);
  const int32_t* ids = job.layer.ids + ptrdiff_t{example} * shape.length;
  const ptrdiff_t from = ptrdiff_t{example} * shape.groups * shape.filters + filter;
  int32_t* arg = job.arg == nullptr ? nullptr : job.arg + from;
  Pooling<V> pooling{job.y + from, arg, shape.filters, shape.filters - filter, shape.relu};
  for (int group = 0; group < shape.groups; ++group) {
    // groups inside the constant part repeat its first one, which the running maximum still holds
    const bool repeats = group > constant.first_group && group < constant.last_group;
    const int begin = group * shape.group, end = repeats ? begin : begin + shape.group;
    for (int step = begin; step < end;) {
      vf sum[V];
      lookup.fetch(ids, step);
      lookup.add_up(ids, step, sum);
      pooling.add(sum, step - begin);
      step = step >= constant.first && step < constant.last ? constant.last : step + 1;
    }
    pooling.write();
  }
}

void forward(const TokenForward& job, int first_example, int last_example) {
  const int filters = job.layer.shape.filters, whole = filters / LANES * LANES;
  for (int example = first_example; example < last_example; ++example) {
    int filter = 0;
    for (; filter + 4 * LANES <= filters; filter += 4 * LANES) look_up<4, false>(job, example, filter);
    for (; filter + 2 * LANES <= filters; filter += 2 * LANES) look_up<2, false>(job, example, filter);
    for (; filter + LANES <= filters; filter += LANES) look_up<1, false>(job, example, filter);
    if (whole == 0) look_up<1, true>(job, example, 0);
    else if (whole < filters) look_up<1, false>(job, example, filters - LANES);  // overlaps: the same values again
  }
}

// ---- Backward: a task owns some filters and taps of every row

struct Share {
  const TokenGradient& job;
  const TokenShare& part;
  int width;  // filters
  const int32_t* ids;  // of the example at hand
  const float *y, *dy;
  const int32_t* arg;

  Share(const TokenGradient& gradient, const TokenShare& own)
      : job(gradient), part(own), width(own.last_filter - own.first_filter) {}

  void move_to(int example) {
    const ConvShape& shape = job.layer.shape;
    const ptrdiff_t from = ptrdiff_t{example} * shape.groups * shape.filters + part.first_filter;
    ids = job.layer.ids + ptrdiff_t{example} * shape.length;
    y = job.y + from;
    dy = job.dy + from;
    arg = job.arg == nullptr ? nullptr : job.arg + from;
  }

  float* find(ptrdiff_t id, int tap) const {
    const ConvShape& shape = job.layer.shape;
    return job.dtable + (id * shape.kernel + tap) * shape.filters + part.first_filter;
  }

  // a NaN output passes its gradient on, so that it shows
  float passed(ptrdiff_t i) const { return job.layer.shape.relu && y[i] <= 0 ? 0 : dy[i]; }
};

// Sum of the gradients of groups [first, last), which all fell on the same id: to its rows, once
void add_constant(const Share& share, int first, int last, float* totals) {
  float sum[TOKEN_FILTERS] = {};
  const ConvShape& shape = share.job.layer.shape;
  for (int group = first; group < last; ++group)
    for (int o = 0; o < share.width; ++o) sum[o] += share.passed(ptrdiff_t{group} * shape.filters + o);
  for (int o = 0; o < share.width; ++o) totals[o] += sum[o];
  for (int k = share.part.first_tap; k < share.part.last_tap; ++k)
    for (int o = 0; o < share.width; ++o) share.find(share.ids[0], k)[o] += sum[o];
}

// Groups [first, last), winner by winner
bool add_winners(const Share& share, int first, int last, float* totals) {
  const ConvShape& shape = share.job.layer.shape;
  for (int group = first; group < last; ++group)
    for (int o = 0; o < share.width; ++o) {
      const ptrdiff_t i = ptrdiff_t{group} * shape.filters + o;
      const int place = share.arg == nullptr ? 0 : share.arg[i];
      if (place < 0 || place >= shape.group) return false;
      const float value = share.passed(i);
      totals[o] += value;
      const int step = group * shape.group + place;
      for (int k = most(share.part.first_tap, padded_taps(shape, step)); k < share.part.last_tap; ++k)
        share.find(share.ids[step - shape.left_pad + k * shape.dilation], k)[o] += value;
    }
  return true;
}

// The gradient of every step of groups [first, last), as rows of TOKEN_FILTERS floats; false: an arg is wrong
bool spread_steps(const Share& share, int first, int last, float* rows, float* totals) {
  constexpr int V = TOKEN_FILTERS / LANES;
  const ConvShape& shape = share.job.layer.shape;
  vf total[V];
  vi wrong = {};
  for (int v = 0; v < V; ++v) total[v] = load(totals + v * LANES);
  for (int group = first; group < last; ++group)
    for (int v = 0; v < V; ++v) {
      const ptrdiff_t i = ptrdiff_t{group} * shape.filters + v * LANES;
      const vi place = share.arg == nullptr ? vi{} : load(share.arg + i);
      vf value = load(share.dy + i);
      if (shape.relu) value = select(load(share.y + i) <= vf{}, vf{}, value);
      total[v] += value;
      wrong |= (place < 0) | (place >= shape.group);
      float* row = rows + ptrdiff_t{group - first} * shape.group * TOKEN_FILTERS + v * LANES;
      for (int step = 0; step < shape.group; ++step, row += TOKEN_FILTERS)
        store(row, select(place == step, value, vf{}));
    }
  for (int v = 0; v < V; ++v) store(totals + v * LANES, total[v]);
  int32_t any = 0;
  for (int i = 0; i < LANES; ++i) any |= wrong[i];
  return any == 0;
}

// Groups [first, last) token by token: its rows take the gradients of the steps that saw it, found without any search
bool add_steps(const Share& share, int first, int last, float* totals) {
  const ConvShape& shape = share.job.layer.shape;
  const TokenShare& part = share.part;
  const int reach = (shape.kernel - 1) * shape.dilation, begin = first * shape.group, end = last * shape.group;
  const ptrdiff_t margin = ptrdiff_t{reach} * TOKEN_FILTERS, behind = ptrdiff_t{end - begin} * TOKEN_FILTERS + margin;
  __builtin_memset(part.scratch, 0, sizeof(float) * margin);
  __builtin_memset(part.scratch + behind, 0, sizeof(float) * margin);
  if (!spread_steps(share, first, last, part.scratch + margin, totals)) return false;
  const int past = least(end - shape.left_pad + reach, shape.length);
  for (int place = most(begin - shape.left_pad, 0); place < past; ++place) {
    const int step = place + shape.left_pad - part.first_tap * shape.dilation;  // that saw it with the first tap
    const float* from = part.scratch + margin + ptrdiff_t{step - begin} * TOKEN_FILTERS;
    float* row = share.find(share.ids[place], part.first_tap);
    float* ahead = share.find(share.ids[least(place + AHEAD, shape.length - 1)], part.first_tap);
    for (int k = part.first_tap; k < part.last_tap; ++k) {
      __builtin_prefetch(ahead, 1);
      for (int v = 0; v < TOKEN_FILTERS; v += LANES) store(row + v, load(row + v) + load(from + v));
      from -= shape.dilation * TOKEN_FILTERS;
      row += shape.filters;
      ahead += shape.filters;
    }
  }
  return true;
}

bool gradient(const TokenGradient& job, const TokenShare& part) {
  const TokenConv& layer = job.layer;
  const ConvShape& shape = layer.shape;
  Share share(job, part);
  for (int id = 0; id < layer.rows; ++id)
    for (int k = part.first_tap; k < part.last_tap; ++k)
      for (int o = 0; o < share.width; ++o) share.find(id, k)[o] = 0;
  float totals[TOKEN_FILTERS] = {};
  const bool whole = share.width == TOKEN_FILTERS && shape.group <= TOKEN_WHOLE_GROUP;
  const int block = whole ? TOKEN_STEPS / shape.group : shape.groups;
  for (int example = 0; example < shape.examples; ++example) {
    const Constant constant(shape, layer.runs[example]);
    share.move_to(example);
    add_constant(share, constant.first_group, constant.last_group, totals);
    for (int first = 0, last; first < shape.groups; first = last) {
      if (first == constant.first_group) first = constant.last_group;
      last = least(first + block, first < constant.first_group ? constant.first_group : shape.groups);
      if (!(whole ? add_steps : add_winners)(share, first, last, totals)) return false;
    }
  }
  for (int o = 0; o < share.width && part.first_tap == 0; ++o) job.dbias[part.first_filter + o] = totals[o];
  return true;
}

}  // namespace

extern const TokenKernels token_kernels_table;
const TokenKernels token_kernels_table = {measure_run, forward, gradient};

}  // namespace seqconv::SEQCONV_ISA
