// CAST, which rounds where it must, unlike the cast into a declared type (features/cast.h), and has PostgreSQL's forms of texts.

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "crypto/encoding.h"
#include "features/timestamp.h"
#include "function.h"

namespace isobar::features {

namespace {

std::string shown(std::string_view text) {
  std::string value = describe(Value(text));
  return value;
}

template <class Int>
Datum integer_of(Evaluation& e, std::int64_t number) {
  if (number < std::numeric_limits<Int>::min() || number > std::numeric_limits<Int>::max())
    return e.fail(fmt::format("{} is beyond the range of int32", number));
  return Datum::of(number);
}
template <class Int>
Datum integer_to_integer(Evaluation& e, const Datum* a) {
  return integer_of<Int>(e, a[0].integer);
}
template <class Int>
Datum real_to_integer(Evaluation& e, const Datum* a) {
  const double whole = std::nearbyint(a[0].real);
  // Neither a NaN nor 2^63 passes.
  if (!(whole >= -0x1p63 && whole < 0x1p63))
    return e.fail(fmt::format("{} is beyond the range of {}", a[0].real, sizeof(Int) == 4 ? "int32" : "int64"));
  return integer_of<Int>(e, static_cast<std::int64_t>(whole));
}
template <class Real>
Datum integer_to_real(Evaluation&, const Datum* a) {
  return Datum::of(static_cast<double>(static_cast<Real>(a[0].integer)));
}
Datum real_to_float32(Evaluation& e, const Datum* a) {
  const auto narrow = static_cast<float>(a[0].real);
  if (std::isinf(narrow) && !std::isinf(a[0].real)) return e.fail(fmt::format("{} is beyond the range of float32", a[0].real));
  if (narrow == 0 && a[0].real != 0) return e.fail(fmt::format("{} is too small for float32", a[0].real));
  return Datum::of(double{narrow});
}
Datum same(Evaluation&, const Datum* a) { return a[0]; }
Datum integer_to_bool(Evaluation&, const Datum* a) { return Datum::of(a[0].integer != 0); }

template <class Int>
Datum text_to_integer(Evaluation& e, const Datum* a) {
  std::string_view text = trim(a[0].view());
  if (text.size() > 1 && text.starts_with('+') && text[1] != '-') text.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || end != text.data() + text.size() || failure == std::errc::invalid_argument)
    return e.fail(fmt::format("{} is not an integer", shown(a[0].view())));
  if (failure != std::errc()) return e.fail(fmt::format("{} is beyond the range of int64", shown(a[0].view())));
  return integer_of<Int>(e, number);
}

template <class Real>
Datum text_to_real(Evaluation& e, const Datum* a) {
  std::string_view text = trim(a[0].view());
  const bool signed_plus = text.size() > 1 && text.starts_with('+') && text[1] != '-';
  if (signed_plus) text.remove_prefix(1);
  Real number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool bracketed = text.find('(') != std::string_view::npos;  // nan(…), which is C's
  if (text.empty() || bracketed || end != text.data() + text.size() || failure == std::errc::invalid_argument)
    return e.fail(fmt::format("{} is not a number", shown(a[0].view())));
  if (failure != std::errc())
    return e.fail(fmt::format("{} is beyond the range of {}", shown(a[0].view()), sizeof(Real) == 4 ? "float32" : "float64"));
  return Datum::of(double{number});
}

/// PostgreSQL's words, and any beginning of one that is of no other.
Datum text_to_bool(Evaluation& e, const Datum* a) {
  const std::string word = to_lower(trim(a[0].view()));
  const auto begins = [&](std::string_view whole, std::size_t letters_least) {
    return word.size() >= letters_least && whole.starts_with(word);
  };
  if (begins("true", 1) || begins("yes", 1) || word == "on" || word == "1") return Datum::of(true);
  if (begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0") return Datum::of(false);
  return e.fail(fmt::format("{} is not a bool; write 'true' or 'false'", shown(a[0].view())));
}

Datum text_to_timestamp(Evaluation& e, const Datum* a) {
  const auto at = parse_timestamp(trim(a[0].view()));
  return at ? Datum::of(at->unix_nanos()) : e.fail(at.error().message());
}

Datum bool_to_text(Evaluation&, const Datum* a) { return Datum::of(std::string_view(a[0].integer != 0 ? "true" : "false")); }
Datum integer_to_text(Evaluation& e, const Datum* a) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, a[0].integer).ptr;
  return e.keep({digits, static_cast<std::size_t>(end - digits)});
}
template <bool kNarrow>
Datum real_to_text(Evaluation& e, const Datum* a) {
  std::string text;
  append_float_text(text, a[0].real, kNarrow);
  return e.keep(text);
}
/// As PostgreSQL prints a timestamptz in UTC, with up to nine digits where it has six.
Datum timestamp_to_text(Evaluation& e, const Datum* a) {
  std::string text = to_rfc3339(Instant::from_unix_nanos(a[0].integer));
  text[10] = ' ';
  text.pop_back();
  if (text.find('.') != std::string::npos) text.resize(text.find_last_not_of('0') + 1);
  return e.keep(text + "+00");
}
Datum bytes_to_text(Evaluation& e, const Datum* a) { return e.keep("\\x" + crypto::to_hex(a[0].view())); }

