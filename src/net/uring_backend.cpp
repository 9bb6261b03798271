// io_uring: operations are queued in memory that the kernel shares, and one system call a turn submits and waits for all.

#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <unordered_set>

#include "loop_backend.h"

namespace isobar::net {

namespace {

class UringBackend final : public LoopBackend {
 public:
  ~UringBackend() override {
    if (open_) ::io_uring_queue_exit(&ring_);
    // The kernel has let go of them when the ring is gone.
    for (Operation* operation : running_) delete operation;
  }

  Status open() {
    // Completions are run by our own thread when it asks for them (6.1): no interrupts into the midst of our work. Older
    // kernels refuse the flags and get a plain ring.
    int failure =
        ::io_uring_queue_init(kEntries, &ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED);
    deferred_ = failure == 0;
    if (failure != 0) failure = ::io_uring_queue_init(kEntries, &ring_, 0);
    if (failure != 0) return unavailable(fmt::format("io_uring: {}", ::strerror(-failure)));
    open_ = true;
    wake_ = Fd(::eventfd(0, EFD_CLOEXEC));
    return wake_ ? Status() : Status(errno_error("make eventfd"));
  }

  void submit(std::unique_ptr<Operation> operation) override {
    enable();
    io_uring_sqe* entry = next_entry();
    switch (operation->kind) {
      case Operation::Kind::kReceive:
        ::io_uring_prep_recv(entry, operation->fd, operation->pieces[0].iov_base, operation->pieces[0].iov_len, 0);
        break;
      case Operation::Kind::kSend: ::io_uring_prep_sendmsg(entry, operation->fd, &operation->message, MSG_NOSIGNAL | MSG_WAITALL); break;
      case Operation::Kind::kConnect:
        ::io_uring_prep_connect(entry, operation->fd, operation->address.get(), operation->address.bytes);
        break;
      case Operation::Kind::kAccept: ::io_uring_prep_accept(entry, operation->fd, nullptr, nullptr, SOCK_CLOEXEC); break;
      case Operation::Kind::kReadable: ::io_uring_prep_poll_add(entry, operation->fd, POLLIN); break;
      case Operation::Kind::kWritable: ::io_uring_prep_poll_add(entry, operation->fd, POLLOUT); break;
    }
    Operation* raw = operation.release();
    running_.insert(raw);
    ::io_uring_sqe_set_data(entry, raw);
  }

  void wait(Duration patience, std::vector<Completion>& completed) override {
    enable();
    if (!waking_) watch_wake();
    io_uring_cqe* first = nullptr;
    if (patience < Duration(0)) {
      ::io_uring_submit_and_wait(&ring_, 1);
    } else {
      __kernel_timespec span{.tv_sec = patience / 1s, .tv_nsec = (patience % 1s).count()};
      ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &span, nullptr);
    }
    unsigned head = 0, seen = 0;
    io_uring_cqe* entry = nullptr;
    io_uring_for_each_cqe(&ring_, head, entry) {
      ++seen;
      auto* operation = static_cast<Operation*>(::io_uring_cqe_get_data(entry));
      if (!operation) {
        waking_ = false;
        continue;
      }
      running_.erase(operation);
      completed.push_back({std::unique_ptr<Operation>(operation), entry->res});
    }
    ::io_uring_cq_advance(&ring_, seen);
  }

  void wake() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  void forget(int) override {}

 private:
  static constexpr unsigned kEntries = 1024;

  // With a single issuer the ring belongs to the thread that enables it: the loop's, which need not have created it.
  void enable() {
    if (deferred_ && !enabled_) ::io_uring_enable_rings(&ring_);
    enabled_ = true;
  }

  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    while (!entry) {
      ::io_uring_submit(&ring_);
      entry = ::io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  void watch_wake() {
    io_uring_sqe* entry = next_entry();
    ::io_uring_prep_read(entry, wake_.get(), &wakes_, sizeof wakes_, 0);
    ::io_uring_sqe_set_data(entry, nullptr);
    waking_ = true;
  }

  io_uring ring_{};
  bool open_ = false, deferred_ = false, enabled_ = false, waking_ = false;
  Fd wake_;
  std::uint64_t wakes_ = 0;
  std::unordered_set<Operation*> running_;
};

}  // namespace

Result<std::unique_ptr<LoopBackend>> make_uring_backend() {
  auto backend = std::make_unique<UringBackend>();
  TRY(backend->open());
  return std::unique_ptr<LoopBackend>(std::move(backend));
}

}  // namespace isobar::net
