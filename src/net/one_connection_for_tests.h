#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

#include "base/file.h"

namespace isobar::net {

/// Serves one connection as `behaviour` does.
class OneConnection {
 public:
  explicit OneConnection(std::function<void(int)> behaviour) {
    listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(listener_.get(), 4) == 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, behaviour = std::move(behaviour)] {
      const Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (socket) behaviour(socket.get());
    });
  }
  ~OneConnection() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port = 0;

 private:
  Fd listener_;
  std::thread thread_;
};

}  // namespace isobar::net
