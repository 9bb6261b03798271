#include "time_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "sql/ascii.h"
#include "sql/utf8.h"
#include "texts.h"

namespace isobar::sql {
namespace {

constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view kRoman[] = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

/// Longer ones before those they begin with.
constexpr std::string_view kKeywords[] = {"SSSSS", "SSSS",  "Y,YYY", "YYYY", "IYYY", "IDDD", "HH24", "HH12", "A.M.", "P.M.", "B.C.",
                                          "A.D.",  "MONTH", "YYY",   "IYY",  "DDD",  "DAY",  "MON",  "TZH",  "TZM",  "FF1",  "FF2",
                                          "FF3",   "FF4",   "FF5",   "FF6",  "YY",   "IY",   "ID",   "IW",   "HH",   "MI",   "SS",
                                          "MS",    "US",    "AM",    "PM",   "BC",   "AD",   "MM",   "DD",   "DY",   "WW",   "CC",
                                          "TZ",    "OF",    "RM",    "Y",    "I",    "D",    "W",    "Q",    "J"};

/// One keyword of a pattern with what stands around it, or a literal.
struct Node {
  std::string_view keyword;  // in capitals; empty: a literal
  std::string literal;
  bool fill = true;          // FM: without padding
  std::string_view ordinal;  // TH or th
  enum class Case : std::uint8_t { kUpper, kTitle, kLower } letters = Case::kUpper;
};

bool starts_with_any_case(std::string_view text, std::string_view upper) {
  return text.size() >= upper.size() && raised(text.substr(0, upper.size())) == upper;
}

std::vector<Node> nodes_of(std::string_view pattern) {
  std::vector<Node> nodes;
  bool fill = true;
  while (!pattern.empty()) {
    if (starts_with_any_case(pattern, "FM") || starts_with_any_case(pattern, "FX") || starts_with_any_case(pattern, "TM")) {
      if (starts_with_any_case(pattern, "FM")) fill = false;
      pattern.remove_prefix(2);
      continue;
    }
    const auto* keyword = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                       [&](std::string_view word) { return starts_with_any_case(pattern, word); });
    if (keyword != std::end(kKeywords)) {
      Node node;
      node.keyword = *keyword, node.fill = std::exchange(fill, true);
      const std::string_view written = pattern.substr(0, keyword->size());
      node.letters = written[0] >= 'a'                         ? Node::Case::kLower
                     : written.size() > 1 && written[1] >= 'a' ? Node::Case::kTitle
                                                               : Node::Case::kUpper;
      pattern.remove_prefix(keyword->size());
      if (starts_with_any_case(pattern, "TH")) node.ordinal = pattern.substr(0, 2), pattern.remove_prefix(2);
      nodes.push_back(std::move(node));
      continue;
    }
    Node literal;
    if (pattern[0] == '"') {
      pattern.remove_prefix(1);
      while (!pattern.empty() && pattern[0] != '"') {
        if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
        literal.literal += pattern[0], pattern.remove_prefix(1);
      }
      if (!pattern.empty()) pattern.remove_prefix(1);
    } else {
      if (pattern[0] == '\\' && pattern.size() > 1 && pattern[1] == '"') pattern.remove_prefix(1);
      const std::size_t length = std::min(pattern.size(), utf8_length(pattern[0]));
      literal.literal = pattern.substr(0, length), pattern.remove_prefix(length);
    }
    nodes.push_back(std::move(literal));
  }
  return nodes;
}

std::string cased(std::string_view word, const Node& node) {
  return node.letters == Node::Case::kUpper ? raised(word) : node.letters == Node::Case::kLower ? lowered(word) : std::string(word);
}
std::string ordinal_of(std::int64_t value, std::string_view written) {
  if (written.empty()) return {};
  const std::int64_t last = std::abs(value) % 10, teens = std::abs(value) % 100;
  const std::string_view suffix = teens >= 11 && teens <= 13 ? "th" : last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th";
  return written[0] == 'T' ? raised(suffix) : std::string(suffix);
}

/// Writes one pattern.
class TimeWriter {
 public:
  explicit TimeWriter(const TimeFields& fields) : f_(fields) {}

