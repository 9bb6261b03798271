#include "scalar_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"
#include "sql/ascii.h"
#include "sql/utf8.h"

namespace isobar::sql {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

SqlError out_of_range(std::string_view type, std::string_view text) {
  return {state::kNumericValueOutOfRange, fmt::format("value \"{}\" is out of range for type {}", text, type)};
}

std::optional<double> special_float(std::string_view text) {
  const std::string word = to_lower(text);
  const bool negative = word.starts_with('-');
  const std::string_view name = std::string_view(word).substr(negative || word.starts_with('+') ? 1 : 0);
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (name == "infinity" || name == "inf")
    return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  return std::nullopt;
}

/// 0x1.8p3, which C's reader takes, and so PostgreSQL's.
SqlResult<double> hexadecimal_float(std::string_view digits, std::string_view type, std::string_view text) {
  const std::string ended(digits);
  char* end = nullptr;
  const double value = std::strtod(ended.c_str(), &end);
  if (end != ended.c_str() + ended.size())
    return SqlError(state::kInvalidTextRepresentation, fmt::format("invalid input syntax for type {}: \"{}\"", type, text));
  return value;
}

SqlResult<std::string> bytea_from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t place = 0; place < digits.size();) {
    if (is_space(digits[place])) {
      ++place;
      continue;
    }
    const auto worth = [&](std::size_t at) { return hex_worth(digits[at]); };
    const auto bad = [&](std::size_t at) {
      return SqlError(state::kInvalidParameterValue,
                      fmt::format("invalid hexadecimal digit: \"{}\"", digits.substr(at, utf8_length(digits[at]))));
    };
    if (worth(place) < 0) return bad(place);
    if (place + 1 >= digits.size()) return SqlError(state::kInvalidParameterValue, "invalid hexadecimal data: odd number of digits");
    if (worth(place + 1) < 0) return bad(place + 1);
    bytes += static_cast<char>(worth(place) * 16 + worth(place + 1));
    place += 2;
  }
  return bytes;
}

/// Of digits without a point and the place of the point among them: 1.5e+17, 0.0001, 120.
void append_scientific(std::string& out, std::string_view digits, int exponent, int fixed_most) {
  const auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= fixed_most) {
    out += digits[0];
    if (count > 1) out += '.', out += digits.substr(1);
    out += 'e', out += exponent < 0 ? '-' : '+';
    fmt::format_to(std::back_inserter(out), "{:02}", std::abs(exponent));
  } else if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += digits;
  } else if (count <= exponent + 1) {
    out += digits;
    out.append(static_cast<std::size_t>(exponent + 1 - count), '0');
  } else {
    out += digits.substr(0, static_cast<std::size_t>(exponent) + 1);
    out += '.', out += digits.substr(static_cast<std::size_t>(exponent) + 1);
  }
}

/// Whether the shortest digits of a large value lie exactly halfway to its neighbour. They read back to it, as halves go to the even one,
/// but PostgreSQL takes one digit more.
bool ends_between(double value, bool single, std::string_view scientific) {
  const double exact = single ? 0x1p24 : 0x1p53;
  if (value < exact || value > 1e38) return false;
  unsigned __int128 written = 0;
  const std::size_t mark = scientific.find('e');
  int exponent = 0;
  std::from_chars(scientific.data() + mark + 2, scientific.data() + scientific.size(), exponent);
  for (const char c : scientific.substr(0, mark))
    if (c != '.') written = written * 10 + static_cast<unsigned>(c - '0');
  const auto behind = mark > 2 ? static_cast<int>(mark) - 2 : 0;
  for (int times = behind; times < exponent; ++times) written *= 10;
  const auto whole = static_cast<unsigned __int128>(value);
  int power = 0;
  std::frexp(value, &power);
  const auto half = static_cast<unsigned __int128>(1) << (power - (single ? 24 : 53)) >> 1;
  return half > 0 && (written == whole + half || written + half == whole);
}

}  // namespace

SqlError invalid_text(std::string_view type, std::string_view text) {
  return {state::kInvalidTextRepresentation, fmt::format("invalid input syntax for type {}: \"{}\"", type, text)};
}

