#include "base/rfc3339.h"

#include <charconv>
#include <ctime>

namespace isobar {

namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (text.size() < at + count) return std::nullopt;
  const auto [end, failure] = std::from_chars(text.data() + at, text.data() + at + count, value);
  return failure == std::errc() && end == text.data() + at + count && value >= 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Instant> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':')
    return std::nullopt;
  std::size_t at = 19;
  if (text[at] == '.') do
      ++at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9');
  if (at >= text.size()) return std::nullopt;
  int offset_minutes = 0;
  if (text[at] != 'Z') {
    const auto hours = digits(text, at + 1, 2), minutes = digits(text, at + 4, 2);
    if (!hours || !minutes || (text[at] != '+' && text[at] != '-')) return std::nullopt;
    offset_minutes = (*hours * 60 + *minutes) * (text[at] == '-' ? -1 : 1);
  }
  std::tm date{};
  date.tm_year = *year - 1900, date.tm_mon = *month - 1, date.tm_mday = *day;
  date.tm_hour = *hour, date.tm_min = *minute, date.tm_sec = *second;
  return Instant::from_unix_seconds(static_cast<std::int64_t>(::timegm(&date)) - offset_minutes * std::int64_t{60});
}

}  // namespace isobar
