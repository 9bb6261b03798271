// Against a real PostgreSQL.

#include <sys/stat.h>

#include "base/child.h"
#include "ingest_testing.h"
#include "postgres_changes.h"

namespace isobar::features {

namespace {

constexpr const char* kPrograms = "/usr/lib/postgresql/15/bin/";

class PostgresSourceTest : public SourceRunnerTest {
 protected:
  void SetUp() override {
    if (!fs::exists(fs::path(kPrograms) / "postgres")) GTEST_SKIP() << "there is no PostgreSQL here: apt-get install postgresql-15";
    if (::geteuid() != 0) GTEST_SKIP() << "PostgreSQL is started as its own user, which takes root";
    port_ = free_port();
    fs::permissions(folder_ / "", fs::perms::others_exec | fs::perms::owner_all);
    fs::create_directory(data());
    ok({"chown", "postgres", data()});
    ok(as_postgres({std::string(kPrograms) + "initdb", "-D", data(), "-A", "trust", "--no-sync"}));
    start();
    sql("CREATE TABLE payments (id int PRIMARY KEY, user_id bigint, amount bigint, at timestamptz, note text)");
  }
  void TearDown() override {
    runner_.reset();
    server_.reset();
  }
  std::string data() const { return (folder_ / "pg").string(); }
  static std::vector<std::string> as_postgres(std::vector<std::string> words) {
    words.insert(words.begin(), {"/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"});
    return words;
  }
  void ok(const std::vector<std::string>& words) {
    const auto ran = run_child(words, "", 60s);
    ASSERT_TRUE(ran.ok()) << ran.error().message();
    ASSERT_EQ(ran->exit_code, 0) << words[0] << ran->err;
  }
  void start() {
    server_.emplace(as_postgres({std::string(kPrograms) + "postgres", "-D", data(), "-p", fmt::format("{}", port_), "-k", data(), "-c",
                                 "wal_level=logical", "-c", "listen_addresses=127.0.0.1", "-c", "max_wal_senders=4"}));
    ASSERT_TRUE(comes_true([&] {
      const auto ready = run_child({"psql", url(), "-c", "SELECT 1"}, "", 10s);
      return ready.ok() && ready->exit_code == 0;
    }));
  }
  std::string url() const { return fmt::format("postgresql://postgres@127.0.0.1:{}/postgres", port_); }
  void sql(const std::string& text) { ok({"psql", "-q", "-v", "ON_ERROR_STOP=1", url(), "-c", text}); }
  void apply_table() {
    apply_source(fmt::format(
        "kind: postgres, url: \"{}\", table: payments, key: id, schema: {{id: int64, user_id: int64, amount: int64, at: timestamp}}",
        url()));
  }

  int port_ = 0;
  std::optional<BackgroundProgram> server_;
};

TEST_F(PostgresSourceTest, ATableAsItIsAndEveryChangeOfItIsTakenOnce) {
  sql("INSERT INTO payments SELECT i, 1, i, '2026-01-01' FROM generate_series(1, 5000) i");
  apply_table();
  EXPECT_TRUE(comes_true([&] { return total(1) == "12502500 of 5000"; })) << total(1) << progress().problem;
  sql("UPDATE payments SET amount = 0 WHERE id > 3");
  EXPECT_TRUE(comes_true([&] { return total(1) == "6 of 5000"; })) << total(1) << progress().problem;
  sql("DELETE FROM payments WHERE id > 4");
  EXPECT_TRUE(comes_true([&] { return total(1) == "6 of 4"; })) << total(1);
  sql("UPDATE payments SET id = 100, user_id = 2 WHERE id = 3");
  EXPECT_TRUE(comes_true([&] { return total(1) == "3 of 3" && total(2) == "3 of 1"; })) << total(1) << total(2);
  open();
  sql("INSERT INTO payments VALUES (7, 1, 10, '2026-01-01 00:00:00+01', 'x')");
  EXPECT_TRUE(comes_true([&] { return total(1) == "13 of 4"; })) << total(1) << progress().problem;
  server_.reset();
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  std::this_thread::sleep_for(1s);  // the server's children notice that it is gone
  fs::remove(fs::path(data()) / "postmaster.pid");
  start();
  sql("INSERT INTO payments VALUES (8, 1, 20, '2026-01-01', NULL)");
  EXPECT_TRUE(comes_true([&] { return total(1) == "33 of 5"; })) << total(1) << progress().problem;
}

TEST_F(PostgresSourceTest, WhatIsMissingIsSaid) {
  apply_source(fmt::format(
      "kind: postgres, url: \"{}\", table: elsewhere, key: id, schema: {{id: int64, user_id: int64, amount: int64, at: timestamp}}",
      url()));
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  EXPECT_THAT(progress().problem, ::testing::HasSubstr("relation \"elsewhere\" does not exist"));
}

TEST(PostgresChangesTest, TextsOfValuesAreRead) {
  EXPECT_EQ(value_of_postgres("2026-01-01 00:00:00.5+00", {"at", {Kind::kTimestamp}})->as<Instant>().unix_nanos(),
            1'767'225'600'500'000'000);
  EXPECT_EQ(value_of_postgres("2026-01-01 01:00:00+05:30", {"at", {Kind::kTimestamp}})->as<Instant>().unix_nanos(),
            1'767'209'400'000'000'000);
  EXPECT_EQ(*value_of_postgres("t", {"b", {Kind::kBool}}), Value(true));
  EXPECT_EQ(*value_of_postgres("\\x00ff", {"b", {Kind::kBytes}}), Value(Bytes{std::string("\0\xff", 2)}));
  EXPECT_EQ(*value_of_postgres("-Infinity", {"f", {Kind::kFloat64}}), Value(-std::numeric_limits<double>::infinity()));
  EXPECT_EQ(*value_of_postgres("", {"s", {Kind::kString}}), Value(""));
  EXPECT_FALSE(value_of_postgres("{1,2}", {"l", {Kind::kInt64, true}}).ok());
}

TEST(PostgresChangesTest, AMessageThatIsCutOffIsAnError) {
  const Source source{.name = "s",
                      .place = {},
                      .columns = {{"id", {Kind::kInt64}}},
                      .timestamp = "id",
                      .created = {},
                      .key = {"id"},
                      .labels = {},
                      .mark = {}};
  const std::string relation("R\0\0\0\1public\0t\0d\0\1\1id\0\0\0\0\x14\xff\xff\xff\xff", 29);
  const std::string insert(
      "I\0\0\0\1N\0\1t\0\0\0\1"
      "5",
      14);
  for (std::size_t bytes = 1; bytes < insert.size(); ++bytes) {
    PostgresChanges changes(source);
    SourceBatch batch;
    ASSERT_TRUE(changes.take(relation, batch).ok());
    static_cast<void>(changes.take(std::string_view(insert).substr(0, bytes), batch).ok());
    EXPECT_TRUE(batch.rows.empty()) << bytes;
  }
  PostgresChanges changes(source);
  SourceBatch batch;
  ASSERT_TRUE(changes.take(relation, batch).ok());
  ASSERT_TRUE(changes.take(insert, batch).ok());
  ASSERT_EQ(batch.rows.size(), 1U) << batch.problem;
  EXPECT_EQ(batch.rows[0].row[0], Value(std::int64_t{5}));
}

}  // namespace

}  // namespace isobar::features
