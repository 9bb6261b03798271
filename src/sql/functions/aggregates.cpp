// Aggregates: what each keeps of a group, and what it makes of that. Sums of integers are kept in 128 bits and never overflow; sums of
// squares of floats are kept about their mean (Youngs and Cramer), so that variances of large numbers have digits.

#include <fmt/format.h>

#include <cmath>

#include "built_ins.h"
#include "json_text.h"
#include "reals.h"
#include "texts.h"

namespace isobar::sql {
namespace {

using Arguments = std::span<const Value* const>;

template <class State>
std::unique_ptr<AggregateState> start(const BoundAggregate& bound) {
  if constexpr (std::is_constructible_v<State, const BoundAggregate&>) return std::make_unique<State>(bound);
  else return std::make_unique<State>();
}
template <class State>
Aggregate of(bool ignores_duplicates = false) {
  Aggregate aggregate;
  aggregate.start = start<State>, aggregate.ignores_duplicates = ignores_duplicates;
  return aggregate;
}

class Count final : public AggregateState {
 public:
  SqlStatus step(const SessionValues&, Arguments arguments) override {
    for (const Value* argument : arguments)
      if (argument->is_null()) return {};
    ++count_;
    return {};
  }
  SqlStatus finish(const SessionValues&, Arguments, Value& result) const override { return result.set(count_), SqlStatus(); }

 private:
  std::int64_t count_ = 0;
};

/// One value at a time, nulls left out; nothing seen is null.
template <class Derived>
class OfValues : public AggregateState {
 public:
  SqlStatus step(const SessionValues&, Arguments arguments) override {
    if (arguments[0]->is_null()) return {};
    ++count_;
    return static_cast<Derived*>(this)->see(*arguments[0]);
  }
  SqlStatus finish(const SessionValues&, Arguments, Value& result) const override {
    if (count_ == 0) return result.set_null(), SqlStatus();
    return static_cast<const Derived*>(this)->give(result);
  }

 protected:
  std::int64_t count_ = 0;
};

SqlResult<Numeric> numeric_of(__int128 value) {
  if (value >= INT64_MIN && value <= INT64_MAX) return Numeric(static_cast<std::int64_t>(value));
  constexpr std::int64_t kPart = 1'000'000'000'000'000'000;
  TRY_ASSIGN(const Numeric high, numeric_of(value / kPart));
  TRY_ASSIGN(const Numeric shifted, high.times(Numeric(kPart)));
  return shifted.plus(Numeric(static_cast<std::int64_t>(value % kPart)));
}

class IntegerSum : public OfValues<IntegerSum> {
 public:
  SqlStatus see(const Value& value) { return sum_ += value.integer(), SqlStatus(); }
  SqlStatus give(Value& result) const {
    if (sum_ < INT64_MIN || sum_ > INT64_MAX) return SqlError(state::kNumericValueOutOfRange, "bigint out of range");
    return result.set(static_cast<std::int64_t>(sum_)), SqlStatus();
  }

 private:
  __int128 sum_ = 0;
};
class BigintSum : public OfValues<BigintSum> {
 public:
  SqlStatus see(const Value& value) { return sum_ += value.integer(), SqlStatus(); }
  SqlStatus give(Value& result) const {
    TRY_ASSIGN(auto sum, numeric_of(sum_));
    return result.set(std::move(sum)), SqlStatus();
  }

 private:
  __int128 sum_ = 0;
};
class IntegerMean : public OfValues<IntegerMean> {
 public:
  SqlStatus see(const Value& value) { return sum_ += value.integer(), SqlStatus(); }
  SqlStatus give(Value& result) const {
    TRY_ASSIGN(const Numeric sum, numeric_of(sum_));
    TRY_ASSIGN(auto mean, sum.divided_by(Numeric(count_)));
    return result.set(std::move(mean)), SqlStatus();
  }

