#include <cstddef>
#include <cstdint>

#include "sql/ast.h"

/// Any text is parsed or refused: nothing overruns memory or the stack.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = isobar::sql::parse(text);
  static_cast<void>(parsed.ok());
  return 0;
}