  SqlResult<std::string> write(std::string_view pattern) {
    for (const Node& node : nodes_of(pattern)) {
      if (node.keyword.empty()) {
        out_ += node.literal;
        continue;
      }
      if (f_.is_interval && (node.keyword == "J" || node.keyword == "WW" || node.keyword == "IW" || node.keyword == "DDD"))
        return SqlError(state::kFeatureNotSupported, fmt::format("the pattern \"{}\" of an interval is not supported", node.keyword));
      if (f_.is_interval && !of_interval(node.keyword))
        return SqlError(state::kInvalidDatetimeFormat, "invalid format specification for an interval value")
            .with_hint("Intervals are not tied to specific calendar dates.");
      if (!names(node)) numbers(node);
    }
    return std::move(out_);
  }

 private:
  static bool of_interval(std::string_view keyword) {
    constexpr std::string_view kNot[] = {"MONTH", "MON",  "DAY", "DY",  "D",   "ID", "BC",   "AD",
                                         "B.C.",  "A.D.", "TZ",  "TZH", "TZM", "OF", "IDDD", "DDD"};
    return std::find(std::begin(kNot), std::end(kNot), keyword) == std::end(kNot);
  }
  void padded_name(std::string_view name, const Node& node) {
    out_ += cased(name, node);
    if (node.fill && name.size() < 9) out_.append(9 - name.size(), ' ');
  }
  bool names(const Node& node) {
    const auto key = node.keyword;
    const auto month = static_cast<std::size_t>(f_.date.month - 1), weekday = static_cast<std::size_t>(weekday_of(f_.days));
    if (key == "MONTH") return padded_name(kMonths[month], node), true;
    if (key == "DAY") return padded_name(kDays[weekday], node), true;
    if (key == "MON") return out_ += cased(kMonths[month].substr(0, 3), node), true;
    if (key == "DY") return out_ += cased(kDays[weekday].substr(0, 3), node), true;
    if (key == "RM") {
      if (f_.is_interval && f_.date.month == 0) return true;
      const std::string roman = cased(kRoman[month], node);
      out_ += roman;
      if (node.fill && roman.size() < 4) out_.append(4 - roman.size(), ' ');
      return true;
    }
    const bool after_noon = f_.hours % 24 >= 12, before_christ = f_.date.year <= 0;
    if (key == "AM" || key == "PM") return out_ += cased(after_noon ? "PM" : "AM", node), true;
    if (key == "A.M." || key == "P.M.") return out_ += cased(after_noon ? "P.M." : "A.M.", node), true;
    if (key == "BC" || key == "AD") return out_ += cased(before_christ ? "BC" : "AD", node), true;
    if (key == "B.C." || key == "A.D.") return out_ += cased(before_christ ? "B.C." : "A.D.", node), true;
    if (key == "TZ") return out_ += node.letters == Node::Case::kLower ? lowered(f_.zone) : f_.zone, true;
    if (key == "TZH" || key == "OF") {
      out_ += f_.offset < 0 ? '-' : '+';
      out_ += fmt::format("{:02}", std::abs(f_.offset) / 3600);
      if (key == "OF" && f_.offset % 3600 != 0) out_ += fmt::format(":{:02}", std::abs(f_.offset) / 60 % 60);
      return true;
    }
    if (key == "TZM") return out_ += fmt::format("{:02}", std::abs(f_.offset) / 60 % 60), true;
    if (key.starts_with("FF"))
      return out_ += fmt::format("{:06}", f_.clock.microsecond).substr(0, static_cast<std::size_t>(key[2] - '0')), true;
    if (key == "Y,YYY") {
      const std::int64_t year = shown_year(f_.date.year);
      out_ += fmt::format("{},{:03}", year / 1000, year % 1000) + ordinal_of(year, node.ordinal);
      return true;
    }
    return false;
  }
  std::int64_t century() const {
    return f_.is_interval ? f_.date.year / 100 : f_.date.year > 0 ? (f_.date.year + 99) / 100 : -((99 - (f_.date.year - 1)) / 100);
  }
  std::int64_t shown_year(std::int64_t year) const { return f_.is_interval || year > 0 ? year : 1 - year; }

