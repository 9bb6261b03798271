// SQL over keys in memory: what one session and several do to the same tables, statement by statement.

#include "db/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/memory_database.h"

namespace isobar::db {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Rows as psql -At prints them.
class ListSink : public ResultSink {
 public:
  SqlStatus row(std::span<const std::optional<std::string>> fields) override {
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) line += (i == 0 ? "" : "|") + fields[i].value_or("");
    rows.push_back(std::move(line));
    return {};
  }
  SqlStatus begin_copy(Format, std::size_t) override { return {}; }
  SqlStatus copy_data(std::string_view bytes) override {
    copied += bytes;
    return {};
  }
  void notice(Notice notice) override { notices.push_back(notice.what.message()); }
  void parameter_changed(std::string_view name, std::string_view value) override {
    parameters.push_back(std::string(name) + "=" + std::string(value));
  }
  bool rewind() override {
    rows.clear();
    return true;
  }
  std::vector<std::string> rows, notices, parameters;
  std::string copied;
};

/// One client of a gateway.
class Client {
 public:
  explicit Client(Gateway& gateway, const std::string& user = "isobar") {
    auto opened = gateway.open(Startup{user, "isobar", {}, false, "test"});
    if (opened.ok()) session = std::move(*opened);
  }
  /// Rows and the tag, or "SQLSTATE message".
  std::vector<std::string> run(const std::string& text) {
    ListSink sink;
    auto done = run_into(text, sink);
    // As a connection does: what the columns are was another thing when the statement was looked at.
    if (!done.ok() && changes_its_columns(done.error())) {
      session->failed();
      sink.rows.clear();
      done = run_into(text, sink);
    }
    if (!done.ok()) {
      session->failed();
      return {std::string(done.error().sqlstate()) + " " + done.error().message()};
    }
    if (const auto synced = session->sync(sink); !synced.ok()) return {std::string(synced.error().sqlstate())};
    sink.rows.push_back(*done);
    return sink.rows;
  }
  /// The last tag.
  SqlResult<std::string> run_into(const std::string& text, ListSink& sink) {
    TRY_ASSIGN(const auto script, session->script(text));
    std::string tag;
    for (;;) {
      TRY_ASSIGN(const auto statement, script->next());
      if (!statement) return tag;
      TRY_ASSIGN(const auto portal, session->bind(*statement, {}, {}));
      TRY_ASSIGN(const auto executed, session->execute(*portal, 0, sink, script->is_last()));
      if (std::holds_alternative<WantsCopyData>(executed)) return std::string("wants data");
      tag = std::get<Completed>(executed).tag;
    }
  }
  std::unique_ptr<SqlSession> session;
};

class GatewayTest : public testing::Test {
 protected:
  GatewayTest() : gateway(Gateway::open(database, {.trust = true}).value()), client(*gateway) {}
  MemoryDatabase database;
  std::unique_ptr<Gateway> gateway;
  Client client;
};

TEST_F(GatewayTest, RowsComeBackAsTheyWentIn) {
  EXPECT_THAT(client.run("create table t (id int primary key, name text, at timestamptz, n numeric(8,2), b bytea)"),
              ElementsAre("CREATE TABLE"));
  EXPECT_THAT(client.run("insert into t values (2,'two','2024-02-03 04:05:06+00',1.5,'\\x00ff'),(1,null,null,null,null)"),
              ElementsAre("INSERT 0 2"));
  EXPECT_THAT(client.run("select * from t"), ElementsAre("1||||", "2|two|2024-02-03 04:05:06+00|1.50|\\x00ff", "SELECT 2"));
  EXPECT_THAT(client.run("update t set id = id + 1 returning id"), ElementsAre("2", "3", "UPDATE 2"))
      << "a statement may pass through duplicates";
  EXPECT_THAT(client.run("delete from t where id = 3"), ElementsAre("DELETE 1"));
  EXPECT_THAT(client.run("select count(*) from t"), ElementsAre("1", "SELECT 1"));
}

