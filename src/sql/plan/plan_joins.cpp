// Joins. Inner joins, and with them IN and EXISTS, are taken apart and put together again in the order that looks cheapest: first the
// smallest side, then always the one that adds the least. The sides of an outer join keep their places.

#include <algorithm>

#include "binder.h"
#include "planner.h"

namespace isobar::sql::physical {

void Planner::flatten(const lg::Node& n, std::vector<Side>& sides, Conditions& conditions) {
  if (const auto* join = std::get_if<lg::Join>(&n.node); join != nullptr && join->kind == lg::JoinKind::kInner) {
    flatten(*join->left, sides, conditions);
    flatten(*join->right, sides, conditions);
    split(join->on, conditions);
    return;
  }
  if (const auto* filter = std::get_if<lg::Filter>(&n.node)) {
    split(filter->condition, conditions);
    return flatten(*filter->input, sides, conditions);
  }
  Side side{&n, {}, relations_of(n), needs_of(n), 0};
  if (const auto* scan = std::get_if<lg::Scan>(&n.node)) scans_[scan->relation] = scan;
  sides.push_back(std::move(side));
}

double Planner::side_rows(const Side& side) {
  const auto* scan = std::get_if<lg::Scan>(&side.node->node);
  const lg::CteScan* cte = std::get_if<lg::CteScan>(&side.node->node);
  double rows = scan != nullptr ? std::max(1.0, scan->table->rows_estimated) : cte != nullptr ? 100 : 1000;
  if (const auto* values = std::get_if<lg::Values>(&side.node->node)) rows = static_cast<double>(values->rows.size());
  for (const auto& condition : side.conditions) {
    rows *= selectivity(*condition);
    // A key that is given is one row.
    if (scan == nullptr) continue;
    for (const auto& index : scan->table->indexes)
      if (index.unique && match(*scan, index, side.conditions, {}).unique) rows = 1;
  }
  return std::max(rows, 1.0);
}

double Planner::join_selectivity(const lg::Expr& condition) const { return selectivity(condition); }

std::optional<Equality> Planner::equality(const ExprPtr& condition, const Relations& left, const Relations& right) const {
  const auto* call = std::get_if<lg::Call>(&condition->node);
  if (call == nullptr || call->args.size() != 2 || call->function.function->name != "=") return std::nullopt;
  const auto& types = call->function.arguments;
  const auto integer = [](Kind kind) { return kind == Kind::kInt2 || kind == Kind::kInt4 || kind == Kind::kInt8; };
  if (types.size() != 2 || !(types[0] == types[1] || (integer(types[0].kind) && integer(types[1].kind)))) return std::nullopt;
  if (is_volatile(*condition) || has_subquery(*condition)) return std::nullopt;
  const auto a = relations_used(*call->args[0]), b = relations_used(*call->args[1]);
  if (meets(a, left) && !meets(a, right) && meets(b, right) && !meets(b, left)) return Equality{call->args[0], call->args[1]};
  if (meets(b, left) && !meets(b, right) && meets(a, right) && !meets(a, left)) return Equality{call->args[1], call->args[0]};
  return std::nullopt;
}

Planned Planner::side(const Side& side, const Conditions& more, const Relations& outside, Wanted wanted) {
  auto conditions = side.conditions;
  conditions.insert(conditions.end(), more.begin(), more.end());
  static_cast<void>(outside);
  return node(*side.node, std::move(conditions), wanted);
}

/// Joins `left`, which is planned, with another side by the conditions `on`.
Planned Planner::joined(JoinKind kind, Planned left, const Relations& left_relations, const Side& right, Conditions on) {
  plan_subqueries(on);
  const bool lateral = meets(right.needs, left_relations);
  double part = 1;
  for (const auto& condition : on) part *= join_selectivity(*condition);
  Conditions hashed, rest;
  HashJoin hash{kind, nullptr, nullptr, {}, {}, nullptr};
  for (const auto& condition : on) {
    auto keys = lateral ? std::nullopt : equality(condition, left_relations, right.relations);
    if (keys) {
      hash.left_keys.push_back(std::move(keys->left)), hash.right_keys.push_back(std::move(keys->right));
      hashed.push_back(condition);
    } else {
      rest.push_back(condition);
    }
  }
  const double left_rows = left.node->rows;
  const auto rows_of = [&](double right_rows) {
    const double both = std::max(1.0, left_rows * right_rows * part);
    if (kind == JoinKind::kLeft || kind == JoinKind::kFull) return std::max(both, left_rows);
    return kind == JoinKind::kSemi || kind == JoinKind::kAnti ? std::max(1.0, left_rows * 0.5) : both;
  };
  // An index of the right side's table, looked into for each row of the left one. The conditions go down to it as they are.
  Conditions pushable;
  for (const auto& condition : on)
    if (!has_subquery(*condition) && !is_volatile(*condition)) pushable.push_back(condition);
  std::optional<Planned> looked_up;
  if (kind != JoinKind::kFull && std::holds_alternative<lg::Scan>(right.node->node) && !pushable.empty()) {
    auto inner = side(right, pushable, left_relations, {});
    const auto* scan = std::get_if<Scan>(&inner.node->node);
    if (scan != nullptr && scan->index != nullptr && !scan->index_conditions.empty()) {
      bool uses_left = false;
      for (const auto& condition : scan->index_conditions) uses_left = uses_left || meets(relations_used(*condition), left_relations);
      if (uses_left) looked_up = std::move(inner);
    }
  }
  auto whole = side(right, {}, {}, {});
  const double lookup_cost = looked_up ? left_rows * looked_up->node->cost : 0;
  const double hash_cost = whole.node->cost + whole.node->rows * 0.3 + left_rows * 0.1;
  if (looked_up && (hash.left_keys.empty() || lookup_cost < hash_cost)) {
    Conditions left_over;
    for (const auto& condition : on)
      if (std::ranges::find(pushable, condition) == pushable.end()) left_over.push_back(condition);
    const double rows = rows_of(whole.node->rows), cost = left.node->cost + lookup_cost;
    const bool ordered = left.ordered;
    return {std::make_shared<Node>(Node{
                NestedLoop{kind, std::move(left.node), std::move(looked_up->node), together(std::move(left_over)), false}, rows, cost}),
            ordered};
  }
  const double rows = rows_of(whole.node->rows);
  const bool ordered = left.ordered && kind != JoinKind::kFull;
  if (!hash.left_keys.empty()) {
    const double cost = left.node->cost + hash_cost;
    hash.left = std::move(left.node), hash.right = std::move(whole.node), hash.rest = together(std::move(rest));
    return {std::make_shared<Node>(Node{std::move(hash), rows, cost}), ordered};
  }
  const double cost = left.node->cost + (lateral ? left_rows * whole.node->cost : whole.node->cost + left_rows * whole.node->rows * 0.05);
  return {std::make_shared<Node>(
              Node{NestedLoop{kind, std::move(left.node), std::move(whole.node), together(std::move(on)), !lateral}, rows, cost}),
          ordered};
}

Planned Planner::inner_joins(const lg::Node& n, Conditions conditions, Wanted wanted) {
  std::vector<Side> sides;
  flatten(n, sides, conditions);
  Relations all;
  for (const auto& side : sides) all.insert(side.relations.begin(), side.relations.end());
  // IN and EXISTS become joins where they can.
  std::vector<SemiJoin> semi;
  Conditions spanning, constant, late;
  for (auto& condition : conditions) {
    if (auto made = as_semi_join(condition, all)) {
      semi.push_back(std::move(*made));
      continue;
    }
    const auto used = relations_used(*condition);
    Side* owner = nullptr;
    std::size_t count = 0;
    for (auto& side : sides)
      if (meets(used, side.relations)) owner = &side, ++count;
    if (is_volatile(*condition)) late.push_back(std::move(condition));
    else if (count == 0) constant.push_back(std::move(condition));
    else if (count == 1) owner->conditions.push_back(std::move(condition));
    else spanning.push_back(std::move(condition));
  }
  for (auto& side : sides) side.rows = side_rows(side);
  const bool alone = sides.size() == 1 && semi.empty();
  const auto ready = [&](const Side& side, const Relations& have) {
    return std::ranges::all_of(side.needs, [&](std::uint32_t need) { return !all.contains(need) || have.contains(need); });
  };
  // The first side: the smallest of those that need no other.
  std::size_t first = sides.size();
  for (std::size_t i = 0; i < sides.size(); ++i)
    if (ready(sides[i], {}) && (first == sides.size() || sides[i].rows < sides[first].rows)) first = i;
  CHECK(first < sides.size());
  const bool one_scan = alone && late.empty();
  auto plan = side(sides[first], {}, {}, {wanted.order, one_scan ? wanted.rows : 0});
  Relations have = sides[first].relations;
  std::vector<bool> done(sides.size());
  done[first] = true;
  const auto take = [&](const Relations& with) {
    Conditions on;
    std::erase_if(spanning, [&](const ExprPtr& condition) {
      const auto used = relations_used(*condition);
      const bool here =
          std::ranges::all_of(used, [&](std::uint32_t r) { return !all.contains(r) || have.contains(r) || with.contains(r); });
      if (here) on.push_back(condition);
      return here;
    });
    return on;
  };
  for (std::size_t step = 1; step < sides.size(); ++step) {
    std::size_t best = sides.size();
    double best_rows = 0;
    for (std::size_t i = 0; i < sides.size(); ++i) {
      if (done[i] || !ready(sides[i], have)) continue;
      double part = 1;
      bool connected = false;
      for (const auto& condition : spanning) {
        const auto used = relations_used(*condition);
        if (!meets(used, sides[i].relations) || !meets(used, have)) continue;
        const bool here = std::ranges::all_of(
            used, [&](std::uint32_t r) { return !all.contains(r) || have.contains(r) || sides[i].relations.contains(r); });
        if (here) part *= join_selectivity(*condition), connected = true;
      }
      // A product of rows comes last.
      const double rows = sides[i].rows * part * (connected ? 1 : 1e6);
      if (best == sides.size() || rows < best_rows) best = i, best_rows = rows;
    }
    CHECK(best < sides.size());
    done[best] = true;
    plan = joined(JoinKind::kInner, std::move(plan), have, sides[best], take(sides[best].relations));
    have.insert(sides[best].relations.begin(), sides[best].relations.end());
  }
  for (auto& one : semi) plan = joined(one.kind, std::move(plan), have, one.side, std::move(one.on));
  late.insert(late.end(), spanning.begin(), spanning.end());
  plan = filtered(std::move(plan), std::move(late));
  if (constant.empty()) return plan;
  plan_subqueries(constant);
  const double rows = plan.node->rows, cost = plan.node->cost;
  return {std::make_shared<Node>(Node{Filter{std::move(plan.node), together(std::move(constant)), true}, rows, cost}), plan.ordered};
}

Planned Planner::join(const lg::Join& n, Conditions conditions, Wanted wanted) {
  if (n.kind != lg::JoinKind::kInner) return outer_join(n, std::move(conditions), wanted);
  auto again = std::make_shared<lg::Node>(lg::Node{n});
  kept_.push_back(again);
  return inner_joins(*again, std::move(conditions), wanted);
}

namespace {

/// Whether the condition cannot hold where all columns of the relations are null: then an outer join that makes such rows makes them for
/// nothing.
bool refuses_nulls(const lg::Expr& condition, const Relations& relations) {
  if (const auto* call = std::get_if<lg::Call>(&condition.node)) {
    if (!call->function.function->strict || call->function.spread) return false;
    return std::ranges::any_of(call->args, [&](const ExprPtr& arg) {
      const auto* column = std::get_if<lg::Column>(&arg->node);
      return (column != nullptr && relations.contains(column->id.relation)) || (column == nullptr && refuses_nulls(*arg, relations));
    });
  }
  if (const auto* test = std::get_if<lg::NullTest>(&condition.node)) {
    const auto* column = std::get_if<lg::Column>(&test->arg->node);
    return test->negated && column != nullptr && relations.contains(column->id.relation);
  }
  if (const auto* in = std::get_if<lg::InList>(&condition.node)) {
    const auto* column = std::get_if<lg::Column>(&in->left->node);
    return column != nullptr && relations.contains(column->id.relation);
  }
  return false;
}

}  // namespace

Planned Planner::outer_join(const lg::Join& n, Conditions conditions, Wanted wanted) {
  const auto left_relations = relations_of(*n.left), right_relations = relations_of(*n.right);
  if (n.kind == lg::JoinKind::kLeft &&
      std::ranges::any_of(conditions, [&](const ExprPtr& condition) { return refuses_nulls(*condition, right_relations); })) {
    auto inner = n;
    inner.kind = lg::JoinKind::kInner;
    return join(inner, std::move(conditions), wanted);
  }
  Conditions on, down_left, above;
  split(n.on, on);
  // Conditions from above on the left side alone may be asked before the join, those of ON on the right side alone, too.
  for (auto& condition : conditions) {
    const bool left_only = n.kind == lg::JoinKind::kLeft && !meets(relations_used(*condition), right_relations) && !is_volatile(*condition);
    (left_only ? down_left : above).push_back(std::move(condition));
  }
  Side right{n.right.get(), {}, right_relations, needs_of(*n.right), 0};
  if (n.kind == lg::JoinKind::kLeft)
    std::erase_if(on, [&](const ExprPtr& condition) {
      const bool right_only = !meets(relations_used(*condition), left_relations) && !is_volatile(*condition) &&
                              meets(relations_used(*condition), right_relations);
      if (right_only) right.conditions.push_back(condition);
      return right_only;
    });
  auto left = node(*n.left, std::move(down_left), {wanted.order, 0});
  const auto kind = n.kind == lg::JoinKind::kLeft ? JoinKind::kLeft : JoinKind::kFull;
  return filtered(joined(kind, std::move(left), left_relations, right, std::move(on)), std::move(above));
}

}  // namespace isobar::sql::physical
