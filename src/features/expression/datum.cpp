#include "datum.h"

#include <cmath>
#include <cstring>

namespace isobar::features {

namespace {

int sign(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

int compare_integers(const Datum& a, const Datum& b) { return sign(a.integer <=> b.integer); }
int compare_reals(const Datum& a, const Datum& b) {
  if (std::isnan(a.real) || std::isnan(b.real)) return int{std::isnan(a.real)} - int{std::isnan(b.real)};
  return int{a.real > b.real} - int{a.real < b.real};
}
int compare_texts(const Datum& a, const Datum& b) { return sign(a.view() <=> b.view()); }
int compare_lists(const Datum& a, const Datum& b) { return sign(compare(*a.list, *b.list)); }

}  // namespace

Datum Evaluation::keep(std::string_view text) {
  char* kept = allocate(text.size());
  std::ranges::copy(text, kept);
  return Datum::of(std::string_view(kept, text.size()));
}

Datum Evaluation::fail(std::string what) {
  if (failed_) return {};
  failed_ = true;
  what_ = std::move(what);
  failed_at_ = at_;
  return {};
}

Datum borrow(const Value& value) {
  if (value.is_null()) return {};
  if (const auto* list = value.get_if<List>()) return Datum::of(*list);
  switch (value.type().kind) {
    case Kind::kBool: return Datum::of(value.as<bool>());
    case Kind::kInt32: return Datum::of(std::int64_t{value.as<std::int32_t>()});
    case Kind::kInt64: return Datum::of(value.as<std::int64_t>());
    case Kind::kFloat32: return Datum::of(double{value.as<float>()});
    case Kind::kFloat64: return Datum::of(value.as<double>());
    case Kind::kString: return Datum::of(std::string_view(value.as<std::string>()));
    case Kind::kBytes: return Datum::of(std::string_view(value.as<Bytes>().data));
    case Kind::kTimestamp: return Datum::of(value.as<Instant>().unix_nanos());
  }
  return {};
}

Value to_value(const Datum& datum, Type type) {
  if (datum.null) return {};
  if (type.list) return Value(*datum.list);
  switch (type.kind) {
    case Kind::kBool: return Value(datum.integer != 0);
    case Kind::kInt32: return Value(static_cast<std::int32_t>(datum.integer));
    case Kind::kInt64: return Value(datum.integer);
    case Kind::kFloat32: return Value(static_cast<float>(datum.real));
    case Kind::kFloat64: return Value(datum.real);
    case Kind::kString: return Value(datum.view());
    case Kind::kBytes: return Value(Bytes{std::string(datum.view())});
    case Kind::kTimestamp: return Value(Instant::from_unix_nanos(datum.integer));
  }
  return {};
}

Comparison comparison_of(Type type) {
  if (type.list) return compare_lists;
  if (type.is_float()) return compare_reals;
  return type.is(Kind::kString) || type.is(Kind::kBytes) ? compare_texts : compare_integers;
}

}  // namespace isobar::features
