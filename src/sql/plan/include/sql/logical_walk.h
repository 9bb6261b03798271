#pragma once

/// Ways through trees of expressions and relations.

#include <functional>
#include <type_traits>

#include "sql/logical.h"

namespace isobar::sql::logical {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// Calls see(ExprPtr&) with each expression right below; never with a null one. What is in a subquery's query is not below.
template <class E, class See>
requires std::is_same_v<std::remove_const_t<E>, Expr>
void each_child(E& expr, See&& see) {
  const auto one = [&](auto& child) {
    if (child != nullptr) see(child);
  };
  const auto all = [&](auto& children) {
    for (auto& child : children) one(child);
  };
  std::visit(
      Overloaded{[](auto&) {}, [&](std::conditional_t<std::is_const_v<E>, const Call, Call>& n) { all(n.args); },
                 [&](std::conditional_t<std::is_const_v<E>, const Logical, Logical>& n) { all(n.args); },
                 [&](std::conditional_t<std::is_const_v<E>, const NullTest, NullTest>& n) { one(n.arg); },
                 [&](std::conditional_t<std::is_const_v<E>, const TruthTest, TruthTest>& n) { one(n.arg); },
                 [&](std::conditional_t<std::is_const_v<E>, const Distinct, Distinct>& n) { one(n.left), one(n.right), one(n.equal); },
                 [&](std::conditional_t<std::is_const_v<E>, const NullIf, NullIf>& n) { one(n.value), one(n.equal); },
                 [&](std::conditional_t<std::is_const_v<E>, const Case, Case>& n) {
                   one(n.subject);
                   for (auto& when : n.whens) one(when.condition), one(when.result);
                   one(n.otherwise);
                 },
                 [&](std::conditional_t<std::is_const_v<E>, const Coalesce, Coalesce>& n) { all(n.args); },
                 [&](std::conditional_t<std::is_const_v<E>, const Extreme, Extreme>& n) { all(n.args); },
                 [&](std::conditional_t<std::is_const_v<E>, const InList, InList>& n) { one(n.left), all(n.items); },
                 [&](std::conditional_t<std::is_const_v<E>, const ArrayTest, ArrayTest>& n) { one(n.left), one(n.array); },
                 [&](std::conditional_t<std::is_const_v<E>, const ArrayOf, ArrayOf>& n) { all(n.elements); },
                 [&](std::conditional_t<std::is_const_v<E>, const RowOf, RowOf>& n) { all(n.elements); },
                 [&](std::conditional_t<std::is_const_v<E>, const Field, Field>& n) { one(n.arg); },
                 [&](std::conditional_t<std::is_const_v<E>, const Element, Element>& n) {
                   one(n.arg);
                   for (auto& subscript : n.subscripts) one(subscript.low), one(subscript.high);
                 },
                 [&](std::conditional_t<std::is_const_v<E>, const Subquery, Subquery>& n) { one(n.test); },
                 [&](std::conditional_t<std::is_const_v<E>, const SequenceCall, SequenceCall>& n) { all(n.args); }},
      expr.node);
}

/// Calls see(const ExprPtr&) with each expression that the node itself holds.
template <class See>
void each_expr(const Node& node, See&& see) {
  const auto one = [&](const ExprPtr& expr) {
    if (expr != nullptr) see(expr);
  };
  const auto all = [&](const std::vector<ExprPtr>& exprs) {
    for (const auto& expr : exprs) one(expr);
  };
  const auto keys = [&](const std::vector<SortKey>& sort) {
    for (const auto& key : sort) one(key.value);
  };
  const auto functions = [&](const std::vector<TableFunction>& of) {
    for (const auto& function : of) {
      all(function.args);
      if (const auto* expr = std::get_if<ExprPtr>(&function.what)) one(*expr);
    }
  };
  std::visit(Overloaded{[](const auto&) {},
                        [&](const Values& n) {
                          for (const auto& row : n.rows) all(row);
                        },
                        [&](const FunctionScan& n) { functions(n.functions); }, [&](const Join& n) { one(n.on); },
                        [&](const Filter& n) { one(n.condition); },
                        [&](const Aggregate& n) {
                          all(n.groups);
                          for (const auto& call : n.calls) all(call.direct), all(call.args), keys(call.order), one(call.filter);
                        },
                        [&](const Window& n) {
                          all(n.partition), keys(n.order), one(n.frame.start_offset), one(n.frame.end_offset);
                          for (const auto& call : n.calls) all(call.args), one(call.filter);
                        },
                        [&](const ProjectSet& n) { functions(n.functions); }, [&](const Project& n) { all(n.values); },
                        [&](const DistinctOn& n) { all(n.keys); }, [&](const Sort& n) { keys(n.keys); },
                        [&](const Limit& n) { one(n.limit), one(n.offset), keys(n.with_ties); }},
             node.node);
}

/// Calls see(const Node&) with each relation right below, those of queries in FROM included.
template <class See>
void each_input(const Node& node, See&& see) {
  std::visit(
      Overloaded{[](const auto&) {}, [&](const Join& n) { see(*n.left), see(*n.right); }, [&](const Filter& n) { see(*n.input); },
                 [&](const Aggregate& n) { see(*n.input); }, [&](const Window& n) { see(*n.input); },
                 [&](const ProjectSet& n) { see(*n.input); }, [&](const Project& n) { see(*n.input); },
                 [&](const DistinctOn& n) { see(*n.input); }, [&](const Sort& n) { see(*n.input); }, [&](const Limit& n) { see(*n.input); },
                 [&](const SetOperation& n) { see(*n.left->root), see(*n.right->root); }, [&](const Derived& n) { see(*n.query->root); }},
      node.node);
}

/// Calls `see` with each column that is named, those within subqueries included.
void each_column(const Expr& expr, const std::function<void(ColumnId)>& see);
void each_column(const Node& node, const std::function<void(ColumnId)>& see);
/// The columns that come from outside: not made by subqueries in it, nor the subjects of its CASEs.
std::vector<ColumnId> free_columns(const Expr& expr);
std::vector<ColumnId> free_columns(const Node& node);
/// Calls `see` with each relation that the node, or one below it, makes; what is in subqueries of expressions not.
void each_relation(const Node& node, const std::function<void(std::uint32_t)>& see);
/// Calls `see` with `expr` and each expression below it; subqueries' queries are not entered.
void each_part(const Expr& expr, const std::function<void(const Expr&)>& see);
/// The same of all expressions of a relation and those below it, subqueries' queries included.
void each_deep_part(const Node& node, const std::function<void(const Expr&)>& see);
/// Makes a copy whose parts are replaced: `replace` returns none where it has nothing to say.
ExprPtr rewritten(const ExprPtr& expr, const std::function<ExprPtr(const ExprPtr&)>& replace);

}  // namespace isobar::sql::logical
