// Work on several threads. It is cut into tasks by the caller, by shapes alone and never by the number of threads, so
// that results are the same bits on one thread or many.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>

namespace seqconv {

constexpr int MOST_WORKERS = 256;  // of one call, whatever number of threads it names

// How many workers run the tasks, at most
inline int count_workers(int64_t tasks, int threads) {
  return static_cast<int>(std::max<int64_t>(1, std::min<int64_t>({tasks, threads, MOST_WORKERS})));
}

// Nanoseconds that a first task took last time, at one place that calls; 0: not yet known
using UsualCost = std::atomic<int64_t>;

// As parallel_for_workers, for a body behind a pointer and at least two workers
void run_tasks(int tasks, int workers, void (*body)(void* context, int task, int worker), void* context,
               UsualCost& usual);

// Run body(task, worker) for every task in [0, tasks), by at most count_workers(tasks, threads) workers; returns when
// all are done. A worker, counted from 0, runs one task at a time and may keep scratch memory from one to the next;
// which tasks it gets varies from run to run. Tasks begin in ascending order: the longest belong early, but after the
// first, whose cost stands for the others' when sleepers may be woken. If a body throws, tasks that have not begun are
// left out, and one of the exceptions is thrown again here. A call inside a body runs on its thread alone.
template <class Body>
void parallel_for_workers(int tasks, int threads, Body&& body) {
  const int workers = count_workers(tasks, threads);
  if (workers == 1) {
    for (int task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  static UsualCost usual{0};  // one for each body, which is one place in the sources
  run_tasks(tasks, workers,
            [](void* context, int task, int worker) { (*static_cast<Plain*>(context))(task, worker); },
            const_cast<void*>(static_cast<const void*>(&body)), usual);
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
