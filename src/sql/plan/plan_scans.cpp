// Which index of a table, and which part of it: equalities on its first columns, a list or a range on the next one, and whether its order
// is the one that is wanted.

#include <algorithm>
#include <cmath>

#include "binder.h"
#include "planner.h"

namespace isobar::sql::physical {
namespace {

bool is_integer(Kind kind) { return kind == Kind::kInt2 || kind == Kind::kInt4 || kind == Kind::kInt8; }

/// `column OP value`, where the value is there before the scan begins, and both are ordered as the column is.
struct Comparison {
  std::uint32_t column = 0;
  std::string_view sign;
  ExprPtr value;
};

bool comparable(const BoundFunction& function) {
  if (function.arguments.size() != 2) return false;
  const auto a = function.arguments[0], b = function.arguments[1];
  return a == b || (is_integer(a.kind) && is_integer(b.kind));
}

std::string_view turned(std::string_view sign) {
  if (sign == "<") return ">";
  if (sign == "<=") return ">=";
  if (sign == ">") return "<";
  return sign == ">=" ? "<=" : sign;
}

std::optional<std::uint32_t> column_of(const ExprPtr& expr, std::uint32_t relation) {
  const auto* column = std::get_if<lg::Column>(&expr->node);
  return column != nullptr && column->id.relation == relation && column->id.column != lg::kRowKeyColumn ? std::optional(column->id.column)
                                                                                                        : std::nullopt;
}
bool free_of(const ExprPtr& expr, std::uint32_t relation) {
  return !relations_used(*expr).contains(relation) && !is_volatile(*expr) && !has_subquery(*expr);
}

/// The text that everything which `column LIKE pattern` lets through begins with; empty: nothing is known.
std::string like_prefix(const ExprPtr& condition, std::uint32_t relation, std::uint32_t column) {
  const auto* call = std::get_if<lg::Call>(&condition->node);
  if (call == nullptr || call->args.size() != 2 || call->function.function->name != "~~") return {};
  const auto* pattern = std::get_if<lg::Constant>(&call->args[1]->node);
  const bool text = call->function.arguments[0].kind == Kind::kText;
  if (!text || pattern == nullptr || pattern->value.is_null() || column_of(call->args[0], relation) != column) return {};
  return pattern->value.text().substr(0, pattern->value.text().find_first_of("%_\\"));
}
/// The least text behind all that begin with `prefix`; none: there is none. Texts are in the order of their bytes.
std::optional<std::string> behind(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) >= 0x7f) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  ++prefix.back();
  return prefix;
}

std::optional<Comparison> comparison_of(const ExprPtr& condition, std::uint32_t relation) {
  const auto* call = std::get_if<lg::Call>(&condition->node);
  if (call == nullptr || call->args.size() != 2 || !comparable(call->function)) return std::nullopt;
  const std::string_view sign = call->function.function->name;
  if (sign != "=" && sign != "<" && sign != "<=" && sign != ">" && sign != ">=") return std::nullopt;
  if (const auto column = column_of(call->args[0], relation); column && free_of(call->args[1], relation))
    return Comparison{*column, sign, call->args[1]};
  if (const auto column = column_of(call->args[1], relation); column && free_of(call->args[0], relation))
    return Comparison{*column, turned(sign), call->args[0]};
  return std::nullopt;
}

}  // namespace

void Planner::match_order(const lg::Scan& n, const Index& index, Wanted wanted, IndexMatch& into) {
  if (wanted.order.empty() || !into.any_of.empty() || into.any_array != nullptr) return;
  std::size_t at = 0;
  std::optional<bool> backward;
  for (const auto& key : wanted.order) {
    const auto column = column_of(key.value, n.relation);
    if (!column) return;
    // A column that equals a value is in every order.
    const auto fixed = std::find(index.columns.begin(), index.columns.begin() + static_cast<std::ptrdiff_t>(into.equalities), *column);
    if (fixed != index.columns.begin() + static_cast<std::ptrdiff_t>(into.equalities)) continue;
    at = std::max(at, into.equalities);
    if (at >= index.columns.size() || index.columns[at] != *column) return;
    if (key.nulls_first != key.descending && !n.table->columns[*column].not_null) return;
    const bool against = key.descending != (at < index.descending.size() && index.descending[at]);
    if (backward && *backward != against) return;
    backward = against;
    ++at;
  }
  into.ordered = true;
  into.backward = backward.value_or(false);
}

