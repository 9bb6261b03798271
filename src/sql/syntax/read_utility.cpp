// Statements about sessions, transactions and the rest.

#include <climits>
#include <cstdint>

#include "tree_reader.h"

namespace isobar::sql {
namespace {

/// "CreateFunctionStmt" → "CREATE FUNCTION".
std::string words_of(std::string_view type) {
  if (type.ends_with("Stmt")) type.remove_suffix(4);
  std::string words;
  for (std::size_t i = 0; i < type.size(); ++i) {
    const bool upper = type[i] >= 'A' && type[i] <= 'Z';
    const bool run = upper && i > 0 && type[i - 1] >= 'A' && type[i - 1] <= 'Z';
    if (upper && i > 0 && !run) words += ' ';
    words += upper || type[i] < 'a' ? type[i] : static_cast<char>(type[i] - 0x20);
  }
  return words;
}

}  // namespace

std::string command_name(const PgQuery__Node& node) {
  if (node.node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT && node.create_function_stmt->is_procedure) return "CREATE PROCEDURE";
  if (node.node_case == PG_QUERY__NODE__NODE_CREATE_TRIG_STMT) return "CREATE TRIGGER";
  if (node.node_case == PG_QUERY__NODE__NODE_CREATEDB_STMT) return "CREATE DATABASE";
  if (node.node_case == PG_QUERY__NODE__NODE_DROPDB_STMT) return "DROP DATABASE";
  if (node.node_case == PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT) return "REFRESH MATERIALIZED VIEW";
  if (node.node_case == PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT) return "ALTER DEFAULT PRIVILEGES";
  if (node.node_case == PG_QUERY__NODE__NODE_CREATE_FDW_STMT) return "CREATE FOREIGN DATA WRAPPER";
  const auto* field = protobuf_c_message_descriptor_get_field(&pg_query__node__descriptor, static_cast<unsigned>(node.node_case));
  if (field == nullptr) return "this statement";
  const auto* message = static_cast<const ProtobufCMessageDescriptor*>(field->descriptor);
  return words_of(message->short_name);
}

ast::Statement::Node TreeReader::utility(const Node& node) {
  auto read = definition_statement(node);
  if (auto* unknown = std::get_if<ast::Unsupported>(&read); unknown == nullptr || !unknown->what.empty()) return read;
  return session_statement(node);
}

namespace {
std::vector<std::string> roles_of(std::span<PgQuery__Node* const> nodes, const auto& role) {
  std::vector<std::string> names;
  for (const auto* node : nodes)
    if (node->node_case == PG_QUERY__NODE__NODE_ROLE_SPEC) names.push_back(role(node->role_spec));
  return names;
}
}  // namespace

ast::Statement::Node TreeReader::definition_statement(const Node& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT: return create_table(*node.create_stmt);
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT: return create_table_as(*node.create_table_as_stmt);
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: return alter_table(*node.alter_table_stmt);
    case PG_QUERY__NODE__NODE_RENAME_STMT: return rename(*node.rename_stmt);
    case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT: {
      const auto& s = *node.alter_object_schema_stmt;
      const auto kind = object_kind(s.object_type);
      if (!kind || s.relation == nullptr) return ast::Unsupported{"ALTER … SET SCHEMA of this object"};
      return ast::SetSchema{*kind, table(s.relation).name, s.newschema, s.missing_ok != 0};
    }
    case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT: {
      const auto& s = *node.alter_owner_stmt;
      const auto kind = object_kind(s.object_type);
      if (!kind) return ast::Unsupported{"ALTER … OWNER TO of this object"};
      return ast::SetOwner{*kind, s.relation != nullptr ? table(s.relation).name : name_of_object(s.object), role(s.newowner)};
    }
    case PG_QUERY__NODE__NODE_DROP_STMT: return drop(*node.drop_stmt);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT: {
      const auto& s = *node.truncate_stmt;
      return ast::Truncate{tables(ISOBAR_NODES(s, relations)), s.restart_seqs != 0,
                           s.behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE ? ast::Behavior::kCascade : ast::Behavior::kRestrict};
    }
    case PG_QUERY__NODE__NODE_INDEX_STMT: return create_index(*node.index_stmt);
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT: {
      const auto& s = *node.create_seq_stmt;
      if (s.sequence != nullptr && std::string_view(s.sequence->relpersistence) == "t") refuse("CREATE TEMPORARY SEQUENCE");
      return ast::CreateSequence{table(s.sequence), options(ISOBAR_NODES(s, options)), s.if_not_exists != 0};
    }
    case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT: {
      const auto& s = *node.alter_seq_stmt;
      return ast::AlterSequence{table(s.sequence), options(ISOBAR_NODES(s, options)), s.missing_ok != 0};
    }
    case PG_QUERY__NODE__NODE_VIEW_STMT: return create_view(*node.view_stmt);
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT: return create_schema(*node.create_schema_stmt);
    case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT: {
      const auto& s = *node.create_role_stmt;
      return ast::CreateRole{s.role, s.stmt_type == PG_QUERY__ROLE_STMT_TYPE__ROLESTMT_USER, options(ISOBAR_NODES(s, options))};
    }
    case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT: {
      const auto& s = *node.alter_role_stmt;
      return ast::AlterRole{role(s.role), options(ISOBAR_NODES(s, options))};
    }
    case PG_QUERY__NODE__NODE_DROP_ROLE_STMT: {
      const auto& s = *node.drop_role_stmt;
      return ast::DropRole{roles_of(ISOBAR_NODES(s, roles), [&](const auto* r) { return role(r); }), s.missing_ok != 0};
    }
    case PG_QUERY__NODE__NODE_GRANT_STMT: return grant(*node.grant_stmt);
    case PG_QUERY__NODE__NODE_GRANT_ROLE_STMT: return grant_role(*node.grant_role_stmt);
    case PG_QUERY__NODE__NODE_COMMENT_STMT: return comment(*node.comment_stmt);
    default: return ast::Unsupported{};
  }
}

