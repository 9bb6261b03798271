// Where rows come from: tables, VALUES, functions, CTEs.

#include <algorithm>

#include "compiler.h"

namespace isobar::sql::execute {
namespace {

struct CompiledEdge {
  EvalPtr value;
  bool inclusive;
};

/// Reads a table, or ranges of an index of it. Columns are shown where the storage has them.
class ScanOperator final : public Operator {
 public:
  ScanOperator(Compiler& compiler, const ph::Scan& n) : context_(compiler.context()), scan_(n) {
    equal_ = compiler.exprs(n.range.equal);
    for (const auto& edge : n.range.low) low_.push_back({compiler.expr(edge.value), edge.inclusive});
    for (const auto& edge : n.range.high) high_.push_back({compiler.expr(edge.value), edge.inclusive});
    any_of_ = compiler.exprs(n.any_of);
    any_array_ = compiler.expr(n.any_array);
    filter_ = compiler.expr(n.filter);
    several_ = !any_of_.empty() || any_array_ != nullptr;
    for (const auto& [column, cell] : context_.columns_of(n.relation)) {
      if (column == lg::kRowKeyColumn) key_cell_ = cell;
      else cells_.emplace_back(column, cell);
    }
  }

  bool open() override {
    cursor_.reset();
    ranges_.clear();
    at_range_ = 0;
    IndexRange range;
    bool empty = false;
    for (std::size_t i = 0; i < equal_.size() && !empty; ++i) {
      Value value;
      if (!bound(equal_[i], i, value, empty)) return false;
      range.equal.push_back(std::move(value));
    }
    if (!empty && !edges(low_, true, range.low, empty)) return false;
    if (!empty && !edges(high_, false, range.high, empty)) return false;
    if (empty) return true;
    if (several_) return each_value(range);
    ranges_.push_back(std::move(range));
    return true;
  }

  bool next() override {
    while (context_.goes_on()) {
      if (cursor_ == nullptr && !open_cursor()) return false;
      auto found = cursor_->next();
      if (!found.ok()) return context_.fail(found.error());
      const StoredRow* row = *found;
      if (row == nullptr) {
        cursor_.reset();
        continue;
      }
      for (const auto& [column, cell] : cells_) *cell = &row->values[column];
      if (key_cell_ != nullptr) key_.reuse_text().assign(row->key), *key_cell_ = &key_;
      if (filter_ == nullptr) return true;
      const Truth keeps = filter_->test();
      if (keeps == Truth::kTrue) return true;
      if (keeps == Truth::kError) return false;
    }
    return false;
  }
  void close() override {
    cursor_.reset();
    for (const auto& [column, cell] : cells_) *cell = &kNullValue;
  }

