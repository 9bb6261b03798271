// Drawn statements through PostgreSQL and through us. The long run (ISOBAR_LONG=1) has twenty times as many.

#include <gmock/gmock.h>

#include <cstdlib>

#include "both_test.h"
#include "statements_test.h"

namespace isobar::sql {
namespace {

constexpr std::uint64_t kStatementsOfASchema = 50;

/// Runs what one seed draws. The first difference ends it.
std::string run(std::uint64_t seed, Postgresql& theirs, std::size_t& refused) {
  theirs.ask("DROP SCHEMA public CASCADE");
  theirs.ask("CREATE SCHEMA public");
  Ours ours;
  StatementDraw draw(seed);
  for (const auto& statement : draw.schema()) {
    const auto a = ours.ask(statement), b = theirs.ask(statement);
    if (a.sqlstate != b.sqlstate) return statement + "\n  " + difference(a, b, false);
  }
  for (std::uint64_t i = 0; i < kStatementsOfASchema; ++i) {
    const auto statement = draw.statement();
    auto a = ours.ask(statement);
    const auto b = theirs.ask(statement);
    if (!a.sqlstate.empty() && a.sqlstate == b.sqlstate) a.message = b.message;  // of several rows that fail either may be the first
    if (!a.sqlstate.empty()) ++refused;
    if (const auto how = difference(a, b, is_ordered(statement)); !how.empty()) return statement + "\n  " + how;
  }
  for (const auto& table : draw.tables()) {
    const auto statement = "SELECT * FROM " + table.name;
    if (const auto how = difference(ours.ask(statement), theirs.ask(statement), false); !how.empty()) return statement + "\n  " + how;
  }
  return {};
}

TEST(Differential, DrawnStatementsGiveWhatPostgresqlGives) {
  auto* theirs = Postgresql::shared();
  if (theirs == nullptr) GTEST_SKIP();
  theirs->ask("SET statement_timeout = '5s'");
  const char* only = std::getenv("ISOBAR_SEED");
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const std::uint64_t schemas = only != nullptr ? 1 : std::getenv("ISOBAR_LONG") != nullptr ? 400 : 20;
  std::size_t refused = 0;
  for (std::uint64_t seed = first; seed < first + schemas; ++seed) EXPECT_EQ(run(seed, *theirs, refused), "") << "ISOBAR_SEED=" << seed;
  // Statements that fail on both sides prove little; they are to stay few.
  EXPECT_LT(refused * 10, schemas * kStatementsOfASchema);
}

}  // namespace
}  // namespace isobar::sql
