// Dropout masks from the numbers that numpy's generator would draw: PCG64 can jump ahead, so all threads draw at once.
// Reference: O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
// Generation" (XSL RR 128/64); Brown 1994, "Random number generation with arbitrary strides".
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "convolution_checks.hpp"
#include "parallel.hpp"

namespace seqconv {
namespace {

using Wide = unsigned __int128;
using Words = nb::ndarray<nb::numpy, uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr int64_t TASK_VALUES = 1 << 14;  // about 15 us, of which the jump behind them takes 0.1; even
constexpr int64_t BLOCK = 256;           // outputs that wait in the first cache to become floats
constexpr int STREAMS = 4;               // interleaved: one would wait for its own multiplication

Wide join(uint64_t high, uint64_t low) { return Wide{high} << 64 | low; }

// What a number of the generator's steps does to its state
struct Jump {
  Wide factor, offset;
  Wide operator()(Wide state) const { return state * factor + offset; }
};

Jump make_jump(Wide increment, int64_t steps) {
  Jump whole = {1, 0}, part = {join(0x2360ed051fc65da4, 0x4385df649fccf645), increment};
  for (; steps > 0; steps >>= 1) {
    if (steps & 1) whole = {whole.factor * part.factor, part(whole.offset)};
    part = {part.factor * part.factor, part(part.offset)};
  }
  return whole;
}

inline uint64_t scramble(Wide state) {
  const uint64_t high = static_cast<uint64_t>(state >> 64), mixed = high ^ static_cast<uint64_t>(state);
  const int turn = static_cast<int>(high >> 58);
  return mixed >> turn | mixed << (-turn & 63);
}

// A float of numpy's is the upper 24 bits of half an output, over 2^24: as exact as comparing the bits
struct Rule {
  int32_t threshold;
  float kept;
  explicit Rule(double rate)
      : threshold(static_cast<int32_t>(std::ceil(static_cast<float>(rate) * 0x1p24f))),
        kept(static_cast<float>(1 / (1 - rate))) {}
  float operator()(uint32_t half) const { return static_cast<int32_t>(half >> 8) >= threshold ? kept : 0.0f; }
};

struct Generator {
  Wide state, increment;
  bool left_over;  // half an output
  uint32_t half;
};

// Values of one mask, from the outputs that follow `state`, two of each, its lower half first
struct Task {
  Wide state;
  Rule rule;
  int64_t count;
  float* to;
};

void run_task(const Task& task, Wide increment) {
  const Jump step = make_jump(increment, 1), stride = make_jump(increment, STREAMS);
  const Rule rule = task.rule;  // a copy, which stores of floats cannot change
  Wide streams[STREAMS], state = task.state;
  for (Wide& stream : streams) stream = state = step(state);
  uint32_t halves[2 * BLOCK];
  for (int64_t done = 0; done < task.count; done += 2 * BLOCK) {
    for (int64_t i = 0; i < 2 * BLOCK; i += 2 * STREAMS)
      for (int s = 0; s < STREAMS; ++s) {
        const uint64_t output = scramble(streams[s]);
        halves[i + 2 * s] = static_cast<uint32_t>(output);
        halves[i + 2 * s + 1] = static_cast<uint32_t>(output >> 32);
        streams[s] = stride(streams[s]);
      }
    const int64_t size = std::min(2 * BLOCK, task.count - done);
    float* const to = task.to + done;
    for (int64_t i = 0; i < size; ++i) to[i] = rule(halves[i]);
  }
}

// What a mask of `count` values at `to` leaves to do; the generator goes on as if it were done
void add_tasks(Generator& generator, const Rule& rule, int64_t count, float* to, std::vector<Task>& tasks) {
  if (count > 0 && generator.left_over) {
    *to++ = rule(generator.half);
    --count;
    generator.left_over = false;
  }
  while (count > 0) {
    const int64_t size = std::min(count, TASK_VALUES);
    tasks.push_back({generator.state, rule, size, to});
    generator.state = make_jump(generator.increment, (size + 1) / 2)(generator.state);
    generator.left_over = size % 2 == 1;
    generator.half = static_cast<uint32_t>(scramble(generator.state) >> 32);
    count -= size;
    to += size;
  }
}

Generator read_generator(const Words& words) {
  check_shape("generator", words, {6});
  if (words(4) > 1 || words(5) > UINT32_MAX)
    refuse("generator: must end in 0 or 1 and 32 bits; got " + std::to_string(words(4)) + " and " +
           std::to_string(words(5)));
  return {join(words(0), words(1)), join(words(2), words(3)), words(4) == 1, static_cast<uint32_t>(words(5))};
}

// One call for all masks of a step: threads that wait for each other after every one lose time
void draw_masks(const Words& words, const std::vector<double>& rates, const std::vector<AnyFloats>& masks, int threads) {
  check_at_least("threads", threads, 1);
  Generator generator = read_generator(words);
  if (rates.size() != masks.size())
    refuse("rates: must be as many as masks, " + std::to_string(masks.size()) + "; got " +
           std::to_string(rates.size()));
  for (const double rate : rates) check_fraction("rates", rate);
  std::vector<Task> tasks;
  for (size_t i = 0; i < masks.size(); ++i)
    add_tasks(generator, Rule(rates[i]), static_cast<int64_t>(masks[i].size()), masks[i].data(), tasks);
  words(0) = static_cast<uint64_t>(generator.state >> 64);
  words(1) = static_cast<uint64_t>(generator.state);
  words(4) = generator.left_over;
  words(5) = generator.half;
  nb::gil_scoped_release unlocked;
  parallel_for(static_cast<int>(tasks.size()), threads, [&](int i) { run_task(tasks[i], generator.increment); });
}

}  // namespace

void bind_masks(nb::module_& m) {
  m.def("draw_masks", &draw_masks, nb::arg("generator").noconvert(), nb::arg("rates"), nb::arg("masks").noconvert(),
        nb::arg("threads"),
        "Each value of a mask 0 with probability `rate`, else 1 / (1 - rate), as the numbers of numpy's PCG64 fall. "
        "`generator`, uint64 [6], is its state and goes on: state and increment, the higher word of each first, "
        "whether half an output is left over, and that half.");
}

}  // namespace seqconv
