// y[i] = max of x[i + j * stride] for j < steps, over rows [T, C]. With rows cut into blocks of a window's length,
// every window ends in the block after the one in which it begins, so its maximum is the larger of one over the end of
// the first block and one over the beginning of the second: three comparisons a value, however long the window.
//
// Reference: van Herk, A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels,
// Pattern Recognition Letters 13(7), 1992.
#include "kernels/sliding.hpp"

#include "simd.hpp"

namespace seqconv::SEQCONV_ISA {
namespace {

inline float largest(float a, float b) { return ((b > a) | (b != b)) ? b : a; }

// out[i] = the larger of a[i] and b[i]
void compare(const float* a, const float* b, ptrdiff_t count, float* out) {
  ptrdiff_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const vf one = load(a + i), two = load(b + i);
    store(out + i, select((two > one) | (two != two), two, one));
  }
  for (; i < count; ++i) out[i] = largest(a[i], b[i]);
}

void slide_block(const Slide& slide, int64_t block, float* scratch) {
  const ptrdiff_t next = slide.next, begin = block * slide.steps * next, left = slide.size - begin;
  const ptrdiff_t size = left < slide.steps * next ? left : slide.steps * next;
  const float *x = slide.x + begin, *behind = x + size;
  float* y = slide.y + begin;
  // from each value to the end of the block
  for (ptrdiff_t to = size; to > 0; to -= next) {
    const ptrdiff_t from = to > next ? to - next : 0;
    if (to == size) __builtin_memcpy(y + from, x + from, sizeof(float) * (to - from));
    else compare(x + from, y + from + next, to - from, y + from);
  }
  // and from the next block's begin to the end of each window
  const float* before = behind;
  for (int step = 0; step < slide.steps - 1; ++step, behind += next) {
    if (step > 0) {
      compare(before, behind, next, scratch);
      before = scratch;
    }
    const ptrdiff_t at = size - (slide.steps - 1 - step) * next, skipped = at < 0 ? -at : 0;
    if (skipped < next) compare(y + at + skipped, before + skipped, next - skipped, y + at + skipped);
  }
}

}  // namespace

extern const SlidingKernels sliding_kernels_table;
const SlidingKernels sliding_kernels_table = {slide_block};

}  // namespace seqconv::SEQCONV_ISA
