#pragma once

// Who may do what with a table: owners and superusers everything, others what was granted to them, to a role that they are in, or to all.

#include <memory>
#include <string>
#include <vector>

#include "db/schema.h"
#include "sql/ast.h"
#include "sql/error.h"

namespace isobar::db {

bool has_privilege(const SchemaSnapshot& schema, const std::string& user, const std::string& owner, const std::vector<AclItem>& acl,
                   char privilege);
/// tables  all that the statement names. Errors   42501
sql::SqlStatus check_privileges(const SchemaSnapshot& schema, const std::string& user,
                                const std::vector<std::shared_ptr<const sql::Table>>& tables, const sql::ast::Statement& statement);

}  // namespace isobar::db