 private:
  __int128 sum_ = 0;
};

template <bool kMean>
class NumericSum : public OfValues<NumericSum<kMean>> {
 public:
  SqlStatus see(const Value& value) {
    TRY_ASSIGN(sum_, sum_.plus(value.numeric()));
    return {};
  }
  SqlStatus give(Value& result) const {
    if (!kMean) return result.set(sum_), SqlStatus();
    TRY_ASSIGN(auto mean, sum_.divided_by(Numeric(this->count_)));
    return result.set(std::move(mean)), SqlStatus();
  }

 private:
  Numeric sum_;
};

template <bool kSingle>
class RealSum : public OfValues<RealSum<kSingle>> {
 public:
  SqlStatus see(const Value& value) {
    const double before = sum_;
    sum_ = kSingle ? double{static_cast<float>(sum_ + value.real())} : sum_ + value.real();
    if (std::isinf(sum_) && !std::isinf(before) && !std::isinf(value.real())) return real_overflow();
    return {};
  }
  SqlStatus give(Value& result) const { return result.set(sum_), SqlStatus(); }

 private:
  double sum_ = 0;
};

template <bool kMean>
class IntervalSum : public OfValues<IntervalSum<kMean>> {
 public:
  SqlStatus see(const Value& value) {
    const Interval& interval = value.interval();
    time_ += interval.microseconds, days_ += interval.days, months_ += interval.months;
    return {};
  }
  SqlStatus give(Value& result) const {
    if (months_ > INT32_MAX || months_ < INT32_MIN || days_ > INT32_MAX || days_ < INT32_MIN || time_ > INT64_MAX || time_ < INT64_MIN)
      return SqlError(state::kDatetimeFieldOverflow, "interval out of range");
    const Interval sum{static_cast<std::int64_t>(time_), static_cast<std::int32_t>(days_), static_cast<std::int32_t>(months_)};
    if (!kMean) return result.set(sum), SqlStatus();
    return result.set(divide(sum, static_cast<double>(this->count_))), SqlStatus();
  }

