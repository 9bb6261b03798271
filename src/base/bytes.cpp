#include "base/bytes.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>

namespace isobar {

namespace {

constexpr std::string_view kPrefixes = "KMGTPE";

// The multiplier a suffix stands for; 0 for a suffix that is none.
std::uint64_t suffix_bytes(std::string_view suffix, std::uint64_t bare_unit) {
  if (suffix.empty()) return bare_unit;
  if (suffix == "B" || suffix == "b") return 1;
  const char letter = static_cast<char>(suffix[0] >= 'a' ? suffix[0] - 'a' + 'A' : suffix[0]);
  const auto power = kPrefixes.find(letter);
  if (power == std::string_view::npos) return 0;
  const std::string_view rest = suffix.substr(1);
  if (!(rest.empty() || rest == "B" || rest == "b" || rest == "i" || rest == "iB" || rest == "ib")) return 0;
  return std::uint64_t{1} << (10 * (power + 1));
}

}  // namespace

Result<ByteCount> parse_bytes(std::string_view text, std::uint64_t bare_unit) {
  std::size_t at = 0;
  double number = 0, scale = 1;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') number = number * 10 + (text[at++] - '0');
  if (at > 0 && at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9';) number += (text[at++] - '0') * (scale /= 10);
  }
  std::size_t unit = at;
  while (unit < text.size() && text[unit] == ' ') ++unit;
  const std::uint64_t multiplier = suffix_bytes(text.substr(unit), bare_unit);
  if (at == 0 || multiplier == 0)
    return invalid(fmt::format("'{}' is not a size; write a number and a unit, such as 256GB, 1.5TB or 500MB", text));
  const double bytes = number * static_cast<double>(multiplier);
  if (!(bytes < 1.8e19)) return invalid(fmt::format("'{}' is more than 16 EiB", text));
  return ByteCount{static_cast<std::uint64_t>(std::llround(bytes))};
}

std::string format_bytes(ByteCount bytes) {
  double amount = static_cast<double>(bytes.value);
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) amount /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes.value)
                   : fmt::format("{:.{}f} {}", amount,
                                 amount < 10    ? 2
                                 : amount < 100 ? 1
                                                : 0,
                                 kUnits[unit]);
}

}  // namespace isobar
