#pragma once

#include <sys/socket.h>

#include <functional>
#include <thread>

#include "base/file.h"
#include "loopback_for_tests.h"

namespace isobar::net {

/// Serves one connection as `behaviour` does.
class OneConnection {
 public:
  explicit OneConnection(std::function<void(int)> behaviour) {
    listener_ = listen_on_loopback(port);
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
