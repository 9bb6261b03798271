#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <unordered_map>

#include "scope.h"
#include "sql/bind.h"

namespace isobar::sql {

lg::ExprPtr make_expr(Type type, decltype(lg::Expr::node) node, int position = 0);
lg::ExprPtr make_column(std::uint32_t relation, std::uint32_t column, Type type, int position = 0);
lg::ExprPtr make_constant(Type type, Value value, int position = 0);
/// All of them hold; none: true. One alone is itself.
lg::ExprPtr conjunction(std::vector<lg::ExprPtr> conditions);
template <class T>
lg::NodePtr make_node(T node) {
  return std::make_shared<lg::Node>(lg::Node{std::move(node)});
}
bool is_constant(const lg::ExprPtr& expr);
bool is_null_constant(const lg::ExprPtr& expr);
SqlError unsupported(std::string what, int position = 0);

/// Binds one statement. Which method is where: types and casts in bind_casts.cpp, expressions in bind_expressions.cpp, bind_calls.cpp,
/// bind_comparisons.cpp and bind_subqueries.cpp, FROM in bind_from.cpp, SELECT in bind_select.cpp, bind_groups.cpp and bind_windows.cpp,
/// set operations and WITH in bind_queries.cpp, what writes in bind_modify.cpp.
class Binder {
 public:
  using Expr = lg::ExprPtr;
  Binder(Catalog& catalog, const FunctionSet& functions, const SessionValues& session, std::span<const Type> parameters);

  SqlResult<lg::Statement> statement(const ast::Statement& statement);
  SqlResult<Expr> alone(const ast::Expr& expr, const Type& type, const Table* table);

 private:
  std::uint32_t new_relation() { return relations_++; }

  // Types and casts.
  /// Gives what has no type yet (a literal, a parameter, null) this one, or casts. none: there is no such cast
  SqlResult<Expr> coerce(Expr expr, const Type& to, CastContext context);
  SqlResult<std::optional<Expr>> try_coerce(Expr expr, const Type& to, CastContext context);
  SqlResult<Expr> assign(Expr expr, const lg::OutputColumn& column, bool by_value_list);
  SqlResult<Expr> apply_cast(Expr expr, const Cast& cast, const Type& to);
  SqlResult<Expr> literal(const lg::Expr& unknown, const Type& to);
  SqlResult<Expr> boolean(Expr expr, std::string_view what);
  SqlResult<Expr> integer_limit(Expr expr, std::string_view what);
  SqlResult<Expr> known(Expr expr);  ///< text, where it has no type yet
  SqlResult<Type> common_type(std::span<const Expr> exprs, std::string_view what);
  SqlStatus unify(std::vector<Expr>& exprs, std::string_view what, Type& type);
  Expr folded(Expr call);

  // Expressions.
  SqlResult<Expr> expr(const ast::Expr& e, Scope& scope);
  SqlResult<std::vector<Expr>> exprs(const std::vector<ast::ExprPtr>& list, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Constant& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Parameter& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::ColumnRef& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Operator& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::LikeTest& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::ArrayTest& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::InList& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Between& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Distinct& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::NullIf& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Logical& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::NullTest& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::TruthTest& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Case& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Coalesce& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Extreme& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Call& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Cast& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Collate& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::ArrayOf& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::RowOf& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Indirection& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Subquery& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::ValueFunction& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Default& n, int position, Scope& scope);
  SqlResult<Expr> bind_node(const ast::Grouping& n, int position, Scope& scope);
  SqlResult<std::optional<VisibleColumn>> find_column(const ast::ColumnRef& ref, int position, Scope& scope);
  SqlResult<Expr> call_named(std::string_view name, std::vector<Expr> args, int position);
  SqlResult<Expr> operation(std::string_view sign, Expr left, Expr right, int position);
  SqlResult<Expr> comparison(std::string_view sign, const Expr& left, const Expr& right, int position);
  SqlResult<Expr> row_comparison(std::string_view sign, const std::vector<Expr>& left, const std::vector<Expr>& right, int position);
  SqlResult<Expr> equality(const Expr& left, const Expr& right, int position) { return comparison("=", left, right, position); }
  static std::optional<std::vector<Expr>> fields_of(const Expr& expr);
  SqlResult<Expr> jsonb_element(const ast::Indirection& n, Expr value, int position, Scope& scope);
  SqlError missing_table(const std::string& name, const Scope& scope, int position) const;
  SqlResult<Expr> row_subquery(const ast::Operator& n, const Expr& left, const ast::Subquery& source, int position, Scope& scope);
  SqlResult<Expr> negated(Expr condition, bool negate);

