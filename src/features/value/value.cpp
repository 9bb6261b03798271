#include "features/value.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "base/text.h"
#include "features/json_value.h"
#include "shorten.h"

namespace isobar::features {

Type Value::type() const {
  CHECK(!is_null());
  if (const List* list = get_if<List>()) return {static_cast<Kind>(list->index() + 1), true};
  return {static_cast<Kind>(held_.index()), false};
}

std::int64_t Value::as_integer() const {
  if (const auto* narrow = get_if<std::int32_t>()) return *narrow;
  return as<std::int64_t>();
}

double Value::as_float() const {
  if (const auto* narrow = get_if<float>()) return *narrow;
  return as<double>();
}

namespace {

template <class T>
bool same_bits(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, float>) return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  else if constexpr (std::is_same_v<T, double>) return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
  else return a == b;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const T& x, const T& y) { return same_bits(x, y); });
}

bool same_bits(const List& a, const List& b) {
  if (a.index() != b.index()) return false;
  return std::visit([&](const auto& list) { return same_bits(list, std::get<std::decay_t<decltype(list)>>(b)); }, a);
}

std::strong_ordering order(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  return a < b ? std::strong_ordering::less : a > b ? std::strong_ordering::greater : std::strong_ordering::equal;
}
template <class T>
std::strong_ordering order(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) return order(static_cast<double>(a), static_cast<double>(b));
  else if constexpr (std::is_same_v<T, Bytes>) return a.data <=> b.data;
  else return a <=> b;
}

/// Exactly, where the integer may be beyond what a double holds.
std::strong_ordering order_mixed(std::int64_t a, double b) {
  if (std::isnan(b) || b >= 0x1p63) return std::strong_ordering::less;
  if (b < -0x1p63) return std::strong_ordering::greater;
  const double whole = std::floor(b);
  if (const auto by_whole = a <=> static_cast<std::int64_t>(whole); by_whole != 0) return by_whole;
  return b > whole ? std::strong_ordering::less : std::strong_ordering::equal;
}

std::strong_ordering order_numbers(const Value& a, const Value& b) {
  const bool a_whole = a.type().is_integer(), b_whole = b.type().is_integer();
  if (a_whole && b_whole) return a.as_integer() <=> b.as_integer();
  if (a_whole) return order_mixed(a.as_integer(), b.as_float());
  if (b_whole) return 0 <=> order_mixed(b.as_integer(), a.as_float());
  return order(a.as_float(), b.as_float());
}

template <class T>
std::strong_ordering order_lists(const std::vector<T>& a, const std::vector<T>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (const auto at = order(a[i], b[i]); at != 0) return at;
  return a.size() <=> b.size();
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (a.held_.index() != b.held_.index()) return false;
  return std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        return same_bits(held, std::get<T>(b.held_));
      },
      a.held_);
}

std::strong_ordering compare(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() <=> b.is_null();
  const Type of_a = a.type(), of_b = b.type();
  if (of_a.is_number() && of_b.is_number()) return order_numbers(a, b);
  CHECK(of_a == of_b, name_of(of_a), name_of(of_b));
  if (of_a.list) return compare(a.as<List>(), b.as<List>());
  switch (of_a.kind) {
    case Kind::kBool: return a.as<bool>() <=> b.as<bool>();
    case Kind::kString: return a.as<std::string>() <=> b.as<std::string>();
    case Kind::kBytes: return a.as<Bytes>().data <=> b.as<Bytes>().data;
    case Kind::kTimestamp: return a.as<Instant>() <=> b.as<Instant>();
    default: break;
  }
  CHECK(false, name_of(of_a));
  return std::strong_ordering::equal;
}

std::strong_ordering compare(const List& a, const List& b) {
  CHECK(a.index() == b.index(), a.index(), b.index());
  return std::visit([&](const auto& list) { return order_lists(list, std::get<std::decay_t<decltype(list)>>(b)); }, a);
}

std::string describe(const Value& value) {
  if (const auto* number = value.get_if<double>(); number && !std::isfinite(*number)) return fmt::to_string(*number);
  if (const auto* number = value.get_if<float>(); number && !std::isfinite(*number)) return fmt::to_string(*number);
  std::string text;
  append_json(text, value);
  return shorten(text);
}

}  // namespace isobar::features
