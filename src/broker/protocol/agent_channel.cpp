#include "broker/agent_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "broker/secure_relay.h"

namespace isobar::broker {

namespace {

constexpr std::string_view kUnixPrefix = "unix:", kTlsPrefix = "tls:";
constexpr int kBacklog = 512;
constexpr std::size_t kReadBytes = 64 << 10;

Result<fs::path> unix_path(const std::string& address) {
  if (!address.starts_with(kUnixPrefix) || address.size() == kUnixPrefix.size() || address.find('\0') != std::string::npos)
    return invalid("\"" + address + "\" is not an agent's address: it should read unix:/path");
  return fs::path(address.substr(kUnixPrefix.size()));
}

/// A socket address for a path of any length. The kernel takes 107 bytes; a longer path is named through a descriptor
/// of its folder, which must stay open until the address was used.
struct UnixAddress {
  sockaddr_un address{};
  Fd folder;
};

Result<UnixAddress> unix_address(const fs::path& path) {
  UnixAddress out;
  out.address.sun_family = AF_UNIX;
  std::string name = path.string();
  if (name.size() >= sizeof(out.address.sun_path)) {
    out.folder.reset(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!out.folder) return Error(Code::kUnavailable, errno_error("open " + path.parent_path().string()).message());
    name = fmt::format("/proc/self/fd/{}/{}", out.folder.get(), path.filename().string());
    if (name.size() >= sizeof(out.address.sun_path)) return invalid("the name of socket " + path.string() + " is too long");
  }
  std::memcpy(out.address.sun_path, name.data(), name.size());
  return out;
}

Duration monotonic_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

/// The time until `end` in poll's milliseconds, rounded up; −1 waits for ever.
int poll_timeout(Duration end) {
  if (end == kForever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - monotonic_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

Duration end_of(Duration deadline) { return deadline == kForever ? kForever : monotonic_now() + deadline; }

/// Waits until the socket is ready for `events`, or `wake` is readable.
Status wait_for(int fd, short events, Duration end, int wake = -1) {
  std::array<pollfd, 2> fds{{{fd, events, 0}, {wake, POLLIN, 0}}};
  for (;;) {
    const int ready = ::poll(fds.data(), fds.size(), poll_timeout(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno_error("wait for the agent");
    if (ready == 0) return Error(Code::kDeadlineExceeded, "the agent did not answer in time");
    if (fds[1].revents != 0) return Error(Code::kDeadlineExceeded, "stopped on request");
    return {};
  }
}

bool is_again(int error_number) { return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR; }

Error broken(std::string_view why) { return unavailable("the connection to the agent broke: " + std::string(why)); }

}  // namespace

std::string frame_of(std::string_view content) {
  CHECK(content.size() <= kFrameBytesMax, content.size());
  std::string frame;
  frame.reserve(content.size() + 4);
  for (int byte = 0; byte < 4; ++byte) frame += static_cast<char>(content.size() >> (8 * byte) & 0xff);
  return frame.append(content);
}

Result<std::optional<std::string>> FrameCutter::next() {
  const std::string_view rest = std::string_view(pending_).substr(taken_);
  if (rest.size() < 4) return std::optional<std::string>();
  std::size_t length = 0;
  for (std::size_t byte = 0; byte < 4; ++byte) length |= static_cast<std::size_t>(static_cast<unsigned char>(rest[byte])) << (8 * byte);
  if (length > kFrameBytesMax) return invalid(fmt::format("a frame of {} bytes is longer than the {} allowed", length, kFrameBytesMax));
  if (rest.size() < 4 + length) return std::optional<std::string>();
  std::optional<std::string> content(rest.substr(4, length));
  taken_ += 4 + length;
  // What was taken is dropped once it outweighs the rest, so that each byte is moved at most once.
  if (taken_ * 2 >= pending_.size()) {
    pending_.erase(0, taken_);
    taken_ = 0;
    if (pending_.empty()) pending_.shrink_to_fit();
  }
  return content;
}

Result<Fd> listen_at(const std::string& address) {
  TRY_ASSIGN(const auto path, unix_path(address));
  TRY_ASSIGN(const auto where, unix_address(path));
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return errno_error("listen at " + address);
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&where.address), sizeof(where.address)) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(listener.get(), kBacklog) != 0)
    return errno_error("listen at " + address);
  return listener;
}

Result<std::optional<Fd>> accept_from(const Fd& listener) {
  Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection) return std::optional<Fd>(std::move(connection));
  if (is_again(errno) || errno == ECONNABORTED) return std::optional<Fd>();
  return errno_error("accept a connection");
}

namespace {

Result<Fd> dial_tls(std::string_view rest, const std::string& key) {
  const auto colon = rest.rfind(':');
  unsigned port = 0;
  const auto digits = rest.substr(colon == std::string_view::npos ? rest.size() : colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || parsed.ptr != digits.data() + digits.size() || port == 0 || port > 65535 || colon == 0)
    return invalid(fmt::format("\"tls:{}\" is not an agent's address: it should read tls:HOST:PORT", rest));
  return dial_relay(std::string(rest.substr(0, colon)), static_cast<std::uint16_t>(port), key);
}

}  // namespace

Result<Fd> dial(const std::string& address, const std::string& key) {
  if (address.starts_with(kTlsPrefix)) return dial_tls(std::string_view(address).substr(kTlsPrefix.size()), key);
  TRY_ASSIGN(const auto path, unix_path(address));
  TRY_ASSIGN(const auto where, unix_address(path));
  Fd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection) return errno_error("dial " + address);
  if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&where.address), sizeof(where.address)) == 0) return connection;
  // Whether the file is missing, stale or full of callers, the agent may be there in a moment.
  const auto error = errno_error("dial " + address);
  return error.code() == Code::kPermissionDenied ? error : unavailable(error.message());
}

bool is_own_user(const Fd& connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

Status Channel::send(std::string_view content, Duration deadline) {
  if (content.size() > kFrameBytesMax)
    return invalid(fmt::format("a message of {} bytes is longer than the {} allowed", content.size(), kFrameBytesMax));
  return send_frame(frame_of(content), deadline);
}

Status Channel::send_frame(std::string_view frame, Duration deadline) {
  const auto end = end_of(deadline);
  std::string_view rest = frame;
  while (!rest.empty()) {
    const auto sent = ::send(connection_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (!is_again(errno)) return broken(std::strerror(errno));
    TRY(wait_for(connection_.get(), POLLOUT, end));
  }
  return {};
}

Result<std::string> Channel::receive(Duration deadline, const std::stop_token& stop) {
  const auto end = end_of(deadline);
  const Fd wake(stop.stop_possible() ? ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1);
  const std::stop_callback on_stop(stop, [&wake] { ::eventfd_write(wake.get(), 1); });
  std::array<char, kReadBytes> buffer;
  for (;;) {
    TRY_ASSIGN(auto frame, cutter_.next());
    if (frame) return std::move(*frame);
    const auto got = ::recv(connection_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      cutter_.feed({buffer.data(), static_cast<std::size_t>(got)});
      continue;
    }
    if (got == 0) return broken("it was closed");
    if (!is_again(errno)) return broken(std::strerror(errno));
    TRY(wait_for(connection_.get(), POLLIN, end, wake.get()));
  }
}

}  // namespace isobar::broker
