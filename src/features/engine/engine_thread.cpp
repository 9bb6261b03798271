#include "engine_thread.h"

#include <fmt/format.h>

namespace isobar::features {

EngineThread::EngineThread(std::size_t rows_most, Work work) : rows_most_(rows_most), work_(std::move(work)), thread_([this] { run(); }) {}

EngineThread::~EngineThread() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Status EngineThread::push(WaitingArrival arrival) {
  {
    const std::lock_guard lock(mutex_);
    // One that alone is more goes in when nothing else waits, so that it is not refused for ever.
    if (rows_ > 0 && rows_ + arrival.arrival.rows.size() > rows_most_)
      return Error(Code::kExhausted, fmt::format("{} rows wait to be taken in, and no more may: push them again later", rows_))
          .with_retry_after(100ms);
    rows_ += arrival.arrival.rows.size();
    waiting_.emplace_back(std::move(arrival));
  }
  changed_.notify_one();
  return {};
}

void EngineThread::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(task));
  }
  changed_.notify_one();
}

std::vector<EngineTask> EngineThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kTick, [this] { return closing_ || !waiting_.empty(); });
  rows_ = 0;
  return std::exchange(waiting_, {});
}

void EngineThread::run() {
  while (true) {
    auto tasks = wait();
    const bool idle = tasks.empty();
    std::vector<WaitingArrival> arrivals;
    const auto take_in = [&] {
      if (!arrivals.empty()) work_.take_in(std::exchange(arrivals, {}));
    };
    for (auto& task : tasks) {
      if (auto* arrival = std::get_if<WaitingArrival>(&task)) {
        arrivals.push_back(std::move(*arrival));
        continue;
      }
      take_in();
      std::get<std::function<void()>>(task)();
    }
    take_in();
    work_.now_and_then();
    if (!idle) continue;
    const std::lock_guard lock(mutex_);
    if (closing_ && waiting_.empty()) return;
  }
}

}  // namespace isobar::features