 private:
  /// The value as the column would have it. Integers of another size that it cannot hold equal none of its values.
  bool bound(const EvalPtr& eval, std::size_t place, Value& into, bool& empty) {
    const Value* value = eval->run();
    if (value == nullptr) return false;
    empty = value->is_null();
    if (!empty) empty = !fits(*value, place);
    into = *value;
    return true;
  }
  Kind kind_at(std::size_t place) const { return scan_.table->columns[scan_.index->columns[place]].type.kind; }
  bool fits(const Value& value, std::size_t place) const {
    const Kind kind = kind_at(place);
    if (kind == Kind::kInt4) return value.integer() == static_cast<std::int32_t>(value.integer());
    return kind != Kind::kInt2 || value.integer() == static_cast<std::int16_t>(value.integer());
  }
  /// The tightest of the edges. One beyond what the column can hold is no edge, or lets nothing through.
  bool edges(const std::vector<CompiledEdge>& from, bool low, std::optional<Bound>& into, bool& empty) {
    const std::size_t place = equal_.size();
    const Type type = from.empty() ? Type{} : scan_.table->columns[scan_.index->columns[place]].type;
    for (const auto& edge : from) {
      const Value* value = edge.value->run();
      if (value == nullptr) return false;
      if (value->is_null()) return empty = true, true;
      if (is_integer(type.kind) && !fits(*value, place)) {
        if ((value->integer() > 0) == low) return empty = true, true;
        continue;
      }
      if (into) {
        const auto order = compare(type, *value, into->value);
        const bool tighter = low ? order > 0 : order < 0;
        if (!tighter && !(order == 0 && !edge.inclusive)) continue;
      }
      into = Bound{*value, edge.inclusive};
    }
    return true;
  }
  /// One range for each different value of a list or an array, in their order.
  bool each_value(const IndexRange& range) {
    const std::size_t place = equal_.size();
    const Type type = scan_.table->columns[scan_.index->columns[place]].type;
    std::vector<Value> values;
    const auto add = [&](const Value& value) {
      if (!value.is_null() && (!is_integer(type.kind) || fits(value, place))) values.push_back(value);
    };
    for (const auto& one : any_of_) {
      const Value* value = one->run();
      if (value == nullptr) return false;
      add(*value);
    }
    if (any_array_ != nullptr) {
      const Value* array = any_array_->run();
      if (array == nullptr) return false;
      if (!array->is_null())
        for (const auto& element : array->array().elements) add(element);
    }
    std::ranges::sort(values, [&](const Value& a, const Value& b) { return compare(type, a, b) < 0; });
    const auto same = std::ranges::unique(values, [&](const Value& a, const Value& b) { return compare(type, a, b) == 0; });
    values.erase(same.begin(), same.end());
    for (auto& value : values) {
      ranges_.push_back(range);
      ranges_.back().equal.push_back(std::move(value));
    }
    return true;
  }
  bool open_cursor() {
    if (at_range_ >= ranges_.size()) return false;
    const Index* index = scan_.index != nullptr && scan_.index->primary ? nullptr : scan_.index;
    auto opened = context_.storage->scan(*scan_.table, index, ranges_[at_range_++], {scan_.backward, scan_.for_update, scan_.rows_most});
    if (!opened.ok()) return context_.fail(opened.error());
    cursor_ = std::move(opened).value();
    return true;
  }

  Context& context_;
  const ph::Scan& scan_;
  std::vector<EvalPtr> equal_, any_of_;
  std::vector<CompiledEdge> low_, high_;
  EvalPtr any_array_, filter_;
  bool several_ = false;
  std::vector<std::pair<std::uint32_t, Cell*>> cells_;
  Cell* key_cell_ = nullptr;
  Value key_;
  std::vector<IndexRange> ranges_;
  std::size_t at_range_ = 0;
  std::unique_ptr<RowCursor> cursor_;
};

class ValuesOperator final : public Operator {
 public:
  ValuesOperator(Compiler& compiler, const ph::Values& n) : context_(compiler.context()) {
    for (const auto& row : n.values.rows) rows_.push_back(compiler.exprs(row));
    cells_ = context_.columns_of(n.values.relation);
  }
  bool open() override { return at_ = 0, true; }
  bool next() override {
    if (at_ >= rows_.size() || !context_.goes_on()) return false;
    const auto& row = rows_[at_++];
    for (const auto& [column, cell] : cells_)
      if ((*cell = row[column]->run()) == nullptr) return *cell = &kNullValue, false;
    return true;
  }

 private:
  Context& context_;
  std::vector<std::vector<EvalPtr>> rows_;
  std::vector<std::pair<std::uint32_t, Cell*>> cells_;
  std::size_t at_ = 0;
};

/// A set-returning function's calls, one after the other.
class FunctionRows {
 public:
  FunctionRows(Compiler& compiler, const lg::TableFunction& function) : context_(compiler.context()), function_(function) {
    args_ = compiler.exprs(function.args);
    if (const auto* expr = std::get_if<lg::ExprPtr>(&function.what)) value_ = compiler.expr(*expr);
  }
  std::size_t width() const { return function_.types.size(); }
  bool open() {
    done_ = false;
    rows_.reset();
    if (value_ != nullptr) return true;
    std::vector<const Value*> args;
    for (const auto& arg : args_) {
      const Value* value = arg->run();
      if (value == nullptr) return false;
      args.push_back(value);
    }
    auto opened = sql::open(std::get<BoundSet>(function_.what), *context_.session, args);
    if (!opened.ok()) return context_.fail(opened.error());
    rows_ = std::move(opened).value();
    return true;
  }
  /// False: no more, or an error.
  bool next() {
    if (done_) return false;
    if (value_ != nullptr) {
      const Value* value = value_->run();
      row.assign(1, value == nullptr ? Value() : *value);
      return done_ = true, value != nullptr;
    }
    if (rows_ == nullptr) return !(done_ = true);
    row.resize(width());
    auto more = rows_->next(row);
    if (!more.ok()) return done_ = true, context_.fail(more.error());
    done_ = !*more;
    return *more;
  }
  Row row;

