#include "host/convolution_shape.hpp"

#include <algorithm>
#include <string>

#include "host/checks.hpp"
#include "host/memory.hpp"

namespace seqconv {

constexpr int64_t MAX_PADDING = int64_t{1} << 20;  // steps; more are no padding

ConvShape make_shape(const Extent& x, int64_t taps, int64_t filters, const Movement& movement) {
  const int64_t examples = x.examples, length = x.steps, channels = x.channels;
  check_at_least("examples", examples, 1);
  check_at_least("length", length, 1);
  check_at_least("kernel width", taps, 1);
  check_at_least("filters", filters, 1);
  check_at_least("dilation", movement.dilation, 1);
  check_at_least("left_pad", movement.left_pad, 0);
  check_at_least("pool", movement.pool, 0);
  if (movement.left_pad > MAX_PADDING)
    refuse("left_pad: must be at most 2^20; got " + std::to_string(movement.left_pad));
  const int64_t steps = length + movement.left_pad - (taps - 1) * movement.dilation;
  check_at_least("steps (length + left_pad - (kernel width - 1) * dilation)", steps, 1);
  const int64_t group = movement.pool == 0 ? steps : movement.pool, groups = steps / group;
  check_at_least(("steps of a pool of " + std::to_string(group)).c_str(), steps, group);
  // offsets inside one example and inside the kernel are 32-bit; the slack covers padding to whole vectors
  const int64_t rows = length + movement.left_pad, widest = std::max(channels, filters) + LINE;
  if (rows * widest > INT_LIMIT || taps * (channels + LINE) * filters > INT_LIMIT || groups * filters > INT_LIMIT ||
      examples > INT_LIMIT)
    refuse("convolution: an example and the kernel must have fewer than 2^31 values each; got length " +
           std::to_string(length) + ", " + std::to_string(channels) + " channels, " + std::to_string(filters) +
           " filters");
  const auto as_int = [](int64_t value) { return static_cast<int>(value); };
  return {as_int(examples), as_int(length),    as_int(channels),  as_int(taps),
          as_int(filters),  movement.dilation, movement.left_pad, movement.pool,
          as_int(group),    as_int(steps),     as_int(groups),    movement.relu};
}

}  // namespace seqconv