Planner::IndexMatch Planner::match(const lg::Scan& n, const Index& index, const Conditions& conditions, Wanted wanted) {
  IndexMatch found;
  found.index = &index;
  found.rows = std::max(1.0, n.table->rows_estimated);
  const auto find_equality = [&](std::uint32_t column) -> ExprPtr {
    for (const auto& condition : conditions) {
      const auto comparison = comparison_of(condition, n.relation);
      if (!comparison || comparison->column != column || comparison->sign != "=") continue;
      found.used.push_back(condition);
      return comparison->value;
    }
    return nullptr;
  };
  std::size_t at = 0;
  for (; at < index.columns.size(); ++at) {
    auto value = find_equality(index.columns[at]);
    if (value == nullptr) break;
    found.range.equal.push_back(std::move(value));
  }
  found.equalities = at;
  found.unique = index.unique && at == index.columns.size();
  found.rows = found.unique ? 1 : found.rows * std::pow(0.02, static_cast<double>(at));
  if (at == index.columns.size()) return match_order(n, index, wanted, found), found;
  for (const auto& condition : conditions) {
    const auto comparison = comparison_of(condition, n.relation);
    if (!comparison || comparison->column != index.columns[at] || comparison->sign == "=") continue;
    auto& edges = comparison->sign[0] == '>' ? found.range.low : found.range.high;
    edges.push_back({comparison->value, comparison->sign.size() == 2});
    found.used.push_back(condition);
  }
  const auto& type = n.table->columns[index.columns[at]].type;
  for (const auto& condition : conditions) {
    const auto prefix = like_prefix(condition, n.relation, index.columns[at]);
    const auto end = behind(prefix);
    if (prefix.empty() || !end) continue;
    // The condition is asked besides: the range is only what may hold.
    found.range.low.push_back({make_constant({type.kind}, Value(prefix)), true});
    found.range.high.push_back({make_constant({type.kind}, Value(*end)), false});
    found.narrowed = true;
  }
  if (!found.range.low.empty()) found.rows *= 0.3;
  if (!found.range.high.empty()) found.rows *= 0.3;
  if (found.range.low.empty() && found.range.high.empty())
    for (const auto& condition : conditions) {
      const auto* in = std::get_if<lg::InList>(&condition->node);
      const auto* any = std::get_if<lg::ArrayTest>(&condition->node);
      if (in != nullptr && !in->negated && comparable(in->equal) && column_of(in->left, n.relation) == index.columns[at] &&
          std::ranges::all_of(in->items, [&](const ExprPtr& item) { return free_of(item, n.relation); })) {
        found.any_of = in->items;
        found.rows = std::min(
            found.rows, (index.unique && at + 1 == index.columns.size() ? 1 : found.rows * 0.02) * static_cast<double>(in->items.size()));
      } else if (any != nullptr && !any->all && any->function.function->name == "=" && comparable(any->function) &&
                 column_of(any->left, n.relation) == index.columns[at] && free_of(any->array, n.relation)) {
        found.any_array = any->array;
        found.rows = std::min(found.rows, 10 * (index.unique && at + 1 == index.columns.size() ? 1 : found.rows * 0.02));
      } else {
        continue;
      }
      found.used.push_back(condition);
      break;
    }
  match_order(n, index, wanted, found);
  return found;
}