  struct Number {
    std::int64_t value;
    int width;
  };
  Number number_of(std::string_view key) const {
    const auto clock = [&](int divisor) { return f_.clock.microsecond / divisor; };
    const std::int64_t year = shown_year(f_.date.year), iso_year = shown_year(iso_week_of(f_.days).year), week_day = weekday_of(f_.days);
    const std::int64_t of_year = f_.is_interval ? 0 : f_.days - days_of({f_.date.year, 1, 1}) + 1;
    const std::int64_t twelve = f_.hours % 12 == 0 ? 12 : f_.hours % 12;
    if (key == "HH24") return {f_.hours, f_.hours < 0 ? 3 : 2};
    if (key == "HH12" || key == "HH") return {twelve, f_.hours < 0 ? 3 : 2};
    if (key == "MI") return {f_.clock.minute, 2};
    if (key == "SS") return {f_.clock.second, 2};
    if (key == "MS") return {clock(1000), 3};
    if (key == "US") return {clock(1), 6};
    if (key == "SSSS" || key == "SSSSS") return {f_.hours * 3600 + f_.clock.minute * 60 + f_.clock.second, 0};
    if (key == "YYYY") return {year, 4};
    if (key == "YYY") return {year % 1000, 3};
    if (key == "YY") return {year % 100, 2};
    if (key == "Y") return {year % 10, 1};
    if (key == "IYYY") return {iso_year, 4};
    if (key == "IYY") return {iso_year % 1000, 3};
    if (key == "IY") return {iso_year % 100, 2};
    if (key == "I") return {iso_year % 10, 1};
    if (key == "MM") return {f_.date.month, 2};
    if (key == "DD") return {f_.date.day, 2};
    if (key == "DDD") return {of_year, 3};
    if (key == "IDDD") return {f_.days - days_of_iso_week(iso_week_of(f_.days).year, 1) + 1, 3};
    if (key == "D") return {week_day + 1, 0};
    if (key == "ID") return {week_day == 0 ? 7 : week_day, 0};
    if (key == "WW") return {(of_year - 1) / 7 + 1, 2};
    if (key == "IW") return {iso_week_of(f_.days).week, 2};
    if (key == "W") return {(f_.date.day - 1) / 7 + 1, 0};
    if (key == "Q") return {(f_.date.month - 1) / 3 + 1, 0};
    if (key == "CC") return {century(), century() < 0 ? 3 : 2};
    return {f_.days + kJulianOfEpoch, 0};  // J
  }
  void numbers(const Node& node) {
    const Number number = number_of(node.keyword);
    out_ += node.fill ? fmt::format("{:0{}}", number.value, number.width) : fmt::format("{}", number.value);
    out_ += ordinal_of(number.value, node.ordinal);
  }

  const TimeFields& f_;
  std::string out_;
};

/// Reads a text by a pattern.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : left_(text) {}

  SqlResult<ParsedTime> read(std::string_view pattern) {
    const auto nodes = nodes_of(pattern);
    for (std::size_t place = 0; place < nodes.size(); ++place) {
      const Node& node = nodes[place];
      // What the text does not say is as it is at the start of the year 1 BC.
      if (left_.empty()) break;
      if (node.keyword.empty()) {
        skip_literal(node.literal);
        continue;
      }
      const bool digits_follow = place + 1 < nodes.size() && !nodes[place + 1].keyword.empty();
      TRY(take(node, digits_follow));
      if (!node.ordinal.empty()) left_.remove_prefix(std::min<std::size_t>(2, left_.size()));
    }
    return conclude();
  }

 private:
  void skip_literal(std::string_view literal) {
    for (const char c : literal) {
      if (left_.empty()) return;
      const bool separator = is_space(c) || (!is_letter(c) && !is_digit(c));
      if (separator) {
        // Any separator stands for any other.
        while (!left_.empty() && is_space(left_[0])) left_.remove_prefix(1);
        if (!left_.empty() && !is_letter(left_[0]) && !is_digit(left_[0]) && left_[0] != '+' && !(left_[0] == '-' && c != '-'))
          left_.remove_prefix(1);
      } else {
        left_.remove_prefix(1);
      }
    }
  }
  SqlError bad_value(std::string_view key, std::string_view detail) const {
    return SqlError(state::kInvalidDatetimeFormat,
                    fmt::format("invalid value \"{}\" for \"{}\"", left_.substr(0, std::max<std::size_t>(key.size(), 1)), key))
        .with_detail(std::string(detail));
  }

