#include <algorithm>

#include "compiler.h"
#include "sql/logical_walk.h"

namespace isobar::sql::execute {

OperatorPtr Compiler::node(const ph::Node& at) {
  return std::visit(
      lg::Overloaded{
          [&](const ph::Scan& n) { return make_scan(*this, n); }, [&](const ph::Values& n) { return make_values(*this, n); },
          [&](const ph::FunctionScan& n) { return make_function_scan(*this, n); },
          [&](const ph::CteScan& n) { return make_cte_scan(*this, n); }, [&](const ph::Filter& n) { return make_filter(*this, n); },
          [&](const ph::NestedLoop& n) { return make_nested_loop(*this, n); },
          [&](const ph::HashJoin& n) { return make_hash_join(*this, n); }, [&](const ph::Aggregate& n) { return make_aggregate(*this, n); },
          [&](const ph::Window& n) { return make_window(*this, n); }, [&](const ph::ProjectSet& n) { return make_project_set(*this, n); },
          [&](const ph::Project& n) { return make_project(*this, n); }, [&](const ph::Unique& n) { return make_unique(*this, n); },
          [&](const ph::Sort& n) { return make_sort(*this, n); }, [&](const ph::Limit& n) { return make_limit(*this, n); },
          [&](const ph::SetOperation& n) { return make_set_operation(*this, n); },
          [&](const ph::Define& n) { return make_define(*this, n); }, [&](const ph::Rename& n) { return make_rename(*this, n); }},
      at.node);
}

namespace {

/// Each expression that a node holds, and each node below it.
template <class SeeExpr, class SeeNode>
void parts_of(const ph::Node& at, SeeExpr&& see, SeeNode&& below) {
  const auto all = [&](const std::vector<lg::ExprPtr>& exprs) {
    for (const auto& one : exprs) see(one);
  };
  const auto keys = [&](const std::vector<lg::SortKey>& sort) {
    for (const auto& key : sort) see(key.value);
  };
  const auto functions = [&](const std::vector<lg::TableFunction>& of) {
    for (const auto& function : of) {
      all(function.args);
      if (const auto* expr = std::get_if<lg::ExprPtr>(&function.what)) see(*expr);
    }
  };
  const auto edges = [&](const std::vector<ph::Edge>& of) {
    for (const auto& edge : of) see(edge.value);
  };
  std::visit(lg::Overloaded{
                 [&](const ph::Scan& n) {
                   all(n.range.equal), edges(n.range.low), edges(n.range.high), all(n.any_of), see(n.any_array), see(n.filter);
                 },
                 [&](const ph::Values& n) {
                   for (const auto& row : n.values.rows) all(row);
                 },
                 [&](const ph::FunctionScan& n) { functions(n.scan.functions); }, [&](const ph::CteScan&) {},
                 [&](const ph::Filter& n) { see(n.condition), below(*n.input); },
                 [&](const ph::NestedLoop& n) { see(n.on), below(*n.left), below(*n.right); },
                 [&](const ph::HashJoin& n) { all(n.left_keys), all(n.right_keys), see(n.rest), below(*n.left), below(*n.right); },
                 [&](const ph::Aggregate& n) {
                   all(n.aggregate.groups);
                   for (const auto& call : n.aggregate.calls) all(call.direct), all(call.args), keys(call.order), see(call.filter);
                   below(*n.input);
                 },
                 [&](const ph::Window& n) {
                   all(n.window.partition), keys(n.window.order), see(n.window.frame.start_offset), see(n.window.frame.end_offset);
                   for (const auto& call : n.window.calls) all(call.args), see(call.filter);
                   below(*n.input);
                 },
                 [&](const ph::ProjectSet& n) { functions(n.sets.functions), below(*n.input); },
                 [&](const ph::Project& n) { all(n.values), below(*n.input); }, [&](const ph::Unique& n) { all(n.keys), below(*n.input); },
                 [&](const ph::Sort& n) { keys(n.keys), see(n.limit), see(n.offset), below(*n.input); },
                 [&](const ph::Limit& n) { see(n.limit), see(n.offset), keys(n.with_ties), below(*n.input); },
                 [&](const ph::SetOperation& n) { below(*n.left), below(*n.right); }, [&](const ph::Define& n) { below(*n.input); },
                 [&](const ph::Rename& n) { below(*n.input); }},
             at.node);
}

}  // namespace

void Compiler::declare(const lg::ExprPtr& expr) {
  if (expr == nullptr) return;
  lg::each_part(*expr, [&](const lg::Expr& part) {
    if (const auto* column = std::get_if<lg::Column>(&part.node)) context_.cell(column->id);
    if (const auto* bits = std::get_if<lg::GroupingBits>(&part.node)) context_.cell({bits->relation, UINT32_MAX});
    if (const auto* subquery = std::get_if<lg::Subquery>(&part.node))
      for (std::size_t i = 0; i < subquery->query->columns.size(); ++i)
        context_.cell({subquery->query->output, static_cast<std::uint32_t>(i)});
  });
}

void Compiler::declare(const ph::Node& at) {
  parts_of(
      at, [&](const lg::ExprPtr& expr) { declare(expr); }, [&](const ph::Node& input) { declare(input); });
  if (const auto* set = std::get_if<ph::SetOperation>(&at.node))
    for (std::size_t i = 0; i < set->types.size(); ++i)
      for (const auto relation : {set->relation, set->left_output, set->right_output})
        context_.cell({relation, static_cast<std::uint32_t>(i)});
}

void Compiler::declare_columns() {
  const auto modify = [&](const lg::Modify& m) {
    const auto all = [&](const std::vector<lg::ExprPtr>& exprs) {
      for (const auto& one : exprs) declare(one);
    };
    all(m.values), all(m.returning);
    for (const auto& [place, value] : m.generated) declare(value);
    for (const auto& check : m.checks) declare(check.condition);
    if (m.conflict) all(m.conflict->values), declare(m.conflict->where);
    for (std::size_t i = 0; i < m.table->columns.size(); ++i)
      for (const auto relation : {m.old, m.row}) context_.cell({relation, static_cast<std::uint32_t>(i)});
    if (m.what != lg::Modify::What::kInsert) context_.cell({m.old, lg::kRowKeyColumn});
  };
  const auto& statement = plan_.statement;
  if (const auto* m = std::get_if<lg::ModifyPtr>(&statement.what)) modify(**m);
  else {
    const auto& query = *std::get<lg::QueryPtr>(statement.what);
    output_cells(query.output, query.columns.size());
  }
  declare(*plan_.root);
  for (std::size_t i = 0; i < plan_.ctes.size(); ++i) {
    const auto& cte = plan_.ctes[i];
    if (const auto* m = std::get_if<lg::ModifyPtr>(&statement.ctes[i].query)) modify(**m);
    else {
      output_cells(cte.output, statement.ctes[i].types.size());
      if (cte.step != nullptr) output_cells(cte.step_output, statement.ctes[i].types.size());
    }
    for (const auto& root : {cte.root, cte.step})
      if (root != nullptr) declare(*root);
  }
  for (const auto& [query, subplan] : plan_.subplans) declare(*subplan.root);
}

void Compiler::subplans_and_ctes() {
  context_.ctes.resize(plan_.ctes.size());
  for (std::size_t i = 0; i < plan_.ctes.size(); ++i) {
    const auto& cte = plan_.ctes[i];
    const auto& statement = plan_.statement.ctes[i];
    auto& made = context_.ctes[i];
    made.types = statement.types;
    made.distinct = !statement.all;
    made.all = std::make_unique<RowStore>(context_, made.types.size());
    made.working = std::make_unique<RowStore>(context_, made.types.size());
    if (cte.inlined || std::holds_alternative<lg::ModifyPtr>(statement.query)) continue;
    made.root_cells = output_cells(cte.output, made.types.size());
    if (cte.step != nullptr) made.step_cells = output_cells(cte.step_output, made.types.size());
  }
  for (const auto& [query, subplan] : plan_.subplans) {
    auto& made = context_.subplans[query];
    for (const auto id : subplan.outer) made.outer.push_back(context_.cell(id));
    made.outer_types = subplan.outer_types;
    made.remembered = subplan.remembered;
  }
  // The operators come last: those of one may use those of another.
  for (std::size_t i = 0; i < plan_.ctes.size(); ++i) {
    if (plan_.ctes[i].inlined || std::holds_alternative<lg::ModifyPtr>(plan_.statement.ctes[i].query)) continue;
    context_.ctes[i].root = node(*plan_.ctes[i].root);
    if (plan_.ctes[i].step != nullptr) context_.ctes[i].step = node(*plan_.ctes[i].step);
  }
  for (const auto& [query, subplan] : plan_.subplans) context_.subplans[query].root = node(*subplan.root);
}

Shown Compiler::shown(const ph::Node& at) {
  const auto both = [](const ph::NodePtr& left, const ph::NodePtr& right) {
    auto all = shown(*left);
    auto more = shown(*right);
    all.relations.insert(all.relations.end(), more.relations.begin(), more.relations.end());
    all.columns.insert(all.columns.end(), more.columns.begin(), more.columns.end());
    return all;
  };
  const auto with = [](Shown all, std::uint32_t relation) {
    all.relations.push_back(relation);
    return all;
  };
  return std::visit(
      lg::Overloaded{[](const ph::Scan& n) {
                       return Shown{{n.relation}, {}};
                     },
                     [](const ph::Values& n) {
                       return Shown{{n.values.relation}, {}};
                     },
                     [](const ph::FunctionScan& n) {
                       return Shown{{n.scan.relation}, {}};
                     },
                     [](const ph::CteScan& n) {
                       return Shown{{n.scan.relation}, {}};
                     },
                     [](const ph::Filter& n) { return shown(*n.input); },
                     [&](const ph::NestedLoop& n) {
                       return n.kind == ph::JoinKind::kSemi || n.kind == ph::JoinKind::kAnti ? shown(*n.left) : both(n.left, n.right);
                     },
                     [&](const ph::HashJoin& n) {
                       return n.kind == ph::JoinKind::kSemi || n.kind == ph::JoinKind::kAnti ? shown(*n.left) : both(n.left, n.right);
                     },
                     [](const ph::Aggregate& n) {
                       Shown all{{n.aggregate.relation, n.aggregate.calls_relation}, {}};
                       for (const auto& group : n.aggregate.groups)
                         if (const auto* column = std::get_if<lg::Column>(&group->node)) all.columns.push_back(column->id);
                       return all;
                     },
                     [&](const ph::Window& n) { return with(shown(*n.input), n.window.relation); },
                     [&](const ph::ProjectSet& n) { return with(shown(*n.input), n.sets.relation); },
                     [](const ph::Project& n) {
                       return Shown{{n.relation}, {}};
                     },
                     [](const ph::Unique& n) { return shown(*n.input); }, [](const ph::Sort& n) { return shown(*n.input); },
                     [](const ph::Limit& n) { return shown(*n.input); },
                     [](const ph::SetOperation& n) {
                       return Shown{{n.relation}, {}};
                     },
                     [](const ph::Define& n) { return shown(*n.input); },
                     [](const ph::Rename& n) {
                       return Shown{{n.relation}, {}};
                     }},
      at.node);
}

std::vector<Cell*> Compiler::shown_cells(const ph::Node& at) {
  const auto all = shown(at);
  std::vector<Cell*> cells;
  for (const auto relation : all.relations)
    for (const auto& [column, cell] : context_.columns_of(relation)) cells.push_back(cell);
  for (const auto id : all.columns) {
    auto* cell = context_.cell(id);
    if (std::ranges::find(cells, cell) == cells.end()) cells.push_back(cell);
  }
  return cells;
}

std::vector<Cell*> Compiler::output_cells(std::uint32_t relation, std::size_t count) {
  std::vector<Cell*> cells;
  for (std::size_t i = 0; i < count; ++i) cells.push_back(context_.cell({relation, static_cast<std::uint32_t>(i)}));
  return cells;
}

}  // namespace isobar::sql::execute
