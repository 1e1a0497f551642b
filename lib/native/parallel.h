/**
 * Threads of our own: TensorFlow's C API gives a kernel no access to TensorFlow's. `parallel_for`
 * hands out tasks one by one, so which thread does a task is left to chance; a task must write what
 * no other task writes, then the result does not depend on it.
 */
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>

namespace freekd {

class Pool {
 public:
  /** Never destroyed: its threads may still wait when the process ends. */
  static Pool& shared() {
    static Pool* pool = new Pool(wanted());
    return *pool;
  }

  /**
   * Runs `task(i)` for i = 0 .. count - 1, on the calling thread too. A call while another one is
   * at work runs on its own thread alone.
   */
  void run(int64_t count, const std::function<void(int64_t)>& task) {
    std::unique_lock<std::mutex> alone(busy_, std::try_to_lock);
    if (count <= 1 || helpers_ == 0 || !alone.owns_lock()) {
      for (int64_t i = 0; i < count; i++) task(i);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      task_ = &task;
      count_ = count;
      next_ = 0;
      failure_ = nullptr;
      working_ = helpers_;
      round_++;
    }
    wake_.notify_all();
    work();
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return working_ == 0; });
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  explicit Pool(int threads) {
    try {
      for (; helpers_ < threads - 1; helpers_++) std::thread([this] { help(); }).detach();
    } catch (const std::system_error&) {
      // The system gives no more threads: those that started will do.
    }
  }

  /** TensorFlow's own variable, or the number of processors. */
  static int wanted() {
    const char* set = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int number = set ? std::atoi(set) : 0;
    return std::max(1, number > 0 ? number : static_cast<int>(std::thread::hardware_concurrency()));
  }

  /** Takes tasks until there are none; the first exception is kept for the caller. */
  void work() {
    try {
      for (int64_t i = next_++; i < count_; i = next_++) (*task_)(i);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void help() {
    for (uint64_t seen = 0;;) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return round_ != seen; });
        seen = round_;
      }
      work();
      std::lock_guard<std::mutex> lock(mutex_);
      if (--working_ == 0) done_.notify_one();
    }
  }

  int helpers_ = 0;
  std::mutex busy_, mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t)>* task_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_{0};
  int working_ = 0;
  uint64_t round_ = 0;
  std::exception_ptr failure_;
};

inline void parallel_for(int64_t count, const std::function<void(int64_t)>& task) { Pool::shared().run(count, task); }

}  // namespace freekd
