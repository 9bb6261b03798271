#pragma once

/// Makes what runs of what is planned. All of it is made once; running it again only opens it again.

#include "context.h"
#include "row_store.h"

namespace isobar::sql::execute {

/// The columns that a node shows to those above it: whole relations, and single columns of others.
struct Shown {
  std::vector<std::uint32_t> relations;
  std::vector<ColumnId> columns;
};

class Compiler {
 public:
  Compiler(Context& context, const ph::Plan& plan) : context_(context), plan_(plan) {}

  EvalPtr expr(const lg::ExprPtr& expr);
  std::vector<EvalPtr> exprs(const std::vector<lg::ExprPtr>& list);
  OperatorPtr node(const ph::Node& node);
  /// Makes a cell of each column that anything reads, so that what keeps rows knows what to keep.
  void declare_columns();
  void subplans_and_ctes();
  /// Cells of the columns that a node shows and somebody reads.
  std::vector<Cell*> shown_cells(const ph::Node& node);
  std::vector<Cell*> output_cells(std::uint32_t relation, std::size_t count);
  Context& context() { return context_; }
  static Shown shown(const ph::Node& node);

 private:
  void declare(const ph::Node& node);
  void declare(const lg::ExprPtr& expr);
  OperatorPtr scan(const ph::Scan& n);
  OperatorPtr join(const ph::NestedLoop& n);
  OperatorPtr join(const ph::HashJoin& n);
  OperatorPtr aggregate(const ph::Aggregate& n);
  OperatorPtr window(const ph::Window& n);

  Context& context_;
  const ph::Plan& plan_;
};

/// Compares rows by keys that are among their values.
struct KeyOrder {
  struct Key {
    Type type;
    bool descending = false, nulls_first = false;
    std::size_t place = 0;
  };
  std::vector<Key> keys;
  KeyOrder() = default;
  /// The keys are the values from `first` on.
  KeyOrder(const std::vector<lg::SortKey>& from, std::size_t first) {
    for (const auto& key : from) keys.push_back({key.value->type, key.descending, key.nulls_first, first++});
  }
  int compare(const Value* a, const Value* b) const {
    for (const auto& key : keys)
      if (const int order = compare_by(key, a[key.place], b[key.place]); order != 0) return order;
    return 0;
  }
  static int compare_by(const Key& key, const Value& a, const Value& b);
};

// Made in their own sources.
EvalPtr make_subquery(Compiler& compiler, const lg::Subquery& n, Type type);
OperatorPtr make_scan(Compiler& compiler, const ph::Scan& n);
OperatorPtr make_values(Compiler& compiler, const ph::Values& n);
OperatorPtr make_function_scan(Compiler& compiler, const ph::FunctionScan& n);
OperatorPtr make_cte_scan(Compiler& compiler, const ph::CteScan& n);
OperatorPtr make_project_set(Compiler& compiler, const ph::ProjectSet& n);
OperatorPtr make_nested_loop(Compiler& compiler, const ph::NestedLoop& n);
OperatorPtr make_hash_join(Compiler& compiler, const ph::HashJoin& n);
OperatorPtr make_aggregate(Compiler& compiler, const ph::Aggregate& n);
OperatorPtr make_window(Compiler& compiler, const ph::Window& n);
OperatorPtr make_sort(Compiler& compiler, const ph::Sort& n);
OperatorPtr make_limit(Compiler& compiler, const ph::Limit& n);
OperatorPtr make_unique(Compiler& compiler, const ph::Unique& n);
OperatorPtr make_set_operation(Compiler& compiler, const ph::SetOperation& n);
OperatorPtr make_filter(Compiler& compiler, const ph::Filter& n);
OperatorPtr make_project(Compiler& compiler, const ph::Project& n);
OperatorPtr make_define(Compiler& compiler, const ph::Define& n);
OperatorPtr make_rename(Compiler& compiler, const ph::Rename& n);
/// The rows of a CTE that is kept: made when they are first asked for.
bool make_cte(Context& context, CteRows& cte);

}  // namespace isobar::sql::execute
