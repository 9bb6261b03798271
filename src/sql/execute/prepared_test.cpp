// What PostgreSQL cannot be asked: parameters, limits, cancelling, what a plan stands on.

#include "sql/prepared.h"

#include <gmock/gmock.h>

#include "both_test.h"

namespace isobar::sql {
namespace {

using ::testing::ElementsAre;

std::unique_ptr<Prepared> prepared(Ours& ours, const std::string& sql, std::vector<Type> parameters = {}) {
  const auto parsed = parse(sql);
  CHECK(parsed.ok(), sql);
  auto made = prepare(parsed->front(), ours.database(), Ours::functions(), ours.session(), parameters);
  CHECK(made.ok(), made.ok() ? "" : made.error().message(), sql);
  return std::move(made).value();
}
SqlError refusal(Ours& ours, const std::string& sql) {
  const auto parsed = parse(sql);
  CHECK(parsed.ok(), sql);
  auto made = prepare(parsed->front(), ours.database(), Ours::functions(), ours.session(), {});
  return made.ok() ? SqlError("00000", "it was taken") : made.error();
}

std::vector<std::string> run(Ours& ours, Prepared& statement, std::vector<Value> values, const ExecutionLimits& limits = {}) {
  auto stream = statement.execute(std::move(values), ours.database(), ours.session(), limits);
  if (!stream.ok()) return {std::string(stream.error().sqlstate())};
  std::vector<std::string> rows;
  while (true) {
    const auto row = (*stream)->next();
    if (!row.ok()) return {std::string(row.error().sqlstate())};
    if (*row == nullptr) break;
    std::string text;
    for (std::size_t i = 0; i < (*row)->size(); ++i)
      text += (i == 0 ? "" : "|") + ((**row)[i].is_null() ? "null" : to_text(statement.columns()[i].type, (**row)[i], {}));
    rows.push_back(std::move(text));
  }
  ours.database().keep();
  return rows;
}

struct PreparedTest : ::testing::Test {
  PreparedTest() {
    for (const auto* sql : {"CREATE TABLE t (id int PRIMARY KEY, a bigint, b text)", "CREATE INDEX t_a ON t (a)",
                            "INSERT INTO t SELECT g, g % 10, 'row ' || g FROM generate_series(1, 1000) g"})
      CHECK(ours.ask(sql).sqlstate.empty(), sql);
  }
  Ours ours;
};

TEST_F(PreparedTest, ParametersGetTheirTypesFromWhereTheyStand) {
  EXPECT_THAT(prepared(ours, "SELECT $1 + a, b FROM t WHERE id = $2 AND b LIKE $3")->parameters(),
              ElementsAre(type_of(Kind::kInt8), type_of(Kind::kInt4), type_of(Kind::kText)));
  EXPECT_THAT(prepared(ours, "INSERT INTO t VALUES ($1, $2, $3)")->parameters(),
              ElementsAre(type_of(Kind::kInt4), type_of(Kind::kInt8), type_of(Kind::kText)));
  EXPECT_THAT(prepared(ours, "UPDATE t SET b = $1 WHERE id = ANY ($2)")->parameters(),
              ElementsAre(type_of(Kind::kText), array_of(Kind::kInt4)));
  EXPECT_THAT(prepared(ours, "SELECT $1::date, $2")->parameters(), ElementsAre(type_of(Kind::kDate), type_of(Kind::kText)));
  EXPECT_THAT(prepared(ours, "SELECT id FROM t LIMIT $1")->parameters(), ElementsAre(type_of(Kind::kInt8)));
  EXPECT_THAT(prepared(ours, "SELECT id FROM t WHERE id = $1", {type_of(Kind::kInt8)})->parameters(), ElementsAre(type_of(Kind::kInt8)));
  EXPECT_EQ(refusal(ours, "SELECT 1 WHERE $1 IS NULL AND $3 = 1").sqlstate(), state::kIndeterminateDatatype);
}

TEST_F(PreparedTest, OneStatementRunsAgainAndAgainAndBesideItself) {
  const auto statement = prepared(ours, "SELECT b FROM t WHERE id = $1");
  EXPECT_THAT(run(ours, *statement, {Value(std::int64_t{7})}), ElementsAre("row 7"));
  EXPECT_THAT(run(ours, *statement, {Value(std::int64_t{8})}), ElementsAre("row 8"));
  EXPECT_THAT(run(ours, *statement, {Value()}), ElementsAre());
  EXPECT_THAT(run(ours, *statement, {}), ElementsAre("08P01"));
  const auto all = prepared(ours, "SELECT id FROM t ORDER BY id");
  auto first = all->execute({}, ours.database(), ours.session(), {});
  ASSERT_TRUE((*first)->next().ok());
  EXPECT_EQ(run(ours, *all, {}).size(), 1000U);
  EXPECT_EQ((**(*first)->next())[0].integer(), 2);
}

TEST_F(PreparedTest, ColumnsSayWhereTheyComeFrom) {
  const auto statement = prepared(ours, "SELECT x.b, id + 1, (SELECT 1) FROM t x");
  const auto table = *ours.database().find_table("", "t");
  EXPECT_EQ(statement->columns()[0].table, table->id);
  EXPECT_EQ(statement->columns()[0].attribute, 3);
  EXPECT_EQ(statement->columns()[1].table, 0U);
  EXPECT_EQ(statement->tables().size(), 1U);
}

TEST_F(PreparedTest, SaysWhatItWritesAndWhatMustBeAllowed) {
  const auto letters = [&](const std::string& sql) {
    std::string all;
    for (const auto& one : prepared(ours, sql)->privileges()) all += one.what;
    return all;
  };
  EXPECT_EQ(letters("SELECT 1"), "");
  EXPECT_EQ(letters("SELECT id FROM t"), "r");
  EXPECT_EQ(letters("INSERT INTO t VALUES (1)"), "a");
  EXPECT_EQ(letters("INSERT INTO t VALUES (1) RETURNING id"), "ar");
  EXPECT_EQ(letters("UPDATE t SET b = 'x'"), "w");
  EXPECT_EQ(letters("UPDATE t SET b = 'x' WHERE id = 1"), "wr");
  EXPECT_EQ(letters("DELETE FROM t"), "d");
  EXPECT_EQ(letters("SELECT id FROM t FOR UPDATE"), "rw");
  EXPECT_TRUE(prepared(ours, "SELECT id FROM t")->reads_only());
  EXPECT_FALSE(prepared(ours, "SELECT id FROM t FOR UPDATE")->reads_only());
  EXPECT_FALSE(prepared(ours, "WITH d AS (DELETE FROM t RETURNING id) SELECT id FROM d")->reads_only());
  EXPECT_EQ(prepared(ours, "DELETE FROM t")->command(), "DELETE");
}

TEST_F(PreparedTest, MemoryIsBoundedAndItsSettingNamed) {
  ExecutionLimits few;
  few.memory_bytes = 20000;
  for (const auto* sql : {"SELECT b FROM t ORDER BY b", "SELECT b, count(*) FROM t GROUP BY b", "SELECT DISTINCT b FROM t",
                          "SELECT count(*) FROM t x JOIN t y ON x.b = y.b", "SELECT array_agg(b) FROM t", "SELECT sum(a) OVER () FROM t",
                          "WITH w AS MATERIALIZED (SELECT b FROM t) SELECT count(*) FROM w",
                          "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"}) {
    EXPECT_THAT(run(ours, *prepared(ours, sql), {}, few), ElementsAre("53200")) << sql;
  }
  auto stream = prepared(ours, "SELECT b FROM t ORDER BY b")->execute({}, ours.database(), ours.session(), few);
  ASSERT_FALSE(stream.ok());
  EXPECT_THAT(stream.error().detail(), ::testing::HasSubstr("\"work_mem\""));
  EXPECT_EQ(run(ours, *prepared(ours, "SELECT b FROM t ORDER BY b LIMIT 3"), {}, few).size(), 3U);
}

TEST_F(PreparedTest, EndsWhenItIsCanceled) {
  int asked = 0;
  ours.session().canceled = [&] { return ++asked > 3; };
  EXPECT_THAT(run(ours, *prepared(ours, "SELECT count(*) FROM t x, t y, t z"), {}), ElementsAre("57014"));
  EXPECT_THAT(run(ours, *prepared(ours, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"), {}),
              ElementsAre("57014"));
}

TEST_F(PreparedTest, WhatFailsHalfWayWritesNothing) {
  EXPECT_EQ(ours.ask("INSERT INTO t SELECT 2001 - g, 1 FROM generate_series(0, 1500) g").sqlstate, state::kUniqueViolation);
  EXPECT_EQ(ours.ask("SELECT count(*) FROM t").rows.at(0).at(0), "1000");
}

/// front × n, middle, back × n
std::string nested(std::string_view front, std::string_view middle, std::string_view back, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += front;
  text += middle;
  for (int i = 0; i < times; ++i) text += back;
  return text;
}

TEST_F(PreparedTest, WhatNestsDeeplyRunsOrIsRefused) {
  for (int times = 50; times < 1000; times += 150)
    for (const auto& sql :
         {"SELECT 1" + nested(" + 1", "", "", times), "SELECT " + nested("abs(", "1", ")", times),
          "SELECT " + nested("NOT ", "true", "", times), "SELECT " + nested("CASE WHEN true THEN ", "1", " END", times),
          "SELECT " + nested("(SELECT ", "1", ")", times), nested("SELECT * FROM (", "SELECT 1", ") x", times),
          "SELECT 1" + nested(" UNION SELECT 1", "", "", times),
          "SELECT 1 FROM t t0 " + nested("JOIN t USING (id) ", "", "", std::min(times, 1)) + nested("CROSS JOIN (SELECT 1) x ", "", "", 1),
          "SELECT " + nested("coalesce(NULL, ", "1", ")", times), "SELECT " + nested("ARRAY[", "1", "]", times),
          "SELECT 1 FROM t WHERE " + nested("EXISTS (SELECT 1 FROM t WHERE ", "true", ")", times) + " LIMIT 1"}) {
      const auto answer = ours.ask(sql);
      EXPECT_TRUE(answer.sqlstate.empty() || answer.sqlstate == state::kStatementTooComplex)
          << times << ' ' << answer.sqlstate << ' ' << answer.message << ' ' << sql.substr(0, 60);
    }
  EXPECT_EQ(ours.ask("SELECT 1" + nested(" + 1", "", "", 900)).rows.at(0).at(0), "901");
  EXPECT_TRUE(ours.ask(nested("SELECT * FROM (", "SELECT 1", ") x", 100)).sqlstate.empty());
}

}  // namespace
}  // namespace isobar::sql
