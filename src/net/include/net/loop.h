#pragma once

/// An event loop: one thread, and the sockets that belong to it. Operations are told when they are complete, as io_uring
/// does it; where the kernel has no io_uring, or forbids it, epoll does the same work behind the same calls.

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"

namespace isobar::net {

enum class LoopKind { kUring, kEpoll };

/// How many bytes were moved (0: the peer has ended its side), or why none could be.
using IoDone = std::function<void(Result<std::size_t>)>;

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Where nothing else is said, calls belong to the loop's own thread, and memory handed over must stay until the operation
/// is done. To cut operations short, shut the socket down: they then end with what they have.
class Loop {
 public:
  /// kind     none: io_uring where it works, else epoll
  /// Errors   kUnavailable: the kind asked for is not to be had here
  static Result<std::unique_ptr<Loop>> create(std::optional<LoopKind> kind = std::nullopt);
  ~Loop();
  LoopKind kind() const { return kind_; }

  /// Serves until `stop`. Work that was posted before is done first.
  void run();
  /// Safe from any thread.
  void stop();
  /// Runs `work` on the loop's thread, in the order given. Safe from any thread.
  void post(std::function<void()> work);
  bool in_loop() const { return thread_ == std::this_thread::get_id(); }

  /// A TCP socket as this loop wants it. Errors: kExhausted when there are no more descriptors
  Result<Fd> make_socket(int family) const;
  void connect(int fd, const Address& address, IoDone done);
  /// Done with the new descriptor. The caller owns it.
  void accept(int fd, IoDone done);
  void receive(int fd, std::span<char> into, IoDone done);
  /// May send less than all. At most four pieces.
  void send(int fd, std::span<const std::string_view> pieces, IoDone done);
  /// Done (with 0) when a receive, or a send, would not block: for calls that the loop does not know, as splice.
  void wait_readable(int fd, IoDone done);
  void wait_writable(int fd, IoDone done);
  /// Must be called before a descriptor that was given to this loop is closed, when no operation on it is left.
  void forget(int fd);

  using TimerId = std::uint64_t;
  TimerId after(Duration span, std::function<void()> work);
  void cancel(TimerId timer);
  /// Monotonic; read once for each turn of the loop.
  Duration now() const { return now_; }

 private:
  struct Inside;
  explicit Loop(std::unique_ptr<Inside> inside, LoopKind kind);
  std::unique_ptr<Inside> inside_;
  LoopKind kind_;
  std::thread::id thread_;
  Duration now_{};
  bool closing_ = false;
};

}  // namespace isobar::net