  SqlResult<std::int64_t> number(std::string_view key, std::size_t most) {
    while (!left_.empty() && is_space(left_[0])) left_.remove_prefix(1);
    std::int64_t value = 0;
    std::size_t size = 0;
    const bool negative = left_.starts_with('-');
    if (negative || left_.starts_with('+')) ++size;
    const std::size_t sign = size;
    for (; size < left_.size() && size - sign < most && is_digit(left_[size]); ++size) value = value * 10 + (left_[size] - '0');
    if (size == sign) return bad_value(key, "Value must be an integer.");
    left_.remove_prefix(size);
    last_digits_ = size - sign;
    return negative ? -value : value;
  }
  template <std::size_t kCount>
  SqlResult<std::int64_t> name(std::string_view key, const std::string_view (&names)[kCount], bool whole) {
    while (!left_.empty() && is_space(left_[0])) left_.remove_prefix(1);
    for (std::size_t place = 0; place < kCount; ++place) {
      const std::string_view wanted = whole ? names[place] : names[place].substr(0, 3);
      if (starts_with_any_case(left_, raised(wanted))) {
        left_.remove_prefix(wanted.size());
        return static_cast<std::int64_t>(place);
      }
    }
    return bad_value(key, "The given value did not match any of the allowed values for this field.");
  }

  SqlStatus take(const Node& node, bool digits_follow) {
    const auto key = node.keyword;
    const auto into = [&](std::optional<std::int64_t>& field, std::size_t width) -> SqlStatus {
      TRY_ASSIGN(const std::int64_t value, number(key, digits_follow || width < 4 ? width : 9));
      field = value;
      return {};
    };
    if (key == "YYYY" || key == "IYYY") return into(key[0] == 'Y' ? year_ : iso_year_, 4);
    if (key == "YYY" || key == "YY" || key == "Y") return short_year(key);
    if (key == "Y,YYY") return comma_year();
    if (key == "MM") return into(month_, 2);
    if (key == "DD") return into(day_, 2);
    if (key == "DDD") return into(day_of_year_, 3);
    if (key == "HH24") return into(hour_, 2);
    if (key == "HH12" || key == "HH") return twelve_ = true, into(hour_, 2);
    if (key == "MI") return into(minute_, 2);
    if (key == "SS") return into(second_, 2);
    if (key == "SSSS" || key == "SSSSS") return into(second_of_day_, 5);
    if (key == "MS" || key == "US" || key.starts_with("FF")) return fraction(key);
    if (key == "J") return into(julian_, 9);
    if (key == "IW") return into(iso_week_, 2);
    if (key == "ID") return into(iso_day_, 1);
    if (key == "TZH") return zone_hour();
    if (key == "TZM") {
      TRY_ASSIGN(const std::int64_t minutes, number(key, 2));
      parsed_.offset += static_cast<std::int32_t>((zone_negative_ ? -1 : 1) * minutes * 60);
      return {};
    }
    return take_name(node);
  }
  SqlStatus take_name(const Node& node) {
    const auto key = node.keyword;
    if (key == "MONTH" || key == "MON") {
      TRY_ASSIGN(const std::int64_t place, name(key, kMonths, key == "MONTH"));
      month_ = place + 1;
      return {};
    }
    if (key == "DAY" || key == "DY") {
      TRY_ASSIGN([[maybe_unused]] const std::int64_t place, name(key, kDays, key == "DAY"));
      return {};
    }
    if (key == "AM" || key == "PM" || key == "A.M." || key == "P.M.") {
      while (!left_.empty() && is_space(left_[0])) left_.remove_prefix(1);
      if (left_.empty() || ((left_[0] | 32) != 'a' && (left_[0] | 32) != 'p'))
        return bad_value(key, "The given value did not match any of the allowed values for this field.");
      after_noon_ = (left_[0] | 32) == 'p', twelve_ = true;
      left_.remove_prefix(std::min(left_.size(), key.size()));
      return {};
    }
    if (key == "BC" || key == "AD" || key == "B.C." || key == "A.D.") {
      before_christ_ = !left_.empty() && (left_[0] | 32) == 'b';
      left_.remove_prefix(std::min(left_.size(), key.size()));
      return {};
    }
    if (key == "Q" || key == "D" || key == "W" || key == "WW") {
      TRY_ASSIGN([[maybe_unused]] const std::int64_t ignored, number(key, 2));
      return {};
    }
    return SqlError(state::kFeatureNotSupported, fmt::format("the pattern \"{}\" is not supported in to_date and to_timestamp", key));
  }
  SqlStatus short_year(std::string_view key) {
    TRY_ASSIGN(std::int64_t value, number(key, key.size()));
    // Fewer than four digits mean the year nearest to 2020.
    if (last_digits_ <= 2) value += value < 70 ? 2000 : 1900;
    else if (value < 100) value += 2000;
    else if (value < 520) value += 2000;
    else if (value < 1000) value += 1000;
    year_ = value;
    return {};
  }
  SqlStatus comma_year() {
    TRY_ASSIGN(const std::int64_t thousands, number("Y,YYY", 3));
    if (left_.starts_with(',')) left_.remove_prefix(1);
    TRY_ASSIGN(const std::int64_t rest, number("Y,YYY", 3));
    year_ = thousands * 1000 + rest;
    return {};
  }
  SqlStatus fraction(std::string_view key) {
    TRY_ASSIGN(std::int64_t value, number(key, key == "MS" ? 3 : key == "US" ? 6 : static_cast<std::size_t>(key[2] - '0')));
    for (std::size_t digits = last_digits_; digits < 6; ++digits) value *= 10;
    fraction_ = value;
    return {};
  }
  SqlStatus zone_hour() {
    zone_negative_ = left_.starts_with('-');
    TRY_ASSIGN(const std::int64_t hours, number("TZH", 2));
    parsed_.has_offset = true;
    parsed_.offset = static_cast<std::int32_t>(hours * 3600);
    return {};
  }