std::optional<Function> cast_from_text(Kind to) {
  switch (to) {
    case Kind::kBool: return text_to_bool;
    case Kind::kInt32: return text_to_integer<std::int32_t>;
    case Kind::kInt64: return text_to_integer<std::int64_t>;
    case Kind::kFloat32: return text_to_real<float>;
    case Kind::kFloat64: return text_to_real<double>;
    case Kind::kTimestamp: return text_to_timestamp;
    default: return std::nullopt;
  }
}
std::optional<Function> cast_to_text(Kind from) {
  switch (from) {
    case Kind::kBool: return bool_to_text;
    case Kind::kInt32:
    case Kind::kInt64: return integer_to_text;
    case Kind::kFloat32: return real_to_text<true>;
    case Kind::kFloat64: return real_to_text<false>;
    case Kind::kTimestamp: return timestamp_to_text;
    case Kind::kBytes: return bytes_to_text;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<Function> cast_function(Type from, Type to) {
  if (from.list || to.list || from == to) return std::nullopt;
  if (from.is(Kind::kString)) return cast_from_text(to.kind);
  if (to.is(Kind::kString)) return cast_to_text(from.kind);
  if (from.is_integer() && to.is(Kind::kBool)) return integer_to_bool;
  if (from.is(Kind::kBool) && to.is_integer()) return same;
  if (!from.is_number() || !to.is_number()) return std::nullopt;
  if (to.is(Kind::kInt32)) return from.is_integer() ? integer_to_integer<std::int32_t> : real_to_integer<std::int32_t>;
  if (to.is(Kind::kInt64)) return from.is_integer() ? same : real_to_integer<std::int64_t>;
  if (to.is(Kind::kFloat32)) return from.is_integer() ? integer_to_real<float> : real_to_float32;
  return from.is_integer() ? integer_to_real<double> : same;
}

void append_float_text(std::string& out, double number, bool narrow) {
  if (std::isnan(number)) return void(out += "NaN");
  if (std::isinf(number)) return void(out += number < 0 ? "-Infinity" : "Infinity");
  char digits[40];
  char* const last = digits + sizeof digits;
  const auto shortest = narrow ? std::to_chars(digits, last, static_cast<float>(number), std::chars_format::scientific)
                               : std::to_chars(digits, last, number, std::chars_format::scientific);
  const std::string_view scientific(digits, static_cast<std::size_t>(shortest.ptr - digits));
  const int exponent = std::stoi(std::string(scientific.substr(scientific.find('e') + 1)));
  if (exponent < -4 || exponent >= (narrow ? 6 : 15)) return void(out += scientific);
  const auto fixed = narrow ? std::to_chars(digits, last, static_cast<float>(number), std::chars_format::fixed)
                            : std::to_chars(digits, last, number, std::chars_format::fixed);
  out.append(digits, fixed.ptr);
}

}  // namespace isobar::features
