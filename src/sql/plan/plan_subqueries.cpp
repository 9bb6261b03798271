// Subqueries within expressions: those of EXISTS and IN that stand alone among the conditions become joins; the others have a plan of their
// own.

#include <algorithm>

#include "binder.h"
#include "planner.h"

namespace isobar::sql::physical {

void Planner::plan_subqueries(const Conditions& exprs) {
  for (const auto& expr : exprs)
    if (expr != nullptr) plan_subqueries(*expr);
}

void Planner::plan_subqueries(const lg::Expr& expr) {
  lg::each_part(expr, [&](const lg::Expr& part) {
    const auto* subquery = std::get_if<lg::Subquery>(&part.node);
    if (subquery == nullptr || plan_.subplans.contains(subquery->query.get())) return;
    const auto& q = *subquery->query;
    Subplan made;
    made.outer = lg::free_columns(*q.root);
    add_needs_of_ctes(*q.root, made.outer);
    remember(q, made);
    const bool exists = subquery->what == lg::Subquery::What::kExists;
    plan_.subplans[&q] = {};
    made.root = query(q, {}, {{}, exists ? std::uint64_t{1} : 0}).node;
    plan_.subplans[&q] = std::move(made);
  });
}

/// A CTE that depends on rows outside makes what reads it depend on them, too.
void Planner::add_needs_of_ctes(const lg::Node& at, std::vector<ColumnId>& into) const {
  if (const auto* scan = std::get_if<lg::CteScan>(&at.node))
    if (const auto* body = std::get_if<lg::QueryPtr>(&plan_.statement.ctes[scan->cte].query); body != nullptr && *body != nullptr) {
      const auto more = lg::free_columns(*(*body)->root);
      into.insert(into.end(), more.begin(), more.end());
      if (!scan->working) add_needs_of_ctes(*(*body)->root, into);
    }
  lg::each_expr(at, [&](const ExprPtr& expr) {
    lg::each_part(*expr, [&](const lg::Expr& part) {
      if (const auto* subquery = std::get_if<lg::Subquery>(&part.node)) add_needs_of_ctes(*subquery->query->root, into);
    });
  });
  lg::each_input(at, [&](const lg::Node& input) { add_needs_of_ctes(input, into); });
}

/// A correlated query may be asked again for values it has met, if all that it depends on is among them.
void Planner::remember(const lg::Query& q, Subplan& into) {
  std::map<ColumnId, Type> types;
  bool same = true;
  lg::each_deep_part(*q.root, [&](const lg::Expr& part) {
    if (const auto* column = std::get_if<lg::Column>(&part.node)) types.emplace(column->id, part.type);
    if (const auto* call = std::get_if<lg::Call>(&part.node)) same = same && call->function.function->volatility != Volatility::kVolatile;
    same = same && !std::holds_alternative<lg::SequenceCall>(part.node);
  });
  const std::function<void(const lg::Node&)> look = [&](const lg::Node& at) {
    same = same && !std::holds_alternative<lg::CteScan>(at.node);
    lg::each_input(at, look);
  };
  look(*q.root);
  for (const auto id : into.outer) {
    const auto found = types.find(id);
    same = same && found != types.end() && FunctionSet::require_equality(found->second).ok();
    into.outer_types.push_back(found == types.end() ? Type{} : found->second);
  }
  into.remembered = same && !into.outer.empty();
}

Relations Planner::needs_of(const lg::Node& at) const {
  auto columns = lg::free_columns(at);
  add_needs_of_ctes(at, columns);
  Relations all;
  for (const auto id : columns) all.insert(id.relation);
  return all;
}

std::optional<Planner::SemiJoin> Planner::as_semi_join(const ExprPtr& condition, const Relations& left) {
  if (const auto* subquery = std::get_if<lg::Subquery>(&condition->node)) return unnested(*subquery, false, left);
  const auto* logical = std::get_if<lg::Logical>(&condition->node);
  if (logical == nullptr || logical->what != lg::Logic::kNot) return std::nullopt;
  const auto* subquery = std::get_if<lg::Subquery>(&logical->args[0]->node);
  return subquery == nullptr ? std::nullopt : unnested(*subquery, true, left);
}

/// EXISTS (SELECT … FROM x WHERE …) is a semi join with x, by the conditions that name both; IN is one by its test besides. NOT EXISTS is
/// an anti join; NOT IN is not, for its nulls.
std::optional<Planner::SemiJoin> Planner::unnested(const lg::Subquery& subquery, bool negated, const Relations& left) {
  using What = lg::Subquery::What;
  const bool exists = subquery.what == What::kExists;
  if (!exists && (subquery.what != What::kAny || negated || subquery.test == nullptr)) return std::nullopt;
  const auto& q = *subquery.query;
  const auto* project = std::get_if<lg::Project>(&q.root->node);
  if (project == nullptr || !q.ctes.empty()) return std::nullopt;
  for (const auto& value : project->values)
    if (is_volatile(*value) || has_subquery(*value)) return std::nullopt;
  SemiJoin made;
  made.kind = negated ? JoinKind::kAnti : JoinKind::kSemi;
  const lg::Node* from = project->input.get();
  if (const auto* filter = std::get_if<lg::Filter>(&from->node)) {
    split(filter->condition, made.on);
    from = filter->input.get();
  }
  const bool plain = std::holds_alternative<lg::Scan>(from->node) || std::holds_alternative<lg::Join>(from->node) ||
                     std::holds_alternative<lg::Derived>(from->node) || std::holds_alternative<lg::CteScan>(from->node) ||
                     std::holds_alternative<lg::FunctionScan>(from->node);
  if (!plain) return std::nullopt;
  if (!exists) {
    // The test names the query's columns, which here are the values they stand for.
    split(lg::rewritten(subquery.test,
                        [&](const ExprPtr& part) -> ExprPtr {
                          const auto* column = std::get_if<lg::Column>(&part->node);
                          return column != nullptr && column->id.relation == q.output ? project->values[column->id.column] : nullptr;
                        }),
          made.on);
  }
  const auto inner = relations_of(*from);
  made.side = {from, {}, inner, needs_of(*from), 0};
  if (meets(made.side.needs, left)) return std::nullopt;
  Conditions on;
  for (auto& condition : made.on) {
    if (is_volatile(*condition)) return std::nullopt;
    const auto used = relations_used(*condition);
    if (meets(used, left)) {
      if (has_subquery(*condition)) return std::nullopt;
      on.push_back(std::move(condition));
    } else {
      made.side.conditions.push_back(std::move(condition));
    }
  }
  // Without a condition on both, it is asked once: cheaper as a subquery of its own.
  if (on.empty()) return std::nullopt;
  if (!std::ranges::any_of(on, [&](const ExprPtr& condition) { return equality(condition, left, inner).has_value(); })) return std::nullopt;
  made.on = std::move(on);
  return made;
}

}  // namespace isobar::sql::physical
