#pragma once

/// For property tests: any value at all, with the ones that break things more often than by chance.

#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "features/value.h"

namespace isobar::features {

inline rc::Gen<double> any_double() {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  return rc::gen::oneOf(rc::gen::arbitrary<double>(), rc::gen::map(rc::gen::inRange(-5, 5), [](int n) { return static_cast<double>(n); }),
                        rc::gen::element(0.0, -0.0, kInf, -kInf, std::nan(""), 0x1p53, 0x1p63, -0x1p63, 5e-324, 1.7976931348623157e308));
}
inline rc::Gen<float> any_float() {
  return rc::gen::map(any_double(), [](double number) { return static_cast<float>(number); });
}
inline rc::Gen<std::int64_t> any_int64() {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  return rc::gen::oneOf(rc::gen::arbitrary<std::int64_t>(), rc::gen::inRange<std::int64_t>(-3, 3),
                        rc::gen::element<std::int64_t>(INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, kExact, kExact + 1, -kExact - 1));
}
/// Well-formed UTF-8 with NULs, quotes and letters of every length; composed and decomposed ones, which stay two texts.
inline rc::Gen<std::string> any_text() {
  const auto piece = rc::gen::element<std::string>("a", "b", std::string(1, '\0'), "\x01", "\"", "\\", "\n", ",", "\xc3\xa9", "e\xcc\x81",
                                                   "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const std::vector<std::string>& pieces) {
    std::string text;
    for (const auto& next : pieces) text += next;
    return text;
  });
}
inline rc::Gen<Bytes> any_bytes() {
  return rc::gen::map(rc::gen::container<std::string>(rc::gen::element<char>('\0', '\1', '\xff', 'a')),
                      [](std::string data) { return Bytes{std::move(data)}; });
}
inline rc::Gen<Instant> any_instant() { return rc::gen::map(any_int64(), &Instant::from_unix_nanos); }

template <class Element>
rc::Gen<Value> list_of(rc::Gen<Element> element) {
  return rc::gen::map(rc::gen::container<std::vector<Element>>(std::move(element)),
                      [](std::vector<Element> list) { return Value(List(std::move(list))); });
}
template <class Scalar>
rc::Gen<Value> one_of(rc::Gen<Scalar> scalar) {
  return rc::gen::map(std::move(scalar), [](Scalar held) { return Value(std::move(held)); });
}

/// Not null.
inline rc::Gen<Value> any_value_of(Type type) {
  switch (type.kind) {
    case Kind::kBool: return type.list ? list_of(rc::gen::inRange<std::uint8_t>(0, 2)) : one_of(rc::gen::arbitrary<bool>());
    case Kind::kInt32: return type.list ? list_of(rc::gen::arbitrary<std::int32_t>()) : one_of(rc::gen::arbitrary<std::int32_t>());
    case Kind::kInt64: return type.list ? list_of(any_int64()) : one_of(any_int64());
    case Kind::kFloat32: return type.list ? list_of(any_float()) : one_of(any_float());
    case Kind::kFloat64: return type.list ? list_of(any_double()) : one_of(any_double());
    case Kind::kString: return type.list ? list_of(any_text()) : one_of(any_text());
    case Kind::kBytes: return type.list ? list_of(any_bytes()) : one_of(any_bytes());
    case Kind::kTimestamp: return type.list ? list_of(any_instant()) : one_of(any_instant());
  }
  return rc::gen::just(Value());
}
inline rc::Gen<Type> any_type(bool lists = true) {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(1, 9), rc::gen::arbitrary<bool>()), [lists](std::pair<int, bool> drawn) {
    return Type{static_cast<Kind>(drawn.first), lists && drawn.second};
  });
}
inline rc::Gen<Value> any_value_or_null(Type type) {
  return rc::gen::weightedOneOf<Value>({{1, rc::gen::just(Value())}, {9, any_value_of(type)}});
}

}  // namespace isobar::features
