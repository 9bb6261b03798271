#pragma once

// A member of a database by its folder, as the commands of `isobar db` name it.

#include <memory>
#include <string>

#include "command.h"
#include "db/session.h"

namespace isobar::app {

struct DbMember {
  std::string folder;   // where its secret.yaml is
  std::string cluster;  // cluster.yaml; empty: the one beside the folder
};

struct DbMembership {
  db::ClusterFile cluster;
  db::Secret secret;
};

void add_db_member_options(CLI::App& command, DbMember& member, const std::string& whose);
Result<DbMembership> read_db_member(const DbMember& member);
Result<std::unique_ptr<db::Session>> open_session(const DbMember& member);

}  // namespace isobar::app