 private:
  Context& context_;
  const lg::TableFunction& function_;
  std::vector<EvalPtr> args_;
  EvalPtr value_;
  std::unique_ptr<SetRows> rows_;
  bool done_ = false;
};

class FunctionScanOperator final : public Operator {
 public:
  FunctionScanOperator(Compiler& compiler, const ph::FunctionScan& n) : context_(compiler.context()), scan_(n.scan) {
    for (const auto& function : n.scan.functions) functions_.push_back(std::make_unique<FunctionRows>(compiler, function));
    cells_ = context_.columns_of(n.scan.relation);
  }
  bool open() override {
    number_ = 0;
    for (auto& function : functions_)
      if (!function->open()) return false;
    return true;
  }
  bool next() override {
    if (!context_.goes_on()) return false;
    bool any = false;
    std::size_t at = 0;
    for (auto& function : functions_) {
      const bool more = function->next();
      if (context_.failed()) return false;
      any = any || more;
      for (const auto& [column, cell] : cells_)
        if (column >= at && column < at + function->width()) *cell = more ? &function->row[column - at] : &kNullValue;
      at += function->width();
    }
    if (!any) return false;
    ordinal_.set(++number_);
    if (scan_.ordinality)
      for (const auto& [column, cell] : cells_)
        if (column == at) *cell = &ordinal_;
    return true;
  }

 private:
  Context& context_;
  const lg::FunctionScan& scan_;
  std::vector<std::unique_ptr<FunctionRows>> functions_;
  std::vector<std::pair<std::uint32_t, Cell*>> cells_;
  std::int64_t number_ = 0;
  Value ordinal_;
};

/// Several functions in a select list go in step; the shorter ones are null at the end.
class ProjectSetOperator final : public Operator {
 public:
  ProjectSetOperator(Compiler& compiler, const ph::ProjectSet& n) : context_(compiler.context()), input_(compiler.node(*n.input)) {
    for (const auto& function : n.sets.functions) functions_.push_back(std::make_unique<FunctionRows>(compiler, function));
    results_.resize(functions_.size());
    cells_ = context_.columns_of(n.sets.relation);
    for (const auto& function : n.sets.functions) types_.push_back(function.types);
  }
  bool open() override { return within_ = false, input_->open(); }
  bool next() override {
    while (context_.goes_on()) {
      if (!within_) {
        if (!input_->next()) return false;
        for (auto& function : functions_)
          if (!function->open()) return false;
        within_ = true;
      }
      bool any = false;
      for (std::size_t i = 0; i < functions_.size(); ++i) {
        const bool more = functions_[i]->next();
        if (context_.failed()) return false;
        any = any || more;
        result(i, more);
      }
      if (!any) {
        within_ = false;
        continue;
      }
      for (const auto& [column, cell] : cells_) *cell = &results_[column];
      return true;
    }
    return false;
  }
  void close() override { input_->close(); }

 private:
  void result(std::size_t i, bool more) {
    if (!more) return results_[i].set_null();
    if (functions_[i]->width() == 1) {
      results_[i] = functions_[i]->row[0];
      return;
    }
    auto record = std::make_shared<Record>();
    record->types = types_[i];
    record->values = functions_[i]->row;
    results_[i].set(RecordPtr(std::move(record)));
  }
  Context& context_;
  OperatorPtr input_;
  std::vector<std::unique_ptr<FunctionRows>> functions_;
  std::vector<std::vector<Type>> types_;
  std::vector<Value> results_;
  std::vector<std::pair<std::uint32_t, Cell*>> cells_;
  bool within_ = false;
};

class CteScanOperator final : public Operator {
 public:
  CteScanOperator(Compiler& compiler, const ph::CteScan& n)
      : context_(compiler.context()), cte_(n.scan.cte), working_(n.scan.working), cells_(context_.columns_of(n.scan.relation)) {}
  bool open() override {
    at_ = 0;
    auto& cte = context_.ctes[cte_];
    return working_ || cte.made || make_cte(context_, cte);
  }
  bool next() override {
    const auto& rows = working_ ? *context_.ctes[cte_].working : *context_.ctes[cte_].all;
    if (at_ >= rows.size() || !context_.goes_on()) return false;
    const Value* row = rows.row(at_++);
    for (const auto& [column, cell] : cells_) *cell = row + column;
    return true;
  }

