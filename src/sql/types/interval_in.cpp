// Intervals from their texts: "1 year 2 mons 3 days 04:05:06.7", "1.5 weeks ago", "1-2" (years and months), ISO 8601's "P1Y2M3DT4H" and
// "P0001-02-03T04:05:06". A fraction of a unit is told in the next smaller one, a month being 30 days and a day 24 hours.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "datetime_text.h"
#include "sql/ascii.h"
#include "sql/calendar.h"

namespace isobar::sql {
namespace {

enum class Unit : std::uint8_t {
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kYear,
  kDecade,
  kCentury,
  kMillennium
};

struct UnitName {
  std::string_view name;
  Unit unit;
};
constexpr UnitName kUnits[] = {
    {"us", Unit::kMicrosecond},
    {"usec", Unit::kMicrosecond},
    {"usecs", Unit::kMicrosecond},
    {"usecond", Unit::kMicrosecond},
    {"useconds", Unit::kMicrosecond},
    {"microsecon", Unit::kMicrosecond},
    {"ms", Unit::kMillisecond},
    {"msec", Unit::kMillisecond},
    {"msecs", Unit::kMillisecond},
    {"msecond", Unit::kMillisecond},
    {"mseconds", Unit::kMillisecond},
    {"millisecon", Unit::kMillisecond},
    {"s", Unit::kSecond},
    {"sec", Unit::kSecond},
    {"secs", Unit::kSecond},
    {"second", Unit::kSecond},
    {"seconds", Unit::kSecond},
    {"m", Unit::kMinute},
    {"min", Unit::kMinute},
    {"mins", Unit::kMinute},
    {"minute", Unit::kMinute},
    {"minutes", Unit::kMinute},
    {"h", Unit::kHour},
    {"hr", Unit::kHour},
    {"hrs", Unit::kHour},
    {"hour", Unit::kHour},
    {"hours", Unit::kHour},
    {"d", Unit::kDay},
    {"day", Unit::kDay},
    {"days", Unit::kDay},
    {"w", Unit::kWeek},
    {"week", Unit::kWeek},
    {"weeks", Unit::kWeek},
    {"mon", Unit::kMonth},
    {"mons", Unit::kMonth},
    {"month", Unit::kMonth},
    {"months", Unit::kMonth},
    {"y", Unit::kYear},
    {"yr", Unit::kYear},
    {"yrs", Unit::kYear},
    {"year", Unit::kYear},
    {"years", Unit::kYear},
    {"dec", Unit::kDecade},
    {"decs", Unit::kDecade},
    {"decade", Unit::kDecade},
    {"decades", Unit::kDecade},
    {"c", Unit::kCentury},
    {"cent", Unit::kCentury},
    {"century", Unit::kCentury},
    {"centuries", Unit::kCentury},
    {"mil", Unit::kMillennium},
    {"mils", Unit::kMillennium},
    {"millennia", Unit::kMillennium},
    {"millennium", Unit::kMillennium},
};

std::optional<Unit> unit_named(std::string_view word) {
  // PostgreSQL reads ten letters of a word.
  word = word.substr(0, 10);
  for (const auto& unit : kUnits)
    if (unit.name == word) return unit.unit;
  return std::nullopt;
}

constexpr std::int32_t kMonthField = 1 << 1, kYearField = 1 << 2, kDayField = 1 << 3, kHourField = 1 << 10, kMinuteField = 1 << 11,
                       kSecondField = 1 << 12, kAllFields = 0x7fff;
std::int32_t fields_of(std::int32_t modifier) { return modifier < 0 ? kAllFields : (modifier >> 16) & kAllFields; }

/// What a number without a unit counts.
Unit unit_of_fields(std::int32_t fields) {
  if (fields == kAllFields || (fields & kSecondField) != 0) return Unit::kSecond;
  if ((fields & kMinuteField) != 0) return Unit::kMinute;
  if ((fields & kHourField) != 0) return Unit::kHour;
  if ((fields & kDayField) != 0) return Unit::kDay;
  return (fields & kMonthField) != 0 ? Unit::kMonth : Unit::kYear;
}

struct Amount {
  std::int64_t whole = 0;
  double fraction = 0;  // of the same sign
  bool negative = false, pointed = false;
};

class IntervalParser {
 public:
  IntervalParser(std::string_view text, std::int32_t fields) : left_(text), fields_(fields) {}