  // Calls.
  SqlResult<std::vector<Expr>> cast_arguments(std::vector<Expr> args, const ResolvedCall& call);
  SqlResult<Expr> aggregate(const ast::Call& n, int position, Scope& scope);
  SqlResult<Expr> window_call(const ast::Call& n, int position, Scope& scope);
  SqlResult<Expr> set_call(const BoundSet& set, std::vector<Expr> args, int position, Scope& scope);
  SqlResult<std::optional<Expr>> sequence_call(const ast::Call& n, int position, Scope& scope);
  SqlResult<Expr> known_text(Expr expr);
  SqlResult<Sequence> sequence_of(const std::string& text, int position);
  SqlResult<BoundFunction> range_operator(std::string_view sign, const Type& key, const Type& offset, int position);
  SqlResult<lg::AggregateCall> aggregate_call(const ast::Call& n, int position, Scope& scope);
  SqlResult<std::uint32_t> window_group(const ast::Window& spec, Scope& scope, int position);
  SqlResult<lg::Window> window_spec(const ast::Window& spec, Scope& scope);
  SqlResult<const ast::Window*> named_window(const std::string& name, const Scope& scope, int position);
  SqlStatus frame(const ast::Window& spec, Scope& scope, lg::Window& window);
  SqlResult<std::vector<lg::SortKey>> sort_keys(const std::vector<ast::SortKey>& keys, Scope& scope);
  SqlResult<lg::SortKey> sort_key(const ast::SortKey& key, Expr value);
  SqlResult<Expr> evaluated(const Expr& expr);  ///< its value, where it needs no row; else itself

  // FROM.
  SqlResult<FromResult> from_list(const std::vector<ast::FromItem>& items, Scope& scope);
  SqlResult<FromResult> from_item(const ast::FromItem& item, Scope& scope);
  SqlResult<FromResult> table_item(const ast::TableRef& ref, Scope& scope);
  SqlResult<FromResult> scan(std::shared_ptr<const Table> table, const ast::TableRef& ref);
  SqlResult<FromResult> view(const std::shared_ptr<const Table>& table, const ast::TableRef& ref);
  SqlResult<std::optional<FromResult>> cte_item(const ast::TableRef& ref, Scope& scope);
  SqlResult<FromResult> derived_item(const ast::DerivedTable& item, Scope& scope);
  SqlResult<FromResult> function_item(const ast::FunctionTable& item, int position, Scope& scope);
  SqlResult<lg::TableFunction> table_function(const ast::Expr& e, const ast::FunctionTable& item, Scope& scope, VisibleTable& table,
                                              std::uint32_t relation);
  SqlResult<FromResult> join_item(const ast::Join& join, Scope& scope);
  SqlResult<Expr> join_columns(const ast::Join& join, FromResult& left, FromResult& right, std::vector<VisibleColumn>& columns);
  SqlResult<FromResult> query_item(lg::QueryPtr query, const ast::Alias& alias);
  static SqlStatus rename(VisibleTable& table, const ast::Alias& alias);
  static SqlStatus add(Scope& scope, const FromResult& item);
  SqlResult<std::shared_ptr<const Table>> find_table(const ast::Name& name);
  void need(const std::shared_ptr<const Table>& table, char what);
  void need_locks(const lg::Node& node);
  /// Whether anything of a statement that changes rows reads the ones that are there.
  void need_to_read(const lg::Modify& modify);

  // Queries.
  /// wanted  the types of the columns that the rows go into: literals are given them
  SqlResult<lg::QueryPtr> query(const ast::Query& q, Scope* parent, std::span<const Type> wanted = {});
  SqlResult<lg::QueryPtr> body(const ast::Query& q, Scope& outer, std::span<const Type> wanted);
  SqlResult<lg::QueryPtr> select(const ast::Query& q, const ast::SelectCore& core, Scope& scope, std::span<const Type> wanted);
  SqlResult<lg::QueryPtr> values(const ast::Query& q, const ast::Values& values, Scope& scope, std::span<const Type> wanted);
  SqlResult<lg::QueryPtr> set_operation(const ast::Query& q, const ast::SetOperation& set, Scope& scope);
  SqlResult<lg::QueryPtr> combine(lg::SetOp op, bool all, lg::QueryPtr left, lg::QueryPtr right);
  SqlResult<lg::QueryPtr> recast(lg::QueryPtr query, std::span<const Type> types, CastContext context, std::string_view what);
  SqlStatus with(const ast::With& w, Scope& scope, std::vector<std::uint32_t>& defined);
  SqlStatus cte(const ast::Cte& c, bool recursive, Scope& scope, std::vector<std::uint32_t>& defined);
  SqlStatus recursive_cte(const ast::Cte& c, const ast::Query& q, Scope& scope, std::vector<std::uint32_t>& defined);
  SqlResult<lg::QueryPtr> side(const ast::Query& q, Scope& outer);
  SqlResult<lg::QueryPtr> sorted_set(const ast::Query& q, Scope& outer, lg::QueryPtr made);
  SqlResult<lg::NodePtr> locked(const ast::Query& q, lg::NodePtr node);
  static bool scans(const lg::Node& node, std::uint32_t cte);
  SqlResult<lg::NodePtr> order_and_limit(const ast::Query& q, Scope& scope, lg::NodePtr node, std::vector<lg::SortKey> keys);

