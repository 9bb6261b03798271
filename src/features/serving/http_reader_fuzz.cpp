// Any bytes as HTTP requests, cut anywhere: the reader neither reads beyond them nor runs for ever, and how they were cut does not matter
// for those that are whole. (What can never become one may be refused before its end came, or only then.)

#include <cstddef>
#include <cstdint>

#include "http_reader.h"

namespace isobar::features {
namespace {

std::string transcript(std::string_view input, std::size_t piece) {
  HttpReader reader(4096);
  std::string told, buffer;
  while (!input.empty()) {
    buffer += input.substr(0, piece);
    input.remove_prefix(std::min(piece, input.size()));
    while (true) {
      const std::size_t taken = reader.take(buffer);
      CHECK(taken <= buffer.size(), taken, buffer.size());
      buffer.erase(0, taken);
      if (reader.refusal()) return told;
      if (!reader.done()) break;
      const HttpRequest request = reader.release();
      told += request.method + request.path + request.body + "\n";
    }
  }
  return told;
}

}  // namespace
}  // namespace isobar::features

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string whole = isobar::features::transcript(input, size + 1);
  const std::string bytewise = isobar::features::transcript(input, 1);
  CHECK(whole == bytewise, whole, bytewise);
  return 0;
}
