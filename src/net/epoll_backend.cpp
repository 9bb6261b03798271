// epoll: each operation is tried at once; what would block waits for its descriptor to become ready and is tried again.

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <unordered_map>

#include "loop_backend.h"

namespace isobar::net {

namespace {

class EpollBackend final : public LoopBackend {
 public:
  Status open() {
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return errno_error("make epoll");
    wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_) return errno_error("make eventfd");
    epoll_event event{.events = EPOLLIN, .data = {.fd = wake_.get()}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) return errno_error("watch eventfd");
    return {};
  }

  void submit(std::unique_ptr<Operation> operation) override {
    watch(operation->fd);
    const int result = attempt(*operation, true);
    if (result != -EAGAIN) return ready_.push_back({std::move(operation), result});
    Waiting& waiting = waiting_[operation->fd];
    const bool reading = operation->kind == Operation::Kind::kReceive || operation->kind == Operation::Kind::kAccept ||
                         operation->kind == Operation::Kind::kReadable;
    (reading ? waiting.reader : waiting.writer) = std::move(operation);
  }

  void wait(Duration patience, std::vector<Completion>& completed) override {
    int milliseconds = -1;
    if (patience >= Duration(0)) milliseconds = static_cast<int>(std::min<std::int64_t>((patience + 999us) / 1ms, 60'000));
    if (!ready_.empty()) milliseconds = 0;
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), milliseconds);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == wake_.get()) {
        std::uint64_t wakes;
        [[maybe_unused]] const auto read = ::read(fd, &wakes, sizeof wakes);
        continue;
      }
      const auto waiting = waiting_.find(fd);
      if (waiting == waiting_.end()) continue;
      retry(waiting->second.reader);
      retry(waiting->second.writer);
    }
    for (auto& completion : ready_) completed.push_back(std::move(completion));
    ready_.clear();
  }

  void wake() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  void forget(int fd) override {
    if (waiting_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

 private:
  struct Waiting {
    std::unique_ptr<Operation> reader, writer;
  };

  void watch(int fd) {
    if (!waiting_.try_emplace(fd).second) return;
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.fd = fd}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void retry(std::unique_ptr<Operation>& slot) {
    if (!slot) return;
    const int result = attempt(*slot, false);
    if (result != -EAGAIN) ready_.push_back({std::move(slot), result});
  }

  static int attempt(Operation& operation, bool first) {
    ssize_t result = 0;
    switch (operation.kind) {
      case Operation::Kind::kReceive: result = ::recv(operation.fd, operation.pieces[0].iov_base, operation.pieces[0].iov_len, 0); break;
      case Operation::Kind::kSend: result = ::sendmsg(operation.fd, &operation.message, MSG_NOSIGNAL); break;
      case Operation::Kind::kAccept: result = ::accept4(operation.fd, nullptr, nullptr, SOCK_CLOEXEC); break;
      case Operation::Kind::kConnect: return connect_result(operation, first);
      case Operation::Kind::kReadable: return is_ready(operation.fd, POLLIN);
      case Operation::Kind::kWritable: return is_ready(operation.fd, POLLOUT);
    }
    if (result >= 0) return static_cast<int>(result);
    return errno == EINTR ? -EAGAIN : -errno;
  }

  static int is_ready(int fd, short events) {
    pollfd wanted{fd, events, 0};
    return ::poll(&wanted, 1, 0) > 0 ? 0 : -EAGAIN;
  }

  static int connect_result(const Operation& operation, bool first) {
    if (first && ::connect(operation.fd, operation.address.get(), operation.address.bytes) == 0) return 0;
    if (first) return errno == EINPROGRESS ? -EAGAIN : -errno;
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(operation.fd, SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure != 0) return -failure;
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof peer;
    return ::getpeername(operation.fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 ? 0 : -EAGAIN;
  }

  Fd epoll_, wake_;
  std::unordered_map<int, Waiting> waiting_;
  std::vector<Completion> ready_;
};

}  // namespace

Result<std::unique_ptr<LoopBackend>> make_epoll_backend() {
  auto backend = std::make_unique<EpollBackend>();
  TRY(backend->open());
  return std::unique_ptr<LoopBackend>(std::move(backend));
}

}  // namespace isobar::net
