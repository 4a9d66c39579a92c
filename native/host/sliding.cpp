#include "host/sliding.hpp"

#include "host/memory.hpp"
#include "host/parallel.hpp"
#include "kernels/sliding.hpp"

namespace seqconv {

void run_sliding_maximum(const SlidingMaximum& job, int threads) {
  const Slide slide = {job.x, job.y, job.stride * job.channels, job.kept * job.channels, static_cast<int>(job.steps)};
  const int64_t size = Pieces::rounded(slide.next), blocks = (job.kept - 1) / (job.steps * job.stride) + 1;
  Pieces pieces(count_workers(blocks, threads) * size);
  float* scratch = pieces.take(count_workers(blocks, threads) * size);
  parallel_for_workers(static_cast<int>(blocks), threads, [&](int block, int worker) {
    sliding_kernels().block(slide, block, scratch + worker * size);
  });
}

}  // namespace seqconv
