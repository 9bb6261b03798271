// Subqueries within expressions. One that names nothing outside is run once. A correlated one is run for each row, but what it gave for the
// same values before is remembered, as far as a bounded memory goes.

#include <algorithm>

#include "compiler.h"

namespace isobar::sql::execute {
namespace {

using What = lg::Subquery::What;

/// Of one value: a scalar subquery, EXISTS, ARRAY(…).
class ValueSubquery final : public Eval {
 public:
  ValueSubquery(Compiler& compiler, const lg::Subquery& subquery, Type type)
      : context_(compiler.context()),
        subquery_(subquery),
        type_(type),
        output_(compiler.output_cells(subquery.query->output, subquery.what == What::kExists ? 0 : subquery.query->columns.size())) {}

  const Value* run() override {
    auto& plan = context_.subplans.at(subquery_.query.get());
    const bool fresh = run_ != context_.execution();
    run_ = context_.execution();
    if (plan.outer.empty()) return !fresh && known_ ? &result_ : (known_ = compute(plan)) ? &result_ : nullptr;
    if (!plan.remembered) return compute(plan) ? &result_ : nullptr;
    return recall(plan, fresh);
  }

 private:
  static constexpr std::size_t kRememberedMost = 4096;

  const Value* recall(Subplan& plan, bool fresh) {
    if (keys_ == nullptr) keys_ = std::make_unique<KeyTable>(context_, plan.outer_types);
    if (fresh || results_.size() >= kRememberedMost) keys_->clear(), results_.clear();
    values_.clear();
    for (const auto* cell : plan.outer) values_.push_back(*cell);
    if (const auto place = keys_->find(values_.data()); place != KeyTable::kNone) return &results_[place];
    if (!compute(plan)) return nullptr;
    // The cells may have moved on meanwhile, but not to other values.
    for (std::size_t i = 0; i < plan.outer.size(); ++i) values_[i] = *plan.outer[i];
    bool added = false;
    if (keys_->find_or_add(values_.data(), added) == KeyTable::kNone) return nullptr;
    if (added) results_.push_back(result_);
    return &result_;
  }
  bool compute(Subplan& plan) {
    if (!plan.root->open()) return false;
    if (subquery_.what == What::kArray) return gather(plan);
    const bool first = plan.root->next();
    if (context_.failed()) return false;
    if (subquery_.what == What::kExists) return result_.set(first), true;
    if (!first) return result_.set_null(), true;
    result_ = **output_[0];
    const bool more = plan.root->next();
    if (context_.failed()) return false;
    if (more)
      return context_.fail(SqlError(state::kCardinalityViolation, "more than one row returned by a subquery used as an expression"));
    return true;
  }
  bool gather(Subplan& plan) {
    auto array = std::make_shared<Array>();
    array->element = type_.element;
    const bool nested = subquery_.query->columns[0].type.kind == Kind::kArray;
    std::int32_t rows = 0;
    for (; plan.root->next(); ++rows) {
      const Value& value = **output_[0];
      if (!context_.keep(bytes_of(value))) return false;
      if (!(nested ? append(*array, value) : (array->elements.push_back(value), true))) return false;
    }
    if (context_.failed()) return false;
    if (rows > 0) array->sizes.insert(array->sizes.begin(), rows), array->lows.assign(array->sizes.size(), 1);
    result_.set(ArrayPtr(std::move(array)));
    return true;
  }
  bool append(Array& into, const Value& value) {
    if (value.is_null()) return context_.fail(SqlError(state::kNullValueNotAllowed, "cannot accumulate null arrays"));
    if (into.elements.empty()) into.sizes = value.array().sizes;
    else if (into.sizes != value.array().sizes)
      return context_.fail(SqlError("2202E", "cannot accumulate arrays of different dimensionality"));
    into.elements.insert(into.elements.end(), value.array().elements.begin(), value.array().elements.end());
    return true;
  }

