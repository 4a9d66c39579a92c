// The pool of threads without Python: `test_pool.py` compiles and runs this, plainly or under a sanitizer. Ends with 0
// where all holds; else it says what does not.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "host/parallel.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace seqconv;

#define HOLDS(condition)                                              \
  if (!(condition)) {                                                 \
    std::fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
    std::_Exit(1);                                                    \
  }

// Long enough that other threads are woken to help
void work() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(20);
  while (std::chrono::steady_clock::now() < end) {
  }
}

// Every task runs once, and no worker runs two at a time
void each_task_once(int tasks, int threads) {
  const int workers = count_workers(tasks, threads);
  std::vector<int> runs(tasks, 0);  // a task belongs to one thread: a second one would be a race
  std::unique_ptr<std::atomic<bool>[]> taken(new std::atomic<bool>[workers]());
  parallel_for_workers(tasks, threads, [&](int task, int worker) {
    HOLDS(worker >= 0 && worker < workers);
    HOLDS(!taken[worker].exchange(true));
    ++runs[task];
    work();
    taken[worker] = false;
  });
  for (int count : runs) HOLDS(count == 1);
}

void thousands_of_small_calls() {
  int64_t sum = 0;
  for (int call = 0; call < 5000; ++call) {
    int64_t parts[4] = {};
    parallel_for(4, 3, [&](int task) {
      if (call % 8 == 0) work();
      parts[task] = task + call;
    });
    sum += parts[0] + parts[1] + parts[2] + parts[3];
  }
  HOLDS(sum == 5000LL * 6 + 4 * (5000LL * 4999 / 2));
}

void exceptions_reach_the_caller() {
  for (int wrong : {0, 1, 500, 999}) {
    std::string found;
    try {
      parallel_for(1000, 4, [&](int task) {
        if (task == wrong) throw std::runtime_error("task " + std::to_string(task));
      });
    } catch (const std::runtime_error& error) {
      found = error.what();
    }
    HOLDS(found == "task " + std::to_string(wrong));
    each_task_once(100, 4);  // the pool works on
  }
}

void exceptions_of_many_tasks_give_one() {
  std::atomic<int> begun{0};
  int caught = 0;
  try {
    parallel_for(100'000, 4, [&](int) {
      ++begun;
      throw 7;
    });
  } catch (int) {
    ++caught;
  }
  HOLDS(caught == 1 && begun <= 4);  // tasks that have not begun are left out
}

void calls_inside_a_task_run_on_its_thread() {
  std::atomic<int> sum{0};
  parallel_for(8, 4, [&](int) {
    const std::thread::id own = std::this_thread::get_id();
    parallel_for_workers(5, 4, [&](int task, int worker) {
      HOLDS(std::this_thread::get_id() == own && worker == 0);
      sum += task;
    });
  });
  HOLDS(sum == 8 * 10);
}

void callers_at_once() {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller)
    callers.emplace_back([] {
      for (int call = 0; call < 200; ++call) each_task_once(7, 4);
    });
  for (std::thread& caller : callers) caller.join();
}

// Two tasks, each on a thread of its own, that both wait until `go`; `both` tells when they have begun. Threads are
// asked for before the first task ends only where it took long the last time: the first of two calls shows that.
void hold_two_threads(std::atomic<bool>& both, const std::atomic<bool>& go) {
  std::atomic<int> begun{0};
  for (bool held : {false, true})
    parallel_for(2, 2, [&](int) {
      if (!held) return std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (++begun == 2) both = true;
      while (!go) std::this_thread::yield();
    });
}

// A thread that is held up in one call holds up no other
void no_call_waits_for_threads_of_another() {
  std::atomic<bool> both{false}, go{false};
  std::thread first([&] { hold_two_threads(both, go); });
  while (!both) std::this_thread::yield();
  for (int call = 0; call < 100; ++call) each_task_once(16, 2);
  go = true;
  first.join();
}

void a_child_has_new_threads() {
#if defined(__unix__) || defined(__APPLE__)
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<bool> both{false};
    hold_two_threads(both, both);
    thousands_of_small_calls();
    _exit(both ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  HOLDS(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
}

int main() {
  for (int threads : {1, 2, 3, 7, 1000})
    for (int tasks : {0, 1, 2, 5, 64}) each_task_once(tasks, threads);
  thousands_of_small_calls();
  exceptions_reach_the_caller();
  exceptions_of_many_tasks_give_one();
  calls_inside_a_task_run_on_its_thread();
  callers_at_once();
  no_call_waits_for_threads_of_another();
  a_child_has_new_threads();
  std::thread([] {  // still at work when the process ends
    while (true) each_task_once(5, 3);
  }).detach();
  thousands_of_small_calls();
}
