#include "commit_queue.h"

#include <fmt/format.h>

namespace isobar::features {

CommitQueue::CommitQueue(const StoreConfig& config, Write write)
    : delay_(config.group_delay.value),
      group_bytes_(config.group_bytes.value.value),
      queue_bytes_(config.queue_bytes.value.value),
      write_(std::move(write)),
      thread_([this] { run(); }) {}

CommitQueue::~CommitQueue() {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<std::future<Result<Outcome>>> CommitQueue::push(Commit commit) {
  const std::size_t bytes = bytes_of(commit);
  std::future<Result<Outcome>> done;
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    // One that alone is more than the queue may hold goes in when nothing else waits, so that it is not refused for ever.
    if (!waiting_.empty() && bytes_ + bytes > queue_bytes_)
      return Error(Code::kExhausted, fmt::format("{} bytes of commits wait to be written, and no more may: hand it in again later", bytes_))
          .with_retry_after(std::max<Duration>(delay_, 1ms));
    const bool first = waiting_.empty(), was_full = bytes_ >= group_bytes_;
    if (first) deadline_ = std::chrono::steady_clock::now() + delay_;
    done = waiting_.emplace_back(PendingCommit{std::move(commit), {}, bytes}).done.get_future();
    bytes_ += bytes;
    wake = first || (!was_full && bytes_ >= group_bytes_);
  }
  if (wake) changed_.notify_one();
  return done;
}

std::vector<PendingCommit> CommitQueue::take() {
  const MutexLock lock(mutex_);
  while (waiting_.empty() && !closing_) changed_.wait(mutex_);
  while (!closing_ && bytes_ < group_bytes_ && std::chrono::steady_clock::now() < deadline_) changed_.wait_until(mutex_, deadline_);
  bytes_ = 0;
  return std::exchange(waiting_, {});
}

void CommitQueue::run() {
  for (auto group = take(); !group.empty(); group = take()) {
    auto outcomes = write_(group);
    CHECK(outcomes.size() == group.size(), outcomes.size(), group.size());
    for (std::size_t i = 0; i < group.size(); ++i) group[i].done.set_value(std::move(outcomes[i]));
  }
}

}  // namespace isobar::features
