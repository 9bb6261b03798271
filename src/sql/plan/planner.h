#pragma once

#include <set>
#include <span>

#include "sql/logical_walk.h"
#include "sql/physical.h"

namespace isobar::sql::physical {

namespace lg = logical;
using Conditions = std::vector<ExprPtr>;
using Relations = std::set<std::uint32_t>;

Relations relations_of(const lg::Node& node);
/// Those that the expression names, and those among them that stand in subqueries alone.
Relations relations_used(const lg::Expr& expr);
Relations relations_used(const lg::Node& node);
bool within(const Relations& some, const Relations& all);
bool meets(const Relations& a, const Relations& b);
/// AND taken apart.
void split(const ExprPtr& condition, Conditions& into);
ExprPtr together(Conditions conditions);  ///< none: nullptr
bool is_volatile(const lg::Expr& expr);
bool has_subquery(const lg::Expr& expr);

/// What is wanted of a node, beside its rows.
struct Wanted {
  std::span<const SortKey> order;  ///< if it can be had cheaply
  std::uint64_t rows = 0;          ///< as many will do; 0: all
};
struct Planned {
  NodePtr node;
  bool ordered = false;  ///< as was wanted
};

/// An equality between two sides of a join: hashable when its operator is `=` of one type.
struct Equality {
  ExprPtr left, right;
};

/// Plans one statement. Methods: relations and pushing down in planner.cpp, scans in plan_scans.cpp, joins in plan_joins.cpp, subqueries in
/// plan_subqueries.cpp.
class Planner {
 public:
  Planner(lg::Statement statement, const FunctionSet& functions) : functions_(functions) { plan_.statement = std::move(statement); }
  SqlResult<Plan> run();

 private:
  Planned node(const lg::Node& node, Conditions conditions, Wanted wanted);
  Planned query(const lg::Query& query, Conditions conditions, Wanted wanted, const std::string& alias = {});
  Planned filtered(Planned input, Conditions conditions);
  Planned project(const lg::Project& n, Conditions conditions, Wanted wanted);
  Planned sort(const lg::Sort& n, Conditions conditions, Wanted wanted, const lg::Limit* limit);
  Planned limit(const lg::Limit& n, Conditions conditions, Wanted wanted);
  Planned aggregate(const lg::Aggregate& n, Conditions conditions);
  std::optional<Planned> extreme_by_index(const lg::Aggregate& n);
  Planned window(const lg::Window& n, Conditions conditions);
  Planned distinct(const lg::DistinctOn& n, Conditions conditions, Wanted wanted);
  Planned set_operation(const lg::SetOperation& n, Conditions conditions);
  Planned cte_scan(const lg::CteScan& n, Conditions conditions, Wanted wanted);

  // Scans.
  Planned scan(const lg::Scan& n, Conditions conditions, Wanted wanted, const Relations& outside);
  struct IndexMatch {
    const Index* index = nullptr;
    KeyRange range;
    Conditions used;
    std::vector<ExprPtr> any_of;
    ExprPtr any_array;
    bool narrowed = false;  ///< by what is asked of each row besides
    bool unique = false;    ///< one row at most
    std::size_t equalities = 0;
    double rows = 0;
    bool ordered = false, backward = false;
  };
  IndexMatch match(const lg::Scan& n, const Index& index, const Conditions& conditions, Wanted wanted);
  static void match_order(const lg::Scan& n, const Index& index, Wanted wanted, IndexMatch& into);

  // Joins.
  struct Side {
    const lg::Node* node = nullptr;
    Conditions conditions;  ///< of this side alone
    Relations relations, needs;
    double rows = 0;
  };
  Planned join(const lg::Join& n, Conditions conditions, Wanted wanted);
  Planned inner_joins(const lg::Node& n, Conditions conditions, Wanted wanted);
  void flatten(const lg::Node& n, std::vector<Side>& sides, Conditions& conditions);
  Planned outer_join(const lg::Join& n, Conditions conditions, Wanted wanted);
  Planned joined(JoinKind kind, Planned left, const Relations& left_relations, const Side& right, Conditions on);
  Planned side(const Side& side, const Conditions& more, const Relations& outside, Wanted wanted);
  std::optional<Equality> equality(const ExprPtr& condition, const Relations& left, const Relations& right) const;
  double side_rows(const Side& side);
  double selectivity(const lg::Expr& condition) const;
  double join_selectivity(const lg::Expr& condition) const;
  double distinct_values(const lg::Expr& expr) const;

  /// The relations outside that a node needs, those that the CTEs it reads need included.
  Relations needs_of(const lg::Node& node) const;
  void add_needs_of_ctes(const lg::Node& node, std::vector<ColumnId>& into) const;

  // Subqueries.
  void plan_subqueries(const lg::Expr& expr);
  void plan_subqueries(const Conditions& exprs);
  static void remember(const lg::Query& q, Subplan& into);
  struct SemiJoin {
    JoinKind kind = JoinKind::kSemi;
    Side side;
    Conditions on;
  };
  std::optional<SemiJoin> as_semi_join(const ExprPtr& condition, const Relations& left);
  std::optional<SemiJoin> unnested(const lg::Subquery& subquery, bool negated, const Relations& left);

  const FunctionSet& functions_;
  Plan plan_;
  std::map<std::uint32_t, const lg::Scan*> scans_;
  Relations outside_;  ///< relations whose rows are there before this part of the plan runs
  std::vector<std::shared_ptr<const lg::Node>> kept_;
};

}  // namespace isobar::sql::physical
