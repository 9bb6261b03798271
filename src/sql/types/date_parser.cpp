// People write dates in many ways: 2024-01-02, 20240102, Jan 2, 2024, 2 January 2024 3:04 PM, 2024-01-02T03:04:05.678+01:00. The text is
// taken word by word from its front; a number's meaning follows from its length, from the sign behind it and from what is known already.

#include "date_parser.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/text.h"
#include "sql/ascii.h"

namespace isobar::sql {
namespace {

using Special = DateTimeText::Special;

constexpr std::string_view kMonths[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
constexpr std::string_view kWeekdays[] = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

/// A name in full, or its first three letters (of September and of two days also four).
template <std::size_t kCount>
std::optional<int> place_among(const std::string_view (&names)[kCount], std::string_view word) {
  for (std::size_t place = 0; place < kCount; ++place) {
    const bool four = word == "sept" || word == "tues" || word == "wednes" || word == "thur" || word == "thurs";
    if (names[place] == word || ((word.size() == 3 || four) && names[place].starts_with(word))) return static_cast<int>(place);
  }
  return std::nullopt;
}

class DateParser {
 public:
  DateParser(std::string_view text, bool time_only) : left_(text), time_only_(time_only) {}

  ParsedDate parse() {
    while (problem_ == DateProblem::kNone) {
      while (!left_.empty() && (is_space(left_[0]) || left_[0] == ',')) left_.remove_prefix(1);
      if (left_.empty()) break;
      anything_ = true;
      take_word();
    }
    if (problem_ == DateProblem::kNone) conclude();
    return {problem_, zone_name_, std::move(text_)};
  }

 private:
  void fail(DateProblem problem) {
    if (problem_ == DateProblem::kNone) problem_ = problem;
  }
  char ahead(std::size_t place = 0) const { return place < left_.size() ? left_[place] : '\0'; }
  std::string_view take(std::size_t size) {
    const auto taken = left_.substr(0, size);
    left_.remove_prefix(taken.size());
    return taken;
  }
  template <class Is>
  std::string_view take_while(Is is) {
    std::size_t size = 0;
    while (size < left_.size() && is(left_[size])) ++size;
    return take(size);
  }
  /// Of digits, at most nine of which count.
  static std::int64_t number(std::string_view digits) {
    std::int64_t value = 0;
    for (const char digit : digits) value = value < 100'000'000 ? value * 10 + (digit - '0') : 1'000'000'000;
    return value;
  }

  void take_word() {
    const char first = left_[0];
    if (is_digit(first)) return take_number();
    if ((first == '+' || first == '-') && is_digit(ahead(1))) return take_offset();
    if ((first == '+' || first == '-') && is_letter(ahead(1))) {
      take(1);
      const std::string word = to_lower(take_while(is_letter));
      if (word != "infinity") return fail(DateProblem::kSyntax);
      return take_special(first == '-' ? Special::kMinusInfinite : Special::kInfinite);
    }
    if (is_letter(first)) return take_letters();
    fail(DateProblem::kSyntax);
  }

  void take_number() {
    const auto digits = take_while(is_digit);
    const char next = ahead();
    if (next == ':') return take_time(digits);
    if ((next == '-' || next == '/') && (is_digit(ahead(1)) || is_letter(ahead(1)))) return take_date(digits, next);
    if (next == '.' && is_digit(ahead(1))) return take_pointed(digits);
    take_plain_number(digits, {});
  }

  /// 1.2.2024, 2024.002 (a day of a year), 030405.678
  void take_pointed(std::string_view digits) {
    std::size_t size = 1;
    while (is_digit(ahead(size))) ++size;
    if (ahead(size) == '.' || ahead(size) == '-') return take_date(digits, '.');
    take(1);
    const auto fraction = take(size - 1);
    if (digits.size() == 4 && fraction.size() == 3 && !year_ && !time_only_) {
      year_ = number(digits), day_of_year_ = number(fraction);
      return;
    }
    take_plain_number(digits, fraction);
  }

  /// a-b-c: with a month's name in any place; else the year is the one of more than two digits, or the last.
  void take_date(std::string_view first, char separator) {
    std::string_view parts[3] = {first, {}, {}};
    std::size_t count = 1;
    while (count < 3 && ahead() == separator && (is_digit(ahead(1)) || is_letter(ahead(1)))) {
      take(1);
      parts[count++] = is_digit(ahead()) ? take_while(is_digit) : take_while(is_letter);
    }
    if (year_ || month_ || day_ || text_.microseconds) return fail(DateProblem::kSyntax);
    std::vector<std::string_view> numbers;
    for (std::size_t place = 0; place < count; ++place) {
      if (is_digit(parts[place][0])) {
        numbers.push_back(parts[place]);
        continue;
      }
      const auto month = place_among(kMonths, to_lower(parts[place]));
      if (!month || month_) return fail(DateProblem::kSyntax);
      month_ = *month + 1;
    }
    if (numbers.size() + (month_ ? 1 : 0) != 3) {
      if (numbers.size() != 2 || month_ || numbers[0].size() < 3 || numbers[1].size() != 3) return fail(DateProblem::kSyntax);
      year_ = number(numbers[0]), day_of_year_ = number(numbers[1]);
      return;
    }
    if (numbers[0].size() >= 3) {
      set_year(numbers[0]);
      if (!month_) month_ = number(numbers[1]);
      day_ = number(numbers.back());
      if (numbers.back().size() > 2 && numbers.size() == 2) fail(DateProblem::kSyntax);
      return;
    }
    if (!month_) month_ = number(numbers[0]), day_ = number(numbers[1]);
    else day_ = number(numbers[0]);
    set_year(numbers.back());
  }

  void set_year(std::string_view digits) {
    year_ = number(digits);
    if (digits.size() <= 2) two_digits_ = true;
  }

  void take_plain_number(std::string_view digits, std::string_view fraction) {
    const bool has_date = year_ || text_.days;
    const std::size_t size = digits.size();
    if ((has_date || after_t_ || time_only_) && !text_.microseconds && (size == 6 || size == 4)) {
      const auto part = [&](std::size_t at) { return at < size ? number(digits.substr(at, 2)) : 0; };
      return set_time(part(0), part(2), part(4), fraction);
    }
    if (!fraction.empty()) return fail(DateProblem::kSyntax);
    if (!has_date && !month_ && !day_ && (size == 8 || size == 6)) {
      const std::size_t year = size - 4;
      set_year(digits.substr(0, year));
      month_ = number(digits.substr(year, 2)), day_ = number(digits.substr(year + 2));
      return;
    }
    if (!has_date && !month_ && !day_ && size == 7) return fail(DateProblem::kField);
    if (size >= 3 && !year_) return set_year(digits);
    if (size == 3 && year_ && !month_ && !day_) {
      day_of_year_ = number(digits);
      return;
    }
    if (size > 2) return fail(DateProblem::kSyntax);
    if (month_ && !day_) day_ = number(digits);
    else if (!month_) month_ = number(digits);
    else if (!year_) set_year(digits);
    else fail(DateProblem::kSyntax);
  }

  void take_time(std::string_view hours) {
    std::string_view parts[2];
    std::size_t count = 0;
    while (count < 2 && ahead() == ':' && is_digit(ahead(1))) take(1), parts[count++] = take_while(is_digit);
    std::string_view fraction;
    if (count >= 1 && ahead() == '.') take(1), fraction = take_while(is_digit);
    if (count == 0 || text_.microseconds || ahead() == ':') return fail(DateProblem::kSyntax);
    // mm:ss.fraction has no hours.
    if (count == 1 && !fraction.empty()) return set_time(0, number(hours), number(parts[0]), fraction);
    set_time(number(hours), number(parts[0]), count == 2 ? number(parts[1]) : 0, fraction);
  }

  void set_time(std::int64_t hour, std::int64_t minute, std::int64_t second, std::string_view fraction) {
    std::int64_t microseconds = 0;
    if (!fraction.empty()) {
      const std::string digits = "0." + std::string(fraction);
      microseconds = static_cast<std::int64_t>(std::rint(std::strtod(digits.c_str(), nullptr) * 1e6));
    }
    if (minute > 59 || second > 60 || hour > 24 || (hour == 24 && (minute > 0 || second > 0 || microseconds > 0)))
      return fail(DateProblem::kField);
    text_.microseconds = ((hour * 60 + minute) * 60 + second) * kMicrosecondsPerSecond + microseconds;
    hour_ = hour;
  }

  /// +2, +02, +0230, +02:30, +02:30:15
  void take_offset() {
    if (!text_.microseconds) return fail(DateProblem::kSyntax);
    const bool negative = take(1) == "-";
    const auto digits = take_while(is_digit);
    std::int64_t hour = 0, minute = 0, second = 0;
    if (ahead() == ':') {
      hour = number(digits), take(1), minute = number(take_while(is_digit));
      if (ahead() == ':' && is_digit(ahead(1))) take(1), second = number(take_while(is_digit));
    } else if (digits.size() > 2) {
      if (digits.size() > 6) return fail(DateProblem::kSyntax);
      hour = number(digits.substr(0, digits.size() - (digits.size() > 4 ? 4 : 2)));
      minute = number(digits.substr(digits.size() - (digits.size() > 4 ? 4 : 2), 2));
      second = digits.size() > 4 ? number(digits.substr(digits.size() - 2)) : 0;
    } else {
      hour = number(digits);
    }
    if (text_.offset && !named_offset_) return fail(DateProblem::kSyntax);
    if (hour > 15 || minute > 59 || second > 59) return fail(DateProblem::kZoneDisplacement);
    const auto east = static_cast<std::int32_t>((hour * 60 + minute) * 60 + second);
    text_.offset = text_.offset.value_or(0) + (negative ? -east : east);
    named_offset_ = false;
  }

  void take_letters() {
    if ((ahead() | 32) == 't' && is_digit(ahead(1)) && (year_ || text_.days)) {
      take(1);
      after_t_ = true;
      return;
    }
    if ((ahead() | 32) == 'j' && is_digit(ahead(1))) {
      take(1);
      text_.days = number(take_while(is_digit)) - kJulianOfEpoch;
      return;
    }
    const std::string_view before = left_;
    const std::string word = to_lower(take_while(is_letter));
    // A zone's name may go on with other signs.
    const char next = ahead();
    if (next == '/' || next == '_' || (word == "etc" && next == '/')) {
      left_ = before;
      return take_zone();
    }
    if (take_month_or_day(word) || take_marker(word)) return;
    if (const auto offset = TimeZone::offset_of_abbreviation(word)) {
      if (text_.offset || text_.zone) return fail(DateProblem::kSyntax);
      text_.offset = *offset;
      named_offset_ = true;
      return;
    }
    left_ = before;
    take_zone();
  }

  bool take_month_or_day(const std::string& word) {
    if (const auto month = place_among(kMonths, word)) {
      // What was taken for a month stood in front of its name: it is the day.
      if (month_ && !day_) {
        if (*month_ < 1 || *month_ > 31) return fail(DateProblem::kSyntax), true;
        day_ = month_;
      } else if (month_) {
        return fail(DateProblem::kSyntax), true;
      }
      month_ = *month + 1;
      // Jan. 2, Jan-2-2024
      if (ahead() == '.' || (ahead() == '-' && is_digit(ahead(1)))) take(1);
      if (is_digit(ahead()) && !day_) {
        day_ = number(take_while(is_digit));
        if (ahead() == '-' && is_digit(ahead(1))) take(1), set_year(take_while(is_digit));
      }
      return true;
    }
    return place_among(kWeekdays, word).has_value();
  }

  bool take_marker(const std::string& word) {
    if (word == "am" || word == "pm") {
      if (!text_.microseconds || hour_ > 12) return fail(DateProblem::kField), true;
      if (word == "am" && hour_ == 12) *text_.microseconds -= 12 * kMicrosecondsPerHour;
      if (word == "pm" && hour_ != 12) *text_.microseconds += 12 * kMicrosecondsPerHour;
      return true;
    }
    if (word == "bc" || word == "ad") return before_christ_ = word == "bc", true;
    if (word == "at" || word == "on" || (word == "t" && (year_ || text_.days))) return after_t_ = word == "t", true;
    if (word == "infinity") return take_special(Special::kInfinite), true;
    if (word == "epoch") return take_special(Special::kEpoch), true;
    if (word == "now") return take_special(Special::kNow), true;
    if (word == "today") return take_special(Special::kToday), true;
    if (word == "tomorrow") return take_special(Special::kTomorrow), true;
    if (word == "yesterday") return take_special(Special::kYesterday), true;
    if (word == "allballs") return text_.microseconds = 0, text_.offset = 0, true;
    return false;
  }

  void take_special(Special special) {
    if (text_.special != Special::kNone || year_ || month_) return fail(DateProblem::kSyntax);
    text_.special = special;
  }

  void take_zone() {
    const auto name = take_while([](char c) { return is_letter(c) || is_digit(c) || c == '/' || c == '_' || c == '-' || c == '+'; });
    auto zone = text_.zone == nullptr && !text_.offset ? TimeZone::find(name) : SqlError(state::kInvalidParameterValue, "");
    if (zone) {
      text_.zone = *std::move(zone);
      return;
    }
    zone_name_ = name;
    fail(name.find('/') != std::string_view::npos ? DateProblem::kZoneName : DateProblem::kSyntax);
  }

  void conclude() {
    if (!anything_) return fail(DateProblem::kSyntax);
    if (text_.special != Special::kNone || text_.days) return;
    if (!year_ && !month_ && !day_) return;
    if (!year_ || !((month_ && day_) || day_of_year_)) return fail(DateProblem::kSyntax);
    std::int64_t year = *year_;
    if (before_christ_) {
      if (year <= 0) return fail(DateProblem::kField);
      year = 1 - year;
    } else if (two_digits_) {
      year += year < 70 ? 2000 : 1900;
    } else if (year <= 0) {
      return fail(DateProblem::kField);
    }
    if (day_of_year_) {
      if (*day_of_year_ < 1 || *day_of_year_ > 366) return fail(DateProblem::kField);
      text_.days = days_of({year, 1, 1}) + *day_of_year_ - 1;
      return;
    }
    if (*month_ < 1 || *month_ > 12 || *day_ < 1 || *day_ > 31) return fail(DateProblem::kMonthOrDay);
    if (*day_ > days_in_month(year, static_cast<int>(*month_))) return fail(DateProblem::kField);
    text_.days = days_of({year, static_cast<int>(*month_), static_cast<int>(*day_)});
  }

  std::string_view left_;
  DateTimeText text_;
  DateProblem problem_ = DateProblem::kNone;
  std::string_view zone_name_;
  std::optional<std::int64_t> year_, month_, day_, day_of_year_;
  std::int64_t hour_ = 0;
  bool two_digits_ = false, before_christ_ = false, after_t_ = false, named_offset_ = false, anything_ = false, time_only_ = false;
};

}  // namespace

ParsedDate parse_date_time(std::string_view text, bool time_only) { return DateParser(text, time_only).parse(); }

}  // namespace isobar::sql