  /// None: it is no interval, or one whose fields are out of range (`overflow`).
  std::optional<Interval> parse() {
    left_ = trim(left_);
    if (left_.empty()) return std::nullopt;
    const bool read = left_[0] == 'P' ? read_iso() : read_words();
    if (!read || overflow_ || repeated_ || !anything_) return std::nullopt;
    if (ago_) negate();
    Interval interval;
    interval.microseconds = microseconds_;
    if (overflow_ || !fits(days_)) return overflow_ = true, std::nullopt;
    if (!fits(months_)) return too_long_ = true, std::nullopt;
    interval.days = static_cast<std::int32_t>(days_), interval.months = static_cast<std::int32_t>(months_);
    return interval;
  }
  bool overflow() const { return overflow_; }
  bool too_long() const { return too_long_; }

 private:
  static bool fits(std::int64_t value) { return value >= INT32_MIN && value <= INT32_MAX; }
  void negate() {
    overflow_ |= microseconds_ == INT64_MIN;
    if (!overflow_) microseconds_ = -microseconds_;
    days_ = -days_, months_ = -months_;
  }
  char ahead(std::size_t place = 0) const { return place < left_.size() ? left_[place] : '\0'; }
  void skip_spaces() {
    while (ahead() == ' ' || ahead() == '\t' || ahead() == '\n') left_.remove_prefix(1);
  }

  static void add(std::int64_t& sum, std::int64_t value, std::int64_t times, bool& overflow) {
    std::int64_t product = 0;
    overflow |= __builtin_mul_overflow(value, times, &product) || __builtin_add_overflow(sum, product, &sum);
  }
  void add_fraction(double value) { add(microseconds_, static_cast<std::int64_t>(std::rint(value)), 1, overflow_); }
  void add_fraction_of_days(double days) {
    const double whole = std::trunc(days);
    add(days_, static_cast<std::int64_t>(whole), 1, overflow_);
    add_fraction((days - whole) * static_cast<double>(kMicrosecondsPerDay));
  }
  void add_time(const Amount& amount, std::int64_t unit) {
    add(microseconds_, amount.whole, unit, overflow_);
    add_fraction(amount.fraction * static_cast<double>(unit));
  }
  void add_months(const Amount& amount, std::int64_t unit) {
    add(months_, amount.whole, unit, overflow_);
    if (unit == 1) add_fraction_of_days(amount.fraction * 30);
    else add(months_, static_cast<std::int64_t>(std::rint(amount.fraction * static_cast<double>(unit))), 1, overflow_);
  }
  /// Each unit comes once.
  bool note(Unit unit) {
    const unsigned bit = 1U << static_cast<unsigned>(unit);
    repeated_ |= (seen_ & bit) != 0;
    seen_ |= bit;
    return true;
  }
  void add(const Amount& amount, Unit unit) {
    anything_ = note(unit);
    switch (unit) {
      case Unit::kMicrosecond: return add_time(amount, 1);
      case Unit::kMillisecond: return add_time(amount, 1000);
      case Unit::kSecond: return add_time(amount, kMicrosecondsPerSecond);
      case Unit::kMinute: return add_time(amount, kMicrosecondsPerMinute);
      case Unit::kHour: return add_time(amount, kMicrosecondsPerHour);
      case Unit::kDay:
        add(days_, amount.whole, 1, overflow_);
        return add_fraction(amount.fraction * static_cast<double>(kMicrosecondsPerDay));
      case Unit::kWeek: add(days_, amount.whole, 7, overflow_); return add_fraction_of_days(amount.fraction * 7);
      case Unit::kMonth: return add_months(amount, 1);
      case Unit::kYear: return add_months(amount, 12);
      case Unit::kDecade: return add_months(amount, 120);
      case Unit::kCentury: return add_months(amount, 1200);
      case Unit::kMillennium: return add_months(amount, 12'000);
    }
  }

  /// [sign] digits [. digits]; at least one digit.
  std::optional<Amount> read_amount() {
    Amount amount;
    if (ahead() == '-' || ahead() == '+') amount.negative = ahead() == '-', left_.remove_prefix(1), skip_spaces();
    if (!is_digit(ahead()) && !(ahead() == '.' && is_digit(ahead(1)))) return std::nullopt;
    if (is_digit(ahead())) {
      const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), amount.whole);
      overflow_ |= error != std::errc();
      left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    }
    if (ahead() == '.') {
      std::string digits = "0.";
      for (left_.remove_prefix(1); is_digit(ahead()); left_.remove_prefix(1)) digits += ahead();
      amount.fraction = std::strtod(digits.c_str(), nullptr), amount.pointed = true;
    }
    if (amount.negative) amount.whole = -amount.whole, amount.fraction = -amount.fraction;
    return amount;
  }

