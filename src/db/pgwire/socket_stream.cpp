#include "socket_stream.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

namespace isobar::db {

Result<std::size_t> SocketStream::read(char* into, std::size_t most) {
  if (ssl_) {
    std::size_t got = 0;
    if (SSL_read_ex(ssl_.get(), into, most, &got) == 1) return got;
    if (SSL_get_error(ssl_.get(), 0) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
    return unavailable("the encrypted connection was cut off");
  }
  for (;;) {
    const ssize_t got = ::recv(socket_, into, most, 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return errno_error("receive from a client");
  }
}

Status SocketStream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t sent = 0;
    if (ssl_) {
      if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) != 1) return unavailable("the encrypted connection was cut off");
    } else {
      const ssize_t wrote = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return errno_error("send to a client");
      sent = static_cast<std::size_t>(wrote);
    }
    bytes.remove_prefix(sent);
  }
  return {};
}

Status SocketStream::encrypt() {
  ssl_.reset(SSL_new(tls_));
  SSL_set_fd(ssl_.get(), socket_);
  if (SSL_accept(ssl_.get()) == 1) return {};
  return unavailable("the TLS handshake failed");
}

void SocketStream::set_patience(int seconds) {
  const timeval patience{seconds, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

}  // namespace isobar::db
