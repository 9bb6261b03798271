#include "features/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "function_states.h"

namespace isobar::features {

namespace {

/// A function over its typed state, behind the interface that knows neither: the one place where memory becomes a state.
template <class Function>
class AggregateOf final : public Aggregate {
 public:
  using State = typename Function::State;
  AggregateOf(Function function, std::optional<std::size_t> argument) : function_(std::move(function)), argument_(argument) {}

  Type result_type() const override { return function_.result_type(); }
  bool retracts() const override { return Function::kRetracts; }
  std::size_t state_bytes() const override { return sizeof(State); }
  void construct(void* state) const override { new (state) State(); }
  void destroy(void* state) const override { of(state).~State(); }
  void insert(void* state, const EventOrder& order, std::span<const Value> arguments) const override {
    add(of(state), order, arguments, 1);
  }
  void retract(void* state, const EventOrder& order, std::span<const Value> arguments) const override {
    CHECK(Function::kRetracts);
    add(of(state), order, arguments, -1);
  }
  void merge(void* state, const void* other) const override { function_.merge(of(state), of(other)); }
  Result<Value> result(const void* state, Instant at) const override { return function_.result(of(state), at); }
  void encode(const void* state, std::string& out) const override { of(state).encode(out); }
  Status decode(void* state, ByteReader& reader) const override { return function_.decode(of(state), reader); }
  std::size_t heap_bytes(const void* state) const override {
    if constexpr (requires { of(state).heap_bytes(); }) return of(state).heap_bytes();
    else if constexpr (std::is_same_v<State, BoundedHistogram>) return of(state).counts.capacity() * sizeof(std::int64_t);
    else if constexpr (requires { of(state).value; }) return text_bytes(of(state).value);
    else return 0;
  }

 private:
  static State& of(void* state) { return *std::launder(static_cast<State*>(state)); }
  static const State& of(const void* state) { return *std::launder(static_cast<const State*>(state)); }
  template <class T>
  static std::size_t text_bytes(const T& held) {
    if constexpr (std::is_same_v<T, Value>)
      if (const auto* text = held.template get_if<std::string>()) return text->capacity();
    return 0;
  }
  void add(State& state, const EventOrder& order, std::span<const Value> arguments, int weight) const {
    static const Value kRow(true);
    const Value& value = argument_ ? arguments[*argument_] : kRow;
    if (!value.is_null()) function_.add(state, value, order, weight);
  }

