#pragma once

// What io_uring and epoll each do for a loop.

#include <netinet/in.h>
#include <sys/uio.h>

#include <array>
#include <memory>
#include <vector>

#include "net/loop.h"

namespace isobar::net {

struct Operation {
  enum class Kind { kReceive, kSend, kConnect, kAccept, kReadable, kWritable };
  Kind kind = Kind::kReceive;
  int fd = -1;
  std::array<iovec, 4> pieces{};
  msghdr message{};
  Address address;
  IoDone done;
};

struct Completion {
  std::unique_ptr<Operation> operation;
  int result = 0;  // as system calls give it: a count, a descriptor, or -errno
};

class LoopBackend {
 public:
  virtual ~LoopBackend() = default;
  virtual void submit(std::unique_ptr<Operation> operation) = 0;
  /// Waits for completions until one comes, `wake` is called, or `patience` is over (negative: for ever).
  virtual void wait(Duration patience, std::vector<Completion>& completed) = 0;
  /// Safe from any thread.
  virtual void wake() = 0;
  virtual void forget(int fd) = 0;
};

Result<std::unique_ptr<LoopBackend>> make_uring_backend();
Result<std::unique_ptr<LoopBackend>> make_epoll_backend();

}  // namespace isobar::net