TEST_F(GatewayTest, ConstraintsHold) {
  client.run("create table p (id int primary key, u text unique, c int check (c > 0), n int not null default 7)");
  client.run("create table k (id int primary key, p int references p on delete cascade on update cascade, q text references p(u))");
  EXPECT_THAT(client.run("insert into p values (1,'a',1)"), ElementsAre("INSERT 0 1"));
  EXPECT_THAT(client.run("insert into p values (1,'b',1)"),
              ElementsAre(HasSubstr("23505 duplicate key value violates unique constraint \"p_pkey\"")));
  EXPECT_THAT(client.run("insert into p values (2,'a',1)"), ElementsAre(HasSubstr("\"p_u_key\"")));
  EXPECT_THAT(client.run("insert into p values (2,null,1),(3,null,1)"), ElementsAre("INSERT 0 2")) << "nulls are not equal";
  EXPECT_THAT(client.run("insert into p values (4,'d',0)"), ElementsAre(HasSubstr("23514")));
  EXPECT_THAT(client.run("insert into p values (4,'d',1,null)"), ElementsAre(HasSubstr("23502")));
  EXPECT_THAT(client.run("insert into k values (1,9,null)"), ElementsAre(HasSubstr("23503 insert or update on table \"k\"")));
  EXPECT_THAT(client.run("insert into k values (1,1,null),(2,1,null),(3,2,'a')"), ElementsAre("INSERT 0 3"));
  EXPECT_THAT(client.run("delete from p where id = 1"), ElementsAre(HasSubstr("23503 update or delete on table \"p\"")))
      << "by its other key";
  EXPECT_THAT(client.run("update k set q = null"), ElementsAre("UPDATE 3"));
  EXPECT_THAT(client.run("update p set id = 10 where id = 1"), ElementsAre("UPDATE 1"));
  EXPECT_THAT(client.run("select id, p from k order by id"), ElementsAre("1|10", "2|10", "3|2", "SELECT 3"));
  EXPECT_THAT(client.run("delete from p where id = 10"), ElementsAre("DELETE 1"));
  EXPECT_THAT(client.run("select id from k"), ElementsAre("3", "SELECT 1"));
}

TEST_F(GatewayTest, DeferredForeignKeysAreOfTheRowsThatAreThereInTheEnd) {
  client.run("create table p (id int primary key, n int); insert into p values (9, 0)");
  client.run("create table k (id int primary key, p int references p deferrable initially deferred)");
  EXPECT_THAT(client.run("begin; insert into k values (1, 5); insert into p values (5, 0); commit"), ElementsAre("COMMIT"));
  EXPECT_THAT(client.run("begin; insert into k values (2, 6); commit"), ElementsAre(HasSubstr("23503")));
  EXPECT_THAT(client.run("begin; savepoint s; insert into k values (2, 6); rollback to s; commit"), ElementsAre("COMMIT"));
  EXPECT_THAT(client.run("begin; insert into k values (2, 6); delete from k where id = 2; commit"), ElementsAre("COMMIT"));
  // Also where the transaction is run again because of a conflict.
  Client other(*gateway);
  client.run("begin; update p set n = n + 1 where id = 9; insert into k values (2, 6)");
  other.run("update p set n = n + 10 where id = 9");
  EXPECT_THAT(client.run("commit"), ElementsAre(HasSubstr("23503")));
  EXPECT_THAT(client.run("select id from k"), ElementsAre("1", "SELECT 1"));
}

