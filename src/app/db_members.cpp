#include "db_members.h"

#include <CLI/CLI.hpp>

#include <csignal>

namespace isobar::app {

void add_db_member_options(CLI::App& command, DbMember& member, const std::string& whose) {
  command.add_option("FOLDER", member.folder, "The folder of " + whose + ", with its secret.yaml.")->required();
  command.add_option("--cluster", member.cluster, "The cluster.yaml (default: the one beside FOLDER).");
}

Result<DbMembership> read_db_member(const DbMember& member) {
  std::signal(SIGPIPE, SIG_IGN);
  const fs::path folder = member.folder;
  TRY_ASSIGN(auto cluster, db::read_cluster(member.cluster.empty() ? folder / ".." / "cluster.yaml" : fs::path(member.cluster)));
  TRY_ASSIGN(auto secret, db::read_secret(folder / "secret.yaml", cluster));
  return DbMembership{std::move(cluster), std::move(secret)};
}

Result<std::unique_ptr<db::Session>> open_session(const DbMember& member) {
  TRY_ASSIGN(auto read, read_db_member(member));
  TRY_ASSIGN(auto session, db::Session::open(std::move(read.cluster), std::move(read.secret)));
  TRY(session->keep_evidence(fs::path(member.folder) / "evidence.log"));
  return session;
}

}  // namespace isobar::app
