#include "sql/logical.h"

#include <algorithm>

#include "sql/logical_walk.h"

namespace isobar::sql::logical {
namespace {

bool same(const ExprPtr& a, const ExprPtr& b) { return a == b || (a != nullptr && b != nullptr && equal(*a, *b)); }
bool same(const std::vector<ExprPtr>& a, const std::vector<ExprPtr>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return same(x, y); });
}
bool same(const BoundFunction& a, const BoundFunction& b) {
  return a.function == b.function && a.arguments == b.arguments && a.result == b.result && a.result.modifier == b.result.modifier;
}
bool same_value(const Type& type, const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() == b.is_null();
  if (a.held().index() != b.held().index()) return false;
  if (std::holds_alternative<ArrayPtr>(a.held()) || std::holds_alternative<RecordPtr>(a.held()))
    return to_text(type, a, {}) == to_text(type, b, {});
  // Of numbers, texts show what comparing hides: 1.0 is not 1.00.
  if (std::holds_alternative<Numeric>(a.held()) || std::holds_alternative<Interval>(a.held()))
    return to_text(type, a, {}) == to_text(type, b, {});
  return compare(type, a, b) == 0;
}

struct Same {
  const Expr& left;
  bool operator()(const Constant& a, const Constant& b) const { return same_value(left.type, a.value, b.value); }
  bool operator()(const Parameter& a, const Parameter& b) const { return a.number == b.number; }
  bool operator()(const Column& a, const Column& b) const { return a.id == b.id; }
  bool operator()(const Call& a, const Call& b) const {
    return same(a.function, b.function) && a.function.function->volatility != Volatility::kVolatile && same(a.args, b.args);
  }
  bool operator()(const Logical& a, const Logical& b) const { return a.what == b.what && same(a.args, b.args); }
  bool operator()(const NullTest& a, const NullTest& b) const { return a.negated == b.negated && same(a.arg, b.arg); }
  bool operator()(const TruthTest& a, const TruthTest& b) const {
    return a.negated == b.negated && a.value == b.value && same(a.arg, b.arg);
  }
  bool operator()(const Distinct& a, const Distinct& b) const {
    return a.negated == b.negated && same(a.left, b.left) && same(a.right, b.right);
  }
  bool operator()(const NullIf& a, const NullIf& b) const { return same(a.value, b.value) && same(a.equal, b.equal); }
  bool operator()(const Case& a, const Case& b) const {
    if (a.subject != nullptr || b.subject != nullptr) return false;
    return same(a.otherwise, b.otherwise) && std::ranges::equal(a.whens, b.whens, [](const When& x, const When& y) {
             return same(x.condition, y.condition) && same(x.result, y.result);
           });
  }
  bool operator()(const Coalesce& a, const Coalesce& b) const { return same(a.args, b.args); }
  bool operator()(const Extreme& a, const Extreme& b) const { return a.greatest == b.greatest && same(a.args, b.args); }
  bool operator()(const InList& a, const InList& b) const {
    return a.negated == b.negated && same(a.left, b.left) && same(a.items, b.items);
  }
  bool operator()(const ArrayTest& a, const ArrayTest& b) const {
    return a.all == b.all && same(a.function, b.function) && same(a.left, b.left) && same(a.array, b.array);
  }
  bool operator()(const ArrayOf& a, const ArrayOf& b) const { return same(a.elements, b.elements); }
  bool operator()(const RowOf& a, const RowOf& b) const { return same(a.elements, b.elements); }
  bool operator()(const Field& a, const Field& b) const { return a.place == b.place && same(a.arg, b.arg); }
  bool operator()(const Element& a, const Element& b) const {
    return same(a.arg, b.arg) && std::ranges::equal(a.subscripts, b.subscripts, [](const Subscript& x, const Subscript& y) {
             return x.slice == y.slice && same(x.low, y.low) && same(x.high, y.high);
           });
  }
  bool operator()(const Subquery& a, const Subquery& b) const { return a.query == b.query; }
  bool operator()(const SequenceCall&, const SequenceCall&) const { return false; }
  bool operator()(const GroupingBits& a, const GroupingBits& b) const { return same(a.args, b.args); }
  template <class A, class B>
  bool operator()(const A&, const B&) const {
    return false;
  }
};

}  // namespace

