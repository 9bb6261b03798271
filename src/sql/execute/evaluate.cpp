// Expressions, compiled: each node is an object that knows where its operands are. Values are passed by address; a result is written into
// memory of the node's own, which the next row uses again.

#include <fmt/format.h>

#include <algorithm>

#include "compiler.h"
#include "sql/logical_walk.h"

namespace isobar::sql::execute {
namespace {

const Value kTrueValue{true}, kFalseValue{false};
const Value* as_value(Truth truth) {
  switch (truth) {
    case Truth::kTrue: return &kTrueValue;
    case Truth::kFalse: return &kFalseValue;
    case Truth::kNull: return &kNullValue;
    default: return nullptr;
  }
}
Truth truth_of(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

/// What gives a truth value has `test` alone to write.
class Condition : public Eval {
 public:
  const Value* run() final { return as_value(test()); }
};

class ConstantEval final : public Eval {
 public:
  explicit ConstantEval(Value value) : value_(std::move(value)) {}
  const Value* run() override { return &value_; }

 private:
  Value value_;
};

class ParameterEval final : public Eval {
 public:
  ParameterEval(Context& context, std::size_t place) : context_(context), place_(place) {}
  const Value* run() override { return &context_.parameters[place_]; }

 private:
  Context& context_;
  std::size_t place_;
};

class CellEval final : public Eval {
 public:
  explicit CellEval(const Cell* cell) : cell_(cell) {}
  const Value* run() override { return *cell_; }

 private:
  const Cell* cell_;
};

class CallEval final : public Eval {
 public:
  CallEval(Context& context, const BoundFunction& function, std::vector<EvalPtr> args)
      : context_(context), function_(function), args_(std::move(args)), values_(args_.size()) {}
  const Value* run() override {
    for (std::size_t i = 0; i < args_.size(); ++i)
      if ((values_[i] = args_[i]->run()) == nullptr) return nullptr;
    auto status = call(function_, *context_.session, values_, result_);
    if (status.ok()) return &result_;
    context_.fail(status.error());
    return nullptr;
  }

 private:
  Context& context_;
  const BoundFunction& function_;
  std::vector<EvalPtr> args_;
  std::vector<const Value*> values_;
  Value result_;
};

enum class Sign : std::uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

template <Sign kSign>
bool holds(auto a, auto b) {
  if constexpr (kSign == Sign::kEqual) return a == b;
  if constexpr (kSign == Sign::kNotEqual) return a != b;
  if constexpr (kSign == Sign::kLess) return a < b;
  if constexpr (kSign == Sign::kLessEqual) return a <= b;
  if constexpr (kSign == Sign::kGreater) return a > b;
  return a >= b;
}

/// Of whatever is held as an integer: they all compare as one.
template <Sign kSign>
class IntegerComparison final : public Condition {
 public:
  IntegerComparison(EvalPtr left, EvalPtr right) : left_(std::move(left)), right_(std::move(right)) {}
  Truth test() override {
    const Value* a = left_->run();
    const Value* b = a == nullptr ? nullptr : right_->run();
    if (b == nullptr) return Truth::kError;
    const auto* x = std::get_if<std::int64_t>(&a->held());
    const auto* y = std::get_if<std::int64_t>(&b->held());
    if (x == nullptr || y == nullptr) return Truth::kNull;
    return truth_of(holds<kSign>(*x, *y));
  }

 private:
  EvalPtr left_, right_;
};

/// Of texts, whose order is that of their bytes.
template <Sign kSign>
class TextComparison final : public Condition {
 public:
  TextComparison(EvalPtr left, EvalPtr right) : left_(std::move(left)), right_(std::move(right)) {}
  Truth test() override {
    const Value* a = left_->run();
    const Value* b = a == nullptr ? nullptr : right_->run();
    if (b == nullptr) return Truth::kError;
    if (a->is_null() || b->is_null()) return Truth::kNull;
    return truth_of(holds<kSign>(std::string_view(a->text()), std::string_view(b->text())));
  }

 private:
  EvalPtr left_, right_;
};

/// + - * of integers of one size. What overflows is left to the function, which has the error.
class IntegerArithmetic final : public Eval {
 public:
  IntegerArithmetic(Context& context, const BoundFunction& function, EvalPtr left, EvalPtr right)
      : context_(context), function_(function), left_(std::move(left)), right_(std::move(right)), sign_(function.function->name[0]) {
    const auto kind = function.result.kind;
    least_ = kind == Kind::kInt8 ? INT64_MIN : kind == Kind::kInt4 ? INT32_MIN : INT16_MIN;
    most_ = kind == Kind::kInt8 ? INT64_MAX : kind == Kind::kInt4 ? INT32_MAX : INT16_MAX;
  }
  const Value* run() override {
    const Value* a = left_->run();
    const Value* b = a == nullptr ? nullptr : right_->run();
    if (b == nullptr) return nullptr;
    if (a->is_null() || b->is_null()) return &kNullValue;
    std::int64_t result = 0;
    const bool over = sign_ == '+'   ? __builtin_add_overflow(a->integer(), b->integer(), &result)
                      : sign_ == '-' ? __builtin_sub_overflow(a->integer(), b->integer(), &result)
                                     : __builtin_mul_overflow(a->integer(), b->integer(), &result);
    if (!over && result >= least_ && result <= most_) return result_.set(result), &result_;
    const Value* const args[] = {a, b};
    auto status = call(function_, *context_.session, args, result_);
    if (status.ok()) return &result_;
    context_.fail(status.error());
    return nullptr;
  }

 private:
  Context& context_;
  const BoundFunction& function_;
  EvalPtr left_, right_;
  char sign_;
  std::int64_t least_ = 0, most_ = 0;
  Value result_;
};

class LogicalEval final : public Condition {
 public:
  LogicalEval(lg::Logic what, std::vector<EvalPtr> args) : what_(what), args_(std::move(args)) {}
  Truth test() override {
    if (what_ == lg::Logic::kNot) {
      const Truth one = args_[0]->test();
      return one == Truth::kTrue ? Truth::kFalse : one == Truth::kFalse ? Truth::kTrue : one;
    }
    const Truth decides = what_ == lg::Logic::kAnd ? Truth::kFalse : Truth::kTrue;
    Truth result = what_ == lg::Logic::kAnd ? Truth::kTrue : Truth::kFalse;
    for (const auto& arg : args_) {
      const Truth one = arg->test();
      if (one == decides || one == Truth::kError) return one;
      if (one == Truth::kNull) result = Truth::kNull;
    }
    return result;
  }

 private:
  lg::Logic what_;
  std::vector<EvalPtr> args_;
};

class NullTestEval final : public Condition {
 public:
  NullTestEval(bool negated, EvalPtr arg) : negated_(negated), arg_(std::move(arg)) {}
  Truth test() override {
    const Value* value = arg_->run();
    if (value == nullptr) return Truth::kError;
    if (const auto* record = std::get_if<RecordPtr>(&value->held()))
      return truth_of(std::ranges::all_of((*record)->values, [&](const Value& field) { return field.is_null() != negated_; }));
    return truth_of(value->is_null() != negated_);
  }

 private:
  bool negated_;
  EvalPtr arg_;
};

class TruthTestEval final : public Condition {
 public:
  TruthTestEval(const lg::TruthTest& test, EvalPtr arg) : value_(test.value), negated_(test.negated), arg_(std::move(arg)) {}
  Truth test() override {
    const Truth one = arg_->test();
    if (one == Truth::kError) return one;
    const bool is = !value_ ? one == Truth::kNull : one == truth_of(*value_);
    return truth_of(is != negated_);
  }

 private:
  std::optional<bool> value_;
  bool negated_;
  EvalPtr arg_;
};

class DistinctEval final : public Condition {
 public:
  DistinctEval(bool negated, EvalPtr left, EvalPtr right, EvalPtr equal)
      : negated_(negated), left_(std::move(left)), right_(std::move(right)), equal_(std::move(equal)) {}
  Truth test() override {
    const Value* a = left_->run();
    if (a == nullptr) return Truth::kError;
    const bool a_null = a->is_null();
    const Value* b = right_->run();
    if (b == nullptr) return Truth::kError;
    if (a_null || b->is_null()) return truth_of((a_null != b->is_null()) != negated_);
    const Truth same = equal_->test();
    if (same == Truth::kError) return same;
    return truth_of((same != Truth::kTrue) != negated_);
  }

 private:
  bool negated_;
  EvalPtr left_, right_, equal_;
};

class NullIfEval final : public Eval {
 public:
  NullIfEval(EvalPtr value, EvalPtr equal) : value_(std::move(value)), equal_(std::move(equal)) {}
  const Value* run() override {
    const Truth same = equal_->test();
    if (same == Truth::kError) return nullptr;
    return same == Truth::kTrue ? &kNullValue : value_->run();
  }

 private:
  EvalPtr value_, equal_;
};

class CaseEval final : public Eval {
 public:
  Cell* subject_cell = nullptr;
  EvalPtr subject, otherwise;
  std::vector<std::pair<EvalPtr, EvalPtr>> whens;
  const Value* run() override {
    if (subject != nullptr && (*subject_cell = subject->run()) == nullptr) return *subject_cell = &kNullValue, nullptr;
    for (const auto& [condition, result] : whens) {
      const Truth one = condition->test();
      if (one == Truth::kError) return nullptr;
      if (one == Truth::kTrue) return result->run();
    }
    return otherwise == nullptr ? &kNullValue : otherwise->run();
  }
};

class CoalesceEval final : public Eval {
 public:
  explicit CoalesceEval(std::vector<EvalPtr> args) : args_(std::move(args)) {}
  const Value* run() override {
    for (const auto& arg : args_) {
      const Value* value = arg->run();
      if (value == nullptr || !value->is_null()) return value;
    }
    return &kNullValue;
  }

 private:
  std::vector<EvalPtr> args_;
};

class ExtremeEval final : public Eval {
 public:
  ExtremeEval(Type type, bool greatest, std::vector<EvalPtr> args) : type_(type), greatest_(greatest), args_(std::move(args)) {}
  const Value* run() override {
    const Value* best = &kNullValue;
    for (const auto& arg : args_) {
      const Value* value = arg->run();
      if (value == nullptr) return nullptr;
      if (value->is_null()) continue;
      if (best->is_null() || (greatest_ ? compare(type_, *value, *best) > 0 : compare(type_, *value, *best) < 0)) best = value;
    }
    return best;
  }

 private:
  Type type_;
  bool greatest_;
  std::vector<EvalPtr> args_;
};

/// Compares with each item; of many constants of one type it looks up.
class InListEval final : public Condition {
 public:
  InListEval(Context& context, const lg::InList& in, EvalPtr left, std::vector<EvalPtr> items)
      : context_(context), in_(in), left_(std::move(left)), items_(std::move(items)) {
    const bool constant =
        std::ranges::all_of(in.items, [](const lg::ExprPtr& item) { return std::holds_alternative<lg::Constant>(item->node); });
    const auto& types = in.equal.arguments;
    if (!constant || items_.size() < 6 || !(types[0] == types[1])) return;
    for (const auto& item : in.items) {
      const auto& value = std::get<lg::Constant>(item->node).value;
      if (value.is_null()) has_null_ = true;
      else known_.emplace(hash_value(types[1], value), &value);
    }
    looks_up_ = true;
  }
  Truth test() override {
    const Value* left = left_->run();
    if (left == nullptr) return Truth::kError;
    if (left->is_null()) return Truth::kNull;
    const Truth found = looks_up_ ? look_up(*left) : compare_all(left);
    if (!in_.negated || found == Truth::kNull || found == Truth::kError) return found;
    return found == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
  }

 private:
  Truth look_up(const Value& left) const {
    const auto& type = in_.equal.arguments[1];
    const auto [from, to] = known_.equal_range(hash_value(type, left));
    for (auto at = from; at != to; ++at)
      if (same_value(type, left, *at->second)) return Truth::kTrue;
    return has_null_ ? Truth::kNull : Truth::kFalse;
  }
  Truth compare_all(const Value* left) {
    Truth result = Truth::kFalse;
    for (const auto& item : items_) {
      const Value* value = item->run();
      if (value == nullptr) return Truth::kError;
      const Value* const args[] = {left, value};
      if (auto status = call(in_.equal, *context_.session, args, same_); !status.ok()) return context_.fail(status.error()), Truth::kError;
      if (same_.is_null()) result = Truth::kNull;
      else if (same_.boolean()) return Truth::kTrue;
    }
    return result;
  }

  Context& context_;
  const lg::InList& in_;
  EvalPtr left_;
  std::vector<EvalPtr> items_;
  std::unordered_multimap<std::size_t, const Value*> known_;
  bool looks_up_ = false, has_null_ = false;
  Value same_;
};

class ArrayTestEval final : public Condition {
 public:
  ArrayTestEval(Context& context, const lg::ArrayTest& test, EvalPtr left, EvalPtr array)
      : context_(context), test_(test), left_(std::move(left)), array_(std::move(array)) {}
  Truth test() override {
    const Value* left = left_->run();
    const Value* array = left == nullptr ? nullptr : array_->run();
    if (array == nullptr) return Truth::kError;
    if (array->is_null()) return Truth::kNull;
    const Truth decides = truth_of(!test_.all);
    Truth result = truth_of(test_.all);
    for (const auto& element : array->array().elements) {
      const Value* const args[] = {left, &element};
      if (auto status = call(test_.function, *context_.session, args, one_); !status.ok())
        return context_.fail(status.error()), Truth::kError;
      if (one_.is_null()) result = Truth::kNull;
      else if (truth_of(one_.boolean()) == decides) return decides;
    }
    return result;
  }

 private:
  Context& context_;
  const lg::ArrayTest& test_;
  EvalPtr left_, array_;
  Value one_;
};

class ArrayOfEval final : public Eval {
 public:
  ArrayOfEval(Context& context, Type type, bool nested, std::vector<EvalPtr> elements)
      : context_(context), type_(type), nested_(nested), elements_(std::move(elements)) {}
  const Value* run() override {
    auto array = std::make_shared<Array>();
    array->element = type_.element;
    for (const auto& element : elements_) {
      const Value* value = element->run();
      if (value == nullptr) return nullptr;
      if (!nested_) array->elements.push_back(*value);
      else if (!append(*array, *value)) return nullptr;
    }
    if (!nested_ && !array->elements.empty()) array->sizes = {static_cast<std::int32_t>(array->elements.size())}, array->lows = {1};
    if (nested_ && !array->sizes.empty()) {
      array->sizes.insert(array->sizes.begin(), static_cast<std::int32_t>(elements_.size()));
      array->lows.assign(array->sizes.size(), 1);
    }
    result_.set(ArrayPtr(std::move(array)));
    return &result_;
  }

 private:
  bool append(Array& into, const Value& value) {
    const auto mismatch = [&] {
      return context_.fail(SqlError("2202E", "multidimensional arrays must have array expressions with matching dimensions"));
    };
    if (value.is_null()) return into.sizes.empty() && into.elements.empty() ? true : mismatch();
    const auto& inner = value.array();
    if (into.elements.empty()) into.sizes = inner.sizes;
    else if (into.sizes != inner.sizes) return mismatch();
    into.elements.insert(into.elements.end(), inner.elements.begin(), inner.elements.end());
    return true;
  }
  Context& context_;
  Type type_;
  bool nested_;
  std::vector<EvalPtr> elements_;
  Value result_;
};

class RowOfEval final : public Eval {
 public:
  RowOfEval(std::vector<Type> types, std::vector<EvalPtr> elements) : types_(std::move(types)), elements_(std::move(elements)) {}
  const Value* run() override {
    auto record = std::make_shared<Record>();
    record->types = types_;
    for (const auto& element : elements_) {
      const Value* value = element->run();
      if (value == nullptr) return nullptr;
      record->values.push_back(*value);
    }
    result_.set(RecordPtr(std::move(record)));
    return &result_;
  }

 private:
  std::vector<Type> types_;
  std::vector<EvalPtr> elements_;
  Value result_;
};

class FieldEval final : public Eval {
 public:
  FieldEval(EvalPtr arg, std::size_t place) : arg_(std::move(arg)), place_(place) {}
  const Value* run() override {
    const Value* value = arg_->run();
    if (value == nullptr || value->is_null()) return value;
    return place_ < value->record().values.size() ? &value->record().values[place_] : &kNullValue;
  }

 private:
  EvalPtr arg_;
  std::size_t place_;
};

/// a[1][2], a[1:2][1:2]: what is outside the array is null, or an empty array.
class ElementEval final : public Eval {
 public:
  struct Subscript {
    bool slice = false;
    EvalPtr low, high;
  };
  ElementEval(EvalPtr array, std::vector<Subscript> subscripts) : array_(std::move(array)), subscripts_(std::move(subscripts)) {}
  const Value* run() override {
    const Value* value = array_->run();
    if (value == nullptr || value->is_null()) return value;
    const Array& array = value->array();
    std::vector<std::int64_t> lows, highs;
    for (std::size_t i = 0; i < subscripts_.size(); ++i) {
      const auto& one = subscripts_[i];
      const bool inside = i < array.sizes.size();
      std::int64_t low = inside ? array.lows[i] : 0, high = inside ? array.lows[i] + array.sizes[i] - 1 : 0;
      for (const auto& [eval, into] : {std::pair{&one.low, &low}, std::pair{&one.high, &high}}) {
        if (*eval == nullptr) continue;
        const Value* bound = (*eval)->run();
        if (bound == nullptr || bound->is_null()) return bound;
        *into = bound->integer();
      }
      lows.push_back(low), highs.push_back(high);
    }
    return !subscripts_.empty() && subscripts_[0].slice ? slice(array, lows, highs) : element(array, highs);
  }

 private:
  static const Value* element(const Array& array, const std::vector<std::int64_t>& places) {
    if (places.size() != array.sizes.size()) return &kNullValue;
    std::size_t at = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const std::int64_t place = places[i] - array.lows[i];
      if (place < 0 || place >= array.sizes[i]) return &kNullValue;
      at = at * static_cast<std::size_t>(array.sizes[i]) + static_cast<std::size_t>(place);
    }
    return &array.elements[at];
  }
  const Value* slice(const Array& array, std::vector<std::int64_t> lows, std::vector<std::int64_t> highs) {
    auto made = std::make_shared<Array>();
    made->element = array.element;
    const std::size_t dimensions = array.sizes.size();
    bool empty = subscripts_.size() > dimensions;
    for (std::size_t i = 0; i < dimensions && !empty; ++i) {
      const std::int64_t first = array.lows[i], last = first + array.sizes[i] - 1;
      if (i >= lows.size()) lows.push_back(first), highs.push_back(last);
      lows[i] = std::max(lows[i], first), highs[i] = std::min(highs[i], last);
      empty = lows[i] > highs[i];
    }
    if (!empty) {
      std::vector<std::int64_t> at = lows;
      for (std::size_t i = 0; i < dimensions; ++i)
        made->sizes.push_back(static_cast<std::int32_t>(highs[i] - lows[i] + 1)), made->lows.push_back(1);
      while (true) {
        made->elements.push_back(*element(array, at));
        std::size_t i = dimensions;
        while (i > 0 && ++at[i - 1] > highs[i - 1]) at[i - 1] = lows[i - 1], --i;
        if (i == 0) break;
      }
    }
    result_.set(ArrayPtr(std::move(made)));
    return &result_;
  }

  EvalPtr array_;
  std::vector<Subscript> subscripts_;
  Value result_;
};

class SequenceEval final : public Eval {
 public:
  SequenceEval(Context& context, const lg::SequenceCall& sequence, std::vector<EvalPtr> args)
      : context_(context), call_(sequence), args_(std::move(args)) {}
  const Value* run() override {
    using What = lg::SequenceCall::What;
    auto& storage = *context_.storage;
    if (call_.what == What::kSet) return set();
    auto value = call_.what == What::kNext      ? storage.next_value(*call_.sequence)
                 : call_.what == What::kCurrent ? storage.current_value(*call_.sequence)
                                                : storage.last_value();
    if (!value.ok()) return context_.fail(value.error()), nullptr;
    return result_.set(*value), &result_;
  }