  /// What stands behind the first colon: [first] : mm [: ss [. fraction]], or first : ss . fraction.
  bool read_clock(const Amount& first) {
    if (first.pointed) return false;
    anything_ = note(Unit::kHour) && note(Unit::kMinute) && note(Unit::kSecond);
    std::int64_t parts[2] = {0, 0};
    double fraction = 0;
    std::size_t count = 0;
    bool pointed = false;
    while (count < 2 && ahead() == ':' && !pointed) {
      left_.remove_prefix(1);
      const auto part = read_amount();
      if (!part || part->negative) return false;
      pointed = part->pointed, fraction = part->fraction, parts[count++] = part->whole;
    }
    if (ahead() == ':') return false;
    std::int64_t hour = std::abs(first.whole), minute = parts[0], second = parts[1];
    if (count == 1 && (pointed || fields_ == (kMinuteField | kSecondField))) second = minute, minute = hour, hour = 0;
    if (minute > 59 || second > 60) return overflow_ = true, false;
    std::int64_t sum = 0;
    add(sum, hour, kMicrosecondsPerHour, overflow_);
    add(sum, minute * 60 + second, kMicrosecondsPerSecond, overflow_);
    add(sum, static_cast<std::int64_t>(std::rint(fraction * 1e6)), 1, overflow_);
    add(microseconds_, sum, first.negative ? -1 : 1, overflow_);
    return true;
  }

  bool read_words() {
    std::optional<Amount> bare;
    for (skip_spaces(); !left_.empty(); skip_spaces()) {
      if (ahead() == '@' && !anything_ && !bare) {
        left_.remove_prefix(1);
        continue;
      }
      if (is_letter(ahead())) {
        std::size_t size = 0;
        while (is_letter(ahead(size))) ++size;
        const std::string word = to_lower(left_.substr(0, size));
        left_.remove_prefix(size);
        if (word == "ago" && !bare) {
          ago_ = true;
          continue;
        }
        const auto unit = unit_named(word);
        if (!unit || !bare) return false;
        add(*bare, *unit);
        bare.reset();
        continue;
      }
      const auto amount = read_amount();
      if (!amount) return false;
      if (ahead() == ':') {
        if (bare) add(*bare, Unit::kDay), bare.reset();
        if (!read_clock(*amount)) return false;
      } else if (ahead() == '-' && is_digit(ahead(1)) && !bare) {
        if (!read_year_month(*amount)) return false;
      } else if (bare) {
        return false;
      } else {
        bare = amount;
      }
    }
    if (bare) add(*bare, unit_of_fields(fields_));
    return true;
  }

