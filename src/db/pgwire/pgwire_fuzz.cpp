// Whatever a client sends, in front of its greeting or behind it, the server goes on.

#include <cstddef>
#include <cstdint>

#include "echo_for_tests.h"

using namespace isobar::db;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 4 != 0) bytes.insert(0, std::string("\0\0\0\x11\0\3\0\0user\0m\0\0", 17));
  EchoServer server;
  if (data[0] % 4 == 2) server.password = ScramVerifier{"salt", 1, std::string(32, 's'), std::string(32, 'k')};
  NoKeys keys;
  Bytes stream(std::move(bytes), 1 + data[0] / 4);
  serve_connection(stream, server, keys, "fuzz", {.message_most = 1U << 16, .buffered_most = 1U << 12});
  return 0;
}
