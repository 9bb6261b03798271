// Order and hashes of values, type by type.

#include "sql/value.h"

#include <bit>
#include <cmath>
#include <functional>
#include <span>

#include "sql/calendar.h"
#include "sql/json.h"
#include "sql/modifier.h"

namespace isobar::sql {
namespace {

std::strong_ordering compare_reals(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  if (a == b) return std::strong_ordering::equal;
  return std::isnan(a) <=> std::isnan(b);
}

/// Microseconds, a month being 30 days.
__int128 span_of(const Interval& interval) {
  return (static_cast<__int128>(interval.months) * 30 + interval.days) * kMicrosecondsPerDay + interval.microseconds;
}

std::strong_ordering compare_jsonb(const std::string& a, const std::string& b) {
  if (a == b) return std::strong_ordering::equal;
  const auto first = parse_json(a), second = parse_json(b);
  // What is no JSON cannot be jsonb; as bytes, so that damaged values have an order at all.
  if (!first || !second) return a <=> b;
  return compare(*first, *second);
}

std::strong_ordering compare_lists(std::span<const Value> a, std::span<const Value> b, const auto& type_at) {
  const std::size_t shared = std::min(a.size(), b.size());
  for (std::size_t place = 0; place < shared; ++place) {
    if (a[place].is_null() || b[place].is_null()) {
      if (a[place].is_null() == b[place].is_null()) continue;
      return a[place].is_null() ? std::strong_ordering::greater : std::strong_ordering::less;
    }
    if (const auto order = compare(type_at(place), a[place], b[place]); order != 0) return order;
  }
  return a.size() <=> b.size();
}

std::strong_ordering compare_arrays(const Array& a, const Array& b) {
  const Type element = type_of(a.element);
  if (const auto order = compare_lists(a.elements, b.elements, [&](std::size_t) -> const Type& { return element; }); order != 0)
    return order;
  if (a.sizes.size() != b.sizes.size()) return a.sizes.size() <=> b.sizes.size();
  if (a.sizes != b.sizes) return a.sizes <=> b.sizes;
  return a.lows <=> b.lows;
}

std::size_t mix(std::size_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdu;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53u;
  return value ^ (value >> 33);
}
std::size_t join(std::size_t seed, std::size_t value) { return mix(seed * 0x9e3779b97f4a7c15u + value); }

std::size_t hash_real(double value) {
  if (value == 0) return mix(0);
  if (std::isnan(value)) return mix(1);
  return mix(std::bit_cast<std::uint64_t>(value));
}

std::size_t hash_json(const Json& json) {
  std::size_t seed = static_cast<std::size_t>(json.what);
  switch (json.what) {
    case Json::What::kNull: break;
    case Json::What::kString: return join(seed, std::hash<std::string_view>()(json.text));
    case Json::What::kNumber: return join(seed, json.number.hash());
    case Json::What::kBool: return join(seed, json.boolean ? 1 : 0);
    case Json::What::kArray:
      for (const auto& item : json.items) seed = join(seed, hash_json(item));
      break;
    case Json::What::kObject:
      for (const auto& [name, value] : json.members) seed = join(join(seed, std::hash<std::string_view>()(name)), hash_json(value));
      break;
  }
  return seed;
}

}  // namespace

std::strong_ordering compare(const Type& type, const Value& a, const Value& b) {
  switch (type.kind) {
    case Kind::kBool: return a.boolean() <=> b.boolean();
    case Kind::kFloat4:
    case Kind::kFloat8: return compare_reals(a.real(), b.real());
    case Kind::kNumeric: return a.numeric().compare(b.numeric());
    case Kind::kBpchar: return without_blanks(a.text()) <=> without_blanks(b.text());
    case Kind::kText:
    case Kind::kVarchar:
    case Kind::kName:
    case Kind::kChar:
    case Kind::kBytea:
    case Kind::kJson:
    case Kind::kUnknown: return a.text() <=> b.text();
    case Kind::kJsonb: return compare_jsonb(a.text(), b.text());
    case Kind::kInterval: return span_of(a.interval()) <=> span_of(b.interval());
    case Kind::kUuid: return a.uuid() <=> b.uuid();
    case Kind::kArray: return compare_arrays(a.array(), b.array());
    case Kind::kRecord:
      return compare_lists(a.record().values, b.record().values, [&](std::size_t place) -> const Type& { return a.record().types[place]; });
    case Kind::kVoid: return std::strong_ordering::equal;
    default: return a.integer() <=> b.integer();
  }
}

std::size_t hash(const Type& type, const Value& value) {
  if (value.is_null()) return 0x2545f491;
  switch (type.kind) {
    case Kind::kBool: return mix(value.boolean() ? 2 : 1);
    case Kind::kFloat4:
    case Kind::kFloat8: return hash_real(value.real());
    case Kind::kNumeric: return value.numeric().hash();
    case Kind::kBpchar: return std::hash<std::string_view>()(without_blanks(value.text()));
    case Kind::kText:
    case Kind::kVarchar:
    case Kind::kName:
    case Kind::kChar:
    case Kind::kBytea:
    case Kind::kJson:
    case Kind::kUnknown: return std::hash<std::string_view>()(value.text());
    case Kind::kJsonb: {
      const auto json = parse_json(value.text());
      return json ? hash_json(*json) : 0;
    }
    case Kind::kInterval: {
      const auto span = static_cast<unsigned __int128>(span_of(value.interval()));
      return join(static_cast<std::size_t>(span >> 64), static_cast<std::size_t>(span));
    }
    case Kind::kUuid: {
      const auto& bytes = value.uuid();
      return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    case Kind::kArray: {
      std::size_t seed = value.array().elements.size();
      for (const auto& element : value.array().elements) seed = join(seed, hash(type_of(value.array().element), element));
      return seed;
    }
    case Kind::kRecord: {
      std::size_t seed = 0;
      for (std::size_t place = 0; place < value.record().values.size(); ++place)
        seed = join(seed, hash(value.record().types[place], value.record().values[place]));
      return seed;
    }
    case Kind::kVoid: return 0;
    default: return mix(static_cast<std::size_t>(value.integer()));
  }
}

}  // namespace isobar::sql
