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

// How many workers run the tasks, at most
inline int count_workers(int64_t tasks, int threads) {
  return static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(tasks, threads)));
}

// Run body(task, worker) for every task in [0, tasks), on count_workers(tasks, threads) threads; returns when all are
// done. A worker, counted from 0, runs one task at a time and may keep scratch memory from one to the next; which
// tasks it gets varies from run to run. The body must not throw.
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

inline int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// body(begin, end) over [0, count), cut into at most `parts` parts that are as equal as can be
template <class Body>
void parallel_parts(int64_t count, int64_t parts, int threads, Body&& body) {
  const int64_t tasks = std::min(count, parts);
  parallel_for(static_cast<int>(tasks), threads,
               [&](int task) { body(count * task / tasks, count * (task + 1) / tasks); });
}

// body(begin, end) over [0, count), cut into blocks of `block`, at least 1; the last may be shorter
template <class Body>
void parallel_blocks(int64_t count, int64_t block, int threads, Body&& body) {
  const int64_t size = std::max<int64_t>(1, block);
  parallel_for(static_cast<int>(ceil_divide(count, size)), threads,
               [&](int task) { body(task * size, std::min(count, (task + 1) * size)); });
}

}  // namespace seqconv
