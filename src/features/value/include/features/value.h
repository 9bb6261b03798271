#pragma once

/// A value of a feature: null, or a scalar, or a list. A tagged union of 40 bytes; numbers and times take no heap.
///
/// Null is the absence of a value and has no type of its own: the column has. A NaN is a value, and not null.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "features/type.h"

namespace isobar::features {

struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

/// One vector for each kind of element, in the order of `Kind`; bools as 0 and 1.
using List = std::variant<std::vector<std::uint8_t>, std::vector<std::int32_t>, std::vector<std::int64_t>, std::vector<float>,
                          std::vector<double>, std::vector<std::string>, std::vector<Bytes>, std::vector<Instant>>;

class Value {
 public:
  Value() = default;  ///< null
  explicit Value(bool value) : held_(value) {}
  explicit Value(std::int32_t value) : held_(value) {}
  explicit Value(std::int64_t value) : held_(value) {}
  explicit Value(float value) : held_(value) {}
  explicit Value(double value) : held_(value) {}
  explicit Value(std::string value) : held_(std::move(value)) {}
  explicit Value(std::string_view value) : held_(std::string(value)) {}
  explicit Value(const char* value) : held_(std::string(value)) {}
  explicit Value(Bytes value) : held_(std::move(value)) {}
  explicit Value(Instant value) : held_(value) {}
  explicit Value(List value) : held_(std::move(value)) {}

  bool is_null() const { return held_.index() == 0; }
  /// Of a value that is not null.
  Type type() const;

  /// What is held, which the caller knows: asking for anything else is our own bug and ends the process.
  template <class T>
  const T& as() const {
    const T* held = std::get_if<T>(&held_);
    CHECK(held != nullptr, held_.index());
    return *held;
  }
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&held_);
  }
  /// An int32 or int64 as the wider of them, and the same for floats. As `as`, of anything else it ends the process.
  std::int64_t as_integer() const;
  double as_float() const;

  /// Identical: the same type and the same bits, so a NaN is itself and -0.0 is not 0.0. For order and SQL's equality see `compare`.
  friend bool operator==(const Value& a, const Value& b);

 private:
  std::variant<std::monostate, bool, std::int32_t, std::int64_t, float, double, std::string, Bytes, Instant, List> held_;
};
static_assert(sizeof(Value) <= 40);

/// A row has one value for each column of its schema, in its order.
using Row = std::vector<Value>;

/// PostgreSQL's order: null after everything (nulls last), NaN equal to itself and above every number, -0.0 equal to 0.0, text by its
/// bytes, false before true, lists by their first difference. Both values are of one type, or null; numbers of two types are compared as
/// they are, exactly: 2^53+1 is more than the double 2^53.
std::strong_ordering compare(const Value& a, const Value& b);
/// Of lists of one kind.
std::strong_ordering compare(const List& a, const List& b);

/// For messages: 12, 0.5, 'text', null, [1, 2]. Long ones are cut at 60 bytes.
std::string describe(const Value& value);

}  // namespace isobar::features
