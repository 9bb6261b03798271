#include "disk_workers.h"

namespace isobar::storage {

DiskWorkers::DiskWorkers(int count) {
  for (int i = 0; i < count; ++i) threads_.emplace_back([this] { serve(); });
}

DiskWorkers::~DiskWorkers() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void DiskWorkers::give(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void DiskWorkers::serve() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace isobar::storage