  Context& context_;
  const lg::Subquery& subquery_;
  Type type_;
  std::vector<Cell*> output_;
  std::unique_ptr<KeyTable> keys_;
  std::deque<Value> results_;
  std::vector<const Value*> values_;
  std::uint64_t run_ = 0;
  bool known_ = false;
  Value result_;
};

Truth truth_of(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

/// ANY and ALL, of which IN is one. Rows that are the same for all rows outside are kept: to be looked up in where the test is an equality,
/// else to be gone through.
class TestSubquery final : public Eval {
 public:
  TestSubquery(Compiler& compiler, const lg::Subquery& subquery)
      : context_(compiler.context()),
        subquery_(subquery),
        test_(compiler.expr(subquery.test)),
        output_(compiler.output_cells(subquery.query->output, subquery.query->columns.size())) {
    const auto* call = std::get_if<lg::Call>(&subquery.test->node);
    if (subquery.what != What::kAny || call == nullptr || call->args.size() != 2 || call->function.function->name != "=") return;
    const auto* column = std::get_if<lg::Column>(&call->args[1]->node);
    const auto& types = call->function.arguments;
    const bool alike = types[0] == types[1] || (is_integer(types[0].kind) && is_integer(types[1].kind));
    if (column == nullptr || column->id.relation != subquery.query->output || !alike) return;
    left_ = compiler.expr(call->args[0]);
    known_ = std::make_unique<KeyTable>(context_, std::vector<Type>{types[1]});
  }
  const Value* run() override {
    static const Value kYes{true}, kNo{false};
    switch (test()) {
      case Truth::kTrue: return &kYes;
      case Truth::kFalse: return &kNo;
      case Truth::kNull: return &kNullValue;
      default: return nullptr;
    }
  }
  Truth test() override {
    auto& plan = context_.subplans.at(subquery_.query.get());
    if (!plan.outer.empty()) return go_through(plan);
    if (run_ != context_.execution()) {
      if (!keep(plan)) return Truth::kError;
      run_ = context_.execution();
    }
    if (known_ != nullptr) return look_up();
    const Truth decides = truth_of(subquery_.what == What::kAny);
    Truth result = truth_of(subquery_.what != What::kAny);
    for (std::size_t i = 0; i < kept_->size() && result != Truth::kError; ++i) {
      if (!context_.goes_on()) return Truth::kError;
      kept_->show(i, output_);
      const Truth one = test_->test();
      if (one == decides || one == Truth::kError) return one;
      if (one == Truth::kNull) result = one;
    }
    return result;
  }

 private:
  bool keep(Subplan& plan) {
    if (known_ != nullptr) known_->clear(), has_null_ = false;
    else kept_ = std::make_unique<RowStore>(context_, output_.size());
    if (!plan.root->open()) return false;
    while (plan.root->next()) {
      if (known_ == nullptr) {
        if (!kept_->add(output_)) return false;
        continue;
      }
      const Value* value = *output_[0];
      bool added = false;
      if (value->is_null()) has_null_ = true;
      else if (known_->find_or_add(&value, added) == KeyTable::kNone) return false;
    }
    plan.root->close();
    return !context_.failed();
  }
  Truth look_up() {
    const Value* left = left_->run();
    if (left == nullptr) return Truth::kError;
    if (left->is_null()) return known_->size() > 0 || has_null_ ? Truth::kNull : Truth::kFalse;
    if (known_->find(&left) != KeyTable::kNone) return Truth::kTrue;
    return has_null_ ? Truth::kNull : Truth::kFalse;
  }
  Truth go_through(Subplan& plan) {
    const Truth decides = truth_of(subquery_.what == What::kAny);
    Truth result = truth_of(subquery_.what != What::kAny);
    if (!plan.root->open()) return Truth::kError;
    while (plan.root->next()) {
      const Truth one = test_->test();
      if (one == decides || one == Truth::kError) return one;
      if (one == Truth::kNull) result = one;
    }
    return context_.failed() ? Truth::kError : result;
  }

  Context& context_;
  const lg::Subquery& subquery_;
  EvalPtr test_, left_;
  std::vector<Cell*> output_;
  std::unique_ptr<KeyTable> known_;
  std::unique_ptr<RowStore> kept_;
  std::uint64_t run_ = 0;
  bool has_null_ = false;
};

}  // namespace

EvalPtr make_subquery(Compiler& compiler, const lg::Subquery& n, Type type) {
  if (n.test != nullptr) return std::make_unique<TestSubquery>(compiler, n);
  return std::make_unique<ValueSubquery>(compiler, n, type);
}

}  // namespace isobar::sql::execute
