// Decimals as text, as other numbers, and as the protocol's groups of four digits.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "numeric_big.h"
#include "sql/ascii.h"
#include "wire.h"

namespace isobar::sql {
namespace {

constexpr std::uint16_t kNegative = 0x4000, kNan = 0xc000, kInfinitySign = 0xd000, kMinusInfinitySign = 0xf000;

SqlError not_numeric(std::string_view text) {
  return {state::kInvalidTextRepresentation, fmt::format("invalid input syntax for type numeric: \"{}\"", text)};
}

std::optional<Numeric> special_named(std::string_view text) {
  const std::string name = to_lower(text);
  if (name == "nan") return Numeric::nan();
  if (name == "infinity" || name == "+infinity" || name == "inf" || name == "+inf") return Numeric::infinity();
  if (name == "-infinity" || name == "-inf") return Numeric::minus_infinity();
  return std::nullopt;
}

struct Digits {
  bool negative = false;
  std::string digits;  // those of both sides of the point
  std::int64_t scale = 0;
};

/// [sign] digits [. digits] [e [sign] digits]. None: it is something else
std::optional<Digits> read_digits(std::string_view text) {
  Digits read;
  std::size_t place = 0;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) read.negative = text[place++] == '-';
  bool point = false;
  for (; place < text.size() && (is_digit(text[place]) || (text[place] == '.' && !point)); ++place) {
    if (text[place] == '.') {
      point = true;
      continue;
    }
    read.digits += text[place];
    if (point) ++read.scale;
  }
  if (read.digits.empty()) return std::nullopt;
  if (place < text.size() && (text[place] == 'e' || text[place] == 'E')) {
    ++place;
    if (place < text.size() && text[place] == '+') ++place;
    std::int64_t exponent = 0;
    const auto [end, error] = std::from_chars(text.data() + place, text.data() + text.size(), exponent);
    if (error == std::errc::invalid_argument || end == text.data() + place) return std::nullopt;
    // Any beyond this overflows either way.
    const bool far = error == std::errc::result_out_of_range || exponent > 1'000'000 || exponent < -1'000'000;
    read.scale -= far ? (text[place] == '-' ? -1'000'000 : 1'000'000) : exponent;
    place = static_cast<std::size_t>(end - text.data());
  }
  if (place != text.size()) return std::nullopt;
  return read;
}

/// Splitting in halves keeps long ones from costing the square of their length.
Integer integer_of(std::string_view digits) {
  if (digits.size() <= 18) {
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  const std::size_t low = digits.size() / 2;
  return integer_of(digits.substr(0, digits.size() - low)) * power_of_ten(static_cast<std::int64_t>(low)) +
         integer_of(digits.substr(digits.size() - low));
}

void append_digits(std::string& out, const Integer& value, std::int64_t width) {
  if (width <= 18) {
    out += fmt::format("{:0{}}", static_cast<std::int64_t>(value), width);
    return;
  }
  const std::int64_t low = width / 2;
  Integer high, rest;
  boost::multiprecision::divide_qr(value, power_of_ten(low), high, rest);
  append_digits(out, high, width - low);
  append_digits(out, rest, low);
}

/// All digits of a magnitude, without sign and point.
std::string digits_text(const Numeric& n) {
  if (NumericAccess::is_small(n)) {
    const std::int64_t value = NumericAccess::small(n);
    return fmt::format("{}", value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
  }
  const Integer magnitude = boost::multiprecision::abs(NumericAccess::unscaled(n));
  std::string out;
  append_digits(out, magnitude, digits_of(magnitude));
  return out;
}

Numeric from_printed(double value, int digits) {
  if (std::isnan(value)) return Numeric::nan();
  if (std::isinf(value)) return value > 0 ? Numeric::infinity() : Numeric::minus_infinity();
  return *Numeric::parse(fmt::format("{:.{}g}", value, digits));
}

}  // namespace

SqlResult<Numeric> Numeric::parse(std::string_view text) {
  const std::string_view trimmed = trim(text);
  if (const auto special = special_named(trimmed)) return *special;
  const auto read = read_digits(trimmed);
  if (!read) return not_numeric(text);
  std::string_view digits = read->digits;
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  const bool zero = digits == "0";
  if (read->scale > kNumericScaleMost || (!zero && static_cast<std::int64_t>(digits.size()) - read->scale > kNumericDigitsMost))
    return numeric_overflow();
  if (digits.size() <= 18 && read->scale >= 0) {
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return Numeric(read->negative ? -value : value, static_cast<std::int32_t>(read->scale));
  }
  if (zero) return Numeric(0, static_cast<std::int32_t>(std::max<std::int64_t>(read->scale, 0)));
  Integer value = integer_of(digits);
  if (read->scale < 0) value *= power_of_ten(-read->scale);
  if (read->negative) value = -value;
  return NumericAccess::make(std::move(value), static_cast<std::int32_t>(std::max<std::int64_t>(read->scale, 0)));
}

std::string Numeric::to_string() const {
  if (is_nan()) return "NaN";
  if (is_infinite()) return sign() > 0 ? "Infinity" : "-Infinity";
  std::string text = digits_text(*this);
  const auto behind = static_cast<std::size_t>(scale_);
  if (text.size() <= behind) text.insert(0, behind + 1 - text.size(), '0');
  if (behind > 0) text.insert(text.size() - behind, 1, '.');
  if (sign() < 0) text.insert(0, 1, '-');
  return text;
}

double Numeric::to_double() const {
  if (is_nan()) return std::numeric_limits<double>::quiet_NaN();
  if (is_infinite()) return sign() * std::numeric_limits<double>::infinity();
  // Both exact in a double: their quotient is rounded once.
  if (!big_ && scale_ <= 18 && small_ < (1LL << 53) && small_ > -(1LL << 53))
    return static_cast<double>(small_) / static_cast<double>(small_power_of_ten(scale_));
  return std::strtod(to_string().c_str(), nullptr);
}

std::optional<std::int64_t> Numeric::to_int64() const {
  if (!is_finite()) return std::nullopt;
  if (!big_ && scale_ == 0) return small_;
  const Numeric whole = rounded(0);
  return whole.big_ ? std::nullopt : std::optional(whole.small_);
}

Numeric Numeric::from_double(double value) { return from_printed(value, 15); }
Numeric Numeric::from_float(float value) { return from_printed(value, 6); }

std::int32_t numeric_modifier(std::int32_t precision, std::int32_t scale) { return ((precision << 16) | (scale & 0x7ff)) + 4; }
std::int32_t precision_of(std::int32_t modifier) { return ((modifier - 4) >> 16) & 0xffff; }
std::int32_t scale_of(std::int32_t modifier) { return (((modifier - 4) & 0x7ff) ^ 1024) - 1024; }

SqlResult<Numeric> Numeric::with_modifier(std::int32_t modifier) const {
  if (modifier < 4 || is_nan()) return *this;
  const std::int32_t precision = precision_of(modifier), scale = isobar::sql::scale_of(modifier), whole_most = precision - scale;
  const auto overflow = [&](std::string detail) {
    return SqlError(state::kNumericValueOutOfRange, "numeric field overflow").with_detail(std::move(detail));
  };
  if (is_infinite()) return overflow(fmt::format("A field with precision {}, scale {} cannot hold an infinite value.", precision, scale));
  Numeric fitted = rounded(scale);
  if (fitted.sign() != 0 && fitted.leading_exponent() + 1 > whole_most)
    return overflow(fmt::format("A field with precision {}, scale {} must round to an absolute value less than {}{}.", precision, scale,
                                whole_most != 0 ? "10^" : "", whole_most != 0 ? whole_most : 1));
  return fitted;
}

void Numeric::append_binary(std::string& out) const {
  const auto head = [&](std::uint16_t count, std::int16_t weight, std::uint16_t sign, std::uint16_t scale) {
    put_u16(out, count), put_u16(out, static_cast<std::uint16_t>(weight)), put_u16(out, sign), put_u16(out, scale);
  };
  if (is_nan()) return head(0, 0, kNan, 0);
  if (is_infinite()) return head(0, 0, sign() > 0 ? kInfinitySign : kMinusInfinitySign, 0);
  if (sign() == 0) return head(0, 0, 0, static_cast<std::uint16_t>(scale_));
  // Zeros on both sides until the point stands between two groups.
  std::string digits = digits_text(*this);
  const auto before = static_cast<std::int64_t>(digits.size()) - scale_;
  const std::int64_t groups_before = before >= 0 ? (before + 3) / 4 : -(-before / 4);
  digits.insert(0, static_cast<std::size_t>(groups_before * 4 - before), '0');
  digits.append((4 - digits.size() % 4) % 4, '0');
  std::vector<std::uint16_t> groups;
  for (std::size_t place = 0; place < digits.size(); place += 4) {
    std::uint16_t group = 0;
    for (std::size_t digit = 0; digit < 4; ++digit) group = static_cast<std::uint16_t>(group * 10 + (digits[place + digit] - '0'));
    groups.push_back(group);
  }
  std::size_t first = 0;
  while (groups[first] == 0) ++first;
  while (groups.back() == 0) groups.pop_back();
  head(static_cast<std::uint16_t>(groups.size() - first), static_cast<std::int16_t>(groups_before - 1 - static_cast<std::int64_t>(first)),
       sign() < 0 ? kNegative : 0, static_cast<std::uint16_t>(scale_));
  for (std::size_t group = first; group < groups.size(); ++group) put_u16(out, groups[group]);
}

SqlResult<Numeric> Numeric::from_binary(std::string_view bytes) {
  const auto bad = [](std::string_view what) {
    return SqlError(state::kInvalidBinaryRepresentation, fmt::format("invalid {} in external \"numeric\" value", what));
  };
  if (bytes.size() < 8) return short_message();
  const std::uint16_t count = get_u16(bytes, 0), sign = get_u16(bytes, 4), scale = get_u16(bytes, 6);
  const auto weight = static_cast<std::int16_t>(get_u16(bytes, 2));
  if (bytes.size() != 8 + std::size_t{count} * 2) return bytes.size() < 8 + std::size_t{count} * 2 ? short_message() : bad("length");
  if (sign == kNan) return nan();
  if (sign == kInfinitySign) return infinity();
  if (sign == kMinusInfinitySign) return minus_infinity();
  if (sign != 0 && sign != kNegative) return bad("sign");
  if (scale > kNumericScaleMost) return bad("scale");
  std::string digits;
  digits.reserve(std::size_t{count} * 4);
  for (std::size_t group = 0; group < count; ++group) {
    const std::uint16_t value = get_u16(bytes, 8 + group * 2);
    if (value > 9999) return bad("digit");
    digits += fmt::format("{:04}", value);
  }
  if (digits.empty()) return Numeric(0, scale);
  // The digits are a whole number of this scale, which may be negative.
  const std::int64_t held = (std::int64_t{count} - 1 - weight) * 4;
  if (static_cast<std::int64_t>(digits.size()) - held > kNumericDigitsMost + 4) return numeric_overflow();
  if (held - scale > static_cast<std::int64_t>(digits.size())) return Numeric(0, scale);
  Integer value = integer_of(digits);
  value = held > scale ? Integer(value / power_of_ten(held - scale)) : Integer(value * power_of_ten(scale - held));
  return NumericAccess::make_checked(sign == kNegative ? Integer(-value) : value, scale);
}

}  // namespace isobar::sql