SqlResult<bool> bool_from_text(std::string_view text) {
  const std::string word = to_lower(without_spaces(text));
  const auto begins = [&](std::string_view whole, std::size_t least) { return word.size() >= least && whole.starts_with(word); };
  if (begins("true", 1) || begins("yes", 1) || word == "on" || word == "1") return true;
  if (begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0") return false;
  return invalid_text("boolean", text);
}

SqlResult<std::int64_t> integer_from_text(std::string_view text, std::int64_t least, std::int64_t most, std::string_view type) {
  std::string_view digits = without_spaces(text);
  if (!digits.empty() && digits[0] == '+' && digits.size() > 1 && digits[1] != '-') digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  // What is too large already is so whatever comes behind it.
  if (error == std::errc::invalid_argument) return invalid_text(type, text);
  if (error != std::errc() || value < least || value > most) return out_of_range(type, text);
  if (end != digits.data() + digits.size()) return invalid_text(type, text);
  return value;
}

SqlResult<std::int64_t> oid_from_text(std::string_view text, std::string_view type) {
  TRY_ASSIGN(const std::int64_t value, integer_from_text(text, INT32_MIN, UINT32_MAX, type));
  return value & UINT32_MAX;
}

SqlResult<double> float_from_text(std::string_view text, bool single) {
  const std::string_view type = single ? "real" : "double precision";
  std::string_view digits = without_spaces(text);
  if (digits.empty()) return invalid_text(type, text);
  if (const auto special = special_float(digits)) return *special;
  if (digits[0] == '+' && digits.size() > 1 && digits[1] != '-') digits.remove_prefix(1);
  double value = 0;
  float narrow = 0;
  const auto [end, error] = single ? std::from_chars(digits.data(), digits.data() + digits.size(), narrow)
                                   : std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.find_first_of("xX") != std::string_view::npos) return hexadecimal_float(digits, type, text);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) return invalid_text(type, text);
  if (error != std::errc()) return SqlError(state::kNumericValueOutOfRange, fmt::format("\"{}\" is out of range for type {}", text, type));
  return single ? double{narrow} : value;
}

void append_float(std::string& out, double value, bool single, int extra_digits) {
  if (std::isnan(value)) return void(out += "NaN");
  if (std::isinf(value)) return void(out += value > 0 ? "Infinity" : "-Infinity");
  const int kept = single ? 6 : 15;
  if (extra_digits <= 0) return void(fmt::format_to(std::back_inserter(out), "{:.{}g}", value, std::max(kept + extra_digits, 1)));
  if (std::signbit(value)) out += '-', value = -value;
  if (value == 0) return void(out += '0');
  char buffer[60];
  auto [end, error] = single ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value), std::chars_format::scientific)
                             : std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  if (ends_between(value, single, {buffer, static_cast<std::size_t>(end - buffer)})) {
    const auto more =
        static_cast<int>(std::string_view(buffer, static_cast<std::size_t>(end - buffer)).find('e')) - (buffer[1] == '.' ? 1 : 0);
    end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, more).ptr;
  }
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t mark = text.find('e');
  int exponent = 0;
  const char* from = text.data() + mark + (text[mark + 1] == '+' ? 2 : 1);
  std::from_chars(from, end, exponent);
  char digits[40];
  std::size_t count = 0;
  for (std::size_t place = 0; place < mark; ++place)
    if (text[place] != '.') digits[count++] = text[place];
  append_scientific(out, {digits, count}, exponent, kept);
}

SqlResult<std::string> bytea_from_text(std::string_view text) {
  if (text.starts_with("\\x")) return bytea_from_hex(text.substr(2));
  std::string bytes;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (text[place] != '\\') {
      bytes += text[place];
      continue;
    }
    const auto octal = [&](std::size_t at, char most) { return at < text.size() && text[at] >= '0' && text[at] <= most; };
    if (place + 1 < text.size() && text[place + 1] == '\\') {
      bytes += '\\', ++place;
    } else if (octal(place + 1, '3') && octal(place + 2, '7') && octal(place + 3, '7')) {
      bytes += static_cast<char>((text[place + 1] - '0') * 64 + (text[place + 2] - '0') * 8 + (text[place + 3] - '0'));
      place += 3;
    } else {
      return SqlError(state::kInvalidTextRepresentation, "invalid input syntax for type bytea");
    }
  }
  return bytes;
}

void append_bytea(std::string& out, std::string_view bytes, bool escape) {
  if (!escape) {
    out += "\\x";
    for (const char byte : bytes) out += kHexDigits[static_cast<unsigned char>(byte) >> 4], out += kHexDigits[byte & 15];
    return;
  }
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '\\') out += "\\\\";
    else if (code < 0x20 || code > 0x7e) fmt::format_to(std::back_inserter(out), "\\{:03o}", code);
    else out += byte;
  }
}

SqlResult<Uuid> uuid_from_text(std::string_view text) {
  std::string_view left = text;
  const bool braces = left.starts_with('{');
  if (braces) left.remove_prefix(1);
  Uuid uuid{};
  for (std::size_t place = 0; place < uuid.size(); ++place) {
    if (left.size() < 2 || hex_worth(left[0]) < 0 || hex_worth(left[1]) < 0) return invalid_text("uuid", text);
    uuid[place] = static_cast<std::uint8_t>(hex_worth(left[0]) * 16 + hex_worth(left[1]));
    left.remove_prefix(2);
    if (place % 2 == 1 && place + 1 < uuid.size() && left.starts_with('-')) left.remove_prefix(1);
  }
  if (left != (braces ? "}" : "")) return invalid_text("uuid", text);
  return uuid;
}

void append_uuid(std::string& out, const Uuid& uuid) {
  for (std::size_t place = 0; place < uuid.size(); ++place) {
    if (place == 4 || place == 6 || place == 8 || place == 10) out += '-';
    out += kHexDigits[uuid[place] >> 4], out += kHexDigits[uuid[place] & 15];
  }
}

}  // namespace isobar::sql
