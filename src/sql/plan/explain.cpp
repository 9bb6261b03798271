// EXPLAIN's lines, in PostgreSQL's style: its names of nodes, and conditions as they would be written.

#include <fmt/format.h>

#include "planner.h"

namespace isobar::sql::physical {
namespace {

class Explainer {
 public:
  Explainer(const Plan& plan, bool costs) : plan_(plan), costs_(costs) {}
  std::vector<std::string> run() {
    name_relations();
    if (const auto* modify = std::get_if<lg::ModifyPtr>(&plan_.statement.what)) {
      static constexpr const char* kWords[] = {"Insert", "Update", "Delete"};
      line(0, false, fmt::format("{} on {}", kWords[static_cast<std::size_t>((*modify)->what)], (*modify)->table->name), *plan_.root);
      with(0);
      node(*plan_.root, 1);
    } else {
      node(*plan_.root, 0);
    }
    return std::move(lines_);
  }

 private:
  void name_relations();
  void name_in(const Node& at);
  void line(int depth, bool arrow, std::string text, const Node& at) {
    std::string indent = depth == 0 ? "" : std::string(static_cast<std::size_t>(depth * 6 - 4), ' ') + "->  ";
    static_cast<void>(arrow);
    if (costs_) text += fmt::format("  (cost=0.00..{:.2f} rows={:.0f} width=0)", at.cost, at.rows);
    lines_.push_back(indent + std::move(text));
  }
  void detail(int depth, const std::string& text) { lines_.push_back(std::string(static_cast<std::size_t>(depth * 6 + 2), ' ') + text); }
  void condition(int depth, const char* what, const ExprPtr& expr) {
    if (expr != nullptr) detail(depth, fmt::format("{}: {}", what, outer(*expr)));
  }
  /// CTEs and subqueries of expressions come before a node's inputs, at the top where nothing says where they belong.
  void with(int depth);
  void node(const Node& at, int depth);
  std::string text(const lg::Expr& expr) const;
  std::string outer(const lg::Expr& expr) const {
    auto made = text(expr);
    return made.starts_with('(') ? made : "(" + made + ")";
  }
  std::string list(const std::vector<ExprPtr>& exprs) const {
    std::vector<std::string> all;
    for (const auto& expr : exprs) all.push_back(text(*expr));
    return fmt::format("{}", fmt::join(all, ", "));
  }
  std::string keys(const std::vector<SortKey>& sort) const {
    std::vector<std::string> all;
    for (const auto& key : sort) {
      auto one = text(*key.value);
      if (key.descending) one += " DESC";
      if (key.nulls_first != key.descending) one += key.nulls_first ? " NULLS FIRST" : " NULLS LAST";
      all.push_back(std::move(one));
    }
    return fmt::format("{}", fmt::join(all, ", "));
  }
  std::string aliased(const std::string& name, const std::string& alias) const {
    return alias.empty() || alias == name ? name : name + " " + alias;
  }
  std::string column(ColumnId id) const;

