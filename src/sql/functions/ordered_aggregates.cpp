// Aggregates over sorted rows: percentiles and the mode; and the descriptions of window functions.

#include <fmt/format.h>

#include <cmath>

#include "built_ins.h"
#include "texts.h"

namespace isobar::sql {
namespace {

using Arguments = std::span<const Value* const>;

/// Keeps the values as they come, which is sorted; nulls are left out.
class Sorted : public AggregateState {
 public:
  explicit Sorted(const BoundAggregate& bound) : bound_(bound) {}
  SqlStatus step(const SessionValues&, Arguments arguments) override {
    if (!arguments[0]->is_null()) values_.push_back(*arguments[0]);
    return {};
  }
  std::size_t bytes() const override { return values_.capacity() * (sizeof(Value) + 16); }

 protected:
  BoundAggregate bound_;
  std::vector<Value> values_;
};

SqlError bad_percentile(double value) {
  return {state::kNumericValueOutOfRange, fmt::format("percentile value {:g} is not between 0 and 1", value)};
}

/// The value at a fraction of the way, one of them or between two.
template <bool kContinuous>
class Percentile final : public Sorted {
 public:
  using Sorted::Sorted;
  SqlStatus finish(const SessionValues&, Arguments direct, Value& result) const override {
    if (direct[0]->is_null()) return result.set_null(), SqlStatus();
    if (!std::holds_alternative<ArrayPtr>(direct[0]->held())) return at(direct[0]->real(), result);
    if (values_.empty()) return result.set_null(), SqlStatus();
    Array array = direct[0]->array();
    array.element = bound_.result.element;
    for (auto& element : array.elements) {
      if (element.is_null()) continue;
      TRY(at(element.real(), element));
    }
    return result.set(ArrayPtr(std::make_shared<const Array>(std::move(array)))), SqlStatus();
  }

 private:
  SqlStatus at(double fraction, Value& result) const {
    if (!(fraction >= 0 && fraction <= 1)) return bad_percentile(fraction);
    if (values_.empty()) return result.set_null(), SqlStatus();
    const double count = static_cast<double>(values_.size());
    if (!kContinuous) {
      const double place = std::ceil(fraction * count);
      return result = values_[place < 1 ? 0 : static_cast<std::size_t>(place) - 1], SqlStatus();
    }
    const double place = fraction * (count - 1);
    const auto low = static_cast<std::size_t>(std::floor(place)), high = static_cast<std::size_t>(std::ceil(place));
    if (low == high) return result = values_[low], SqlStatus();
    return between(values_[low], values_[high], place - std::floor(place), result);
  }
  SqlStatus between(const Value& low, const Value& high, double fraction, Value& result) const {
    if (std::holds_alternative<double>(low.held())) return result.set(low.real() + fraction * (high.real() - low.real())), SqlStatus();
    const Interval &a = low.interval(), &b = high.interval();
    const double months = (b.months - a.months) * fraction, days = (b.days - a.days) * fraction + (months - std::trunc(months)) * 30;
    const double time = static_cast<double>(b.microseconds - a.microseconds) * fraction + (days - std::trunc(days)) * 86'400e6;
    return result.set(Interval{a.microseconds + static_cast<std::int64_t>(std::rint(time)), a.days + static_cast<std::int32_t>(days),
                               a.months + static_cast<std::int32_t>(months)}),
           SqlStatus();
  }
};

/// The value that comes most often; of several the first.
class Mode final : public Sorted {
 public:
  using Sorted::Sorted;
  SqlStatus finish(const SessionValues&, Arguments, Value& result) const override {
    std::size_t best = 0, most = 0;
    for (std::size_t from = 0, to = 0; from < values_.size(); from = to) {
      for (to = from + 1; to < values_.size() && compare(bound_.arguments.back(), values_[from], values_[to]) == 0;) ++to;
      if (to - from > most) most = to - from, best = from;
    }
    if (most == 0) return result.set_null(), SqlStatus();
    return result = values_[best], SqlStatus();
  }
};

template <class State>
Aggregate ordered(std::size_t direct) {
  Aggregate aggregate;
  aggregate.direct = direct, aggregate.ordered_set = true;
  aggregate.start = [](const BoundAggregate& bound) -> std::unique_ptr<AggregateState> { return std::make_unique<State>(bound); };
  return aggregate;
}

}  // namespace

void add_ordered_aggregates(FunctionSet& set) {
  for (const auto* type : {"float8", "interval"}) {
    set.add_aggregate(fmt::format("percentile_cont(float8, {0}) {0}", type), ordered<Percentile<true>>(1));
    set.add_aggregate(fmt::format("percentile_cont(_float8, {0}) _{0}", type), ordered<Percentile<true>>(1));
  }
  set.add_aggregate("percentile_disc(float8, anyelement) anyelement", ordered<Percentile<false>>(1)),
      set.add_aggregate("percentile_disc(_float8, anyelement) anyarray", ordered<Percentile<false>>(1));
  set.add_aggregate("mode(anyelement) anyelement", ordered<Mode>(0));
}

void add_windows(FunctionSet& set) {
  set.add_window("row_number() int8", WindowKind::kRowNumber), set.add_window("rank() int8", WindowKind::kRank),
      set.add_window("dense_rank() int8", WindowKind::kDenseRank);
  set.add_window("percent_rank() float8", WindowKind::kPercentRank), set.add_window("cume_dist() float8", WindowKind::kCumeDist),
      set.add_window("ntile(int4) int4", WindowKind::kNtile);
  for (const auto& [name, kind] : {std::pair{"lag", WindowKind::kLag}, std::pair{"lead", WindowKind::kLead}}) {
    set.add_window(fmt::format("{}(anyelement) anyelement", name), kind),
        set.add_window(fmt::format("{}(anyelement, int4) anyelement", name), kind);
    set.add_window(fmt::format("{}(anycompatible, int4, anycompatible) anycompatible", name), kind);
  }
  set.add_window("first_value(anyelement) anyelement", WindowKind::kFirstValue),
      set.add_window("last_value(anyelement) anyelement", WindowKind::kLastValue);
  set.add_window("nth_value(anyelement, int4) anyelement", WindowKind::kNthValue);
}

}  // namespace isobar::sql
