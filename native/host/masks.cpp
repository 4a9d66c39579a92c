// PCG64 can jump ahead, so that all threads draw at once.
//
// Reference: O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
// Generation, 2014 (XSL RR 128/64); Brown, Random number generation with arbitrary strides, 1994.
#include "host/masks.hpp"

#include <algorithm>
#include <cmath>

#include "host/parallel.hpp"

namespace seqconv {
namespace {

using Wide = unsigned __int128;

constexpr int64_t TASK_VALUES = 1 << 14;  // about 15 us, of which the jump to the next task takes 0.1; even
constexpr int64_t BLOCK = 256;            // outputs that wait in the first cache to become floats
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

}  // namespace

// One call for all masks of a step: threads that wait for each other after every mask lose time.
void draw_masks(uint64_t* words, const std::vector<Mask>& masks, int threads) {
  Generator generator = {join(words[0], words[1]), join(words[2], words[3]), words[4] == 1,
                         static_cast<uint32_t>(words[5])};
  std::vector<Task> tasks;
  for (const Mask& mask : masks) add_tasks(generator, Rule(mask.rate), mask.size, mask.values, tasks);
  words[0] = static_cast<uint64_t>(generator.state >> 64);
  words[1] = static_cast<uint64_t>(generator.state);
  words[4] = generator.left_over;
  words[5] = generator.half;
  parallel_for(static_cast<int>(tasks.size()), threads, [&](int i) { run_task(tasks[i], generator.increment); });
}

}  // namespace seqconv
