#pragma once

// A small server that answers as its path says, so that a client can be shown every kind of server. Loopback, port 0.

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <list>
#include <string>
#include <thread>

#include "base/file.h"
#include "loopback_for_tests.h"
#include "net/url.h"

namespace isobar::net {

class HttpServerForTests {
 public:
  HttpServerForTests() {
    listener_ = listen_on_loopback(port_);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~HttpServerForTests() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    for (auto& [thread, socket] : served_) {
      ::shutdown(socket.get(), SHUT_RDWR);
      thread.join();
    }
  }
  Url url(std::string target) const { return {"http", "127.0.0.1", port_, std::move(target)}; }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      Fd socket(::accept(listener_.get(), nullptr, nullptr));
      if (!socket) return;
      ++connections_;
      const int fd = socket.get();
      served_.emplace_back();
      served_.back().second = std::move(socket);
      served_.back().first = std::thread([this, fd] {
        while (serve_one(fd)) continue;
        ::shutdown(fd, SHUT_RDWR);
      });
    }
  }

  static void send(int fd, std::string_view text) { (void)write_all(fd, text); }
  static std::string pattern(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i % 26);
    return text;
  }

  // Whether the connection stays open.
  bool serve_one(int fd) {
    std::string seen;
    char piece[65536];
    while (seen.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
      if (got <= 0) return false;
      seen.append(piece, static_cast<std::size_t>(got));
    }
    const std::size_t head_end = seen.find("\r\n\r\n") + 4;
    const std::string head = seen.substr(0, head_end);
    std::string body = seen.substr(head_end);
    const std::string path = head.substr(head.find(' ') + 1, head.find(' ', head.find(' ') + 1) - head.find(' ') - 1);
    if (path == "/refuse-early") {
      send(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
      return false;
    }
    const auto length_at = head.find("Content-Length: ");
    const std::size_t length = length_at == std::string::npos ? 0 : std::stoul(head.substr(length_at + 16));
    while (body.size() < length) {
      const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
      if (got <= 0) return false;
      body.append(piece, static_cast<std::size_t>(got));
    }
    const std::size_t number = path.find_last_of('/') != 0 ? std::stoul(path.substr(path.find_last_of('/') + 1)) : 0;
    if (path == "/echo") {
      send(fd, fmt::format("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Method: {}\r\n\r\n{}", body.size(),
                           head.substr(0, head.find(' ')), body));
    } else if (path.starts_with("/bytes/")) {
      const bool head_only = head.starts_with("HEAD");
      send(fd, fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", number, head_only ? "" : pattern(number)));
    } else if (path.starts_with("/chunked/")) {
      send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const std::string all = pattern(number);
      for (std::size_t at = 0; at < all.size(); at += 1000)
        send(fd, fmt::format("{:x};x=y\r\n{}\r\n", std::min<std::size_t>(1000, all.size() - at), all.substr(at, 1000)));
      send(fd, "0\r\nTrailer: x\r\n\r\n");
    } else if (path.starts_with("/until-close/")) {
      send(fd, "HTTP/1.1 200 OK\r\n\r\n" + pattern(number));
      return false;
    } else if (path == "/cut") {
      send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + pattern(50));
      return false;
    } else if (path == "/hang-up") {
      return false;
    } else if (path == "/hang-up-later") {
      send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      return false;
    } else if (path == "/stall") {
      send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    } else if (path == "/nonsense") {
      send(fd, "SSH-2.0-OpenSSH\r\n\r\n");
    } else {
      send(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nnothing");
    }
    return true;
  }

  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::list<std::pair<std::thread, Fd>> served_;
  std::thread acceptor_;
};

}  // namespace isobar::net
