#pragma once

/// One value. What type it is of is known by whoever holds it: a plan knows the types of its columns. Null is a value of every type.
///
///   Kind                                  holds
///   bool                                  bool
///   int2, int4, int8, oid, reg…, xid      std::int64_t
///   float4, float8                        double (of float4: rounded to it)
///   numeric                               Numeric
///   text, varchar, bpchar, name, "char",  std::string: UTF-8, no NUL
///   json, jsonb, unknown                  (bpchar padded to its length as stored)
///   bytea                                 std::string: any bytes
///   date                                  std::int64_t: days since 2000-01-01; kMinusInfinity, kInfinity
///   time                                  std::int64_t: microseconds since midnight, 0 … 86,400,000,000
///   timestamp, timestamptz                std::int64_t: microseconds since 2000-01-01 00:00 (UTC of timestamptz); ±infinity as dates
///   interval                              Interval
///   uuid                                  Uuid
///   array                                 ArrayPtr
///   record                                RecordPtr

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/numeric.h"
#include "sql/type.h"

namespace isobar::sql {

class Value;
using Row = std::vector<Value>;

inline constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kMinusInfinity = std::numeric_limits<std::int64_t>::min();

struct Interval {
  std::int64_t microseconds = 0;
  std::int32_t days = 0, months = 0;
  friend bool operator==(const Interval&, const Interval&) = default;  // of the parts; SQL's = takes months for 30 days
};
using Uuid = std::array<std::uint8_t, 16>;

struct Array;
struct Record;
using ArrayPtr = std::shared_ptr<const Array>;
using RecordPtr = std::shared_ptr<const Record>;

class Value {
 public:
  using Held = std::variant<std::monostate, bool, std::int64_t, double, Numeric, std::string, Interval, Uuid, ArrayPtr, RecordPtr>;
  Value() = default;  ///< null
  // One after the other: whether a Value is made of a Value must not be asked while that is being found out.
  // NOLINTBEGIN(bugprone-forwarding-reference-overload): Value itself is left out
  template <class T, class Plain = std::remove_cvref_t<T>,
            class = std::enable_if_t<
                std::conjunction_v<std::negation<std::is_same<Plain, Value>>, std::is_constructible<Held, std::in_place_type_t<Plain>, T>>>>
  explicit Value(T&& held) : held_(std::in_place_type<Plain>, std::forward<T>(held)) {}
  // NOLINTEND(bugprone-forwarding-reference-overload)

  bool is_null() const { return held_.index() == 0; }
  bool boolean() const { return std::get<bool>(held_); }
  std::int64_t integer() const { return std::get<std::int64_t>(held_); }
  double real() const { return std::get<double>(held_); }
  const Numeric& numeric() const { return std::get<Numeric>(held_); }
  const std::string& text() const { return std::get<std::string>(held_); }
  const Interval& interval() const { return std::get<Interval>(held_); }
  const Uuid& uuid() const { return std::get<Uuid>(held_); }
  const Array& array() const { return *std::get<ArrayPtr>(held_); }
  const Record& record() const { return *std::get<RecordPtr>(held_); }
  const Held& held() const { return held_; }
  /// The text of a value that is about to be written over: the memory it has is used again.
  std::string& reuse_text() {
    if (auto* text = std::get_if<std::string>(&held_)) return *text;
    return held_.emplace<std::string>();
  }
  /// Becomes another value; what it holds of the same sort is assigned to.
  template <class T>
  void set(T&& held) {
    using Plain = std::remove_cvref_t<T>;
    if (auto* there = std::get_if<Plain>(&held_)) *there = std::forward<T>(held);
    else held_.emplace<Plain>(std::forward<T>(held));
  }
  void set_null() { held_.emplace<std::monostate>(); }

 private:
  Held held_;
};

/// Of one dimension, or of several: `sizes` and `lows` have one entry each, `elements` are in row-major order. No dimension: empty.
struct Array {
  Kind element = Kind::kUnknown;
  std::vector<std::int32_t> sizes, lows;
  std::vector<Value> elements;
};

struct Record {
  std::vector<Type> types;
  Row values;
};

/// The order of SQL's comparisons and of ORDER BY among values of one type, neither of them null: NaN is the largest and equal to
/// itself, months are 30 days, blanks at the end of a bpchar do not count. Texts are compared by their bytes (collation "C"), so that
/// every machine orders them alike. Errors: none; both are of `type`
std::strong_ordering compare(const Type& type, const Value& a, const Value& b);
/// Equal values have equal hashes.
std::size_t hash(const Type& type, const Value& value);

/// What text forms depend on in a session.
struct TextStyle {
  int extra_float_digits = 1;
  std::string bytea_output = "hex";      ///< or "escape"
  const class TimeZone* zone = nullptr;  ///< of timestamptz; none: UTC
  std::optional<std::int64_t> now;       ///< what 'now' and 'today' mean, as of timestamptz; none: they are refused
};
/// As PostgreSQL prints it (DateStyle ISO, IntervalStyle postgres). value is not null
std::string to_text(const Type& type, const Value& value, const TextStyle& style);
/// Errors   22P02, 22003, 22007, 22008 …: as PostgreSQL words them. The type's modifier is applied as by an assignment
SqlResult<Value> from_text(const Type& type, std::string_view text, const TextStyle& style);
/// The protocol's binary forms. value is not null
std::string to_binary(const Type& type, const Value& value);
SqlResult<Value> from_binary(const Type& type, std::string_view bytes);

}  // namespace isobar::sql
