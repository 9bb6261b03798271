#include "connection.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace isobar::broker {

namespace {

constexpr std::size_t kReadBytes = 64 << 10;

}  // namespace

Connection::Connection(Loop& loop, Fd socket, Handlers handlers) : loop_(loop), socket_(std::move(socket)), handlers_(std::move(handlers)) {
  read_watch_ = loop_.watch(socket_.get(), Loop::Direction::kRead, [this] { on_readable(); });
}

void Connection::on_readable() {
  std::array<char, kReadBytes> buffer;
  const auto got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return end(got == 0 ? "it was closed" : std::strerror(errno));
  cutter_.feed({buffer.data(), static_cast<std::size_t>(got)});
  const std::weak_ptr<bool> alive = alive_;
  while (!alive.expired() && !ended_ && read_watch_) {
    auto frame = cutter_.next();
    if (!frame.ok()) return end(frame.error().message());
    if (!*frame) return;
    handlers_.on_frame(std::move(**frame));
  }
}

void Connection::send(std::string_view content) {
  if (ended_) return;
  if (out_.size() + content.size() > kWaitingMax) return end("it takes nothing");
  const bool was_idle = out_.empty();
  out_ += frame_of(content);
  if (was_idle) write();
}

void Connection::write() {
  std::size_t done = 0;
  while (done < out_.size()) {
    const auto sent = ::send(socket_.get(), out_.data() + done, out_.size() - done, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return end(std::strerror(errno));
    if (sent < 0) break;
    done += static_cast<std::size_t>(sent);
  }
  out_.erase(0, done);
  if (out_.empty()) {
    write_watch_ = {};
    out_.shrink_to_fit();
  } else if (!write_watch_) {
    write_watch_ = loop_.watch(socket_.get(), Loop::Direction::kWrite, [this] {
      const std::weak_ptr<bool> alive = alive_;
      write();
      if (!alive.expired() && !ended_ && room() && handlers_.on_room) handlers_.on_room();
    });
  }
}

/// Said from the loop, not from within a caller's `send`, so that no caller loses its connection under its feet.
void Connection::end(const std::string& why) {
  if (std::exchange(ended_, true)) return;
  read_watch_ = {};
  write_watch_ = {};
  loop_.post([this, why, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) handlers_.on_end(why);
  });
}

Channel Connection::release() {
  ended_ = true;
  read_watch_ = {};
  write_watch_ = {};
  return Channel(std::move(socket_), std::move(cutter_));
}

}  // namespace isobar::broker
