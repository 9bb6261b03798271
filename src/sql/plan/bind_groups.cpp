// GROUP BY: the groups, the sets of them, and what may still be named above.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {
namespace {

using Sets = std::vector<std::vector<std::uint32_t>>;
constexpr std::size_t kSetsMost = 4096;

/// GROUP BY a, ROLLUP (b, c): each set of the one with each of the other.
Sets product(const Sets& a, const Sets& b) {
  Sets all;
  for (const auto& x : a)
    for (const auto& y : b) {
      auto both = x;
      for (const auto place : y)
        if (std::ranges::find(both, place) == both.end()) both.push_back(place);
      all.push_back(std::move(both));
    }
  return all;
}

}  // namespace

SqlResult<std::vector<std::uint32_t>> Binder::group_places(const ast::Expr& e, std::vector<Target>& targets, Scope& scope,
                                                           lg::Aggregate& into) {
  // (a, b) stands for both; ROW(a, b) is one value.
  if (const auto* row = std::get_if<ast::RowOf>(&e.node); row != nullptr && !row->spelt) {
    std::vector<std::uint32_t> places;
    for (const auto& element : row->elements) {
      TRY_ASSIGN(const auto some, group_places(*element, targets, scope, into));
      places.insert(places.end(), some.begin(), some.end());
    }
    return places;
  }
  TRY_ASSIGN(const auto meant, target_meant(e, targets, scope));
  Expr value;
  if (meant) {
    TRY_ASSIGN(targets[*meant].value, known(targets[*meant].value));
    value = targets[*meant].value;
    bool aggregates = false, windows = false;
    lg::each_part(*value, [&](const lg::Expr& part) {
      const auto* column = std::get_if<lg::Column>(&part.node);
      if (column == nullptr) return;
      aggregates = aggregates || column->id.relation == scope.select->calls_relation;
      for (const auto& group : scope.select->windows) windows = windows || column->id.relation == group.window.relation;
    });
    if (aggregates) return SqlError(state::kGroupingError, "aggregate functions are not allowed in GROUP BY").at(e.position);
    if (windows) return SqlError(state::kWindowingError, "window functions are not allowed in GROUP BY").at(e.position);
  } else {
    TRY_ASSIGN(auto bound, expr(e, scope));
    TRY_ASSIGN(value, known(std::move(bound)));
  }
  if (auto status = FunctionSet::require_equality(value->type); !status.ok()) return SqlError(status.error()).at(e.position);
  for (std::size_t i = 0; i < into.groups.size(); ++i)
    if (lg::equal(*into.groups[i], *value)) return std::vector{static_cast<std::uint32_t>(i)};
  into.groups.push_back(std::move(value));
  return std::vector{static_cast<std::uint32_t>(into.groups.size() - 1)};
}

SqlStatus Binder::group_item(const ast::GroupItem& item, std::vector<Target>& targets, Scope& scope, lg::Aggregate& into, Sets& sets) {
  using What = ast::GroupItem::What;
  if (item.what == What::kEmpty) return sets.emplace_back(), SqlStatus();
  if (item.what == What::kExpression) {
    TRY_ASSIGN(auto places, group_places(*item.value, targets, scope, into));
    sets.push_back(std::move(places));
    return {};
  }
  Sets parts;
  for (const auto& inner : item.items) TRY(group_item(inner, targets, scope, into, parts));
  if (item.what == What::kSets) {
    sets.insert(sets.end(), parts.begin(), parts.end());
    return {};
  }
  if (item.what == What::kCube && parts.size() > 12) return SqlError("54001", "CUBE is limited to 12 elements").at(item.position);
  const std::size_t count = item.what == What::kRollup ? parts.size() + 1 : std::size_t{1} << parts.size();
  for (std::size_t i = 0; i < count; ++i) {
    Sets one{{}};
    for (std::size_t part = 0; part < parts.size(); ++part) {
      // A rollup has its first parts, all of them first; a cube has each choice.
      const bool in = item.what == What::kRollup ? part < parts.size() - i : ((count - 1 - i) >> (parts.size() - 1 - part) & 1U) != 0;
      if (in) one = product(one, {parts[part]});
    }
    sets.push_back(std::move(one[0]));
  }
  return {};
}

SqlStatus Binder::groups(const ast::SelectCore& core, std::vector<Target>& targets, Scope& scope, lg::Aggregate& into) {
  bool plain = true;
  Sets all{{}};
  for (const auto& item : core.groups) {
    plain = plain && item.what == ast::GroupItem::What::kExpression;
    Sets sets;
    TRY(group_item(item, targets, scope, into, sets));
    all = product(all, sets);
    if (all.size() > kSetsMost) return SqlError(state::kStatementTooComplex, "too many grouping sets present (maximum 4096)");
  }
  if (core.group_distinct) {
    Sets distinct;
    for (auto set : all) {
      std::ranges::sort(set);
      if (std::ranges::find(distinct, set) == distinct.end()) distinct.push_back(std::move(set));
    }
    all = std::move(distinct);
  }
  if (!plain) into.sets = std::move(all);
  return {};
}