TEST_F(GatewayTest, ATransactionIsAllOrNothingAndSavepointsTakeBack) {
  client.run("create table t (id int primary key)");
  client.run("begin; insert into t values (1)");
  EXPECT_THAT(client.run("select * from t"), ElementsAre("1", "SELECT 1")) << "one's own writes";
  Client other(*gateway);
  EXPECT_THAT(other.run("select * from t"), ElementsAre("SELECT 0"));
  EXPECT_THAT(client.run("savepoint s; insert into t values (2); rollback to s; insert into t values (3)"), ElementsAre("INSERT 0 1"));
  EXPECT_THAT(client.run("insert into t values (3)"), ElementsAre(HasSubstr("23505")));
  EXPECT_THAT(client.run("select 1"), ElementsAre(HasSubstr("25P02")));
  EXPECT_EQ(client.session->status(), TransactionStatus::kFailed);
  EXPECT_THAT(client.run("rollback to s"), ElementsAre("ROLLBACK"));
  EXPECT_THAT(client.run("commit"), ElementsAre("COMMIT"));
  EXPECT_THAT(other.run("select * from t"), ElementsAre("1", "SELECT 1"));
  EXPECT_THAT(client.run("insert into t values (5); insert into t values (1)"), ElementsAre(HasSubstr("23505")));
  EXPECT_THAT(client.run("select count(*) from t"), ElementsAre("1", "SELECT 1")) << "one text is one transaction";
}

TEST_F(GatewayTest, ConflictsAreTriedAgainUnseenWhereNobodyCanTell) {
  client.run("create table t (id int primary key, n int); insert into t values (1, 0), (2, 0)");
  Client other(*gateway);
  client.run("begin; update t set n = n + 1 where id = 1");
  EXPECT_THAT(other.run("update t set n = n + 10 where id = 1"), ElementsAre("UPDATE 1"));
  EXPECT_THAT(client.run("commit"), ElementsAre("COMMIT")) << "it had shown nothing of n";
  EXPECT_THAT(client.run("select n from t where id = 1"), ElementsAre("11", "SELECT 1"));
  client.run("begin; select n from t where id = 1");
  other.run("update t set n = n + 10 where id = 1");
  client.run("update t set n = 0 where id = 2");
  EXPECT_THAT(client.run("commit"), ElementsAre(HasSubstr("40001"))) << "its client has seen what is no longer so";
  EXPECT_EQ(client.session->status(), TransactionStatus::kIdle);
}

TEST_F(GatewayTest, WriteSkewOnAPredicateIsRefused) {
  client.run("create table d (id int primary key, on_call bool); insert into d values (1,true),(2,true)");
  Client other(*gateway);
  client.run("begin; select count(*) from d where on_call");
  other.run("begin; select count(*) from d where on_call");
  EXPECT_THAT(client.run("update d set on_call = false where id = 1"), ElementsAre("UPDATE 1"));
  EXPECT_THAT(other.run("update d set on_call = false where id = 2"), ElementsAre("UPDATE 1"));
  EXPECT_THAT(client.run("commit"), ElementsAre("COMMIT"));
  EXPECT_THAT(other.run("commit"), ElementsAre(HasSubstr("40001")));
  EXPECT_THAT(client.run("select count(*) from d where on_call"), ElementsAre("1", "SELECT 1"));
}

TEST_F(GatewayTest, TheSchemaChangesWithTransactionsAndOtherGatewaysFollow) {
  auto second = Gateway::open(database, {.trust = true}).value();
  Client other(*second);
  EXPECT_THAT(other.run("select * from t"), ElementsAre(HasSubstr("42P01")));
  client.run("create table t (id int primary key, a int); insert into t values (1, 2)");
  EXPECT_THAT(other.run("select * from t"), ElementsAre("1|2", "SELECT 1")) << "made through another gateway";
  client.run("begin; alter table t add column b text default 'x'; insert into t values (2, 3); rollback");
  EXPECT_THAT(client.run("select * from t"), ElementsAre("1|2", "SELECT 1"));
  client.run("alter table t add column b text default 'x'; alter table t drop column a; alter table t rename to s");
  EXPECT_THAT(other.run("select * from s"), ElementsAre("1|x", "SELECT 1"));
  client.run("alter table s add column c int");
  EXPECT_THAT(other.run("select * from s"), ElementsAre("1|x|", "SELECT 1")) << "the same text, other columns";
  client.run("alter table s drop column c");
  EXPECT_THAT(client.run("alter table s add primary key (id)"), ElementsAre(HasSubstr("42P16")));
  client.run("create table h (id int, v text); insert into h values (3,'c'),(1,'a'),(1,'b')");
  EXPECT_THAT(client.run("alter table h add primary key (id)"), ElementsAre(HasSubstr("23505")));
  client.run("delete from h where v = 'b'");
  EXPECT_THAT(client.run("alter table h add primary key (id)"), ElementsAre("ALTER TABLE"));
  EXPECT_THAT(client.run("select * from h"), ElementsAre("1|a", "3|c", "SELECT 2")) << "in the order of its key";
  client.run("truncate h");
  EXPECT_THAT(client.run("select * from h"), ElementsAre("SELECT 0"));
  EXPECT_THAT(client.run("drop table h, s"), ElementsAre("DROP TABLE"));
  EXPECT_THAT(other.run("select * from s"), ElementsAre(HasSubstr("42P01")));
}