  const Plan& plan_;
  bool costs_;
  std::vector<std::string> lines_;
  std::map<std::uint32_t, const Scan*> scans_;
  std::map<std::uint32_t, const Project*> projects_;
  std::map<std::uint32_t, const lg::Aggregate*> aggregates_;
  std::map<std::uint32_t, std::string> others_;
  bool with_done_ = false;
};

template <class See>
void each_input(const Node& at, See&& see) {
  std::visit(lg::Overloaded{
                 [](const auto&) {}, [&](const Filter& n) { see(*n.input); }, [&](const NestedLoop& n) { see(*n.left), see(*n.right); },
                 [&](const HashJoin& n) { see(*n.left), see(*n.right); }, [&](const Aggregate& n) { see(*n.input); },
                 [&](const Window& n) { see(*n.input); }, [&](const ProjectSet& n) { see(*n.input); },
                 [&](const Project& n) { see(*n.input); }, [&](const Unique& n) { see(*n.input); }, [&](const Sort& n) { see(*n.input); },
                 [&](const Limit& n) { see(*n.input); }, [&](const SetOperation& n) { see(*n.left), see(*n.right); },
                 [&](const Define& n) { see(*n.input); }, [&](const Rename& n) { see(*n.input); }},
             at.node);
}

void Explainer::name_in(const Node& at) {
  if (const auto* scan = std::get_if<Scan>(&at.node)) scans_[scan->relation] = scan;
  if (const auto* project = std::get_if<Project>(&at.node)) projects_[project->relation] = project;
  if (const auto* aggregate = std::get_if<Aggregate>(&at.node)) {
    aggregates_[aggregate->aggregate.relation] = &aggregate->aggregate;
    aggregates_[aggregate->aggregate.calls_relation] = &aggregate->aggregate;
  }
  if (const auto* cte = std::get_if<CteScan>(&at.node)) others_[cte->scan.relation] = cte->scan.alias;
  if (const auto* function = std::get_if<FunctionScan>(&at.node)) others_[function->scan.relation] = function->scan.alias;
  if (const auto* rename = std::get_if<Rename>(&at.node)) others_[rename->relation] = rename->alias;
  each_input(at, [&](const Node& input) { name_in(input); });
}

void Explainer::name_relations() {
  name_in(*plan_.root);
  for (const auto& cte : plan_.ctes)
    for (const auto& root : {cte.root, cte.step})
      if (root != nullptr) name_in(*root);
  for (const auto& [query, subplan] : plan_.subplans) name_in(*subplan.root);
}

std::string Explainer::column(ColumnId id) const {
  if (const auto scan = scans_.find(id.relation); scan != scans_.end()) {
    const auto& name = id.column < scan->second->table->columns.size() ? scan->second->table->columns[id.column].name : std::string("ctid");
    return scans_.size() > 1 ? scan->second->alias + "." + name : name;
  }
  if (const auto project = projects_.find(id.relation); project != projects_.end() && id.column < project->second->values.size())
    return text(*project->second->values[id.column]);
  if (const auto found = aggregates_.find(id.relation); found != aggregates_.end()) {
    const auto& aggregate = *found->second;
    if (id.relation == aggregate.relation && id.column < aggregate.groups.size()) return text(*aggregate.groups[id.column]);
    if (id.relation == aggregate.calls_relation && id.column < aggregate.calls.size()) {
      const auto& call = aggregate.calls[id.column];
      return fmt::format("{}({}{})", call.function.aggregate->name, call.distinct ? "DISTINCT " : "",
                         call.args.empty() ? "*" : list(call.args));
    }
  }
  const auto other = others_.find(id.relation);
  return fmt::format("{}.column{}", other == others_.end() ? "row" : other->second, id.column + 1);
}

std::string Explainer::text(const lg::Expr& expr) const {
  const auto joined = [&](const std::vector<ExprPtr>& args, const char* by) {
    std::vector<std::string> all;
    for (const auto& arg : args) all.push_back(text(*arg));
    return "(" + fmt::format("{}", fmt::join(all, by)) + ")";
  };
  return std::visit(
      lg::Overloaded{
          [&](const lg::Constant& n) -> std::string {
            if (n.value.is_null()) return "NULL::" + format_type(expr.type);
            auto value = to_text({expr.type.kind, expr.type.element}, n.value, {});
            const bool bare = expr.type.kind == Kind::kInt4 || expr.type.kind == Kind::kBool;
            if (bare && !value.starts_with('-')) return expr.type.kind == Kind::kBool ? (value == "t" ? "true" : "false") : value;
            return fmt::format("'{}'::{}", value, format_type(expr.type));
          },
          [&](const lg::Parameter& n) { return fmt::format("${}", n.number); },
          [&](const lg::Column& n) { return column(n.id); },
          [&](const lg::Call& n) -> std::string {
            const auto& name = n.function.function->name;
            const bool sign = std::string_view("+-*/<>=~!@#%^&|`?").find(name[0]) != std::string_view::npos;
            if (sign && n.args.size() == 2) return fmt::format("({} {} {})", text(*n.args[0]), name, text(*n.args[1]));
            if (sign && n.args.size() == 1) return fmt::format("({} {})", name, text(*n.args[0]));
            if (n.args.size() == 1 && type_named(name)) return fmt::format("({})::{}", text(*n.args[0]), format_type(expr.type));
            return fmt::format("{}({})", name, list(n.args));
          },
          [&](const lg::Logical& n) -> std::string {
            if (n.what == lg::Logic::kNot) return "(NOT " + text(*n.args[0]) + ")";
            return joined(n.args, n.what == lg::Logic::kAnd ? " AND " : " OR ");
          },
          [&](const lg::NullTest& n) { return fmt::format("({} IS {}NULL)", text(*n.arg), n.negated ? "NOT " : ""); },
          [&](const lg::TruthTest& n) {
            return fmt::format("({} IS {}{})", text(*n.arg), n.negated ? "NOT " : "", !n.value ? "UNKNOWN" : *n.value ? "TRUE" : "FALSE");
          },
          [&](const lg::Distinct& n) {
            return fmt::format("({} IS {}DISTINCT FROM {})", text(*n.left), n.negated ? "NOT " : "", text(*n.right));
          },
          [&](const lg::NullIf& n) { return fmt::format("NULLIF({})", text(*n.value)); },
          [&](const lg::Case&) { return std::string("CASE"); },
          [&](const lg::Coalesce& n) { return "COALESCE" + joined(n.args, ", "); },
          [&](const lg::Extreme& n) { return (n.greatest ? "GREATEST" : "LEAST") + joined(n.args, ", "); },
          [&](const lg::InList& n) { return fmt::format("({} {} ({}))", text(*n.left), n.negated ? "NOT IN" : "IN", list(n.items)); },
          [&](const lg::ArrayTest& n) {
            return fmt::format("({} {} {} ({}))", text(*n.left), n.function.function->name, n.all ? "ALL" : "ANY", text(*n.array));
          },
          [&](const lg::ArrayOf& n) { return "ARRAY[" + list(n.elements) + "]"; },
          [&](const lg::RowOf& n) { return "ROW" + joined(n.elements, ", "); },
          [&](const lg::Field& n) { return fmt::format("({}).f{}", text(*n.arg), n.place + 1); },
          [&](const lg::Element& n) { return text(*n.arg) + "[]"; },
          [&](const lg::Subquery&) { return std::string("(SubPlan)"); },
          [&](const lg::SequenceCall& n) { return fmt::format("nextval({})", n.sequence ? n.sequence->name : ""); },
          [&](const lg::GroupingBits& n) { return "GROUPING" + joined(n.args, ", "); }},
      expr.node);
}

void Explainer::with(int depth) {
  if (std::exchange(with_done_, true)) return;
  for (std::size_t i = 0; i < plan_.ctes.size(); ++i) {
    const auto& cte = plan_.ctes[i];
    if (cte.root == nullptr) continue;
    detail(depth, fmt::format("CTE {}", plan_.statement.ctes[i].name));
    if (cte.step != nullptr) line(depth + 1, true, "Recursive Union", *cte.root);
    node(*cte.root, depth + (cte.step != nullptr ? 2 : 1));
    if (cte.step != nullptr) node(*cte.step, depth + 2);
  }
  std::size_t number = 0;
  for (const auto& [query, subplan] : plan_.subplans) {
    detail(depth, fmt::format("{} {}", subplan.outer.empty() ? "InitPlan" : "SubPlan", ++number));
    node(*subplan.root, depth + 1);
  }
}

const char* kind_word(JoinKind kind) {
  static constexpr const char* kWords[] = {"", " Left", " Full", " Semi", " Anti"};
  return kWords[static_cast<std::size_t>(kind)];
}

void Explainer::node(const Node& at, int depth) {
  // What only names columns anew has no line of its own, as in PostgreSQL.
  if (const auto* n = std::get_if<Project>(&at.node)) {
    if (const auto* values = std::get_if<Values>(&n->input->node); values != nullptr && values->values.types.empty())
      return line(depth, true, "Result", at), with(depth);
    return node(*n->input, depth);
  }
  if (const auto* n = std::get_if<Define>(&at.node)) return node(*n->input, depth);
  if (const auto* n = std::get_if<Rename>(&at.node)) return node(*n->input, depth);
  if (const auto* n = std::get_if<Filter>(&at.node); n != nullptr && !n->once && std::get_if<Filter>(&n->input->node) == nullptr) {
    node(*n->input, depth);
    return condition(depth, "Filter", n->condition);
  }
  std::visit(
      lg::Overloaded{
          [&](const Scan& n) {
            const auto name = aliased(n.table->name, n.alias);
            if (n.index == nullptr) line(depth, true, "Seq Scan on " + name, at);
            else line(depth, true, fmt::format("Index Scan{} using {} on {}", n.backward ? " Backward" : "", n.index->name, name), at);
            if (!n.index_conditions.empty()) condition(depth, "Index Cond", together(n.index_conditions));
            condition(depth, "Filter", n.filter);
          },
          [&](const Values& n) { line(depth, true, n.values.types.empty() ? "Result" : "Values Scan on \"*VALUES*\"", at); },
          [&](const FunctionScan& n) { line(depth, true, "Function Scan on " + n.scan.alias, at); },
          [&](const CteScan& n) {
            const auto& name = plan_.statement.ctes[n.scan.cte].name;
            line(depth, true, fmt::format("{} on {}", n.scan.working ? "WorkTable Scan" : "CTE Scan", aliased(name, n.scan.alias)), at);
          },
          [&](const Filter& n) {
            line(depth, true, "Result", at);
            condition(depth, n.once ? "One-Time Filter" : "Filter", n.condition);
          },
          [&](const NestedLoop& n) {
            line(depth, true, fmt::format("Nested Loop{}", n.kind == JoinKind::kInner ? "" : fmt::format("{} Join", kind_word(n.kind))),
                 at);
            condition(depth, "Join Filter", n.on);
          },
          [&](const HashJoin& n) {
            line(depth, true, fmt::format("Hash{} Join", kind_word(n.kind)), at);
            std::vector<std::string> conditions;
            for (std::size_t i = 0; i < n.left_keys.size(); ++i)
              conditions.push_back(fmt::format("({} = {})", text(*n.left_keys[i]), text(*n.right_keys[i])));
            const auto all = fmt::format("{}", fmt::join(conditions, " AND "));
            detail(depth, "Hash Cond: " + (conditions.size() > 1 ? "(" + all + ")" : all));
            condition(depth, "Join Filter", n.rest);
          },
          [&](const Aggregate& n) {
            line(depth, true, n.aggregate.groups.empty() ? "Aggregate" : "HashAggregate", at);
            if (!n.aggregate.groups.empty()) detail(depth, "Group Key: " + list(n.aggregate.groups));
          },
          [&](const Window&) { line(depth, true, "WindowAgg", at); }, [&](const ProjectSet&) { line(depth, true, "ProjectSet", at); },
          [&](const Project&) {},
          [&](const Unique& n) {
            line(depth, true, "HashAggregate", at);
            detail(depth, "Group Key: " + list(n.keys));
          },
          [&](const Sort& n) {
            line(depth, true, "Sort", at);
            detail(depth, "Sort Key: " + keys(n.keys));
          },
          [&](const Limit&) { line(depth, true, "Limit", at); },
          [&](const SetOperation& n) {
            if (n.op == lg::SetOp::kUnion) line(depth, true, n.all ? "Append" : "HashAggregate over Append", at);
            else
              line(depth, true, fmt::format("HashSetOp {}{}", n.op == lg::SetOp::kIntersect ? "Intersect" : "Except", n.all ? " All" : ""),
                   at);
          },
          [](const Define&) {}, [](const Rename&) {}},
      at.node);
  with(depth);
  bool second = false;
  const bool hash = std::holds_alternative<HashJoin>(at.node);
  const auto* loop = std::get_if<NestedLoop>(&at.node);
  each_input(at, [&](const Node& input) {
    const bool right = std::exchange(second, true);
    if (right && hash) line(depth + 1, true, "Hash", input), node(input, depth + 2);
    else if (right && loop != nullptr && loop->keep) line(depth + 1, true, "Materialize", input), node(input, depth + 2);
    else node(input, depth + 1);
  });
}

}  // namespace

std::vector<std::string> explain(const Plan& plan, bool costs) { return Explainer(plan, costs).run(); }

}  // namespace isobar::sql::physical
