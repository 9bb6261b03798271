// SQL as its users have it: psql and pgbench on a gateway over six replicas, of which one lies, or is killed and comes back.

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/child.h"
#include "base/text.h"
#include "db_cluster.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;

class DbSql : public DbProcesses {
 protected:
  void SetUp() override {
    if (std::system("command -v psql >/dev/null 2>&1") != 0) GTEST_SKIP() << "psql is not installed (Debian: postgresql-client)";
    DbProcesses::SetUp();
  }
  void start_gateway(const std::string& client = "client-1", const std::vector<std::string>& more = {"--trust"}) {
    std::vector<std::string> words{"db", "gateway", member(client), "--port", "0"};
    words.insert(words.end(), more.begin(), more.end());
    gateway_ = start(words);
    ASSERT_TRUE(eventually([&] { return gateway_->out_so_far().find("-p ") != std::string::npos; })) << gateway_->out_so_far();
    const std::string said = gateway_->out_so_far();
    gateway_port_ = std::to_string(std::atoi(said.c_str() + said.find("-p ") + 3));
  }
  Outcome client_program(std::vector<std::string> words) {
    words.insert(words.begin() + 1, {"-h", "127.0.0.1", "-p", gateway_port_, "-U", "isobar"});
    const auto done = run_child(words, "", 120s).value();
    return {done.exit_code, done.out, done.err};
  }
  /// Rows as lines, columns with bars between them.
  std::string psql(const std::vector<std::string>& statements) {
    std::vector<std::string> words{"psql", "-X", "-A", "-t", "-q", "isobar"};
    for (const auto& statement : statements) words.insert(words.end(), {"-c", statement});
    const auto done = client_program(words);
    return done.out + done.err;
  }
  std::unique_ptr<Running> gateway_;
  std::string gateway_port_;
};

TEST_F(DbSql, OneReplicaLiesAndNobodyIsToldAnythingFalse) {
  start_replicas(5);
  replicas_[5] = start({"db", "replica", member("replica-0.5"), "--lies"});
  ASSERT_TRUE(eventually([&] { return replicas_[5]->out_so_far().find("LIES") != std::string::npos; }));
  start_gateway();
  EXPECT_EQ(psql({"create table t (id int primary key, v text)", "insert into t select g, 'row ' || g from generate_series(1, 300) g",
                  "update t set v = v || '!' where id % 100 = 0"}),
            "");
  EXPECT_EQ(psql({"select count(*), min(id), max(id) from t", "select v from t where v like '%!' order by id"}),
            "300|1|300\nrow 100!\nrow 200!\nrow 300!\n");
  EXPECT_THAT(psql({"insert into t values (7, 'again')"}), HasSubstr("duplicate key value violates unique constraint \"t_pkey\""));
}

TEST_F(DbSql, AReplicaIsKilledAndComesBackAndPgbenchKeepsItsBooks) {
  start_replicas();
  start_gateway();
  const auto made = client_program({"pgbench", "-i", "-I", "dtpg", "-n", "-s", "1", "isobar"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  ASSERT_EQ(client_program({"pgbench", "-n", "-c", "4", "-t", "20", "isobar"}).exit_code, 0);
  kill_replica(2);
  const auto without = client_program({"pgbench", "-n", "-c", "4", "-t", "20", "isobar"});
  EXPECT_THAT(without.out, HasSubstr("number of transactions actually processed: 80/80"));
  start_replica(2);
  EXPECT_EQ(client_program({"pgbench", "-n", "-S", "-c", "4", "-t", "50", "isobar"}).exit_code, 0);
  const std::string sums =
      psql({"select (select sum(delta) from pgbench_history), (select sum(abalance) from pgbench_accounts), "
            "(select sum(tbalance) from pgbench_tellers), (select sum(bbalance) from pgbench_branches)"});
  const auto each = split(std::string_view(sums).substr(0, sums.find('\n')), '|');
  ASSERT_EQ(each.size(), 4U) << sums;
  for (const auto& sum : each) EXPECT_EQ(sum, each.front()) << sums;
}

TEST_F(DbSql, WithPasswordsNobodyComesInWithoutOne) {
  start_replicas();
  start_gateway();
  EXPECT_EQ(psql({"alter role isobar password 'secret'", "create role reader login password 'books'", "create table t (a int)"}), "");
  gateway_->signal(SIGTERM);
  EXPECT_EQ(gateway_->wait().exit_code, 0);
  start_gateway("client-2", {});
  ::setenv("PGPASSWORD", "wrong", 1);
  EXPECT_THAT(psql({"select 1"}), HasSubstr("password authentication failed for user \"isobar\""));
  ::setenv("PGPASSWORD", "secret", 1);
  EXPECT_EQ(psql({"select 1", "select count(*) from t"}), "1\n0\n") << "through another gateway, as another client of the database";
  ::unsetenv("PGPASSWORD");
}

TEST_F(DbSql, PsqlFindsWhatThereIs) {
  start_replicas();
  start_gateway();
  EXPECT_EQ(psql({"create table t (id serial primary key, name text unique, at date default '2024-01-01' check (at > '2000-01-01'))",
                  "create view v as select name from t"}),
            "");
  EXPECT_THAT(psql({"\\dt", "\\dv", "\\ds"}),
              testing::AllOf(HasSubstr("public|t|table|isobar"), HasSubstr("public|v|view|isobar"), HasSubstr("t_id_seq")));
  const std::string described = client_program({"psql", "-X", "-A", "-c", "\\d t", "isobar"}).out;
  EXPECT_THAT(described, HasSubstr("id|integer||not null|nextval('public.t_id_seq'::regclass)"));
  EXPECT_THAT(described, HasSubstr("\"t_pkey\" PRIMARY KEY, btree (id)"));
  EXPECT_THAT(described, HasSubstr("\"t_name_key\" UNIQUE CONSTRAINT, btree (name)"));
}

TEST_F(DbSql, TheDemoIsOneCommand) {
  const auto shown = run(
      {"db", "demo", "--liar", "3", "-c", "create table t (a int)", "-c", "insert into t values (1), (2)", "-c", "select sum(a) from t"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("Replica 3 lies"));
  EXPECT_THAT(shown.out, HasSubstr("INSERT 0 2"));
  EXPECT_THAT(shown.out, HasSubstr("   3\n"));
}

}  // namespace
}  // namespace isobar::e2e
