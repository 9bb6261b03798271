// Any bytes as an ignore file, against a few paths: parsing and matching must end.

#include <cstddef>
#include <cstdint>

#include "ignore_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto patterns = isobar::broker::parse_ignore_file(text, ".gitignore");
  for (const char* path : {"a", "a/b", "a/b/c.d", "x y/[z]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    isobar::broker::deciding_pattern(patterns, path, false);
  return 0;
}
