#include "host/parallel.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define SEQCONV_FORKS
#endif

namespace seqconv {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

// A thread that waits spins for so long before it sleeps, where spinning helped the last time: between the calls of a
// training step it stays awake, and a busy neighbour gets its core soon
constexpr nanoseconds SPIN{20'000};
// Work that one thread would finish in less than this wakes nobody
constexpr nanoseconds WORTH_WAKING{10'000};

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Ready>
bool spin_until(nanoseconds longest, Ready&& ready) {
  const Clock::time_point begin = Clock::now();
  do {
    for (int round = 0; round < 16; ++round) {
      if (ready()) return true;
      pause();
    }
  } while (Clock::now() - begin < longest);
  return ready();
}

// How one thread waits. Where spinning was in vain, it is left out the next time; in vain again, the next three times,
// and so on up to 63: on a busy machine, the thread that is waited for often waits for this very core.
class Patience {
 public:
  template <class Ready>
  bool wait(Ready&& ready) {
    if (left_out_ > 0) {
      --left_out_;
      return ready();
    }
    if (spin_until(SPIN, ready)) {
      in_vain_ = 0;
      return true;
    }
    in_vain_ = std::min(in_vain_ + 1, 6);
    left_out_ = (1 << in_vain_) - 1;
    return false;
  }

 private:
  int in_vain_ = 0, left_out_ = 0;
};
thread_local Patience patience;

// One call. It lives on its caller's stack, which waits until no worker is in it.
struct Job {
  Job(int tasks, int workers, void (*body)(void*, int, int), void* context)
      : tasks(tasks), workers(workers), body(body), context(context) {}

  const int tasks, workers;
  void (*const body)(void* context, int task, int worker);
  void* const context;
  Job* following = nullptr;    // the three below are under the pool's lock
  int joined = 1;              // workers that have taken part, the caller among them
  std::exception_ptr failure;
  alignas(64) std::atomic<int> next{0};     // the first task that has not begun
  alignas(64) std::atomic<int> helping{0};  // workers in it, without the caller; changed under the pool's lock

  bool open() const { return joined < workers && next.load(std::memory_order_relaxed) < tasks; }
};

thread_local bool inside = false;  // a body: what it calls runs on its thread alone

// Threads made once, asleep while nothing is to be done. A call is open to them as soon as it begins, but its caller
// wakes sleepers only where the first task has shown, last time or this time, that the rest is worth it, and waits at
// the end only for workers that have begun a task: a thread that a busy machine keeps from running delays nobody.
// Callers at the same time count as workers of each other, so that all together are no more than one call's `workers`.
class Pool {
 public:
  void run(Job& job, UsualCost& usual) {
    open(job);
    const bool woken = nanoseconds(usual.load(std::memory_order_relaxed)) * (job.tasks - 1) > WORTH_WAKING;
    if (woken) wake(job);
    const Clock::time_point begin = Clock::now();
    const int task = job.next.fetch_add(1);
    if (task < job.tasks) work_one(job, task, 0);
    const nanoseconds cost = Clock::now() - begin;
    if (task == 0) usual.store(cost.count(), std::memory_order_relaxed);
    if (!woken && cost * (job.tasks - 1) > WORTH_WAKING) wake(job);
    work(job, 0);
    close(job);
    if (job.failure) std::rethrow_exception(job.failure);
  }

 private:
  void open(Job& job) {
    const std::lock_guard<std::mutex> lock(mutex_);
    job.following = jobs_;
    jobs_ = &job;
    ++callers_;
    version_.fetch_add(1);
  }

  void wake(Job& job) {
    int wanted;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      start(job.workers - callers_);
      wanted = std::min(job.workers - job.joined - (callers_ - 1), asleep_);
    }
    for (; wanted > 0; --wanted) awake_.notify_one();
  }

  // Where the system gives no more threads, fewer work
  void start(int count) {
    for (; started_ < count; ++started_) {
      try {
        std::thread([this] { live(); }).detach();
      } catch (const std::system_error&) {
        return;
      }
    }
  }

  void close(Job& job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      --callers_;
      Job** place = &jobs_;
      while (*place != &job) place = &(*place)->following;
      *place = job.following;
    }
    if (patience.wait([&] { return job.helping.load() == 0; })) return;
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return job.helping.load() == 0; });
  }

  void work_one(Job& job, int task, int worker) {
    inside = true;
    try {
      job.body(job.context, task, worker);
    } catch (...) {
      job.next = job.tasks;
      const std::lock_guard<std::mutex> lock(mutex_);
      job.failure = std::current_exception();
    }
    inside = false;
  }

  void work(Job& job, int worker) {
    for (int task = job.next.fetch_add(1); task < job.tasks; task = job.next.fetch_add(1)) work_one(job, task, worker);
  }

  // A worker thread
  void live() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      Job* job = jobs_;
      while (job != nullptr && !job->open()) job = job->following;
      if (job != nullptr) {
        const int worker = job->joined++;
        job->helping.fetch_add(1);
        lock.unlock();
        work(*job, worker);
        lock.lock();
        job->helping.fetch_sub(1);
        done_.notify_all();
        continue;
      }
      const uint64_t seen = version_.load();
      lock.unlock();
      patience.wait([&] { return version_.load(std::memory_order_relaxed) != seen; });
      lock.lock();
      if (version_.load() != seen) continue;
      ++asleep_;
      awake_.wait(lock);
      --asleep_;
    }
  }

  std::mutex mutex_;
  std::condition_variable awake_, done_;
  Job* jobs_ = nullptr;
  int started_ = 0, asleep_ = 0, callers_ = 0;
  alignas(64) std::atomic<uint64_t> version_{0};
};

// Never destroyed: its threads sleep on it until the process ends. A child after fork has none of them, and whatever
// the parent's other threads held is held for ever there: it begins with a new pool in the same place.
alignas(Pool) unsigned char memory[sizeof(Pool)];

Pool* make_pool() {
#ifdef SEQCONV_FORKS
  pthread_atfork(nullptr, nullptr, [] { new (memory) Pool; });
#endif
  return new (memory) Pool;
}

Pool& pool = *make_pool();

}  // namespace

void run_tasks(int tasks, int workers, void (*body)(void*, int, int), void* context, UsualCost& usual) {
  if (inside) {
    for (int task = 0; task < tasks; ++task) body(context, task, 0);
    return;
  }
  Job job(tasks, workers, body, context);
  pool.run(job, usual);
}

}  // namespace seqconv
