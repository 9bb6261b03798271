// Any bytes, cut anywhere: the parser neither reads beyond them nor runs for ever, and how they were cut does not matter.

#include <cstddef>
#include <cstdint>

#include "http_parser.h"

namespace isobar::net {
namespace {

std::string transcript(std::string_view input, std::size_t piece) {
  HttpParser parser(false);
  std::string told;
  while (!input.empty() && !parser.done()) {
    const std::string_view now = input.substr(0, piece);
    const auto step = parser.feed(now);
    if (!step.ok()) return "error";
    CHECK(step->consumed > 0 || parser.done());
    told += step->body;
    input.remove_prefix(step->consumed);
  }
  return fmt::format("{} {} {}", parser.done(), parser.status(), told);
}

}  // namespace
}  // namespace isobar::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string whole = isobar::net::transcript(input, size + 1);
  const std::string bytewise = isobar::net::transcript(input, 1);
  CHECK(whole == bytewise, whole, bytewise);
  return 0;
}