  // SELECT.
  struct Target {
    std::string name;
    Expr value;
    Oid table = 0;
    std::int16_t attribute = 0;
  };
  SqlResult<lg::QueryPtr> ordered(const ast::Query& q, Scope& outer, Scope& scope, lg::NodePtr root, std::vector<Target> all,
                                  std::shared_ptr<lg::Query> query);
  SqlResult<std::vector<Target>> targets(const std::vector<ast::Target>& list, Scope& scope, std::span<const Type> wanted);
  SqlStatus star(const ast::ColumnRef& ref, int position, Scope& scope, std::vector<Target>& into);
  /// The target that ORDER BY, GROUP BY or DISTINCT ON means by a name or a number; none: an expression.
  SqlResult<std::optional<std::size_t>> target_meant(const ast::Expr& e, const std::vector<Target>& targets, Scope& scope);
  SqlResult<std::size_t> target_for(const ast::Expr& e, std::vector<Target>& targets, Scope& scope);
  SqlStatus groups(const ast::SelectCore& core, std::vector<Target>& targets, Scope& scope, lg::Aggregate& into);
  SqlStatus group_item(const ast::GroupItem& item, std::vector<Target>& targets, Scope& scope, lg::Aggregate& into,
                       std::vector<std::vector<std::uint32_t>>& sets);
  SqlResult<std::vector<std::uint32_t>> group_places(const ast::Expr& e, std::vector<Target>& targets, Scope& scope, lg::Aggregate& into);
  /// Puts columns of the aggregate in the place of groups; errors where a column is neither in a group nor depends on one.
  SqlResult<Expr> regrouped(const Expr& expr, const Scope& scope, lg::Aggregate& aggregate);
  SqlStatus grouped_column(const lg::Expr& expr, const Scope& scope, lg::Aggregate& aggregate, bool in_subquery);
  SqlStatus regroup(std::vector<Target>& targets, Expr& having, Scope& scope, lg::Aggregate& aggregate);
  bool depends_on_groups(lg::ColumnId column, const lg::Aggregate& aggregate) const;

  // What writes.
  SqlResult<lg::ModifyPtr> insert(const ast::Insert& s, Scope* parent);
  SqlResult<lg::ModifyPtr> update(const ast::Update& s, Scope* parent);
  SqlResult<lg::ModifyPtr> erase(const ast::Delete& s, Scope* parent);
  SqlResult<std::shared_ptr<const Table>> writable(const ast::TableRef& ref, std::string_view command);
  SqlResult<std::vector<std::uint32_t>> insert_columns(const ast::Insert& s, const Table& table);
  SqlResult<Expr> default_of(const Table& table, std::uint32_t column);
  SqlResult<lg::QueryPtr> insert_source(const ast::Insert& s, const Table& table, const std::vector<std::uint32_t>& columns, Scope& scope);
  SqlStatus insert_values(const ast::Insert& s, const std::vector<std::uint32_t>& columns, lg::Modify& into);
  SqlStatus new_row(lg::Modify& into);
  SqlResult<lg::ConflictRule> conflict(const ast::OnConflict& c, const ast::TableRef& ref, lg::Modify& into, Scope& scope);
  SqlStatus arbiters(const ast::OnConflict& c, const Table& table, lg::ConflictRule& rule);
  SqlStatus assignments(const std::vector<ast::Assignment>& set, const Table& table, Scope& scope, std::vector<Expr>& values);
  SqlResult<Expr> assigned(const Table& table, std::uint32_t column, const ast::Expr& value, Scope& scope, int position);
  Expr record_of(const lg::QueryPtr& bound);
  SqlStatus assign_row(const ast::Subquery& source, const std::vector<std::uint32_t>& places, const Table& table, Scope& scope,
                       std::vector<Expr>& values);
  SqlStatus changed_rows(const ast::TableRef& ref, const std::vector<ast::FromItem>& from, const ast::ExprPtr& where, Scope& scope,
                         lg::Modify& into);
  SqlStatus check_assignable(const Table& table, std::uint32_t column, bool is_default);
  SqlStatus returning(const std::vector<ast::Target>& list, Scope& scope, lg::Modify& into);
  static std::optional<std::uint32_t> column_named(const Table& table, std::string_view name);
  VisibleTable table_columns(const Table& table, std::string alias, std::uint32_t relation);
  void remember(std::uint32_t relation, const std::string& alias, const Table& table);

  Catalog& catalog_;
  const FunctionSet& functions_;
  const SessionValues& session_;
  lg::Statement result_;
  std::unordered_map<std::uint32_t, RelationInfo> infos_;
  std::uint32_t relations_ = 0;
  std::vector<const Scope*> hidden_;  ///< of queries around that what is bound now cannot name
  int depth_ = 0, views_ = 0, queries_ = 0;
};

}  // namespace isobar::sql
