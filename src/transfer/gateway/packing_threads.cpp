#include "packing_threads.h"

#include <algorithm>

namespace isobar::transfer {

std::size_t PackingThreads::count_for_this_machine() { return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4); }

PackingThreads::~PackingThreads() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void PackingThreads::run(Job job) {
  const std::scoped_lock lock(mutex_);
  jobs_.push_back(std::move(job));
  if (idle_ < jobs_.size() && threads_.size() < most_) threads_.emplace_back([this] { work(); });
  changed_.notify_one();
}

void PackingThreads::work() {
  Compressor compressor;
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    --idle_;
    if (closing_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job(compressor);
    job = nullptr;  // what it holds goes before the next one waits
    lock.lock();
  }
}

}  // namespace isobar::transfer
