// Conditions are carried down towards the tables as far as they may go; wishes for an order go with them. What a relation is when it comes
// back is settled on the way up.

#include "planner.h"

#include <algorithm>
#include <cmath>

#include "binder.h"

namespace isobar::sql::physical {

Relations relations_of(const lg::Node& node) {
  Relations all;
  lg::each_relation(node, [&](std::uint32_t relation) { all.insert(relation); });
  // A group that is a plain column keeps its relation's name.
  return all;
}
Relations relations_used(const lg::Expr& expr) {
  Relations all;
  lg::each_column(expr, [&](ColumnId id) { all.insert(id.relation); });
  return all;
}
Relations relations_used(const lg::Node& node) {
  Relations all;
  lg::each_column(node, [&](ColumnId id) { all.insert(id.relation); });
  return all;
}
bool within(const Relations& some, const Relations& all) { return std::ranges::includes(all, some); }
bool meets(const Relations& a, const Relations& b) {
  return std::ranges::any_of(a, [&](std::uint32_t one) { return b.contains(one); });
}

void split(const ExprPtr& condition, Conditions& into) {
  if (condition == nullptr) return;
  if (const auto* logical = std::get_if<lg::Logical>(&condition->node); logical != nullptr && logical->what == lg::Logic::kAnd) {
    for (const auto& arg : logical->args) split(arg, into);
    return;
  }
  if (const auto* constant = std::get_if<lg::Constant>(&condition->node);
      constant != nullptr && !constant->value.is_null() && constant->value.boolean())
    return;
  into.push_back(condition);
}

ExprPtr together(Conditions conditions) { return conditions.empty() ? nullptr : conjunction(std::move(conditions)); }

bool is_volatile(const lg::Expr& expr) {
  bool found = false;
  const auto see = [&](const lg::Expr& part) {
    if (const auto* call = std::get_if<lg::Call>(&part.node)) found = found || call->function.function->volatility == Volatility::kVolatile;
    found = found || std::holds_alternative<lg::SequenceCall>(part.node);
  };
  lg::each_part(expr, [&](const lg::Expr& part) {
    see(part);
    if (const auto* subquery = std::get_if<lg::Subquery>(&part.node)) lg::each_deep_part(*subquery->query->root, see);
  });
  return found;
}

bool has_subquery(const lg::Expr& expr) {
  bool found = false;
  lg::each_part(expr, [&](const lg::Expr& part) { found = found || std::holds_alternative<lg::Subquery>(part.node); });
  return found;
}

namespace {

template <class T>
NodePtr make(T node, double rows, double cost) {
  return std::make_shared<Node>(Node{std::move(node), std::max(rows, 1.0), cost});
}

/// `condition` over the values that columns of `relation` stand for; none: one of them should not be computed twice, or further down.
ExprPtr substituted(const ExprPtr& condition, std::uint32_t relation, const std::vector<ExprPtr>& values) {
  bool possible = !has_subquery(*condition);
  auto made = lg::rewritten(condition, [&](const ExprPtr& part) -> ExprPtr {
    const auto* column = std::get_if<lg::Column>(&part->node);
    if (column == nullptr || column->id.relation != relation) return nullptr;
    const auto& value = values[column->id.column];
    possible = possible && !is_volatile(*value) && !has_subquery(*value);
    return value;
  });
  return possible ? made : nullptr;
}

/// Sort keys over the values that columns of `relation` stand for.
std::vector<SortKey> substituted(std::span<const SortKey> order, std::uint32_t relation, const std::vector<ExprPtr>& values) {
  std::vector<SortKey> keys;
  for (const auto& key : order) {
    auto value = substituted(key.value, relation, values);
    if (value == nullptr) return {};
    keys.push_back({std::move(value), key.descending, key.nulls_first});
  }
  return keys;
}

}  // namespace

Planned Planner::filtered(Planned input, Conditions conditions) {
  if (conditions.empty()) return input;
  plan_subqueries(conditions);
  double rows = input.node->rows;
  for (const auto& condition : conditions) rows *= selectivity(*condition);
  const double cost = input.node->cost + input.node->rows * 0.1;
  return {make(Filter{std::move(input.node), together(std::move(conditions)), false}, rows, cost), input.ordered};
}

Planned Planner::node(const lg::Node& at, Conditions conditions, Wanted wanted) {
  return std::visit(
      lg::Overloaded{
          [&](const lg::Scan& n) { return scan(n, std::move(conditions), wanted, outside_); },
          [&](const lg::Values& n) {
            for (const auto& row : n.rows) plan_subqueries(row);
            const auto rows = static_cast<double>(n.rows.size());
            return filtered({make(Values{n}, rows, rows * 0.01), false}, std::move(conditions));
          },
          [&](const lg::FunctionScan& n) {
            for (const auto& function : n.functions) {
              plan_subqueries(function.args);
              if (const auto* expr = std::get_if<ExprPtr>(&function.what)) plan_subqueries(**expr);
            }
            return filtered({make(FunctionScan{n}, 100, 100), false}, std::move(conditions));
          },
          [&](const lg::CteScan& n) { return cte_scan(n, std::move(conditions), wanted); },
          [&](const lg::Join& n) { return join(n, std::move(conditions), wanted); },
          [&](const lg::Filter& n) {
            // Where there are semi joins to be made the joins see to all of it.
            split(n.condition, conditions);
            return inner_joins(*n.input, std::move(conditions), wanted);
          },
          [&](const lg::Aggregate& n) { return aggregate(n, std::move(conditions)); },
          [&](const lg::Window& n) { return window(n, std::move(conditions)); },
          [&](const lg::ProjectSet& n) {
            auto input = node(*n.input, {}, {});
            for (const auto& function : n.functions) plan_subqueries(function.args);
            const double rows = input.node->rows * 10, cost = input.node->cost + rows;
            auto sets = n;
            sets.input = nullptr;
            return filtered({make(ProjectSet{std::move(sets), std::move(input.node)}, rows, cost), false}, std::move(conditions));
          },
          [&](const lg::Project& n) { return project(n, std::move(conditions), wanted); },
          [&](const lg::DistinctOn& n) { return distinct(n, std::move(conditions), wanted); },
          [&](const lg::Sort& n) { return sort(n, std::move(conditions), wanted, nullptr); },
          [&](const lg::Limit& n) { return limit(n, std::move(conditions), wanted); },
          [&](const lg::SetOperation& n) { return set_operation(n, std::move(conditions)); },
          [&](const lg::Derived& n) { return query(*n.query, std::move(conditions), wanted, n.alias); }},
      at.node);
}

Planned Planner::query(const lg::Query& q, Conditions conditions, Wanted wanted, const std::string& alias) {
  auto planned = node(*q.root, std::move(conditions), wanted);
  if (q.ctes.empty() && alias.empty()) return planned;
  bool defines = false;
  for (const auto cte : q.ctes) defines = defines || !plan_.ctes[cte].inlined;
  if (!defines && alias.empty()) return planned;
  const double rows = planned.node->rows, cost = planned.node->cost;
  return {make(Define{std::move(planned.node), q.ctes, alias}, rows, cost), planned.ordered};
}

Planned Planner::project(const lg::Project& n, Conditions conditions, Wanted wanted) {
  Conditions down, here;
  for (auto& condition : conditions) {
    auto below = substituted(condition, n.relation, n.values);
    if (below != nullptr) split(below, down);
    else here.push_back(std::move(condition));
  }
  const auto order = substituted(wanted.order, n.relation, n.values);
  auto input = node(*n.input, std::move(down), {order, here.empty() ? wanted.rows : 0});
  plan_subqueries(n.values);
  const double rows = input.node->rows, cost = input.node->cost + rows * 0.02 * static_cast<double>(n.values.size());
  const bool ordered = input.ordered && order.size() == wanted.order.size();
  return filtered({make(Project{n.relation, std::move(input.node), n.values}, rows, cost), ordered}, std::move(here));
}

namespace {

std::optional<std::uint64_t> known_count(const ExprPtr& expr) {
  if (expr == nullptr) return 0;
  const auto* constant = std::get_if<lg::Constant>(&expr->node);
  if (constant == nullptr || constant->value.is_null() || constant->value.integer() < 0) return std::nullopt;
  return static_cast<std::uint64_t>(constant->value.integer());
}

}  // namespace

Planned Planner::sort(const lg::Sort& n, Conditions conditions, Wanted wanted, const lg::Limit* limit) {
  const auto first = limit == nullptr ? std::optional<std::uint64_t>(0) : known_count(limit->limit);
  const auto skipped = limit == nullptr ? std::optional<std::uint64_t>(0) : known_count(limit->offset);
  const std::uint64_t rows_wanted = limit != nullptr && first && skipped ? *first + *skipped : 0;
  auto input = node(*n.input, std::move(conditions), {n.keys, rows_wanted});
  static_cast<void>(wanted);
  if (input.ordered) return {std::move(input.node), true};
  const double rows = input.node->rows;
  const double kept = rows_wanted > 0 ? std::min(rows, static_cast<double>(rows_wanted)) : rows;
  const double cost = input.node->cost + rows * std::log2(kept + 2) * 0.05;
  Sort made{std::move(input.node), n.keys, nullptr, nullptr};
  if (limit != nullptr && limit->with_ties.empty()) made.limit = limit->limit, made.offset = limit->offset;
  return {make(std::move(made), rows, cost), true};
}

Planned Planner::limit(const lg::Limit& n, Conditions conditions, Wanted wanted) {
  Planned input;
  if (n.limit != nullptr) plan_subqueries(*n.limit);
  if (n.offset != nullptr) plan_subqueries(*n.offset);
  if (const auto* below = std::get_if<lg::Sort>(&n.input->node)) {
    input = sort(*below, {}, wanted, &n);
  } else {
    const auto first = known_count(n.limit), skipped = known_count(n.offset);
    input = node(*n.input, {}, {{}, first && skipped && n.limit != nullptr ? *first + *skipped : 0});
  }
  const auto first = known_count(n.limit);
  const double part = n.limit != nullptr && first ? std::min(1.0, static_cast<double>(*first) / input.node->rows) : 1;
  const double rows = input.node->rows * part, cost = input.node->cost * part;
  return filtered({make(Limit{std::move(input.node), n.limit, n.offset, n.with_ties}, rows, cost), input.ordered}, std::move(conditions));
}

namespace {

/// Whether the condition names groups alone, and names them as the rows below do.
ExprPtr below_groups(const ExprPtr& condition, const lg::Aggregate& n) {
  if (has_subquery(*condition) || !n.sets.empty() || n.groups.empty()) return nullptr;
  bool possible = true;
  auto made = lg::rewritten(condition, [&](const ExprPtr& part) -> ExprPtr {
    const auto* column = std::get_if<lg::Column>(&part->node);
    if (column == nullptr) return nullptr;
    if (column->id.relation == n.calls_relation) possible = false;
    if (column->id.relation != n.relation) return nullptr;
    const auto& group = n.groups[column->id.column];
    possible = possible && !is_volatile(*group) && !has_subquery(*group);
    return group;
  });
  return possible && !is_volatile(*condition) ? made : nullptr;
}

}  // namespace

Planned Planner::aggregate(const lg::Aggregate& n, Conditions conditions) {
  Conditions down, here;
  for (auto& condition : conditions) {
    if (auto below = below_groups(condition, n)) split(below, down);
    else here.push_back(std::move(condition));
  }
  for (const auto& group : n.groups) plan_subqueries(*group);
  for (const auto& call : n.calls) {
    plan_subqueries(call.args);
    plan_subqueries(call.direct);
    if (call.filter != nullptr) plan_subqueries(*call.filter);
    for (const auto& key : call.order) plan_subqueries(*key.value);
  }
  if (auto extreme = extreme_by_index(n)) return filtered(std::move(*extreme), std::move(here));
  auto input = node(*n.input, std::move(down), {});
  double rows = 1;
  for (const auto& group : n.groups) rows *= distinct_values(*group);
  rows = std::min(rows, std::max(1.0, input.node->rows * 0.9));
  const double cost = input.node->cost + input.node->rows * 0.1 * static_cast<double>(n.calls.size() + n.groups.size() + 1);
  auto made = n;
  made.input = nullptr;
  return filtered({make(Aggregate{std::move(made), std::move(input.node)}, rows, cost), false}, std::move(here));
}

/// min(x) and max(x) of a whole table are the first or last entry of an index on x that is not null.
std::optional<Planned> Planner::extreme_by_index(const lg::Aggregate& n) {
  if (!n.groups.empty() || !n.sets.empty() || n.calls.size() != 1) return std::nullopt;
  const auto& call = n.calls[0];
  const auto& name = call.function.aggregate->name;
  if ((name != "min" && name != "max") || call.args.size() != 1 || call.filter != nullptr || !call.order.empty()) return std::nullopt;
  const auto* column = std::get_if<lg::Column>(&call.args[0]->node);
  const lg::Node* below = n.input.get();
  Conditions conditions;
  while (const auto* filter = std::get_if<lg::Filter>(&below->node)) split(filter->condition, conditions), below = filter->input.get();
  const auto* scan = std::get_if<lg::Scan>(&below->node);
  if (column == nullptr || scan == nullptr || column->id.relation != scan->relation) return std::nullopt;
  for (const auto& condition : conditions)
    if (has_subquery(*condition)) return std::nullopt;
  conditions.push_back(make_expr(type_of(Kind::kBool), lg::NullTest{true, call.args[0]}));
  const std::vector<SortKey> order{{call.args[0], name == "max", name == "max"}};
  auto input = this->scan(*scan, std::move(conditions), {order, 1}, outside_);
  if (!input.ordered) return std::nullopt;
  const double cost = input.node->cost / std::max(1.0, input.node->rows);
  const auto one = make_constant(type_of(Kind::kInt8), Value(std::int64_t{1}));
  auto first = make(Limit{std::move(input.node), one, nullptr, {}}, 1, cost);
  auto made = n;
  made.input = nullptr;
  return Planned{make(Aggregate{std::move(made), std::move(first)}, 1, cost + 0.1), false};
}

Planned Planner::window(const lg::Window& n, Conditions conditions) {
  // What is about whole partitions may go below.
  Conditions down, here;
  for (auto& condition : conditions) {
    bool whole = !has_subquery(*condition) && !is_volatile(*condition) && !n.partition.empty();
    lg::each_column(*condition, [&](ColumnId id) {
      whole = whole && std::ranges::any_of(n.partition, [&](const ExprPtr& key) {
                const auto* plain = std::get_if<lg::Column>(&key->node);
                return plain != nullptr && plain->id == id;
              });
    });
    (whole ? down : here).push_back(std::move(condition));
  }
  auto input = node(*n.input, std::move(down), {});
  plan_subqueries(n.partition);
  for (const auto& call : n.calls) plan_subqueries(call.args);
  const double rows = input.node->rows, cost = input.node->cost + rows * std::log2(rows + 2) * 0.1;
  auto made = n;
  made.input = nullptr;
  return filtered({make(Window{std::move(made), std::move(input.node)}, rows, cost), false}, std::move(here));
}

Planned Planner::distinct(const lg::DistinctOn& n, Conditions conditions, Wanted wanted) {
  Conditions down, here;
  for (auto& condition : conditions) {
    bool keys = !has_subquery(*condition) && !is_volatile(*condition);
    lg::each_column(*condition, [&](ColumnId id) {
      keys = keys && std::ranges::any_of(n.keys, [&](const ExprPtr& key) { return std::get<lg::Column>(key->node).id == id; });
    });
    (keys ? down : here).push_back(std::move(condition));
  }
  auto input = node(*n.input, std::move(down), {wanted.order, 0});
  const double rows = input.node->rows * 0.5, cost = input.node->cost + input.node->rows * 0.2;
  return filtered({make(Unique{std::move(input.node), n.keys, false}, rows, cost), input.ordered}, std::move(here));
}

Planned Planner::set_operation(const lg::SetOperation& n, Conditions conditions) {
  Conditions left, right, here;
  for (auto& condition : conditions) {
    const auto over = [&](std::uint32_t output) {
      std::vector<ExprPtr> columns;
      for (std::size_t i = 0; i < n.types.size(); ++i) columns.push_back(make_column(output, static_cast<std::uint32_t>(i), n.types[i]));
      return is_volatile(*condition) ? nullptr : substituted(condition, n.relation, columns);
    };
    auto a = over(n.left->output), b = over(n.right->output);
    if (a != nullptr && b != nullptr) left.push_back(std::move(a)), right.push_back(std::move(b));
    else here.push_back(std::move(condition));
  }
  auto first = query(*n.left, std::move(left), {});
  auto second = query(*n.right, std::move(right), {});
  const double both = first.node->rows + second.node->rows;
  const double rows = n.op == lg::SetOp::kUnion ? (n.all ? both : both * 0.7) : first.node->rows * 0.5;
  const double cost = first.node->cost + second.node->cost + both * (n.all && n.op == lg::SetOp::kUnion ? 0.01 : 0.2);
  return filtered(
      {make(SetOperation{n.relation, n.op, n.all, n.types, std::move(first.node), std::move(second.node), n.left->output, n.right->output},
            rows, cost),
       false},
      std::move(here));
}

Planned Planner::cte_scan(const lg::CteScan& n, Conditions conditions, Wanted wanted) {
  const auto& cte = plan_.statement.ctes[n.cte];
  if (plan_.ctes[n.cte].inlined) {
    const auto& body = *std::get<lg::QueryPtr>(cte.query);
    std::vector<ExprPtr> columns;
    for (std::size_t i = 0; i < cte.types.size(); ++i)
      columns.push_back(make_column(body.output, static_cast<std::uint32_t>(i), cte.types[i]));
    Conditions down, here;
    for (auto& condition : conditions) {
      auto below = substituted(condition, n.relation, columns);
      if (below != nullptr) down.push_back(std::move(below));
      else here.push_back(std::move(condition));
    }
    const auto order = substituted(wanted.order, n.relation, columns);
    auto input = query(body, std::move(down), {order, 0});
    const double rows = input.node->rows, cost = input.node->cost;
    const bool ordered = input.ordered && order.size() == wanted.order.size();
    return filtered({make(Rename{std::move(input.node), n.relation, body.output, n.alias}, rows, cost), ordered}, std::move(here));
  }
  const double rows = n.working ? 10 : plan_.ctes[n.cte].root != nullptr ? plan_.ctes[n.cte].root->rows : 100;
  return filtered({make(CteScan{n}, rows, rows * 0.05), false}, std::move(conditions));
}

namespace {

/// A CTE that is named once, reads only, and has nothing that must run once is planned where it is named, as PostgreSQL does.
bool may_be_inlined(const lg::Cte& cte) {
  const auto* query = std::get_if<lg::QueryPtr>(&cte.query);
  if (query == nullptr || cte.step != nullptr || cte.materialized == true) return false;
  if (cte.references != 1) return false;
  bool fixed = false;
  lg::each_deep_part(*(*query)->root, [&](const lg::Expr& part) {
    if (const auto* call = std::get_if<lg::Call>(&part.node)) fixed = fixed || call->function.function->volatility == Volatility::kVolatile;
    fixed = fixed || std::holds_alternative<lg::SequenceCall>(part.node);
  });
  return !fixed;
}

}  // namespace

SqlResult<Plan> Planner::run() {
  auto& statement = plan_.statement;
  plan_.ctes.resize(statement.ctes.size());
  for (std::size_t i = 0; i < statement.ctes.size(); ++i) plan_.ctes[i].inlined = may_be_inlined(statement.ctes[i]);
  const auto modify = [&](const lg::Modify& m) {
    auto planned = query(*m.source, {}, {});
    plan_subqueries(m.values);
    plan_subqueries(m.returning);
    for (const auto& [place, value] : m.generated) plan_subqueries(*value);
    for (const auto& check : m.checks) plan_subqueries(*check.condition);
    if (m.conflict) {
      plan_subqueries(m.conflict->values);
      if (m.conflict->where != nullptr) plan_subqueries(*m.conflict->where);
    }
    return std::move(planned.node);
  };
  for (std::size_t i = 0; i < statement.ctes.size(); ++i) {
    if (plan_.ctes[i].inlined) continue;
    if (const auto* m = std::get_if<lg::ModifyPtr>(&statement.ctes[i].query)) {
      plan_.ctes[i].root = modify(**m);
      continue;
    }
    const auto& body = *std::get<lg::QueryPtr>(statement.ctes[i].query);
    plan_.ctes[i].output = body.output;
    plan_.ctes[i].root = query(body, {}, {}).node;
    if (const auto& step = statement.ctes[i].step) {
      plan_.ctes[i].step_output = step->output;
      plan_.ctes[i].step = query(*step, {}, {}).node;
    }
  }
  if (const auto* m = std::get_if<lg::ModifyPtr>(&statement.what)) plan_.root = modify(**m);
  else plan_.root = query(*std::get<lg::QueryPtr>(statement.what), {}, {}).node;
  return std::move(plan_);
}

SqlResult<Plan> plan(lg::Statement statement, const FunctionSet& functions) { return Planner(std::move(statement), functions).run(); }

}  // namespace isobar::sql::physical
