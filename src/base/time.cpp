#include "base/time.h"

#include <fmt/format.h>

#include <cmath>
#include <ctime>

namespace isobar {

Instant SystemClock::now() const {
  timespec at{};
  clock_gettime(CLOCK_REALTIME, &at);
  return Instant::from_unix_nanos(static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec);
}

Duration from_seconds(double seconds) {
  if (seconds >= 9.2e9) return kForever;
  return Duration(static_cast<std::int64_t>(std::llround(seconds * 1e9)));
}

namespace {

// The length of a unit in seconds, or 0 for a word that is none.
double unit_seconds(std::string_view unit) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return 1e-6;
  if (unit == "ms") return 1e-3;
  if (unit == "s" || unit == "sec" || unit == "secs") return 1;
  if (unit == "m" || unit == "min" || unit == "mins") return 60;
  if (unit == "h" || unit == "hr" || unit == "hrs") return 3600;
  if (unit == "d") return 86400;
  if (unit == "w") return 604800;
  return 0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

Result<Duration> parse_duration(std::string_view text, Duration bare_unit) {
  const auto malformed = [&] {
    return invalid(fmt::format("'{}' is not a duration; write a number and a unit, such as 90s, 10m, 1h30m or 2d", text));
  };
  double seconds = 0;
  std::size_t at = 0;
  if (text.empty()) return malformed();
  while (at < text.size()) {
    double number = 0, scale = 1;
    const std::size_t number_start = at;
    while (at < text.size() && is_digit(text[at])) number = number * 10 + (text[at++] - '0');
    if (at < text.size() && text[at] == '.') {
      ++at;
      while (at < text.size() && is_digit(text[at])) number += (text[at++] - '0') * (scale /= 10);
    }
    if (at == number_start) return malformed();
    const std::size_t unit_start = at;
    while (at < text.size() && is_letter(text[at])) ++at;
    const std::string_view unit = text.substr(unit_start, at - unit_start);
    const bool bare = unit.empty() && number_start == 0 && at == text.size();
    const double length = bare ? to_seconds(bare_unit) : unit_seconds(unit);
    if (length == 0) return malformed();
    seconds += number * length;
  }
  if (!(seconds < 9.2e9)) return invalid(fmt::format("'{}' is longer than the longest duration, 292 years", text));
  return from_seconds(seconds);
}

std::string format_duration(Duration span) {
  if (span < Duration::zero()) return "-" + format_duration(-span);
  const double seconds = to_seconds(span);
  if (seconds < 1) return fmt::format("{:.2f}s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m {}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h {}m", whole / 3600, whole % 3600 / 60);
  return fmt::format("{}d {}h", whole / 86400, whole % 86400 / 3600);
}

std::string format_instant(Instant at) {
  const std::time_t seconds = at.unix_nanos() / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

std::string format_ago(Duration since) {
  const auto seconds = static_cast<std::int64_t>(to_seconds(since));
  const auto ago = [](std::int64_t count, const char* unit) { return fmt::format("{} {}{} ago", count, unit, count == 1 ? "" : "s"); };
  if (seconds < 5) return "just now";
  if (seconds < 60) return ago(seconds, "sec");
  if (seconds < 3600) return ago(seconds / 60, "min");
  if (seconds < 86400) return ago(seconds / 3600, "hr");
  return ago(seconds / 86400, "day");
}

}  // namespace isobar
