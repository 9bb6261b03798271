// What orders rows, counts them off, and tells equal ones from others.

#include <fmt/format.h>

#include <algorithm>

#include "compiler.h"

namespace isobar::sql::execute {

int KeyOrder::compare_by(const Key& key, const Value& a, const Value& b) {
  const auto* x = std::get_if<std::int64_t>(&a.held());
  const auto* y = std::get_if<std::int64_t>(&b.held());
  if (x != nullptr && y != nullptr) return *x == *y ? 0 : (*x < *y) != key.descending ? -1 : 1;
  if (a.is_null() || b.is_null()) return a.is_null() == b.is_null() ? 0 : a.is_null() == key.nulls_first ? -1 : 1;
  const auto order = sql::compare(key.type, a, b);
  return order == 0 ? 0 : (order < 0) != key.descending ? -1 : 1;
}

namespace {

/// A count of rows as LIMIT and OFFSET have it: none: there is no limit.
bool count_of(Context& context, const EvalPtr& eval, std::string_view what, std::optional<std::uint64_t>& into) {
  into.reset();
  if (eval == nullptr) return true;
  const Value* value = eval->run();
  if (value == nullptr) return false;
  if (value->is_null()) return true;
  if (value->integer() < 0)
    return context.fail(SqlError(what == "LIMIT" ? state::kInvalidRowCountInLimitClause : std::string_view("2201X"),
                                 fmt::format("{} must not be negative", what)));
  into = static_cast<std::uint64_t>(value->integer());
  return true;
}

/// Keeps all rows and sorts them; where only the first ones are wanted, no more than those.
class SortOperator final : public Operator {
 public:
  SortOperator(Compiler& compiler, const ph::Sort& n)
      : context_(compiler.context()),
        input_(compiler.node(*n.input)),
        cells_(compiler.shown_cells(*n.input)),
        order_(n.keys, cells_.size()),
        limit_(compiler.expr(n.limit)),
        offset_(compiler.expr(n.offset)) {
    std::vector<lg::ExprPtr> values;
    for (std::size_t i = 0; i < n.keys.size(); ++i) {
      const auto* column = std::get_if<lg::Column>(&n.keys[i].value->node);
      const auto found = column == nullptr ? cells_.end() : std::ranges::find(cells_, context_.cell(column->id));
      if (found == cells_.end()) {
        order_.keys[i].place = cells_.size() + values.size();
        values.push_back(n.keys[i].value);
      } else {
        order_.keys[i].place = static_cast<std::size_t>(found - cells_.begin());
      }
    }
    keys_ = compiler.exprs(values);
    rows_ = std::make_unique<RowStore>(context_, cells_.size() + keys_.size());
    incoming_.resize(rows_->width());
  }

  bool open() override {
    rows_->clear(), places_.clear(), at_ = 0;
    std::optional<std::uint64_t> limit, offset;
    if (!count_of(context_, limit_, "LIMIT", limit) || !count_of(context_, offset_, "OFFSET", offset)) return false;
    constexpr std::uint64_t kHeapMost = 100000;
    const auto most = limit ? *limit + offset.value_or(0) : 0;
    bounded_ = limit && most <= kHeapMost;
    most_ = static_cast<std::size_t>(most);
    if (bounded_ && most_ == 0) return true;
    if (!input_->open()) return false;
    while (input_->next())
      if (!keep()) return false;
    input_->close();
    if (context_.failed()) return false;
    std::ranges::stable_sort(places_, [&](std::size_t a, std::size_t b) { return less(a, b); });
    return true;
  }
  bool next() override {
    if (at_ >= places_.size()) return false;
    rows_->show(places_[at_++], cells_);
    return true;
  }
  void close() override { input_->close(), rows_->clear(), places_.clear(), at_ = 0; }

 private:
  bool less(std::size_t a, std::size_t b) const {
    const int order = order_.compare(rows_->row(a), rows_->row(b));
    return order != 0 ? order < 0 : a < b;
  }
  bool fill(Value* into) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const Value* value = keys_[i]->run();
      if (value == nullptr) return false;
      into[cells_.size() + i] = *value;
    }
    for (std::size_t i = 0; i < cells_.size(); ++i) into[i] = **cells_[i];
    return true;
  }
  bool keep() {
    const auto worse = [&](std::size_t a, std::size_t b) { return less(a, b); };
    if (bounded_ && places_.size() == most_) {
      if (!fill(incoming_.data())) return false;
      // A heap with the worst row on top, which goes when a better one comes.
      if (order_.compare(incoming_.data(), rows_->row(places_.front())) >= 0) return true;
      std::ranges::pop_heap(places_, worse);
      std::ranges::swap_ranges(incoming_, std::span(rows_->row(places_.back()), rows_->width()));
      std::ranges::push_heap(places_, worse);
      return true;
    }
    if (!fill(rows_->add()) || !rows_->kept()) return false;
    places_.push_back(rows_->size() - 1);
    if (bounded_) std::ranges::push_heap(places_, worse);
    return true;
  }

