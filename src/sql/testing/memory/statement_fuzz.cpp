#include <cstddef>
#include <cstdint>

#include "sql/memory_database.h"
#include "sql/prepared.h"

namespace isobar::sql {
namespace {

const FunctionSet& functions() {
  static const FunctionSet set = FunctionSet::built_in();
  return set;
}

bool is_query(const ast::Statement& statement) {
  return std::holds_alternative<ast::QueryPtr>(statement.node) || std::holds_alternative<ast::Insert>(statement.node) ||
         std::holds_alternative<ast::Update>(statement.node) || std::holds_alternative<ast::Delete>(statement.node);
}

/// Runs a statement as far as a hundred rows, a megabyte, and some thousand steps go.
void run(const ast::Statement& statement, MemoryDatabase& database, const SessionValues& session) {
  if (!is_query(statement)) return static_cast<void>(database.define(statement).ok());
  auto prepared = prepare(statement, database, functions(), session, {});
  if (!prepared.ok() || !(*prepared)->parameters().empty()) return;
  static_cast<void>((*prepared)->explain(true));
  ExecutionLimits limits;
  limits.memory_bytes = 1 << 20;
  auto stream = (*prepared)->execute({}, database, session, limits);
  for (int rows = 0; stream.ok() && rows < 100; ++rows) {
    const auto row = (*stream)->next();
    if (!row.ok() || *row == nullptr) break;
  }
  database.keep();
}

}  // namespace
}  // namespace isobar::sql

/// Any statements are carried out or refused over a small database: nothing overruns memory, the stack, or time.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::sql;
  MemoryDatabase database;
  SessionValues session;
  session.user = session.session_user = session.database = "u";
  session.search_path = {"public"};
  session.random = [] { return 0.25; };
  session.clock = [] { return std::int64_t{0}; };
  session.new_uuid = [] { return Uuid{}; };
  int asked = 0;
  session.canceled = [&] { return ++asked > 100; };
  for (const char* text : {"CREATE TABLE t (id int PRIMARY KEY, a int, b text, c numeric, d date, e bool); CREATE INDEX ON t (a, b DESC);"
                           "INSERT INTO t SELECT g, g % 3, 'b' || g, g * 0.5, '2024-01-01'::date + g, g > 2 FROM generate_series(1, 5) g;"
                           "CREATE TABLE u (id int, x text UNIQUE); INSERT INTO u VALUES (1, 'p'), (2, NULL), (2, 'q')"})
    for (const auto& statement : *parse(text)) run(statement, database, session);
  const auto parsed = parse({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok() || parsed->size() > 8) return 0;
  for (const auto& statement : *parsed) run(statement, database, session);
  return 0;
}