 private:
  const Value* set() {
    const Value* value = args_[0]->run();
    const Value* called = args_.size() > 1 && value != nullptr ? args_[1]->run() : value;
    if (called == nullptr || value->is_null() || called->is_null()) return called == nullptr ? nullptr : &kNullValue;
    const auto number = value->integer();
    if (auto status = context_.storage->set_value(*call_.sequence, number, args_.size() < 2 || called->boolean()); !status.ok())
      return context_.fail(status.error()), nullptr;
    return result_.set(number), &result_;
  }
  Context& context_;
  const lg::SequenceCall& call_;
  std::vector<EvalPtr> args_;
  Value result_;
};

/// The set that the current row's aggregate was made for: its groups, as bits, are column UINT32_MAX of the aggregate's relation.
class GroupingEval final : public Eval {
 public:
  GroupingEval(const Cell* set, std::vector<std::uint32_t> groups) : set_(set), groups_(std::move(groups)) {}
  const Value* run() override {
    std::int64_t bits = 0;
    for (const auto group : groups_) bits = bits << 1 | ((*set_)->is_null() || ((*set_)->text()[group] == '1') ? 0 : 1);
    return result_.set(bits), &result_;
  }

 private:
  const Cell* set_;
  std::vector<std::uint32_t> groups_;
  Value result_;
};

bool held_as_integer(Kind kind) {
  switch (kind) {
    case Kind::kInt2:
    case Kind::kInt4:
    case Kind::kInt8:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz:
    case Kind::kOid: return true;
    default: return false;
  }
}

template <template <Sign> class Comparison>
EvalPtr comparison(std::string_view sign, EvalPtr left, EvalPtr right) {
  if (sign == "=") return std::make_unique<Comparison<Sign::kEqual>>(std::move(left), std::move(right));
  if (sign == "<>") return std::make_unique<Comparison<Sign::kNotEqual>>(std::move(left), std::move(right));
  if (sign == "<") return std::make_unique<Comparison<Sign::kLess>>(std::move(left), std::move(right));
  if (sign == "<=") return std::make_unique<Comparison<Sign::kLessEqual>>(std::move(left), std::move(right));
  if (sign == ">") return std::make_unique<Comparison<Sign::kGreater>>(std::move(left), std::move(right));
  return std::make_unique<Comparison<Sign::kGreaterEqual>>(std::move(left), std::move(right));
}

bool is_comparison(std::string_view sign) {
  return sign == "=" || sign == "<>" || sign == "<" || sign == "<=" || sign == ">" || sign == ">=";
}

EvalPtr call_eval(Compiler& compiler, const lg::Call& n) {
  auto args = compiler.exprs(n.args);
  const std::string_view name = n.function.function->name;
  const auto& types = n.function.arguments;
  if (args.size() == 2 && types.size() == 2 && n.function.function->strict) {
    const auto a = types[0].kind, b = types[1].kind;
    const bool integers = is_integer(a) && is_integer(b);
    if (is_comparison(name) && n.function.result.kind == Kind::kBool) {
      if (integers || (a == b && held_as_integer(a))) return comparison<IntegerComparison>(name, std::move(args[0]), std::move(args[1]));
      if (a == b && (a == Kind::kText || a == Kind::kName)) return comparison<TextComparison>(name, std::move(args[0]), std::move(args[1]));
    }
    if (integers && a == b && n.function.result.kind == a && (name == "+" || name == "-" || name == "*"))
      return std::make_unique<IntegerArithmetic>(compiler.context(), n.function, std::move(args[0]), std::move(args[1]));
  }
  return std::make_unique<CallEval>(compiler.context(), n.function, std::move(args));
}

EvalPtr case_eval(Compiler& compiler, const lg::Case& n) {
  auto made = std::make_unique<CaseEval>();
  made->subject = compiler.expr(n.subject);
  if (n.subject != nullptr) made->subject_cell = compiler.context().cell({n.relation, 0});
  for (const auto& when : n.whens) made->whens.emplace_back(compiler.expr(when.condition), compiler.expr(when.result));
  made->otherwise = compiler.expr(n.otherwise);
  return made;
}

EvalPtr element_eval(Compiler& compiler, const lg::Element& n) {
  std::vector<ElementEval::Subscript> subscripts;
  for (const auto& one : n.subscripts) subscripts.push_back({one.slice, compiler.expr(one.low), compiler.expr(one.high)});
  return std::make_unique<ElementEval>(compiler.expr(n.arg), std::move(subscripts));
}

}  // namespace

std::vector<EvalPtr> Compiler::exprs(const std::vector<lg::ExprPtr>& list) {
  std::vector<EvalPtr> all;
  all.reserve(list.size());
  for (const auto& one : list) all.push_back(expr(one));
  return all;
}

EvalPtr Compiler::expr(const lg::ExprPtr& e) {
  if (e == nullptr) return nullptr;
  return std::visit(
      lg::Overloaded{
          [&](const lg::Constant& n) -> EvalPtr { return std::make_unique<ConstantEval>(n.value); },
          [&](const lg::Parameter& n) -> EvalPtr { return std::make_unique<ParameterEval>(context_, n.number - 1); },
          [&](const lg::Column& n) -> EvalPtr { return std::make_unique<CellEval>(context_.cell(n.id)); },
          [&](const lg::Call& n) -> EvalPtr { return call_eval(*this, n); },
          [&](const lg::Logical& n) -> EvalPtr { return std::make_unique<LogicalEval>(n.what, exprs(n.args)); },
          [&](const lg::NullTest& n) -> EvalPtr { return std::make_unique<NullTestEval>(n.negated, expr(n.arg)); },
          [&](const lg::TruthTest& n) -> EvalPtr { return std::make_unique<TruthTestEval>(n, expr(n.arg)); },
          [&](const lg::Distinct& n) -> EvalPtr {
            return std::make_unique<DistinctEval>(n.negated, expr(n.left), expr(n.right), expr(n.equal));
          },
          [&](const lg::NullIf& n) -> EvalPtr { return std::make_unique<NullIfEval>(expr(n.value), expr(n.equal)); },
          [&](const lg::Case& n) -> EvalPtr { return case_eval(*this, n); },
          [&](const lg::Coalesce& n) -> EvalPtr { return std::make_unique<CoalesceEval>(exprs(n.args)); },
          [&](const lg::Extreme& n) -> EvalPtr { return std::make_unique<ExtremeEval>(e->type, n.greatest, exprs(n.args)); },
          [&](const lg::InList& n) -> EvalPtr { return std::make_unique<InListEval>(context_, n, expr(n.left), exprs(n.items)); },
          [&](const lg::ArrayTest& n) -> EvalPtr { return std::make_unique<ArrayTestEval>(context_, n, expr(n.left), expr(n.array)); },
          [&](const lg::ArrayOf& n) -> EvalPtr {
            const bool nested = !n.elements.empty() && n.elements[0]->type.kind == Kind::kArray;
            return std::make_unique<ArrayOfEval>(context_, e->type, nested, exprs(n.elements));
          },
          [&](const lg::RowOf& n) -> EvalPtr {
            std::vector<Type> types;
            for (const auto& element : n.elements) types.push_back(element->type);
            return std::make_unique<RowOfEval>(std::move(types), exprs(n.elements));
          },
          [&](const lg::Field& n) -> EvalPtr { return std::make_unique<FieldEval>(expr(n.arg), n.place); },
          [&](const lg::Element& n) -> EvalPtr { return element_eval(*this, n); },
          [&](const lg::Subquery& n) -> EvalPtr { return make_subquery(*this, n, e->type); },
          [&](const lg::SequenceCall& n) -> EvalPtr { return std::make_unique<SequenceEval>(context_, n, exprs(n.args)); },
          [&](const lg::GroupingBits& n) -> EvalPtr {
            return std::make_unique<GroupingEval>(context_.cell({n.relation, UINT32_MAX}), n.groups);
          }},
      e->node);
}

}  // namespace isobar::sql::execute