TEST_F(GatewayTest, IndexesFollowTheirRows) {
  client.run("create table t (id int primary key, a int, b text); insert into t select g, g % 3, 'v' || g from generate_series(1, 9) g");
  client.run("create index t_a on t (a desc, id)");
  EXPECT_THAT(client.run("explain (costs off) select id from t where a = 1"), testing::Contains(HasSubstr("t_a")));
  EXPECT_THAT(client.run("select id from t where a = 1"), ElementsAre("1", "4", "7", "SELECT 3"));
  client.run("update t set a = 1 where id = 2; delete from t where id = 4");
  EXPECT_THAT(client.run("select id from t where a = 1"), ElementsAre("1", "2", "7", "SELECT 3"));
  EXPECT_THAT(client.run("select a, id from t order by a desc, id limit 2"), ElementsAre("2|5", "2|8", "SELECT 2"));
  EXPECT_THAT(client.run("create unique index on t (a)"), ElementsAre(HasSubstr("23505")));
  EXPECT_THAT(client.run("drop index t_a; select id from t where a = 1"), ElementsAre("1", "2", "7", "SELECT 3"));
}

TEST_F(GatewayTest, SequencesGiveEachNumberOnce) {
  client.run("create table t (id serial primary key, v text)");
  EXPECT_THAT(client.run("insert into t (v) values ('a'), ('b') returning id"), ElementsAre("1", "2", "INSERT 0 2"));
  Client other(*gateway);
  EXPECT_THAT(other.run("insert into t (v) values ('c') returning id"), ElementsAre("3", "INSERT 0 1"));
  auto second = Gateway::open(database, {.trust = true}).value();
  Client elsewhere(*second);
  EXPECT_THAT(elsewhere.run("insert into t (v) values ('d') returning id > 3"), ElementsAre("t", "INSERT 0 1"));
  EXPECT_THAT(client.run("select setval('t_id_seq', 100)"), ElementsAre("100", "SELECT 1"));
  EXPECT_THAT(client.run("select nextval('t_id_seq'), currval('t_id_seq'), lastval()"), ElementsAre("101|101|101", "SELECT 1"));
  EXPECT_THAT(client.run("create sequence s maxvalue 2; select nextval('s'), nextval('s')"), ElementsAre("1|2", "SELECT 1"));
  EXPECT_THAT(client.run("select nextval('s')"), ElementsAre(HasSubstr("2200H")));
}

TEST_F(GatewayTest, CopyGoesBothWays) {
  client.run("create table t (id int primary key, v text)");
  ListSink sink;
  ASSERT_EQ(*client.run_into("copy t from stdin", sink), "wants data");
  ASSERT_TRUE(client.session->copy_data("1\ta\\nb\n2\t\\", sink).ok());
  ASSERT_TRUE(client.session->copy_data("N\n", sink).ok()) << "a row may come in pieces";
  EXPECT_EQ(client.session->copy_done(sink, true)->tag, "COPY 2");
  ASSERT_TRUE(client.run_into("copy t to stdout (format csv, header)", sink).ok());
  EXPECT_EQ(sink.copied, "id,v\n1,\"a\nb\"\n2,\n");
  ASSERT_TRUE(client.session->sync(sink).ok());
  ASSERT_EQ(*client.run_into("copy t from stdin with csv", sink), "wants data");
  const auto wrong = client.session->copy_data("3,x\n4\n", sink);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().sqlstate(), "22P04");
  EXPECT_THAT(wrong.error().detail(), HasSubstr("line 2"));
  client.session->failed();
  EXPECT_THAT(client.run("select count(*) from t"), ElementsAre("2", "SELECT 1"));
}

