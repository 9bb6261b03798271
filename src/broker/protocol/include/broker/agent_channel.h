#pragma once

/// The stream under the protocol: where an agent listens, how one dials it, and how frames lie in the bytes. Addresses
/// are "unix:/path/of/socket", or "tls:HOST:PORT" for an agent on another machine (secure_relay.h).

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"

namespace isobar::broker {

inline constexpr int kAgentProtocol = 1;
inline constexpr std::size_t kFrameBytesMax = 16 << 20;

/// A frame is its length in four bytes, least first, and then that many bytes.
/// content  at most kFrameBytesMax bytes
std::string frame_of(std::string_view content);

/// Cuts a stream of bytes into frames, whatever pieces it arrives in.
class FrameCutter {
 public:
  void feed(std::string_view bytes) { pending_.append(bytes); }
  /// The next whole frame's content, or none yet.
  /// Errors   kInvalidArgument: a frame longer than kFrameBytesMax; the stream cannot be followed any further
  Result<std::optional<std::string>> next();

 private:
  std::string pending_;
  std::size_t taken_ = 0;
};

/// A non-blocking, close-on-exec socket that listens at `address`; a stale socket file is replaced.
Result<Fd> listen_at(const std::string& address);

/// The next connection, non-blocking; none when there is none at present.
Result<std::optional<Fd>> accept_from(const Fd& listener);

/// Starts a non-blocking connection. Local sockets are connected at once; of another machine one hears later.
/// key      the secret of an agent on another machine
/// Errors   kUnavailable: nobody listens there; kInvalidArgument: not an address
Result<Fd> dial(const std::string& address, const std::string& key = {});

/// Whether the machine vouches that the peer runs as this process's own user, or as root.
bool is_own_user(const Fd& connection);

/// A blocking conversation in frames over a connected, non-blocking socket. One thread.
class Channel {
 public:
  /// received  what came before, beyond the frames already taken
  explicit Channel(Fd connection, FrameCutter received = {}) : connection_(std::move(connection)), cutter_(std::move(received)) {}

  /// Errors   kDeadlineExceeded, kUnavailable: the peer is gone; kInvalidArgument: more than kFrameBytesMax
  Status send(std::string_view content, Duration deadline);
  /// frame   as frame_of made it
  Status send_frame(std::string_view frame, Duration deadline);
  /// Returns at once with kDeadlineExceeded when `stop` is requested.
  Result<std::string> receive(Duration deadline, const std::stop_token& stop = {});

 private:
  Fd connection_;
  FrameCutter cutter_;
};

}  // namespace isobar::broker
