#include "store_thread.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace isobar::db {

namespace {
constexpr int kNice = 5;
}

StoreThread::StoreThread(Settled& settled, net::Loop& loop, Done done)
    : settled_(settled), loop_(loop), done_(std::move(done)), thread_([this] { serve(); }) {}

StoreThread::~StoreThread() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void StoreThread::apply(SettleBatch batch) {
  {
    const std::scoped_lock lock(mutex_);
    batch_ = std::move(batch);
  }
  changed_.notify_one();
}

void StoreThread::serve() {
  // Votes are waited for, and this is not. Where the system does not allow it, it goes on as it is.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
  for (;;) {
    std::optional<SettleBatch> batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || batch_; });
      if (ending_) return;
      batch.swap(batch_);
    }
    loop_.post([this, state = settled_.apply(*batch)] { done_(state); });
  }
}

}  // namespace isobar::db
