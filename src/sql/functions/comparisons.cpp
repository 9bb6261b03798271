// = <> < <= > >= between all pairs of types that have them. What is held as a machine word is compared as one.

#include <fmt/format.h>

#include <cmath>
#include <compare>

#include "built_ins.h"
#include "sql/modifier.h"
#include "times.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

enum class Sign : std::uint8_t { kEqual, kUnequal, kLess, kLessEqual, kGreater, kGreaterEqual };
constexpr std::string_view kSigns[] = {"=", "<>", "<", "<=", ">", ">="};

template <Sign kSign>
bool holds(std::strong_ordering order) {
  switch (kSign) {
    case Sign::kEqual: return order == 0;
    case Sign::kUnequal: return order != 0;
    case Sign::kLess: return order < 0;
    case Sign::kLessEqual: return order <= 0;
    case Sign::kGreater: return order > 0;
    case Sign::kGreaterEqual: return order >= 0;
  }
  return false;
}

std::strong_ordering order_of(std::int64_t a, std::int64_t b) { return a <=> b; }
std::strong_ordering order_of(bool a, bool b) { return a <=> b; }
std::strong_ordering order_of(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  return a == b ? std::strong_ordering::equal : std::isnan(a) <=> std::isnan(b);
}
std::strong_ordering order_of(std::string_view a, std::string_view b) { return a <=> b; }
std::strong_ordering order_of(const Numeric& a, const Numeric& b) { return a.compare(b); }
std::strong_ordering order_of(const Uuid& a, const Uuid& b) { return a <=> b; }

template <class T, Sign kSign>
bool compare_plain(T a, T b) {
  return holds<kSign>(order_of(a, b));
}
template <class T, Sign kSign>
bool compare_padded(std::string_view a, std::string_view b) {
  return holds<kSign>(without_blanks(a) <=> without_blanks(b));
}
/// By the order of the type itself.
template <class, Sign kSign>
SqlStatus compare_typed(const Call& call, Value& result) {
  result.set(holds<kSign>(compare(call.type(0), call[0], call[1])));
  return {};
}
/// A date or a local timestamp against one with a zone, or a date against a timestamp: as microseconds of the later kind.
template <Kind kLeft, Kind kRight, Sign kSign>
SqlResult<bool> compare_times(const Call& call, std::int64_t a, std::int64_t b) {
  constexpr Kind kBoth = std::max(kLeft, kRight);
  const auto widened = [&](Kind kind, std::int64_t value) -> SqlResult<std::int64_t> {
    if (kind == Kind::kDate) {
      // A date that is too late for a timestamp is later than all of them.
      auto local = timestamp_of_date(value);
      value = local ? *local : kInfinity;
    }
    if (kBoth == Kind::kTimestamptz && kind != kBoth) {
      const auto time = to_utc(zone_of(call), value);
      return time ? *time : value < 0 ? kMinusInfinity : kInfinity;
    }
    return value;
  };
  TRY_ASSIGN(const std::int64_t first, widened(kLeft, a));
  TRY_ASSIGN(const std::int64_t second, widened(kRight, b));
  return holds<kSign>(first <=> second);
}

void add_six(FunctionSet& set, std::string_view left, std::string_view right, const Evaluate (&evaluate)[6],
             Volatility volatility = Volatility::kImmutable) {
  for (std::size_t sign = 0; sign < 6; ++sign)
    set.add_operator(fmt::format("{}({}, {}) bool", kSigns[sign], left, right), evaluate[sign], {.volatility = volatility});
}

template <class T>
constexpr Evaluate kPlain[6] = {wrap<compare_plain<T, Sign::kEqual>>,   wrap<compare_plain<T, Sign::kUnequal>>,
                                wrap<compare_plain<T, Sign::kLess>>,    wrap<compare_plain<T, Sign::kLessEqual>>,
                                wrap<compare_plain<T, Sign::kGreater>>, wrap<compare_plain<T, Sign::kGreaterEqual>>};
constexpr Evaluate kPadded[6] = {wrap<compare_padded<void, Sign::kEqual>>,   wrap<compare_padded<void, Sign::kUnequal>>,
                                 wrap<compare_padded<void, Sign::kLess>>,    wrap<compare_padded<void, Sign::kLessEqual>>,
                                 wrap<compare_padded<void, Sign::kGreater>>, wrap<compare_padded<void, Sign::kGreaterEqual>>};
constexpr Evaluate kTyped[6] = {compare_typed<void, Sign::kEqual>,   compare_typed<void, Sign::kUnequal>,
                                compare_typed<void, Sign::kLess>,    compare_typed<void, Sign::kLessEqual>,
                                compare_typed<void, Sign::kGreater>, compare_typed<void, Sign::kGreaterEqual>};
template <Kind kLeft, Kind kRight>
constexpr Evaluate kTimes[6] = {
    wrap<compare_times<kLeft, kRight, Sign::kEqual>>,   wrap<compare_times<kLeft, kRight, Sign::kUnequal>>,
    wrap<compare_times<kLeft, kRight, Sign::kLess>>,    wrap<compare_times<kLeft, kRight, Sign::kLessEqual>>,
    wrap<compare_times<kLeft, kRight, Sign::kGreater>>, wrap<compare_times<kLeft, kRight, Sign::kGreaterEqual>>};

template <Kind kLeft, Kind kRight>
void add_times(FunctionSet& set, std::string_view left, std::string_view right) {
  const auto volatility = std::max(kLeft, kRight) == Kind::kTimestamptz ? Volatility::kStable : Volatility::kImmutable;
  add_six(set, left, right, kTimes<kLeft, kRight>, volatility), add_six(set, right, left, kTimes<kRight, kLeft>, volatility);
}

}  // namespace

void add_comparisons(FunctionSet& set) {
  for (const auto left : {"int2", "int4", "int8"})
    for (const auto right : {"int2", "int4", "int8"}) add_six(set, left, right, kPlain<std::int64_t>);
  for (const auto type : {"date", "time", "timestamp", "timestamptz", "oid"}) add_six(set, type, type, kPlain<std::int64_t>);
  for (const auto left : {"float4", "float8"})
    for (const auto right : {"float4", "float8"}) add_six(set, left, right, kPlain<double>);
  for (const auto type : {"text", "name", "char", "bytea"}) add_six(set, type, type, kPlain<std::string_view>);
  add_six(set, "name", "text", kPlain<std::string_view>), add_six(set, "text", "name", kPlain<std::string_view>);
  add_six(set, "bpchar", "bpchar", kPadded);
  add_six(set, "bool", "bool", kPlain<bool>), add_six(set, "numeric", "numeric", kPlain<const Numeric&>),
      add_six(set, "uuid", "uuid", kPlain<const Uuid&>);
  for (const auto type : {"interval", "jsonb", "anyarray", "record"}) add_six(set, type, type, kTyped);
  add_times<Kind::kDate, Kind::kTimestamp>(set, "date", "timestamp"),
      add_times<Kind::kDate, Kind::kTimestamptz>(set, "date", "timestamptz");
  add_times<Kind::kTimestamp, Kind::kTimestamptz>(set, "timestamp", "timestamptz");
  set.add_operator("=(xid, xid) bool", wrap<compare_plain<std::int64_t, Sign::kEqual>>),
      set.add_operator("=(xid, int4) bool", wrap<compare_plain<std::int64_t, Sign::kEqual>>);
  set.add_operator("<>(xid, xid) bool", wrap<compare_plain<std::int64_t, Sign::kUnequal>>);
}

}  // namespace isobar::sql
