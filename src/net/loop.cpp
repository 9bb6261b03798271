// The part of a loop that does not depend on how the kernel is asked: posted work, timers, and the order of things in a turn.

#include "net/loop.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <unordered_map>

#include "base/mutex.h"
#include "loop_backend.h"

namespace isobar::net {

namespace {

Duration monotonic() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return std::chrono::seconds(at.tv_sec) + Duration(at.tv_nsec);
}

Error io_error(Operation::Kind kind, int error_number) {
  constexpr std::array<std::string_view, 6> kDoing = {"receive", "send", "connect", "accept", "wait", "wait"};
  const std::string what = fmt::format("{}: {}", kDoing[static_cast<std::size_t>(kind)], ::strerror(error_number));
  return error_number == EMFILE || error_number == ENFILE ? Error(Code::kExhausted, what) : unavailable(what);
}

}  // namespace

struct Loop::Inside {
  std::unique_ptr<LoopBackend> backend;
  Mutex mutex;
  std::vector<std::function<void()>> posted GUARDED_BY(mutex);
  std::atomic<bool> stopping = false;
  std::multimap<Duration, TimerId> due;
  std::unordered_map<TimerId, std::pair<std::multimap<Duration, TimerId>::iterator, std::function<void()>>> timers;
  TimerId last_timer = 0;
  std::vector<Completion> completed;

  std::vector<std::function<void()>> take_posted() {
    const MutexLock lock(mutex);
    return std::exchange(posted, {});
  }
};

Loop::Loop(std::unique_ptr<Inside> inside, LoopKind kind) : inside_(std::move(inside)), kind_(kind), now_(monotonic()) {}
// Operations that are left may hold the last owner of a descriptor, which would have it forgotten while all is forgotten.
Loop::~Loop() {
  closing_ = true;
  inside_.reset();
}

Result<std::unique_ptr<Loop>> Loop::create(std::optional<LoopKind> kind) {
  auto inside = std::make_unique<Inside>();
  if (!kind || *kind == LoopKind::kUring) {
    auto backend = make_uring_backend();
    if (!backend.ok() && kind) return backend.error();
    if (backend.ok()) inside->backend = std::move(backend).value();
  }
  const LoopKind chosen = inside->backend ? LoopKind::kUring : LoopKind::kEpoll;
  if (!inside->backend) {
    TRY_ASSIGN(inside->backend, make_epoll_backend());
  }
  return std::unique_ptr<Loop>(new Loop(std::move(inside), chosen));
}

void Loop::run() {
  thread_ = std::this_thread::get_id();
  while (!inside_->stopping.load(std::memory_order_acquire)) {
    for (auto& work : inside_->take_posted()) work();
    now_ = monotonic();
    while (!inside_->due.empty() && inside_->due.begin()->first <= now_) {
      const auto timer = inside_->timers.find(inside_->due.begin()->second);
      auto work = std::move(timer->second.second);
      inside_->due.erase(timer->second.first);
      inside_->timers.erase(timer);
      work();
    }
    if (inside_->stopping.load(std::memory_order_acquire)) break;
    const Duration patience = inside_->due.empty() ? Duration(-1) : std::max(Duration(0), inside_->due.begin()->first - now_);
    inside_->backend->wait(patience, inside_->completed);
    now_ = monotonic();
    for (auto& [operation, result] : inside_->completed) {
      auto done = std::move(operation->done);
      if (result >= 0) done(static_cast<std::size_t>(result));
      else done(io_error(operation->kind, -result));
    }
    inside_->completed.clear();
  }
  thread_ = {};
}

void Loop::stop() {
  inside_->stopping.store(true, std::memory_order_release);
  inside_->backend->wake();
}

void Loop::post(std::function<void()> work) {
  bool first;
  {
    const MutexLock lock(inside_->mutex);
    first = inside_->posted.empty();
    inside_->posted.push_back(std::move(work));
  }
  // Whoever found the queue empty wakes the loop; it empties the queue before it sleeps again.
  if (first) inside_->backend->wake();
}

Result<Fd> Loop::make_socket(int family) const {
  // io_uring waits by itself on a socket that blocks; on one that does not it would only say EAGAIN.
  Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | (kind_ == LoopKind::kEpoll ? SOCK_NONBLOCK : 0), 0));
  if (!fd)
    return errno == EMFILE || errno == ENFILE ? Error(Code::kExhausted, errno_error("make socket").message()) : errno_error("make socket");
  return fd;
}

void Loop::connect(int fd, const Address& address, IoDone done) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kConnect;
  operation->fd = fd;
  operation->address = address;
  operation->done = std::move(done);
  inside_->backend->submit(std::move(operation));
}

void Loop::wait_readable(int fd, IoDone done) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kReadable;
  operation->fd = fd;
  operation->done = std::move(done);
  inside_->backend->submit(std::move(operation));
}

void Loop::wait_writable(int fd, IoDone done) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kWritable;
  operation->fd = fd;
  operation->done = std::move(done);
  inside_->backend->submit(std::move(operation));
}

void Loop::accept(int fd, IoDone done) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kAccept;
  operation->fd = fd;
  operation->done = std::move(done);
  inside_->backend->submit(std::move(operation));
}

void Loop::receive(int fd, std::span<char> into, IoDone done) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kReceive;
  operation->fd = fd;
  operation->pieces[0] = {into.data(), into.size()};
  operation->done = std::move(done);
  inside_->backend->submit(std::move(operation));
}

void Loop::send(int fd, std::span<const std::string_view> pieces, IoDone done) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kSend;
  operation->fd = fd;
  CHECK(pieces.size() <= operation->pieces.size(), pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) operation->pieces[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  operation->message.msg_iov = operation->pieces.data();
  operation->message.msg_iovlen = pieces.size();
  operation->done = std::move(done);
  inside_->backend->submit(std::move(operation));
}

void Loop::forget(int fd) {
  if (!closing_) inside_->backend->forget(fd);
}

Loop::TimerId Loop::after(Duration span, std::function<void()> work) {
  const TimerId id = ++inside_->last_timer;
  const auto place = inside_->due.emplace(monotonic() + span, id);
  inside_->timers.emplace(id, std::pair(place, std::move(work)));
  return id;
}

void Loop::cancel(TimerId timer) {
  const auto found = inside_->timers.find(timer);
  if (found == inside_->timers.end()) return;
  inside_->due.erase(found->second.first);
  inside_->timers.erase(found);
}

}  // namespace isobar::net