  Function function_;
  std::optional<std::size_t> argument_;
};

struct NamedFunction {
  std::string_view name;
  AggregateFunction function;
};
constexpr std::array kFunctions{
    NamedFunction{"count", AggregateFunction::kCount},
    NamedFunction{"sum", AggregateFunction::kSum},
    NamedFunction{"mean", AggregateFunction::kMean},
    NamedFunction{"variance", AggregateFunction::kVariance},
    NamedFunction{"stddev", AggregateFunction::kStddev},
    NamedFunction{"variance_pop", AggregateFunction::kVariancePop},
    NamedFunction{"stddev_pop", AggregateFunction::kStddevPop},
    NamedFunction{"min", AggregateFunction::kMin},
    NamedFunction{"max", AggregateFunction::kMax},
    NamedFunction{"first", AggregateFunction::kFirst},
    NamedFunction{"last", AggregateFunction::kLast},
    NamedFunction{"distinct", AggregateFunction::kDistinct},
    NamedFunction{"quantiles", AggregateFunction::kQuantiles},
    NamedFunction{"top_k", AggregateFunction::kTopK},
    NamedFunction{"histogram", AggregateFunction::kHistogram},
    NamedFunction{"decayed_sum", AggregateFunction::kDecayedSum},
    NamedFunction{"decayed_count", AggregateFunction::kDecayedCount},
    NamedFunction{"avg", AggregateFunction::kMean},
    NamedFunction{"quantile", AggregateFunction::kQuantiles},
};

using Made = Result<std::unique_ptr<const Aggregate>>;

template <class Function>
Made made(Function function, std::optional<std::size_t> argument) {
  return std::unique_ptr<const Aggregate>(std::make_unique<AggregateOf<Function>>(std::move(function), argument));
}

Made extreme(Type type, bool most, std::optional<std::size_t> argument) {
  if (type.is_float()) return made(ExtremeFunction<double>{type, most}, argument);
  if (type.is(Kind::kString) || type.is(Kind::kBytes)) return made(ExtremeFunction<Value>{type, most}, argument);
  return made(ExtremeFunction<std::int64_t>{type, most}, argument);
}

Status check_parameters(const AggregateSpec& spec) {
  using enum AggregateFunction;
  const auto within_one = [](double q) { return q >= 0 && q <= 1; };
  switch (spec.function) {
    case kQuantiles:
      if (spec.quantiles.empty() || spec.quantiles.size() > 100) return invalid("name 1 to 100 quantiles, as [0.5, 0.99]");
      if (!std::ranges::all_of(spec.quantiles, within_one)) return invalid("a quantile is from 0 to 1, as 0.99");
      return {};
    case kTopK: return spec.k >= 1 && spec.k <= 1'000 ? Status() : invalid(fmt::format("k is {}; it may be 1 to 1000", spec.k));
    case kHistogram:
      if (spec.bounds.empty() || spec.bounds.size() > 1'000) return invalid("a histogram has 1 to 1000 bounds, as [1, 10, 100]");
      if (std::ranges::any_of(spec.bounds, [](double bound) { return std::isnan(bound); })) return invalid("a bound is not a number");
      if (std::ranges::adjacent_find(spec.bounds, std::greater_equal<>()) != spec.bounds.end()) return invalid("the bounds do not ascend");
      return {};
    case kDecayedSum:
    case kDecayedCount: return spec.half_life > Duration::zero() ? Status() : invalid("the half-life is not above zero; write it as 1h");
    case kDistinct:
      return spec.precision >= 4 && spec.precision <= 16 ? Status()
                                                         : invalid(fmt::format("precision is {}; it may be 4 to 16", spec.precision));
    default: return {};
  }
}

/// Which columns a function takes; the message for those it does not.
Status check_argument(AggregateFunction function, Type type) {
  using enum AggregateFunction;
  const auto refuse = [&](std::string_view takes) {
    return invalid(fmt::format("{} of {}; it takes {}", name_of(function), name_of(type), takes));
  };
  switch (function) {
    case kCount:
    case kDecayedCount: return {};
    case kFirst:
    case kLast: return {};
    case kMin:
    case kMax:
    case kDistinct:
    case kTopK: return type.list ? refuse("scalars") : Status();
    default: return type.is_number() ? Status() : refuse("numbers");
  }
}

}  // namespace

Result<AggregateFunction> parse_aggregate_function(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& known : kFunctions) {
    if (known.name == name) return known.function;
    names.emplace_back(known.name);
  }
  if (const auto near = closest(name, names)) return invalid(fmt::format("there is no aggregate '{}'; did you mean {}?", name, *near));
  return invalid(fmt::format("there is no aggregate '{}'; there are {}", name, join(names, ", ")));
}

std::string_view name_of(AggregateFunction function) {
  for (const auto& known : kFunctions)
    if (known.function == function) return known.name;
  return "unknown";
}

Result<std::unique_ptr<const Aggregate>> Aggregate::create(const AggregateSpec& spec, std::span<const Type> arguments) {
  using enum AggregateFunction;
  TRY(check_parameters(spec));
  const auto argument = spec.argument;
  if (!argument && spec.function != kCount && spec.function != kDecayedCount)
    return invalid(fmt::format("{} of which column? Name one", name_of(spec.function)));
  CHECK(!argument || *argument < arguments.size(), arguments.size());
  const Type type = argument ? arguments[*argument] : Type{Kind::kBool};
  if (argument) TRY(check_argument(spec.function, type));
  const bool root = spec.function == kStddev || spec.function == kStddevPop, mean = spec.function == kMean;
  switch (spec.function) {
    case kCount: return made(CountFunction{}, argument);
    case kSum:
    case kMean: return type.is_float() ? made(FloatSumFunction{mean}, argument) : made(IntegerSumFunction{mean}, argument);
    case kVariance:
    case kStddev: return made(MomentsFunction{root, false}, argument);
    case kVariancePop:
    case kStddevPop: return made(MomentsFunction{root, true}, argument);
    case kMin:
    case kMax: return extreme(type, spec.function == kMax, argument);
    case kFirst:
    case kLast: return made(EndFunction{type, spec.function == kLast}, argument);
    case kDistinct: return made(DistinctFunction{spec.precision}, argument);
    case kQuantiles: return made(QuantilesFunction{spec.quantiles}, argument);
    case kTopK: return made(TopKFunction{type, spec.k}, argument);
    case kHistogram: return made(HistogramFunction{spec.bounds}, argument);
    case kDecayedSum:
    case kDecayedCount: return made(DecayFunction{spec.function == kDecayedSum, spec.half_life}, argument);
  }
  return invalid("no such aggregate");
}

Result<AggregateSet> AggregateSet::create(const std::vector<AggregateSpec>& specs, std::vector<Type> arguments) {
  if (specs.empty()) return invalid("no aggregates; name at least one");
  AggregateSet set;
  set.arguments_ = std::move(arguments);
  for (const AggregateSpec& spec : specs) {
    TRY_ASSIGN(auto aggregate, Aggregate::create(spec, set.arguments_).context(fmt::format("aggregate {}", set.size() + 1)));
    set.offsets_.push_back(set.block_bytes_);
    constexpr std::size_t kAlignment = alignof(std::max_align_t);
    set.block_bytes_ += (aggregate->state_bytes() + kAlignment - 1) / kAlignment * kAlignment;
    set.all_retract_ = set.all_retract_ && aggregate->retracts();
    set.aggregates_.push_back(std::move(aggregate));
  }
  return set;
}

AggregateSet::Block::Block(const AggregateSet& set) : set_(&set), memory_(static_cast<std::byte*>(::operator new(set.block_bytes_))) {
  for (std::size_t i = 0; i < set.size(); ++i) set[i].construct(memory_ + set.offsets_[i]);
}
AggregateSet::Block::Block(Block&& other) noexcept : set_(other.set_), memory_(std::exchange(other.memory_, nullptr)) {}
AggregateSet::Block& AggregateSet::Block::operator=(Block&& other) noexcept {
  std::swap(set_, other.set_);
  std::swap(memory_, other.memory_);
  return *this;
}
AggregateSet::Block::~Block() {
  if (memory_ == nullptr) return;
  for (std::size_t i = 0; i < set_->size(); ++i) (*set_)[i].destroy(memory_ + set_->offsets_[i]);
  ::operator delete(memory_);
}

void AggregateSet::insert(Block& block, const EventOrder& order, std::span<const Value> arguments) const {
  for (std::size_t i = 0; i < size(); ++i) aggregates_[i]->insert(block.memory_ + offsets_[i], order, arguments);
}
void AggregateSet::retract(Block& block, const EventOrder& order, std::span<const Value> arguments) const {
  for (std::size_t i = 0; i < size(); ++i) aggregates_[i]->retract(block.memory_ + offsets_[i], order, arguments);
}
void AggregateSet::merge(Block& block, const Block& other) const {
  for (std::size_t i = 0; i < size(); ++i) aggregates_[i]->merge(block.memory_ + offsets_[i], other.memory_ + offsets_[i]);
}
Result<Value> AggregateSet::result(const Block& block, std::size_t which, Instant at) const {
  return aggregates_[which]->result(block.memory_ + offsets_[which], at);
}
void AggregateSet::encode(const Block& block, std::string& out) const {
  for (std::size_t i = 0; i < size(); ++i) aggregates_[i]->encode(block.memory_ + offsets_[i], out);
}
Result<AggregateSet::Block> AggregateSet::decode(ByteReader& reader) const {
  Block block(*this);
  for (std::size_t i = 0; i < size(); ++i) TRY(aggregates_[i]->decode(block.memory_ + offsets_[i], reader));
  return block;
}
std::size_t AggregateSet::bytes(const Block& block) const {
  std::size_t bytes = block_bytes_;
  for (std::size_t i = 0; i < size(); ++i) bytes += aggregates_[i]->heap_bytes(block.memory_ + offsets_[i]);
  return bytes;
}

}  // namespace isobar::features
