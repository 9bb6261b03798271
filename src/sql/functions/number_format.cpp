// to_char of numbers and to_number: "9,990.00", "FM999", "S00.0", "RN".

#include "number_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sql/ascii.h"
#include "texts.h"

namespace isobar::sql {
namespace {

struct Item {
  enum class What : std::uint8_t {
    kDigit,
    kZero,
    kPoint,
    kComma,
    kSign,
    kMinus,
    kPlus,
    kSignOrPlus,
    kBrackets,
    kCurrency,
    kOrdinal,
    kLiteral
  } what = What::kLiteral;
  std::string text;
};

struct Pattern {
  std::vector<Item> items;
  bool fill = true, roman = false, lower_roman = false;
  int before = 0, after = 0;
  bool point = false, sign = false, brackets = false, minus = false, plus = false;
  int first_zero = -1;  // the place of the first 0 before the point, from the left
};

SqlResult<Pattern> parse_pattern(std::string_view text) {
  Pattern pattern;
  const auto takes = [&](std::string_view word) {
    if (text.size() < word.size() || raised(text.substr(0, word.size())) != word) return false;
    text.remove_prefix(word.size());
    return true;
  };
  const auto add = [&](Item::What what, std::string_view written = {}) { pattern.items.push_back({what, std::string(written)}); };
  while (!text.empty()) {
    const std::string_view before = text;
    if (text[0] == '"') {
      const std::size_t end = text.find('"', 1);
      add(Item::What::kLiteral, text.substr(1, end == std::string_view::npos ? end : end - 1));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    } else if (takes("FM")) {
      pattern.fill = false;
    } else if (takes("EEEE")) {
      return SqlError(state::kFeatureNotSupported, "\"EEEE\" in a number's pattern is not supported");
    } else if (takes("RN")) {
      pattern.roman = true, pattern.lower_roman = before[0] == 'r';
    } else if (takes("MI")) {
      pattern.minus = true, add(Item::What::kMinus);
    } else if (takes("PL")) {
      pattern.plus = true, add(Item::What::kPlus);
    } else if (takes("SG")) {
      pattern.minus = true, add(Item::What::kSignOrPlus);
    } else if (takes("PR")) {
      pattern.brackets = true, add(Item::What::kBrackets);
    } else if (takes("TH")) {
      add(Item::What::kOrdinal, before.substr(0, 2));
    } else if (takes("S")) {
      pattern.sign = true, add(Item::What::kSign);
    } else if (takes("V")) {
      return SqlError(state::kFeatureNotSupported, "\"V\" in a number's pattern is not supported");
    } else if (takes("L")) {
      add(Item::What::kCurrency);
    } else if (takes("D") || takes(".")) {
      if (pattern.point) return SqlError(state::kSyntaxError, "multiple decimal points");
      pattern.point = true, add(Item::What::kPoint);
    } else if (takes("G") || takes(",")) {
      add(Item::What::kComma);
    } else if (text[0] == '9' || text[0] == '0') {
      if (text[0] == '0' && !pattern.point && pattern.first_zero < 0) pattern.first_zero = pattern.before;
      ++(pattern.point ? pattern.after : pattern.before);
      add(text[0] == '0' ? Item::What::kZero : Item::What::kDigit);
      text.remove_prefix(1);
    } else {
      add(Item::What::kLiteral, text.substr(0, 1)), text.remove_prefix(1);
    }
  }
  return pattern;
}

std::string roman(std::int64_t value, bool lower) {
  constexpr std::pair<int, std::string_view> kSigns[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                                                         {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                                                         {5, "V"},    {4, "IV"},   {1, "I"}};
  if (value < 1 || value > 3999) return std::string(15, '#');
  std::string out;
  for (const auto& [worth, sign] : kSigns)
    for (; value >= worth; value -= worth) out += sign;
  return lower ? lowered(out) : out;
}

std::string ordinal(std::string_view digits, std::string_view written) {
  const int last = digits.back() - '0';
  const bool teens = digits.size() > 1 && digits[digits.size() - 2] == '1';
  const std::string_view suffix = teens ? "th" : last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th";
  return written[0] == 'T' ? raised(suffix) : std::string(suffix);
}

/// Fills a pattern with the digits of a number.
class NumberWriter {
 public:
  NumberWriter(const Pattern& pattern, bool negative, std::string whole, std::string fraction)
      : p_(pattern), negative_(negative), whole_(std::move(whole)), fraction_(std::move(fraction)) {}

  std::string write() {
    // Digits stand at the right of their places; those before them are blank, or zeros from the first 0 on.
    const bool overflow = static_cast<int>(whole_.size()) > p_.before;
    overflow_ = overflow;
    if (overflow) whole_.assign(static_cast<std::size_t>(p_.before), '#'), fraction_.assign(fraction_.size(), '#');
    first_digit_ = p_.before - static_cast<int>(whole_.size());
    if (p_.first_zero >= 0) first_digit_ = std::min(first_digit_, p_.first_zero);
    kept_after_ = p_.after;
    if (!p_.fill && !overflow)
      while (kept_after_ > last_zero_after() && fraction_[static_cast<std::size_t>(kept_after_ - 1)] == '0') --kept_after_;
    if (!p_.fill && whole_.empty() && kept_after_ == 0 && p_.before > 0)
      whole_.assign(1, '0'), first_digit_ = std::min(first_digit_, p_.before - 1);
    for (const auto& item : p_.items) put(item);
    finish();
    return std::move(out_);
  }

 private:
  int last_zero_after() const {
    int place = 0, last = 0;
    bool behind = false;
    for (const auto& item : p_.items) {
      if (item.what == Item::What::kPoint) behind = true;
      if (!behind || (item.what != Item::What::kDigit && item.what != Item::What::kZero)) continue;
      ++place;
      if (item.what == Item::What::kZero) last = place;
    }
    return last;
  }
  bool has_own_sign() const { return p_.sign || p_.minus || p_.plus || p_.brackets; }
  /// The sign stands right before the first digit, where the pattern has none of its own.
  void sign_before_digits() {
    if (signed_) return;
    signed_ = true;
    if (p_.sign) {
      if (!sign_is_last()) out_ += negative_ ? '-' : '+';
    } else if (p_.brackets) {
      if (negative_) out_ += '<';
      else if (p_.fill) out_ += ' ';
    } else if (!has_own_sign()) {
      if (negative_) out_ += '-';
      else if (p_.fill) out_ += ' ';
    }
  }
  bool sign_is_last() const {
    for (const auto& item : p_.items) {
      if (item.what == Item::What::kSign) return false;
      if (item.what == Item::What::kDigit || item.what == Item::What::kZero) return true;
    }
    return false;
  }

  void put(const Item& item) {
    using What = Item::What;
    switch (item.what) {
      case What::kDigit:
      case What::kZero: return digit();
      case What::kPoint:
        sign_before_digits();
        behind_ = true;
        out_ += '.';
        return;
      case What::kComma:
        if (place_ > first_digit_ || behind_) out_ += ',';
        else if (p_.fill) blanks_before_sign();
        return;
      case What::kSign:
        if (sign_is_last()) sign_before_digits(), out_ += negative_ ? '-' : '+';
        return;
      case What::kMinus:
        if (negative_) out_ += '-';
        else if (p_.fill) out_ += ' ';
        return;
      case What::kPlus:
        if (!negative_) out_ += '+';
        else if (p_.fill) out_ += ' ';
        return;
      case What::kSignOrPlus: out_ += negative_ ? '-' : '+'; return;
      case What::kBrackets:
        if (negative_) out_ += '>';
        else if (p_.fill) out_ += ' ';
        return;
      case What::kCurrency:
        if (p_.fill) out_ += ' ';
        return;
      case What::kOrdinal:
        if (!negative_ && !overflow_) out_ += ordinal(whole_.empty() ? "0" : std::string_view(whole_), item.text);
        return;
      case What::kLiteral: out_ += item.text; return;
    }
  }
  void blanks_before_sign() { out_ += ' '; }
  void digit() {
    if (behind_) {
      if (after_ < kept_after_) out_ += fraction_[static_cast<std::size_t>(after_)];
      else if (p_.fill) out_ += ' ';
      ++after_;
      return;
    }
    if (place_ < first_digit_) {
      if (p_.fill) out_ += ' ';
    } else {
      sign_before_digits();
      const int of_whole = place_ - (p_.before - static_cast<int>(whole_.size()));
      out_ += of_whole < 0 ? '0' : whole_[static_cast<std::size_t>(of_whole)];
    }
    ++place_;
  }
  void finish() { sign_before_digits(); }

  const Pattern& p_;
  bool negative_;
  std::string whole_, fraction_, out_;
  int place_ = 0, after_ = 0, first_digit_ = 0, kept_after_ = 0;
  bool behind_ = false, signed_ = false, overflow_ = false;
};

}  // namespace

SqlResult<std::string> format_number(const Numeric& value, std::string_view text) {
  TRY_ASSIGN(const Pattern pattern, parse_pattern(text));
  if (!value.is_finite()) return SqlError(state::kFeatureNotSupported, "to_char of NaN and of infinities is not supported");
  if (pattern.roman) {
    const auto whole = value.to_int64();
    std::string out = roman(whole.value_or(0), pattern.lower_roman);
    return pattern.fill && out.size() < 15 ? std::string(15 - out.size(), ' ') + out : out;
  }
  const Numeric rounded = value.rounded(pattern.after);
  std::string digits = rounded.magnitude().to_string(), fraction;
  if (const std::size_t point = digits.find('.'); point != std::string::npos) fraction = digits.substr(point + 1), digits.resize(point);
  // A zero before the point is not shown where there are digits behind it.
  if (digits == "0" && (pattern.after > 0 || pattern.before == 0)) digits.clear();
  return NumberWriter(pattern, rounded.sign() < 0, digits, fraction).write();
}

SqlResult<std::string> format_real(double value, int digits, std::string_view text) {
  if (!std::isfinite(value)) return format_number(Numeric::nan(), text);
  TRY_ASSIGN(const Pattern pattern, parse_pattern(text));
  const int before = static_cast<int>(fmt::format("{:.0f}", std::fabs(value)).size());
  const int after = before >= digits ? 0 : std::min(pattern.after, digits - before);
  TRY_ASSIGN(const Numeric number, Numeric::parse(fmt::format("{:.{}f}", value, after)));
  return format_number(number, text);
}

SqlResult<Numeric> parse_number(std::string_view text, std::string_view pattern_text) {
  TRY_ASSIGN(const Pattern pattern, parse_pattern(pattern_text));
  if (pattern.roman) return SqlError(state::kFeatureNotSupported, "\"RN\" in to_number is not supported");
  std::string digits;
  bool negative = false, point = false;
  int after = 0;
  for (const char c : text) {
    if (c == '-' || c == '<') negative = true;
    if (c == '.' && pattern.point && !point) point = true, digits += '.';
    if (!is_digit(c)) continue;
    if (point && after++ >= pattern.after) continue;
    digits += c;
  }
  if (digits.empty() || digits == ".")
    return SqlError(state::kInvalidTextRepresentation,
                    fmt::format("invalid input syntax for type numeric: \"{}\"", text.empty() ? " " : text));
  return Numeric::parse((negative ? "-" : "") + digits);
}

}  // namespace isobar::sql
