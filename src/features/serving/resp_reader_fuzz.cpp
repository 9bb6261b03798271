// Any bytes as commands of the Redis protocol, cut anywhere; and as patterns.

#include <cstddef>
#include <cstdint>

#include "glob.h"
#include "resp_reader.h"

namespace isobar::features {
namespace {

std::string transcript(std::string_view input, std::size_t piece) {
  RespReader reader(4096);
  std::string told, buffer;
  while (!input.empty()) {
    buffer += input.substr(0, piece);
    input.remove_prefix(std::min(piece, input.size()));
    while (true) {
      const auto length = reader.next(buffer);
      if (!length.ok()) return told + "error";
      if (!*length) break;
      CHECK(**length <= buffer.size(), **length, buffer.size());
      for (const auto word : reader.words()) told.append(word).append("|");
      told += "\n";
      buffer.erase(0, **length);
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
  CHECK(whole == bytewise, whole.size(), bytewise.size());
  isobar::features::glob_matches(input.substr(0, size / 2), input.substr(size / 2));
  return 0;
}