  Context& context_;
  OperatorPtr input_;
  std::vector<Cell*> cells_;
  KeyOrder order_;
  std::vector<EvalPtr> keys_;
  EvalPtr limit_, offset_;
  std::unique_ptr<RowStore> rows_;
  std::vector<std::size_t> places_;
  std::vector<Value> incoming_;
  std::size_t at_ = 0, most_ = 0;
  bool bounded_ = false;
};

class LimitOperator final : public Operator {
 public:
  LimitOperator(Compiler& compiler, const ph::Limit& n)
      : context_(compiler.context()),
        input_(compiler.node(*n.input)),
        limit_(compiler.expr(n.limit)),
        offset_(compiler.expr(n.offset)),
        order_(n.with_ties, 0) {
    for (const auto& key : n.with_ties) ties_.push_back(compiler.expr(key.value));
  }
  bool open() override {
    std::optional<std::uint64_t> offset;
    if (!count_of(context_, limit_, "LIMIT", left_) || !count_of(context_, offset_, "OFFSET", offset)) return false;
    skip_ = offset.value_or(0);
    last_.clear();
    if (left_ == 0) return true;
    return input_->open();
  }
  bool next() override {
    if (left_ == 0) return !ties_.empty() && !last_.empty() && input_->next() && tied();
    for (; skip_ > 0; --skip_)
      if (!input_->next()) return false;
    if (!input_->next()) return false;
    if (left_) --*left_;
    if (left_ == 0 && !ties_.empty()) return remember();
    return true;
  }
  void close() override { input_->close(); }

 private:
  bool remember() {
    last_.clear();
    for (const auto& key : ties_) {
      const Value* value = key->run();
      if (value == nullptr) return false;
      last_.push_back(*value);
    }
    return true;
  }
  bool tied() {
    for (std::size_t i = 0; i < ties_.size(); ++i) {
      const Value* value = ties_[i]->run();
      if (value == nullptr) return false;
      if (KeyOrder::compare_by(order_.keys[i], *value, last_[i]) != 0) return last_.clear(), false;
    }
    return true;
  }
  Context& context_;
  OperatorPtr input_;
  EvalPtr limit_, offset_;
  KeyOrder order_;
  std::vector<EvalPtr> ties_;
  std::vector<Value> last_;
  std::optional<std::uint64_t> left_;
  std::uint64_t skip_ = 0;
};

std::vector<Type> types_of(const std::vector<lg::ExprPtr>& exprs) {
  std::vector<Type> types;
  for (const auto& expr : exprs) types.push_back(expr->type);
  return types;
}

class UniqueOperator final : public Operator {
 public:
  UniqueOperator(Compiler& compiler, const ph::Unique& n)
      : context_(compiler.context()),
        input_(compiler.node(*n.input)),
        keys_(compiler.exprs(n.keys)),
        seen_(context_, types_of(n.keys)),
        values_(keys_.size()) {}
  bool open() override { return seen_.clear(), input_->open(); }
  bool next() override {
    while (input_->next()) {
      for (std::size_t i = 0; i < keys_.size(); ++i)
        if ((values_[i] = keys_[i]->run()) == nullptr) return false;
      bool added = false;
      if (seen_.find_or_add(values_.data(), added) == KeyTable::kNone) return false;
      if (added) return true;
    }
    return false;
  }
  void close() override { input_->close(), seen_.clear(); }

 private:
  Context& context_;
  OperatorPtr input_;
  std::vector<EvalPtr> keys_;
  KeyTable seen_;
  std::vector<const Value*> values_;
};

/// UNION goes through one side and then the other. INTERSECT and EXCEPT count the right side's rows first, and then go through the left
/// one.
class SetOperator final : public Operator {
 public:
  SetOperator(Compiler& compiler, const ph::SetOperation& n)
      : context_(compiler.context()),
        set_(n),
        left_(compiler.node(*n.left)),
        right_(compiler.node(*n.right)),
        cells_(compiler.output_cells(n.relation, n.types.size())),
        left_cells_(compiler.output_cells(n.left_output, n.types.size())),
        right_cells_(compiler.output_cells(n.right_output, n.types.size())),
        rows_(context_, n.types),
        values_(n.types.size()) {}
  bool open() override {
    rows_.clear(), counts_.clear();
    on_right_ = false;
    if (set_.op != lg::SetOp::kUnion && !count_right()) return false;
    return left_->open();
  }
  bool next() override {
    while (true) {
      auto& side = on_right_ ? *right_ : *left_;
      if (!side.next()) {
        if (context_.failed() || on_right_ || set_.op != lg::SetOp::kUnion) return false;
        left_->close();
        on_right_ = true;
        if (!right_->open()) return false;
        continue;
      }
      show(on_right_ ? right_cells_ : left_cells_);
      bool wanted = true;
      if (!(set_.op == lg::SetOp::kUnion && set_.all) && !wants(wanted)) return false;
      if (wanted) return true;
    }
  }
  void close() override { left_->close(), right_->close(), rows_.clear(), counts_.clear(); }

