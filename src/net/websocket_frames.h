#pragma once

// The frames of a WebSocket, out of bytes that arrive in any pieces, and into bytes. Pure. RFC 6455 §5, from the client's end: what it
// sends is masked, what it receives must not be.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/websocket.h"

namespace isobar::net {

enum class WebSocketOpcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

/// One whole frame. mask  four bytes that nobody can guess, so that no proxy takes the payload for a request of its own (§10.3)
std::string encode_websocket_frame(WebSocketOpcode opcode, std::string_view payload, const std::array<unsigned char, 4>& mask);

/// A message whose fragments have been put together, or a control frame.
struct WebSocketFrame {
  WebSocketOpcode opcode = WebSocketOpcode::kBinary;  ///< never kContinuation
  std::string payload;
};

class WebSocketParser {
 public:
  /// message_bytes_max   of a message; a control frame has 125 at most
  explicit WebSocketParser(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  /// Bytes as they come.
  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// The next of what has come whole; none: more is needed.
  /// Errors   kDataLoss: not the frames of a server, or longer than allowed. Nothing can be read after that
  Result<std::optional<WebSocketFrame>> next();

 private:
  struct Head;
  Result<std::optional<Head>> head() const;
  /// A frame that has come whole becomes a message, or a part of one.
  Result<std::optional<WebSocketFrame>> take(const Head& head);

  std::size_t message_bytes_max_;
  std::string buffer_;
  std::optional<WebSocketFrame> gathered_;  // of a message that is not whole yet
};

/// What Sec-WebSocket-Accept must say for a Sec-WebSocket-Key.
std::string websocket_accept_of(std::string_view key);

}  // namespace isobar::net
