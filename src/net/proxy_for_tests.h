#pragma once

// A small HTTP proxy that knows names nobody else does: whatever it is asked for is on the loopback. It tunnels and forwards.
// Loopback, port 0.

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "loopback_for_tests.h"

namespace isobar::net {

class ProxyForTests {
 public:
  ProxyForTests() {
    listener_ = listen_on_loopback(port_);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~ProxyForTests() {
    closing_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    for (auto& thread : served_) thread.join();
  }

  std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  /// The first lines of what it was asked.
  std::vector<std::string> asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  /// Set before the first request.
  std::string authorization;  ///< what Proxy-Authorization must say; empty: nothing
  int refuse_with = 0;        ///< answers everything so

 private:
  void accept_all() {
    for (;;) {
      Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      served_.emplace_back([this, taken = std::make_shared<Fd>(std::move(socket))] { serve(taken->get()); });
    }
  }

  // More bytes, or false: none will come.
  bool more(int fd, std::string& seen) const {
    pollfd ready{fd, POLLIN, 0};
    while (::poll(&ready, 1, 50) == 0)
      if (closing_) return false;
    char piece[65536];
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got > 0) seen.append(piece, static_cast<std::size_t>(got));
    return got > 0;
  }
  static bool say(int fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void serve(int fd) {
    std::string seen;
    while (seen.find("\r\n\r\n") == std::string::npos)
      if (!more(fd, seen)) return;
    const std::string line = seen.substr(0, seen.find("\r\n"));
    {
      const std::scoped_lock lock(mutex_);
      asked_.push_back(line);
    }
    if (!authorization.empty() && seen.find("Proxy-Authorization: " + authorization + "\r\n") == std::string::npos)
      return (void)say(fd, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n");
    if (refuse_with != 0) return (void)say(fd, fmt::format("HTTP/1.1 {} No\r\nContent-Length: 0\r\n\r\n", refuse_with));
    const bool tunnel = line.starts_with("CONNECT ");
    const auto begin = tunnel ? 8 : line.find("://") + 3;
    const auto end = line.find_first_of(tunnel ? " " : "/", begin);
    const std::string authority = line.substr(begin, end - begin);
    const sockaddr_in address = loopback_address(static_cast<std::uint16_t>(std::stoi(authority.substr(authority.find(':') + 1))));
    const Fd onward(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(onward.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return (void)say(fd, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    if (tunnel) {
      say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
      seen.erase(0, seen.find("\r\n\r\n") + 4);
    }
    pass_on(fd, onward.get(), std::move(seen), tunnel, "http://" + authority);
  }

  // Both ways until one side ends. Of plain requests each first line is made what a server expects.
  void pass_on(int client, int server, std::string from_client, bool tunnel, const std::string& origin) const {
    for (std::string from_server;;) {
      if (!tunnel)
        if (const auto at = from_client.find(" " + origin + "/"); at != std::string::npos) from_client.erase(at + 1, origin.size());
      if (!say(server, std::exchange(from_client, {})) || !say(client, std::exchange(from_server, {})) || closing_) return;
      pollfd ready[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (::poll(ready, 2, 50) == 0) continue;
      if (ready[0].revents != 0 && !more(client, from_client)) return;
      if (ready[1].revents != 0 && !more(server, from_server)) return;
    }
  }

  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> closing_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::list<std::thread> served_;
  std::thread acceptor_;
};

}  // namespace isobar::net
