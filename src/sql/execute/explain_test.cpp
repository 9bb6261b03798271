// How statements are carried out, as EXPLAIN says it.

#include <gmock/gmock.h>

#include "both_test.h"

namespace isobar::sql {
namespace {

using ::testing::ElementsAre;

struct Explain : ::testing::Test {
  Explain() {
    for (const auto* sql :
         {"CREATE TABLE a (id int PRIMARY KEY, g int, x text)", "CREATE INDEX a_g ON a (g, x)", "CREATE INDEX a_x ON a (x DESC)",
          "CREATE TABLE b (id int PRIMARY KEY, a_id int, v int)", "CREATE INDEX b_a ON b (a_id)", "CREATE TABLE c (k int, w text)",
          "INSERT INTO a SELECT n, n % 50, 'x' || n FROM generate_series(1, 1000) n",
          "INSERT INTO b SELECT n, n % 1000, n FROM generate_series(1, 3000) n", "INSERT INTO c VALUES (1, 'p'), (2, 'q')",
          "CREATE VIEW view_a AS SELECT id, upper(x) AS ux, g FROM a WHERE g > 3"})
      CHECK(ours.ask(sql).sqlstate.empty(), sql);
    ours.database().count_rows();
  }
  std::vector<std::string> plan(const std::string& sql) {
    const auto parsed = parse(sql);
    CHECK(parsed.ok(), sql);
    auto made = prepare(parsed->front(), ours.database(), Ours::functions(), ours.session(), {});
    CHECK(made.ok(), made.ok() ? "" : made.error().message(), sql);
    return (*made)->explain(false);
  }
  Ours ours;
};

TEST_F(Explain, AKeyIsLookedUp) {
  EXPECT_THAT(plan("SELECT x FROM a WHERE id = $1"), ElementsAre("Index Scan using a_pkey on a", "  Index Cond: (id = $1)"));
  EXPECT_THAT(plan("SELECT x FROM a WHERE id IN (1, 2, 3) AND x <> 'q'"),
              ElementsAre("Index Scan using a_pkey on a", "  Index Cond: (id IN (1, 2, 3))", "  Filter: (x <> 'q'::text)"));
  EXPECT_THAT(plan("SELECT x FROM a WHERE id = ANY ($1)"), ElementsAre("Index Scan using a_pkey on a", "  Index Cond: (id = ANY ($1))"));
}

TEST_F(Explain, AnIndexGivesARangeBehindEqualities) {
  EXPECT_THAT(plan("SELECT id FROM a WHERE g = 5 AND x > 'x3' AND x <= 'x7'"),
              ElementsAre("Index Scan using a_g on a", "  Index Cond: ((g = 5) AND (x > 'x3'::text) AND (x <= 'x7'::text))"));
  EXPECT_THAT(plan("SELECT id FROM a WHERE g = 5 AND x LIKE 'x3%'"),
              ElementsAre("Index Scan using a_g on a", "  Index Cond: (g = 5)", "  Filter: (x ~~ 'x3%'::text)"));
  EXPECT_THAT(plan("SELECT k FROM c WHERE k = 5 AND w = 'p'").front(), "Seq Scan on c");
}

TEST_F(Explain, AnIndexGivesTheOrderOfAFewRows) {
  EXPECT_THAT(plan("SELECT id FROM a ORDER BY id DESC LIMIT 3"), ElementsAre("Limit", "  ->  Index Scan Backward using a_pkey on a"));
  EXPECT_THAT(plan("SELECT id FROM a ORDER BY x DESC LIMIT 3"), ElementsAre("Limit", "  ->  Index Scan using a_x on a"));
  EXPECT_THAT(plan("SELECT x FROM a WHERE g = 7 ORDER BY x LIMIT 3"),
              ElementsAre("Limit", "  ->  Index Scan using a_g on a", "        Index Cond: (g = 7)"));
  EXPECT_THAT(plan("SELECT id FROM a ORDER BY x || 'y' LIMIT 3"),
              ElementsAre("Limit", "  ->  Sort", "        Sort Key: (x || 'y'::text)", "        ->  Seq Scan on a"));
  EXPECT_THAT(plan("SELECT max(id) FROM a"), ElementsAre("Aggregate", "  ->  Limit", "        ->  Index Scan Backward using a_pkey on a",
                                                         "              Filter: (id IS NOT NULL)"));
}

TEST_F(Explain, JoinsBeginWhereFewRowsAre) {
  EXPECT_THAT(plan("SELECT b.v FROM b JOIN a ON a.id = b.a_id WHERE a.id = 7"),
              ElementsAre("Nested Loop", "  ->  Index Scan using a_pkey on a", "        Index Cond: (a.id = 7)",
                          "  ->  Index Scan using b_a on b", "        Index Cond: (a.id = b.a_id)"));
  EXPECT_THAT(plan("SELECT count(*) FROM a JOIN b ON a.id = b.a_id"),
              ElementsAre("Aggregate", "  ->  Hash Join", "        Hash Cond: (a.id = b.a_id)", "        ->  Seq Scan on a",
                          "        ->  Hash", "              ->  Seq Scan on b"));
  EXPECT_THAT(plan("SELECT a.x FROM a LEFT JOIN b ON a.id = b.a_id WHERE b.v = 3").front(), ::testing::Not(::testing::HasSubstr("Left")));
}

TEST_F(Explain, SubqueriesBecomeJoins) {
  EXPECT_THAT(plan("SELECT x FROM a WHERE EXISTS (SELECT 1 FROM c WHERE c.k = a.id)").front(), ::testing::HasSubstr("Semi Join"));
  EXPECT_THAT(plan("SELECT x FROM a WHERE id IN (SELECT a_id FROM b WHERE v > 5)").front(), ::testing::HasSubstr("Semi Join"));
  EXPECT_THAT(plan("SELECT x FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id)").front(), ::testing::HasSubstr("Anti Join"));
  EXPECT_THAT(plan("SELECT x FROM a WHERE id NOT IN (SELECT a_id FROM b)").front(), ::testing::HasSubstr("Seq Scan on a"));
}

TEST_F(Explain, ConditionsGoDownThroughViewsAndSubqueries) {
  EXPECT_THAT(plan("SELECT ux FROM view_a WHERE id = 9"),
              ElementsAre("Index Scan using a_pkey on a", "  Index Cond: (id = 9)", "  Filter: (g > 3)"));
  EXPECT_THAT(plan("SELECT s FROM (SELECT g, count(*) AS s FROM a GROUP BY g) q WHERE g = 4"),
              ElementsAre("HashAggregate", "  Group Key: g", "  ->  Index Scan using a_g on a", "        Index Cond: (g = 4)"));
  EXPECT_THAT(plan("WITH w AS (SELECT * FROM a) SELECT x FROM w WHERE id = 2"),
              ElementsAre("Index Scan using a_pkey on a", "  Index Cond: (id = 2)"));
  EXPECT_THAT(plan("SELECT 1 FROM (SELECT id FROM a UNION ALL SELECT id FROM b) u WHERE id = 5"),
              ElementsAre("Append", "  ->  Index Scan using a_pkey on a", "        Index Cond: (a.id = 5)",
                          "  ->  Index Scan using b_pkey on b", "        Index Cond: (b.id = 5)"));
}

TEST_F(Explain, WhatWritesIsOnTop) {
  EXPECT_THAT(plan("UPDATE a SET x = 'y' WHERE id = 3"),
              ElementsAre("Update on a", "  ->  Index Scan using a_pkey on a", "        Index Cond: (id = 3)"));
  EXPECT_THAT(plan("INSERT INTO c VALUES (1, 'x')").front(), "Insert on c");
}

}  // namespace
}  // namespace isobar::sql