/// A column of a table whose primary key is among the groups has one value in each.
bool Binder::depends_on_groups(lg::ColumnId column, const lg::Aggregate& aggregate) const {
  const auto info = infos_.find(column.relation);
  if (info == infos_.end() || info->second.primary_key.empty() || !aggregate.sets.empty()) return false;
  return std::ranges::all_of(info->second.primary_key, [&](std::uint32_t key) {
    return std::ranges::any_of(aggregate.groups, [&](const Expr& group) {
      const auto* plain = std::get_if<lg::Column>(&group->node);
      return plain != nullptr && plain->id == lg::ColumnId{column.relation, key};
    });
  });
}

SqlStatus Binder::grouped_column(const lg::Expr& expr, const Scope& scope, lg::Aggregate& aggregate, bool in_subquery) {
  const auto id = std::get<lg::Column>(expr.node).id;
  if (std::ranges::find(scope.relations, id.relation) == scope.relations.end()) return {};
  const auto is_it = [&](const Expr& group) {
    const auto* plain = std::get_if<lg::Column>(&group->node);
    return plain != nullptr && plain->id == id;
  };
  if (std::ranges::any_of(aggregate.groups, is_it)) return {};
  if (depends_on_groups(id, aggregate)) {
    aggregate.groups.push_back(make_column(id.relation, id.column, expr.type));
    return {};
  }
  const auto info = infos_.find(id.relation);
  const std::string name = info == infos_.end() || id.column >= info->second.columns.size()
                               ? "?column?"
                               : fmt::format("{}.{}", info->second.alias, info->second.columns[id.column]);
  if (in_subquery)
    return SqlError(state::kGroupingError, fmt::format("subquery uses ungrouped column \"{}\" from outer query", name)).at(expr.position);
  return SqlError(state::kGroupingError,
                  fmt::format("column \"{}\" must appear in the GROUP BY clause or be used in an aggregate function", name))
      .at(expr.position);
}

SqlResult<lg::ExprPtr> Binder::regrouped(const Expr& expr, const Scope& scope, lg::Aggregate& aggregate) {
  SqlStatus status;
  const auto check_query = [&](const lg::Subquery& subquery) {
    const auto see = [&](const lg::Expr& part) {
      if (status.ok() && std::holds_alternative<lg::Column>(part.node)) status = grouped_column(part, scope, aggregate, true);
    };
    lg::each_deep_part(*subquery.query->root, see);
  };
  auto made = lg::rewritten(expr, [&](const Expr& part) -> Expr {
    if (!status.ok()) return part;
    if (const auto* bits = std::get_if<lg::GroupingBits>(&part->node)) {
      lg::GroupingBits found{bits->relation, {}, bits->args};
      for (const auto& arg : bits->args) {
        const auto group = std::ranges::find_if(aggregate.groups, [&](const Expr& one) { return lg::equal(*one, *arg); });
        if (group == aggregate.groups.end())
          status = SqlError(state::kGroupingError, "arguments to GROUPING must be grouping expressions of the associated query level")
                       .at(arg->position);
        found.groups.push_back(static_cast<std::uint32_t>(group - aggregate.groups.begin()));
      }
      return make_expr(part->type, std::move(found), part->position);
    }
    for (std::size_t i = 0; i < aggregate.groups.size(); ++i) {
      if (is_constant(part) || !lg::equal(*aggregate.groups[i], *part)) continue;
      if (std::holds_alternative<lg::Column>(part->node)) return part;
      return make_column(aggregate.relation, static_cast<std::uint32_t>(i), part->type, part->position);
    }
    if (std::holds_alternative<lg::Column>(part->node)) {
      status = grouped_column(*part, scope, aggregate, false);
      return part;
    }
    if (const auto* subquery = std::get_if<lg::Subquery>(&part->node)) check_query(*subquery);
    return nullptr;
  });
  if (!status.ok()) return status.error();
  return made;
}

/// All that stands above the aggregate.
SqlStatus Binder::regroup(std::vector<Target>& targets, Expr& having, Scope& scope, lg::Aggregate& aggregate) {
  const auto one = [&](Expr& expr) -> SqlStatus {
    if (expr == nullptr) return {};
    TRY_ASSIGN(expr, regrouped(expr, scope, aggregate));
    return {};
  };
  const auto all = [&](std::vector<Expr>& exprs) -> SqlStatus {
    for (auto& expr : exprs) TRY(one(expr));
    return {};
  };
  for (auto& target : targets) TRY(one(target.value));
  TRY(one(having));
  for (auto& group : scope.select->windows) {
    TRY(all(group.window.partition));
    for (auto& key : group.window.order) TRY(one(key.value));
    for (auto& call : group.window.calls) {
      TRY(all(call.args));
      TRY(one(call.filter));
    }
  }
  for (auto& set : scope.select->sets) {
    TRY(all(set.args));
  }
  return {};
}

}  // namespace isobar::sql
