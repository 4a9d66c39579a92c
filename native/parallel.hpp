// The one place that starts threads. Work is cut into tasks by the caller, by shapes alone and never by the number of
// threads, so that results are the same bits on one thread or many.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#ifdef SEQCONV_STD_THREADS  // thread sanitizer builds: it understands std::thread, not the OpenMP runtime's barriers
#include <thread>
#include <vector>
#else
#include <omp.h>
#endif

namespace seqconv {

// At most so many workers share the tasks
inline int count_workers(int64_t tasks, int threads) {
  return static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(tasks, threads)));
}

// Run body(task, worker) for every task in [0, tasks), on count_workers(tasks, threads) threads; returns when all are
// done. A worker, counted from 0, runs one task at a time and may keep scratch memory from one to the next; which
// tasks it gets is left to chance. The body must not throw.
template <class Body>
void parallel_for_workers(int tasks, int threads, Body&& body) {
  const int team = count_workers(tasks, threads);
  if (team == 1) {
    for (int task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
#ifdef SEQCONV_STD_THREADS
  std::atomic<int> next{0};
  std::vector<std::thread> workers;
  for (int worker = 0; worker < team; ++worker)
    workers.emplace_back([&, worker] {
      for (int task = next++; task < tasks; task = next++) body(task, worker);
    });
  for (auto& worker : workers) worker.join();
#else
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
  for (int task = 0; task < tasks; ++task) body(task, omp_get_thread_num());
#endif
}

// The same for a body(task)
template <class Body>
void parallel_for(int tasks, int threads, Body&& body) {
  parallel_for_workers(tasks, threads, [&](int task, int) { body(task); });
}

}  // namespace seqconv