TEST_F(GatewayTest, RolesMayDoWhatTheyWereGranted) {
  client.run("create table t (id int primary key); create role reader login; create role writers; create role w login in role writers");
  client.run("grant select on t to reader; grant all on t to writers");
  Client reader(*gateway, "reader"), writer(*gateway, "w");
  EXPECT_THAT(writer.run("insert into t values (1)"), ElementsAre("INSERT 0 1"));
  EXPECT_THAT(reader.run("select * from t"), ElementsAre("1", "SELECT 1"));
  EXPECT_THAT(reader.run("insert into t values (2)"), ElementsAre("42501 permission denied for table t"));
  EXPECT_THAT(reader.run("drop table t"), ElementsAre("42501 must be owner of table t"));
  EXPECT_THAT(reader.run("create role x superuser"), ElementsAre("42501 permission denied to create role"));
  EXPECT_THAT(reader.run("grant isobar to reader"), ElementsAre(HasSubstr("42501")));
  EXPECT_THAT(reader.run("alter role reader superuser"), ElementsAre(HasSubstr("42501")));
  EXPECT_THAT(reader.run("alter role reader password 'mine'"), ElementsAre("ALTER ROLE"));
  EXPECT_THAT(reader.run("create table own (a int)"), ElementsAre("42501 permission denied for schema public"));
  client.run("create role maker login createrole");
  Client maker(*gateway, "maker");
  EXPECT_THAT(maker.run("create role y superuser"), ElementsAre(HasSubstr("42501")));
  EXPECT_THAT(maker.run("create role y in role isobar"), ElementsAre(HasSubstr("42501")));
  EXPECT_THAT(maker.run("create role y; grant writers to y"), ElementsAre("GRANT ROLE"));
  client.run("revoke select on t from reader");
  EXPECT_THAT(reader.run("select * from t"), ElementsAre(HasSubstr("42501")));
}

TEST_F(GatewayTest, WhatIsNotSupportedSaysSo) {
  EXPECT_THAT(client.run("create function f() returns int language sql as 'select 1'"),
              ElementsAre("0A000 CREATE FUNCTION is not supported"));
  EXPECT_THAT(client.run("listen x"), ElementsAre("0A000 LISTEN is not supported"));
  EXPECT_THAT(client.run("prepare transaction 'x'"), ElementsAre(HasSubstr("0A000")));
  client.run("create table t (id int)");
  EXPECT_THAT(client.run("create index on t (lower('x'))"), ElementsAre("0A000 an index on an expression is not supported"));
  EXPECT_THAT(client.run("create temp table x (a int)"), ElementsAre(HasSubstr("0A000")));
}

TEST_F(GatewayTest, SettingsAreOfTheirSessionAndTransaction) {
  ListSink sink;
  ASSERT_TRUE(client.run_into("set timezone = 'America/New_York'", sink).ok());
  EXPECT_THAT(sink.parameters, ElementsAre("TimeZone=America/New_York"));
  EXPECT_THAT(client.run("select '2024-07-01 12:00:00+00'::timestamptz"), ElementsAre("2024-07-01 08:00:00-04", "SELECT 1"));
  client.run("begin; set local timezone = 'UTC'; commit");
  EXPECT_THAT(client.run("show timezone"), ElementsAre("America/New_York", "SHOW"));
  EXPECT_THAT(client.run("set nonsense = 1"), ElementsAre(HasSubstr("42704")));
  EXPECT_THAT(client.run("begin read only; create table x (a int)"), ElementsAre(HasSubstr("25006")));
}

}  // namespace
}  // namespace isobar::db
