#pragma once

/// The same statements through PostgreSQL and through us.

#include <memory>
#include <string>
#include <vector>

#include "sql/function_set.h"
#include "sql/memory_database.h"
#include "sql/postgresql.h"
#include "sql/prepared.h"

namespace isobar::sql {

/// Our side: statements over a database in memory.
class Ours {
 public:
  Ours();
  /// As Postgresql::ask answers.
  Answer ask(const std::string& statement);
  MemoryDatabase& database() { return *database_; }
  SessionValues& session() { return session_; }
  static const FunctionSet& functions();

 private:
  Answer run(const ast::Statement& statement);
  std::unique_ptr<MemoryDatabase> database_ = std::make_unique<MemoryDatabase>();
  SessionValues session_;
};

/// Whether the last word on the order of rows is the statement's.
bool is_ordered(const std::string& statement);
/// One line that says how they differ; empty: they do not.
std::string difference(const Answer& ours, const Answer& theirs, bool ordered);

}  // namespace isobar::sql
