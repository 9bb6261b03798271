#pragma once

/// UTF-8: how long a character is, and how one is written.

#include <cstdint>
#include <string>
#include <string_view>

#include "sql/error.h"

namespace isobar::sql {

/// By its first byte; of one that cannot be first, 1.
constexpr std::size_t utf8_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
void append_utf8(std::string& out, std::uint32_t code_point);
/// How many characters; `text` is UTF-8.
std::size_t characters_of(std::string_view text);
/// The bytes of the first so many characters.
std::size_t bytes_of_characters(std::string_view text, std::size_t characters);
/// Errors   22021: not UTF-8, or a NUL
SqlStatus require_text(std::string_view bytes);

}  // namespace isobar::sql