std::vector<ast::TableRef> TreeReader::tables(Nodes nodes) {
  std::vector<ast::TableRef> all;
  for (const auto* node : nodes)
    if (node->node_case == PG_QUERY__NODE__NODE_RANGE_VAR) all.push_back(table(node->range_var));
  return all;
}

ast::Statement::Node TreeReader::session_statement(const Node& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_COPY_STMT: return copy(*node.copy_stmt);
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT: return transaction(*node.transaction_stmt);
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT: return set_variable(*node.variable_set_stmt);
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT: return ast::Show{node.variable_show_stmt->name};
    case PG_QUERY__NODE__NODE_PREPARE_STMT: {
      const auto& s = *node.prepare_stmt;
      ast::Prepare prepare{s.name, {}, inner(s.query)};
      for (const auto* type : ISOBAR_NODES(s, argtypes))
        if (type->node_case == PG_QUERY__NODE__NODE_TYPE_NAME) prepare.types.push_back(type_name(type->type_name));
      return prepare;
    }
    case PG_QUERY__NODE__NODE_EXECUTE_STMT: return ast::Execute{node.execute_stmt->name, exprs(ISOBAR_NODES(*node.execute_stmt, params))};
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT: return ast::Deallocate{node.deallocate_stmt->name};
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT: return declare_cursor(*node.declare_cursor_stmt);
    case PG_QUERY__NODE__NODE_FETCH_STMT: return fetch(*node.fetch_stmt);
    case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT: return ast::CloseCursor{node.close_portal_stmt->portalname};
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
      return ast::Explain{inner(node.explain_stmt->query), options(ISOBAR_NODES(*node.explain_stmt, options))};
    case PG_QUERY__NODE__NODE_VACUUM_STMT: return maintain(*node.vacuum_stmt);
    case PG_QUERY__NODE__NODE_LOCK_STMT:
      return ast::Lock{tables(ISOBAR_NODES(*node.lock_stmt, relations)), node.lock_stmt->mode, node.lock_stmt->nowait != 0};
    case PG_QUERY__NODE__NODE_DISCARD_STMT: {
      using What = ast::Discard::What;
      const auto target = node.discard_stmt->target;
      return ast::Discard{target == PG_QUERY__DISCARD_MODE__DISCARD_PLANS       ? What::kPlans
                          : target == PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES ? What::kSequences
                          : target == PG_QUERY__DISCARD_MODE__DISCARD_TEMP      ? What::kTemp
                                                                                : What::kAll};
    }
    case PG_QUERY__NODE__NODE_CHECK_POINT_STMT: return ast::Checkpoint{};
    case PG_QUERY__NODE__NODE_LISTEN_STMT: return ast::Listen{node.listen_stmt->conditionname};
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT: return ast::Unlisten{node.unlisten_stmt->conditionname};
    case PG_QUERY__NODE__NODE_NOTIFY_STMT: return ast::Notify{node.notify_stmt->conditionname, node.notify_stmt->payload};
    case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT: {
      ast::SetConstraints set;
      set.constraints.clear();
      for (auto& one : tables(ISOBAR_NODES(*node.constraints_set_stmt, constraints))) set.constraints.push_back(std::move(one.name));
      set.deferred = node.constraints_set_stmt->deferred != 0;
      return set;
    }
    default: return ast::Unsupported{command_name(node)};
  }
}

namespace {
std::optional<ast::Isolation> isolation_of(std::string_view text) {
  if (text == "read uncommitted") return ast::Isolation::kReadUncommitted;
  if (text == "read committed") return ast::Isolation::kReadCommitted;
  if (text == "repeatable read") return ast::Isolation::kRepeatableRead;
  if (text == "serializable") return ast::Isolation::kSerializable;
  return std::nullopt;
}
}  // namespace

