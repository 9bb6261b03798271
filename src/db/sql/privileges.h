#pragma once

// Who may do what with a table: owners and superusers everything, others what was granted to them, to a role that they are in, or to all.

#include <string>
#include <vector>

#include "db/schema.h"
#include "sql/error.h"
#include "sql/logical.h"

namespace isobar::db {

bool has_privilege(const SchemaSnapshot& schema, const std::string& user, const std::string& owner, const std::vector<AclItem>& acl,
                   char privilege);
/// Errors   42501: which table he may not touch
sql::SqlStatus check_privileges(const SchemaSnapshot& schema, const std::string& user, const std::vector<sql::logical::Privilege>& needed);

}  // namespace isobar::db