Planned Planner::scan(const lg::Scan& n, Conditions conditions, Wanted wanted, const Relations&) {
  scans_[n.relation] = &n;
  plan_subqueries(conditions);
  const double all = std::max(1.0, n.table->rows_estimated);
  double rows = all;
  for (const auto& condition : conditions) rows *= selectivity(*condition);
  // An entry of an index costs a look at its row besides.
  std::optional<IndexMatch> best;
  double best_cost = all * (wanted.order.empty() ? 1 : 1 + 0.05 * std::log2(all + 2));
  for (const auto& index : n.table->indexes) {
    auto found = match(n, index, conditions, wanted);
    if (found.used.empty() && !found.ordered && !found.narrowed) continue;
    double cost = 2 + found.rows * (index.primary ? 1.0 : 1.5);
    if (found.ordered && wanted.rows > 0)
      cost = std::min(cost, 2 + static_cast<double>(wanted.rows) / std::max(0.001, rows / found.rows) * 1.5);
    if (!found.ordered && !wanted.order.empty()) cost += found.rows * 0.05 * std::log2(found.rows + 2);
    if (cost < best_cost || (cost == best_cost && index.primary)) best = std::move(found), best_cost = cost;
  }
  Scan made;
  made.relation = n.relation, made.table = n.table, made.alias = n.alias, made.for_update = n.for_update;
  bool ordered = false;
  if (best) {
    made.index = best->index;
    made.range = std::move(best->range), made.any_of = std::move(best->any_of), made.any_array = std::move(best->any_array);
    made.index_conditions = best->used;
    made.backward = best->backward;
    ordered = best->ordered;
    if (best->unique) rows = std::min(rows, 1.0);
    std::erase_if(conditions, [&](const ExprPtr& condition) { return std::ranges::find(best->used, condition) != best->used.end(); });
  }
  if (conditions.empty() && (ordered || wanted.order.empty())) made.rows_most = wanted.rows;
  made.filter = together(std::move(conditions));
  return {std::make_shared<Node>(Node{std::move(made), std::max(1.0, rows), best_cost}), ordered};
}

double Planner::distinct_values(const lg::Expr& expr) const {
  const auto* column = std::get_if<lg::Column>(&expr.node);
  const auto scan = column == nullptr ? scans_.end() : scans_.find(column->id.relation);
  if (scan == scans_.end()) return expr.type.kind == Kind::kBool ? 2 : 200;
  const auto& table = *scan->second->table;
  for (const auto& index : table.indexes)
    if (index.unique && index.columns.size() == 1 && index.columns[0] == column->id.column) return std::max(1.0, table.rows_estimated);
  return expr.type.kind == Kind::kBool ? 2 : std::max(1.0, std::min(200.0, table.rows_estimated * 0.2));
}

double Planner::selectivity(const lg::Expr& condition) const {
  if (const auto* logical = std::get_if<lg::Logical>(&condition.node)) {
    double part = logical->what == lg::Logic::kAnd ? 1 : 0;
    for (const auto& arg : logical->args) {
      const double one = selectivity(*arg);
      if (logical->what == lg::Logic::kAnd) part *= one;
      else if (logical->what == lg::Logic::kOr) part = part + one - part * one;
      else part = 1 - one;
    }
    return std::clamp(part, 0.0001, 1.0);
  }
  if (const auto* call = std::get_if<lg::Call>(&condition.node); call != nullptr && call->args.size() == 2) {
    const std::string_view sign = call->function.function->name;
    if (sign == "=") return 1 / std::max(distinct_values(*call->args[0]), distinct_values(*call->args[1]));
    return sign == "<>" ? 0.95 : 0.33;
  }
  if (const auto* in = std::get_if<lg::InList>(&condition.node))
    return in->negated ? 0.9 : std::min(1.0, static_cast<double>(in->items.size()) / distinct_values(*in->left));
  if (const auto* test = std::get_if<lg::NullTest>(&condition.node)) return test->negated ? 0.99 : 0.01;
  return 0.5;
}

}  // namespace isobar::sql::physical