ast::TransactionModes TreeReader::modes(Nodes nodes) {
  ast::TransactionModes modes;
  for (const auto* node : nodes) {
    if (node->node_case != PG_QUERY__NODE__NODE_DEF_ELEM) continue;
    const std::string_view name = node->def_elem->defname;
    const auto value = text_of(node->def_elem->arg);
    if (name == "transaction_isolation") modes.isolation = isolation_of(value);
    else if (name == "transaction_read_only") modes.read_only = value == "1" || value == "true";
    else if (name == "transaction_deferrable") modes.deferrable = value == "1" || value == "true";
  }
  return modes;
}

ast::Statement::Node TreeReader::transaction(const PgQuery__TransactionStmt& s) {
  using What = ast::Transaction::What;
  ast::Transaction transaction;
  switch (s.kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START: transaction.start = true; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT: transaction.what = What::kCommit; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK: transaction.what = What::kRollback; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT: transaction.what = What::kSavepoint; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE: transaction.what = What::kRelease; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO: transaction.what = What::kRollbackTo; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE: transaction.what = What::kPrepare; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT_PREPARED: transaction.what = What::kCommitPrepared; break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_PREPARED: transaction.what = What::kRollbackPrepared; break;
    default: break;
  }
  transaction.modes = modes(ISOBAR_NODES(s, options));
  transaction.name = *s.savepoint_name != 0 ? s.savepoint_name : s.gid;
  transaction.chain = s.chain != 0;
  return transaction;
}

ast::Statement::Node TreeReader::set_variable(const PgQuery__VariableSetStmt& s) {
  using What = ast::SetVariable::What;
  ast::SetVariable set;
  set.name = s.name;
  set.local = s.is_local != 0;
  switch (s.kind) {
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT: set.what = What::kDefault; break;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT: refuse("SET … FROM CURRENT"); break;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET: set.what = What::kReset; break;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL: set.what = What::kResetAll; break;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI:
      if (set.name == "TRANSACTION SNAPSHOT") refuse("SET TRANSACTION SNAPSHOT");
      set.what = set.name == "TRANSACTION" ? What::kTransaction : What::kSession;
      set.modes = modes(ISOBAR_NODES(s, args));
      break;
    default:
      for (const auto* arg : ISOBAR_NODES(s, args)) {
        if (arg->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) refuse("SET TIME ZONE with an interval", arg->type_cast->location);
        set.values.push_back(text_of(arg));
      }
  }
  return set;
}

ast::Statement::Node TreeReader::copy(const PgQuery__CopyStmt& s) {
  ast::Copy copy;
  copy.table = table(s.relation);
  copy.from = s.is_from != 0;
  copy.program = s.is_program != 0;
  if (*s.filename != 0) copy.file = s.filename;
  copy.columns = texts(ISOBAR_NODES(s, attlist));
  copy.options = options(ISOBAR_NODES(s, options));
  copy.where = expr(s.where_clause);
  if (s.query != nullptr) copy.query = query(s.query);
  return copy;
}

ast::Statement::Node TreeReader::fetch(const PgQuery__FetchStmt& s) {
  using Direction = ast::Fetch::Direction;
  ast::Fetch fetch;
  fetch.direction = s.direction == PG_QUERY__FETCH_DIRECTION__FETCH_BACKWARD   ? Direction::kBackward
                    : s.direction == PG_QUERY__FETCH_DIRECTION__FETCH_ABSOLUTE ? Direction::kAbsolute
                    : s.direction == PG_QUERY__FETCH_DIRECTION__FETCH_RELATIVE ? Direction::kRelative
                                                                               : Direction::kForward;
  fetch.count = s.how_many == LONG_MAX ? INT64_MAX : s.how_many;
  fetch.cursor = s.portalname;
  fetch.move = s.ismove != 0;
  return fetch;
}

ast::Statement::Node TreeReader::maintain(const PgQuery__VacuumStmt& s) {
  ast::Maintain maintain;
  maintain.vacuum = s.is_vacuumcmd != 0;
  for (const auto* node : ISOBAR_NODES(s, rels))
    if (node->node_case == PG_QUERY__NODE__NODE_VACUUM_RELATION) maintain.tables.push_back(table(node->vacuum_relation->relation));
  return maintain;
}

ast::Statement::Node TreeReader::declare_cursor(const PgQuery__DeclareCursorStmt& s) {
  ast::DeclareCursor declare;
  declare.name = s.portalname;
  declare.binary = (s.options & 0x1) != 0;
  declare.hold = (s.options & 0x20) != 0;
  if ((s.options & 0x2) != 0) declare.scroll = true;
  if ((s.options & 0x4) != 0) declare.scroll = false;
  declare.query = inner(s.query);
  return declare;
}

}  // namespace isobar::sql
