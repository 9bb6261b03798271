#include "features/timestamp.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "shorten.h"

namespace isobar::features {

namespace {

constexpr std::int64_t kNanosInSecond = 1'000'000'000;

/// Takes the text apart from the left; what does not fit makes it `bad` for good.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    if (rest_.size() < digits) return bad_ = true, 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return bad_ = true, 0;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  void expect(std::string_view any_of) { bad_ |= !take(any_of); }
  bool take(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void refuse() { bad_ = true; }
  char front() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool done() const { return rest_.empty(); }
  bool bad() const { return bad_; }

 private:
  std::string_view rest_;
  bool bad_ = false;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digits after the point as nanoseconds; none: one below the nanosecond is not zero.
std::optional<int> read_fraction(Reader& reader) {
  int nanos = 0, digits = 0;
  bool lost = false;
  if (!is_digit(reader.front())) reader.refuse();
  for (; is_digit(reader.front()); ++digits) {
    const int digit = reader.number(1);
    if (digits < 9) nanos = nanos * 10 + digit;
    else lost |= digit != 0;
  }
  for (; digits < 9; ++digits) nanos *= 10;
  return lost ? std::nullopt : std::optional(nanos);
}

/// In seconds, east of Greenwich; "+01", "+0100" and "+01:00" are all met.
int read_offset(Reader& reader) {
  if (reader.take("Zz")) return 0;
  const bool west = reader.front() == '-';
  reader.expect("+-");
  const int hours = reader.number(2);
  const bool colon = reader.take(":");
  const int minutes = colon || is_digit(reader.front()) ? reader.number(2) : 0;
  if (hours > 23 || minutes > 59) reader.refuse();
  return (hours * 3600 + minutes * 60) * (west ? -1 : 1);
}

Error malformed(std::string_view text) {
  return invalid(fmt::format("'{}' is not a timestamp; write it as 2024-02-29T12:00:00Z", shorten(text)));
}

Result<Instant> assemble(std::string_view text, std::chrono::sys_days day, int seconds_of_day, int nanos) {
  const auto seconds = static_cast<__int128>(day.time_since_epoch().count()) * 86400 + seconds_of_day;
  const __int128 all = seconds * kNanosInSecond + nanos;
  if (all < INT64_MIN || all > INT64_MAX)
    return invalid(fmt::format("'{}' is beyond what a timestamp in nanoseconds holds, 1677-09-21 to 2262-04-11", text));
  return Instant::from_unix_nanos(static_cast<std::int64_t>(all));
}

}  // namespace

Result<Instant> parse_timestamp(std::string_view text) {
  Reader reader(text);
  const int year = reader.number(4);
  reader.expect("-");
  const int month = reader.number(2);
  reader.expect("-");
  const int day = reader.number(2);
  int hour = 0, minute = 0, second = 0, nanos = 0, offset = 0;
  if (!reader.done()) {
    reader.expect("Tt ");
    hour = reader.number(2);
    reader.expect(":");
    minute = reader.number(2);
    if (reader.take(":")) second = reader.number(2);
    if (reader.take(".,")) {
      const auto fraction = read_fraction(reader);
      if (!fraction) return invalid(fmt::format("'{}' has a fraction finer than a nanosecond; cut it to nine digits", shorten(text)));
      nanos = *fraction;
    }
    if (!reader.done()) offset = read_offset(reader);
  }
  if (reader.bad() || !reader.done()) return malformed(text);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return invalid(fmt::format("'{}' names a day that is not in the calendar", shorten(text)));
  if (hour > 23 || minute > 59 || second > 60) return invalid(fmt::format("'{}' names a time that is not on the clock", text));
  return assemble(text, std::chrono::sys_days(date), hour * 3600 + minute * 60 + second - offset, nanos);
}

void append_rfc3339(std::string& out, Instant at) {
  const auto since = std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(at.unix_nanos()));
  // The day by the second, not by the nanosecond: the first day there is starts before the first of them.
  const auto second = std::chrono::floor<std::chrono::seconds>(since);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const auto of_day = (second - std::chrono::time_point_cast<std::chrono::seconds>(day)).count();
  std::int64_t nanos = at.unix_nanos() % kNanosInSecond;
  if (nanos < 0) nanos += kNanosInSecond;
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3600, of_day / 60 % 60, of_day % 60);
  if (nanos % 1'000 != 0) fmt::format_to(std::back_inserter(out), ".{:09}", nanos);
  else if (nanos % 1'000'000 != 0) fmt::format_to(std::back_inserter(out), ".{:06}", nanos / 1'000);
  else if (nanos != 0) fmt::format_to(std::back_inserter(out), ".{:03}", nanos / 1'000'000);
  out += 'Z';
}

std::string to_rfc3339(Instant at) {
  std::string text;
  append_rfc3339(text, at);
  return text;
}

}  // namespace isobar::features
