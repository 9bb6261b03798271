#pragma once

// CREATE, ALTER, DROP and their like: statements that make another schema of the one that a transaction sees, and what they do to rows.

#include <functional>
#include <set>
#include <string>

#include "db/sql_session.h"
#include "row_storage.h"
#include "session_catalog.h"
#include "sql/ast.h"
#include "sql/bind.h"
#include "sql/function_set.h"
#include "sql/session_values.h"

namespace isobar::db {

/// Where a statement runs.
struct StatementContext {
  SqlTransaction& tx;
  RowStorage& rows;
  SessionCatalog& catalog;
  const sql::FunctionSet& functions;
  const sql::SessionValues& values;
  std::function<void(Notice)> notice;
};

class SchemaEditor {
 public:
  explicit SchemaEditor(StatementContext context) : c_(std::move(context)) {}

  /// The command's tag: "CREATE TABLE". Errors   as PostgreSQL gives them; 0A000 names what is not supported
  SqlResult<std::string> run(const sql::ast::Statement& statement);
  /// Whether `run` knows this kind of statement.
  static bool knows(const sql::ast::Statement& statement);
  /// A table made for CREATE TABLE AS: columns as they are given. Errors   42P07
  SqlResult<std::shared_ptr<const sql::Table>> create_plain(const sql::ast::Name& name, std::vector<sql::Column> columns);

 private:
  struct Made {
    std::string schema, name;
  };
  // Tables (ddl_tables.cpp).
  SqlResult<std::string> run(const sql::ast::CreateTable& s);
  SqlStatus add_column(sql::Table& table, const sql::ast::ColumnDefinition& definition, std::vector<SequenceObject>& sequences);
  SqlStatus add_constraint(sql::Table& table, const sql::ast::Constraint& constraint, const std::string& column);
  SqlStatus add_key(sql::Table& table, const sql::ast::Constraint& constraint, std::vector<std::string> columns);
  SqlStatus add_check(sql::Table& table, const sql::ast::Constraint& constraint, const std::string& column);
  SqlStatus add_foreign_key(sql::Table& table, const sql::ast::Constraint& constraint, std::vector<std::string> columns);
  SqlStatus copy_like(sql::Table& table, const sql::ast::LikeTable& like);
  SqlStatus add_sequence_for(sql::Table& table, std::uint32_t column, sql::Kind kind, const std::vector<sql::ast::Option>& options,
                             bool internal, std::vector<SequenceObject>& sequences);
  SqlStatus check_definition(const sql::Table& table, const std::string& text, const sql::Type& type, bool over_columns);

  // Alterations (ddl_alter.cpp).
  SqlResult<std::string> run(const sql::ast::AlterTable& s);
  SqlResult<std::string> run(const sql::ast::Rename& s);
  SqlResult<std::string> run(const sql::ast::SetSchema& s);
  SqlResult<std::string> run(const sql::ast::SetOwner& s);
  SqlStatus alter(TableObject& object, sql::Table& table, const sql::ast::AlterTable::Command& command);
  SqlStatus drop_column(sql::Table& table, const sql::ast::AlterTable::DropColumn& drop);
  SqlStatus drop_constraint(sql::Table& table, const sql::ast::AlterTable::DropConstraint& drop);
  SqlStatus alter_type(sql::Table& table, const sql::ast::AlterTable::AlterType& alter);
  /// Every row of the table as it was, through `change`, into a storage of its own where the keys change.
  SqlStatus rewrite(const TableObject& before, TableObject& after, const std::function<SqlStatus(sql::Row&)>& change);
  SqlStatus check_rows(const sql::Table& table, const std::function<SqlStatus(const sql::Row&)>& check);

  // Everything else (ddl_objects.cpp, ddl_roles.cpp).
  SqlResult<std::string> run(const sql::ast::Drop& s);
  SqlResult<std::string> run(const sql::ast::Truncate& s);
  SqlResult<std::string> run(const sql::ast::CreateIndex& s);
  SqlResult<std::string> run(const sql::ast::CreateSequence& s);
  SqlResult<std::string> run(const sql::ast::AlterSequence& s);
  SqlResult<std::string> run(const sql::ast::CreateView& s);
  SqlResult<std::string> run(const sql::ast::CreateSchema& s);
  SqlResult<std::string> run(const sql::ast::Comment& s);
  SqlResult<std::string> run(const sql::ast::CreateRole& s);
  SqlResult<std::string> run(const sql::ast::AlterRole& s);
  SqlResult<std::string> run(const sql::ast::DropRole& s);
  SqlResult<std::string> run(const sql::ast::Grant& s);
  SqlResult<std::string> run(const sql::ast::GrantRole& s);
  SqlStatus drop_table(const TableObject& object, sql::ast::Behavior behavior);
  SqlStatus drop_index(const std::string& schema, const std::string& name);
  SqlStatus set_role_options(RoleObject& role, const std::vector<sql::ast::Option>& options, const std::string& name);
  SqlStatus set_sequence_options(sql::Sequence& sequence, const std::vector<sql::ast::Option>& options, SequenceObject* object,
                                 std::optional<std::int64_t>* restart);

  // The schema that is being made.
  SchemaSnapshot& edit();
  sql::Oid new_id();
  std::uint32_t new_storage();
  void put(const TableObject& object);
  void put(const SequenceObject& object);
  void erase_object(sql::Oid id);
  void put_schema(const std::string& name, const SchemaObject* object);
  void put_role(const std::string& name, const RoleObject* object);
  SqlStatus finish();

  SqlStatus may_create_in(const std::string& schema) const;
  SqlResult<std::string> schema_for(const sql::ast::Name& name) const;
  SqlResult<const TableObject*> table_named(const sql::ast::Name& name, std::string_view kind = "relation") const;
  std::string free_name(const std::string& schema, const std::string& table, const std::string& columns, const std::string& suffix) const;
  SqlStatus owned(const std::string& owner, std::string_view kind, std::string_view name) const;
  bool is_superuser() const;
  SqlStatus may_grant(const std::string& role) const;
  void say(std::string_view sqlstate, std::string text) const;
  std::string user() const { return c_.values.user; }

  StatementContext c_;
  std::shared_ptr<SchemaSnapshot> edited_;
  std::set<std::string> taken_;  // names of this statement that are not in the schema yet
};

sql::SqlError not_supported(std::string_view what);
std::optional<std::uint32_t> column_place(const sql::Table& table, std::string_view name);
/// The table's columns, by name. Errors   42703
SqlResult<std::vector<std::uint32_t>> column_places(const sql::Table& table, const std::vector<std::string>& names);

}  // namespace isobar::db
