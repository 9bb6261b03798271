// Any bytes, read as a server's frames, whole and in pieces: the same messages either way, none longer than allowed.

#include "websocket_frames.h"

namespace {

std::string read_all(std::string_view bytes, std::size_t piece) {
  using namespace isobar::net;
  constexpr std::size_t kMost = 4096;
  WebSocketParser parser(kMost);
  std::string out;
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    parser.feed(part);
    for (;;) {
      const auto frame = parser.next();
      if (!frame.ok()) return out + "!";
      if (!*frame) break;
      if ((*frame)->payload.size() > kMost) __builtin_trap();
      out += static_cast<char>('a' + static_cast<int>((*frame)->opcode));
      out += (*frame)->payload;
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (read_all(bytes, 1) != read_all(bytes, size + 1)) __builtin_trap();
  return 0;
}