 private:
  Context& context_;
  std::size_t cte_;
  bool working_;
  std::vector<std::pair<std::uint32_t, Cell*>> cells_;
  std::size_t at_ = 0;
};

class DefineOperator final : public Operator {
 public:
  DefineOperator(Compiler& compiler, const ph::Define& n) : context_(compiler.context()), ctes_(n.ctes), input_(compiler.node(*n.input)) {}
  bool open() override {
    for (const auto cte : ctes_)
      if (auto& rows = context_.ctes[cte]; rows.root != nullptr) rows.made = false;
    return input_->open();
  }
  bool next() override { return input_->next(); }
  void close() override { input_->close(); }

 private:
  Context& context_;
  std::vector<std::uint32_t> ctes_;
  OperatorPtr input_;
};

class RenameOperator final : public Operator {
 public:
  RenameOperator(Compiler& compiler, const ph::Rename& n) : input_(compiler.node(*n.input)) {
    for (const auto& [column, cell] : std::vector(compiler.context().columns_of(n.relation)))
      cells_.emplace_back(cell, compiler.context().cell({n.of, column}));
  }
  bool open() override { return input_->open(); }
  bool next() override {
    if (!input_->next()) return false;
    for (const auto& [to, from] : cells_) *to = *from;
    return true;
  }
  void close() override { input_->close(); }

 private:
  OperatorPtr input_;
  std::vector<std::pair<Cell*, Cell*>> cells_;
};

}  // namespace

/// A recursive one begins with the rows of its first part; each round sees what the one before has added, until there is nothing new.
bool make_cte(Context& context, CteRows& cte) {
  cte.all->clear();
  cte.made = true;
  std::unique_ptr<KeyTable> seen;
  if (cte.distinct && cte.step != nullptr) seen = std::make_unique<KeyTable>(context, cte.types);
  const auto gather = [&](Operator& from, const std::vector<Cell*>& cells, RowStore& into) {
    if (!from.open()) return false;
    std::vector<const Value*> row(cells.size());
    while (from.next()) {
      for (std::size_t i = 0; i < cells.size(); ++i) row[i] = *cells[i];
      bool added = true;
      if (seen != nullptr && seen->find_or_add(row.data(), added) == KeyTable::kNone) return false;
      if (added && !into.add(cells)) return false;
    }
    from.close();
    return !context.failed();
  };
  if (cte.step == nullptr) return gather(*cte.root, cte.root_cells, *cte.all);
  cte.working->clear();
  if (!gather(*cte.root, cte.root_cells, *cte.working)) return false;
  RowStore next(context, cte.types.size());
  while (cte.working->size() > 0) {
    for (std::size_t i = 0; i < cte.working->size(); ++i) {
      const Value* row = cte.working->row(i);
      std::copy(row, row + cte.types.size(), cte.all->add());
      if (!cte.all->kept()) return false;
    }
    if (!gather(*cte.step, cte.step_cells, next)) return false;
    cte.working->swap(next);
    next.clear();
    if (!context.check_canceled()) return false;
  }
  return true;
}

OperatorPtr make_scan(Compiler& compiler, const ph::Scan& n) { return std::make_unique<ScanOperator>(compiler, n); }
OperatorPtr make_values(Compiler& compiler, const ph::Values& n) { return std::make_unique<ValuesOperator>(compiler, n); }
OperatorPtr make_function_scan(Compiler& compiler, const ph::FunctionScan& n) {
  return std::make_unique<FunctionScanOperator>(compiler, n);
}
OperatorPtr make_project_set(Compiler& compiler, const ph::ProjectSet& n) { return std::make_unique<ProjectSetOperator>(compiler, n); }
OperatorPtr make_cte_scan(Compiler& compiler, const ph::CteScan& n) { return std::make_unique<CteScanOperator>(compiler, n); }
OperatorPtr make_define(Compiler& compiler, const ph::Define& n) { return std::make_unique<DefineOperator>(compiler, n); }
OperatorPtr make_rename(Compiler& compiler, const ph::Rename& n) { return std::make_unique<RenameOperator>(compiler, n); }

}  // namespace isobar::sql::execute