  bool read_year_month(const Amount& years) {
    left_.remove_prefix(1);
    const auto months = read_amount();
    if (!months || months->negative || months->pointed || years.pointed) return false;
    if (months->whole > 11) return overflow_ = true, false;
    add(years, Unit::kYear);
    add(months_, months->whole, years.negative ? -1 : 1, overflow_);
    return true;
  }

  /// P0001-02-03T04:05:06
  bool read_iso_dates(const Amount& years) {
    left_.remove_prefix(1);
    const auto months = read_amount();
    if (!months || months->negative) return false;
    add(years, Unit::kYear), add(*months, Unit::kMonth);
    if (ahead() == '-') {
      left_.remove_prefix(1);
      const auto days = read_amount();
      if (!days) return false;
      add(*days, Unit::kDay);
    }
    return true;
  }

  bool read_iso() {
    left_.remove_prefix(1);
    bool time = false;
    if (left_.empty()) return false;
    while (!left_.empty()) {
      if (ahead() == 'T' && !time) {
        time = anything_ = true;
        left_.remove_prefix(1);
        continue;
      }
      const auto amount = read_amount();
      if (!amount) return false;
      if (!time && ahead() == '-') {
        if (!read_iso_dates(*amount)) return false;
        continue;
      }
      if (time && ahead() == ':') {
        if (!read_clock(*amount)) return false;
        continue;
      }
      constexpr std::string_view kDateSigns = "YMWD", kTimeSigns = "HMS";
      constexpr Unit kDateUnits[] = {Unit::kYear, Unit::kMonth, Unit::kWeek, Unit::kDay},
                     kTimeUnits[] = {Unit::kHour, Unit::kMinute, Unit::kSecond};
      const std::size_t place = left_.empty() ? std::string_view::npos : (time ? kTimeSigns : kDateSigns).find(ahead());
      if (place == std::string_view::npos) return false;
      add(*amount, time ? kTimeUnits[place] : kDateUnits[place]);
      left_.remove_prefix(1);
    }
    return true;
  }

  std::string_view left_;
  std::int32_t fields_;
  std::int64_t microseconds_ = 0, days_ = 0, months_ = 0;
  bool ago_ = false, overflow_ = false, too_long_ = false, anything_ = false, repeated_ = false;
  unsigned seen_ = 0;
};

}  // namespace

SqlResult<Interval> interval_from_text(std::string_view text, std::int32_t modifier) {
  IntervalParser parser(text, fields_of(modifier));
  if (const auto interval = parser.parse()) return *interval;
  if (parser.too_long()) return SqlError(state::kDatetimeFieldOverflow, "interval out of range");
  if (parser.overflow()) return SqlError(state::kIntervalFieldOverflow, fmt::format("interval field value out of range: \"{}\"", text));
  return SqlError(state::kInvalidDatetimeFormat, fmt::format("invalid input syntax for type interval: \"{}\"", text));
}

Interval with_interval_modifier(Interval interval, std::int32_t modifier) {
  if (modifier < 0) return interval;
  const std::int32_t fields = fields_of(modifier), digits = modifier & 0xffff;
  if (fields != kAllFields && (fields & kSecondField) == 0) {
    const std::int64_t unit = (fields & kMinuteField) != 0 ? kMicrosecondsPerMinute : (fields & kHourField) != 0 ? kMicrosecondsPerHour : 0;
    interval.microseconds = unit == 0 ? 0 : interval.microseconds / unit * unit;
    if ((fields & (kDayField | kHourField | kMinuteField)) == 0) interval.days = 0;
    if (fields == kYearField) interval.months = interval.months / 12 * 12;
  }
  interval.microseconds = round_microseconds(interval.microseconds, digits == 0xffff ? -1 : digits);
  return interval;
}

}  // namespace isobar::sql
