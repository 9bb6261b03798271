#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <cstring>

namespace isobar::net {

struct Listener::Inside : std::enable_shared_from_this<Inside> {
  Inside(Loop& on, Fd bound, std::function<void(Fd)> to) : loop(on), socket(std::move(bound)), accepted(std::move(to)) {}
  ~Inside() { loop.forget(socket.get()); }

  void accept_next() {
    loop.accept(socket.get(), [self = shared_from_this()](const Result<std::size_t>& got) {
      if (got.ok()) {
        Fd connection(static_cast<int>(*got));
        if (self->accepted) self->accepted(std::move(connection));
      }
      if (!self->accepted) return;
      if (got.ok()) return self->accept_next();
      // Without descriptors left, asking again at once would only spin.
      self->loop.after(100ms, [self] {
        if (self->accepted) self->accept_next();
      });
    });
  }

  Loop& loop;
  Fd socket;
  std::function<void(Fd)> accepted;
};

Result<Address> make_address(const std::string& host, std::uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.bytes = sizeof *v4;
    return address;
  }
  if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.bytes = sizeof *v6;
    return address;
  }
  return invalid(fmt::format("'{}' is no IP address", host));
}

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const std::string& address, std::uint16_t port,
                                                 std::function<void(Fd)> accepted) {
  TRY_ASSIGN(Address at, make_address(address, port));
  TRY_ASSIGN(Fd socket, loop.make_socket(at.storage.ss_family));
  const int one = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (::bind(socket.get(), at.get(), at.bytes) != 0) {
    const Error error = errno_error(fmt::format("listen on {}:{}", address, port));
    return Error(errno == EADDRINUSE ? Code::kAlreadyExists : Code::kInvalidArgument, error.message());
  }
  if (::listen(socket.get(), 1024) != 0) return errno_error(fmt::format("listen on {}:{}", address, port));
  at.bytes = sizeof at.storage;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at.storage), &at.bytes);
  const std::uint16_t bound = at.storage.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&at.storage)->sin_port
                                                              : reinterpret_cast<sockaddr_in6*>(&at.storage)->sin6_port;
  std::unique_ptr<Listener> listener(new Listener);
  listener->port_ = ntohs(bound);
  listener->inside_ = std::make_shared<Inside>(loop, std::move(socket), std::move(accepted));
  listener->inside_->accept_next();
  return listener;
}

Listener::~Listener() {
  inside_->accepted = nullptr;
  // Ends the accept that waits: under io_uring by its answer, under epoll by being forgotten.
  ::shutdown(inside_->socket.get(), SHUT_RDWR);
  inside_->loop.forget(inside_->socket.get());
}

}  // namespace isobar::net
