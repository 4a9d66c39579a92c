// The one place that starts threads. Work is cut into tasks by the caller, by shapes alone and never by the number of
// threads, so that results are the same bits on one thread or many.
#pragma once

#include <algorithm>
#include <atomic>

#ifdef SEQCONV_STD_THREADS  // thread sanitizer builds: it understands std::thread, not the OpenMP runtime's barriers
#include <thread>
#include <vector>
#else
#include <omp.h>
#endif

namespace seqconv {

// Run body(task) for every task in [0, tasks), on at most `threads` threads; returns when all are done.
// The body must not throw.
template <class Body>
void parallel_for(int tasks, int threads, Body&& body) {
  const int team = std::min(tasks, std::max(threads, 1));
  if (team <= 1) {
    for (int task = 0; task < tasks; ++task) body(task);
    return;
  }
#ifdef SEQCONV_STD_THREADS
  std::atomic<int> next{0};
  std::vector<std::thread> workers;
  for (int worker = 0; worker < team; ++worker)
    workers.emplace_back([&] {
      for (int task = next++; task < tasks; task = next++) body(task);
    });
  for (auto& worker : workers) worker.join();
#else
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
  for (int task = 0; task < tasks; ++task) body(task);
#endif
}

}  // namespace seqconv