 private:
  /// As interval / float8 does it.
  static Interval divide(const Interval& sum, double by) {
    const auto rounded = [](double seconds) { return std::rint(seconds * 1e6) / 1e6; };
    const double months = sum.months / by, days = sum.days / by;
    double whole_days = std::trunc(days);
    const double more = rounded((months - std::trunc(months)) * 30);
    double seconds = rounded((days - whole_days + more - std::trunc(more)) * 86'400);
    if (std::fabs(seconds) >= 86'400) whole_days += std::trunc(seconds / 86'400), seconds = std::fmod(seconds, 86'400);
    whole_days += std::trunc(more);
    return {static_cast<std::int64_t>(std::rint(static_cast<double>(sum.microseconds) / by + seconds * 1e6)),
            static_cast<std::int32_t>(whole_days), static_cast<std::int32_t>(months)};
  }
  __int128 time_ = 0;
  std::int64_t days_ = 0, months_ = 0;
};

/// min and max.
template <bool kMost>
class Extreme : public OfValues<Extreme<kMost>> {
 public:
  explicit Extreme(const BoundAggregate& bound) : type_(bound.arguments[0]) {}
  SqlStatus see(const Value& value) {
    if (best_.is_null() || (kMost ? compare(type_, value, best_) > 0 : compare(type_, value, best_) < 0)) best_ = value;
    return {};
  }
  SqlStatus give(Value& result) const { return result = best_, SqlStatus(); }
  std::size_t bytes() const override { return std::holds_alternative<std::string>(best_.held()) ? best_.text().size() : 0; }

 private:
  Type type_;
  Value best_;
};

template <bool kAll>
class Truth : public OfValues<Truth<kAll>> {
 public:
  SqlStatus see(const Value& value) { return so_far_ = kAll ? so_far_ && value.boolean() : so_far_ || value.boolean(), SqlStatus(); }
  SqlStatus give(Value& result) const { return result.set(so_far_), SqlStatus(); }

 private:
  bool so_far_ = kAll;
};

template <char kSign>
class Bits : public OfValues<Bits<kSign>> {
 public:
  SqlStatus see(const Value& value) {
    if (kSign == '&') bits_ = this->count_ == 1 ? value.integer() : bits_ & value.integer();
    else if (kSign == '|') bits_ |= value.integer();
    else bits_ ^= value.integer();
    return {};
  }
  SqlStatus give(Value& result) const { return result.set(bits_), SqlStatus(); }

 private:
  std::int64_t bits_ = 0;
};

/// string_agg: the separator before each but the first.
class Joined final : public AggregateState {
 public:
  SqlStatus step(const SessionValues&, Arguments arguments) override {
    if (arguments[0]->is_null()) return {};
    if (std::exchange(any_, true) && !arguments[1]->is_null()) text_ += arguments[1]->text();
    text_ += arguments[0]->text();
    return text_.size() > (std::size_t{1} << 30) ? SqlStatus(too_long()) : SqlStatus();
  }
  SqlStatus finish(const SessionValues&, Arguments, Value& result) const override {
    if (!any_) return result.set_null(), SqlStatus();
    return result.reuse_text().assign(text_), SqlStatus();
  }
  std::size_t bytes() const override { return text_.capacity(); }

 private:
  std::string text_;
  bool any_ = false;
};

class Gathered final : public AggregateState {
 public:
  explicit Gathered(const BoundAggregate& bound) : type_(bound.arguments[0]) {}
  SqlStatus step(const SessionValues&, Arguments arguments) override {
    if (type_.kind == Kind::kArray) return add_array(*arguments[0]);
    if (array_.sizes.empty()) array_.sizes = {0}, array_.lows = {1};
    ++array_.sizes[0];
    array_.elements.push_back(*arguments[0]);
    return {};
  }
  SqlStatus finish(const SessionValues&, Arguments, Value& result) const override {
    if (array_.sizes.empty()) return result.set_null(), SqlStatus();
    auto made = std::make_shared<Array>(array_);
    made->element = type_.kind == Kind::kArray ? type_.element : type_.kind;
    return result.set(ArrayPtr(std::move(made))), SqlStatus();
  }
  std::size_t bytes() const override { return array_.elements.capacity() * (sizeof(Value) + 16); }

 private:
  SqlStatus add_array(const Value& value) {
    if (value.is_null()) return SqlError(state::kNullValueNotAllowed, "cannot accumulate null arrays");
    const Array& array = value.array();
    if (array.sizes.empty()) return SqlError(state::kArraySubscriptError, "cannot accumulate empty arrays");
    if (array_.sizes.empty()) {
      array_.sizes = array.sizes, array_.lows = array.lows;
      array_.sizes.insert(array_.sizes.begin(), 0), array_.lows.insert(array_.lows.begin(), 1);
    } else if (!std::equal(array.sizes.begin(), array.sizes.end(), array_.sizes.begin() + 1, array_.sizes.end())) {
      return SqlError(state::kArraySubscriptError, "cannot accumulate arrays of different dimensionality");
    }
    ++array_.sizes[0];
    array_.elements.insert(array_.elements.end(), array.elements.begin(), array.elements.end());
    return {};
  }
  Type type_;
  Array array_;
};

/// json_agg, json_object_agg and those of jsonb: as text; jsonb's is brought into its normal form at the end.
template <bool kObject, bool kBinary>
class JsonGathered final : public AggregateState {
 public:
  explicit JsonGathered(const BoundAggregate& bound) : types_(bound.arguments) {}
  SqlStatus step(const SessionValues& session, Arguments arguments) override {
    const bool wide = !kObject && (types_[0].kind == Kind::kArray || types_[0].kind == Kind::kRecord);
    text_ += text_.empty() ? (kObject ? "{ " : "[") : wide ? ", \n " : ", ";
    if (kObject) {
      TRY(append_json_key(text_, types_[0], *arguments[0], session.style));
      text_ += " : ";
    }
    append_json_value(text_, types_.back(), *arguments[kObject ? 1 : 0], session.style);
    return {};
  }
  SqlStatus finish(const SessionValues&, Arguments, Value& result) const override {
    if (text_.empty()) return result.set_null(), SqlStatus();
    const std::string whole = text_ + (kObject ? " }" : "]");
    if (!kBinary) return result.set(whole), SqlStatus();
    TRY_ASSIGN(result, jsonb_of(whole));
    return {};
  }
  std::size_t bytes() const override { return text_.capacity(); }

 private:
  std::vector<Type> types_;
  std::string text_;
};

enum class Spread : std::uint8_t { kVarPop, kVarSamp, kStddevPop, kStddevSamp };
constexpr bool is_sample(Spread spread) { return spread == Spread::kVarSamp || spread == Spread::kStddevSamp; }
constexpr bool is_root(Spread spread) { return spread == Spread::kStddevPop || spread == Spread::kStddevSamp; }

template <Spread kSpread>
class NumericSpread : public OfValues<NumericSpread<kSpread>> {
 public:
  SqlStatus see(const Value& value) {
    const Numeric number = std::holds_alternative<std::int64_t>(value.held()) ? Numeric(value.integer()) : value.numeric();
    TRY_ASSIGN(const Numeric square, number.times(number));
    TRY_ASSIGN(sum_, sum_.plus(number));
    TRY_ASSIGN(squares_, squares_.plus(square));
    return {};
  }
  SqlStatus give(Value& result) const {
    const std::int64_t count = this->count_;
    if (is_sample(kSpread) && count < 2) return result.set_null(), SqlStatus();
    if (!sum_.is_finite()) return result.set(Numeric::nan()), SqlStatus();
    TRY_ASSIGN(const Numeric scaled, squares_.times(Numeric(count)));
    TRY_ASSIGN(const Numeric square, sum_.times(sum_));
    TRY_ASSIGN(const Numeric numerator, scaled.minus(square));
    if (numerator.sign() <= 0) return result.set(Numeric()), SqlStatus();
    TRY_ASSIGN(const Numeric divisor, Numeric(count).times(Numeric(is_sample(kSpread) ? count - 1 : count)));
    TRY_ASSIGN(Numeric spread, numerator.divided_by(divisor));
    if (is_root(kSpread)) {
      TRY_ASSIGN(spread, spread.square_root_to(spread.scale()));
    }
    return result.set(std::move(spread)), SqlStatus();
  }

 private:
  Numeric sum_, squares_;
};

enum class Moment : std::uint8_t { kMean, kVarPop, kVarSamp, kStddevPop, kStddevSamp };
template <Moment kMoment>
class RealMoment : public OfValues<RealMoment<kMoment>> {
 public:
  SqlStatus see(const Value& value) {
    const double x = value.real(), n = static_cast<double>(this->count_);
    sum_ += x;
    if (this->count_ == 1) {
      if (!std::isfinite(x)) squares_ = std::nan("");
      return {};
    }
    const double apart = x * n - sum_;
    squares_ += apart * apart / (n * (n - 1));
    if (std::isinf(sum_) || std::isinf(squares_)) {
      if (std::isfinite(x) && !endless_) return real_overflow();
      squares_ = std::nan("");
    }
    endless_ |= !std::isfinite(x);
    return {};
  }
  SqlStatus give(Value& result) const {
    const double n = static_cast<double>(this->count_);
    constexpr bool kSample = kMoment == Moment::kVarSamp || kMoment == Moment::kStddevSamp;
    if (kSample && this->count_ < 2) return result.set_null(), SqlStatus();
    double value = kMoment == Moment::kMean ? sum_ / n : squares_ / (kSample ? n - 1 : n);
    if (kMoment == Moment::kStddevPop || kMoment == Moment::kStddevSamp) value = std::sqrt(value);
    return result.set(value), SqlStatus();
  }

 private:
  double sum_ = 0, squares_ = 0;
  bool endless_ = false;
};

/// Of two columns, y and x.
enum class Pairs : std::uint8_t { kCorr, kCovarPop, kCovarSamp, kAvgX, kAvgY, kCount, kIntercept, kR2, kSlope, kSxx, kSxy, kSyy };
template <Pairs kWhat>
class RealPairs final : public AggregateState {
 public:
  SqlStatus step(const SessionValues&, Arguments arguments) override {
    if (arguments[0]->is_null() || arguments[1]->is_null()) return {};
    const double y = arguments[0]->real(), x = arguments[1]->real();
    n_ += 1, sx_ += x, sy_ += y;
    if (n_ > 1) {
      const double ax = x * n_ - sx_, ay = y * n_ - sy_, scale = 1 / (n_ * (n_ - 1));
      sxx_ += ax * ax * scale, syy_ += ay * ay * scale, sxy_ += ax * ay * scale;
    } else if (!std::isfinite(x) || !std::isfinite(y)) {
      sxx_ = syy_ = sxy_ = std::nan("");
    }
    return {};
  }
  SqlStatus finish(const SessionValues&, Arguments, Value& result) const override {
    if constexpr (kWhat == Pairs::kCount) return result.set(static_cast<std::int64_t>(n_)), SqlStatus();
    const auto value = give();
    if (!value) return result.set_null(), SqlStatus();
    return result.set(*value), SqlStatus();
  }

 private:
  std::optional<double> give() const {
    if (n_ < 1 || (kWhat == Pairs::kCovarSamp && n_ < 2)) return std::nullopt;
    switch (kWhat) {
      case Pairs::kCorr: return sxx_ == 0 || syy_ == 0 ? std::nullopt : std::optional(sxy_ / std::sqrt(sxx_ * syy_));
      case Pairs::kCovarPop: return sxy_ / n_;
      case Pairs::kCovarSamp: return sxy_ / (n_ - 1);
      case Pairs::kAvgX: return sx_ / n_;
      case Pairs::kAvgY: return sy_ / n_;
      case Pairs::kIntercept: return sxx_ == 0 ? std::nullopt : std::optional((sy_ - sx_ * sxy_ / sxx_) / n_);
      case Pairs::kR2: return sxx_ == 0 ? std::nullopt : syy_ == 0 ? std::optional(1.0) : std::optional(sxy_ * sxy_ / (sxx_ * syy_));
      case Pairs::kSlope: return sxx_ == 0 ? std::nullopt : std::optional(sxy_ / sxx_);
      case Pairs::kSxx: return sxx_;
      case Pairs::kSxy: return sxy_;
      case Pairs::kSyy: return syy_;
      case Pairs::kCount: break;
    }
    return std::nullopt;
  }
  double n_ = 0, sx_ = 0, sy_ = 0, sxx_ = 0, syy_ = 0, sxy_ = 0;
};

void add_sums(FunctionSet& set) {
  for (const auto* type : {"int2", "int4"}) set.add_aggregate(fmt::format("sum({}) int8", type), of<IntegerSum>());
  set.add_aggregate("sum(int8) numeric", of<BigintSum>()), set.add_aggregate("sum(numeric) numeric", of<NumericSum<false>>()),
      set.add_aggregate("sum(float4) float4", of<RealSum<true>>());
  set.add_aggregate("sum(float8) float8", of<RealSum<false>>()), set.add_aggregate("sum(interval) interval", of<IntervalSum<false>>());
  for (const auto* type : {"int2", "int4", "int8"}) set.add_aggregate(fmt::format("avg({}) numeric", type), of<IntegerMean>());
  set.add_aggregate("avg(numeric) numeric", of<NumericSum<true>>()), set.add_aggregate("avg(interval) interval", of<IntervalSum<true>>());
  for (const auto* type : {"float4", "float8"}) set.add_aggregate(fmt::format("avg({}) float8", type), of<RealMoment<Moment::kMean>>());
}

template <Spread kSpread, Moment kMoment>
void add_spread(FunctionSet& set, std::string_view name) {
  for (const auto* type : {"int2", "int4", "int8", "numeric"})
    set.add_aggregate(fmt::format("{}({}) numeric", name, type), of<NumericSpread<kSpread>>());
  for (const auto* type : {"float4", "float8"}) set.add_aggregate(fmt::format("{}({}) float8", name, type), of<RealMoment<kMoment>>());
}

void add_pairs(FunctionSet& set) {
  const auto add = [&](std::string_view name, Aggregate aggregate) {
    set.add_aggregate(fmt::format("{}(float8, float8) float8", name), std::move(aggregate));
  };
  add("corr", of<RealPairs<Pairs::kCorr>>()), add("covar_pop", of<RealPairs<Pairs::kCovarPop>>()),
      add("covar_samp", of<RealPairs<Pairs::kCovarSamp>>()), add("regr_avgx", of<RealPairs<Pairs::kAvgX>>());
  add("regr_avgy", of<RealPairs<Pairs::kAvgY>>()), add("regr_intercept", of<RealPairs<Pairs::kIntercept>>()),
      add("regr_r2", of<RealPairs<Pairs::kR2>>()), add("regr_slope", of<RealPairs<Pairs::kSlope>>());
  add("regr_sxx", of<RealPairs<Pairs::kSxx>>()), add("regr_sxy", of<RealPairs<Pairs::kSxy>>()),
      add("regr_syy", of<RealPairs<Pairs::kSyy>>());
  set.add_aggregate("regr_count(float8, float8) int8", of<RealPairs<Pairs::kCount>>());
}

}  // namespace

void add_aggregates(FunctionSet& set) {
  set.add_aggregate("count() int8", of<Count>()), set.add_aggregate("count(any) int8", of<Count>());
  add_sums(set);
  for (const auto* type : {"int2", "int4", "int8", "float4", "float8", "numeric", "text", "bpchar", "date", "time", "timestamp",
                           "timestamptz", "interval", "oid", "anyarray"})
    set.add_aggregate(fmt::format("min({0}) {0}", type), of<Extreme<false>>(true)),
        set.add_aggregate(fmt::format("max({0}) {0}", type), of<Extreme<true>>(true));
  for (const auto* name : {"bool_and", "every"}) set.add_aggregate(fmt::format("{}(bool) bool", name), of<Truth<true>>(true));
  set.add_aggregate("bool_or(bool) bool", of<Truth<false>>(true));
  for (const auto* type : {"int2", "int4", "int8"}) {
    set.add_aggregate(fmt::format("bit_and({0}) {0}", type), of<Bits<'&'>>(true)),
        set.add_aggregate(fmt::format("bit_or({0}) {0}", type), of<Bits<'|'>>(true));
    set.add_aggregate(fmt::format("bit_xor({0}) {0}", type), of<Bits<'#'>>());
  }
  set.add_aggregate("string_agg(text, text) text", of<Joined>()), set.add_aggregate("string_agg(bytea, bytea) bytea", of<Joined>());
  set.add_aggregate("array_agg(anynonarray) anyarray", of<Gathered>()), set.add_aggregate("array_agg(anyarray) anyarray", of<Gathered>());
  set.add_aggregate("json_agg(anyelement) json", of<JsonGathered<false, false>>()),
      set.add_aggregate("jsonb_agg(anyelement) jsonb", of<JsonGathered<false, true>>());
  set.add_aggregate("json_object_agg(any, any) json", of<JsonGathered<true, false>>()),
      set.add_aggregate("jsonb_object_agg(any, any) jsonb", of<JsonGathered<true, true>>());
  for (const auto* name : {"variance", "var_samp"}) add_spread<Spread::kVarSamp, Moment::kVarSamp>(set, name);
  for (const auto* name : {"stddev", "stddev_samp"}) add_spread<Spread::kStddevSamp, Moment::kStddevSamp>(set, name);
  add_spread<Spread::kVarPop, Moment::kVarPop>(set, "var_pop"), add_spread<Spread::kStddevPop, Moment::kStddevPop>(set, "stddev_pop");
  add_pairs(set);
}

}  // namespace isobar::sql
