#pragma once

/// Makes our trees of libpg_query's.

#include <pg_query/pg_query.pb-c.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sql/ast.h"

namespace isobar::sql {

/// Reads one text's statements. The first error is kept and the reading goes on with empty nodes, so that each of its functions can return
/// what it has read; whoever calls asks for `error` at the end.
class TreeReader {
 public:
  using Node = PgQuery__Node;
  explicit TreeReader(std::string_view text);

  ast::Statement statement(const PgQuery__RawStmt& raw);
  const std::optional<SqlError>& error() const { return error_; }

 private:
  using Nodes = std::span<Node* const>;
  friend struct Of;

  // What all need.
  int position(int location) const;
  void refuse(const std::string& what, int location = -1);  ///< 0A000: "… is not supported"
  void refuse_node(const char* where, const Node* node);
  void fail(std::string_view sqlstate, std::string message, int location);
  static std::string text_of(const Node* node);
  static std::vector<std::string> texts(Nodes nodes);
  ast::Name name(Nodes nodes, int location = -1);
  ast::Name name_of_object(const Node* node);
  std::string operator_name(Nodes nodes, int location);

  // Expressions.
  ast::ExprPtr expr(const Node* node);
  std::vector<ast::ExprPtr> exprs(Nodes nodes);
  ast::Expr::Node expr_node(const Node& node, int& location);
  ast::Expr::Node constant(const PgQuery__AConst& c);
  ast::Expr::Node column_ref(const PgQuery__ColumnRef& c);
  ast::Expr::Node operation(const PgQuery__AExpr& e);
  ast::Expr::Node like(const PgQuery__AExpr& e, ast::Like what, std::string_view negated);
  ast::Expr::Node call(const PgQuery__FuncCall& c);
  ast::Expr::Node cast(const PgQuery__TypeCast& c);
  ast::Expr::Node case_of(const PgQuery__CaseExpr& c);
  ast::Expr::Node sub_link(const PgQuery__SubLink& s);
  ast::Expr::Node indirection(const PgQuery__AIndirection& i);
  ast::Expr::Node value_function(const PgQuery__SQLValueFunction& f);
  ast::TypeName type_name(const PgQuery__TypeName* t);
  ast::Window window(const PgQuery__WindowDef& w);
  ast::SortKey sort_key(const Node* node);
  std::vector<ast::SortKey> sort_keys(Nodes nodes);

  // Queries and what changes rows.
  ast::QueryPtr query(const PgQuery__SelectStmt* s);
  ast::QueryPtr query(const Node* node);
  ast::SelectCore select_core(const PgQuery__SelectStmt& s);
  ast::With with(const PgQuery__WithClause* w);
  ast::Cte cte(const PgQuery__CommonTableExpr& c);
  ast::Target target(const Node* node);
  std::vector<ast::Target> targets(Nodes nodes);
  ast::FromItem from_item(const Node* node);
  ast::Join join(const PgQuery__JoinExpr& j);
  ast::FunctionTable function_table(const PgQuery__RangeFunction& f);
  std::vector<ast::FromItem> from(Nodes nodes);
  ast::TableRef table(const PgQuery__RangeVar* r);
  static ast::Alias alias(const PgQuery__Alias* a);
  ast::GroupItem group(const Node* node);
  ast::Locking locking(const Node* node);
  ast::Insert insert(const PgQuery__InsertStmt& s);
  ast::OnConflict on_conflict(const PgQuery__OnConflictClause& c);
  std::vector<ast::Assignment> assignments(Nodes nodes);
  ast::Update update(const PgQuery__UpdateStmt& s);
  ast::Delete erase(const PgQuery__DeleteStmt& s);

  // Definitions.
  ast::Statement::Node create_table(const PgQuery__CreateStmt& s);
  ast::Statement::Node create_table_as(const PgQuery__CreateTableAsStmt& s);
  ast::ColumnDefinition column(const PgQuery__ColumnDef& c);
  ast::Constraint constraint(const PgQuery__Constraint& c);
  void constraints(Nodes nodes, std::vector<ast::Constraint>& into);
  ast::LikeTable like_table(const PgQuery__TableLikeClause& l);
  ast::Definition definition(Node* node);
  std::string deparse(PgQuery__SelectStmt* select, int location);
  ast::Statement::Node alter_table(const PgQuery__AlterTableStmt& s);
  void alter_command(const PgQuery__AlterTableCmd& c, ast::AlterTable& into);
  ast::Statement::Node create_index(const PgQuery__IndexStmt& s);
  ast::Statement::Node create_view(const PgQuery__ViewStmt& s);
  ast::Statement::Node create_schema(const PgQuery__CreateSchemaStmt& s);
  ast::Statement::Node drop(const PgQuery__DropStmt& s);
  ast::Statement::Node rename(const PgQuery__RenameStmt& s);
  ast::Statement::Node comment(const PgQuery__CommentStmt& s);
  ast::Statement::Node grant(const PgQuery__GrantStmt& s);
  ast::Statement::Node grant_role(const PgQuery__GrantRoleStmt& s);
  std::string role(const PgQuery__RoleSpec* r);
  std::optional<ast::ObjectKind> object_kind(PgQuery__ObjectType type);
  ast::Option option(const Node* node);
  std::vector<ast::Option> options(Nodes nodes);

  // Sessions and transactions.
  ast::Statement::Node utility(const Node& node);
  ast::Statement::Node session_statement(const Node& node);
  ast::Statement::Node definition_statement(const Node& node);
  ast::Statement::Node transaction(const PgQuery__TransactionStmt& s);
  ast::TransactionModes modes(Nodes nodes);
  ast::Statement::Node set_variable(const PgQuery__VariableSetStmt& s);
  ast::Statement::Node copy(const PgQuery__CopyStmt& s);
  ast::Statement::Node fetch(const PgQuery__FetchStmt& s);
  ast::Statement::Node maintain(const PgQuery__VacuumStmt& s);
  ast::Statement::Node declare_cursor(const PgQuery__DeclareCursorStmt& s);
  ast::StatementPtr inner(const Node* node);
  ast::Statement::Node statement_node(const Node& node);
  std::vector<ast::TableRef> tables(Nodes nodes);

  std::string_view text_;
  bool ascii_ = true;
  std::optional<SqlError> error_;
};

/// The command of a statement that nothing here runs: "CREATE FUNCTION".
std::string command_name(const PgQuery__Node& node);

#define ISOBAR_NODES(owner, field) \
  TreeReader::Nodes { (owner).field, (owner).n_##field }

}  // namespace isobar::sql
