#include "sql/utf8.h"

#include <fmt/format.h>

#include <cstring>

#include "base/text.h"

namespace isobar::sql {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Eight bytes at once, none of them zero or over 0x7f.
bool is_plain(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  constexpr std::uint64_t kHigh = 0x8080808080808080, kOnes = 0x0101010101010101;
  return (word & kHigh) == 0 && ((word - kOnes) & ~word & kHigh) == 0;
}

}  // namespace

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) put(code_point);
  else if (code_point < 0x800) put(0xc0 | code_point >> 6), put(0x80 | (code_point & 0x3f));
  else if (code_point < 0x10000) put(0xe0 | code_point >> 12), put(0x80 | (code_point >> 6 & 0x3f)), put(0x80 | (code_point & 0x3f));
  else
    put(0xf0 | code_point >> 18), put(0x80 | (code_point >> 12 & 0x3f)), put(0x80 | (code_point >> 6 & 0x3f)),
        put(0x80 | (code_point & 0x3f));
}

std::size_t characters_of(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += is_continuation(c) ? 0 : 1;
  return count;
}

std::size_t bytes_of_characters(std::string_view text, std::size_t characters) {
  std::size_t place = 0;
  for (; characters > 0 && place < text.size(); --characters)
    for (++place; place < text.size() && is_continuation(text[place]);) ++place;
  return place;
}

SqlStatus require_text(std::string_view bytes) {
  std::size_t place = 0;
  while (place + 8 <= bytes.size() && is_plain(bytes.data() + place)) place += 8;
  for (; place < bytes.size();) {
    const std::size_t length = utf8_length(bytes[place]);
    const std::string_view character = bytes.substr(place, length);
    if (bytes[place] != '\0' && (length == 1 ? static_cast<unsigned char>(bytes[place]) < 0x80 : is_utf8(character))) {
      place += length;
      continue;
    }
    std::string shown;
    for (const char byte : character) shown += fmt::format(" 0x{:02x}", static_cast<unsigned char>(byte));
    return SqlError(state::kCharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\":" + shown);
  }
  return {};
}

}  // namespace isobar::sql
