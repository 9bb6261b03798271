// Roles, and who may do what.

#include <fmt/format.h>

#include <algorithm>

#include "db/scram.h"
#include "schema_editor.h"

namespace isobar::db {

namespace ast = sql::ast;

namespace {

SqlError no_role(const std::string& name) { return {sql::state::kUndefinedObject, fmt::format("role \"{}\" does not exist", name)}; }

struct PrivilegeName {
  std::string_view name;
  char letter;
};
constexpr PrivilegeName kPrivileges[] = {{"select", 'r'},     {"insert", 'a'},  {"update", 'w'}, {"delete", 'd'}, {"truncate", 'D'},
                                         {"references", 'x'}, {"trigger", 't'}, {"usage", 'U'},  {"create", 'C'}, {"connect", 'c'},
                                         {"temporary", 'T'},  {"temp", 'T'},    {"execute", 'X'}};

std::string all_privileges(ast::ObjectKind kind) {
  switch (kind) {
    case ast::ObjectKind::kSequence: return "rwU";
    case ast::ObjectKind::kSchema: return "UC";
    case ast::ObjectKind::kDatabase: return "CTc";
    default: return "arwdDxt";
  }
}

void change(std::vector<AclItem>& acl, const ast::Grant& s, const std::string& letters, const std::string& grantor) {
  for (const auto& grantee : s.grantees) {
    const std::string who = grantee == "public" ? "" : grantee;
    auto item = std::find_if(acl.begin(), acl.end(), [&](const AclItem& each) { return each.grantee == who; });
    if (item == acl.end()) {
      if (!s.grant) continue;
      acl.push_back({who, "", "", grantor});
      item = std::prev(acl.end());
    }
    for (const char letter : letters) {
      std::erase(item->privileges, letter);
      if (s.grant) item->privileges += letter;
    }
    if (item->privileges.empty()) acl.erase(item);
  }
}

}  // namespace

SqlStatus SchemaEditor::set_role_options(RoleObject& role, const std::vector<ast::Option>& options, const std::string& name) {
  for (const auto& option : options) {
    if (option.name == "superuser") role.superuser = option.said;
    else if (option.name == "canlogin") role.login = option.said;
    else if (option.name == "createrole") role.create_role = option.said;
    else if (option.name == "createdb") role.create_db = option.said;
    else if (option.name == "inherit") role.inherit = option.said;
    else if (option.name == "password") {
      if (!option.value) role.password.clear();
      else if (option.value->starts_with("SCRAM-SHA-256$")) role.password = *option.value;
      else role.password = scram_text(make_scram_verifier(*option.value));
    } else if (option.name == "addroleto") {
      role.member_of.insert(option.list.begin(), option.list.end());
    } else if (option.name != "connectionlimit" && option.name != "validUntil" && option.name != "isreplication" &&
               option.name != "bypassrls") {
      return not_supported(fmt::format("option {} of role \"{}\"", option.name, name));
    }
  }
  return {};
}

SqlResult<std::string> SchemaEditor::run(const ast::CreateRole& s) {
  const auto self = c_.tx.schema().roles.find(user());
  if (!is_superuser() && (self == c_.tx.schema().roles.end() || !self->second.create_role))
    return SqlError(sql::state::kInsufficientPrivilege, "permission denied to create role");
  if (c_.tx.schema().roles.contains(s.name) || s.name == "public" || s.name.starts_with("pg_"))
    return SqlError(sql::state::kDuplicateObject, fmt::format("role \"{}\" already exists", s.name));
  RoleObject role;
  role.id = new_id();
  role.login = s.login;
  TRY(set_role_options(role, s.options, s.name));
  if (role.superuser && !is_superuser()) return SqlError(sql::state::kInsufficientPrivilege, "must be superuser to create superusers");
  for (const auto& name : role.member_of) TRY(may_grant(name));
  put_role(s.name, &role);
  return std::string("CREATE ROLE");
}

SqlResult<std::string> SchemaEditor::run(const ast::AlterRole& s) {
  const auto found = c_.tx.schema().roles.find(s.name);
  if (found == c_.tx.schema().roles.end()) return no_role(s.name);
  if (!is_superuser() && s.name != user()) return SqlError(sql::state::kInsufficientPrivilege, "permission denied");
  RoleObject role = found->second;
  TRY(set_role_options(role, s.options, s.name));
  const RoleObject& old = found->second;
  const bool only_password = role.superuser == old.superuser && role.login == old.login && role.create_role == old.create_role &&
                             role.create_db == old.create_db && role.inherit == old.inherit && role.member_of == old.member_of;
  if (!is_superuser() && !only_password)
    return SqlError(sql::state::kInsufficientPrivilege,
                    "permission denied: a role may change its own password, and nothing else of itself");
  put_role(s.name, &role);
  return std::string("ALTER ROLE");
}

SqlResult<std::string> SchemaEditor::run(const ast::DropRole& s) {
  for (const auto& name : s.names) {
    if (!c_.tx.schema().roles.contains(name)) {
      if (!s.if_exists) return no_role(name);
      say("00000", fmt::format("role \"{}\" does not exist, skipping", name));
      continue;
    }
    if (!is_superuser()) return SqlError(sql::state::kInsufficientPrivilege, "permission denied to drop role");
    if (name == user()) return SqlError("55006", "current user cannot be dropped");
    for (const auto& [id, object] : c_.tx.schema().tables)
      if (object.owner == name)
        return SqlError(sql::state::kDependentObjectsStillExist,
                        fmt::format("role \"{}\" cannot be dropped because some objects depend on it", name))
            .with_detail(fmt::format("owner of table {}", object.table->name));
    put_role(name, nullptr);
  }
  return std::string("DROP ROLE");
}

SqlResult<std::string> SchemaEditor::run(const ast::Grant& s) {
  const std::string tag = s.grant ? "GRANT" : "REVOKE";
  std::string letters;
  for (const auto& privilege : s.privileges) {
    if (!privilege.columns.empty()) return not_supported("a privilege on columns");
    const auto found =
        std::find_if(std::begin(kPrivileges), std::end(kPrivileges), [&](const auto& each) { return each.name == privilege.name; });
    if (found == std::end(kPrivileges))
      return SqlError(sql::state::kSyntaxError, fmt::format("unrecognized privilege type \"{}\"", privilege.name));
    letters += found->letter;
  }
  if (letters.empty() || s.privileges.front().name.empty()) letters = all_privileges(s.kind);
  for (const auto& grantee : s.grantees)
    if (grantee != "public" && !c_.tx.schema().roles.contains(grantee)) return no_role(grantee);
  const auto on_table = [&](const TableObject& found) -> SqlStatus {
    TRY(owned(found.owner, "table", found.table->name));
    TableObject object = found;
    change(object.acl, s, letters, user());
    put(object);
    return {};
  };
  const auto on_sequence = [&](const SequenceObject& found) {
    SequenceObject object = found;
    change(object.acl, s, letters, user());
    put(object);
  };
  const SchemaPtr known = c_.tx.schema_ptr();
  for (const auto& name : s.objects) {
    if (s.all_in_schema) {
      for (const auto& [id, object] : known->tables)
        if (s.kind != ast::ObjectKind::kSequence && object.table->schema == name.last()) TRY(on_table(object));
      for (const auto& [id, object] : known->sequences)
        if (s.kind == ast::ObjectKind::kSequence && object.sequence.schema == name.last()) on_sequence(object);
    } else if (s.kind == ast::ObjectKind::kSchema) {
      const auto found = known->schemas.find(name.last());
      if (found == known->schemas.end())
        return SqlError(sql::state::kInvalidSchemaName, fmt::format("schema \"{}\" does not exist", name.last()));
      SchemaObject object = found->second;
      change(object.acl, s, letters, user());
      put_schema(name.last(), &object);
    } else if (s.kind == ast::ObjectKind::kDatabase) {
      continue;  // there is one, and who may connect is said by roles
    } else {
      TRY_ASSIGN(const auto sequence, c_.catalog.find_sequence(name.qualifier(), name.last()));
      if (sequence) {
        on_sequence(known->sequences.at(sequence->id));
        continue;
      }
      if (s.kind != ast::ObjectKind::kTable && s.kind != ast::ObjectKind::kView)
        return not_supported(fmt::format("{} on a {}", tag, ast::name_of(s.kind)));
      TRY_ASSIGN(const TableObject* found, table_named(name));
      TRY(on_table(*found));
    }
  }
  return tag;
}

/// Whoever may make roles may put others into them, but not into those that may do everything.
SqlStatus SchemaEditor::may_grant(const std::string& role) const {
  const auto& roles = c_.tx.schema().roles;
  const auto self = roles.find(user()), granted = roles.find(role);
  const bool creates = self != roles.end() && self->second.create_role && granted != roles.end() && !granted->second.superuser;
  if (is_superuser() || creates) return {};
  return SqlError(sql::state::kInsufficientPrivilege, fmt::format("must have admin option on role \"{}\"", role));
}

SqlResult<std::string> SchemaEditor::run(const ast::GrantRole& s) {
  const SchemaPtr known = c_.tx.schema_ptr();
  for (const auto& name : s.roles) TRY(may_grant(name));
  for (const auto& grantee : s.grantees) {
    const auto found = known->roles.find(grantee);
    if (found == known->roles.end()) return no_role(grantee);
    RoleObject role = found->second;
    for (const auto& name : s.roles) {
      if (!known->roles.contains(name)) return no_role(name);
      if (s.grant) role.member_of.insert(name);
      else role.member_of.erase(name);
    }
    put_role(grantee, &role);
  }
  return std::string(s.grant ? "GRANT ROLE" : "REVOKE ROLE");
}

}  // namespace isobar::db
