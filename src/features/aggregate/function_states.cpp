#include "function_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "features/hash.h"

namespace isobar::features {

std::int64_t integer_of(const Value& value) {
  if (const auto* at = value.get_if<Instant>()) return at->unix_nanos();
  if (const auto* truth = value.get_if<bool>()) return *truth ? 1 : 0;
  return value.as_integer();
}

double float_of(const Value& value) {
  const Type type = value.type();
  return type.is_float() ? value.as_float() : static_cast<double>(integer_of(value));
}

namespace {

Value value_of(std::int64_t held, Type type) {
  switch (type.kind) {
    case Kind::kBool: return Value(held != 0);
    case Kind::kInt32: return Value(static_cast<std::int32_t>(held));
    case Kind::kTimestamp: return Value(Instant::from_unix_nanos(held));
    default: return Value(held);
  }
}
Value value_of(double held, Type type) { return type.is(Kind::kFloat32) ? Value(static_cast<float>(held)) : Value(held); }
const Value& value_of(const Value& held, Type) { return held; }

void read_value(std::int64_t& into, const Value& value) { into = integer_of(value); }
void read_value(double& into, const Value& value) { into = value.as_float(); }
void read_value(Value& into, const Value& value) { into = value; }

bool is_below(std::int64_t a, std::int64_t b) { return a < b; }
bool is_below(double a, double b) { return float_below(a, b); }
bool is_below(const Value& a, const Value& b) { return compare(a, b) < 0; }

void encode_held(std::string& out, std::int64_t held) { append_zigzag(out, held); }
void encode_held(std::string& out, double held) { append_fixed(out, held); }
void encode_held(std::string& out, const Value& held) { append_value(out, held); }

Status decode_held(ByteReader& reader, Type, std::int64_t& held) {
  TRY_ASSIGN(held, reader.zigzag());
  return {};
}
Status decode_held(ByteReader& reader, Type, double& held) {
  TRY_ASSIGN(held, reader.fixed<double>());
  return {};
}
Status decode_held(ByteReader& reader, Type type, Value& held) {
  TRY_ASSIGN(held, reader.value());
  if (held.is_null() || held.type() != type) return damaged("an extreme of another type");
  return {};
}

template <class T, class Held = T>
Value list_from(const std::vector<Value>& values) {
  std::vector<T> list;
  for (const Value& value : values) list.push_back(static_cast<T>(value.as<Held>()));
  return Value(List(std::move(list)));
}

}  // namespace

Result<Value> IntegerSumFunction::result(const State& state, Instant) const {
  if (state.count == 0) return Value();
  if (mean) return Value(static_cast<double>(static_cast<long double>(state.sum) / static_cast<long double>(state.count)));
  if (state.sum < INT64_MIN || state.sum > INT64_MAX)
    return invalid("the sum is beyond the range of int64; sum the column as float64, or over a shorter window");
  return Value(static_cast<std::int64_t>(state.sum));
}

Result<Value> FloatSumFunction::result(const State& state, Instant) const {
  if (state.count == 0) return Value();
  const double total = state.total();
  if (!std::isfinite(total) && !state.not_finite.any()) return invalid("the sum is beyond the range of float64; sum over a shorter window");
  return Value(mean ? total / static_cast<double>(state.count) : total);
}

Result<Value> MomentsFunction::result(const State& state, Instant) const {
  const std::int64_t degrees = population ? state.count : state.count - 1;
  if (state.not_finite.any()) return Value(std::nan(""));
  if (degrees < 1) return Value();
  const double variance = state.squares / static_cast<double>(degrees);
  if (!std::isfinite(variance)) return invalid("the variance is beyond the range of float64");
  return Value(root ? std::sqrt(variance) : variance);
}

template <class T>
void ExtremeFunction<T>::State::encode(std::string& out) const {
  append_byte(out, present ? 1 : 0);
  if (present) encode_held(out, value);
}
template <class T>
void ExtremeFunction<T>::add(State& state, const Value& value, const EventOrder&, int) const {
  T held{};
  read_value(held, value);
  offer(state, held);
}
template <class T>
void ExtremeFunction<T>::merge(State& state, const State& other) const {
  if (other.present) offer(state, other.value);
}
template <class T>
void ExtremeFunction<T>::offer(State& state, const T& value) const {
  if (state.present && !(most ? is_below(state.value, value) : is_below(value, state.value))) return;
  state.value = value;
  state.present = true;
}
template <class T>
Result<Value> ExtremeFunction<T>::result(const State& state, Instant) const {
  return state.present ? value_of(state.value, type) : Value();
}
template <class T>
Status ExtremeFunction<T>::decode(State& state, ByteReader& reader) const {
  TRY_ASSIGN(const std::uint8_t present, reader.byte());
  if (present > 1) return damaged("an extreme that is neither there nor not");
  state.present = present == 1;
  return state.present ? decode_held(reader, type, state.value) : Status();
}
template struct ExtremeFunction<std::int64_t>;
template struct ExtremeFunction<double>;
template struct ExtremeFunction<Value>;

void EndFunction::State::encode(std::string& out) const {
  append_value(out, value);
  if (value.is_null()) return;
  append_zigzag(out, order.time.unix_nanos());
  append_zigzag(out, order.created.unix_nanos());
  append_varint(out, order.sequence);
}
void EndFunction::offer(State& state, const Value& value, const EventOrder& order) const {
  if (!state.value.is_null()) {
    const auto by_order = order <=> state.order;
    // Two events of one order cannot be told apart; then the larger value, so that it is the same one whichever came first.
    const bool later = by_order > 0 || (by_order == 0 && compare(value, state.value) > 0);
    const bool earlier = by_order < 0 || (by_order == 0 && compare(value, state.value) > 0);
    if (!(last ? later : earlier)) return;
  }
  state.value = value;
  state.order = order;
}
Status EndFunction::decode(State& state, ByteReader& reader) const {
  TRY_ASSIGN(state.value, reader.value());
  if (state.value.is_null()) return {};
  if (state.value.type() != type) return damaged("an end of another type");
  TRY_ASSIGN(const std::int64_t time, reader.zigzag());
  TRY_ASSIGN(const std::int64_t created, reader.zigzag());
  TRY_ASSIGN(state.order.sequence, reader.varint());
  state.order.time = Instant::from_unix_nanos(time);
  state.order.created = Instant::from_unix_nanos(created);
  return {};
}

void DistinctFunction::add(State& state, const Value& value, const EventOrder&, int) const { state.insert(hash64({&value, 1}), precision); }
Result<Value> DistinctFunction::result(const State& state, Instant) const {
  return Value(static_cast<std::int64_t>(std::llround(std::min(state.estimate(precision), 0x1p62))));
}

Result<Value> QuantilesFunction::result(const State& state, Instant) const {
  if (state.count() <= 0) return Value();
  if (quantiles.size() == 1) return Value(state.quantile(quantiles[0]));
  std::vector<double> results;
  for (const double q : quantiles) results.push_back(state.quantile(q));
  return Value(List(std::move(results)));
}

void TopKFunction::add(State& state, const Value& value, const EventOrder&, int) const {
  state.insert(value, hash64({&value, 1}), capacity());
}
Result<Value> TopKFunction::result(const State& state, Instant) const {
  const auto values = state.top(k);
  if (values.empty()) return Value();
  switch (type.kind) {
    case Kind::kBool: return list_from<std::uint8_t, bool>(values);
    case Kind::kInt32: return list_from<std::int32_t>(values);
    case Kind::kInt64: return list_from<std::int64_t>(values);
    case Kind::kFloat32: return list_from<float>(values);
    case Kind::kFloat64: return list_from<double>(values);
    case Kind::kString: return list_from<std::string>(values);
    case Kind::kBytes: return list_from<Bytes>(values);
    case Kind::kTimestamp: return list_from<Instant>(values);
  }
  return Value();
}

Result<Value> HistogramFunction::result(const State& state, Instant) const {
  if (state.counts.empty()) return Value(List(std::vector<std::int64_t>(bounds.size() + 1)));
  return Value(List(state.counts));
}

Result<Value> DecayFunction::result(const State& state, Instant at) const {
  if (state.count == 0) return of_values ? Value() : Value(0.0);
  return Value(state.at(at, half_life));
}

}  // namespace isobar::features
