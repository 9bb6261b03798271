// ALTER, DROP, RENAME, COMMENT, GRANT.

#include "tree_reader.h"

namespace isobar::sql {

std::string_view ast::name_of(ObjectKind kind) {
  static constexpr std::string_view kNames[] = {"TABLE",      "INDEX", "SEQUENCE", "VIEW",     "SCHEMA", "COLUMN",
                                                "CONSTRAINT", "ROLE",  "DATABASE", "FUNCTION", "TYPE"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<ast::ObjectKind> TreeReader::object_kind(PgQuery__ObjectType type) {
  switch (type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE: return ast::ObjectKind::kTable;
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX: return ast::ObjectKind::kIndex;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: return ast::ObjectKind::kSequence;
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW: return ast::ObjectKind::kView;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: return ast::ObjectKind::kSchema;
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN: return ast::ObjectKind::kColumn;
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT: return ast::ObjectKind::kConstraint;
    case PG_QUERY__OBJECT_TYPE__OBJECT_ROLE: return ast::ObjectKind::kRole;
    case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE: return ast::ObjectKind::kDatabase;
    case PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION:
    case PG_QUERY__OBJECT_TYPE__OBJECT_PROCEDURE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_ROUTINE: return ast::ObjectKind::kFunction;
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN: return ast::ObjectKind::kType;
    default: return std::nullopt;
  }
}

namespace {
/// "OBJECT_MATVIEW" → "MATVIEW".
std::string word_of(PgQuery__ObjectType type) {
  const auto* value = protobuf_c_enum_descriptor_get_value(&pg_query__object_type__descriptor, type);
  std::string word = value == nullptr ? "OBJECT" : value->name;
  return word.starts_with("OBJECT_") ? word.substr(7) : word;
}
ast::Behavior behavior_of(PgQuery__DropBehavior behavior) {
  return behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE ? ast::Behavior::kCascade : ast::Behavior::kRestrict;
}
}  // namespace

ast::Statement::Node TreeReader::drop(const PgQuery__DropStmt& s) {
  const auto kind = object_kind(s.remove_type);
  if (!kind) return ast::Unsupported{"DROP " + word_of(s.remove_type)};
  ast::Drop drop;
  drop.kind = *kind;
  for (const auto* object : ISOBAR_NODES(s, objects)) drop.objects.push_back(name_of_object(object));
  drop.if_exists = s.missing_ok != 0;
  drop.behavior = behavior_of(s.behavior);
  return drop;
}

ast::Statement::Node TreeReader::rename(const PgQuery__RenameStmt& s) {
  const auto kind = object_kind(s.rename_type);
  if (!kind || *kind == ast::ObjectKind::kFunction || *kind == ast::ObjectKind::kType)
    return ast::Unsupported{"ALTER " + word_of(s.rename_type) + " RENAME"};
  ast::Rename rename;
  rename.kind = *kind;
  rename.to = s.newname;
  rename.if_exists = s.missing_ok != 0;
  if (s.relation != nullptr) rename.object = table(s.relation).name, rename.part = s.subname;
  else rename.object.parts = {s.subname};
  return rename;
}

/// A column's name and a constraint's stand behind their table's.
ast::Statement::Node TreeReader::comment(const PgQuery__CommentStmt& s) {
  const auto kind = object_kind(s.objtype);
  if (!kind) return ast::Unsupported{"COMMENT ON " + word_of(s.objtype)};
  ast::Comment comment;
  comment.kind = *kind;
  comment.object = name_of_object(s.object);
  if ((*kind == ast::ObjectKind::kColumn || *kind == ast::ObjectKind::kConstraint) && comment.object.parts.size() > 1) {
    comment.part = comment.object.parts.back();
    comment.object.parts.pop_back();
  }
  if (*s.comment != 0) comment.text = s.comment;
  return comment;
}

ast::Statement::Node TreeReader::grant(const PgQuery__GrantStmt& s) {
  const std::string command = s.is_grant ? "GRANT" : "REVOKE";
  const auto kind = object_kind(s.objtype);
  if (!kind || s.targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_DEFAULTS)
    return ast::Unsupported{command + " ON " + word_of(s.objtype)};
  ast::Grant grant;
  grant.grant = s.is_grant != 0;
  grant.with_option = s.grant_option != 0;
  grant.all_in_schema = s.targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_ALL_IN_SCHEMA;
  grant.kind = *kind;
  grant.behavior = behavior_of(s.behavior);
  for (const auto* object : ISOBAR_NODES(s, objects)) grant.objects.push_back(name_of_object(object));
  for (const auto* node : ISOBAR_NODES(s, privileges))
    if (node->node_case == PG_QUERY__NODE__NODE_ACCESS_PRIV)
      grant.privileges.push_back({node->access_priv->priv_name, texts(ISOBAR_NODES(*node->access_priv, cols))});
  for (const auto* node : ISOBAR_NODES(s, grantees))
    if (node->node_case == PG_QUERY__NODE__NODE_ROLE_SPEC) grant.grantees.push_back(role(node->role_spec));
  if (s.grantor != nullptr) refuse("GRANTED BY");
  return grant;
}

ast::Statement::Node TreeReader::grant_role(const PgQuery__GrantRoleStmt& s) {
  ast::GrantRole grant;
  grant.grant = s.is_grant != 0;
  grant.admin = s.admin_opt != 0;
  for (const auto* node : ISOBAR_NODES(s, granted_roles))
    if (node->node_case == PG_QUERY__NODE__NODE_ACCESS_PRIV) grant.roles.emplace_back(node->access_priv->priv_name);
  for (const auto* node : ISOBAR_NODES(s, grantee_roles))
    if (node->node_case == PG_QUERY__NODE__NODE_ROLE_SPEC) grant.grantees.push_back(role(node->role_spec));
  if (s.grantor != nullptr) refuse("GRANTED BY");
  return grant;
}

ast::Statement::Node TreeReader::alter_table(const PgQuery__AlterTableStmt& s) {
  const auto kind = object_kind(s.objtype);
  if (!kind) return ast::Unsupported{"ALTER " + word_of(s.objtype)};
  ast::AlterTable alter;
  alter.table = table(s.relation);
  alter.if_exists = s.missing_ok != 0;
  // ALTER VIEW and ALTER SEQUENCE … OWNER TO come this way, too.
  if (*kind != ast::ObjectKind::kTable) {
    const auto* owner =
        s.n_cmds == 1 && s.cmds[0]->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD ? s.cmds[0]->alter_table_cmd : nullptr;
    if (owner == nullptr || owner->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner)
      return ast::Unsupported{"ALTER " + word_of(s.objtype)};
    return ast::SetOwner{*kind, alter.table.name, role(owner->newowner)};
  }
  for (const auto* node : ISOBAR_NODES(s, cmds))
    if (node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD) alter_command(*node->alter_table_cmd, alter);
  return alter;
}

void TreeReader::alter_command(const PgQuery__AlterTableCmd& c, ast::AlterTable& into) {
  using Alter = ast::AlterTable;
  const auto add = [&](auto command) { into.commands.push_back({std::move(command)}); };
  const auto* def = c.def;
  const bool is_column = def != nullptr && def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF;
  const bool is_constraint = def != nullptr && def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT;
  switch (c.subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
      if (is_column) add(Alter::AddColumn{column(*def->column_def), c.missing_ok != 0});
      return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn: return add(Alter::DropColumn{c.name, c.missing_ok != 0, behavior_of(c.behavior)});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType: {
      if (!is_column) return;
      Alter::AlterType alter{c.name, type_name(def->column_def->type_name), definition(def->column_def->raw_default), std::nullopt};
      if (const auto* collation = def->column_def->coll_clause)
        alter.collation = name(ISOBAR_NODES(*collation, collname), collation->location);
      return add(std::move(alter));
    }
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault: return add(Alter::SetDefault{c.name, definition(c.def)});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull: return add(Alter::SetNotNull{c.name, true});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull: return add(Alter::SetNotNull{c.name, false});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity:
      if (is_constraint) add(Alter::AddIdentity{c.name, constraint(*def->constraint)});
      return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity: return add(Alter::DropIdentity{c.name, c.missing_ok != 0});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropExpression: return add(Alter::DropExpression{c.name, c.missing_ok != 0});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
      if (is_constraint) add(Alter::AddConstraint{constraint(*def->constraint)});
      return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
      return add(Alter::DropConstraint{c.name, c.missing_ok != 0, behavior_of(c.behavior)});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint: return add(Alter::ValidateConstraint{c.name});
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner: return add(Alter::OwnerTo{role(c.newowner)});
    default: break;
  }
  const auto* known = protobuf_c_enum_descriptor_get_value(&pg_query__alter_table_type__descriptor, c.subtype);
  const std::string command = known == nullptr ? "" : known->name;
  refuse("ALTER TABLE's " + (command.starts_with("AT_") ? command.substr(3) : command));
}

}  // namespace isobar::sql
