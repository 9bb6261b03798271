#include "disk_thread.h"

namespace isobar::db {

DiskThread::DiskThread(VoteLog log, net::Loop& loop, std::function<void(const Error&)> failed)
    : log_(std::move(log)), loop_(loop), failed_(std::move(failed)), thread_([this] { serve(); }) {}

DiskThread::~DiskThread() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void DiskThread::write(std::vector<std::string> records, std::function<void()> durable) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back({std::move(records), std::move(durable)});
  }
  changed_.notify_one();
}

void DiskThread::serve() {
  for (;;) {
    std::deque<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      jobs.swap(jobs_);
    }
    std::vector<std::string> records;
    for (auto& job : jobs) std::move(job.records.begin(), job.records.end(), std::back_inserter(records));
    const Status written = records.empty() ? Status() : log_.append(records);
    if (!written.ok()) {
      loop_.post([this, why = written.error()] { failed_(why); });
      return;
    }
    loop_.post([jobs = std::move(jobs)] {
      for (const auto& job : jobs) job.durable();
    });
  }
}

}  // namespace isobar::db
