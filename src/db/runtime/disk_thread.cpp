#include "disk_thread.h"

namespace isobar::db {

DiskThread::DiskThread(VoteSegments log, net::Loop& loop, std::function<void(const Error&)> failed)
    : log_(std::move(log)), loop_(loop), failed_(std::move(failed)), thread_([this] { serve(); }) {}

DiskThread::~DiskThread() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void DiskThread::write(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(std::move(job));
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
    const Status written = carry_out(jobs);
    if (!written.ok()) {
      loop_.post([this, why = written.error()] { failed_(why); });
      return;
    }
    loop_.post([jobs = std::move(jobs)] {
      for (const auto& job : jobs) job.durable();
    });
  }
}

Status DiskThread::carry_out(std::deque<Job>& jobs) {
  std::vector<VoteSegments::Record> records;
  for (auto& job : jobs) std::move(job.records.begin(), job.records.end(), std::back_inserter(records));
  if (!records.empty()) TRY(log_.append(records));
  for (const auto& job : jobs)
    if (!job.forgotten.empty()) TRY(log_.forget(job.forgotten));
  return {};
}

}  // namespace isobar::db