bool equal(const Expr& a, const Expr& b) {
  return &a == &b || (a.type == b.type && a.type.modifier == b.type.modifier && std::visit(Same{a}, a.node, b.node));
}

void each_column(const Expr& expr, const std::function<void(ColumnId)>& see) {
  if (const auto* column = std::get_if<Column>(&expr.node)) return see(column->id);
  each_child(expr, [&](const ExprPtr& child) { each_column(*child, see); });
  if (const auto* subquery = std::get_if<Subquery>(&expr.node)) each_column(*subquery->query->root, see);
}

void each_column(const Node& node, const std::function<void(ColumnId)>& see) {
  each_expr(node, [&](const ExprPtr& expr) { each_column(*expr, see); });
  each_input(node, [&](const Node& input) { each_column(input, see); });
}

void each_relation(const Node& node, const std::function<void(std::uint32_t)>& see) {
  std::visit(Overloaded{[](const auto&) {}, [&](const Scan& n) { see(n.relation); }, [&](const Values& n) { see(n.relation); },
                        [&](const FunctionScan& n) { see(n.relation); }, [&](const CteScan& n) { see(n.relation); },
                        [&](const Aggregate& n) { see(n.relation), see(n.calls_relation); }, [&](const Window& n) { see(n.relation); },
                        [&](const ProjectSet& n) { see(n.relation); }, [&](const Project& n) { see(n.relation); },
                        [&](const SetOperation& n) { see(n.relation); }},
             node.node);
  each_input(node, [&](const Node& input) { each_relation(input, see); });
}

void each_part(const Expr& expr, const std::function<void(const Expr&)>& see) {
  see(expr);
  each_child(expr, [&](const ExprPtr& child) { each_part(*child, see); });
}

void each_deep_part(const Node& node, const std::function<void(const Expr&)>& see) {
  const auto deep = [&](const Expr& part) {
    see(part);
    if (const auto* subquery = std::get_if<Subquery>(&part.node)) each_deep_part(*subquery->query->root, see);
  };
  each_expr(node, [&](const ExprPtr& expr) { each_part(*expr, deep); });
  each_input(node, [&](const Node& input) { each_deep_part(input, see); });
}

namespace {

/// Gathers what is named and what is made.
struct FreeColumns {
  std::vector<ColumnId> named;
  std::vector<std::uint32_t> made;
  void see(const Expr& part) {
    if (const auto* column = std::get_if<Column>(&part.node)) named.push_back(column->id);
    if (const auto* subject = std::get_if<Case>(&part.node); subject != nullptr && subject->subject != nullptr)
      made.push_back(subject->relation);
    if (const auto* subquery = std::get_if<Subquery>(&part.node)) inside(*subquery->query->root);
  }
  void inside(const Node& node) {
    each_relation(node, [&](std::uint32_t relation) { made.push_back(relation); });
    each_all(node);
  }
  void each_all(const Node& node) {
    each_expr(node, [&](const ExprPtr& expr) { each_part(*expr, [&](const Expr& part) { see(part); }); });
    each_input(node, [&](const Node& input) { each_all(input); });
  }
  std::vector<ColumnId> free() {
    std::ranges::sort(made), std::ranges::sort(named);
    named.erase(std::unique(named.begin(), named.end()), named.end());
    std::erase_if(named, [&](ColumnId id) { return std::ranges::binary_search(made, id.relation); });
    return std::move(named);
  }
};

}  // namespace

std::vector<ColumnId> free_columns(const Expr& expr) {
  FreeColumns all;
  each_part(expr, [&](const Expr& part) { all.see(part); });
  return all.free();
}
std::vector<ColumnId> free_columns(const Node& node) {
  FreeColumns all;
  all.inside(node);
  return all.free();
}

ExprPtr rewritten(const ExprPtr& expr, const std::function<ExprPtr(const ExprPtr&)>& replace) {
  if (auto other = replace(expr)) return other;
  std::shared_ptr<Expr> copy;
  std::size_t place = 0;
  each_child(*expr, [&](const ExprPtr& child) {
    auto other = rewritten(child, replace);
    if (other != child) {
      if (copy == nullptr) copy = std::make_shared<Expr>(*expr);
      std::size_t at = 0;
      each_child(*copy, [&](ExprPtr& slot) {
        if (at++ == place) slot = other;
      });
    }
    ++place;
  });
  return copy == nullptr ? expr : copy;
}

}  // namespace isobar::sql::logical
