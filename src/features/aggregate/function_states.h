#pragma once

/// The functions over their states: each a small type with what `AggregateOf` asks of it. Null arguments do not reach them.

#include "number_states.h"
#include "sketches.h"

namespace isobar::features {

/// Arguments that are numbers inside: bools and times, too.
std::int64_t integer_of(const Value& value);
double float_of(const Value& value);

struct CountFunction {
  using State = CountState;
  static constexpr bool kRetracts = true;
  Type result_type() const { return {Kind::kInt64}; }
  void add(State& state, const Value&, const EventOrder&, int weight) const { state.count += weight; }
  void merge(State& state, const State& other) const { state.merge(other); }
  Result<Value> result(const State& state, Instant) const { return Value(state.count); }
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader); }
};

struct IntegerSumFunction {
  using State = IntegerSum;
  static constexpr bool kRetracts = true;
  bool mean;
  Type result_type() const { return {mean ? Kind::kFloat64 : Kind::kInt64}; }
  void add(State& state, const Value& value, const EventOrder&, int weight) const { state.add(value.as_integer(), weight); }
  void merge(State& state, const State& other) const { state.merge(other); }
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader); }
};

struct FloatSumFunction {
  using State = FloatSum;
  static constexpr bool kRetracts = true;
  bool mean;
  Type result_type() const { return {Kind::kFloat64}; }
  void add(State& state, const Value& value, const EventOrder&, int weight) const { state.add(value.as_float(), weight); }
  void merge(State& state, const State& other) const { state.merge(other); }
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader); }
};

struct MomentsFunction {
  using State = Moments;
  static constexpr bool kRetracts = true;
  bool root, population;
  Type result_type() const { return {Kind::kFloat64}; }
  void add(State& state, const Value& value, const EventOrder&, int weight) const {
    weight > 0 ? state.insert(float_of(value)) : state.retract(float_of(value));
  }
  void merge(State& state, const State& other) const { state.merge(other); }
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader); }
};

/// min and max; T is what the values are inside: std::int64_t, double, or Value for texts and bytes.
template <class T>
struct ExtremeFunction {
  struct State {
    T value{};
    bool present = false;
    void encode(std::string& out) const;
  };
  static constexpr bool kRetracts = false;
  Type type;
  bool most;
  Type result_type() const { return type; }
  void add(State& state, const Value& value, const EventOrder&, int) const;
  void merge(State& state, const State& other) const;
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const;

 private:
  void offer(State& state, const T& value) const;
};

/// first and last.
struct EndFunction {
  struct State {
    EventOrder order;
    Value value;  ///< null: none yet
    void encode(std::string& out) const;
  };
  static constexpr bool kRetracts = false;
  Type type;
  bool last;
  Type result_type() const { return type; }
  void add(State& state, const Value& value, const EventOrder& order, int) const { offer(state, value, order); }
  void merge(State& state, const State& other) const {
    if (!other.value.is_null()) offer(state, other.value, other.order);
  }
  Result<Value> result(const State& state, Instant) const { return state.value; }
  Status decode(State& state, ByteReader& reader) const;

 private:
  void offer(State& state, const Value& value, const EventOrder& order) const;
};

struct DistinctFunction {
  using State = DistinctSketch;
  static constexpr bool kRetracts = false;
  std::uint32_t precision;
  Type result_type() const { return {Kind::kInt64}; }
  void add(State& state, const Value& value, const EventOrder&, int) const;
  void merge(State& state, const State& other) const { state.merge(other, precision); }
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader, precision); }
};

struct QuantilesFunction {
  using State = LogLinearHistogram;
  static constexpr bool kRetracts = true;
  std::vector<double> quantiles;
  Type result_type() const { return {Kind::kFloat64, quantiles.size() > 1}; }
  void add(State& state, const Value& value, const EventOrder&, int weight) const { state.add(float_of(value), weight); }
  void merge(State& state, const State& other) const { state.merge(other); }
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader); }
};

struct TopKFunction {
  using State = FrequentValues;
  static constexpr bool kRetracts = false;
  Type type;
  std::size_t k;
  std::size_t capacity() const { return std::max<std::size_t>(4 * k, 64); }
  Type result_type() const { return {type.kind, true}; }
  void add(State& state, const Value& value, const EventOrder&, int) const;
  void merge(State& state, const State& other) const { state.merge(other, capacity()); }
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader, type, capacity()); }
};

struct HistogramFunction {
  using State = BoundedHistogram;
  static constexpr bool kRetracts = true;
  std::vector<double> bounds;
  Type result_type() const { return {Kind::kInt64, true}; }
  void add(State& state, const Value& value, const EventOrder&, int weight) const { state.add(float_of(value), weight, bounds); }
  void merge(State& state, const State& other) const { state.merge(other); }
  Result<Value> result(const State& state, Instant) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader, bounds.size()); }
};

struct DecayFunction {
  using State = DecayedSum;
  static constexpr bool kRetracts = true;
  bool of_values;  ///< else each event counts 1
  Duration half_life;
  Type result_type() const { return {Kind::kFloat64}; }
  void add(State& state, const Value& value, const EventOrder& order, int weight) const {
    state.add(of_values ? float_of(value) : 1, weight, order.time, half_life);
  }
  void merge(State& state, const State& other) const { state.merge(other, half_life); }
  Result<Value> result(const State& state, Instant at) const;
  Status decode(State& state, ByteReader& reader) const { return state.decode(reader); }
};

}  // namespace isobar::features
