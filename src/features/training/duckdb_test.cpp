// The join beside DuckDB's ASOF join, row for row, where DuckDB's library is at hand.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/random.h"
#include "features/duckdb_query.h"
#include "training_folder.h"

namespace isobar::features {
namespace {

/// Ties of one time are left out: which of them it takes DuckDB does not say.
std::string random_events(Random& random, int count) {
  std::string text = "user,amount,at\n";
  for (int i = 0; i < count; ++i)
    text += fmt::format("{},{},2024-01-01T{:02}:{:02}:{:02}.{:06}Z\n", random.next() % 50, random.next() % 1000, random.next() % 24,
                        random.next() % 60, random.next() % 60, i);
  return text;
}

TEST(DuckDb, ItsAsOfJoinGivesTheSameRows) {
  const auto there = read_duckdb_query("SELECT 1", {});
  if (!there.ok()) GTEST_SKIP() << there.error().message();
  Random random(7);
  const TrainingFolder folder;
  folder.put("events.csv", random_events(random, 5000));
  std::string rows = "id,user,t\n";
  for (int i = 0; i < 3000; ++i)
    rows += fmt::format("{},{},2024-01-01T{:02}:{:02}:00Z\n", i, random.next() % 60, random.next() % 24, random.next() % 60);
  folder.put("rows.csv", rows);
  TrainingFolder::Asked asked{.definition = "project: p\nentities: {user: {keys: {user: int64}}}\nsources: {s: {kind: file, path: '" +
                                            folder.path("events.csv") +
                                            "', schema: {user: int64, amount: int64, at: timestamp}, timestamp: at}}\n"
                                            "views: {v: {source: s, entity: user, where: amount > 100, ttl: 10m, features: {amount: "
                                            "amount, total: {function: sum, of: amount, windows: 20m, exact: true}}}}\n",
                              .spec = {.features = {"amount", "total"}},
                              .entities = "rows.csv",
                              .out = "out.parquet"};
  must(folder.make(asked));
  const std::string query = fmt::format(
      "WITH e AS (SELECT * FROM read_csv('{}') WHERE amount > 100), r AS (SELECT * FROM read_csv('{}')), "
      "w AS (SELECT r.id, sum(e.amount)::BIGINT total FROM r JOIN e ON e.user = r.user AND e.at <= r.t AND e.at > r.t - INTERVAL 20 MINUTE "
      "GROUP BY r.id) "
      "SELECT r.id, r.user, CASE WHEN r.t - e.at <= INTERVAL 10 MINUTE THEN e.amount END AS amount, "
      "CASE WHEN r.t - e.at <= INTERVAL 10 MINUTE THEN w.total END AS total "
      "FROM r ASOF LEFT JOIN e ON r.user = e.user AND e.at <= r.t LEFT JOIN w ON w.id = r.id ORDER BY r.id",
      folder.path("events.csv"), folder.path("rows.csv"));
  const std::vector<TableColumn> columns{
      {"id", {Kind::kInt64}, ""}, {"user", {Kind::kInt64}, ""}, {"amount", {Kind::kInt64}, ""}, {"total", {Kind::kInt64}, ""}};
  const auto theirs = must(read_duckdb_query(query, columns));
  const auto ours = must(read_table(must(table_file(folder.path("out.parquet"))), columns));
  Row a, b;
  int count = 0, found = 0;
  for (; must(theirs->next(a)); ++count) {
    ASSERT_TRUE(must(ours->next(b)));
    ASSERT_EQ(a, b) << "row " << count;
    found += a[2].is_null() ? 0 : 1;
  }
  EXPECT_EQ(count, 3000);
  EXPECT_GT(found, 500);
}

}  // namespace
}  // namespace isobar::features
