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

sql::SqlStatus check_privileges(const SchemaSnapshot& schema, const std::string& user, const std::vector<sql::logical::Privilege>& needed) {
  for (const auto& [table, what] : needed) {
    const auto object = schema.tables.find(table->id);
    if (object == schema.tables.end() || has_privilege(schema, user, object->second.owner, object->second.acl, what)) continue;
    const bool is_view = table->what == sql::Table::What::kView;
    return sql::SqlError(sql::state::kInsufficientPrivilege,
                         fmt::format("permission denied for {} {}", is_view ? "view" : "table", table->name));
  }
  return {};
}

}  // namespace isobar::db