  SqlError out_of_range() const { return {state::kDatetimeFieldOverflow, "date/time field value out of range"}; }
  SqlResult<std::int64_t> days() {
    if (julian_) return *julian_ - kJulianOfEpoch;
    if (iso_year_) {
      const std::int64_t week = iso_week_.value_or(1), day = iso_day_.value_or(1);
      return days_of_iso_week(*iso_year_, static_cast<int>(week)) + day - 1;
    }
    std::int64_t year = year_.value_or(before_christ_ ? 1 : 0);
    if (before_christ_) year = 1 - year;
    else if (year < 0) year += 1;
    if (year > 6'000'000) return out_of_range();
    if (day_of_year_) {
      if (*day_of_year_ < 1 || *day_of_year_ > 366) return out_of_range();
      return days_of({year, 1, 1}) + *day_of_year_ - 1;
    }
    const std::int64_t month = month_.value_or(1), day = day_.value_or(1);
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, static_cast<int>(month))) return out_of_range();
    return days_of({year, static_cast<int>(month), static_cast<int>(day)});
  }
  SqlResult<ParsedTime> conclude() {
    TRY_ASSIGN(parsed_.days, days());
    std::int64_t hour = hour_.value_or(0);
    if (twelve_) {
      if (hour_ && (hour < 1 || hour > 12))
        return SqlError(state::kInvalidDatetimeFormat, fmt::format("hour \"{}\" is invalid for the 12-hour clock", hour))
            .with_hint("Use the 24-hour clock, or give an hour between 1 and 12.");
      if (hour_) hour = hour % 12 + (after_noon_ ? 12 : 0);
    }
    const std::int64_t minute = minute_.value_or(0), second = second_.value_or(0);
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 60) return out_of_range();
    parsed_.microseconds = ((hour * 60 + minute) * 60 + second) * kMicrosecondsPerSecond + fraction_;
    if (second_of_day_) parsed_.microseconds = *second_of_day_ * kMicrosecondsPerSecond + fraction_;
    return parsed_;
  }

  std::string_view left_;
  ParsedTime parsed_;
  std::size_t last_digits_ = 0;
  std::optional<std::int64_t> year_, month_, day_, day_of_year_, hour_, minute_, second_, second_of_day_, julian_, iso_year_, iso_week_,
      iso_day_;
  std::int64_t fraction_ = 0;
  bool twelve_ = false, after_noon_ = false, before_christ_ = false, zone_negative_ = false;
};

}  // namespace

SqlResult<std::string> format_time(const TimeFields& fields, std::string_view pattern) { return TimeWriter(fields).write(pattern); }
SqlResult<ParsedTime> parse_time(std::string_view text, std::string_view pattern) { return TimeReader(text).read(pattern); }

}  // namespace isobar::sql
