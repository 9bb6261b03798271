#include "privileges.h"

#include <fmt/format.h>

#include <set>

namespace isobar::db {

namespace {

/// The role, and all that it is in.
std::set<std::string> roles_of(const SchemaSnapshot& schema, const std::string& user) {
  std::set<std::string> all{user};
  std::vector<std::string> open{user};
  while (!open.empty()) {
    const auto role = schema.roles.find(open.back());
    open.pop_back();
    if (role == schema.roles.end()) continue;
    for (const auto& name : role->second.member_of)
      if (all.insert(name).second) open.push_back(name);
  }
  return all;
}

}  // namespace

bool has_privilege(const SchemaSnapshot& schema, const std::string& user, const std::string& owner, const std::vector<AclItem>& acl,
                   char privilege) {
  const auto self = schema.roles.find(user);
  if (self != schema.roles.end() && self->second.superuser) return true;
  const auto roles = roles_of(schema, user);
  if (roles.contains(owner)) return true;
  for (const auto& item : acl)
    if ((item.grantee.empty() || roles.contains(item.grantee)) && item.privileges.find(privilege) != std::string::npos) return true;
  return false;
}

sql::SqlStatus check_privileges(const SchemaSnapshot& schema, const std::string& user,
                                const std::vector<std::shared_ptr<const sql::Table>>& tables, const sql::ast::Statement& statement) {
  const auto self = schema.roles.find(user);
  if (self != schema.roles.end() && self->second.superuser) return {};
  // The table that is written is the first of that name.
  std::string written;
  char privilege = 'r';
  if (const auto* insert = std::get_if<sql::ast::Insert>(&statement.node)) written = insert->table.name.last(), privilege = 'a';
  if (const auto* update = std::get_if<sql::ast::Update>(&statement.node)) written = update->table.name.last(), privilege = 'w';
  if (const auto* erase = std::get_if<sql::ast::Delete>(&statement.node)) written = erase->table.name.last(), privilege = 'd';
  for (const auto& table : tables) {
    const auto object = schema.tables.find(table->id);
    if (object == schema.tables.end()) continue;
    const bool is_written = table->name == written;
    const char wanted = is_written ? privilege : 'r';
    const auto has = [&](char letter) { return has_privilege(schema, user, object->second.owner, object->second.acl, letter); };
    const bool updates_too = is_written && privilege == 'a' && std::get<sql::ast::Insert>(statement.node).on_conflict &&
                             std::get<sql::ast::Insert>(statement.node).on_conflict->update;
    if (has(wanted) && (!updates_too || has('w'))) continue;
    return sql::SqlError(
        sql::state::kInsufficientPrivilege,
        fmt::format("permission denied for {} {}", table->what == sql::Table::What::kView ? "view" : "table", table->name));
  }
  return {};
}

}  // namespace isobar::db
