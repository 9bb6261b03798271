#include "storage/stamps.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace isobar::storage {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Civil {
  int year, month, day, weekday, hour, minute, second;
};

Civil civil(Instant at) {
  using namespace std::chrono;
  const sys_seconds seconds{floor<std::chrono::seconds>(nanoseconds(at.unix_nanos()))};
  const auto midnight = floor<days>(seconds);
  const year_month_day date(midnight);
  const hh_mm_ss time(seconds - midnight);
  return {int(date.year()),          int(unsigned(date.month())), int(unsigned(date.day())),  int(weekday(midnight).c_encoding()),
          int(time.hours().count()), int(time.minutes().count()), int(time.seconds().count())};
}

// Reads exactly `count` digits and moves past them; -1 when they are not there.
int digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

Error no_time(std::string_view text) { return invalid(fmt::format("'{}' is no time", text.substr(0, 64))); }

Result<Instant> instant(std::string_view text, const Civil& c) {
  using namespace std::chrono;
  const year_month_day date(year(c.year), month(static_cast<unsigned>(c.month)), day(static_cast<unsigned>(c.day)));
  // Years outside 1678..2261 do not fit into nanoseconds.
  if (!date.ok() || c.year < 1700 || c.year > 2200 || c.hour > 23 || c.minute > 59 || c.second > 60) return no_time(text);
  const auto seconds = sys_days(date).time_since_epoch() + hours(c.hour) + minutes(c.minute) + std::chrono::seconds(c.second);
  return Instant::from_unix_seconds(duration_cast<std::chrono::seconds>(seconds).count());
}

bool read_clock(std::string_view& rest, Civil& c) {
  return (c.hour = digits(rest, 2)) >= 0 && skip(rest, ":") && (c.minute = digits(rest, 2)) >= 0 && skip(rest, ":") &&
         (c.second = digits(rest, 2)) >= 0;
}

// The fraction after the seconds, in nanoseconds; digits beyond those are dropped.
std::int64_t read_fraction(std::string_view& rest) {
  std::int64_t nanos = 0, unit = 100'000'000;
  if (!skip(rest, ".")) return 0;
  for (int digit; (digit = digits(rest, 1)) >= 0; unit /= 10) nanos += digit * unit;
  return nanos;
}

}  // namespace

std::string format_http_date(Instant at) {
  const Civil c = civil(at);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(c.weekday)], c.day,
                     kMonths[static_cast<std::size_t>(c.month - 1)], c.year, c.hour, c.minute, c.second);
}

Result<Instant> parse_http_date(std::string_view text) {
  std::string_view rest = text;
  Civil c{};
  const auto comma = rest.find(", ");
  if (comma == rest.npos) return no_time(text);
  rest.remove_prefix(comma + 2);
  if ((c.day = digits(rest, 2)) < 0 || !skip(rest, " ")) return no_time(text);
  for (std::size_t i = 0; i < kMonths.size(); ++i)
    if (skip(rest, kMonths[i])) c.month = static_cast<int>(i) + 1;
  if (c.month == 0 || !skip(rest, " ") || (c.year = digits(rest, 4)) < 0 || !skip(rest, " ") || !read_clock(rest, c)) return no_time(text);
  if (rest != " GMT" && rest != " UTC") return no_time(text);
  return instant(text, c);
}

std::string format_basic_time(Instant at) {
  const Civil c = civil(at);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

std::string format_iso_time(Instant at) {
  const Civil c = civil(at);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

Result<Instant> parse_iso_time(std::string_view text) {
  std::string_view rest = text;
  Civil c{};
  const bool date = (c.year = digits(rest, 4)) >= 0 && skip(rest, "-") && (c.month = digits(rest, 2)) >= 0 && skip(rest, "-") &&
                    (c.day = digits(rest, 2)) >= 0;
  if (!date || !(skip(rest, "T") || skip(rest, " ")) || !read_clock(rest, c)) return no_time(text);
  const std::int64_t nanos = read_fraction(rest);
  std::int64_t offset_minutes = 0;
  if (rest.starts_with('+') || rest.starts_with('-')) {
    const int sign = rest.front() == '-' ? -1 : 1;
    rest.remove_prefix(1);
    const int hours = digits(rest, 2);
    skip(rest, ":");
    const int minutes = digits(rest, 2);
    if (hours < 0 || minutes < 0) return no_time(text);
    offset_minutes = sign * (hours * 60 + minutes);
  } else if (rest == "UTC" || rest == "Z" || rest.empty()) {
    rest = {};
  }
  if (!rest.empty()) return no_time(text);
  TRY_ASSIGN(const Instant whole, instant(text, c));
  return whole + std::chrono::nanoseconds(nanos) - std::chrono::minutes(offset_minutes);
}

}  // namespace isobar::storage
