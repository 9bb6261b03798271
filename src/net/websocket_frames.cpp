#include "websocket_frames.h"

#include <fmt/format.h>

#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::net {

namespace {

constexpr unsigned kFinal = 0x80, kReserved = 0x70, kOpcode = 0x0f, kMasked = 0x80, kLength = 0x7f;
constexpr std::size_t kControlMost = 125;
constexpr unsigned kTwoByteLength = 126, kEightByteLength = 127;

Error malformed(std::string_view what) { return Error(Code::kDataLoss, fmt::format("the server's WebSocket is out of step: {}", what)); }

bool is_known(unsigned opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }
bool is_control(WebSocketOpcode opcode) { return static_cast<unsigned>(opcode) >= 8; }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

std::string encode_websocket_frame(WebSocketOpcode opcode, std::string_view payload, const std::array<unsigned char, 4>& mask) {
  std::string frame;
  frame.reserve(payload.size() + 14);
  frame += static_cast<char>(kFinal | static_cast<unsigned>(opcode));
  const auto big = [&](int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) frame += static_cast<char>(payload.size() >> shift & 0xff);
  };
  if (payload.size() < kTwoByteLength) {
    frame += static_cast<char>(kMasked | payload.size());
  } else if (payload.size() <= 0xffff) {
    frame += static_cast<char>(kMasked | kTwoByteLength);
    big(2);
  } else {
    frame += static_cast<char>(kMasked | kEightByteLength);
    big(8);
  }
  for (const unsigned char byte : mask) frame += static_cast<char>(byte);
  for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask[i % 4]);
  return frame;
}

struct WebSocketParser::Head {
  bool final = false;
  WebSocketOpcode opcode = WebSocketOpcode::kBinary;
  std::size_t bytes = 0;  // of the head itself
  std::size_t payload = 0;
};

Result<std::optional<WebSocketParser::Head>> WebSocketParser::head() const {
  if (buffer_.size() < 2) return std::optional<Head>();
  const auto first = static_cast<unsigned char>(buffer_[0]), second = static_cast<unsigned char>(buffer_[1]);
  if (first & kReserved) return malformed("a frame with an extension that was not agreed on");
  if (!is_known(first & kOpcode)) return malformed(fmt::format("a frame of the unknown kind {}", first & kOpcode));
  if (second & kMasked) return malformed("a masked frame");
  Head head{(first & kFinal) != 0, static_cast<WebSocketOpcode>(first & kOpcode), 2, second & kLength};
  const std::size_t more = head.payload == kTwoByteLength ? 2 : head.payload == kEightByteLength ? 8 : 0;
  if (buffer_.size() < 2 + more) return std::optional<Head>();
  if (more > 0) {
    const auto length = big_endian(std::string_view(buffer_).substr(2, more));
    if (length > message_bytes_max_) return malformed(fmt::format("a frame of {} bytes, {} at most are taken", length, message_bytes_max_));
    head.payload = static_cast<std::size_t>(length);
    head.bytes += more;
  }
  if (is_control(head.opcode) && (!head.final || head.payload > kControlMost)) return malformed("a control frame in parts");
  return std::optional(head);
}

Result<std::optional<WebSocketFrame>> WebSocketParser::next() {
  for (;;) {
    TRY_ASSIGN(const auto found, head());
    if (!found || buffer_.size() - found->bytes < found->payload) return std::optional<WebSocketFrame>();
    TRY_ASSIGN(auto frame, take(*found));
    if (frame) return frame;
  }
}

Result<std::optional<WebSocketFrame>> WebSocketParser::take(const Head& head) {
  WebSocketFrame frame{head.opcode, buffer_.substr(head.bytes, head.payload)};
  buffer_.erase(0, head.bytes + head.payload);
  if (is_control(head.opcode)) return std::optional(std::move(frame));
  const bool continues = head.opcode == WebSocketOpcode::kContinuation;
  if (continues != gathered_.has_value()) return malformed(continues ? "a continuation of nothing" : "a message within another");
  if (!continues) gathered_ = std::move(frame);
  else if (gathered_->payload.size() + frame.payload.size() > message_bytes_max_)
    return malformed(fmt::format("a message of more than {} bytes", message_bytes_max_));
  else gathered_->payload += frame.payload;
  if (!head.final) return std::optional<WebSocketFrame>();
  return std::exchange(gathered_, std::nullopt);
}

std::string websocket_accept_of(std::string_view key) {
  return crypto::to_base64(crypto::digest(crypto::Digest::kSha1, std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

}  // namespace isobar::net
