#include "place.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace isobar::features {

namespace {

constexpr std::size_t kBefore = 60, kAfter = 40;

bool inside_character(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

}  // namespace

Error error_at(std::string_view text, std::size_t at, std::string_view what) {
  at = std::min(at, text.size());
  const auto line = static_cast<std::size_t>(std::ranges::count(text.substr(0, at), '\n'));
  const std::size_t start = line == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  const std::size_t end = std::min(text.find('\n', at), text.size());
  // A long line is shown around the place.
  std::size_t from = at - start > kBefore ? at - kBefore : start, to = end - at > kAfter ? at + kAfter : end;
  while (inside_character(text, from)) ++from;
  while (inside_character(text, to)) --to;
  const std::size_t column = display_width(text.substr(start, at - start)) + 1;
  std::string shown(text.substr(from, to - from));
  std::ranges::replace(shown, '\t', ' ');
  const std::size_t caret = display_width(text.substr(from, at - from));
  return invalid(fmt::format("{}, at {}:{}\n  {}\n  {:>{}}", what, line + 1, column, shown, "^", caret + 1));
}

}  // namespace isobar::features
