#include <gmock/gmock.h>

#include "nesting.h"
#include "sql/ast.h"

namespace isobar::sql {
namespace {

template <class T>
const T& only(const SqlResult<std::vector<ast::Statement>>& parsed) {
  CHECK(parsed.ok(), parsed.ok() ? "" : parsed.error().message());
  CHECK(parsed->size() == 1, parsed->size());
  const auto* statement = std::get_if<T>(&parsed->front().node);
  CHECK(statement != nullptr, parsed->front().text);
  return *statement;
}
SqlError refused(std::string_view sql) {
  const auto parsed = parse(sql);
  return parsed.ok() ? SqlError("00000", "it was taken") : parsed.error();
}

TEST(Parse, SplitsATextIntoStatementsWithTheirOwnTexts) {
  const auto parsed = parse("  SELECT 'é' ; -- nothing\n ;  INSERT INTO t VALUES (1)  ");
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ(parsed->at(0).text, "SELECT 'é'");
  EXPECT_EQ(parsed->at(0).offset, 2);
  EXPECT_THAT(parsed->at(1).text, ::testing::EndsWith("INSERT INTO t VALUES (1)"));
  EXPECT_TRUE(parse("")->empty());
  EXPECT_TRUE(parse(" ; ;")->empty());
}

TEST(Parse, SaysWhereASyntaxErrorIsInCharacters) {
  const auto error = refused("SELECT 'é', 1 +; SELECT 1");
  EXPECT_EQ(error.sqlstate(), state::kSyntaxError);
  EXPECT_EQ(error.message(), "syntax error at or near \";\"");
  EXPECT_EQ(error.position(), 16);
}

TEST(Parse, PositionsCountCharactersFromOne) {
  const auto parsed = parse("SELECT 'é', a");
  const auto& query = only<ast::QueryPtr>(parsed);
  const auto& core = std::get<ast::SelectCore>(query->body);
  EXPECT_EQ(core.targets.at(1).value->position, 13);
}

TEST(Parse, ReadsAQueryInFull) {
  const auto parsed = parse(
      "WITH RECURSIVE c(n) AS MATERIALIZED (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) "
      "SELECT DISTINCT ON (a) a, count(*) FILTER (WHERE b > 1) OVER w AS n FROM s.t AS x JOIN LATERAL (SELECT 1) y ON true "
      "LEFT JOIN z USING (id) WHERE a IN (1, 2) AND b NOT BETWEEN 1 AND 2 GROUP BY ROLLUP (a, b) HAVING max(a) > $1 "
      "WINDOW w AS (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY a DESC NULLS LAST LIMIT 5 OFFSET 2 FOR "
      "UPDATE");
  const auto& query = *only<ast::QueryPtr>(parsed);
  ASSERT_EQ(query.with.ctes.size(), 1U);
  EXPECT_TRUE(query.with.recursive);
  EXPECT_EQ(query.with.ctes[0].materialized, true);
  const auto& core = std::get<ast::SelectCore>(query.body);
  EXPECT_EQ(core.distinct_on.size(), 1U);
  const auto& count = std::get<ast::Call>(core.targets.at(1).value->node);
  EXPECT_TRUE(count.star && count.filter != nullptr);
  EXPECT_EQ(count.over->name, "w");
  const auto& left = std::get<ast::Join>(core.from.at(0).item);
  EXPECT_EQ(left.kind, ast::JoinKind::kLeft);
  EXPECT_EQ(left.using_columns, std::vector<std::string>{"id"});
  EXPECT_EQ(core.groups.at(0).what, ast::GroupItem::What::kRollup);
  EXPECT_EQ(core.windows.at(0).frame.unit, ast::Frame::Unit::kRows);
  EXPECT_EQ(core.windows.at(0).frame.start, ast::Frame::Edge::kPreceding);
  EXPECT_TRUE(query.order.at(0).descending);
  EXPECT_EQ(query.order.at(0).nulls_first, false);
  EXPECT_TRUE(query.limit != nullptr && query.offset != nullptr);
  EXPECT_EQ(query.locking.size(), 1U);
}

TEST(Parse, ReadsInsertWithOnConflictAndReturning) {
  const auto parsed =
      parse("INSERT INTO t AS u (a, b) VALUES (1, DEFAULT), (2, 3) ON CONFLICT (a) DO UPDATE SET b = excluded.b WHERE u.b > 0 RETURNING *");
  const auto& insert = only<ast::Insert>(parsed);
  EXPECT_EQ(insert.table.alias.name, "u");
  EXPECT_EQ(insert.columns.at(1).name, "b");
  const auto& values = std::get<ast::Values>(insert.source->body);
  EXPECT_TRUE(std::holds_alternative<ast::Default>(values.rows.at(0).at(1)->node));
  ASSERT_TRUE(insert.on_conflict.has_value());
  EXPECT_TRUE(insert.on_conflict->update);
  EXPECT_EQ(insert.on_conflict->columns, std::vector<std::string>{"a"});
  EXPECT_EQ(insert.on_conflict->set.at(0).name, "b");
  EXPECT_TRUE(std::get<ast::ColumnRef>(insert.returning.at(0).value->node).star);
}

TEST(Parse, ReadsAssignmentsOfSeveralColumnsAsOne) {
  const auto parsed = parse("UPDATE t SET (a, b) = (SELECT 1, 2), c = 3");
  const auto& update = only<ast::Update>(parsed);
  ASSERT_EQ(update.set.size(), 2U);
  EXPECT_EQ(update.set[0].columns.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<ast::Subquery>(update.set[0].value->node));
  EXPECT_EQ(update.set[1].columns.at(0).name, "c");
}

TEST(Parse, DefinitionsKeepTheTextsOfTheirExpressions) {
  const auto parsed = parse(
      "CREATE TABLE IF NOT EXISTS s.t (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 5) PRIMARY KEY, a varchar(20) NOT NULL DEFAULT "
      "'x' || 'y', "
      "b numeric(10,2)[] CHECK (b IS NOT NULL), c int REFERENCES p (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, "
      "d int GENERATED ALWAYS AS (c * 2) STORED, CONSTRAINT u UNIQUE (a, c))");
  const auto& create = only<ast::CreateTable>(parsed);
  using What = ast::Constraint::What;
  EXPECT_TRUE(create.if_not_exists);
  ASSERT_EQ(create.columns.size(), 5U);
  EXPECT_EQ(create.columns[0].constraints.at(0).what, What::kIdentity);
  EXPECT_TRUE(create.columns[0].constraints[0].always);
  EXPECT_EQ(create.columns[0].constraints[0].sequence.at(0).number, 5);
  EXPECT_EQ(create.columns[1].constraints.at(1).definition.text, "'x' || 'y'");
  EXPECT_EQ(create.columns[2].type.dimensions, 1);
  EXPECT_EQ(create.columns[2].type.modifiers.size(), 2U);
  EXPECT_EQ(create.columns[2].constraints.at(0).definition.text, "b IS NOT NULL");
  const auto& foreign = create.columns[3].constraints.at(0);
  EXPECT_EQ(foreign.on_delete, 'c');
  EXPECT_TRUE(foreign.deferrable && foreign.initially_deferred);
  EXPECT_EQ(create.columns[4].constraints.at(0).what, What::kGenerated);
  EXPECT_EQ(create.constraints.at(0).columns, (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(only<ast::CreateView>(parse("CREATE VIEW v AS  SELECT a,b FROM t")).text, "SELECT a, b FROM t");
}

TEST(Parse, ReadsWhatAltersAndDrops) {
  const auto alter =
      parse("ALTER TABLE t ADD COLUMN a int NOT NULL, DROP b CASCADE, ALTER c TYPE text USING c::text, ALTER d SET DEFAULT 1, OWNER TO me");
  const auto& commands = only<ast::AlterTable>(alter).commands;
  ASSERT_EQ(commands.size(), 5U);
  EXPECT_EQ(std::get<ast::AlterTable::DropColumn>(commands[1].what).behavior, ast::Behavior::kCascade);
  EXPECT_EQ(std::get<ast::AlterTable::AlterType>(commands[2].what).by.text, "c::text");
  EXPECT_EQ(only<ast::Rename>(parse("ALTER TABLE s.t RENAME COLUMN a TO b")).part, "a");
  EXPECT_EQ(only<ast::Drop>(parse("DROP INDEX IF EXISTS s.i, j")).objects.size(), 2U);
  EXPECT_EQ(only<ast::Comment>(parse("COMMENT ON COLUMN s.t.c IS 'x'")).part, "c");
  EXPECT_EQ(only<ast::Grant>(parse("GRANT SELECT (a), INSERT ON t TO joe, PUBLIC")).grantees, (std::vector<std::string>{"joe", "public"}));
}

TEST(Parse, ReadsStatementsOfSessions) {
  EXPECT_EQ(only<ast::Transaction>(parse("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY")).modes.isolation, ast::Isolation::kSerializable);
  EXPECT_EQ(only<ast::SetVariable>(parse("SET LOCAL search_path TO a, 'b'")).values, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(only<ast::SetVariable>(parse("SET TIME ZONE 'Europe/Rome'")).name, "timezone");
  EXPECT_EQ(only<ast::Fetch>(parse("FETCH ALL FROM c")).count, INT64_MAX);
  EXPECT_EQ(only<ast::Prepare>(parse("PREPARE p (int) AS SELECT $1")).types.size(), 1U);
  const auto copy = parse("COPY t (a, b) FROM STDIN WITH (FORMAT csv, HEADER true, FORCE_NULL (a))");
  EXPECT_EQ(only<ast::Copy>(copy).options.at(2).list, std::vector<std::string>{"a"});
  EXPECT_EQ(only<ast::Explain>(parse("EXPLAIN (ANALYZE, COSTS off) SELECT 1")).options.size(), 2U);
  EXPECT_TRUE(only<ast::Transaction>(parse("START TRANSACTION")).start);
}

TEST(Parse, NamesWhatItDoesNotKnow) {
  EXPECT_EQ(only<ast::Unsupported>(parse("CREATE FUNCTION f() RETURNS int AS 'select 1' LANGUAGE sql")).what, "CREATE FUNCTION");
  EXPECT_EQ(only<ast::Unsupported>(parse("DO $$ begin end $$")).what, "DO");
  EXPECT_EQ(only<ast::Unsupported>(parse("CREATE TRIGGER t AFTER INSERT ON t EXECUTE FUNCTION f()")).what, "CREATE TRIGGER");
  EXPECT_EQ(refused("SELECT * FROM t TABLESAMPLE SYSTEM (1)").message(), "TABLESAMPLE is not supported");
  EXPECT_EQ(refused("CREATE TEMP TABLE t (a int)").sqlstate(), state::kFeatureNotSupported);
  EXPECT_EQ(refused("SELECT 1 INTO t").message(), "SELECT INTO is not supported");
}

TEST(Parse, ATextWithADefinitionReadsTheRestAlike) {
  const std::string query = "WITH w AS (SELECT a, 'é' FROM t) SELECT * FROM w WHERE a IN (1, 2) ORDER BY a";
  const auto alone = parse(query), beside = parse("CREATE VIEW v AS SELECT 1; " + query);
  ASSERT_TRUE(alone.ok() && beside.ok());
  const auto& a = *std::get<ast::QueryPtr>(alone->at(0).node);
  const auto& b = *std::get<ast::QueryPtr>(beside->at(1).node);
  EXPECT_EQ(a.with.ctes.size(), b.with.ctes.size());
  const auto where = [](const ast::Query& q) { return std::get<ast::SelectCore>(q.body).where->position; };
  EXPECT_EQ(where(a) + 27, where(b));
}

std::string repeated(std::string_view what, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += what;
  return text;
}

TEST(Parse, RefusesWhatNestsTooDeeplyAndTakesWhatIsOnlyLong) {
  for (const auto& deep : {"SELECT 1" + repeated("+1", 100000), "SELECT " + repeated("(", 100000) + "1" + repeated(")", 100000),
                           "SELECT " + repeated("NOT ", 50000) + "true", "SELECT 1" + repeated(" UNION SELECT 1, 2", 50000),
                           "SELECT " + repeated("CASE WHEN true THEN ", 20000) + "1", "SELECT " + repeated("f(1, ", 20000)})
    EXPECT_EQ(refused(deep).sqlstate(), state::kStatementTooComplex);
  EXPECT_TRUE(parse("SELECT 1" + repeated("+1", 900)).ok());
  EXPECT_TRUE(parse("SELECT " + repeated("(", 900) + "1" + repeated(")", 900)).ok());
  EXPECT_TRUE(parse("INSERT INTO t VALUES (1, -1)" + repeated(", (1 + 1, 'x(')", 20000)).ok());
  EXPECT_TRUE(parse("SELECT a FROM t WHERE a = 1" + repeated(" OR a = 2 AND b = 3", 5000)).ok());
}

}  // namespace
}  // namespace isobar::sql
