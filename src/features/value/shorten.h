#pragma once

#include <string>
#include <string_view>

namespace isobar::features {

/// As much of a text as a message bears, cut between two characters.
inline std::string shorten(std::string_view text) {
  constexpr std::size_t kBytesMost = 60;
  if (text.size() <= kBytesMost) return std::string(text);
  std::size_t cut = kBytesMost - 3;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return std::string(text.substr(0, cut)) + "...";
}

}  // namespace isobar::features
