#pragma once

/// Statements as they were written.

#include "sql/ast_expression.h"
#include "sql/error.h"

namespace isobar::sql::ast {

/// name = value of WITH (…), of EXPLAIN (…), COPY (…), sequences and roles. The value is a word, a text, a number, or a list of these.
struct Option {
  std::string name;
  std::optional<std::string> value;
  std::optional<std::int64_t> number;  ///< when the value is an integer
  std::vector<std::string> list;       ///< names: COPY's columns, OWNED BY's parts, roles
  bool said = true;                    ///< false: NO CYCLE, NOLOGIN …: the option was negated
  int position = 0;
};

enum class Behavior : std::uint8_t { kRestrict, kCascade };

/// An expression with its text, as definitions keep it.
struct Definition {
  ExprPtr expression;
  std::string text;
};

struct Constraint {
  enum class What : std::uint8_t {
    kNull,
    kNotNull,
    kDefault,
    kIdentity,
    kGenerated,
    kCheck,
    kPrimaryKey,
    kUnique,
    kForeignKey
  } what = What::kCheck;
  std::string name;
  Definition definition;             ///< of kDefault, kGenerated, kCheck
  bool always = false;               ///< of kIdentity
  std::vector<Option> sequence;      ///< of kIdentity
  std::vector<std::string> columns;  ///< of a table's constraint
  TableRef parent;                   ///< of kForeignKey
  std::vector<std::string> parent_columns;
  char match = 's', on_update = 'a', on_delete = 'a';  ///< simple, full; no action, restrict, cascade, null, default
  std::vector<std::string> delete_columns;             ///< ON DELETE SET NULL (a, b)
  bool deferrable = false, initially_deferred = false, not_valid = false, nulls_not_distinct = false;
  std::string using_index;
  int position = 0;
};
struct ColumnDefinition {
  std::string name;
  TypeName type;
  std::vector<Constraint> constraints;
  std::optional<Name> collation;
  int position = 0;
};
struct LikeTable {
  TableRef table;
  bool constraints = false, defaults = false, generated = false, identity = false, indexes = false, comments = false;
};
struct CreateTable {
  TableRef table;
  std::vector<ColumnDefinition> columns;
  std::vector<Constraint> constraints;
  std::vector<LikeTable> likes;
  std::vector<Option> options;
  bool if_not_exists = false, unlogged = false;
};
struct CreateTableAs {
  TableRef table;
  std::vector<std::string> columns;
  QueryPtr query;
  bool if_not_exists = false, with_data = true;
};

struct AlterTable {
  struct AddColumn {
    ColumnDefinition column;
    bool if_not_exists = false;
  };
  struct DropColumn {
    std::string column;
    bool if_exists = false;
    Behavior behavior = Behavior::kRestrict;
  };
  struct AlterType {
    std::string column;
    TypeName type;
    Definition by;  ///< USING; none: a cast
    std::optional<Name> collation;
  };
  struct SetDefault {
    std::string column;
    Definition value;  ///< none: DROP DEFAULT
  };
  struct SetNotNull {
    std::string column;
    bool not_null = true;
  };
  struct AddIdentity {
    std::string column;
    Constraint identity;
  };
  struct DropIdentity {
    std::string column;
    bool if_exists = false;
  };
  struct DropExpression {
    std::string column;
    bool if_exists = false;
  };
  struct AddConstraint {
    Constraint constraint;
  };
  struct DropConstraint {
    std::string name;
    bool if_exists = false;
    Behavior behavior = Behavior::kRestrict;
  };
  struct ValidateConstraint {
    std::string name;
  };
  struct OwnerTo {
    std::string role;
  };
  struct Command {
    std::variant<AddColumn, DropColumn, AlterType, SetDefault, SetNotNull, AddIdentity, DropIdentity, DropExpression, AddConstraint,
                 DropConstraint, ValidateConstraint, OwnerTo>
        what;
  };
  TableRef table;
  std::vector<Command> commands;
  bool if_exists = false;
};

enum class ObjectKind : std::uint8_t {
  kTable,
  kIndex,
  kSequence,
  kView,
  kSchema,
  kColumn,
  kConstraint,
  kRole,
  kDatabase,
  kFunction,
  kType
};
std::string_view name_of(ObjectKind kind);  ///< "TABLE" …

/// ALTER … RENAME: of a table, an index, a view, a sequence, a schema, a role, a column, a constraint.
struct Rename {
  ObjectKind kind = ObjectKind::kTable;
  Name object;       ///< the table, of a column or a constraint
  std::string part;  ///< the column or the constraint
  std::string to;
  bool if_exists = false;
};
struct SetSchema {
  ObjectKind kind = ObjectKind::kTable;
  Name object;
  std::string schema;
  bool if_exists = false;
};
struct SetOwner {
  ObjectKind kind = ObjectKind::kTable;
  Name object;
  std::string role;
};
struct Drop {
  ObjectKind kind = ObjectKind::kTable;
  std::vector<Name> objects;
  bool if_exists = false;
  Behavior behavior = Behavior::kRestrict;
};
struct Truncate {
  std::vector<TableRef> tables;
  bool restart_identity = false;
  Behavior behavior = Behavior::kRestrict;
};

struct IndexKey {
  std::string column;
  Definition expression;  ///< instead of a column
  bool descending = false;
  std::optional<bool> nulls_first;
  std::optional<Name> collation, operator_class;
};
struct CreateIndex {
  std::string name;
  TableRef table;
  std::string method;
  std::vector<IndexKey> keys;
  std::vector<std::string> including;
  Definition where;
  bool unique = false, if_not_exists = false, concurrently = false, nulls_not_distinct = false;
};
struct CreateSequence {
  TableRef sequence;
  std::vector<Option> options;
  bool if_not_exists = false;
};
struct AlterSequence {
  TableRef sequence;
  std::vector<Option> options;
  bool if_exists = false;
};
struct CreateView {
  TableRef view;
  std::vector<std::string> columns;
  QueryPtr query;
  std::string text;  ///< the query's
  bool replace = false;
  std::vector<Option> options;
};
struct CreateSchema {
  std::string name, role;
  bool if_not_exists = false;
};
struct CreateRole {
  std::string name;
  bool login = false;  ///< CREATE USER
  std::vector<Option> options;
};
struct AlterRole {
  std::string name;
  std::vector<Option> options;
};
struct DropRole {
  std::vector<std::string> names;
  bool if_exists = false;
};
struct Privilege {
  std::string name;  ///< "select" …; empty: ALL
  std::vector<std::string> columns;
};
/// GRANT and REVOKE of privileges.
struct Grant {
  bool grant = true, with_option = false, all_in_schema = false;
  std::vector<Privilege> privileges;
  ObjectKind kind = ObjectKind::kTable;
  std::vector<Name> objects;          ///< schemas when all_in_schema
  std::vector<std::string> grantees;  ///< "public" among them
  Behavior behavior = Behavior::kRestrict;
};
struct GrantRole {
  bool grant = true, admin = false;
  std::vector<std::string> roles, grantees;
};
struct Comment {
  ObjectKind kind = ObjectKind::kTable;
  Name object;
  std::string part;  ///< the column or the constraint of the table `object`
  std::optional<std::string> text;
};

struct Copy {
  TableRef table;
  QueryPtr query;  ///< instead of a table
  std::vector<std::string> columns;
  bool from = false;
  std::optional<std::string> file;  ///< none: STDIN, STDOUT
  bool program = false;
  std::vector<Option> options;
  ExprPtr where;
};

enum class Isolation : std::uint8_t { kReadUncommitted, kReadCommitted, kRepeatableRead, kSerializable };
struct TransactionModes {
  std::optional<Isolation> isolation;
  std::optional<bool> read_only, deferrable;
};
struct Transaction {
  enum class What : std::uint8_t {
    kBegin,
    kCommit,
    kRollback,
    kSavepoint,
    kRelease,
    kRollbackTo,
    kPrepare,
    kCommitPrepared,
    kRollbackPrepared
  } what = What::kBegin;
  bool start = false;  ///< START TRANSACTION
  TransactionModes modes;
  std::string name;  ///< of a savepoint or a prepared transaction
  bool chain = false;
};

/// A setting's value: words, texts and numbers alike.
struct SetVariable {
  enum class What : std::uint8_t { kValue, kDefault, kReset, kResetAll, kTransaction, kSession } what = What::kValue;
  std::string name;  ///< "timezone" of SET TIME ZONE
  std::vector<std::string> values;
  bool local = false;
  TransactionModes modes;  ///< SET TRANSACTION, SET SESSION CHARACTERISTICS AS TRANSACTION
};
struct Show {
  std::string name;  ///< "all"
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;
struct Prepare {
  std::string name;
  std::vector<TypeName> types;
  StatementPtr statement;
};
struct Execute {
  std::string name;
  std::vector<ExprPtr> args;
};
struct Deallocate {
  std::string name;  ///< empty: all
};
struct DeclareCursor {
  std::string name;
  bool binary = false, hold = false;
  std::optional<bool> scroll;
  StatementPtr query;
};
struct Fetch {
  enum class Direction : std::uint8_t { kForward, kBackward, kAbsolute, kRelative } direction = Direction::kForward;
  std::int64_t count = 1;  ///< INT64_MAX: all
  std::string cursor;
  bool move = false;
};
struct CloseCursor {
  std::string name;  ///< empty: all
};
struct Explain {
  StatementPtr statement;
  std::vector<Option> options;
};
/// VACUUM, ANALYZE.
struct Maintain {
  bool vacuum = false;
  std::vector<TableRef> tables;
};
struct Lock {
  std::vector<TableRef> tables;
  int mode = 8;  ///< as PostgreSQL numbers them: 1 ACCESS SHARE … 8 ACCESS EXCLUSIVE
  bool no_wait = false;
};
struct Discard {
  enum class What : std::uint8_t { kAll, kPlans, kSequences, kTemp } what = What::kAll;
};
struct Checkpoint {};
struct Listen {
  std::string channel;
};
struct Unlisten {
  std::string channel;  ///< empty: all
};
struct Notify {
  std::string channel, payload;
};
struct SetConstraints {
  std::vector<Name> constraints;  ///< none: ALL
  bool deferred = false;
};
/// What the grammar knows and nothing here runs; `what` is its command: "CREATE FUNCTION".
struct Unsupported {
  std::string what;
};

struct Statement {
  using Node =
      std::variant<QueryPtr, Insert, Update, Delete, CreateTable, CreateTableAs, AlterTable, Rename, SetSchema, SetOwner, Drop, Truncate,
                   CreateIndex, CreateSequence, AlterSequence, CreateView, CreateSchema, CreateRole, AlterRole, DropRole, Grant, GrantRole,
                   Comment, Copy, Transaction, SetVariable, Show, Prepare, Execute, Deallocate, DeclareCursor, Fetch, CloseCursor, Explain,
                   Maintain, Lock, Discard, Checkpoint, Listen, Unlisten, Notify, SetConstraints, Unsupported>;
  Node node;
  std::string text;  ///< its own part of what was parsed, without the semicolon
  int offset = 0;    ///< characters of what was parsed in front of `text`. Positions count from the beginning of what was parsed
};

}  // namespace isobar::sql::ast

namespace isobar::sql {

/// Errors   42601 and the others that PostgreSQL's grammar gives, with the position; 54001: nested too deeply; 0A000: the statement is
///          known and a part of it has no meaning here. A statement that is unknown as a whole is ast::Unsupported.
/// Cost     parsing, twice. Safe from any thread.
SqlResult<std::vector<ast::Statement>> parse(std::string_view sql);
/// Of a column's default, a check: what stands alone.
SqlResult<ast::ExprPtr> parse_expression(std::string_view text);
/// Of a view.
SqlResult<ast::QueryPtr> parse_query(std::string_view text);

}  // namespace isobar::sql