 private:
  void show(const std::vector<Cell*>& from) {
    for (std::size_t i = 0; i < cells_.size(); ++i) values_[i] = *cells_[i] = *from[i];
  }
  bool count_right() {
    if (!right_->open()) return false;
    while (right_->next()) {
      show(right_cells_);
      bool added = false;
      const auto place = rows_.find_or_add(values_.data(), added);
      if (place == KeyTable::kNone) return false;
      if (added) counts_.push_back(0);
      ++counts_[place];
    }
    right_->close();
    return !context_.failed();
  }
  bool wants(bool& wanted) {
    bool added = false;
    if (set_.op == lg::SetOp::kIntersect) {
      const auto place = rows_.find(values_.data());
      wanted = place != KeyTable::kNone && counts_[place] > 0;
      if (wanted) counts_[place] = set_.all ? counts_[place] - 1 : 0;
      return true;
    }
    const auto place = rows_.find_or_add(values_.data(), added);
    if (place == KeyTable::kNone) return false;
    wanted = added;
    if (set_.op == lg::SetOp::kUnion) return true;
    // EXCEPT ALL takes one row away for each of the right side; a row that was not there stays unknown.
    if (added) counts_.push_back(0);
    if (set_.all) {
      wanted = counts_[place] == 0;
      if (!wanted) --counts_[place];
    }
    return true;
  }

  Context& context_;
  const ph::SetOperation& set_;
  OperatorPtr left_, right_;
  std::vector<Cell*> cells_, left_cells_, right_cells_;
  KeyTable rows_;
  std::vector<std::uint64_t> counts_;
  std::vector<const Value*> values_;
  bool on_right_ = false;
};

class FilterOperator final : public Operator {
 public:
  FilterOperator(Compiler& compiler, const ph::Filter& n)
      : context_(compiler.context()), input_(compiler.node(*n.input)), condition_(compiler.expr(n.condition)), once_(n.once) {}
  bool open() override {
    none_ = false;
    if (once_) {
      const Truth holds = condition_->test();
      if (holds == Truth::kError) return false;
      none_ = holds != Truth::kTrue;
    }
    return none_ || input_->open();
  }
  bool next() override {
    if (none_) return false;
    while (input_->next()) {
      if (once_) return true;
      const Truth holds = condition_->test();
      if (holds == Truth::kTrue) return true;
      if (holds == Truth::kError) return false;
    }
    return false;
  }
  void close() override { input_->close(); }

 private:
  Context& context_;
  OperatorPtr input_;
  EvalPtr condition_;
  bool once_, none_ = false;
};

class ProjectOperator final : public Operator {
 public:
  ProjectOperator(Compiler& compiler, const ph::Project& n) : input_(compiler.node(*n.input)) {
    // Values that nobody reads are computed as well: they may fail, or do something.
    for (std::size_t i = 0; i < n.values.size(); ++i)
      values_.emplace_back(compiler.context().cell({n.relation, static_cast<std::uint32_t>(i)}), compiler.expr(n.values[i]));
  }
  bool open() override { return input_->open(); }
  bool next() override {
    if (!input_->next()) return false;
    for (const auto& [cell, value] : values_)
      if ((*cell = value->run()) == nullptr) return *cell = &kNullValue, false;
    return true;
  }
  void close() override { input_->close(); }

 private:
  OperatorPtr input_;
  std::vector<std::pair<Cell*, EvalPtr>> values_;
};

}  // namespace

OperatorPtr make_sort(Compiler& compiler, const ph::Sort& n) { return std::make_unique<SortOperator>(compiler, n); }
OperatorPtr make_limit(Compiler& compiler, const ph::Limit& n) { return std::make_unique<LimitOperator>(compiler, n); }
OperatorPtr make_unique(Compiler& compiler, const ph::Unique& n) { return std::make_unique<UniqueOperator>(compiler, n); }
OperatorPtr make_set_operation(Compiler& compiler, const ph::SetOperation& n) { return std::make_unique<SetOperator>(compiler, n); }
OperatorPtr make_filter(Compiler& compiler, const ph::Filter& n) { return std::make_unique<FilterOperator>(compiler, n); }
OperatorPtr make_project(Compiler& compiler, const ph::Project& n) { return std::make_unique<ProjectOperator>(compiler, n); }

}  // namespace isobar::sql::execute
